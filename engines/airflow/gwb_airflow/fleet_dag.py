"""A DAG for a fleet: one mapped task for each tenant and notebook, in pools that keep two apart who must not meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, task_group

from gwb_airflow.command import GwbFailed
from gwb_airflow.kept import jobs_of
from gwb_airflow.operators import GwbPageOperator, GwbRunOperator, GwbVerdictOperator

_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""Airflow wants a beginning; nothing is caught up on."""
_LONGEST_DELAY = timedelta(hours=1)
_DOUBLED = 2.0
"""A number and not True, which Airflow 3.3 takes as 1: no further wait would be longer than the first
(``TaskInstance.next_retry_datetime``)."""


def fleet_dag(fleet: str, *, gwb: str = "gwb", records_url: str = "", look_seconds: float = 30) -> DAG:
    """The DAG of a fleet.

    Args:
        fleet: Its file.
        gwb: The product's command, with its path where that is not on PATH.
        records_url: Address under which people reach the folder of records; empty: links lead to the files.
        look_seconds: Seconds between two looks whether an approval has come.

    Raises:
        ValueError: ``gwb fleet jobs`` refuses the file; Airflow shows its words as an import error.
    """
    try:
        told = jobs_of(fleet, gwb)
    except GwbFailed as failed:
        raise ValueError(f"{fleet}: {failed}") from None
    shared = {"told": told, "gwb": gwb, "records_url": records_url}
    zone = told["time_zone"]
    with DAG(
        dag_id=f"gwb-{told['name']}",
        description=f"Group writeback of the fleet {told['name']}",
        schedule=CronTriggerTimetable(told["schedule"], timezone=zone) if told["schedule"] else None,
        start_date=_SINCE,
        catchup=False,
        # The next night begins when this one has ended: two runs of one tenant would meet.
        max_active_runs=1,
        # Over all pools, as where gwb starts them; Airflow would stop at 16.
        max_active_tasks=told["concurrency"],
        tags=["gwb"],
    ) as dag:
        ends = [_group(number, group, shared, look_seconds) for number, group in enumerate(told["groups"])]
        page = GwbPageOperator(task_id="page", trigger_rule="all_done", retries=told["retries"], **shared)
        verdict = GwbVerdictOperator(task_id="verdict", trigger_rule="all_done", page_task="page")
        for end in ends:
            end >> page
        page >> verdict
    return dag


def _group(number: int, group: dict[str, Any], shared: dict[str, Any], look_seconds: float) -> Any:
    """The tenants of one pool that run the same notebooks, each notebook after the one before it."""
    told = shared["told"]

    @task_group(group_id=f"{group['pool'].removeprefix('gwb-')}-{number}".replace(".", "-"))
    def tenants(tenant: str) -> None:
        before = None
        for notebook in group["notebooks"]:
            step = GwbRunOperator(
                task_id=Path(notebook).stem.replace(".", "-"),
                tenant=tenant,
                notebook=notebook,
                pool=group["pool"],
                retries=told["retries"],
                retry_delay=timedelta(minutes=told["retry_minutes"]),
                retry_exponential_backoff=_DOUBLED,
                max_retry_delay=_LONGEST_DELAY,
                map_index_template="{{ task.tenant }}",
                look_seconds=look_seconds,
                **shared,
            )
            if before is not None:
                before >> step
            before = step

    return tenants.expand(tenant=group["tenants"])
