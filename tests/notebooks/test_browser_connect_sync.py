"""JupyterLab in a real browser, the route connect-sync: v1 goes and its groups come back."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from tests.notebooks.journey import SMALL, latest_record, sealed_by_itself
from tests.notebooks.runs import collected, written_by_v1
from tests.support.chromium import CHROMIUM
from tests.support.jupyterlab import FINISH, GATE, approve, lab, output, run_all, turn_to, written
from tests.support.lab_access import in_the_way

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="Chromium is not installed"),
]
DISABLE, UNDO = "40-disable-writeback", "60-undo-change"
PLAN = "change = run.plan_"
ACCEPTED = ("hangs-on-groups:member-of", "hangs-on-groups:may-stay", "mail-not-in-address-book")


def test_v1_goes_and_its_groups_come_back(tmp_path: Path) -> None:
    """A person does at the server what the page hands over; each run after it sees what came of it."""
    options = replace(SMALL, recycle_bin=True)
    with start_rehearsal(tmp_path / "rehearsal", options=options) as running:
        control, records = running.control, tmp_path / "records"

        def there() -> dict[str, list[str]]:
            return {anchor: values["objectSid"] for anchor, values in written_by_v1(running).items()}

        def told(change_id: str, **given: object) -> Path:
            # Evidence tells whole seconds, and counts only from after the hand-over.
            time.sleep(1.1)
            accepted = [
                {"finding": one, "by": "Kim Okafor", "reason": "known", "until": "2099-12-31"} for one in ACCEPTED
            ]
            common = {
                "bind_user": names.ADMINISTRATOR,
                "bind_password_file": str(running.folder.administrator_password),
                "connect_evidence": collected(running, tmp_path / "evidence.json"),
                "connect_wait": 0,
                "max_deletions": 200,
                "max_creates": 200,
                "acknowledge": accepted,
                "change_id": change_id,
            }
            return written(tmp_path, running.folder.connect_sync_parameters, **(common | given))

        control.connect_sync("enable", container=names.CONNECT_OU, display_names=False)
        control.connect_sync("cycle")
        before = there()
        with lab(tmp_path, DISABLE, told("CHG-LAB-OFF"), UNDO) as tab:
            run_all(tab)
            tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
            assert "DELETE " in tab.value(output(PLAN))
            assert "\n".join(in_the_way(tab)) == ""
            approve(tab, latest_record(records / "CHG-LAB-OFF"))
            tab.wait(f"{output(FINISH)}.includes('Next: this notebook again')")
            off = sealed_by_itself(records / "CHG-LAB-OFF")
            assert there() == before

            control.connect_sync("disable")
            control.connect_sync("cycle")
            assert not there().keys() & before.keys() or len(there()) < len(before)
            told("CHG-LAB-OFF")
            turn_to(tab, DISABLE)
            run_all(tab)
            tab.wait(f"{output(FINISH)}.includes('Done')")

            told("CHG-LAB-BACK", undo_record=str(off))
            turn_to(tab, UNDO)
            run_all(tab)
            tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
            approve(tab, latest_record(records / "CHG-LAB-BACK"))
            tab.wait(f"{output(FINISH)}.includes('Next: this notebook again')")
            assert "\n".join(in_the_way(tab)) == ""
            assert there() == before, "each with the SID that it had"

            control.connect_sync("enable", container=names.CONNECT_OU, display_names=False)
            control.connect_sync("cycle")
            told("CHG-LAB-BACK", undo_record=str(off))
            turn_to(tab, UNDO)
            run_all(tab)
            tab.wait(f"{output(FINISH)}.includes('Done')")
            assert there() == before
    ended = {
        change: sorted(json.loads(one.read_bytes())["outcome"] for one in records.glob(f"{change}/*/record.json"))
        for change in ("CHG-LAB-OFF", "CHG-LAB-BACK")
    }
    assert all(outcomes == ["awaiting-handoff", "done"] for outcomes in ended.values()), ended
