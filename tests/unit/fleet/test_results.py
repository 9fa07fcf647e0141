"""What a process came to, and the page of all tenants."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.fleet.page import build_page
from runbook_lib.fleet.results import JobResult, keep_result, kept_results, result_of, worst_exit_code
from runbook_lib.model.outcome import Outcome
from tests.support.hostile import TEXTS
from tests.unit.fleet.conftest import FleetProject

START = datetime(2026, 11, 30, 2, 15, tzinfo=UTC)
BOTH = 'notebooks: ["20-inventory-groups", "30-enable-writeback"]\n'


def result(tenant: str, notebook: str, outcome: Outcome, **more: object) -> JobResult:
    values = {"code": "", "message": "", "hint": "", "record": "", "changes_done": 0, **more}
    return JobResult(
        tenant, notebook, outcome.value, outcome.exit_code, outcome.title, started="2026-11-30T02:15:00Z", seconds=3.0,
        **values,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_process_that_was_killed_counts_by_what_its_journal_says(project: FleetProject) -> None:
    read = project.read(project.tenant("a", 1))
    job, end = read.jobs[0], START + timedelta(seconds=9)

    def killed() -> JobResult:
        return result_of(job, -9, "", "", records=read.records, started=START, ended=end)

    assert (killed().outcome, killed().record, killed().heals) == ("failed", "", True)
    run = read.records / "CHG-a" / "run-1"
    run.mkdir(parents=True)
    (run / "record.json").write_text(json.dumps({"started": "2026-11-30T02:15:01Z"}))
    assert (killed().outcome, killed().record) == ("failed", "CHG-a/run-1")
    (run / "journal.jsonl").write_text('{"entry": "begin", "write": "1"}\n')
    assert (killed().outcome, killed().exit_code, killed().heals) == ("partial", 6, True)
    # A run of yesterday that was left open is another one.
    (run / "record.json").write_text(json.dumps({"started": "2026-11-29T02:15:01Z"}))
    assert (killed().outcome, killed().record) == ("failed", "")


def test_a_refusal_before_any_record_keeps_what_was_said(project: FleetProject) -> None:
    read = project.read(project.tenant("a", 1))
    said = "Usage error: it is wrong.\nWhat to do: mend it.\n"

    found = result_of(read.jobs[0], 2, "", said, records=read.records, started=START, ended=START)

    assert (found.outcome, found.message) == ("wrong-use", "Usage error: it is wrong. What to do: mend it.")
    assert not found.heals
    silent = result_of(read.jobs[0], 0, "", "", records=read.records, started=START, ended=START)
    assert (silent.outcome, silent.code) == ("failed", "process-ended")  # nobody claims that it is done


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        ([Outcome.DONE, Outcome.NOTHING_TO_DO], 0),
        ([Outcome.AWAITING_HANDOFF, Outcome.AWAITING_APPROVAL], 10),
        ([Outcome.FAILED, Outcome.PARTIAL, Outcome.INTERRUPTED], 6),
        ([Outcome.VERIFICATION_FAILED, Outcome.PARTIAL], 7),
        ([Outcome.BUG, Outcome.INTERRUPTED], 70),
    ],
)
def test_the_worst_is_what_a_person_looks_at_first(outcomes: list[Outcome], code: int) -> None:
    assert worst_exit_code(result("a", "n", outcome) for outcome in outcomes) == code


def test_the_page_has_every_run_by_outcome_with_its_record(project: FleetProject) -> None:
    read = project.read(project.tenant("a", 1) + project.tenant("b", 2), BOTH)
    page = read.records / "CHG-a" / "run 1" / "record.html"
    page.parent.mkdir(parents=True)
    page.touch()
    keep_result(read, "r1", result("a", "20-inventory-groups", Outcome.DONE, record="CHG-a/run 1", changes_done=3))
    keep_result(
        read, "r1", result("b", "20-inventory-groups", Outcome.NO_ACCESS, message=TEXTS[0], code="bind-refused")
    )

    text = build_page(read, "r1", clock_now=START).read_text(encoding="utf-8")
    told = json.loads((read.records / "fleet" / "r1.json").read_text(encoding="utf-8"))

    assert text.index("No access") < text.index(">Done<") < text.index(">Not run<")
    assert 'href="../CHG-a/run%201/record.html"' in text
    assert (read.records / "fleet" / "../CHG-a/run 1/record.html").is_file()
    assert "<script" not in text
    assert told["counts"] == {"no-access": 1, "done": 1, "not-run": 2}
    assert told["exit_code"] == 8


def test_a_later_result_replaces_the_earlier_one_and_damaged_ones_are_left_out(project: FleetProject) -> None:
    read = project.read(project.tenant("a", 1))
    keep_result(read, "r1", result("a", "20-inventory-groups", Outcome.AWAITING_APPROVAL))
    path = keep_result(read, "r1", result("a", "20-inventory-groups", Outcome.DONE))
    (path.parent / "b.json").write_text("{")
    (path.parent / "c.json").write_text(json.dumps({"tenant": "c"}))

    assert [one.outcome for one in kept_results(read.records, "r1").values()] == ["done"]


def test_results_are_for_those_who_may_read_the_change(project: FleetProject) -> None:
    read = project.read(project.tenant("a", 1))
    read.records.mkdir(mode=0o755)
    (read.records / "CHG-a").mkdir(mode=0o700)

    path: Path = keep_result(read, "r1", result("a", "20-inventory-groups", Outcome.DONE))
    page = build_page(read, "r1", clock_now=START)

    assert {one.stat().st_mode & 0o777 for one in (path, page)} == {0o600}
