"""What ``gwb fleet jobs`` answered, kept until a file that it read changes.

Airflow reads the file of a DAG every half a minute and again in every task: asking each time would cost a second of a
processor, and more than Airflow waits where the machine is busy.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gwb_airflow.command import answer_of


def jobs_of(fleet: str, gwb: str) -> Mapping[str, Any]:
    """What the fleet's file says, for a scheduler.

    Raises:
        GwbFailed: The file is refused, or ``gwb`` cannot be started.
    """
    key = hashlib.sha256(f"{fleet}\n{gwb}".encode()).hexdigest()[:32]
    kept = Path(os.environ.get("AIRFLOW_HOME") or Path.home() / "airflow") / "gwb-fleets" / f"{key}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["seen"] == _seen(known["told"]["files"]):
            return dict(known["told"])
    told = answer_of([gwb, "fleet", "jobs", fleet])
    with contextlib.suppress(OSError):  # without a place to keep it, it is asked for each time
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=kept.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"told": told, "seen": _seen(told["files"])}, file)
        Path(name).replace(kept)
    return told


def _seen(files: list[str]) -> list[list[int]]:
    """Size and time of change of each file."""
    facts = [Path(path).stat() for path in files]
    return [[one.st_size, one.st_mtime_ns] for one in facts]
