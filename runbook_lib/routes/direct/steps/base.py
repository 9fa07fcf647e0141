"""What all steps of one run of the direct route share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from runbook_lib.change.journal import Effect
from runbook_lib.change.step import LiveState, Look
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.schema import indexed_attributes
from runbook_lib.model.change import Change
from runbook_lib.model.dn import normalize_dn
from runbook_lib.model.target import PlanTarget
from runbook_lib.routes.direct.live import KNOWN_BY, NotAsPlanned, TwoOus, live_entry, read_two_ous
from runbook_lib.routes.direct.writes import Write


class StepContext:
    """One run on its domain controller; what does not change while it lasts is read once.

    Attributes:
        directory: The pinned DC.
        target: What the plan is bound to.
        dn_of: AD GUID to distinguished name of everything that may be a member, read just before.
        doomed: GUIDs of all objects that this plan deletes: links to and from them may be gone already.
        created: Cloud group id to GUID of the objects that this change has created.
    """

    def __init__(
        self, directory: Directory, target: PlanTarget, dn_of: Mapping[str, str], doomed: frozenset[str]
    ) -> None:
        self.directory = directory
        self.target = target
        self.dn_of = dn_of
        self.doomed = doomed
        self.created: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}

    @cached_property
    def ous(self) -> TwoOus:
        """The two OUs, looked up by GUID once per run."""
        return read_two_ous(self.directory, self.target)

    @cached_property
    def indexed(self) -> frozenset[str]:
        """Which attributes may be searched for in the whole domain, read from the schema once per run."""
        return indexed_attributes(self.directory, KNOWN_BY)

    def entry(self, step: DirectStep, attributes: tuple[str, ...] = ()) -> Entry:
        """The object of a step as it is now; see ``live_entry``."""
        return live_entry(self.directory, step.change, step.object_id, self.target, self.ous, attributes)

    def members(self, guid: str) -> set[str]:
        """Comparable names of a group's members; read once, and kept up to date by who changes them."""
        if guid not in self._members:
            self._members[guid] = {normalize_dn(dn) for dn in self.directory.members(guid)}
        return self._members[guid]

    def forget(self) -> None:
        """Drop what was read of single objects: a write went without an answer."""
        self._members.clear()


class DirectStep:
    """A write in the place where it takes effect; kinds of it say how to look, what to send and what it changed."""

    def __init__(self, write: Write, context: StepContext) -> None:
        self.write = write
        self.context = context
        self.partly = False
        """Whether something of it took effect although it is not done."""
        self.begun: Mapping[str, Any] = {}
        """The last intent that this change noted of it; empty without one."""

    @property
    def id(self) -> str:
        """``<change digest>/<number>``."""
        return self.write.id

    @property
    def change(self) -> Change:
        """The change that it is part of."""
        return self.write.change

    @property
    def object_id(self) -> str:
        """GUID of its AD object; empty until that is created."""
        return self.change.object_guid or self.context.created.get(self.change.group_id, "")

    def recall(self, effect: Effect) -> None:
        """What an earlier run did stays done; a create proves its object (``Add``)."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How its object is now."""
        self.begun = begun or {}
        try:
            return Look(self._look())
        except NotAsPlanned as other:
            return Look(LiveState.OTHER, str(other))

    def intent(self) -> Mapping[str, object]:
        """What the journal says before it is sent."""
        return self.write.intent()

    def send(self) -> None:
        """Send the write, once."""
        raise NotImplementedError

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """What this change really changed; empty where it never began it, because others had done it."""
        return {} if begun is None else self._changed()

    def _look(self) -> LiveState:
        raise NotImplementedError

    def _changed(self) -> Mapping[str, object]:
        raise NotImplementedError
