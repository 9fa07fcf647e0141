"""Runs of one change that are sealed at the same time: none is lost from the list, and the chain stays a chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
from filelock import FileLock

from runbook_lib.errors import Refused
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.manifest import latest_sealed, verified_record
from runbook_lib.record.one_at_a_time import LOCK_FILE, sealing_alone
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.record.sealed_runs import read_sealed_runs
from runbook_lib.signing.signature import Signing
from tests.support.signing import new_key

Make = Callable[..., RunRecord]
Clock = Callable[[], datetime]
TOGETHER = 6


def _finished(make_run: Make, name: str) -> RunRecord:
    record = make_run(name)
    record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    return record


def test_runs_that_are_sealed_at_the_same_time_are_all_listed_and_one_chain(make_run: Make, tmp_path: Path) -> None:
    runs = [_finished(make_run, f"run-{number}").folder for number in range(TOGETHER)]
    signing, begin = Signing(new_key(tmp_path)), Barrier(TOGETHER)

    def sealed(number: int) -> None:
        begin.wait()
        seal(runs[number], None, clock=lambda: datetime(2026, 11, 22, 11, tzinfo=UTC), signing=signing)

    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(sealed, range(TOGETHER)))
    found = read_sealed_runs(runs[0].change_folder)
    assert found is not None
    assert {run.run_id for run in found[0].runs} == {run.run_id for run in runs}
    before = [json.loads(run.file("MANIFEST.json").read_bytes())["previous"] for run in runs]
    named = [run["run_id"] for run in before if run]
    assert (len(named), len(set(named))) == (TOGETHER - 1, TOGETHER - 1)
    assert [verified_record(run).problems for run in runs] == [()] * TOGETHER


def test_a_sealing_that_does_not_end_is_named_and_leaves_the_run_open(make_run: Make) -> None:
    folder = _finished(make_run, "run-1").folder
    with (
        FileLock(folder.change_folder / LOCK_FILE),
        pytest.raises(Refused, match="Another run of the change CHG0012345 is being sealed") as caught,
        sealing_alone(folder.change_folder, longest=0),
    ):
        pass
    assert (caught.value.code, folder.sealed) == ("sealing-busy", False)


def test_the_last_run_of_a_chain_is_the_last_one_whatever_the_clock_says(make_run: Make) -> None:
    """The host's clock was put back by an hour between two runs."""
    hours = {"run-1": 12, "run-2": 11, "run-3": 11}
    for name, hour in hours.items():
        folder = _finished(make_run, name).folder
        seal(folder, None, clock=lambda hour=hour: datetime(2026, 11, 22, hour, tzinfo=UTC))  # type: ignore[misc]
    last = latest_sealed(folder.change_folder, but="")
    assert last is not None
    assert last["run_id"] == "run-3"
