"""The executed notebook as it may enter a record: true, portable, schema-valid, built anew cell by cell."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nbformat

from runbook_lib.files import RUN_MIME
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record.cells import CellState, CellTruth, cell_truth, execution_times, joined_lines, meaning_in
from runbook_lib.shown.html import banner_html

OWN = "gwb"
"""Key of what we say about a cell in its metadata: ``{"state", "seconds", "dropped"}``."""
MIMES = ("text/html", "image/png", "text/plain")
ERROR_MARKER_TAG = "papermill-error-cell-tag"
_ENDINGS = frozenset({Outcome.NOTHING_TO_DO, Outcome.AWAITING_APPROVAL, Outcome.REFUSED})
"""Outcomes with which a run stops in the middle without anything having failed."""
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A cleaned notebook (nbformat 4.5 as plain JSON) and the truth about its cells, in the same order.

    A cell that is not code has None.
    """

    notebook: dict[str, Any]
    truths: tuple[CellTruth | None, ...]


def clean(notebook: Any, outcome: Outcome, *, places: Mapping[str, str], reason: str = "") -> Cleaned:
    """Clean an executed notebook as papermill or JupyterLab left it.

    Args:
        notebook: nbformat 4 notebook; it is not changed.
        outcome: The run's verdict; it decides how a stop in the middle is told.
        places: Absolute folder to what is written in its place.
        reason: The verdict's message, told where the run stopped.
    """
    sources = [c for c in notebook.get("cells", []) if not _is_marker(c) or outcome not in (*_ENDINGS, Outcome.DONE)]
    timed = any(execution_times(c) for c in sources)
    shorten = _Shortener(places)
    cells: list[dict[str, Any]] = []
    truths: list[CellTruth | None] = []
    used: set[str] = set()
    for number, source in enumerate(sources, start=1):
        truth = cell_truth(source, timed=timed) if source.get("cell_type") == "code" else None
        cell, truth = _cell(source, truth, outcome, reason, shorten)
        cell["id"] = _free_id(source.get("id"), number, used)
        cells.append(cell)
        truths.append(truth)
    fresh = {"nbformat": 4, "nbformat_minor": 5, "metadata": _metadata(notebook.get("metadata")), "cells": cells}
    nbformat.validate(fresh)
    return Cleaned(fresh, tuple(truths))


def plain_text(text: str) -> str:
    """Terminal text without its colour and cursor sequences."""
    return _ANSI.sub("", text)


def _is_marker(cell: Mapping[str, Any]) -> bool:
    return ERROR_MARKER_TAG in _tags(cell)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags", []) if isinstance(metadata, Mapping) else []
    return sorted({t for t in tags if isinstance(t, str) and "," not in t and t}) if isinstance(tags, list) else []


def _cell(
    source: Mapping[str, Any], truth: CellTruth | None, outcome: Outcome, reason: str, shorten: _Shortener
) -> tuple[dict[str, Any], CellTruth | None]:
    text = shorten(joined_lines(source.get("source", "")))
    metadata: dict[str, Any] = {"tags": tags} if (tags := _tags(source)) else {}
    if truth is None:
        kind = "raw" if source.get("cell_type") == "raw" else "markdown"
        return {"cell_type": kind, "metadata": metadata, "source": text}, None
    outputs, dropped, truth = _outputs(source, truth, outcome, reason, shorten)
    if truth.state is CellState.NOT_RUN and text.strip():
        outputs = [_stream("stdout", truth.text(outcome).capitalize() + ".\n")]
    said: dict[str, Any] = {"state": truth.state.value}
    if truth.seconds is not None:
        said["seconds"] = round(truth.seconds, 3)
    if dropped:
        said["dropped"] = sorted(set(dropped))
    count = source.get("execution_count")
    cell = {
        "cell_type": "code",
        "metadata": metadata | {OWN: said},
        "source": text,
        "outputs": outputs,
        "execution_count": count if isinstance(count, int) and truth.state is not CellState.NOT_RUN else None,
    }
    return cell, truth


