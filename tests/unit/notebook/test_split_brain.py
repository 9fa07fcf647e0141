"""Two hosts on one target: the one that was taken for dead writes no more, and nothing is doubled."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.lease import held_lease
from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import verbatim
from tests.unit.notebook.field import Field

SECONDS = 3_000
"""Of every lease here; no thread renews one while a test runs."""


def lease_folder(field: Field) -> Path:
    (folder,) = (field.records / "leases").iterdir()
    return folder


def taken_over(field: Field, hosts: ExitStack) -> None:
    """Another host finds the lease too old, by the file server's time, and takes it."""
    folder = lease_folder(field)
    newest = max(folder.iterdir())
    long_ago = newest.stat().st_mtime - SECONDS - 1
    os.utime(newest, (long_ago, long_ago))
    told: dict[str, Any] = {"seconds": SECONDS, "write_seconds": 30, "clock": lambda: field.now}
    hosts.enter_context(
        held_lease(field.records, folder.name, verbatim("run on host-b"), monotonic=lambda: 0.0, **told)
    )


def test_before_every_write_a_stale_token_is_refused(field: Field) -> None:
    field.planned(lease_seconds=SECONDS)
    with ExitStack() as hosts:
        field.sent = 0
        field.before_send = lambda number: taken_over(field, hosts) if number == 2 else None
        stopped, error = field.run(lease_seconds=SECONDS)

        # The write that was on its way is the last one.
        assert field.sent == 2
        assert error is not None
        assert (stopped.record.outcome, error.values["cause"]) == (Outcome.PARTIAL, "lease-lost")
        assert "host-b" in error.message
        assert "closed" not in [line["entry"] for line in field.lines(stopped.record.folder.path)]

        field.before_send = lambda _: None
        again, refused = field.run(lease_seconds=SECONDS)
        assert (again.record.outcome, refused.code if refused else "") == (Outcome.REFUSED, "locked")
        assert field.sent == 2

    resumed, error = field.run(lease_seconds=SECONDS)
    assert resumed.record.outcome is Outcome.DONE, error
    assert sorted(field.groups()) == ["Board", "Sales"]
    finished, _ = field.run(lease_seconds=SECONDS)
    assert finished.record.outcome is Outcome.NOTHING_TO_DO


def test_before_the_first_write_nothing_is_written(field: Field) -> None:
    field.planned(lease_seconds=SECONDS)
    run = field.begin(lease_seconds=SECONDS)
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    with ExitStack() as hosts:
        taken_over(field, hosts)
        with pytest.raises(RunbookError) as caught:
            change.apply()
        run.ended_with(caught.value)
        assert (caught.value.code, run.record.outcome) == ("lease-lost", Outcome.REFUSED)
        assert field.groups() == {}


def test_a_host_that_slept_does_not_write(field: Field) -> None:
    field.planned(lease_seconds=90)
    run = field.begin(lease_seconds=90, reading_max_age=1440)
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    field.now += timedelta(seconds=61)
    with pytest.raises(RunbookError) as caught:
        change.apply()
    run.ended_with(caught.value)
    assert caught.value.code == "lease-lost"
    assert field.groups() == {}


def test_without_a_lease_no_folder_is_made(field: Field) -> None:
    field.planned()
    run, error = field.run()
    assert run.record.outcome is Outcome.DONE, error
    assert not (field.records / "leases").exists()
