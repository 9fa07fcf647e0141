"""Five tenants on Airflow: what becomes of each, who waits, what a killed worker and a killed scheduler leave."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from rehearsal.control import Control
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.fleet.for_schedulers import airflow_pools
from runbook_lib.fleet.load import read_fleet
from runbook_lib.routes.registry import ROUTES
from tests.airflow.engine import running_engine, wait_for
from tests.notebooks.journey import SMALL, change, latest_record, written_objects
from tests.support.plain import ROOT

DAG, RUN = "gwb-night", "manual-1"
WRITES, READS = "30-enable-writeback", "20-inventory-groups"
NOTEBOOKS = {"writes": WRITES, "reads": READS, "recovers": READS, "refused": READS, "inventory": READS}
"""Tenant to its notebook: one that needs an approval, one whose Graph is out for a while, one whose account may not."""


class Night:
    """The fleet, its rehearsals, and Airflow."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.records = folder / "records"
        self.worlds = {
            name: stack.enter_context(start_rehearsal(folder / "worlds" / name, SMALL)) for name in NOTEBOOKS
        }
        entries = "".join(
            f'  - name: "{name}"\n    files: ["{world.parameters_file}"]\n    change_id: "NIGHT-{name}"\n'
            f'    notebooks: ["{NOTEBOOKS[name]}"]\n'
            for name, world in self.worlds.items()
        )
        self.file = folder / "fleet.yaml"
        self.file.write_text(
            f'name: "night"\nrecords_dir: "{self.records}"\nretries: 12\nretry_minutes: 0\n'
            f'copy_to: "file://{folder}/store"\ntenants:\n{entries}',
            encoding="utf-8",
        )
        self.store = folder / "store"
        self.engine = stack.enter_context(running_engine(folder / "airflow", self.file))

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Task instances of tenants and of the page, by name."""
        answer = self.engine.call("GET", f"/api/v2/dags/{DAG}/dagRuns/{RUN}/taskInstances?limit=100") or {}
        return {one["rendered_map_index"] or one["task_id"]: one for one in answer.get("task_instances", [])}

    def state(self, tenant: str) -> str:
        """State of a tenant's task."""
        return str(self.tasks().get(tenant, {}).get("state"))

    def tries(self, tenant: str) -> int:
        """How often its task was begun."""
        return int(self.tasks().get(tenant, {}).get("try_number", 0))

    def wait_for_state(self, tenant: str, *states: str) -> None:
        """Until its task has one of these states."""
        wait_for(lambda: self.state(tenant) in states, f"{tenant} is {self.state(tenant)}, not one of {states}")

    def world(self, tenant: str) -> RunningRehearsal:
        """The rehearsal of a tenant."""
        return self.worlds[tenant]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A night that has begun: every tenant has come as far as it can by itself."""
    with ExitStack() as stack:
        found = Night(tmp_path_factory.mktemp("night"), stack)
        # One that time heals (Graph asks for more patience than a run has), and a permission that is missing.
        found.world("recovers").control.fault("503", count=10_000, retry_after=86_400, path="/groups")
        found.world("refused").control.fault("403", count=10_000, path="/groups")
        engine = found.engine
        wait_for(lambda: engine.call("GET", f"/api/v2/dags/{DAG}"), "the DAG is read")
        for name, pool in pools(found).items():
            assert engine.call("POST", "/api/v2/pools", {"name": name, **pool})
        assert engine.call("PATCH", f"/api/v2/dags/{DAG}", {"is_paused": False})
        begun = {"logical_date": None, "dag_run_id": RUN}
        wait_for(lambda: engine.call("POST", f"/api/v2/dags/{DAG}/dagRuns", begun), "the DAG runs")
        wait_for(lambda: found.tries("recovers") > 1, "what time may heal is tried again")
        found.world("recovers").control.reset()
        ends = {"writes": "deferred", "reads": "success", "recovers": "success", "refused": "failed"}
        for tenant, state in {**ends, "inventory": "success"}.items():
            found.wait_for_state(tenant, state)
        yield found


def pools(night: Night) -> dict[str, dict[str, object]]:
    """What ``gwb fleet pools`` says."""
    return airflow_pools(read_fleet(night.file, project_root=ROOT))


def spans(night: Night) -> list[tuple[str, str]]:
    """Begin and end of every run, by its record."""
    found = []
    for path in night.records.glob("NIGHT-*/*/record.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        found.append((facts["started"], facts["ended"]))
    return sorted(found)


def test_each_tenant_has_the_state_of_its_outcome(night: Night) -> None:
    tasks = night.tasks()

    # What waits for a person is no failure, and holds no slot.
    assert tasks["writes"]["state"] == "deferred"
    assert tasks["refused"]["try_number"] == 1
    assert tasks["recovers"]["try_number"] > 1
    assert Counter(one["pool"] for one in tasks.values())["gwb-night-writes"] == 5


def test_no_two_runs_of_one_tenant_overlapped(night: Night) -> None:
    ends = spans(night)
    assert len(ends) >= 5
    for (_, ended), (begun, _) in itertools.pairwise(ends):
        assert ended <= begun


def last_write(control: Control) -> int:
    """Number of the last write in a domain, as its controller counts them from the same beginning."""
    return max(int(number) for values in control.directory().values() for number in values["uSNChanged"])


def test_after_kills_of_worker_and_scheduler_nothing_is_doubled(night: Night, tmp_path: Path) -> None:
    world, engine = night.world("writes"), night.engine
    control = world.control
    record = latest_record(night.records / "NIGHT-writes")
    phrase = planned(record, ROUTES).phrase

    # The worker dies with all that it started, after a write that took effect and before anybody learned of it.
    control.hold_write(1, "after")
    approve_plan(
        record, ROUTES, approver="Kim", phrase=phrase, valid=timedelta(hours=3), clock=lambda: datetime.now(UTC)
    )
    control.wait_until_held(300)
    (fleet_run,) = engine.processes_of("fleet", "run", "writes")
    worker = fleet_run.parents()[:2]
    for process in [*worker, fleet_run, *fleet_run.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    control.wait_until_held(300, held=False)  # else the end of this hold could be taken for that of the next
    control.hold_write(1, "before")

    # Airflow tries it again, and that run resumes. Then the scheduler dies under it; the new one knows nothing of its
    # run and begins another, which finds the writer's lock, while the old one is told to end.
    control.wait_until_held(300)
    tries = night.tries("writes")
    engine.kill("scheduler")
    engine.start("scheduler")
    wait_for(lambda: night.tries("writes") > tries, "the new scheduler takes the task over")
    control.release()

    night.wait_for_state("writes", "success")
    with start_rehearsal(tmp_path / "undisturbed", SMALL) as other:
        change(other, WRITES, {"records_dir": str(tmp_path / "records"), "change_id": "NIGHT-undisturbed"})
        # What a killed run asked for and never got is no write: the domain itself counts those that took effect.
        assert last_write(control) == last_write(other.control)
        assert written_objects(control.directory()) == written_objects(other.control.directory())
    # No second approval was asked for.
    assert len(list((night.records / "NIGHT-writes" / "approvals").glob("*.json"))) == 1


def test_one_page_has_all_tenants_and_the_store_all_sealed_records(night: Night) -> None:
    wait_for(lambda: night.state("verdict") == "failed", "the verdict")
    told = json.loads((night.records / "fleet" / f"{RUN}.json").read_text(encoding="utf-8"))

    outcomes = {one["tenant"]: one["outcome"] for one in told["runs"]}
    # The run that the killed scheduler left may have ended the change before the last one looked.
    assert outcomes.pop("writes") in ("done", "nothing-to-do")
    assert outcomes == {
        "reads": "done",
        "recovers": "done",
        "refused": "no-access",
        "inventory": "done",
    }
    assert told["exit_code"] == 8
    page = (night.records / "fleet" / f"{RUN}.html").read_text(encoding="utf-8")
    for one in told["runs"]:
        assert f'href="../{one["record"]}/record.html"' in page
    sealed = {path.relative_to(night.records) for path in night.records.glob("NIGHT-*/*/MANIFEST.json")}
    assert {path.relative_to(night.store) for path in night.store.glob("NIGHT-*/*/MANIFEST.json")} == sealed
    links = night.engine.call("GET", f"/api/v2/dags/{DAG}/dagRuns/{RUN}/taskInstances/page/links")
    assert links["extra_links"]["Record"].endswith(f"/fleet/{RUN}.html")
