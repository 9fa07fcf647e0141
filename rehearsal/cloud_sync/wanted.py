"""What AD should hold of a group: whether it is in scope, its name and place, its values, whom it holds.

Sources: Microsoft Entra documentation, "Scoping filters and attribute mapping - Microsoft Entra ID to Active
Directory" (fixed filter, operators), "How provisioning to Active Directory works" (members), "Microsoft Entra
provisioning options" (selected groups are assigned).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rehearsal.cloud import documents
from rehearsal.cloud.expressions import evaluated
from rehearsal.cloud.resources import Record
from rehearsal.cloud_sync.tenant import Tenant
from runbook_lib.cloud_sync.expression import ExpressionError, read_expression
from runbook_lib.cloud_sync.functions import NotPredictable, Value, shown

ANCHOR, DESCRIPTION_ANCHOR = "msDS-ExternalDirectoryObjectId", "adminDescription"
_NO_ATTRIBUTES = frozenset(
    {"cn", "parentdistinguishedname", "member", "issecuritygroup", "universalscope", "objectguid"}
)
"""Targets of a mapping that are no value of the AD object's own."""


_read = lru_cache(256)(read_expression)


class MappingError(Exception):
    """A mapping gives no value that AD could hold; the text says which."""


@dataclass(frozen=True)
class Wanted:
    """One group as AD should hold it.

    Attributes:
        group_id: The cloud group.
        name: Its display name, for people.
        cn: Common name.
        container: DN of the OU or container.
        values: AD attribute to value; None takes it away.
        once: Attributes that are sent only when the object is made.
        references: Cloud ids of the members that are written, where AD has them.
    """

    group_id: str
    name: str
    cn: str
    container: str
    values: Mapping[str, str | None]
    once: frozenset[str]
    references: tuple[str, ...]


def anchor_of(identifier: str, kind: str = "Group") -> str:
    """Value of the anchor: ``Group_<id>``, and ``User_<id>`` for accounts that Cloud Sync made."""
    return f"{kind}_{identifier}"


# Scope


def in_scope(tenant: Tenant, group: Record) -> bool:
    """Whether a job writes a group."""
    if not tenant.mapping or not passes_fixed_filter(tenant, group):
        return False
    values = _values_of(group)
    taken = [all(_holds(clause, values) for clause in clauses) for clauses in _alternatives(tenant.mapping)]
    if taken and not any(taken):
        return False
    told = next((str(one.get("value")) for one in tenant.secrets if one.get("key") == "SyncAll"), "").casefold()
    if told == "true":
        return True
    if told == "false" or tenant.assigned:
        return group["id"] in tenant.assigned
    # Nothing is assigned: a configuration with a filter of its own takes what that takes. One without takes nothing
    # here, for Graph does not show whether all groups were chosen or none yet.
    return any(_beyond_the_fixed(clauses) for clauses in _alternatives(tenant.mapping))


def passes_fixed_filter(tenant: Tenant, group: Record) -> bool:
    """Security groups that are neither mail-enabled nor AD's own; one given back to AD is AD's again."""
    synchronized = bool(group.get("onPremisesSyncEnabled")) or group["id"] in tenant.rolled_back
    return bool(group.get("securityEnabled")) and not group.get("mailEnabled") and not synchronized


