"""Ctrl-C in commands that work on records: what was and what was not done is said, and nothing is half there."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_lib.model.outcome import Outcome
from tests.unit.runner.test_chosen_record import gwb, run_of

NOTHING_WRITTEN = "Interrupted: nothing was written.\n"


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_of(tmp_path / "CHG9", "x", 8, Outcome.DONE)


@pytest.mark.parametrize(
    ("at_work", "words"),
    [
        ("runbook_lib.record.export_text.summary_markdown", ("export", "{run}", "--markdown", "-o", "{out}")),
        ("runbook_lib.record.comparison.compare_tables", ("compare", "{run}", "{run}", "--page", "{out}")),
    ],
)
def test_a_command_that_writes_a_file_has_written_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Path, at_work: str, words: tuple[str, ...]
) -> None:
    assert gwb("seal", str(run), "--without-notebook").exit_code == 0
    monkeypatch.setattr(at_work, interrupt)
    out = tmp_path / "out"
    done = gwb(*(word.format(run=run, out=out) for word in words))
    assert (done.exit_code, done.stderr) == (Outcome.INTERRUPTED.exit_code, NOTHING_WRITTEN)
    assert not out.exists()


def test_a_comparison_is_whole_or_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Path) -> None:
    out = tmp_path / "out"
    out.write_text("the page of yesterday", encoding="utf-8")
    monkeypatch.setattr("os.fsync", interrupt)
    done = gwb("compare", str(run), str(run), "--page", str(out))
    assert done.exit_code == Outcome.INTERRUPTED.exit_code
    assert out.read_text(encoding="utf-8") == "the page of yesterday"


@pytest.mark.parametrize(
    ("at_work", "said"),
    [
        ("runbook_lib.record.seal_by_record.seal", "x is not sealed yet. The same command seals it."),
        ("runbook_lib.record.seal_by_record.build_index", "x is sealed; the list of records may not show it yet."),
    ],
)
def test_sealing_says_whether_the_record_is_sealed(
    monkeypatch: pytest.MonkeyPatch, run: Path, at_work: str, said: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(at_work, interrupt)
        done = gwb("seal", str(run), "--without-notebook")
    assert (done.exit_code, done.stderr) == (Outcome.INTERRUPTED.exit_code, f"Interrupted: {said}\n")
    sealed = gwb("verify-record", str(run)).exit_code == 0
    assert sealed == ("is sealed" in said)
