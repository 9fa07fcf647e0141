"""JupyterLab in a real browser, the route cloud-sync: out of scope, back, a configuration removed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.contoso.registrations import ADMINISTRATOR_CLIENT_ID
from rehearsal.process import RunningRehearsal
from tests.notebooks.journey import latest_record, sealed_by_itself
from tests.notebooks.test_cloud_sync import IDS, World
from tests.notebooks.test_cloud_sync_configuration import configuration
from tests.support.chromium import CHROMIUM, Page
from tests.support.jupyterlab import (
    FINISH,
    GATE,
    approve,
    came_to,
    cell,
    lab,
    output,
    press,
    run_all,
    turn_to,
    written,
)
from tests.support.lab_access import in_the_way

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="Chromium is not installed"),
]
INVENTORY, DISABLE, UNDO = "20-inventory-groups", "40-disable-writeback", "60-undo-change"
BEGIN, PLAN, WATCH = "run = open_run(", "change = run.plan_", "change.verify()"


def approved(tab: Page, rehearsal: RunningRehearsal, record: Path) -> None:
    """Answer the gate and go on; the job runs once while the run watches."""
    approve(tab, record)
    tab.wait(f"{output(WATCH)}.includes('Waiting for Cloud Sync')")
    rehearsal.control.cloud_sync("run")
    tab.wait(f"{output(FINISH)}.includes('Done')")


def test_a_group_leaves_and_comes_back_and_a_configuration_goes(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    records, world = tmp_path / "records", World(fresh_rehearsal, tmp_path / "records")

    def told(change_id: str, **given: object) -> Path:
        common = {"client_id": ADMINISTRATOR_CLIENT_ID, "cloud_sync_wait": 5, "change_id": change_id}
        return written(tmp_path, fresh_rehearsal.folder.cloud_sync_parameters, **(common | given))

    before = configuration(world)
    with lab(tmp_path, DISABLE, told("CHG-OUT", disable_names=["Data Analysts"]), UNDO, INVENTORY) as tab:
        run_all(tab)
        tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
        assert configuration(world) == before
        assert "\n".join(in_the_way(tab)) == ""
        out = latest_record(records / "CHG-OUT")
        approved(tab, fresh_rehearsal, out)
        assert {*before["assigned"]} - {*configuration(world)["assigned"]} == {IDS["data-analysts"]}

        sealed_by_itself(records / "CHG-OUT")
        told("CHG-BACK")  # which record is chosen in the notebook
        turn_to(tab, UNDO)
        run_all(tab)
        tab.wait(f"{output(BEGIN)}.includes('which change is to be undone?')")
        assert "enable" not in (offered := tab.value(f"{cell(BEGIN)}.querySelector('select').innerText"))
        assert "UTC: disable, 1 group, done; CHG-OUT" in offered.replace("\N{NO-BREAK SPACE}", " ")
        came_to(tab, BEGIN)
        assert "\n".join(in_the_way(tab)) == ""
        press(
            tab,
            f"{cell(BEGIN)}.querySelector('button.jupyter-button')",
            f"!{output(BEGIN)}.includes('which change is to be undone?')",
        )
        tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
        approved(tab, fresh_rehearsal, latest_record(records / "CHG-BACK"))
        assert "\n".join(in_the_way(tab)) == ""
        assert configuration(world) == before

        told("CHG-GONE", cloud_sync_disable="remove", cloud_sync_wait=0)
        turn_to(tab, DISABLE)
        run_all(tab)
        tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
        assert f"DELETE CONFIGURATION IN {names.DOMAIN}" in tab.value(output(PLAN))
        approve(tab, latest_record(records / "CHG-GONE"))
        tab.wait(f"{output(FINISH)}.includes('Done')")
        assert configuration(world) == {}

        told("CHG-SEEN", read_owners=True)
        turn_to(tab, INVENTORY)
        run_all(tab)
        tab.wait(f"{output(FINISH)}.includes('Done')")
        assert "\n".join(in_the_way(tab)) == ""
    ended = [json.loads(one.read_bytes())["outcome"] for one in sorted(records.glob("*/*/record.json"))]
    assert ended == ["done"] * 4
