"""A lease in the folder of records: one writer on several hosts, also where one was taken for dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.change.lease import Lease, LeaseLost, held_lease
from runbook_lib.errors import Refused, ServiceFailed
from runbook_lib.model.text import verbatim

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SECONDS = 3_000.0
"""So long that no thread renews it while a test runs."""


class Clocks:
    """Both clocks of one host; ``wall`` and ``ticks`` are seconds since its start."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.ticks = 0.0


def lease_of(records: Path, host: str, clocks: Clocks | None = None) -> AbstractContextManager[Lease]:
    own = clocks or Clocks()
    return held_lease(
        records,
        "target",
        verbatim(host),
        seconds=SECONDS,
        write_seconds=30,
        clock=lambda: NOW + timedelta(seconds=own.wall),
        monotonic=lambda: own.ticks,
    )


def files(records: Path) -> list[Path]:
    return sorted((records / "leases" / "target").glob("*.json"))


@contextmanager
def silent(records: Path, host: str) -> Iterator[Lease]:
    """A holder that nobody has heard of for longer than its lease, by the file server's time."""
    with lease_of(records, host) as lease:
        newest = files(records)[-1]
        long_ago = newest.stat().st_mtime - SECONDS - 1
        os.utime(newest, (long_ago, long_ago))
        yield lease


def test_the_second_of_two_hosts_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with lease_of(tmp_path, "CHG1/run on host-a") as first:
        with (
            pytest.raises(Refused, match="CHG1/run on host-a since 2026-11-30T00:00:00Z") as caught,
            lease_of(tmp_path, "host-b"),
        ):
            pass
        first.require()

    assert caught.value.code == "locked"
    with lease_of(tmp_path, "host-b") as second:  # what was given back is nobody's
        assert second.number == first.number + 1


def test_a_holder_that_was_taken_for_dead_writes_no_more(tmp_path: Path) -> None:
    with silent(tmp_path, "host-a") as first:
        first.require()
        with lease_of(tmp_path, "host-b") as second:
            assert second.number > first.number
            with pytest.raises(LeaseLost, match="another host took it: host-b") as caught:
                first.require()
            assert not first.renew()
            second.require()
        # Also when the other one has ended: what it wrote is not what this one has read.
        with pytest.raises(LeaseLost):
            first.require()
    assert caught.value.code == "lease-lost"
    assert json.loads(files(tmp_path)[-1].read_text())["given_back"] is True
    assert "given_back" not in json.loads(files(tmp_path)[0].read_text())


def test_a_lease_that_is_renewed_is_not_taken(tmp_path: Path) -> None:
    with silent(tmp_path, "host-a") as first:
        assert first.renew()
        with pytest.raises(Refused, match="host-a"), lease_of(tmp_path, "host-b"):
            pass


@pytest.mark.parametrize("clock", ["wall", "ticks"])
def test_a_host_that_was_held_up_notices_by_either_clock(tmp_path: Path, clock: str) -> None:
    clocks = Clocks()
    with lease_of(tmp_path, "host-a", clocks) as lease:
        setattr(clocks, clock, SECONDS - 30)
        lease.require()
        # The last write that may be sent has to be over before others may take the lease.
        setattr(clocks, clock, SECONDS - 29)
        with pytest.raises(LeaseLost, match="not renewed"):
            lease.require()
        assert lease.renew()
        lease.require()


def test_a_thread_renews_it(tmp_path: Path) -> None:
    with held_lease(
        tmp_path, "target", verbatim("a"), seconds=0.08, write_seconds=0, clock=lambda: NOW, monotonic=lambda: 0.0
    ):
        newest = files(tmp_path)[-1]
        os.utime(newest, (0, 0))
        while not newest.stat().st_mtime:
            time.sleep(0.01)


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom tests.unit.change.test_lease import lease_of\n"
        "from runbook_lib.errors import Refused\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        "try:\n    with lease_of(Path(sys.argv[1]), sys.argv[2]) as lease:\n"
        "        print('got', lease.number, flush=True)\n        sys.stdin.readline()\n"
        "except Refused as error:\n    print(error.code, flush=True)\n"
    )
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), f"host-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for number in range(4)
    ]
    for host in hosts:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
    for host in hosts:
        assert host.stdin is not None
        host.stdin.write("\n")
    answers = [host.stdout.readline().strip() for host in hosts if host.stdout is not None]
    for host in hosts:
        host.communicate("\n")

    assert sorted(answers) == ["got 1", "locked", "locked", "locked"]


def test_a_lease_that_says_nothing_is_held_until_the_longest_one_would_be_over(tmp_path: Path) -> None:
    with lease_of(tmp_path, "host-a"):
        pass
    newest = files(tmp_path)[-1]
    newest.write_bytes(b"")
    with pytest.raises(Refused, match="just starting"), lease_of(tmp_path, "host-b"):
        pass
    long_ago = newest.stat().st_mtime - 3_601
    os.utime(newest, (long_ago, long_ago))
    with lease_of(tmp_path, "host-b") as lease:
        assert lease.number == 2


def test_numbers_only_grow_and_old_ones_go(tmp_path: Path) -> None:
    for _ in range(103):
        with lease_of(tmp_path, "host-a") as lease:
            number = lease.number
    assert number == 103
    assert len(files(tmp_path)) == 100


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "leases").touch()
    with pytest.raises(ServiceFailed) as caught, lease_of(tmp_path, "host-a"):
        pass
    assert caught.value.code == "lease-unusable"
