"""JupyterLab in a real browser: Run All stops at the gate, a person goes on by its form, and AD is watched."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.connect.evidence import KEPT_EVIDENCE
from runbook_lib.model.moment import iso_seconds
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import latest_record
from tests.notebooks.runs import collected
from tests.support.chromium import CHROMIUM, Page
from tests.support.connect_evidence import evidence, file_of
from tests.support.jupyterlab import FINISH, GATE, IDLE, approve, cell, lab, menu, output, press, run_all, written
from tests.support.lab_access import in_the_way

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="Chromium is not installed"),
]
NAMES = ["$\\phantom{Not} \\href{javascript:alert(1)}{Finance}$", "$x^2$ costs $5", "<script>alert(1)</script>"]
FIELD, PREFLIGHT = "run.connect_server()", "preflight = run.preflight()"
TOP, PLAN, WATCH = "run = open_run(", "change = run.plan_enable", "change.verify()"


def test_run_all_stops_at_the_gate_and_the_form_opens_it(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    mine = written(tmp_path, fresh_rehearsal.parameters_file, change_id="CHG-LAB", select_names=NAMES)
    with lab(tmp_path, "30-enable-writeback", mine) as tab:
        _journey(tab, fresh_rehearsal, tmp_path / "records" / "CHG-LAB", mine)


def test_cloud_sync_is_watched_and_the_watch_can_be_cancelled(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    """The job does not run by itself here, so what is not tried first is waited for."""
    control = fresh_rehearsal.control
    control.cloud_sync("members", on=True)
    mine = written(tmp_path, fresh_rehearsal.folder.cloud_sync_parameters, change_id="CHG-LAB-CS", cloud_sync_wait=60)
    with lab(tmp_path, "30-enable-writeback", mine) as tab:
        run_all(tab)
        tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
        assert "AD as Cloud Sync will make it" in tab.value(output(PLAN))
        record = latest_record(tmp_path / "records" / "CHG-LAB-CS")
        approve(tab, record)
        tab.wait(f"{output(WATCH)}.includes('Waiting for Cloud Sync')")
        tab.wait(f"{output(WATCH)}.includes('1 of 2')")
        menu(tab, "Kernel", "Interrupt Kernel")
        tab.wait(IDLE)
        tab.wait(f"{output(FINISH)}.includes('Run the notebook again')")
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "awaiting-handoff"


def test_connect_sync_is_handed_over_and_watched_until_its_groups_are_there(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    """The wizard's steps are on the page; meanwhile a person does them, and the next run sees the groups arrive."""
    server, theirs = fresh_rehearsal.control.connect_sync, fresh_rehearsal.folder.connect_sync_parameters
    file = collected(fresh_rehearsal, tmp_path / "evidence.json")
    given = {"change_id": "CHG-LAB-V1", "connect_evidence": file, "connect_wait": 60}
    mine, records = written(tmp_path, theirs, **given), tmp_path / "records" / "CHG-LAB-V1"
    (tmp_path / "first").mkdir()
    with lab(tmp_path / "first", "30-enable-writeback", mine) as tab:
        run_all(tab)
        tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
        assert "AD as group writeback v1 will make it" in tab.value(output(PLAN))
        record = latest_record(records)
        approve(tab, record)
        tab.wait(f"{output(FINISH)}.includes('hand-off-switch-on.txt')")
        assert "Tick Group writeback." in tab.value(output(WATCH))
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "awaiting-handoff"
    server("enable", container=names.CONNECT_OU, display_names=True)
    server("cycle", at_most=20)
    (tmp_path / "second").mkdir()
    with lab(tmp_path / "second", "30-enable-writeback", mine) as tab:
        run_all(tab)
        tab.wait(f"{output(WATCH)}.includes('Waiting for Connect Sync')")
        server("cycle")
        tab.wait(f"{output(FINISH)}.includes('hand-off-address-book.txt')")
    facts = json.loads((latest_record(records) / "record.json").read_bytes())
    assert (facts["outcome"], facts["error"]["code"]) == ("awaiting-handoff", "address-book-waiting")


