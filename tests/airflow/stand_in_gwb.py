"""Stands for ``gwb`` where Airflow's states are tested: answers ``fleet jobs``, ``fleet run``, ``fleet page`` at once.

``GWB_STAND_IN`` names its folder. The tenant's name says how its runs end.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

BASE = Path(os.environ["GWB_STAND_IN"])
RECORDS = BASE / "records"
TENANTS = ("good", "waits", "hands", "refused")


def jobs() -> dict[str, object]:
    """A fleet of four tenants with two notebooks each."""
    return {
        "name": "night",
        "schedule": "",
        "time_zone": "UTC",
        "concurrency": 7,
        "wait_minutes": 0,
        "check_minutes": 1,
        "retries": 3,
        "retry_minutes": 5,
        "copy_to": f"file://{BASE}/store",
        "file": str(BASE / "fleet.yaml"),
        "files": [str(BASE / "fleet.yaml")],
        "records_dir": str(RECORDS),
        "groups": [{"pool": "default_pool", "notebooks": ["20-reads", "30-writes"], "tenants": TENANTS}],
        "change_ids": {name: f"C-{name}" for name in TENANTS},
    }


def run(tenant: str, notebook: str) -> dict[str, object]:
    """One run with its record; an approval comes some seconds after the first run that asks for one."""
    change = RECORDS / f"C-{tenant}"
    record = change / f"run{len(list(change.glob('run*')))}"
    record.mkdir(parents=True)
    for name in ("record.html", "MANIFEST.json"):
        (record / name).write_text(name)
    outcome = "done"
    if tenant == "waits" and notebook == "30-writes" and not (change / "approvals").exists():
        outcome = "awaiting-approval"
        line = f"mkdir -p {change}/approvals; echo 1 > {change}/approvals/a.json"
        subprocess.Popen(
            ["sh", "-c", line], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    elif tenant == "hands" and notebook == "30-writes":
        outcome = "awaiting-handoff"
    elif tenant == "refused" and notebook == "20-reads":
        outcome = "no-access"
    told = {"outcome": outcome, "title": outcome, "message": "", "hint": "", "heals": False}
    return {"runs": [{**told, "record": f"{change.name}/{record.name}"}]}


def page(name: str) -> dict[str, object]:
    """The page of a run in which one tenant needs a person."""
    (RECORDS / "fleet").mkdir(parents=True, exist_ok=True)
    for ending in ("html", "json"):
        (RECORDS / "fleet" / f"{name}.{ending}").write_text(ending)
    return {"exit_code": 8, "counts": {"done": 5, "no-access": 1}}


def main(words: list[str]) -> None:
    """The command line."""
    given = dict(itertools.pairwise(words))
    answers: dict[str, Callable[[], dict[str, object]]] = {
        "jobs": jobs,
        "run": lambda: run(given["--tenant"], given["--notebook"]),
        "page": lambda: page(given["--run"]),
    }
    sys.stdout.write(json.dumps(answers[words[1]]()))


if __name__ == "__main__":
    main(sys.argv[1:])