def _alternatives(mapping: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    scope = mapping.get("scope")
    groups = scope.get("groups") if isinstance(scope, Mapping) else None
    found = [one.get("clauses") for one in groups if isinstance(one, Mapping)] if isinstance(groups, list) else []
    return [[clause for clause in clauses if isinstance(clause, Mapping)] for clauses in found if clauses]


def _beyond_the_fixed(clauses: list[Mapping[str, Any]]) -> bool:
    fixed = {name.casefold() for name, _ in documents.FIXED_FILTER}
    return any(str(clause.get("sourceOperandName")).casefold() not in fixed for clause in clauses)


def _holds(clause: Mapping[str, Any], values: Mapping[str, Value]) -> bool:
    """One clause. What the page does not say of empty values is false; REGEX is .NET's there and Python's here."""
    value = values.get(str(clause.get("sourceOperandName")).casefold())
    operand = clause.get("targetOperand")
    given = operand.get("values") if isinstance(operand, Mapping) else None
    wanted = str(given[0]) if isinstance(given, list) and given else ""
    empty = value is None or value in ("", ())
    match str(clause.get("operatorName")).upper().replace("_", " ").strip():
        case "IS NULL":
            return empty
        case "IS NOT NULL":
            return not empty
        case "IS TRUE":
            return value is True
        case "IS FALSE":
            return value is False
        case "EQUALS":
            return not empty and str(value) == wanted
        case "NOT EQUALS":
            return not empty and str(value) != wanted
        case "INCLUDES":
            return not empty and wanted in str(value)
        case "REGEX MATCH":
            return not empty and re.search(wanted, str(value)) is not None
        case "NOT REGEX MATCH":
            return not empty and re.search(wanted, str(value)) is None
        case "GREATER THAN":
            return _number(value) > _number(wanted)
        case "GREATER THAN OR EQUALS":
            return _number(value) >= _number(wanted)
    return False


def _number(value: Value) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def _values_of(group: Record) -> dict[str, Value]:
    """Values of a group by lower-case name, as the schema of provisioning names them."""
    found = {name.casefold(): _value(value) for name, value in group.items()}
    more: dict[str, Value] = {"objectid": str(group["id"]), "dirsyncenabled": bool(group.get("onPremisesSyncEnabled"))}
    return {**found, **more}


def _value(value: object) -> Value:
    match value:
        case None | str() | bool() | int():
            return value
        case list():
            return tuple(str(one) for one in value)
    return None


# Names and values


def wanted_of(tenant: Tenant, group: Record) -> Wanted:
    """A group as AD should hold it.

    Raises:
        MappingError: A mapping gives nothing that AD could hold.
    """
    values, once = {}, set()
    targets = dict(_mapped(tenant.mapping))
    for name, row in targets.items():
        if name.casefold() not in _NO_ATTRIBUTES:
            values[name] = _worked_out(name, row, group)
            if row.get("flowType") == "ObjectAddOnly":
                once.add(name)
    folded = {name.casefold(): row for name, row in targets.items()}
    cn = _worked_out("cn", folded["cn"], group) if "cn" in folded else None
    place = folded.get("parentdistinguishedname")
    container = _worked_out("parentDistinguishedName", place, group) if place else None
    if not cn:
        raise MappingError("The mapping of cn gives no value.")
    return Wanted(
        group_id=str(group["id"]),
        name=str(group.get("displayName") or ""),
        cn=cn,
        container=container or f"CN=Users,{documents.base_of(tenant.domain)}",
        # The anchor is Cloud Sync's own, whatever the mapping says.
        values={**values, ANCHOR: anchor_of(str(group["id"])), DESCRIPTION_ANCHOR: anchor_of(str(group["id"]))},
        once=frozenset(once),
        references=tuple(references_of(tenant, group)) if "member" in folded else (),
    )


def _mapped(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Target attributes with their mappings. Of two to one attribute the first counts, which is not documented."""
    seen = set()
    rows = mapping.get("attributeMappings")
    for row in rows if isinstance(rows, list) else []:
        name = str(row.get("targetAttributeName") or "") if isinstance(row, Mapping) else ""
        if name and name.casefold() not in seen:
            seen.add(name.casefold())
            yield name, row


def _worked_out(name: str, row: Mapping[str, Any], group: Record) -> str | None:
    source = row.get("source")
    text = str(source.get("expression") or "") if isinstance(source, Mapping) else ""
    known = _values_of(group)
    try:
        expression = _read(text)
        value = evaluated(expression, {one: known.get(one.casefold()) for one in expression.attributes})
        found = shown(value)
    except (ExpressionError, NotPredictable) as error:
        raise MappingError(f"The mapping of {name} cannot be worked out: {error}") from None
    default = row.get("defaultValue")
    return found or (str(default) if default else None)


# Members


def references_of(tenant: Tenant, group: Record) -> Iterator[str]:
    """Cloud ids of the members that are written wherever AD has them, by Microsoft's table.

    Users of AD's own only where the switch is on; users of the cloud where Cloud Sync made their account; groups by who
    is their source of authority: those of the cloud where they are in scope themselves, those that the cloud took over
    from AD, and none that AD still manages.
    """
    for member in tenant.members.get(str(group["id"]), ()):
        if (user := tenant.users.get(member)) is not None:
            if not user.get("onPremisesSyncEnabled") or tenant.provisions_users:
                yield member
        elif (nested := tenant.groups.get(member)) is not None and member != group["id"]:
            taken_over = tenant.is_converted(nested)
            if taken_over or in_scope(tenant, nested):
                yield member
