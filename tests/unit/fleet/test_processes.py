"""The pool: how many at once, never two of a set, what a failure and Ctrl-C stop, whose secrets a run sees."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.fleet import processes
from runbook_lib.fleet.jobs import Job, ReadFleet
from runbook_lib.fleet.processes import Pool, PoolStep, command_of, environment_of
from runbook_lib.runner.kernel.signals import ending_signals_as_interrupts
from tests.unit.fleet.conftest import FleetProject

BOTH = 'notebooks: ["20-inventory-groups", "30-enable-writeback"]\n'
RUN = """
import json, signal, sys, time
from pathlib import Path
folder, name, outcome = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
(folder / f"{name}.on").touch()
seen = sorted(path.stem for path in folder.glob("*.on"))
try:
    if outcome == "wait":
        (folder / "waits").touch()
        time.sleep(60)
except KeyboardInterrupt:
    outcome = "interrupted"
(folder / f"{name}.on").unlink()
print(json.dumps({"outcome": outcome, "title": outcome, "message": ",".join(seen)}))
"""
"""What stands for ``gwb run``: its result says which others were under way when it began."""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Path]:
    """Runs end as they are told, by tenant and notebook; all others are done."""

    def prepare(ends: dict[str, str]) -> Path:
        def command(job: Job, _: ReadFleet) -> list[str]:
            return [sys.executable, "-c", RUN, str(tmp_path), job.name, ends.get(job.name, "done")]

        monkeypatch.setattr(processes, "command_of", command)
        return tmp_path

    return prepare


def pool(read: ReadFleet, tell: Callable[[PoolStep], None] = lambda _: None) -> Pool:
    return Pool(read, environment=os.environ, clock=lambda: datetime.now(UTC), tell=tell)


def test_no_two_of_a_set_and_no_more_than_told(
    project: FleetProject, stand_in: Callable[[dict[str, str]], Path]
) -> None:
    stand_in({})
    tenants = "".join(project.tenant(name, number) for name, number in (("a", 1), ("b", 1), ("c", 2), ("d", 3)))
    read = project.read(tenants, f"{BOTH}concurrency: 2\n")
    most: list[int] = []

    results = pool(read, lambda step: most.append(step.running)).run(read.jobs)

    assert {(one.tenant, one.notebook) for one in results} == {(job.tenant, job.notebook) for job in read.jobs}
    assert max(most) == 2
    for one in results:
        beside = one.message.split(",")
        assert len([name for name in beside if name[0] in "ab"]) <= 1, beside
    order = [(one.tenant, one.notebook[:2]) for one in results if one.tenant in "ab"]
    assert order == [("a", "20"), ("a", "30"), ("b", "20"), ("b", "30")]


def test_a_tenant_whose_run_did_not_end_as_asked_stops_and_the_others_go_on(
    project: FleetProject, stand_in: Callable[[dict[str, str]], Path]
) -> None:
    stand_in({"a.20-inventory-groups": "no-access"})
    read = project.read(project.tenant("a", 1) + project.tenant("b", 2), BOTH)

    results = pool(read).run(read.jobs)

    assert sorted((one.tenant, one.notebook[:2], one.outcome) for one in results) == [
        ("a", "20", "no-access"),
        ("b", "20", "done"),
        ("b", "30", "done"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_ctrl_c_lets_each_run_end_in_order_and_begins_no_other(
    project: FleetProject, stand_in: Callable[[dict[str, str]], Path]
) -> None:
    folder = stand_in({"a.20-inventory-groups": "wait"})
    read = project.read(project.tenant("a", 1) + project.tenant("b", 1), BOTH)

    def press() -> None:
        while not (folder / "waits").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    running = pool(read)
    presser.start()
    with ending_signals_as_interrupts():
        results = running.run(read.jobs)
    presser.join()

    assert [(one.tenant, one.outcome) for one in results] == [("a", "interrupted")]
    assert running.interrupted


def test_a_run_sees_its_own_secrets_alone(project: FleetProject) -> None:
    tenants = project.tenant("a", 1) + '    secrets_prefix: "A_"\n' + project.tenant("b", 2)
    read = project.read(tenants + project.tenant("c", 3) + '    secrets_prefix: "C_"\n')
    given = {"PATH": "x", "A_GWB_CLIENT_SECRET": "a", "C_GWB_BIND_PASSWORD": "c", "GWB_CLIENT_SECRET": "all"}
    a, b, c = read.jobs

    assert environment_of(a, read, given) == {"PATH": "x", "GWB_CLIENT_SECRET": "a"}
    assert environment_of(b, read, given) == {"PATH": "x", "GWB_CLIENT_SECRET": "all"}
    assert environment_of(c, read, given) == {"PATH": "x", "GWB_BIND_PASSWORD": "c"}


def test_the_command_line_names_files_records_and_time(project: FleetProject) -> None:
    entry = project.tenant("a", 1) + '    change_id: "NIGHT-A"\n'
    read = project.read(entry + project.tenant("b", 2), f"{BOTH}time_limit_minutes: 30\nlease_seconds: 120\n")
    words = json.dumps(command_of(read.jobs[0], read)[3:])

    assert words == json.dumps(
        [
            *("run", "20-inventory-groups", "--json", "--quiet", "-f", str(project.root / "a.yaml")),
            *("--records", str(project.root / "records"), "--timeout", "30m", "-p", "change_id=NIGHT-A"),
            *("-p", "lease_seconds=120"),
        ]
    )
    assert "change_id" not in " ".join(command_of(read.jobs[2], read))
