"""How one run of a fleet ended, and the file that says so until the page of the whole run is made.

``records/fleet/<run>/<tenant>.<notebook>.json`` has one result; whoever ran it writes it whole, so that several hosts
need nothing but the folder of records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import ServiceFailed
from runbook_lib.files import FLEET, MANIFEST, RECORD, file_mode, make_folder_like_its_parent
from runbook_lib.fleet.jobs import Job, ReadFleet
from runbook_lib.model.healing import WORST_FIRST, heals
from runbook_lib.model.moment import iso_seconds, moment_in
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.record.folder import RecordFolder, json_bytes, write_atomically
from runbook_lib.record.mappings import mapping_in, mapping_of_file
from runbook_lib.record.run_end import decided


@dataclass(frozen=True, slots=True)
class JobResult:
    """How one notebook of one tenant ended.

    Attributes:
        outcome: As record.json says it.
        exit_code: Of the process that ran it.
        title: The end in two or three words.
        code: Of the error that explains it; empty without one.
        message: Why it ended so; empty for a run that ended as asked.
        hint: What to do, or empty.
        record: Its record below the folder of records, ``<change id>/<run id>``; empty where none was begun.
        changes_done: Changes that record.json counts as done.
        started: ISO 8601, UTC.
        seconds: From start to end.
    """

    tenant: str
    notebook: str
    outcome: str
    exit_code: int
    title: str
    code: str
    message: str
    hint: str
    record: str
    changes_done: int
    started: str
    seconds: float

    @property
    def known(self) -> Outcome:
        """The outcome."""
        return Outcome(self.outcome)

    @property
    def heals(self) -> bool:
        """Whether time alone may heal it."""
        return heals(self.known, self.code)

    def as_json(self) -> dict[str, object]:
        """For files and for schedulers."""
        return {**asdict(self), "heals": self.heals}


def result_of(
    job: Job, exit_code: int, printed: str, said: str, *, records: Path, started: datetime, ended: datetime
) -> JobResult:
    """What a process of ``gwb run --json`` came to.

    Args:
        job: What it ran.
        exit_code: Of the process; negative where a signal ended it.
        printed: Its standard output: one line of JSON, or nothing.
        said: Its standard error.
        records: Folder of the records.
        started: When it was started, UTC.
        ended: When it had ended, UTC.
    """
    told = _json(printed)
    outcome, record = _outcome(told.get("outcome")), str(told.get("record") or "")
    if outcome is None:
        left = _left_open(records / job.change_id, started) if exit_code not in _WITHOUT_RECORD else None
        record = str(left.path) if left else ""
        known = {one.exit_code: one for one in Outcome if not one.good}.get(exit_code)
        outcome = known or (decided(left, interrupted=False) if left else Outcome.FAILED)
        lines = [line for line in said.splitlines() if line.strip()]
        killed = t("The process ended without a result (exit code {code}).", code=exit_code)
        told = {"title": outcome.title, "message": killed if known is None else " ".join(lines[-_LINES:])[:_LONGEST]}
        told |= {"code": "process-ended"} if known is None else {}
    return JobResult(
        tenant=job.tenant,
        notebook=job.notebook,
        outcome=outcome.value,
        exit_code=outcome.exit_code,
        title=str(told.get("title") or outcome.title),
        code=str(told.get("code") or ""),
        message=str(told.get("message") or ""),
        hint=str(told.get("hint") or ""),
        record=_below(record, records),
        changes_done=done if isinstance(done := told.get("changes_done"), int) else 0,
        started=iso_seconds(started),
        seconds=round(max((ended - started).total_seconds(), 0.0), 1),
    )


_WITHOUT_RECORD = (Outcome.USAGE.exit_code,)
_LINES = 4
"""Last lines of standard error that stand in for a message."""
_LONGEST = 2_000
"""Characters of such a message."""


def _left_open(change_folder: Path, since: datetime) -> RecordFolder | None:
    """The newest run of a change that was begun since then and is not sealed."""
    found = [path.parent for path in change_folder.glob(f"*/{RECORD}") if not (path.parent / MANIFEST).exists()]
    begun = {path: moment_in(mapping_of_file(path / RECORD).get("started")) for path in found}
    own = [path for path, at in begun.items() if at is not None and at >= since.replace(microsecond=0)]
    return RecordFolder(max(own, key=lambda path: (str(begun[path]), path.name))) if own else None


def _json(text: str) -> Mapping[str, Any]:
    try:
        return mapping_in(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _outcome(value: object) -> Outcome | None:
    try:
        return Outcome(value)
    except ValueError:
        return None


def _below(record: str, records: Path) -> str:
    if not record:
        return ""
    path = Path(record)
    return f"{path.parent.name}/{path.name}" if path.parent.parent.resolve() == records.resolve() else ""


def worst_exit_code(results: Iterable[JobResult]) -> int:
    """The exit code of what a person has to look at first; 0 without any result."""
    outcomes = [result.known for result in results]
    return min(outcomes, key=WORST_FIRST.index).exit_code if outcomes else 0


def fleet_folder(records: Path) -> Path:
    """The folder of pages and results of fleets, made where it is not there.

    Raises:
        ServiceFailed: Code ``record-write``.
    """
    records.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _made(records / FLEET)


def _made(folder: Path) -> Path:
    try:
        make_folder_like_its_parent(folder)
    except OSError as error:
        raise ServiceFailed(
            t("The folder {folder} cannot be made: {reason}.", folder=folder, reason=error.strerror),
            code="record-write",
            hint=t("Check its permissions and the space on its disk."),
            values={"path": str(folder)},
        ) from None
    return folder


def mode_of(records: Path, change_ids: Iterable[str]) -> int:
    """Mode of a file that tells of these changes: for those who may read each of them."""
    return file_mode(records, *(path for one in set(change_ids) if (path := records / one).is_dir()))


def keep_result(read: ReadFleet, run: str, result: JobResult) -> Path:
    """Write one result; an earlier one of the same notebook and tenant is replaced.

    Raises:
        ServiceFailed: Code ``record-write``.
    """
    folder = _made(fleet_folder(read.records) / run)
    job = next(one for one in read.jobs if (one.tenant, one.notebook) == (result.tenant, result.notebook))
    path = folder / f"{job.name}.json"
    write_atomically(path, json_bytes(result.as_json()), mode=mode_of(read.records, [job.change_id]))
    return path


def kept_results(records: Path, run: str) -> dict[tuple[str, str], JobResult]:
    """The results of one run of a fleet, by tenant and notebook; what cannot be read is left out."""
    found: dict[tuple[str, str], JobResult] = {}
    for path in sorted((records / FLEET / run).glob("*.json")):
        told = {name: value for name, value in mapping_of_file(path).items() if name != "heals"}
        try:
            result = JobResult(**told)
            Outcome(result.outcome)
        except (ValueError, TypeError):
            continue
        found[(result.tenant, result.notebook)] = result
    return found
