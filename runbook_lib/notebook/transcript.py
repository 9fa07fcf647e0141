"""What the cells of a run showed, kept by the kernel itself: the executed notebook without a front end that saves it.

JupyterLab saves when it likes and to a file that every run shares. IPython says when a cell begins and ends, and passes
every display on before it is sent (ipykernel, ``ZMQDisplayPublisher.register_hook``); that is the same, of this run
alone, and on the disk when a kernel dies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.files import RUN_MIME
from runbook_lib.model.moment import iso_exact
from runbook_lib.record import folder as files
from runbook_lib.record.cells import joined_lines, run_mark_of
from runbook_lib.record.folder import RecordFolder, work_file_of

_STREAMS = {"out_stream": "stdout", "err_stream": "stderr"}
"""Kinds of IPython's ``HistoryOutput`` that are text, and what nbformat calls them."""


@dataclass
class _Cell:
    """One cell of this run."""

    source: str
    count: int | None
    began: str | None
    id: str | None = None
    ended: str | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)
    written: dict[int, int] = field(default_factory=dict)
    """Number of IPython's output to the pieces of it that are among ``outputs``."""
    clears: bool = False
    """Whether the next output takes the place of those before."""

    def add(self, output: dict[str, Any]) -> None:
        """Put an output behind the others; text of one stream stays together."""
        if self.clears:
            self.outputs.clear()
            self.clears = False
        last = self.outputs[-1] if self.outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            self.outputs.append(output)