def test_the_collectors_file_is_uploaded_and_the_pre_flight_goes_by_it(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    server = evidence(collected=iso_seconds(datetime.now(UTC)), features={"v1": False, "v2": False})
    content = file_of(server).decode("utf-8")
    mine = written(tmp_path, fresh_rehearsal.parameters_file, change_id="CHG-LAB-UP")
    with lab(tmp_path, "10-detect-exchange", mine) as tab:
        tab.click(f"{cell(PREFLIGHT)}.querySelector('.jp-InputArea-prompt')")
        menu(tab, "Run", "Run All Above Selected Cell")
        tab.wait(f"{output(FIELD)}.includes('No file yet')")
        # A browser's own dialogue is out of reach: the field's input is given the file as the dialogue gives it.
        tab.value("HTMLInputElement.prototype.click = function () { window.chosenInput = this }")
        tab.click(f"{cell(FIELD)}.querySelector('.widget-upload')")
        tab.wait("window.chosenInput")
        tab.value(
            "(() => { const files = new DataTransfer();"
            f" files.items.add(new File([{json.dumps(content)}], 'from-connect01.json'));"
            " window.chosenInput.files = files.files;"
            " window.chosenInput.dispatchEvent(new Event('change')); })()"
        )
        tab.wait(f"{output(FIELD)}.includes('Taken: from-connect01.json, collected on CONNECT01')")
        tab.click(f"{cell(PREFLIGHT)}.querySelector('.jp-InputArea-prompt')")
        menu(tab, "Run", "Run Selected Cell and All Below")
        tab.wait(f"{output(FINISH)}.includes('Done')")
        assert "\n".join(in_the_way(tab)) == ""
    record = latest_record(tmp_path / "records" / "CHG-LAB-UP")
    assert (record / KEPT_EVIDENCE).read_bytes() == content.encode()
    ids = {one["id"] for one in json.loads((record / "record.json").read_bytes())["findings"]}
    assert "connect-evidence-uploaded" in ids
    assert "connect-server-unread" not in ids, "the pre-flight read what was uploaded"


def _ticks(tab: Page, record: Path) -> None:
    """Leave one group of the plan out and take it in again, by hand and by keyboard; the form follows."""
    plan, grey = planned(record, ROUTES), f"{cell(GATE)}.querySelector('.widget-html').innerText"
    tab.wait(f"{grey}.includes('the phrase is to be typed: {plan.phrase}')")
    box = f"{cell(GATE)}.querySelectorAll('.gwb-ticking tbody input')[1]"
    tab.click(box)
    tab.wait(f"{grey}.includes('{plan.phrase.replace('3 GROUPS', '2 GROUPS')}')")
    tab.value(f"{box}.focus()")
    tab.press(" ")
    tab.wait(f"{grey}.includes('{plan.phrase}')")


def _refused(tab: Page, mine: Path) -> None:
    """A plan that is too large: JupyterLab comes to its cell, and the top of the notebook says so."""
    fits = mine.read_text(encoding="utf-8")
    mine.write_text(json.dumps(json.loads(fits) | {"max_creates": 2}), encoding="utf-8")
    run_all(tab)
    tab.wait(f"{output(TOP)}.includes('the run stopped at: Plan')")
    tab.wait(f"{cell(PLAN)}.classList.contains('jp-mod-active')")
    # The words at the top lead back to it.
    notebook, heading = "document.querySelector('.jp-WindowedPanel-outer')", "h2[data-jupyter-id=Plan], h2#Plan"
    tab.value(f"{notebook}.scrollTop = 0")
    tab.wait(cell(TOP))
    in_view = f"Math.abs(h.getBoundingClientRect().top - {notebook}.getBoundingClientRect().top) < 60"
    press(
        tab,
        f"{cell(TOP)}.querySelector('.jp-OutputArea a[href$=\"#Plan\"]')",
        f"(h => h && {in_view})(document.querySelector('{heading}'))",
    )
    mine.write_text(fits, encoding="utf-8")


def _journey(tab: Page, rehearsal: RunningRehearsal, records: Path, mine: Path) -> None:
    _refused(tab, mine)
    run_all(tab)
    tab.wait(f"{output(GATE)}.includes('Awaiting approval')")
    tab.wait(f"{output(TOP)}.includes('Awaiting approval: the run stopped at: Gate')")
    assert "Plan" not in tab.value(output(TOP)), "nothing is left of the run before"
    assert tab.value(output(FINISH)) == ""
    assert rehearsal.control.writes()["count"] == 0
    # A name is shown as it is: nothing of it was typeset, linked or run.
    for name in NAMES:
        tab.wait(f"{output('change = run.plan_enable')}.includes({json.dumps(name)})")
    assert tab.value("document.querySelectorAll('.jp-OutputArea mjx-container, .jp-OutputArea script').length") == 0

    record = latest_record(records)
    # JupyterLab came back to the gate from the last cell, where Run All leaves a reader.
    tab.wait(f"{cell(GATE)}.classList.contains('jp-mod-active')")
    _ticks(tab, record)
    assert rehearsal.control.writes()["count"] == 0
    assert "\n".join(in_the_way(tab)) == ""
    approve(tab, record)
    tab.wait(f"{output(FINISH)}.includes('Done')")
    for place in (GATE, TOP):
        assert "Awaiting approval" not in tab.value(output(place)), "no stale error above what was written"
    assert "Done: the last cell says what comes next." in tab.value(output(TOP))
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "done"
    written = [attributes.get("displayName") for attributes in rehearsal.control.directory().values()]
    assert all([name] in written for name in NAMES)
