"""Runs the DAG of a fleet once, in one process of Airflow's environment, and prints each task with its state."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import gwb_fleet  # type: ignore[import-not-found]

found = gwb_fleet._dag.test()
instances = found.get_task_instances()
tasks = {f"{ti.task_id} {ti.map_index}": str(ti.state) for ti in instances}
# How long Airflow's scheduler would wait after the first, second and third try.
(one,) = [ti for ti in instances if ti.task_id.endswith("20-reads") and ti.map_index == 0]
one.task, one.end_date = gwb_fleet._dag.get_task(one.task_id), datetime(2026, 1, 1, tzinfo=UTC)
waits = []
for one.try_number in (1, 2, 3):
    waits.append((one.next_retry_datetime() - one.end_date).total_seconds())
told = {"run": str(found.state), "tasks": tasks, "waits": waits, "at_once": gwb_fleet._dag.max_active_tasks}
sys.stdout.write(f"\n{json.dumps(told)}\n")
