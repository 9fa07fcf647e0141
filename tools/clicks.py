"""The whole journey in JupyterLab by clicks and keys: ``python -m tools.clicks [--groups N] [--latency-ms N]``.

From the start of JupyterLab over 00, 10, 20 and 30 to the first written group, then 50, 40 and 60, in Chromium, against
a rehearsal of its own (5,000 groups, 40 ms latency of Graph unless told otherwise). Prints a table: what was done,
clicks, keys, seconds. It leaves nothing but a picture of each part, in the folder that ``--pictures`` names.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from rehearsal.contoso.size import size_of
from rehearsal.options import StartOptions
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.routes.registry import ROUTES
from tests.support.chromium import Page, page
from tests.support.jupyterlab import address
from tools.jupyter import NOTEBOOKS, SETTINGS, lab_command, working_copy

GROUPS, LATENCY_MS = 5000, 40
_CHANGE, _TEAM = "CHG-CLICKS", "Sales Team"
_TOKEN = "0123456789abcdef" * 2
_WIDTH, _HEIGHT = 1400, 950
"""Pixels of the window."""
_PATIENCE = 1200.0
"""Seconds that one notebook may take on a machine that does other things too."""
_PANEL = "document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)')"
_CURRENT = "document.querySelector('.lm-TabBar-tab.lm-mod-current[data-type=document-title] .lm-TabBar-tabLabel')"
GATE, FINISH, CHOOSE = "change.require_approval()", "run.finish()", "run.choose_groups("
_BEGUN = f"[...{_PANEL}.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].some(p => /[*\\d]/.test(p.textContent))"


@dataclass(frozen=True, slots=True)
class Done:
    """One part of the journey, and what it took."""

    what: str
    clicks: int
    keys: int
    seconds: float


def _cell(source: str) -> str:
    """The code cell with this text in the notebook that is in front, as a JavaScript expression."""
    return (
        f"[...{_PANEL}.querySelectorAll('.jp-CodeCell')].find("
        f"c => c.querySelector('.jp-InputArea-editor')?.textContent.includes({json.dumps(source)}))"
    )


def _output(source: str) -> str:
    return f"({_cell(source)}?.querySelector('.jp-Cell-outputArea')?.textContent ?? '')"


class Hand:
    """Clicks and types as a person does, and counts."""

    def __init__(self, tab: Page, pictures: Path | None, begun: float) -> None:
        self._tab = tab
        self._pictures = pictures
        self._begun = begun
        self._clicks = self._keys = 0
        self.done: list[Done] = []

    def wait(self, expression: str) -> None:
        """Until it is so."""
        self._tab.wait(expression, seconds=_PATIENCE)

    def click(self, expression: str) -> None:
        """One click."""
        self._tab.click(expression)
        self._clicks += 1

    def type(self, text: str) -> None:
        """A text, a key for each character."""
        self._tab.type(text)
        self._keys += len(text)

    def edit(self, file: Path, **given: object) -> None:
        """Lines in the parameters file, counted as typed; no editor is opened."""
        told = yaml.safe_load(file.read_text(encoding="utf-8")) | given
        file.write_text(json.dumps(told), encoding="utf-8")
        self._keys += sum(len(f"{name}: {json.dumps(value)}\n") for name, value in given.items())

    def part(self, what: str) -> None:
        """Note what was done since the last time."""
        now = time.monotonic()
        self.done.append(Done(what, self._clicks, self._keys, now - self._begun))
        self._begun, self._clicks, self._keys = now, 0, 0
        print(f"{self.done[-1].seconds:7.1f} s  {what}", flush=True)
        if self._pictures is not None:
            picture = self._tab.send("Page.captureScreenshot")["data"]
            (self._pictures / f"{len(self.done):02}.png").write_bytes(base64.b64decode(picture))

    def ready(self, notebook: str) -> None:
        """Until a notebook is in front, and its kernel waits."""
        self.wait(f"{_CURRENT}?.textContent.includes('{notebook}') && {_PANEL} && {_cell(FINISH)}")
        self.wait(f"{_PANEL}.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')")

    def follow(self, notebook: str) -> None:
        """The link to a notebook, below the last cell."""
        self.click(
            f"[...{_PANEL}.querySelectorAll('.jp-OutputArea a')].findLast(a => a.textContent === 'Open {notebook}')"
        )
        self.ready(notebook)

    def open(self, notebook: str) -> None:
        """A double click in the list of files."""
        item = f"[...document.querySelectorAll('.jp-DirListing-item')].find(i => i.title.includes('{notebook}'))"
        self.click(item)
        place = self._tab.value(f"(r => [r.x + 20, r.y + 5])({item}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self._tab.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=2)
        self._clicks += 1
        self.ready(notebook)

    def run_all(self) -> None:
        """*Run*, *Run All Cells*; again where the menu did not reach the notebook, which a person would see too."""
        for _ in range(5):
            self._choose_run_all()
            with suppress(AssertionError):
                self._tab.wait(_BEGUN, seconds=10)
                return
        raise AssertionError("the notebook does not run")

    def _choose_run_all(self) -> None:
        self.click("[...document.querySelectorAll('.lm-MenuBar-itemLabel')].find(e => e.textContent === 'Run')")
        found = (
            "[...document.querySelectorAll('.lm-Menu-itemLabel')].find(e => e.textContent.startsWith('Run All Cells'))"
        )
        self.wait(f"{found} && {found}.offsetParent !== null")
        self.click(found)

    def finished(self) -> None:
        """Until the last cell has said what is next, and the record is sealed."""
        for said in ("Next:", "sealed, digest"):
            self.wait(f"{_output(FINISH)}.includes('{said}')")

    def gate(self) -> None:
        """Until the gate waits for an approval."""
        self.wait(f"{_output(GATE)}.includes('Awaiting approval')")

    def way_back(self) -> None:
        """Undo the newest record, which the list has chosen already."""
        self.click(
            f"[...{_PANEL}.querySelectorAll('button.jupyter-button')].find(b => b.textContent === 'Plan its way back')"
        )

    def approve(self, phrase: str) -> None:
        """Name, phrase, button; the rest runs by itself."""
        for number, text in enumerate(("Kim", phrase)):
            self.click(f"{_cell(GATE)}.querySelectorAll('.widget-text input')[{number}]")
            self.type(text)
        self.click(f"(b => b && !b.disabled && b)({_cell(GATE)}.querySelector('button.jupyter-button'))")
        self.finished()


@contextmanager
def _lab(folder: Path, parameters: Path, copies: Path) -> Iterator[str]:
    """JupyterLab as `make jupyter` starts it, with settings of its own; the address of the first notebook."""
    told = os.environ | {
        "GWB_PARAMETERS": str(parameters),
        "GWB_PROJECT_ROOT": str(NOTEBOOKS.parent),
        "JUPYTER_CONFIG_PATH": str(SETTINGS),
        "JUPYTER_TOKEN": _TOKEN,
        **{f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")},
        **{f"JUPYTERLAB_{name}_DIR": str(folder / name) for name in ("SETTINGS", "WORKSPACES")},
    }
    first = copies / "00-start-here.ipynb"
    ours = lab_command(["--no-browser", "--port=0", "--allow-root"], str(first))
    command = [f"--ServerApp.root_dir={copies.parent}" if "root_dir" in word else word for word in ours]
    log = folder / "log.txt"
    with log.open("wb") as said:
        server = subprocess.Popen(command, cwd=copies, env=told, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield f"{address(log, server)}lab/tree/{copies.name}/{first.name}?token={_TOKEN}&reset"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def _latest(records: Path) -> Path:
    """The record of the run that began last; a run's id begins with its time."""
    return max(records.glob("*/*/record.json"), key=lambda path: path.parent.name).parent


