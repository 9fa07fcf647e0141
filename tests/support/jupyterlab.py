"""JupyterLab in a real Chromium, as a person uses it: open a notebook, run cells, answer the form of the gate."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from runbook_lib.change.approvals.plan import planned
from runbook_lib.routes.registry import ROUTES
from tests.support.chromium import SOON, Page, page
from tests.support.plain import ROOT
from tools.jupyter import NOTEBOOK, SETTINGS, lab_command

GATE, FINISH = "change.require_approval()", "run.finish()"
IDLE = "document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')"


def cell(source: str) -> str:
    """The code cell with this text, as a JavaScript expression."""
    return (
        "[...document.querySelectorAll('.jp-CodeCell')].find("
        f"c => c.querySelector('.jp-InputArea-editor')?.innerText.includes({json.dumps(source)}))"
    )


def menu(tab: Page, name: str, item: str) -> None:
    """Choose the first item of a menu whose name begins so."""
    tab.click(f"[...document.querySelectorAll('.lm-MenuBar-itemLabel')].find(e => e.textContent === '{name}')")
    found = f"[...document.querySelectorAll('.lm-Menu-itemLabel')].find(e => e.textContent.startsWith('{item}'))"
    tab.wait(f"{found} && {found}.offsetParent !== null")
    tab.click(found)


def output(source: str) -> str:
    """Text below the code cell with this text, as a JavaScript expression."""
    return f"({cell(source)}?.querySelector('.jp-Cell-outputArea')?.innerText ?? '')"


@contextmanager
def lab(tmp_path: Path, notebook: str, parameters: Path, *others: str) -> Iterator[Page]:
    """A tab of JupyterLab with copies of notebooks (JupyterLab saves by itself), the first of which is ready to run.

    Args:
        tmp_path: Folder of everything that it leaves.
        notebook: Name of the first notebook.
        parameters: Parameters file that every notebook reads when it begins.
        others: Names of the other ones, for ``turn_to``.
    """
    home = tmp_path / "home"
    home.mkdir()
    for name in (notebook, *others):
        shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", home)
    token = "0123456789abcdef0123456789abcdef"
    told = os.environ | {
        "GWB_PARAMETERS": str(parameters),
        "GWB_PROJECT_ROOT": str(ROOT),
        "JUPYTER_CONFIG_PATH": str(SETTINGS),
        "JUPYTER_TOKEN": token,
        **{f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")},
        **{f"JUPYTERLAB_{name}_DIR": str(tmp_path / name) for name in ("SETTINGS", "WORKSPACES")},
    }
    ours = lab_command(["--no-browser", "--port=0", "--allow-root", f"--ServerApp.root_dir={home}"])
    command = [word for word in ours if word not in (NOTEBOOK, f"--ServerApp.root_dir={ROOT}")]
    log = tmp_path / "log.txt"
    with log.open("wb") as said:
        server = subprocess.Popen(command, cwd=home, env=told, stdout=said, stderr=subprocess.STDOUT)
    try:
        start = f"{address(log, server)}lab/tree/{notebook}.ipynb?token={token}&reset"
        with page(start, tmp_path / "profile") as tab:
            _wait_until_ready(tab)
            yield tab
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def turn_to(tab: Page, notebook: str) -> None:
    """Leave a notebook for another one of the same server, with a kernel of its own."""
    menu(tab, "File", "Save Notebook")
    tab.wait("document.querySelector('.jp-mod-dirty') === null")
    # What a cell shows once more after that, a sealed record for one, would have Chromium ask whether to leave.
    tab.value("window.addEventListener('beforeunload', e => e.stopImmediatePropagation(), true)")
    tab.send("Page.navigate", url=f"{tab.value('location.origin')}/lab/tree/{notebook}.ipynb?reset")
    tab.wait(f"location.pathname.endsWith('/{notebook}.ipynb')")
    _wait_until_ready(tab)


def _wait_until_ready(tab: Page) -> None:
    tab.wait(cell(FINISH))
    tab.wait(IDLE)


def written(tmp_path: Path, parameters: Path, **given: object) -> Path:
    """A parameters file of the rehearsal's with other values."""
    theirs = yaml.safe_load(parameters.read_text(encoding="utf-8"))
    mine = tmp_path / "mine.yaml"
    mine.write_text(json.dumps(theirs | {"records_dir": str(tmp_path / "records")} | given), encoding="utf-8")
    return mine


def run_all(tab: Page) -> None:
    """Run every cell; asked again where the menu did not reach the notebook, which happens on a busy machine."""
    begun = (
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].some(p => /[*\\d]/.test(p.textContent))"
    )
    for _ in range(5):
        menu(tab, "Run", "Run All Cells")
        with suppress(AssertionError):
            tab.wait(begun, seconds=10)
            return
    raise AssertionError("the notebook does not run")


def approve(tab: Page, record: Path) -> None:
    """Answer the form of the gate, as a person does; its button runs the gate again and the cells below it."""
    came_to(tab, GATE)
    for number, text in enumerate(("Kim", planned(record, ROUTES).phrase)):
        field = f"{cell(GATE)}.querySelectorAll('.widget-text input')[{number}]"
        press(tab, field, until=f"document.activeElement === {field}")
        tab.type(text)
        tab.wait(f"{field}.value === {json.dumps(text)}")
    tab.click(f"(b => b && !b.disabled && b)({cell(GATE)}.querySelector('button.jupyter-button'))")
    tab.wait(f"!{output(GATE)}.includes('Awaiting approval')")


def came_to(tab: Page, source: str) -> None:
    """Wait until JupyterLab has brought its reader to the cell that a run stopped at; a click before may miss."""
    tab.wait(f"{cell(source)}.classList.contains('jp-mod-active')")


def press(tab: Page, button: str, until: str) -> None:
    """Click a button until it has done what it is for: pressed again where the page moved below the pointer."""
    for _ in range(5):
        tab.click(button)
        with suppress(AssertionError):
            tab.wait(until, seconds=10)
            return
    raise AssertionError(f"nothing comes of {button}")


def address(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Where a server listens, once it does, by its log."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text(errors="replace"))
        # The address is in the log a moment before the server listens there.
        if found and _listens(int(found[1])):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace"))


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
