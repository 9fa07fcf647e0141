"""JupyterLab in a real browser: Run All stops at the gate, a person goes on by its form, and AD is watched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.connect.evidence import KEPT_EVIDENCE
from runbook_lib.model.moment import iso_seconds
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import latest_record
from tests.notebooks.test_jupyter_server import address
from tests.support.chromium import CHROMIUM, Page, page
from tests.support.connect_evidence import evidence, file_of
from tests.support.plain import ROOT
from tools.jupyter import NOTEBOOK, SETTINGS, lab_command

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="Chromium is not installed"),
]
NAMES = ["$\\phantom{Not} \\href{javascript:alert(1)}{Finance}$", "$x^2$ costs $5", "<script>alert(1)</script>"]
GATE, FINISH = "change.require_approval()", "run.finish()"
FIELD, PREFLIGHT = "run.connect_server()", "preflight = run.preflight()"
PLAN, WATCH = "change = run.plan_enable", "change.verify()"
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')"


def _cell(source: str) -> str:
    """The code cell with this text, as a JavaScript expression."""
    return (
        "[...document.querySelectorAll('.jp-CodeCell')].find("
        f"c => c.querySelector('.jp-InputArea-editor')?.innerText.includes({json.dumps(source)}))"
    )


def _menu(tab: Page, menu: str, item: str) -> None:
    tab.click(f"[...document.querySelectorAll('.lm-MenuBar-itemLabel')].find(e => e.textContent === '{menu}')")
    found = f"[...document.querySelectorAll('.lm-Menu-itemLabel')].find(e => e.textContent.startsWith('{item}'))"
    tab.wait(f"{found} && {found}.offsetParent !== null")
    tab.click(found)


def _output(source: str) -> str:
    return f"({_cell(source)}?.querySelector('.jp-Cell-outputArea')?.innerText ?? '')"


@contextmanager
def _lab(tmp_path: Path, notebook: str, parameters: Path, **environment: str) -> Iterator[Page]:
    """A tab of JupyterLab with a copy of a notebook (JupyterLab saves by itself) that is ready to run."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(ROOT / "notebooks" / f"{notebook}.ipynb", home)
    token = "0123456789abcdef0123456789abcdef"
    told = (
        os.environ
        | environment
        | {
            "GWB_PARAMETERS": str(parameters),
            "GWB_PROJECT_ROOT": str(ROOT),
            "JUPYTER_CONFIG_PATH": str(SETTINGS),
            "JUPYTER_TOKEN": token,
            **{f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")},
            **{f"JUPYTERLAB_{name}_DIR": str(tmp_path / name) for name in ("SETTINGS", "WORKSPACES")},
        }
    )
    ours = lab_command(["--no-browser", "--port=0", "--allow-root", f"--ServerApp.root_dir={home}"])
    command = [word for word in ours if word not in (NOTEBOOK, f"--ServerApp.root_dir={ROOT}")]
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=home, env=told, stdout=output, stderr=subprocess.STDOUT)
    try:
        lab = f"{address(log, server)}lab/tree/{notebook}.ipynb?token={token}&reset"
        with page(lab, tmp_path / "profile") as tab:
            tab.wait(_cell(FINISH))
            tab.wait(IDLE)
            yield tab
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _written(tmp_path: Path, parameters: Path, **given: object) -> Path:
    """A parameters file of the rehearsal's with other values."""
    theirs = yaml.safe_load(parameters.read_text(encoding="utf-8"))
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(theirs | {"records_dir": str(tmp_path / "records")} | given), encoding="utf-8")
    return mine


def _run_all(tab: Page) -> None:
    """Run every cell; asked again where the menu did not reach the notebook, which happens on a busy machine."""
    begun = (
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].some(p => /[*\\d]/.test(p.textContent))"
    )
    for _ in range(5):
        _menu(tab, "Run", "Run All Cells")
        with suppress(AssertionError):
            tab.wait(begun, seconds=10)
            return
    raise AssertionError("the notebook does not run")


def _approve(tab: Page, record: Path) -> None:
    """Answer the form of the gate, as a person does, and go on below it."""
    for number, text in enumerate(("Kim", planned(record, ROUTES).phrase)):
        tab.click(f"{_cell(GATE)}.querySelectorAll('.widget-text input')[{number}]")
        tab.type(text)
    tab.click(f"(b => b && !b.disabled && b)({_cell(GATE)}.querySelector('button.jupyter-button'))")
    tab.wait(f"{_output(GATE)}.includes('Recorded: Kim approved plan')")


def _go_on(tab: Page) -> None:
    tab.click(f"{_cell(GATE)}.querySelector('.jp-InputArea-prompt')")
    _menu(tab, "Run", "Run Selected Cell and All Below")