class Transcript:
    """Keeps what a run's cells showed. Begins in the cell that begins the run.

    Args:
        folder: The run's folder; beside it lies the file that this writes (``work_file_of``).
        shell: IPython's shell in a Jupyter kernel.
        notebooks: Files that may hold this notebook; the first that can be read gives text and order of its cells.
        clock: Now, with a time zone.
        after_cell: Called when a cell has ended and is on the disk.
    """

    def __init__(
        self,
        folder: RecordFolder,
        shell: Any,
        notebooks: list[Path],
        clock: Callable[[], datetime],
        after_cell: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._shell = shell
        self._notebooks = notebooks
        self._clock = clock
        self._after_cell = after_cell
        self._cells: list[_Cell] = []
        self._handles: dict[str, dict[str, Any]] = {}
        """Display id to the outputs that it updates."""
        inputs = list(shell.history_manager.input_hist_raw)
        count = len(inputs) - 1
        self._before = {source: number for number, source in enumerate(inputs[:-1]) if source.strip()}
        """Text of the cells that ran before the run began, to their number."""
        self._opened = iso_exact(clock())
        self._printed_before: set[int] = set(shell.history_manager.outputs)
        """Numbers under which IPython keeps what cells before the current one printed."""
        self._current: _Cell | None = _Cell(str(inputs[-1]) if inputs else "", count, self._opened)
        self._cells.append(self._current)
        self._events = (("pre_run_cell", self._begins), ("post_run_cell", self._ends))
        for event, call in self._events:
            shell.events.register(event, call)
        for place in (shell.display_pub, shell.displayhook):
            place.register_hook(self._shown)

    def close(self) -> None:
        """Keep nothing more: the record is sealed, or the cell that runs now begins another run in this kernel."""
        if self._current is not None:
            self._cells.remove(self._current)
            self._current = None
            self.write()
        for event, call in self._events:
            with suppress(ValueError):
                self._shell.events.unregister(event, call)
        for place in (self._shell.display_pub, self._shell.displayhook):
            place.unregister_hook(self._shown)

    def write(self) -> None:
        """Write the executed notebook as it is now. What the disk does not take is missing from the record, no more."""
        mark = run_mark_of(self._folder)
        metadata = {"title": self._title(), RUN_MIME: mark}
        content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": self._notebook()}
        with suppress(RunbookError):
            files.write_atomically(work_file_of(self._folder), json.dumps(content).encode("utf-8", "backslashreplace"))

    # what IPython calls

    def _begins(self, info: Any) -> None:
        if not info.store_history:
            return
        began = iso_exact(self._clock())
        # Whether the shell has counted this cell yet depends on its version.
        self._current = _Cell(info.raw_cell, (self._cells[-1].count or 0) + 1, began, _text(info.cell_id))
        self._cells.append(self._current)
        self._printed_before = set(self._shell.history_manager.outputs)
        self.write()

    def _ends(self, result: Any) -> None:
        cell = self._current
        if cell is None or not result.info.store_history:
            return
        cell.id = _text(result.info.cell_id)
        cell.count = result.execution_count
        self._take_streams(cell)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            cell.add(self._error(error))
        cell.ended = iso_exact(self._clock())
        self._current = None
        self.write()
        self._after_cell()

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message to the front end; it goes on as it is."""
        kind, content = message["msg_type"], message["content"]
        if kind == "update_display_data":
            output = self._handles.get(str(content.get("transient", {}).get("display_id")))
            if output is not None:
                output["data"], output["metadata"] = dict(content["data"]), {}
        elif (cell := self._current) is not None:
            self._take_streams(cell)
            if kind == "clear_output":
                cell.clears = True
                if not content.get("wait"):
                    cell.outputs.clear()
            elif kind in ("display_data", "execute_result"):
                output = {"output_type": "display_data", "data": dict(content["data"]), "metadata": {}}
                cell.add(output)
                if name := content.get("transient", {}).get("display_id"):
                    self._handles[str(name)] = output
        return message

    def _take_streams(self, cell: _Cell) -> None:
        """Take over what was printed since the last output."""
        kept = self._shell.history_manager.outputs
        for number, output in enumerate(one for count in kept.keys() - self._printed_before for one in kept[count]):
            name = _STREAMS.get(output.output_type)
            pieces = output.bundle.get("stream", []) if name else []
            new = pieces[cell.written.get(number, 0) :]
            if new:
                cell.written[number] = len(pieces)
                cell.add({"output_type": "stream", "name": name, "text": "".join(map(str, new))})

    def _error(self, error: BaseException) -> dict[str, Any]:
        """What IPython shows of it (``InteractiveShell.showtraceback``)."""
        try:
            lines = error._render_traceback_()  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - as IPython: whatever keeps it from telling itself
            lines = self._shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        told = {"ename": type(error).__name__, "evalue": str(error), "traceback": [str(line) for line in lines]}
        return {"output_type": "error", **told}

    # the notebook

    def _title(self) -> str:
        return self._notebooks[0].stem if self._notebooks else ""

    def _notebook(self) -> list[dict[str, Any]]:
        """Cells of the notebook in their order, with what they showed in this run; cells that it lacks at the end."""
        ran, above = list(self._cells), True
        cells: list[dict[str, Any]] = []
        for source in self._sources():
            if source.get("cell_type") != "code":
                cells.append(source)
                continue
            own = [cell for cell in ran if _same(cell, source)]
            above = above and self._cells[0] not in own
            cells.append(_as_cell(source, own[-1]) if own else self._not_of_this_run(source, above=above))
            ran = [cell for cell in ran if cell not in own]
        return cells + [_as_cell({"cell_type": "code", "id": cell.id, "metadata": {}}, cell) for cell in ran]

    def _sources(self) -> list[dict[str, Any]]:
        for path in self._notebooks:
            with suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
                cells = json.loads(path.read_bytes())["cells"]
                return [cell for cell in cells if isinstance(cell, dict)]
        return []

    def _not_of_this_run(self, source: Mapping[str, Any], *, above: bool) -> dict[str, Any]:
        """A cell that did not run in this run; one above it that ran before it began, like the parameters, says so."""
        text = _joined(source)
        number = self._before.get(text) if above else None
        if above and number is None and "parameters" in source.get("metadata", {}).get("tags", ()) and self._before:
            # Edited and not saved: what ran is what counts.
            text, number = max(self._before.items(), key=lambda item: item[1])
        times = {"execution": {"shell.execute_reply": self._opened}} if number is not None else {}
        kept = {"tags": source.get("metadata", {}).get("tags", []), **times}
        return {**source, "source": text, "outputs": [], "execution_count": number, "metadata": kept}


def _same(cell: _Cell, source: Mapping[str, Any]) -> bool:
    """Whether this is the cell; a front end that does not say which one it runs is told by the text."""
    return cell.id == source.get("id") if cell.id is not None else cell.source == _joined(source)


def _as_cell(source: Mapping[str, Any], cell: _Cell) -> dict[str, Any]:
    times = {"iopub.execute_input": cell.began, "shell.execute_reply": cell.ended}
    metadata = {
        "tags": source.get("metadata", {}).get("tags", []),
        "execution": {name: at for name, at in times.items() if at is not None},
    }
    ran = {"source": cell.source, "execution_count": cell.count, "outputs": cell.outputs, "metadata": metadata}
    return {**source, **ran}


def _joined(source: Mapping[str, Any]) -> str:
    return joined_lines(source.get("source", ""))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