def journey(hand: Hand, parameters: Path, records: Path) -> None:
    """All seven notebooks, in the order in which a new user meets them."""
    hand.ready("00-start-here")
    hand.part("JupyterLab is there")
    hand.run_all()
    hand.finished()
    hand.part("00-start-here")
    hand.follow("10-detect-exchange")
    hand.run_all()
    hand.finished()
    hand.part("10-detect-exchange")
    hand.follow("20-inventory-groups")
    hand.run_all()
    hand.finished()
    hand.part("20-inventory-groups")
    table = f"{_cell(CHOOSE)}.querySelector('.gwb-ticking')"
    hand.click(f"{table}.querySelector('input[type=search]')")
    hand.type(_TEAM)
    hand.wait(f"(r => r.length === 1 && r[0].textContent.includes('{_TEAM}'))({table}.querySelectorAll('tbody tr'))")
    hand.click(f"{table}.querySelector('tbody input')")
    hand.wait(f"{_output(CHOOSE)}.includes('kept in')")
    hand.part("20: find a group and tick it")
    hand.follow("30-enable-writeback")
    hand.run_all()
    hand.gate()
    hand.part("30-enable-writeback, to the gate")
    hand.approve(planned(_latest(records), ROUTES).phrase)
    hand.part("30: approve; the group is written and read back")
    hand.follow("50-check-drift")
    hand.run_all()
    hand.finished()
    hand.part("50-check-drift")
    hand.edit(parameters, change_id=f"{_CHANGE}-40", disable_names=[_TEAM])
    hand.open("40-disable-writeback")
    hand.run_all()
    _approved(hand, "40-disable-writeback", records)
    hand.open("60-undo-change")
    hand.run_all()
    hand.way_back()
    _approved(hand, "60-undo-change", records)


