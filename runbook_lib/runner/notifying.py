"""After the verdict and before the seal, whoever wants to know how a run ended is told; the record says who was."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runbook_lib.errors import RunbookError
from runbook_lib.files import RECORD
from runbook_lib.graph.key_vault import stores_of
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.strict_file import LARGEST_PLAN, Unfit, read_plain
from runbook_lib.telling.decide import Told
from runbook_lib.telling.message import message_of
from runbook_lib.telling.tell import tell


def notify_of(
    record: RunRecord,
    parameters: Parameters,
    *,
    project_root: Path,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Tell everybody whom ``notify`` names; what became of it, and nothing else, is added to the record."""
    if not parameters.notify:
        return
    folder = record.folder
    try:
        facts = record.facts
        notebook = facts["notebook"]
        name = str(notebook.get("name") if isinstance(notebook, Mapping) else "")
        results = tell(
            parameters.notify,
            message_of(facts, record=link_of(folder, parameters.records_url)),
            last=lambda entry: last_told(folder, name, entry),
            stores=stores_of(parameters, environment, project_root, clock=clock, sleep=sleep),
            clock=clock,
            sleep=sleep,
        )
        record.note_findings(*(found for result in results if (found := result.finding())))
        record.set(told=[result.fact() for result in results])
    except KeyboardInterrupt:
        _note(record, "KeyboardInterrupt")
    except Exception as error:  # noqa: BLE001 - whatever it was, the run ended as it did
        _note(record, type(error).__name__)


def _note(record: RunRecord, name: str) -> None:
    with contextlib.suppress(RunbookError):
        record.note_gaps(t("Telling how the run ended broke off ({name}): not everybody may know.", name=name))


def link_of(folder: RecordFolder, records_url: str) -> str:
    """The address of a record, where the records folder has one; else its path on this machine."""
    page = folder.path / "record.html"
    if not records_url:
        return str(page)
    parts = (folder.change_id, folder.run_id, page.name)
    return "/".join((records_url.rstrip("/"), *(quote(part, safe="") for part in parts)))


def last_told(folder: RecordFolder, notebook: str, entry: str) -> str | None:
    """The state that an entry of ``notify`` was sent last, of this notebook in this change; None: nothing yet."""
    runs = [path for path in folder.change_folder.iterdir() if path.is_dir() and path.name != folder.run_id]
    for run in sorted(runs, key=lambda path: path.name, reverse=True):
        try:
            facts: Any = json.loads(read_plain(run / RECORD, largest=LARGEST_PLAN).data)
            if facts["notebook"]["name"] != notebook:
                continue
            sent = (one for one in facts["told"] if one["name"] == entry and one["result"] == Told.SENT.value)
            state = next((one["state"] for one in sent), None)
        except (OSError, Unfit, ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(state, str):
            return state
    return None
