"""How many changes a run that stopped midway has done: by its journal and those of the runs that it resumes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.record.carried_out import changes_done
from runbook_lib.routes.connect_sync.acts import acts_of
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from tests.unit.routes_connect_sync.world import enabling

PLAN = enabling()
ACTS = [act.id for act in acts_of(CONNECT_SYNC_TYPES.changes(PLAN.changes))]


def run_of(folder: Path, name: str, done: Sequence[str], resumes: str | None = None) -> Path:
    """A run whose journal holds these writes as done."""
    run = folder / name
    run.mkdir()
    approved = [change.digest for change in PLAN.changes]
    lines: list[dict[str, object]] = [{"entry": "open", "approved": approved, "resumes": resumes}]
    lines += [{"entry": "done", "write": one, "effect": {}} for one in done]
    (run / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (run / "plan.json").write_text(json.dumps(plan_to_json(PLAN)), encoding="utf-8")
    return run


@pytest.mark.parametrize("number", range(len(ACTS) + 1))
def test_what_is_done_is_counted(tmp_path: Path, number: int) -> None:
    assert changes_done(run_of(tmp_path, "one", ACTS[:number])) == number


def test_what_an_earlier_run_did_counts_too(tmp_path: Path) -> None:
    run_of(tmp_path, "one", ACTS[:1])
    assert changes_done(run_of(tmp_path, "two", ACTS[1:2], "one")) == 2
    assert changes_done(run_of(tmp_path, "three", ACTS[2:], "gone")) == 0, "nobody can say what the other run did"


def test_without_a_journal_or_a_plan_nothing_is_counted(tmp_path: Path) -> None:
    assert changes_done(tmp_path) == 0
    run = run_of(tmp_path, "one", ACTS)
    (run / "plan.json").write_text("{")
    assert changes_done(run) == 0
