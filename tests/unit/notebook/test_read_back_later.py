"""A process that dies after its last write and before its verdict: the next run reads back and says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.direct_way import DirectWay
from runbook_lib.notebook.run import Run
from tests.unit.notebook.field import DISABLE, ENABLE, UNDO, Field

Dying = Callable[[Run, ChangeSession], None]


def before_reading_back(run: Run, change: ChangeSession) -> None:
    change.apply()
    run.context.close()


def before_the_verdict(run: Run, change: ChangeSession) -> None:
    change.apply()
    change.verify()
    run.context.close()


def sealed_by_its_runner(run: Run, change: ChangeSession) -> None:
    """As gwb run leaves a run whose kernel died: the record is sealed as broken off."""
    before_reading_back(run, change)
    run.ended_with(KeyboardInterrupt())


def before_closing_the_journal(run: Run, change: ChangeSession) -> None:
    before_reading_back(run, change)
    path = run.record.folder.path / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


DYING = (before_reading_back, before_the_verdict, sealed_by_its_runner, before_closing_the_journal)


def told_of(field: Field, what: str) -> tuple[str, dict[str, Any]]:
    """Notebook and parameters of a change, and the directory made ready for it."""
    if what == "enable":
        return ENABLE, {}
    field.planned()
    done, _ = field.run()
    if what == "undo":
        return UNDO, {"undo_record": str(done.record.folder.path)}
    return DISABLE, {"disable_by": "delete"} if what == "delete" else {}


@pytest.mark.parametrize("die", DYING, ids=lambda die: die.__name__)
@pytest.mark.parametrize("what", ["enable", "retire", "delete", "undo"])
def test_what_is_written_and_not_reported_is_read_back(field: Field, what: str, die: Dying) -> None:
    notebook, told = told_of(field, what)
    field.planned(notebook, **told)
    run = field.begin(notebook, **told)
    make = {ENABLE: run.plan_enable, DISABLE: run.plan_disable, UNDO: run.plan_undo}[notebook]
    change = make(run.read_inventory())
    change.require_approval()
    die(run, change)
    after = field.groups()
    field.sent = 0

    again, error = field.run(notebook, **told)

    assert error is None, error
    assert again.record.outcome is Outcome.DONE
    assert (field.sent, field.groups()) == (0, after)
    entries = [line["entry"] for line in field.lines(again.record.folder.path)]
    assert entries == ["open", "closed"]
    assert again.record.facts["changes"] == {"planned": 2, "done": 2}
    # And that was that: the next run plans anew.
    later, error = field.run(notebook, **told)
    assert not (later.record.folder.path / "journal.jsonl").exists(), error


def test_a_difference_is_found_then_too(field: Field) -> None:
    field.planned()
    run = field.begin()
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    before_reading_back(run, change)
    for dn in [f"{change_.payload.object_name}" for change_ in change._approved][:1]:
        field.embedded.store.modify(dn, {"description": "by hand", "displayName": "by hand"})
    again, error = field.run()
    assert isinstance(error, RunbookError)
    assert (error.code, again.record.outcome) == ("read-back-differs", Outcome.VERIFICATION_FAILED)
    # It was read back and reported: what differs is planned now.
    later, error = field.run()
    assert later.record.outcome is Outcome.AWAITING_APPROVAL, error


def test_a_read_back_that_could_not_be_made_is_made_by_the_next_run(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runbook_lib.errors import ServiceFailed
    from runbook_lib.notebook import direct_way as module

    notebook, told = told_of(field, "delete")
    field.planned(notebook, **told)

    def gone(*_: object) -> None:
        raise ServiceFailed(t("gone"), code="directory-unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(module, "read_back", gone)
        _, error = field.run(notebook, **told)
    assert error is not None
    assert error.code == "read-back-impossible"
    again, error = field.run(notebook, **told)
    assert error is None, error
    assert again.record.outcome is Outcome.DONE


def test_without_its_approval_it_is_read_back_and_not_called_done(field: Field) -> None:
    field.planned()
    run = field.begin()
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    before_reading_back(run, change)
    for path in (field.folder / "approvals").iterdir():
        path.unlink()
    field.sent = 0
    again, error = field.run()
    assert error is not None
    assert (error.code, again.record.outcome) == ("approval-not-proved", Outcome.VERIFICATION_FAILED)
    findings = again.record.facts["findings"]
    assert isinstance(findings, list)
    assert "approval-not-proved" in {finding["id"] for finding in findings}
    assert (again.record.facts["approval"], field.sent) == (None, 0)
    # It was read back and reported: the next run plans anew.
    later, error = field.run()
    assert later.record.outcome is Outcome.NOTHING_TO_DO, error


def test_a_route_that_has_nothing_to_look_at_is_not_called_done_either(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    field.planned()
    run = field.begin()
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    before_reading_back(run, change)
    for path in (field.folder / "approvals").iterdir():
        path.unlink()
    monkeypatch.setattr(DirectWay, "read_back", lambda *_: None)
    again, error = field.run()
    assert error is not None
    assert (error.code, again.record.outcome) == ("approval-not-proved", Outcome.VERIFICATION_FAILED)


def test_a_journal_that_somebody_laid_down_over_what_is_there_is_not_done(field: Field) -> None:
    """Groups that stand in AD anyway, and a journal that says that a change under this change id wrote them."""
    field.planned()
    done, _ = field.run()
    plan = (done.record.folder.path / "plan.json").read_bytes()
    first, *rest = field.lines(done.record.folder.path)
    field.clear()
    field.run(select_names=["Vault"])
    forged = field.folder / "20261122T06999998-forged"
    forged.mkdir()
    (forged / "plan.json").write_bytes(plan)
    field.write_lines(forged, [{**first, "run": forged.name}, *rest])
    run, error = field.run(select_names=["Vault"])
    assert error is not None
    assert (error.code, run.record.outcome) == ("approval-not-proved", Outcome.VERIFICATION_FAILED)
