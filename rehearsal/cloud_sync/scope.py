"""Which groups of the cloud a job takes: the fixed filter, the schema's own, and what is assigned.

Sources: Microsoft Entra documentation, "Scoping filters and attribute mapping - Microsoft Entra ID to Active
Directory" (fixed filter; clauses of one group all hold, one group is enough; operators), "Microsoft Entra provisioning
options" (selected groups are assigned); Microsoft Graph documentation, "synchronizationSecretKeyStringValuePair"
(SyncAll).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.cloud.documents import FIXED_FILTER
from rehearsal.cloud.resources import Record
from runbook_lib.cloud_sync.functions import Value

_Clause = Mapping[str, Any]
_FIXED = frozenset(name.casefold() for name, _ in FIXED_FILTER)


class Scope:
    """The scope of one job at one moment.

    Args:
        mapping: The job's mapping of groups; empty for none.
        secrets: The configuration's secrets.
        assigned: Ids of what is assigned to the configuration.
        rolled_back: Ids of groups that were given back to AD.
    """

    def __init__(
        self,
        mapping: Mapping[str, Any],
        secrets: Sequence[Mapping[str, object]],
        assigned: frozenset[str],
        rolled_back: frozenset[str],
    ) -> None:
        self._exists = bool(mapping)
        self._alternatives = _alternatives(mapping)
        self._assigned = assigned
        self._rolled_back = rolled_back
        sync_all = next((str(one.get("value")) for one in secrets if one.get("key") == "SyncAll"), "").casefold()
        filters = any(_attribute(clause) not in _FIXED for clauses in self._alternatives for clause in clauses)
        self._selected = sync_all == "false" or (sync_all != "true" and bool(assigned))
        # Nothing is assigned: a configuration with a filter of its own takes what that takes. One without takes nothing
        # here, for Graph does not show whether all groups were chosen or none yet.
        self._takes_any = sync_all == "true" or self._selected or filters

    def takes(self, group: Record) -> bool:
        """Whether the job writes a group."""
        if not (self._exists and self._takes_any and self.passes_fixed_filter(group)):
            return False
        if self._selected and group["id"] not in self._assigned:
            return False
        if not self._alternatives:
            return True
        values = values_of(group)
        return any(all(_holds(clause, values) for clause in clauses) for clauses in self._alternatives)

    def passes_fixed_filter(self, group: Record) -> bool:
        """Security groups that are neither mail-enabled nor AD's own; one given back to AD is AD's again."""
        synchronized = bool(group.get("onPremisesSyncEnabled")) or group["id"] in self._rolled_back
        return bool(group.get("securityEnabled")) and not group.get("mailEnabled") and not synchronized


def values_of(group: Record) -> dict[str, Value]:
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


def _alternatives(mapping: Mapping[str, Any]) -> list[list[_Clause]]:
    scope = mapping.get("scope")
    groups = scope.get("groups") if isinstance(scope, Mapping) else None
    found = [one.get("clauses") for one in groups if isinstance(one, Mapping)] if isinstance(groups, list) else []
    return [[clause for clause in clauses if isinstance(clause, Mapping)] for clauses in found if clauses]


def _attribute(clause: _Clause) -> str:
    return str(clause.get("sourceOperandName")).casefold()


def _holds(clause: _Clause, values: Mapping[str, Value]) -> bool:
    """One clause. What the page does not say of empty values is false, and so is what is no number or no pattern."""
    value = values.get(_attribute(clause))
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
            return not empty and _matches(wanted, value) is True
        case "NOT REGEX MATCH":
            return not empty and _matches(wanted, value) is False
        case "GREATER THAN":
            return _number(value) > _number(wanted)
        case "GREATER THAN OR EQUALS":
            return _number(value) >= _number(wanted)
    return False


def _matches(pattern: str, value: Value) -> bool | None:
    """Whether a pattern is found, by Python's rules (the service has .NET's); None where it is no pattern."""
    try:
        return re.search(pattern, str(value)) is not None
    except re.error:
        return None


def _number(value: Value) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