def test_run_all_stops_at_the_gate_and_the_form_opens_it(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    mine = _written(tmp_path, fresh_rehearsal.parameters_file, change_id="CHG-LAB", select_names=NAMES)
    with _lab(tmp_path, "30-enable-writeback", mine) as tab:
        _journey(tab, fresh_rehearsal, tmp_path / "records" / "CHG-LAB")


def test_cloud_sync_is_watched_and_the_watch_can_be_cancelled(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    """The job does not run by itself here, so what is not tried first is waited for."""
    control = fresh_rehearsal.control
    control.cloud_sync("members", on=True)
    mine = _written(tmp_path, fresh_rehearsal.folder.cloud_sync_parameters, change_id="CHG-LAB-CS", cloud_sync_wait=60)
    with _lab(tmp_path, "30-enable-writeback", mine) as tab:
        _run_all(tab)
        tab.wait(f"{_output(GATE)}.includes('Awaiting approval')")
        assert "AD as Cloud Sync will make it" in tab.value(_output(PLAN))
        record = latest_record(tmp_path / "records" / "CHG-LAB-CS")
        _approve(tab, record)
        _go_on(tab)
        tab.wait(f"{_output(WATCH)}.includes('Waiting for Cloud Sync')")
        tab.wait(f"{_output(WATCH)}.includes('1 of 2')")
        _menu(tab, "Kernel", "Interrupt Kernel")
        tab.wait(IDLE)
        tab.wait(f"{_output(FINISH)}.includes('Run the notebook again')")
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "awaiting-handoff"


def test_connect_sync_is_handed_over_and_watched_until_its_groups_are_there(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    """The wizard's steps are on the page; meanwhile a person does them, and the next run sees the groups arrive."""
    server, theirs = fresh_rehearsal.control.connect_sync, fresh_rehearsal.folder.connect_sync_parameters
    file = tmp_path / "evidence.json"
    file.write_text(str(server("evidence")["file"]), encoding="utf-8")
    given = {"change_id": "CHG-LAB-V1", "connect_evidence": str(file), "connect_wait": 60}
    mine, records = _written(tmp_path, theirs, **given), tmp_path / "records" / "CHG-LAB-V1"
    (tmp_path / "first").mkdir()
    with _lab(tmp_path / "first", "30-enable-writeback", mine) as tab:
        _run_all(tab)
        tab.wait(f"{_output(GATE)}.includes('Awaiting approval')")
        assert "AD as group writeback v1 will make it" in tab.value(_output(PLAN))
        record = latest_record(records)
        _approve(tab, record)
        _go_on(tab)
        tab.wait(f"{_output(FINISH)}.includes('hand-off-switch-on.txt')")
        assert "Tick Group writeback." in tab.value(_output(WATCH))
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "awaiting-handoff"
    server("enable", container=names.CONNECT_OU, display_names=True)
    server("cycle", at_most=20)
    (tmp_path / "second").mkdir()
    with _lab(tmp_path / "second", "30-enable-writeback", mine) as tab:
        _run_all(tab)
        tab.wait(f"{_output(WATCH)}.includes('Waiting for Connect Sync')")
        server("cycle")
        tab.wait(f"{_output(FINISH)}.includes('hand-off-address-book.txt')")
    facts = json.loads((latest_record(records) / "record.json").read_bytes())
    assert (facts["outcome"], facts["error"]["code"]) == ("awaiting-handoff", "address-book-waiting")


def test_the_collectors_file_is_uploaded_and_the_pre_flight_goes_by_it(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    server = evidence(collected=iso_seconds(datetime.now(UTC)), features={"v1": False, "v2": False})
    content = file_of(server).decode("utf-8")
    mine = _written(tmp_path, fresh_rehearsal.parameters_file, change_id="CHG-LAB-UP")
    with _lab(tmp_path, "10-detect-exchange", mine) as tab:
        tab.click(f"{_cell(PREFLIGHT)}.querySelector('.jp-InputArea-prompt')")
        _menu(tab, "Run", "Run All Above Selected Cell")
        tab.wait(f"{_output(FIELD)}.includes('No file yet')")
        # A browser's own dialogue is out of reach: the field's input is given the file as the dialogue gives it.
        tab.value("HTMLInputElement.prototype.click = function () { window.chosenInput = this }")
        tab.click(f"{_cell(FIELD)}.querySelector('.widget-upload')")
        tab.wait("window.chosenInput")
        tab.value(
            "(() => { const files = new DataTransfer();"
            f" files.items.add(new File([{json.dumps(content)}], 'from-connect01.json'));"
            " window.chosenInput.files = files.files;"
            " window.chosenInput.dispatchEvent(new Event('change')); })()"
        )
        tab.wait(f"{_output(FIELD)}.includes('Taken: from-connect01.json, collected on CONNECT01')")
        tab.click(f"{_cell(PREFLIGHT)}.querySelector('.jp-InputArea-prompt')")
        _menu(tab, "Run", "Run Selected Cell and All Below")
        tab.wait(f"{_output(FINISH)}.includes('Done')")
    record = latest_record(tmp_path / "records" / "CHG-LAB-UP")
    assert (record / KEPT_EVIDENCE).read_bytes() == content.encode()
    ids = {one["id"] for one in json.loads((record / "record.json").read_bytes())["findings"]}
    assert "connect-evidence-uploaded" in ids
    assert "connect-server-unread" not in ids, "the pre-flight read what was uploaded"


def _journey(tab: Page, rehearsal: RunningRehearsal, records: Path) -> None:
    _run_all(tab)
    tab.wait(f"{_output(GATE)}.includes('Awaiting approval')")
    assert tab.value(_output(FINISH)) == ""
    assert rehearsal.control.writes()["count"] == 0
    # A name is shown as it is: nothing of it was typeset, linked or run.
    for name in NAMES:
        tab.wait(f"{_output('change = run.plan_enable')}.includes({json.dumps(name)})")
    assert tab.value("document.querySelectorAll('.jp-OutputArea mjx-container, .jp-OutputArea script').length") == 0

    record = latest_record(records)
    _approve(tab, record)
    assert rehearsal.control.writes()["count"] == 0

    _go_on(tab)
    tab.wait(f"{_output(FINISH)}.includes('Done')")
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "done"
    written = [attributes.get("displayName") for attributes in rehearsal.control.directory().values()]
    assert all([name] in written for name in NAMES)