def _approved(hand: Hand, notebook: str, records: Path) -> None:
    hand.gate()
    hand.part(f"{notebook}, to the gate")
    hand.approve(planned(_latest(records), ROUTES).phrase)
    hand.part(f"{notebook[:2]}: approve; carried out and read back")


def table(done: list[Done]) -> str:
    """The parts as a table of Markdown, with the sums to the first written group and to the end."""
    lines = ["| part | clicks | keys | seconds |", "| --- | --- | --- | --- |"]
    clicks = keys = 0
    seconds = 0.0
    for one in done:
        clicks, keys, seconds = clicks + one.clicks, keys + one.keys, seconds + one.seconds
        lines.append(f"| {one.what} | {one.clicks} | {one.keys} | {one.seconds:.0f} |")
        if one.what.startswith("30: approve") or one is done[-1]:
            to = "the first written group" if one is not done[-1] else "the end"
            lines.append(f"| **in all, to {to}** | **{clicks}** | **{keys}** | **{seconds:.0f}** |")
    return "\n".join(lines)


def _told(running: RunningRehearsal, folder: Path) -> Path:
    """A parameters file for this change, in which no group is chosen yet."""
    theirs = yaml.safe_load(running.parameters_file.read_text(encoding="utf-8"))
    mine = folder / "mine.yaml"
    own = {"change_id": _CHANGE, "records_dir": str(folder / "records"), "select_names": []}
    mine.write_text(json.dumps(theirs | own), encoding="utf-8")
    return mine


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.clicks", description="The journey in JupyterLab by clicks.")
    parser.add_argument(
        "--groups", type=int, default=GROUPS, help="cloud groups of the rehearsal (default: %(default)s)"
    )
    parser.add_argument("--latency-ms", type=int, default=LATENCY_MS, help="of Graph (default: %(default)s)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="where a picture of each part is put")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Run the journey once and print the table, also of a journey that broke off."""
    told = _options(arguments)
    if told.pictures is not None:
        told.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gwb-clicks-") as made:
        folder = Path(made)
        options = StartOptions(size=size_of(told.groups, None, None, None), latency_ms=told.latency_ms)
        with start_rehearsal(folder / "rehearsal", options=options) as running:
            parameters = _told(running, folder)
            copies = working_copy(NOTEBOOKS, folder / "work", _CHANGE)
            begun = time.monotonic()
            with _lab(folder, parameters, copies) as address_, page(address_, folder / "profile") as tab:
                tab.send(
                    "Emulation.setDeviceMetricsOverride",
                    width=_WIDTH, height=_HEIGHT, deviceScaleFactor=1, mobile=False,
                )  # fmt: skip
                hand = Hand(tab, told.pictures, begun)
                try:
                    journey(hand, parameters, folder / "records")
                finally:
                    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
                    print(f"\n{told.groups:,} groups, {told.latency_ms} ms latency, {load}\n")
                    print(table(hand.done))


if __name__ == "__main__":
    main(sys.argv[1:])
