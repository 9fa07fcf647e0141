"""What a change of the route connect-sync does: a class for each action, with all that is said of it. Pure.

Connect Sync has no API, so most actions are handed over: a person does them on its server, and what came of it is seen
in AD, in the tenant and in the evidence of the server. Others a run carries out itself.

A new action is a class here, its step (``work.STEP_OF_CONNECT_ACTION`` lists them), its fields in files (``files.py``),
its place in ``acts.ACT_ORDER`` and the operations that may do it (``route.py``); what a person does has its text in
``hand_over.py``.

Sources: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback", "Microsoft Entra Connect: AD
DS Connector Account Permissions", "Microsoft Entra Connect Sync: Scheduler".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.routes.action import RouteAction

HANDED_OVER = "handed_over"
"""Key of an effect that names the action which was handed to a person."""


class ConnectAction(RouteAction):
    """What one change does."""

    __slots__ = ()

    by_person: ClassVar[bool]
    """Whether it is handed over; else the run carries it out."""

    @property
    def groups(self) -> frozenset[str]:
        """Ids of the cloud groups that come or go with it, beside the one that its change is about."""
        return frozenset()

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """Those of ``groups`` that come or go for sure."""
        return self.groups

    def identity(self) -> Mapping[str, object]:
        """What an approval covers."""
        return {"name": self.name, **self.as_json()}

    def settings(self) -> Mapping[str, object]:
        """What of it is set where it takes effect, without the groups that follow: one hand-over is another's by it."""
        return {"name": self.name, **self.as_json()}

    def beyond_effect(self, said: Mapping[str, Any], group_id: str) -> Text:
        """What a journal says beyond this action, in the same form; ``group_id``: the group that it is about."""
        del group_id
        if said and self.by_person and said.get(HANDED_OVER) != self.name:
            return t("it says that something else was handed over")
        return NOTHING


class HandedOver(ConnectAction):
    """An action that a person carries out."""

    __slots__ = ()
    by_person = True
    may_say = frozenset({HANDED_OVER, "file", "sha256"})


@dataclass(frozen=True, slots=True)
class LetConnectorWrite(HandedOver):
    """The connector account gets the rights that v1 needs on the OU of written groups.

    Attributes:
        account: Distinguished name of the connector account; empty: only its server knows it.
    """

    account: str
    name = "grant-rights"
    kinds = frozenset({ChangeKind.GRANT_RIGHTS})

    def as_json(self) -> dict[str, object]:
        """The account."""
        return {"account": self.account}

    def summary(self) -> Text:
        """In a few words."""
        return t("the connector account gets its rights on the OU")


@dataclass(frozen=True, slots=True)
class ComingGroup:
    """A group that v1 will write: the cloud group, and the name of its AD object (``cn``)."""

    group_id: GroupId
    display_name: str
    cn: str


@dataclass(frozen=True, slots=True)
class BringsGroups(HandedOver):
    """After it groups come to the OU, under names that are chosen with it and that are part of what is approved.

    Attributes:
        display_names: Whether objects are named after the display name; chosen now, and greyed out later.
        groups_coming: What comes, by id; which groups there are and how they are named is part of what is approved.
    """

    display_names: bool
    groups_coming: tuple[ComingGroup, ...]

    @property
    def groups(self) -> frozenset[str]:
        """All of them."""
        return frozenset(one.group_id for one in self.groups_coming)

    def as_json(self) -> dict[str, object]:
        """The box, and every group."""
        coming = [
            {"group_id": one.group_id, "display_name": one.display_name, "cn": one.cn} for one in self.groups_coming
        ]
        return {"display_names": self.display_names, "groups": coming}

    def identity(self) -> Mapping[str, object]:
        """The box, and every group with its name in AD."""
        coming = sorted([one.group_id, one.cn] for one in self.groups_coming)
        return {**self.settings(), "groups": coming}

    def names_read(self) -> object:
        """How the groups are called in the cloud."""
        return sorted([one.group_id, one.display_name] for one in self.groups_coming)

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """A group that comes twice."""
        del kind
        return NOTHING if len(self.groups) == len(self.groups_coming) else t("names a group twice")


@dataclass(frozen=True, slots=True)
class SwitchOn(BringsGroups):
    """Group writeback v1 is switched on in the wizard: all Microsoft 365 groups come to the OU, none of them chosen."""

    name = "switch-on"
    kinds = frozenset({ChangeKind.SWITCH_ON})

    def settings(self) -> Mapping[str, object]:
        """The box."""
        return {"name": self.name, "display_names": self.display_names}

    def summary(self) -> Text:
        """In a few words."""
        return t("group writeback is switched on for all: {groups}", groups=counted(len(self.groups_coming), "group"))


@dataclass(frozen=True, slots=True)
class RunCycle(HandedOver):
    """One delta cycle of Connect Sync."""

    name = "run-cycle"
    kinds = frozenset({ChangeKind.RUN_CYCLE})

    def as_json(self) -> dict[str, object]:
        """It has no values."""
        return {}

    def summary(self) -> Text:
        """In a few words."""
        return t("one delta cycle runs")
