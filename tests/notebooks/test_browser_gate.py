"""JupyterLab in a real browser: Run All stops at the gate; a person answers its form and goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import latest_record
from tests.notebooks.test_jupyter_server import address
from tests.support.chromium import CHROMIUM, Page, page
from tests.support.plain import ROOT
from tools.jupyter import NOTEBOOK, SETTINGS, lab_command

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="Chromium is not installed"),
]
NAMES = ["$\\phantom{Not} \\href{javascript:alert(1)}{Finance}$", "$x^2$ costs $5", "<script>alert(1)</script>"]
GATE, FINISH = "change.require_approval()", "run.finish()"


def _cell(source: str) -> str:
    """The code cell with this text, as a JavaScript expression."""
    return (
        "[...document.querySelectorAll('.jp-CodeCell')].find("
        f"c => c.querySelector('.jp-InputArea-editor')?.innerText.includes({json.dumps(source)}))"
    )


def _menu(tab: Page, item: str) -> None:
    tab.click("[...document.querySelectorAll('.lm-MenuBar-itemLabel')].find(e => e.textContent === 'Run')")
    found = f"[...document.querySelectorAll('.lm-Menu-itemLabel')].find(e => e.textContent.startsWith('{item}'))"
    tab.wait(f"{found} && {found}.offsetParent !== null")
    tab.click(found)


def _output(source: str) -> str:
    return f"({_cell(source)}?.querySelector('.jp-Cell-outputArea')?.innerText ?? '')"


def test_run_all_stops_at_the_gate_and_the_form_opens_it(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    given = {"records_dir": str(tmp_path / "records"), "change_id": "CHG-LAB", "select_names": NAMES}
    theirs = yaml.safe_load(fresh_rehearsal.parameters_file.read_text(encoding="utf-8"))
    (tmp_path / "mine.yaml").write_text(json.dumps(theirs | given), encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    # JupyterLab saves by itself: it works on a copy.
    shutil.copy(ROOT / "notebooks" / "30-enable-writeback.ipynb", home)
    token = "0123456789abcdef0123456789abcdef"
    environment = os.environ | {
        "GWB_PARAMETERS": str(tmp_path / "mine.yaml"),
        "GWB_PROJECT_ROOT": str(ROOT),
        "JUPYTER_CONFIG_PATH": str(SETTINGS),
        "JUPYTER_TOKEN": token,
        **{f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")},
        **{f"JUPYTERLAB_{name}_DIR": str(tmp_path / name) for name in ("SETTINGS", "WORKSPACES")},
    }
    ours = lab_command(["--no-browser", "--port=0", "--allow-root", f"--ServerApp.root_dir={home}"])
    command = [word for word in ours if word not in (NOTEBOOK, f"--ServerApp.root_dir={ROOT}")]
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        lab = f"{address(log, server)}lab/tree/30-enable-writeback.ipynb?token={token}&reset"
        with page(lab, tmp_path / "profile") as tab:
            _journey(tab, fresh_rehearsal, tmp_path / "records" / "CHG-LAB")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _journey(tab: Page, rehearsal: RunningRehearsal, records: Path) -> None:
    tab.wait(_cell(FINISH))
    tab.wait("document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')")
    _menu(tab, "Run All Cells")
    tab.wait(f"{_output(GATE)}.includes('Awaiting approval')")
    assert tab.value(_output(FINISH)) == ""
    assert rehearsal.control.writes()["count"] == 0
    # A name is shown as it is: nothing of it was typeset, linked or run.
    for name in NAMES:
        tab.wait(f"{_output('change = run.plan_enable')}.includes({json.dumps(name)})")
    assert tab.value("document.querySelectorAll('.jp-OutputArea mjx-container, .jp-OutputArea script').length") == 0

    record = latest_record(records)
    for number, text in enumerate(("Kim", planned(record, ROUTES).phrase)):
        tab.click(f"{_cell(GATE)}.querySelectorAll('.widget-text input')[{number}]")
        tab.type(text)
    tab.click(f"(b => b && !b.disabled && b)({_cell(GATE)}.querySelector('button.jupyter-button'))")
    tab.wait(f"{_output(GATE)}.includes('Recorded: Kim approved plan')")
    assert rehearsal.control.writes()["count"] == 0

    tab.click(f"{_cell(GATE)}.querySelector('.jp-InputArea-prompt')")
    _menu(tab, "Run Selected Cell and All Below")
    tab.wait(f"{_output(FINISH)}.includes('Done')")
    assert json.loads((record / "record.json").read_bytes())["outcome"] == "done"
    names = [attributes.get("displayName") for attributes in rehearsal.control.directory().values()]
    assert all([name] in names for name in NAMES)
