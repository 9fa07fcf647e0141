"""The DAG of a fleet on a real Airflow, with a stand-in for ``gwb``: states, waiting, page, verdict, copies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.lane import ROOT, VENV

ENGINE = ROOT / "engines" / "airflow"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder and states of one run."""
    folder = tmp_path_factory.mktemp("night")
    gwb = folder / "gwb"
    gwb.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "stand_in_gwb.py"}" "$@"\n', encoding="utf-8")
    gwb.chmod(0o755)
    (folder / "fleet.yaml").touch()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ENGINE / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ENGINE / "plugins"),
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
        "PYTHONPATH": os.pathsep.join((str(ENGINE), str(ENGINE / "dags"))),
        "GWB": str(gwb),
        "GWB_FLEETS": str(folder / "fleet.yaml"),
        "GWB_LOOK_SECONDS": "1",
        "GWB_STAND_IN": str(folder),
    }
    python = str(VENV / "bin" / "python")
    migrated = subprocess.run(
        [python, "-m", "airflow", "db", "migrate"], env=environment, capture_output=True, text=True, check=False
    )
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    done = subprocess.run(
        [python, str(HERE / "one_run.py")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return folder, found


def test_each_tenant_and_notebook_is_a_mapped_task_with_the_state_of_its_outcome(
    night: tuple[Path, dict[str, Any]],
) -> None:
    tasks = night[1]["tasks"]
    first, second = (
        [tasks[f"default_pool-0.{notebook} {number}"] for number in range(4)] for notebook in ("20-reads", "30-writes")
    )

    # good, waits (until the approval came), hands (until waiting was over), refused
    assert first == ["success", "success", "success", "failed"]
    assert second == ["success", "success", "skipped", "upstream_failed"]


def test_no_more_are_under_way_at_once_than_the_fleet_says(night: tuple[Path, dict[str, Any]]) -> None:
    assert night[1]["at_once"] == 7


def test_the_page_is_there_and_the_verdict_fails_where_a_person_is_needed(night: tuple[Path, dict[str, Any]]) -> None:
    assert night[1]["tasks"]["page -1"] == "success"
    assert night[1]["tasks"]["verdict -1"] == "failed"
    assert night[1]["run"] == "failed"


def test_what_is_sealed_is_copied(night: tuple[Path, dict[str, Any]]) -> None:
    folder = night[0]
    sealed = {path.relative_to(folder / "records") for path in (folder / "records").glob("*/*/MANIFEST.json")}

    assert {path.relative_to(folder / "store") for path in (folder / "store").glob("*/*/MANIFEST.json")} == sealed
    # A run that waited was begun again: the approval's, and the looks at the other system.
    assert len([one for one in sealed if one.parts[0] == "C-waits"]) == 3
    assert len(list((folder / "store" / "fleet").iterdir())) == 2


def test_each_wait_before_a_retry_may_be_twice_as_long_as_the_one_before(night: tuple[Path, dict[str, Any]]) -> None:
    # Airflow adds up to as much again, so that not all try at once.
    for number, seconds in enumerate(night[1]["waits"]):
        assert 300 * 2**number <= seconds < 600 * 2**number
