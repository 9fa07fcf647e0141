"""What may be removed of old records, and that nothing is that somebody could still need."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.index import build_index
from runbook_lib.record.manifest import build_manifest, verified_record
from runbook_lib.record.retention import Retention, remove_files, retention
from runbook_lib.runner.cli import cli
from tests.unit.notebook.field import Field

DAY = timedelta(days=1)


def sealed(field: Field) -> None:
    """Seal the newest run, a second later than the one before it."""
    field.now += timedelta(seconds=1)
    field.seal(field.runs()[-1])


@pytest.fixture
def old(field: Field) -> Field:
    """A change whose plan was written, and a run after it that found nothing to do; 400 days ago."""
    field.planned()
    sealed(field)
    for _ in range(2):
        field.run()
        sealed(field)
    field.now += 400 * DAY
    return field


def going(field: Field, days: int = 100) -> tuple[list[str], dict[str, str]]:
    found = retention(field.records, days * DAY, field.now)
    return [one.run.name for one in found.going], {one.run.name: str(one.why) for one in found.staying}


def take_away(field: Field) -> Retention:
    found = retention(field.records, 100 * DAY, field.now)
    for one in found.going:
        remove_files(one, by="kim", keep=100 * DAY, now=field.now)
    return found


def test_the_last_run_that_wrote_stays_with_what_it_was_approved_from(old: Field) -> None:
    plan, wrote, nothing = (run.name for run in old.runs())
    names, why = going(old)
    assert names == [nothing]
    assert why == {plan: "a run that stays relies on it", wrote: why[wrote]}
    assert "last run of its change that wrote" in why[wrote]
    assert going(old, days=500)[0] == []
    assert "younger" in going(old, days=500)[1][nothing]


def test_a_run_that_was_edited_and_called_removed_is_named_and_kept(old: Field) -> None:
    """Whoever can write to the folder can also write that its files were removed."""
    run = old.runs()[-1]
    told = json.dumps({"at": "2026-11-22T06:00:00Z", "by": "kim"})
    (run / "PRUNED.json").write_text(told, encoding="utf-8")
    (run / "record.html").write_text("Nothing happened.", encoding="utf-8")
    result = verified_record(RecordFolder(run))
    assert (result.ok, result.pruned) == (False, False)
    assert str(result.problems[0]).startswith("record.html: changed")
    names, why = going(old)
    assert run.name not in names
    assert "not as it was sealed: record.html" in why[run.name]
    assert "DAMAGED: record.html" in build_index(old.records).read_text("utf-8")


def test_a_manifest_that_lists_a_file_twice_is_named_where_files_were_removed_too(old: Field) -> None:
    run = old.runs()[-1]
    take_away(old)
    assert verified_record(RecordFolder(run)).pruned
    told = json.loads((run / "MANIFEST.json").read_bytes())
    named = {key: told[key] for key in ("change_id", "run_id", "sealed_at", "previous")}
    (run / "MANIFEST.json").write_bytes(build_manifest([*told["files"], told["files"][0]], **named))
    result = verified_record(RecordFolder(run))
    assert (result.ok, result.pruned) == (False, False)
    assert result.problems[0] == "MANIFEST.json: a file is listed twice"


def test_what_went_shows_and_the_chain_holds(old: Field) -> None:
    nothing = old.runs()[-1]
    old.run()
    sealed(old)
    (gone,) = take_away(old).going
    assert gone.run == nothing
    assert sorted(path.name for path in nothing.iterdir()) == ["MANIFEST.json", "PRUNED.json"]
    result = verified_record(RecordFolder(nothing))
    assert (result.ok, result.pruned, len(result.problems)) == (False, True, 1)
    assert "its files were removed at" in result.problems[0]
    last = old.runs()[-1]
    assert last != nothing
    assert verified_record(RecordFolder(last)).ok
    assert "removed: PRUNED.json" in build_index(old.records).read_text("utf-8")
    # Nothing is left to be done, and a run that was removed otherwise is named as ever.
    assert going(old)[0] == []
    (nothing / "PRUNED.json").unlink()
    assert any("record.json: missing" in problem for problem in verified_record(RecordFolder(nothing)).problems)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda run: (run / "MANIFEST.json").unlink(), "it is not sealed"),
        (lambda run: (run / "record.html").write_text("x"), "it is not as it was sealed: record.html"),
    ],
)
def test_what_is_open_or_altered_stays(old: Field, change: Callable[[Path], object], why: str) -> None:
    nothing = old.runs()[-1]
    change(nothing)
    names, staying = going(old)
    assert names == []
    assert why in staying[nothing.name]


def test_an_unfinished_change_stays_as_a_whole(field: Field) -> None:
    broken = field.killed(2)
    for run in field.runs():
        field.now += timedelta(seconds=1)
        field.seal(run)
    field.now += 400 * DAY
    names, why = going(field)
    assert names == []
    assert set(why.values()) == {f"its change is not finished: {broken.name}"}


def test_a_change_that_cannot_be_read_stays(old: Field) -> None:
    journal = next(old.folder.glob("*/journal.jsonl"))
    journal.write_bytes(journal.read_bytes() + b"{}\n")
    names, why = going(old)
    assert names == []
    assert len(why) == 3


def test_what_a_valid_approval_was_given_for_stays(field: Field) -> None:
    run = field.planned()
    sealed(field)
    field.now += timedelta(hours=2)
    found = retention(field.records, timedelta(hours=1), field.now)
    assert [one.run for one in found.staying] == [run.record.folder.path]
    assert "approval" in found.staying[0].why
    field.now += timedelta(days=8)
    assert [one.run for one in retention(field.records, timedelta(hours=1), field.now).going] == [found.staying[0].run]


def test_pruning_that_broke_off_is_finished(old: Field) -> None:
    nothing = old.runs()[-1]
    kept = old.records.parent / "kept"
    shutil.copytree(nothing, kept)
    take_away(old)
    shutil.copy(kept / "record.json", nothing)
    assert going(old)[0] == [nothing.name]
    take_away(old)
    assert not (nothing / "record.json").exists()


def gwb_prune(field: Field, *more: str) -> Result:
    return CliRunner().invoke(cli, ["records", "prune", "--records", str(field.records), *more], prog_name="gwb")


def test_the_command_removes_nothing_until_it_is_told(field: Field) -> None:
    field.now = field.now.replace(year=2020)
    field.planned()
    sealed(field)
    before = sorted(field.records.rglob("*"))
    done = gwb_prune(field, "--keep", "400d")
    assert (done.exit_code, "Nothing was removed. With --apply: 1 runs" in done.output) == (0, True), done.output
    assert sorted(field.records.rglob("*")) == before
    done = gwb_prune(field, "--keep", "400d", "--apply")
    assert (done.exit_code, "Removed: 1 runs" in done.output) == (0, True), done.output
    (run,) = (path.parent for path in field.folder.glob("*/PRUNED.json"))
    assert json.loads((run / "PRUNED.json").read_bytes())["run_id"] == run.name
    for words, code in ((("--keep", "soon"), 2), ((), 2)):
        assert gwb_prune(field, *words).exit_code == code
    done = CliRunner().invoke(cli, ["records", "--schema", "record", "prune", "--keep", "1d"])
    assert done.exit_code == 2
