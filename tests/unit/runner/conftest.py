"""A small project with notebooks made on the fly."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.parameters.cell import parameters_cell
from runbook_lib.parameters.load import load_parameters
from runbook_lib.runner.run import RunResult, run_notebook

OPEN = """\
import os
from datetime import UTC, datetime
from pathlib import Path
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.change.journal import CARRIED_OUT
record = RunRecord.load(RecordFolder.open(Path(os.environ["GWB_RECORD"])))
def finish(outcome, done=0):
    if done or outcome is Outcome.VERIFICATION_FAILED:
        import json
        names = [str(number) for number in range(done)]
        lines = [{"entry": "open", "approved": names}]
        lines += [{"entry": "done", "write": name, "effect": {"created": name}} for name in names]
        text = "".join(json.dumps(line) + "\\n" for line in [*lines, {"entry": "closed", "why": CARRIED_OUT}])
        record.folder.file("journal.jsonl").write_text(text)
    record.set(changes={"planned": done, "done": done})
    record.finish(outcome, ended=datetime.now(UTC))
def begin_write():
    record.folder.file("journal.jsonl").write_text('{"entry": "begin", "write": "1"}\\n')
"""
"""What a notebook of ours does by open_run() and finish(), in small."""
OPENING = "from runbook_lib.notebook.front_end import watch_opening\nwatch_opening(in_front=False)\n"
"""What open_run does first: an error of ours that ends a cell is known by the mark of its cell."""


@dataclass(frozen=True)
class Project:
    """A project folder; ``run`` runs notebooks in this process."""

    root: Path

    def notebook(self, *cells: str, name: str = "t", opened: bool = True) -> Path:
        """A notebook: parameters cell, OPEN (which takes seconds), and one cell with a heading for each source."""
        made: list[dict[str, Any]] = [_code(parameters_cell(), "p", tags=["parameters"])]
        made += [_code(OPEN, "o")] if opened else []
        for number, source in enumerate(cells):
            made += [_markdown(f"## Step {number + 1}", f"m{number}"), _code(source, f"c{number}")]
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                "language_info": {"name": "python"},
            },
            "cells": made,
        }
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return path

    def run(self, notebook: Path, overrides: Mapping[str, str] | None = None, **options: Any) -> RunResult:
        """Run headless with the change id CHG1."""
        return run_notebook(
            notebook,
            load_parameters([], {"change_id": "CHG1", **(overrides or {})}, project_root=self.root),
            project_root=self.root,
            environment=options.pop("environment", os.environ),
            clock=lambda: datetime.now(UTC),
            **options,
        )

    def command(self, *arguments: str) -> list[str]:
        """Command line of ``gwb`` in another process, warnings as errors."""
        return [sys.executable, "-W", "error", "-m", "runbook_lib.runner", *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        """Environment of such a process."""
        return {**os.environ, "GWB_PROJECT_ROOT": str(self.root), **more}


def _code(source: str, cell_id: str, tags: list[str] | None = None) -> dict[str, Any]:
    metadata = {"tags": tags} if tags else {}
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def _markdown(source: str, cell_id: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder with a brace and a space in its name: papermill formats paths."""
    root = tmp_path / "a {b} c"
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    return Project(root)


@pytest.fixture
def facts() -> Callable[[RunResult], dict[str, Any]]:
    """Reader of a result's record.json."""

    def read(result: RunResult) -> dict[str, Any]:
        assert result.record is not None
        value: dict[str, Any] = json.loads((result.record / "record.json").read_text(encoding="utf-8"))
        return value

    return read
