"""A fleet as a scheduler needs it: sets of tenants with their notebooks, and Airflow's pools. Pure."""

from __future__ import annotations

from collections import defaultdict

from runbook_lib.fleet.jobs import Job, ReadFleet
from runbook_lib.model.text import Text, t


def jobs_json(read: ReadFleet) -> dict[str, object]:
    """Everything that decides how the runs are started. No secret and no parameter is in it."""
    fleet = read.fleet
    return {
        "schema": "gwb-fleet-jobs/1",
        **fleet.model_dump(include=_TOLD),
        "file": str(read.file.absolute()),
        "records_dir": str(read.records),
        "groups": [
            {"pool": pool, "notebooks": list(notebooks), "tenants": tenants}
            for (pool, notebooks), tenants in _groups(read).items()
        ],
        # Whoever keeps this answer looks at these files: it is as good as they are unchanged.
        "files": sorted({str(read.file.absolute()), *(str(path) for job in read.jobs for path in job.files)}),
        "change_ids": {job.tenant: job.change_id for job in read.jobs},
    }


_TOLD = {"name", "schedule", "time_zone", "concurrency", "time_limit_minutes"} | {
    "wait_minutes",
    "check_minutes",
    "retries",
    "retry_minutes",
    "copy_to",
}


def airflow_pools(read: ReadFleet) -> dict[str, dict[str, object]]:
    """What ``airflow pools import`` takes: name to slots."""
    name = read.fleet.name
    found = {_all(read): _pool(read.fleet.concurrency, t("All runs of the fleet {name} that share nothing", name=name))}
    for together, members in _sets(read).items():
        if len({job.tenant for job in members}) > 1:
            what = t("Tenants of the fleet {name} of which no two may run together", name=name)
            found[_one(read, together)] = _pool(1, what)
    return found


def _pool(slots: int, description: Text) -> dict[str, object]:
    return {"slots": slots, "description": description, "include_deferred": False}


def _all(read: ReadFleet) -> str:
    return f"gwb-{read.fleet.name}"


def _one(read: ReadFleet, together: str) -> str:
    return f"gwb-{read.fleet.name}-{together}"


def _sets(read: ReadFleet) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = defaultdict(list)
    for job in read.jobs:
        found[job.together].append(job)
    return found


def _groups(read: ReadFleet) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """Pool and notebooks to the tenants that have both: a scheduler maps one group of tasks over these tenants.

    A tenant that shares nothing goes with all others like it: its notebooks come one after the other anyway.
    """
    found: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for together, members in _sets(read).items():
        tenants = list(dict.fromkeys(job.tenant for job in members))
        pool = _all(read) if len(tenants) == 1 else _one(read, together)
        for tenant in tenants:
            notebooks = tuple(job.notebook for job in members if job.tenant == tenant)
            found[(pool, notebooks)].append(tenant)
    return found
