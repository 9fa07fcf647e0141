"""Single Microsoft 365 groups under V2: which are to be written back, and the way back of that. Pure.

Sources: Microsoft Entra documentation, "Group writeback V2" (public preview ended on 30 June 2024; what is on keeps
running unsupported) and "Modify group writeback in Microsoft Entra Connect" (a group that is no longer written stays in
AD until it is deleted for good in the cloud).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudKind
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.actions import ConnectAction
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange, ConnectSyncPayload
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget
from runbook_lib.routes.direct.selection import named

WRITEBACK_SET = "writeback_set"
"""Key of an effect that says what a group's writebackConfiguration was set to."""


@dataclass(frozen=True, slots=True)
class SetGroupWriteback(ConnectAction):
    """Whether V2 writes one group: ``isEnabled`` of its writebackConfiguration; None: not set."""

    before: bool | None
    after: bool | None
    name = "set-group-writeback"
    kinds = frozenset({ChangeKind.GROUP_WRITEBACK})
    by_person = False
    may_say = frozenset({WRITEBACK_SET, "request_id"})

    def as_json(self) -> dict[str, object]:
        """Before and after."""
        return {"before": self.before, "after": self.after}

    def beyond_effect(self, said: Mapping[str, Any], group_id: str) -> Text:
        """Another value than the plan's."""
        del group_id
        if said and (WRITEBACK_SET not in said or said[WRITEBACK_SET] is not self.after):
            return t("it says that something else was set")
        return NOTHING

    def summary(self) -> Text:
        """In a few words."""
        return t("written back under V2: {before} becomes {after}", before=_word(self.before), after=_word(self.after))


def _word(state: bool | None) -> Text:
    return {True: t("yes"), False: t("no"), None: t("not set")}[state]


def groups_under_v2(inventory: Inventory, ids: Sequence[GroupId], names: Sequence[str]) -> tuple[GroupRow, ...]:
    """The Microsoft 365 groups that are named, by id."""
    wanted = named(inventory.rows, ids, names)
    rows = (row for row in inventory.rows if row.group_id in wanted)
    mine = (row for row in rows if row.cloud is not None and row.cloud.kind is CloudKind.MICROSOFT_365)
    return tuple(sorted(mine, key=lambda row: row.group_id))


def group_writeback_changes(
    target: ConnectSyncTarget, rows: Iterable[GroupRow], states: Mapping[str, bool | None], *, enabled: bool
) -> tuple[ConnectSyncChange, ...]:
    """The changes that have V2 write groups, or write them no longer; none for those that are so already.

    Args:
        target: What the plan is bound to.
        rows: The groups.
        states: Group id to what is set now.
        enabled: What is wanted.
    """
    return tuple(
        about_group(target, row.group_id, row.display_name, SetGroupWriteback(states[row.group_id], enabled))
        for row in rows
        if states[row.group_id] is not enabled
    )


def about_group(
    target: ConnectSyncTarget, group_id: GroupId, display_name: str, action: SetGroupWriteback
) -> ConnectSyncChange:
    """A change of one group in the tenant; what comes of it stands in the OU of written groups."""
    payload = ConnectSyncPayload(target.ou_guid, target.ou_dn, group_id, action)
    return ConnectSyncChange(ChangeKind.GROUP_WRITEBACK, group_id, display_name, payload, "selected")


def under_v2_finding(changes: Sequence[ConnectSyncChange]) -> Finding:
    """What is known of V2 and has to be accepted before a group's setting is changed."""
    names = first_of([printable(one.display_name, limit=80) for one in changes], 5)
    return Finding(
        id="group-writeback-under-v2",
        severity=Severity.BLOCKING,
        seen=t(
            "V2 is on, so the setting of {groups} counts: {names}. v1 is left as it is.",
            groups=counted(len(changes), "group"),
            names=names,
        ),
        expected=t("V2 is off: it is out of support since 30 June 2024 and may stop without notice."),
        why=t(
            "What comes of it nobody can promise: operators saw groups written that were set not to be, and a group "
            "that is written no longer stays in AD until it is deleted for good in the cloud."
        ),
        to_do=t("Acknowledge this finding, or leave V2 first."),
        source='Microsoft Entra documentation, "Group writeback V2"',
        values={"groups": [one.group_id for one in changes]},
        acknowledgeable=True,
    )