def _outputs(
    source: Mapping[str, Any], truth: CellTruth, outcome: Outcome, reason: str, shorten: _Shortener
) -> tuple[list[dict[str, Any]], list[str], CellTruth]:
    outputs: list[dict[str, Any]] = []
    dropped: list[str] = []
    mark = meaning_in(source.get("outputs")).get("outcome")
    for output in source.get("outputs", []):
        kind = output.get("output_type")
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            outputs.append(_stream(name, shorten(joined_lines(output.get("text", "")))))
        elif kind == "error":
            if _ends_on_purpose(output, outcome, mark):
                outputs.append(_stopped(outcome, shorten(reason)))
                truth = CellTruth(CellState.STOPPED_HERE, truth.seconds)
            else:
                outputs.append(_error(output, shorten))
                truth = CellTruth(CellState.FAILED, truth.seconds)
        elif kind in ("display_data", "execute_result"):
            data, lost = _data(output.get("data"), shorten)
            dropped += lost
            if data:
                outputs.append(_display(data))
        else:
            dropped.append(str(kind)[:80])
    return outputs, dropped, truth


def _data(data: object, shorten: _Shortener) -> tuple[dict[str, str], list[str]]:
    """What a record keeps of a display, and the types that it does not keep."""
    if not isinstance(data, Mapping):
        return {}, ["not a display"]
    lost = [str(mime)[:80] for mime in data if mime not in (*MIMES, RUN_MIME)]
    if any("widget" in mime for mime in lost):
        # The text beside a widget is its repr, not evidence.
        return {}, lost
    kept: dict[str, str] = {}
    if RUN_MIME in data and not any(data.get(mime) for mime in MIMES):
        return kept, lost
    for mime in MIMES:
        if mime not in data:
            continue
        text = joined_lines(data[mime])
        if mime != "image/png":
            kept[mime] = shorten(text)
        elif _is_png(text):
            kept[mime] = "".join(text.split())
        else:
            lost.append(f"{mime} (damaged)")
    return kept, lost


def _is_png(text: str) -> bool:
    try:
        return base64.b64decode("".join(text.split()), validate=True).startswith(b"\x89PNG\r\n\x1a\n")
    except (binascii.Error, ValueError):
        return False


def _ends_on_purpose(output: Mapping[str, Any], outcome: Outcome, mark: object) -> bool:
    """Whether an error output is the run's own way to stop with this outcome; ``told``: what its cell's mark says."""
    if outcome not in _ENDINGS:
        return False
    if output.get("ename") == "SystemExit":
        return output.get("evalue") in ("", "0", "None", None)
    return mark == outcome.value


def _stopped(outcome: Outcome, reason: str) -> dict[str, Any]:
    title = t("Not run further: {ending}", ending=outcome.title.lower())
    lines = [printable(line) for line in reason.splitlines()]
    banner = banner_html("neutral", title, verbatim("\n".join(lines)))
    return _display({"text/html": str(banner), "text/plain": "\n".join([title, *lines])})


def _error(output: Mapping[str, Any], shorten: _Shortener) -> dict[str, Any]:
    trace = output.get("traceback")
    return {
        "output_type": "error",
        "ename": str(output.get("ename", "")),
        "evalue": shorten(str(output.get("evalue", ""))),
        "traceback": [shorten(plain_text(str(line))) for line in trace] if isinstance(trace, list) else [],
    }


def _display(data: dict[str, str]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def _stream(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def _free_id(wanted: object, number: int, used: set[str]) -> str:
    name = wanted if isinstance(wanted, str) and _ID.fullmatch(wanted) and wanted not in used else f"cell-{number}"
    while name in used:
        name += "-"
    used.add(name)
    return name


def _metadata(metadata: object) -> dict[str, Any]:
    """Language and title only: names of kernels and their folders belong to the machine, not to the run."""
    kept: dict[str, Any] = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    title = metadata.get("title") if isinstance(metadata, Mapping) else None
    return kept | ({"title": title} if isinstance(title, str) else {})


class _Shortener:
    """Replaces the folders of this machine wherever a text names them."""

    def __init__(self, places: Mapping[str, str]) -> None:
        # "/" or "C:\" alone would match everywhere and name nothing.
        self._places = {k.rstrip("/\\"): v for k, v in places.items() if len(k.rstrip("/\\")) > 3}
        ordered = sorted(self._places, key=len, reverse=True)
        self._pattern = (
            re.compile(r"(?<![\w./\\-])(?:" + "|".join(map(re.escape, ordered)) + r")(?![\w.-])") if ordered else None
        )

    def __call__(self, text: str) -> str:
        return self._pattern.sub(lambda match: self._places[match[0]], text) if self._pattern else text
