"""Undo: what is wrong with undo_record is said before anything is read, with the records that can be undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from runbook_lib.change.journal import CARRIED_OUT, JOURNAL_FILE, Journal
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.change.step import Effect
from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.needs import LISTED, UNDO, require_needs, require_undoable, undoable
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.writes import writes_of
from tests.support import builders as b

DAY = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
GROUP = b.cloud_group("Team")
PLAN = plan_enable(b.inventory_of(b.cloud_side([GROUP], {"Team": []}), b.directory_side()), b.policy("Team")).plan
DIGEST = PLAN.changes[0].digest


def a_run(
    records: Path, change: str, run: str, *, day: int = 22, sealed: bool = True, closed: bool = True, wrote: bool = True
) -> Path:
    """A run's record as 30-enable-writeback leaves it."""
    started = DAY.replace(day=day)
    folder = RecordFolder.create(records, change, run)
    record = RunRecord.begin(
        folder,
        notebook_name="30-enable-writeback",
        notebook_sha256="ab" * 32,
        mode="record",
        started=started,
        parameters={},
        versions={},
    )
    folder.write_json("plan.json", plan_to_json(PLAN))
    record.set(plan={"digest": PLAN.digest, "counts": PLAN.counts, "operation": "enable", "groups": PLAN.groups})
    outcome = Outcome.PARTIAL if wrote else Outcome.AWAITING_APPROVAL
    if wrote:
        with Journal(folder.path / JOURNAL_FILE, lambda: "now") as journal:
            journal.open(operation="enable", plan_digest=PLAN.digest, approved=[DIGEST])
            journal.begin(f"{DIGEST}/1", DIGEST, "", writes_of(PLAN.changes)[0].intent())
            journal.finish(Effect(f"{DIGEST}/1", DIGEST, b.guid("x"), {"created": "CN=x"}))
            if closed:
                journal.close(CARRIED_OUT)
    record.set(changes={"planned": 1, "done": int(wrote and closed)})
    record.finish(Outcome.DONE if wrote and closed else outcome, ended=started)
    if sealed:
        seal(folder, None, clock=lambda: started)
    return folder.path


def told(records: Path, record: Path | str = "") -> Parameters:
    return Parameters.model_construct(records_dir=str(records), undo_record=str(record))


def refused(parameters: Parameters) -> RunbookError:
    with pytest.raises((UsageError, Refused)) as caught:
        require_undoable(parameters)
    return caught.value


def test_a_missing_record_is_answered_with_those_that_can_be_undone_newest_first(tmp_path: Path) -> None:
    older, newer = a_run(tmp_path, "CHG1", "r1", day=20), a_run(tmp_path, "CHG2", "r2", day=21)
    a_run(tmp_path, "CHG3", "r3", sealed=False)
    a_run(tmp_path, "CHG4", "r4", closed=False)
    a_run(tmp_path, "CHG5", "r5", wrote=False)
    (tmp_path / "CHG6" / "damaged").mkdir(parents=True)
    (tmp_path / "CHG6" / "damaged" / JOURNAL_FILE).write_text("x\n\n", encoding="utf-8")
    error = refused(told(tmp_path))
    assert (error.code, error.outcome) == ("undo-missing", Outcome.USAGE)
    assert error.choices == (
        f'undo_record: "{newer.as_posix()}"  # 2026-11-21 10:00 UTC, enable, 1 group, done',
        f'undo_record: "{older.as_posix()}"  # 2026-11-20 10:00 UTC, enable, 1 group, done',
    )
    assert "newest first" in error.hint
    require_undoable(told(tmp_path, newer))


def test_the_line_is_yaml_that_means_the_record(tmp_path: Path) -> None:
    record = a_run(tmp_path / 'a "b" # c', "CHG1", "r1")
    (line,) = refused(told(record.parents[1])).choices
    assert yaml.safe_load(line) == {"undo_record": record.as_posix()}


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        (lambda good: good.parent / "other", "undo-not-found", "no such folder"),
        (lambda good: good.parent, "undo-is-a-change", "folder of a change"),
        (lambda good: good.parents[1] / "empty", "undo-no-record", "record.json"),
        (lambda good: good.parents[1] / "CHG2" / "open", "undo-not-sealed", "not sealed"),
        (lambda good: good.parents[1] / "CHG3" / "planned", "nothing-was-written", "wrote nothing"),
        (lambda good: good.parents[1] / "CHG4" / "half", "change-open", "not finished"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_with_the_way_out(
    tmp_path: Path, name: Callable[[Path], Path], code: str, words: str
) -> None:
    good = a_run(tmp_path, "CHG1", "r1")
    a_run(tmp_path, "CHG2", "open", sealed=False)
    a_run(tmp_path, "CHG3", "planned", wrote=False)
    a_run(tmp_path, "CHG4", "half", closed=False)
    (tmp_path / "empty").mkdir()
    error = refused(told(tmp_path, name(good)))
    assert error.code == code
    assert words in error.message
    before, put, _ = error.hint.partition("Put one of these lines")
    assert put, "the lines to choose from are introduced"
    assert not before or before.endswith(". "), "one sentence ends before the next begins"
    assert [line.partition("  #")[0] for line in error.choices] == [f'undo_record: "{good.as_posix()}"']


def test_the_folder_of_a_change_is_answered_with_its_own_runs_alone(tmp_path: Path) -> None:
    a_run(tmp_path, "CHG1", "r1")
    mine = a_run(tmp_path, "CHG2", "r2")
    assert [item.record for item in undoable(tmp_path)] != [mine]
    (line,) = refused(told(tmp_path, mine.parent)).choices
    assert mine.as_posix() in line


def test_many_records_are_cut_and_counted(tmp_path: Path) -> None:
    for number in range(LISTED + 2):
        a_run(tmp_path, f"CHG{number}", "r", day=1 + number)
    choices = refused(told(tmp_path)).choices
    assert len(choices) == LISTED + 1
    assert "2026-11-12" in choices[0]
    assert choices[-1].startswith("and 2 older ones")


@pytest.mark.parametrize("there", [True, False])
def test_without_any_record_that_is_said(tmp_path: Path, there: bool) -> None:
    error = refused(told(tmp_path if there else tmp_path / "none"))
    assert "can be undone" in error.hint
    assert error.choices == ()


def test_the_undo_notebook_asks_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        require_needs(UNDO, told(tmp_path))
    assert caught.value.code == "undo-missing"
