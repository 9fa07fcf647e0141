"""Actions of choosing some Microsoft 365 groups under v1: rules on a server in staging mode, and leaving that mode.

That rules of one's own choose among Microsoft 365 groups, no public text says; so the first is done where nothing is
exported, and the second is planned only once that server's pending exports prove the choice (``connect/choosing.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.routes.connect_sync.actions import BringsGroups


@dataclass(frozen=True, slots=True)
class KeptOutGroup:
    """A Microsoft 365 group that a rule is to keep from being written."""

    group_id: GroupId
    display_name: str


@dataclass(frozen=True, slots=True)
class _Chosen(BringsGroups):
    """The groups that come are chosen: another choice is another hand-over."""

    def settings(self) -> Mapping[str, object]:
        """The box, and which groups are chosen."""
        return {"name": self.name, "display_names": self.display_names, "chosen": sorted(self.groups)}


@dataclass(frozen=True, slots=True)
class ChooseInStaging(_Chosen):
    """On a server in staging mode v1 is switched on, with rules of one's own that keep the other groups out.

    Attributes:
        kept_out: The groups that the rules name, by id; one that is made later is not among them, and is written.
    """

    kept_out: tuple[KeptOutGroup, ...]
    name = "choose-groups"
    kinds = frozenset({ChangeKind.CHOOSE_GROUPS})

    def as_json(self) -> dict[str, object]:
        """The box, every group that comes, and every one that is kept out."""
        kept_out = [{"group_id": one.group_id, "display_name": one.display_name} for one in self.kept_out]
        return {**BringsGroups.as_json(self), "kept_out": kept_out}

    def identity(self) -> Mapping[str, object]:
        """The box, every group that comes with its name in AD, and which ones are kept out."""
        return {**BringsGroups.identity(self), "kept_out": sorted(one.group_id for one in self.kept_out)}

    def names_read(self) -> object:
        """How the groups are called in the cloud, those that come and those that are kept out."""
        kept_out = sorted([one.group_id, one.display_name] for one in self.kept_out)
        return [BringsGroups.names_read(self), kept_out]

    def summary(self) -> Text:
        """In a few words."""
        return t(
            "in staging mode, unconfirmed: rules choose {groups} and keep {kept_out} out",
            groups=counted(len(self.groups_coming), "group"),
            kept_out=counted(len(self.kept_out), "group"),
        )

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """A group that comes twice, is kept out twice, or both; and a choice that keeps nobody out."""
        if twice := BringsGroups.beyond_kind(self, kind):
            return twice
        kept_out = {one.group_id for one in self.kept_out}
        if len(kept_out) != len(self.kept_out) or kept_out & self.groups:
            return t("names a group twice")
        return NOTHING if kept_out else t("keeps no group out")


@dataclass(frozen=True, slots=True)
class LeaveStaging(_Chosen):
    """The server with the rules becomes the active one: the chosen groups come, as its pending exports proved."""

    name = "leave-staging"
    kinds = frozenset({ChangeKind.LEAVE_STAGING})

    def summary(self) -> Text:
        """In a few words."""
        return t("the server leaves staging mode and writes {groups}", groups=counted(len(self.groups_coming), "group"))
