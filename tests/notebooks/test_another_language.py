"""No outcome depends on English: runs whose every text is in another language end, are sealed, verified, resumed and
undone as the English ones."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.process import RunningRehearsal
from runbook_lib.model.outcome import Outcome
from tests.notebooks.journey import latest_record, written_objects
from tests.support import warm
from tests.support.commands import ENDED
from tests.support.plain import ROOT

SOON = 300.0
ENABLE, DRIFT, UNDO, INVENTORY = "30-enable-writeback", "50-check-drift", "60-undo-change", "20-inventory-groups"
LANGUAGE = ROOT / "tests" / "support" / "another_language"
FULL = """
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.text import t
from runbook_lib.notebook.front_end import watch_opening

watch_opening(in_front=False)
raise ServiceFailed(t("The disk is full."), code="record-write", hint=t("Make room."))
"""
EVERY_END = {
    Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.USAGE, Outcome.AWAITING_APPROVAL, Outcome.REFUSED, Outcome.PARTIAL,
    Outcome.NO_ACCESS, Outcome.FAILED, Outcome.INTERRUPTED, Outcome.BUG,
}  # fmt: skip


@dataclass
class Desk:
    """Somebody who types ``gwb`` commands in one language."""

    world: RunningRehearsal
    folder: Path
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    """What the commands printed."""

    @property
    def records(self) -> Path:
        return self.folder / "records"

    def gwb(self, *words: str, meanwhile: Callable[[], None] | None = None) -> int:
        """The exit code of a command; ``meanwhile`` happens while it is at work."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        if meanwhile is not None:
            meanwhile()
        for line in self.process.stdout:
            if line.startswith(ENDED):
                return int(line.removeprefix(ENDED))
            self.said.append(line)
        raise AssertionError("the process has ended")

    def run(self, notebook: str, change_id: str, *more: str, meanwhile: Callable[[], None] | None = None) -> int:
        words = ("run", notebook, "-f", str(self.world.parameters_file), "--records", str(self.records), "--quiet")
        return self.gwb(*words, "-p", "change_id", change_id, *more, meanwhile=meanwhile)

    def record(self, change_id: str) -> Path:
        return latest_record(self.records / change_id)

    def approve(self, change_id: str) -> int:
        record = self.record(change_id)
        phrase = json.loads((record / "plan.json").read_bytes())["phrase"]
        return self.gwb("approve", str(record), "--as", "Kim", "--phrase", phrase)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def interrupt_the_reading(self) -> None:
        """Ctrl-C while the tenant has not answered yet."""
        before = len(self.world.control.requests())
        self.until(lambda: len(self.world.control.requests()) > before)
        self.interrupt()

    def interrupt_the_write(self) -> None:
        """Ctrl-C while the second write is under way, which takes effect."""
        self.world.control.wait_until_held(SOON)
        self.interrupt()
        time.sleep(0.5)
        self.world.control.release()

    @staticmethod
    def until(happened: Callable[[], bool]) -> None:
        end = time.monotonic() + SOON
        while not happened():
            assert time.monotonic() < end
            time.sleep(0.05)


@contextmanager
def desk(world: RunningRehearsal, folder: Path, path: Sequence[Path]) -> Iterator[Desk]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    # Python changes its language where it begins; its kernels begin warm in a nursery that speaks it too.
    with warm.cold() if LANGUAGE in path else nullcontext():
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.support.commands"],
            cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    with process:
        yield Desk(world, folder, process)
        assert process.stdin is not None
        process.stdin.close()


