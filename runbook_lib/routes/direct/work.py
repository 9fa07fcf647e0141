"""The approved changes of a plan as work on one domain controller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.change.step import Patience, Step, one_by_one
from runbook_lib.directory.connection import Directory
from runbook_lib.errors import RunbookError
from runbook_lib.model.change import Change
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.target import Target
from runbook_lib.routes.direct.object_steps import Add, Delete, DirectStep, MoveObject, StepContext, Undelete
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.value_steps import Attributes, Members, members_refused
from runbook_lib.routes.direct.writes import WriteKind, writes_of

_KINDS: Mapping[WriteKind, type[DirectStep]] = {
    WriteKind.ADD: Add,
    WriteKind.ATTRIBUTES: Attributes,
    WriteKind.MEMBERS: Members,
    WriteKind.MOVE: MoveObject,
    WriteKind.DELETE: Delete,
    WriteKind.UNDELETE: Undelete,
}


class DirectWork:
    """The LDAP writes of one run, ready for ``carry_out``."""

    def __init__(
        self, directory: Directory, target: Target, changes: Sequence[Change], *, dn_of: Mapping[ObjectGuid, str]
    ) -> None:
        """Prepare; nothing is asked of the directory yet.

        Args:
            directory: The pinned DC.
            target: What the plan of the changes is bound to.
            changes: The approved changes, in the plan's order.
            dn_of: AD GUID to present distinguished name, read just before.
        """
        self._directory = directory
        ours = DIRECT_TYPES.changes(changes)
        doomed = frozenset(change.payload.object_guid for change in ours if change.kind is ChangeKind.DELETE)
        self._context = StepContext(directory, DIRECT_TYPES.target(target), dn_of, doomed)
        self._steps = [_KINDS[write.kind](write, self._context) for write in writes_of(ours)]

    @property
    def steps(self) -> Sequence[Step]:
        """Objects first, then what is in them."""
        return self._steps

    @property
    def patience(self) -> Patience:
        """How long the domain controller is waited for."""
        return self._directory.patience

    def send_together(self, steps: Sequence[Step]) -> Sequence[RunbookError | None]:
        """One after the other, as always."""
        return one_by_one(steps)

    def forget(self) -> None:
        """Drop what was read of members: a write went without an answer."""
        self._context.forget()

    def not_taken(self) -> RunbookError | None:
        """The error of members that the directory refused; None where it took all of them."""
        refused = [
            (step.change.display_name, item)
            for step in self._steps
            if isinstance(step, Members)
            for item in step.refused
        ]
        return members_refused(refused) if refused else None
