"""Steps of leaving v1 and of the way back: each looks at AD, at the tenant and at v1 before it does anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.change.step import LiveState, Look
from runbook_lib.graph.groups import WRITEBACK_VERSION, writeback_state_write
from runbook_lib.graph.tenant.group_settings import removal_of, write_of
from runbook_lib.graph.writing import Written
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DeletedObject
from runbook_lib.model.dn import rdn_of
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.group_writeback import WRITEBACK_SET, SetGroupWriteback
from runbook_lib.routes.connect_sync.leaving_actions import (
    CAME_BACK,
    GROUPS_BEFORE,
    SETTINGS_ID,
    SETTINGS_MADE,
    BringBack,
    SetNewGroupDefault,
    SwitchOff,
)
from runbook_lib.routes.connect_sync.steps import ActStep, HandOverStep


class SwitchOffStep(HandOverStep[SwitchOff]):
    """The wizard."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether v1 is off already. Where nobody tells, it is handed over: the plan said so."""
        del begun
        return Look(LiveState.AFTER if self.context.live.switch().v1 is Switch.OFF else LiveState.BEFORE)

    def changed(self) -> Mapping[str, object]:
        """What was handed over, and the digest of what is later compared with AD, whose file stands beside it."""
        before = self.context.groups_before()
        return {**HandOverStep.changed(self), **({GROUPS_BEFORE: before} if before else {})}


class BringBackStep(ActStep[BringBack]):
    """A group comes back, as long as nothing has taken its place: afterwards Connect would hold two of them."""

    _deleted: DeletedObject | None = None
    _dn = ""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Where the object is now."""
        del begun
        groups, action = self.context.groups, self.action
        if (standing := groups.standing(self.object_id)) is not None:
            self._dn = standing
            return Look(LiveState.AFTER)
        if self.context.live.switch().v1 is Switch.ON:
            return Look(LiveState.OTHER, t("v1 was switched on meanwhile, and its next cycle makes a new object"))
        if again := groups.written_again(action.anchor):
            return Look(LiveState.OTHER, t("{dn} was written for the same cloud group", dn=printable(again)))
        found = groups.deleted(self.object_id)
        if found is None:
            seen = t("its AD object is neither in AD nor among the deleted objects that this account may see")
            return Look(LiveState.OTHER, seen)
        if found.sid != action.sid:
            return Look(LiveState.OTHER, t("the deleted object {dn} has another SID", dn=printable(found.dn)))
        if not found.was_of(self.change.group_id, self.context.target.ou_dn):
            seen = t("nothing in AD says that the deleted object {dn} was written by v1", dn=printable(found.dn))
            return Look(LiveState.OTHER, seen)
        place = groups.place(rdn_of(self.change.payload.dn))
        if place is None:
            return Look(LiveState.OTHER, t("the OU that it came from is gone"))
        self._dn, taken = place
        if taken:
            return Look(LiveState.OTHER, t("another object has its name: {dn}", dn=printable(self._dn)))
        self._deleted = found
        return Look(LiveState.BEFORE)

    def send(self) -> None:
        """Bring it back.

        Raises:
            RunbookError: AD refuses it.
            ValueError: It was not looked at before: a defect.
        """
        if self._deleted is None:
            raise ValueError("a step is looked at before it is sent")
        self.context.groups.bring_back(self._deleted, self._dn, self.action.anchor)

    def changed(self) -> Mapping[str, object]:
        """Where it stands."""
        return {CAME_BACK: self._dn}


class NewGroupDefaultStep(ActStep[SetNewGroupDefault]):
    """The tenant's settings of groups, replaced as a whole."""

    _answer: Written | None = None
    _seen_id = ""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Which of the two are there."""
        del begun
        now, action = self.context.settings.read(), self.action
        self._seen_id = now.id
        if now.exists == bool(action.after) and (not action.after or dict(now.values) == dict(action.after)):
            return Look(LiveState.AFTER)
        if now.id == action.settings_id and dict(now.values) == dict(action.before):
            return Look(LiveState.BEFORE)
        return Look(LiveState.OTHER, t("somebody else changed the tenant's settings of groups"))

    def send(self) -> None:
        """All values, or their removal."""
        action = self.action
        write = write_of(action.settings_id, action.after) if action.after else removal_of(action.settings_id)
        self._answer = self.context.settings.write(write)

    def changed(self) -> Mapping[str, object]:
        """Which settings object, and whether it was made."""
        body = self._answer.body if self._answer else None
        made = body.get("id") if body else None
        found = self.action.settings_id or (made if isinstance(made, str) else self._seen_id)
        asked = {"request_id": self._answer.request_id} if self._answer and self._answer.request_id else {}
        return {SETTINGS_ID: found, SETTINGS_MADE: not self.action.settings_id, **asked}


class GroupWritebackStep(ActStep[SetGroupWriteback]):
    """The setting of one group, which counts under V2."""

    _answer: Written | None = None

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """What is set now."""
        del begun
        now = self.context.settings.writeback_state(self.change.group_id)
        if now is self.action.after:
            return Look(LiveState.AFTER)
        if now is self.action.before:
            return Look(LiveState.BEFORE)
        return Look(LiveState.OTHER, t("somebody else changed whether it is written back"))

    def send(self) -> None:
        """Set it, and nothing else of the group."""
        write = writeback_state_write(self.change.group_id, self.action.after)
        self._answer = self.context.settings.write(write, WRITEBACK_VERSION)

    def changed(self) -> Mapping[str, object]:
        """What it is set to."""
        asked = {"request_id": self._answer.request_id} if self._answer and self._answer.request_id else {}
        return {WRITEBACK_SET: self.action.after, **asked}