def course(one: Desk) -> Iterator[tuple[str, int]]:
    """A change with everything that can come in between, and the exit code of each command."""
    control = one.world.control
    sales = ("-p", "select_names", '["Sales Team"]')
    yield "wrong use", one.run(ENABLE, "C0", *sales, "-p", "target_ou", "OU=Retired Cloud Groups,DC=contoso,DC=com")
    yield "nothing selected", one.run(ENABLE, "C0", "-p", "select_names", "[]")
    yield "another tenant", one.run(INVENTORY, "C1", "-p", "tenant_id", "11111111-1111-1111-1111-111111111111")
    yield "nobody like that", one.run(ENABLE, "C2", "-p", "select_names", '["Salse Team"]')
    control.pace(latency_ms=3_000)
    yield "Ctrl-C", one.run(INVENTORY, "C4", meanwhile=one.interrupt_the_reading)
    control.pace(latency_ms=0)
    yield "planned", one.run(ENABLE, "C5", *sales)
    yield "approved", one.approve("C5")
    control.hold_write(2, "after")
    yield "Ctrl-C between writes", one.run(ENABLE, "C5", *sales, meanwhile=one.interrupt_the_write)
    yield "resumed", one.run(ENABLE, "C5", *sales)
    yield "again", one.run(ENABLE, "C5", *sales)
    yield "in step", one.run(DRIFT, "C6")
    dn = next(dn for dn in written_objects(control.directory()) if dn.startswith("CN=Sales"))
    control.edit_directory("modify", dn, attributes={"description": ["By hand"]})
    yield "drift", one.run(DRIFT, "C6")
    done = next(
        path.parent for path in sorted(one.records.glob("C5/*/record.json"))
        if json.loads(path.read_bytes())["outcome"] == "done"
    )  # fmt: skip
    undo = ("-p", "undo_record", str(done))
    yield "undo planned", one.run(UNDO, "C7", *undo)
    yield "undo approved", one.approve("C7")
    yield "undone", one.run(UNDO, "C7", *undo)
    broken = one.folder / "broken.ipynb"
    broken.write_text(json.dumps(_notebook("raise RuntimeError('Refused: Done')")))
    yield "a defect", one.run(str(broken), "C8")
    broken.write_text(json.dumps(_notebook(FULL)))
    yield "a disk that is full", one.run(str(broken), "C9")
    yield (
        "verified",
        one.gwb("verify-record", *(str(path.parent) for path in sorted(one.records.glob("*/*/record.json")))),
    )
    yield "listed", one.gwb("records", "--records", str(one.records))


def _notebook(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "source": "change_id = ''"}
    cells: list[dict[str, object]] = [cell | {"execution_count": None, "outputs": []}]
    cells.append({**cells[0], "id": "b", "metadata": {}, "source": source})
    return {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def left_behind(records: Path) -> dict[str, list[object]]:
    """What machines read of each change's runs, in their order; no text for people, no id, no time."""
    found: dict[str, list[object]] = {}
    # Two runs may begin in one second: the ends of their names are drawn then, and say nothing of the order.
    for path in sorted(records.glob("*/*/record.json"), key=lambda path: path.stat().st_mtime_ns):
        facts = json.loads(path.read_bytes())
        error = facts["error"] or {}
        notebooks = [json.loads(file.read_bytes())["cells"] for file in path.parent.glob("*.ipynb")]
        journal = path.parent / "journal.jsonl"
        lines = [json.loads(line) for line in journal.read_bytes().splitlines()] if journal.is_file() else []
        plan = facts["plan"] or {}
        found.setdefault(path.parents[1].name, []).append(
            {
                "outcome": facts["outcome"],
                "exit code": facts["exit_code"],
                "error": error.get("code"),
                "steps": len(facts["steps"]),
                "findings": sorted((finding["id"], finding["severity"]) for finding in facts["findings"]),
                "plan": {key: plan.get(key) for key in ("digest", "counts", "phrase", "operation", "groups")},
                "approved": facts["approval"] is not None,
                "changes": facts["changes"],
                "journal": [(line["entry"], line.get("write")) for line in lines],
                "cells": [[cell["metadata"].get("gwb", {}).get("state") for cell in cells] for cells in notebooks],
                "sealed": (path.parent / "MANIFEST.json").is_file(),
            }
        )
    return found


def test_every_end_is_the_same_in_another_language(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    ends, left, said, directories = {}, {}, {}, {}
    for language, path in (("English", [ROOT]), ("another", [LANGUAGE, ROOT])):
        fresh_rehearsal.control.reset()
        folder = tmp_path / language
        folder.mkdir()
        with desk(fresh_rehearsal, folder, path) as one:
            ends[language] = list(course(one))
            said[language] = "".join(one.said)
        left[language] = left_behind(folder / "records")
        directories[language] = written_objects(fresh_rehearsal.control.directory())
    assert ends["another"] == ends["English"]
    assert left["another"] == left["English"]
    assert directories["another"].keys() == directories["English"].keys()
    met = {Outcome(run["outcome"]) for runs in left["another"].values() for run in runs if isinstance(run, dict)}
    assert met | {Outcome.USAGE} == EVERY_END
    assert "What to do:" in said["English"]
    assert "What to do:" not in said["another"]
    hints = [
        json.loads(path.read_bytes())["error"]["hint"]
        for path in (tmp_path / "another" / "records").glob("C2/*/record.json")
    ]
    assert hints
    # Names of parameters are the same in every language; the words around them are not.
    assert not re.search(r"\b(Check|against|table)\b", " ".join(hints))
