"""Steps of a move between the routes: each looks at the AD object before it is written to, or brought into scope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runbook_lib.change.step import LiveState, Look
from runbook_lib.directory.search import Entry
from runbook_lib.errors import Refused
from runbook_lib.graph.writing import Written
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import (
    ANCHOR_ATTRIBUTE,
    EXTERNAL_ID_ATTRIBUTE,
    MARK_ATTRIBUTE,
    GroupId,
    group_id_of_anchor,
    owner_of_mark,
)
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.moving.actions import Adopt, AssignAnchored, WriteOwner
from runbook_lib.routes.cloud_sync.scope.on_demand_steps import ProvisionStep
from runbook_lib.routes.cloud_sync.steps import AssignStep, RequestStep
from runbook_lib.routes.direct.live import compare

_OWNER = (ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE)
_GONE = t("its AD object is not there any more")
_UNANCHORED = t(
    "its AD object does not carry Cloud Sync's anchor, so Cloud Sync would make another one, with another SID"
)


def is_anchored(entry: Entry, group_id: GroupId) -> bool:
    """Whether an AD object is Cloud Sync's for this group."""
    return {group_id_of_anchor(value) for value in entry.texts(EXTERNAL_ID_ATTRIBUTE)} == {group_id}


class OwnerStep(RequestStep[WriteOwner]):
    """Anchor or mark of an AD object, over LDAP: one modify, in which each old value leaves by its name."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Its anchor and mark."""
        del begun
        entry = self.context.directory.read(self.action.guid, _OWNER)
        if entry is None:
            return Look(LiveState.OTHER, _GONE)
        state = compare(entry.texts, self.action.attributes)
        if state is LiveState.OTHER:
            names = ", ".join(delta.name for delta in self.action.attributes)
            return Look(state, t("its AD object has other values of {names} now", names=names))
        if state is LiveState.BEFORE and (seen := self._would_be_nobodys(entry)):
            return Look(LiveState.OTHER, seen)
        return Look(state)

    def send(self) -> None:
        """The modify."""
        self.context.directory.modify(self.action.guid, self.action.attributes)

    def changed(self) -> Mapping[str, object]:
        """The values."""
        return {"owner_values": [delta.as_json() for delta in self.action.attributes]}

    def _would_be_nobodys(self, entry: Entry) -> Text:
        """Why one owner may not leave or come: the other one is not there, or still at work."""
        group_id, kind = self.change.group_id, self.change.kind
        assigned = group_id in self.context.assigned(self.action.role_id)
        if kind is ChangeKind.UNANCHOR and assigned:
            return t("it is in scope, and Cloud Sync would make another AD object, with another SID")
        if kind is ChangeKind.UNMARK and not assigned:
            return t("it is not in scope, so nobody would keep its AD object up to date")
        if kind is ChangeKind.UNMARK and not is_anchored(entry, group_id):
            return t("its AD object does not carry Cloud Sync's anchor, so nobody would keep it up to date")
        if kind is ChangeKind.MARK and not is_anchored(entry, group_id):
            return t("its AD object does not carry Cloud Sync's anchor, so it is somebody else's")
        mark = owner_of_mark(entry.texts(MARK_ATTRIBUTE))
        if kind in (ChangeKind.ANCHOR, ChangeKind.UNANCHOR) and (mark is None or mark[1] != group_id):
            return t("its AD object does not carry this runbook's mark, so it is somebody else's")
        return NOTHING


class AssignAnchoredStep(AssignStep):
    """A group comes into scope while its AD object carries Cloud Sync's anchor, and at no other time."""

    action: AssignAnchored

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is assigned; else whether its AD object is ready."""
        found = super().look(begun)
        if found.state is not LiveState.BEFORE:
            return found
        entry = self.context.directory.read(self.action.guid, _OWNER)
        if entry is None:
            return Look(LiveState.OTHER, _GONE)
        return found if is_anchored(entry, self.change.group_id) else Look(LiveState.OTHER, _UNANCHORED)


class AdoptStep(ProvisionStep):
    """The first group of a move, on demand: nothing further is sent unless Cloud Sync took over its AD object.

    Sent again it changes nothing more; AD does not show whether it was sent.
    """

    action: Adopt

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether its AD object, and no other, carries the anchor."""
        del begun
        entry = self.context.directory.read(self.action.guid, _OWNER)
        if entry is None:
            return Look(LiveState.OTHER, _GONE)
        return (
            Look(LiveState.BEFORE) if is_anchored(entry, self.change.group_id) else Look(LiveState.OTHER, _UNANCHORED)
        )

    def take(self, answer: Written) -> None:
        """What its answer says, and what AD holds afterwards.

        Raises:
            Refused: Cloud Sync made another AD object (``not-adopted``).
            RunbookError: As ``ProvisionStep``; or AD cannot be searched.
        """
        super().take(answer)
        others = [guid for guid in self.context.present.guids([self.change.group_id]) if guid != self.action.guid]
        if others or _created(answer):
            raise Refused(
                t(
                    "Cloud Sync did not take over the AD object of {name!r}: it made another one, with another SID.",
                    name=printable(self.change.display_name, limit=80),
                ),
                code="not-adopted",
                hint=t(
                    "The other groups of the plan were left as they are. Take this one back with 60-undo-change, then "
                    "delete the object that Cloud Sync made by hand in AD. A move is not possible in this tenant."
                ),
                values={"group_id": self.change.group_id, "guid": self.action.guid, "others": others},
            )


def _created(answer: Written) -> bool:
    """Whether the answer of an on-demand call says that an object was made."""
    try:
        told = json.loads(str((answer.body or {}).get("value") or "{}"))
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and str(told.get("action") or "").casefold() == "create"
