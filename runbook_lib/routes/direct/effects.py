"""What a finished change really did, put together from its journals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.journal import JournalFile, damaged_journal, journals_of, whole_chain
from runbook_lib.change.journal_check import effects_beyond
from runbook_lib.errors import Refused
from runbook_lib.model.change import AttributeDelta, Plan
from runbook_lib.model.text import t
from runbook_lib.routes.direct.writes import DIRECT


@dataclass(frozen=True, slots=True)
class ChangeEffect:
    """What one change of the plan did to its object. Members are AD GUIDs; ``moved`` is (from OU, to OU).

    What a deletion took away is in the plan: it is carried out only while the object is exactly as planned.
    """

    object_guid: str = ""
    created: bool = False
    deleted: bool = False
    undeleted: bool = False
    attributes: tuple[AttributeDelta, ...] = ()
    members_added: tuple[str, ...] = ()
    members_removed: tuple[str, ...] = ()
    moved: tuple[str, str] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was really changed."""
        return replace(self, object_guid="") == ChangeEffect()


@dataclass(frozen=True, slots=True)
class DoneChange:
    """A plan that was carried out, wholly or in part, and its effects by change digest.

    Attributes:
        invocation_id: Database of the domain controller that was written to; empty where the journal does not say.
        ds_service_name: NTDS Settings object of that domain controller, for people; may be empty.
    """

    plan: Plan
    effects: dict[str, ChangeEffect] = field(default_factory=dict)
    invocation_id: str = ""
    ds_service_name: str = ""


def done_by(record: Path) -> DoneChange:
    """Read what the run of a record did, with the runs that it resumed or that resumed it.

    Raises:
        UsageError: The folder holds no plan.
        Refused: It wrote nothing (``nothing-was-written``), it is not finished (``change-open``), or its journal says
            what its plan does not have (``journal-damaged``).
    """
    plan = planned(record)
    journals = journals_of(record.resolve().parent)
    chain = whole_chain(record.resolve().name, journals)
    if not chain:
        raise Refused(
            t("The run {record_name} wrote nothing, so there is nothing to undo.", record_name=record.name),
            code="nothing-was-written",
            hint=t("Name the record of the run that applied the plan."),
            values={"record": record.name},
        )
    if not chain[-1].closed:
        raise Refused(
            t("The change of {record_name} stopped midway and is not finished.", record_name=record.name),
            code="change-open",
            hint=t("Finish it first: run the same notebook with the same change id."),
            values={"record": record.name, "open": chain[-1].run.name},
        )
    for journal in chain:
        if journal.opened.get("plan_digest") != plan.digest:
            raise damaged_journal(journal.run, 1, "it is of another plan than plan.json beside it")
    if beyond := effects_beyond(plan, chain, DIRECT):
        raise damaged_journal(beyond[0], 1, beyond[1])
    opened = chain[0].opened
    return DoneChange(
        plan,
        collect(chain),
        invocation_id=str(opened.get("invocation_id") or ""),
        ds_service_name=str(opened.get("ds_service_name") or ""),
    )


def collect(chain: Sequence[JournalFile]) -> dict[str, ChangeEffect]:
    """Effects of a chain of journals, by change digest."""
    found: dict[str, ChangeEffect] = {}
    for journal in chain:
        for effect in journal.effects:
            so_far = found.get(effect.change, ChangeEffect())
            data = effect.data
            deltas = tuple(
                AttributeDelta(item["name"], tuple(item["removed"]), tuple(item["added"]))
                for item in data.get("attributes", ())
            )
            found[effect.change] = ChangeEffect(
                object_guid=effect.object_guid or so_far.object_guid,
                created=so_far.created or "created" in data,
                deleted=so_far.deleted or "deleted" in data,
                undeleted=so_far.undeleted or "undeleted" in data,
                attributes=so_far.attributes + deltas,
                members_added=so_far.members_added + tuple(data.get("members_added", ())),
                members_removed=so_far.members_removed + tuple(data.get("members_removed", ())),
                moved=tuple(data["moved"]) if "moved" in data else so_far.moved,
            )
    return found
