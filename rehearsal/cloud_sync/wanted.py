"""What AD should hold of a group in scope: its name and place, its values, whom it holds.

Sources: Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory" (names, container),
"How provisioning to Active Directory works" (members).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rehearsal.cloud import documents
from rehearsal.cloud.expressions import evaluated
from rehearsal.cloud.resources import Record
from rehearsal.cloud_sync.scope import values_of
from rehearsal.cloud_sync.tenant import Tenant
from runbook_lib.cloud_sync.expression import ExpressionError, read_expression
from runbook_lib.cloud_sync.functions import NotPredictable, Value, shown

ANCHOR, DESCRIPTION_ANCHOR = "msDS-ExternalDirectoryObjectId", "adminDescription"
_NO_ATTRIBUTES = frozenset(
    {
        *("cn", "parentdistinguishedname", "member", "issecuritygroup", "universalscope", "objectguid"),
        *(ANCHOR.casefold(), DESCRIPTION_ANCHOR.casefold()),
    }
)
"""Targets of a mapping that are no plain value of the AD object: name, place, members, kind, and the two anchors, which
are Cloud Sync's own whatever the mapping says."""


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


# Names and values


def wanted_of(tenant: Tenant, group: Record) -> Wanted:
    """A group as AD should hold it.

    Raises:
        MappingError: A mapping gives nothing that AD could hold.
    """
    values, once, known = {}, set(), values_of(group)
    targets = dict(_mapped(tenant.mapping))
    for name, row in targets.items():
        if name.casefold() not in _NO_ATTRIBUTES:
            values[name] = _worked_out(name, row, known)
            if row.get("flowType") == "ObjectAddOnly":
                once.add(name)
    folded = {name.casefold(): row for name, row in targets.items()}
    cn = _worked_out("cn", folded["cn"], known) if "cn" in folded else None
    place = folded.get("parentdistinguishedname")
    container = _worked_out("parentDistinguishedName", place, known) if place else None
    if not cn:
        raise MappingError("The mapping of cn gives no value.")
    return Wanted(
        group_id=str(group["id"]),
        name=str(group.get("displayName") or ""),
        cn=cn,
        container=container or f"CN=Users,{documents.base_of(tenant.domain)}",
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


def _worked_out(name: str, row: Mapping[str, Any], known: Mapping[str, Value]) -> str | None:
    source = row.get("source")
    text = str(source.get("expression") or "") if isinstance(source, Mapping) else ""
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
            if taken_over or tenant.scope.takes(nested):
                yield member
