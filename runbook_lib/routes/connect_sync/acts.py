"""A change as its one act, in order, and what a journal may say of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.change.step import Effect
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange

ACT_ORDER = (
    ChangeKind.GRANT_RIGHTS,
    ChangeKind.SWITCH_OFF,
    ChangeKind.BRING_BACK,
    ChangeKind.SWITCH_ON,
    ChangeKind.CHOOSE_GROUPS,
    ChangeKind.LEAVE_STAGING,
    ChangeKind.NEW_GROUP_DEFAULT,
    ChangeKind.GROUP_WRITEBACK,
    ChangeKind.RUN_CYCLE,
)
"""Rights come first, so that no export fails for want of them; groups are back before v1 begins; a cycle comes last."""


@dataclass(frozen=True, slots=True)
class Act:
    """The act of a change: a hand-over to a person, or what the run does itself; a ``PlannedStep``.

    Attributes:
        id: ``<change digest>/1``, the same on every machine.
        change: The change.
    """

    id: str
    change: ConnectSyncChange

    @property
    def makes_object(self) -> bool:
        """No: what is made, Connect makes."""
        return False

    @property
    def together(self) -> str:
        """Each alone: a person does one thing after the other."""
        return ""

    def intent(self) -> dict[str, object]:
        """What the journal says before it."""
        action = self.change.payload.action
        before = action.replaced()
        return {"action": action.name, **({} if before is None else {"before": before})}

    def beyond_intent(self, object_id: str, intent: Mapping[str, Any], made: Mapping[str, str]) -> Text:
        """What a ``begin`` line says beyond this act."""
        del made
        if object_id != self.change.payload.object_guid:
            return t("it begins something with another object than its plan")
        return NOTHING if dict(intent) == self.intent() else t("it begins something that its plan does not have")

    def beyond_effect(self, effect: Effect, made: Mapping[str, str]) -> Text:
        """What a ``done`` line says beyond this act."""
        del made
        payload = self.change.payload
        if effect.object_id != payload.object_guid:
            return t("it names another object than its plan")
        if not effect.data.keys() <= payload.action.may_say:
            return t("it says that something of another kind was done")
        return payload.action.beyond_effect(effect.data, self.change.group_id)

    def not_begun(self, effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> Text:
        """What of an effect no ``begin`` line announced."""
        del made
        return t("it says that something was done, and nothing of having begun it") if effect and not begun else NOTHING


def in_act_order(changes: Iterable[ConnectSyncChange]) -> tuple[ConnectSyncChange, ...]:
    """Changes in the order in which they are carried out: by kind, then by group."""
    return tuple(sorted(changes, key=lambda change: (ACT_ORDER.index(change.kind), change.group_id)))


def acts_of(changes: Iterable[ConnectSyncChange]) -> list[Act]:
    """Every act of a plan in the order in which it is carried out."""
    return [Act(f"{change.digest}/1", change) for change in in_act_order(changes)]
