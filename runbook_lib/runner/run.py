"""One headless run: parameters, record, papermill, verdict, seal."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import papermill

from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.files import RECORD_VARIABLE
from runbook_lib.graph.key_vault import stores_of
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import NOTHING, Text, joined, t, verbatim
from runbook_lib.model.untrusted import typed
from runbook_lib.parameters.load import LoadedParameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import ROOT_VARIABLE, resolve
from runbook_lib.parameters.validate import require
from runbook_lib.record.cells import run_mark_of
from runbook_lib.record.folder import RecordFolder, work_file_of
from runbook_lib.record.folder import new_run_id as default_run_id
from runbook_lib.record.index import build_index
from runbook_lib.record.run_end import RunEnd, writes_begun
from runbook_lib.record.run_record import RunRecord, versions
from runbook_lib.record.seal import seal
from runbook_lib.runner.kernel import engine
from runbook_lib.runner.kernel.execution import CellStep, Execution, KernelEnd
from runbook_lib.runner.kernel.signals import raise_if_interrupted
from runbook_lib.runner.notifying import notify_of
from runbook_lib.runner.verdict import run_end_of
from runbook_lib.secrets.redact import known_secrets
from runbook_lib.secrets.referenced import with_references
from runbook_lib.shown.sign_in import NOTICES_VARIABLE
from runbook_lib.signing.from_parameters import signing_of
from runbook_lib.signing.signature import Signing

_NOT_FOR_THE_KERNEL = ("JPY_SESSION_NAME", "JPY_PARENT_PID", "GWB_PARAMETERS")
"""Marks of an interactive session, and the parameters file that JupyterLab reads: this run has been told already."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        title: How it ended, in two or three words.
        record: The run's folder.
        seconds: Wall-clock seconds by the injected clock.
        changes_done: Changes that record.json counts as done.
        message: Why it ended this way, plain text; empty for a run that ended as asked.
        hint: What to do, or empty.
        code: Of the error that explains it; empty without one.
        sealed: Whether the record is sealed; if not, ``message`` says why.
        stop_asked: Whether Ctrl-C or a signal came, also one too late to stop this run: callers start no other.
    """

    outcome: Outcome
    title: Text
    exit_code: int
    record: Path | None
    seconds: float
    changes_done: int
    message: Text
    hint: Text
    code: str
    sealed: bool
    stop_asked: bool


def run_notebook(
    notebook: Path,
    loaded: LoadedParameters,
    *,
    project_root: Path,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    new_run_id: Callable[[Path, datetime], str] = default_run_id,
    progress: Callable[[CellStep], None] | None = None,
    detail: Callable[[Text], None] | None = None,
    notice: Callable[[Text], None] | None = None,
    time_limit: timedelta | None = None,
    grace: float = 20.0,
) -> RunResult:
    """Run a notebook headless and seal its record.

    Args:
        notebook: An ``.ipynb`` file.
        loaded: What the run is told.
        project_root: What relative paths in parameters resolve against; the kernel's current folder.
        environment: Of this process; the kernel gets it, without the marks of an interactive session.
        clock: Present time, UTC.
        new_run_id: Name of the run, from notebook and time.
        progress: Told before each code cell.
        detail: Told what goes on within it.
        notice: Told what the person at the terminal has to do now (a device code); None: nobody is there.
        time_limit: For the whole notebook; then the kernel is interrupted and ended.
        grace: Seconds that an interrupted kernel has to close its journal.

    Raises:
        UsageError: No change id, a key, notebook or records folder; nothing was started and no record exists.
        KeyboardInterrupt: A signal came before it began; nothing was started.
        Exception: A defect of the runner itself; the record is finished as ``bug`` and sealed before it is raised.
    """
    raise_if_interrupted()
    require(loaded.parameters, "change_id")
    signing = signing_of(loaded.parameters, project_root)
    source = _read_notebook(notebook)
    started = clock()
    folder = RecordFolder.create(
        resolve(loaded.parameters.records_dir, project_root),
        loaded.parameters.change_id,
        new_run_id(notebook, started),
        access=loaded.parameters.records_access,
    )
    record = RunRecord.begin(
        folder,
        notebook_name=notebook.name,
        notebook_sha256=hashlib.sha256(source).hexdigest(),
        mode="record",
        started=started,
        parameters=loaded.parameters.model_dump(),
        versions=versions(),
    )
    work_file = work_file_of(folder)
    with tempfile.TemporaryDirectory(prefix="gwb-", ignore_cleanup_errors=True) as scratch:
        execution = Execution(
            work_file=work_file,
            mark=run_mark_of(folder),
            scratch=Path(scratch),
            environment=_kernel_environment(
                environment, folder, project_root, Path(scratch), notices=notice is not None
            ),
            folder=project_root,
            time_limit=time_limit.total_seconds() if time_limit else None,
            grace=grace,
            progress=progress,
            detail=detail,
            notice=notice,
        )
        defect = _execute(notebook, loaded, execution)
    record, outcome = _settle(record, execution, defect, clock)
    notify_of(
        record,
        loaded.parameters,
        project_root=project_root,
        environment=environment,
        clock=clock,
        sleep=time.sleep,
    )
    if detail is not None:
        detail(t("sealing the record"))
    sealing = seal_run(
        folder,
        work_file,
        parameters=loaded.parameters,
        project_root=project_root,
        environment=environment,
        clock=clock,
        signing=signing,
    )
    if defect is not None:
        raise defect
    seconds = max((clock() - started).total_seconds(), 0.0)
    return _result(record, outcome, sealing, seconds, stop_asked=execution.stop_asked)


def _read_notebook(notebook: Path) -> bytes:
    """The notebook's bytes, proved to be a notebook."""
    try:
        source = notebook.read_bytes()
        nbformat.reads(source.decode("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except Exception:  # noqa: BLE001 - nbformat raises many kinds; each means the same to the person
        reason = t("it is not a Jupyter notebook")
    else:
        return source
    raise UsageError(
        t("The notebook {notebook} cannot be read: {reason}.", notebook=notebook, reason=reason),
        code="notebook-invalid",
        hint=t("Name one of the notebooks in notebooks/."),
        values={"notebook": str(notebook)},
    )


def _kernel_environment(
    environment: Mapping[str, str], folder: RecordFolder, project_root: Path, scratch: Path, *, notices: bool
) -> dict[str, str]:
    """The kernel's environment: this one, told where record and project are, without what belongs to a session."""
    kept = {name: value for name, value in environment.items() if name not in _NOT_FOR_THE_KERNEL}
    return kept | {
        RECORD_VARIABLE: str(folder.path.resolve()),
        ROOT_VARIABLE: str(project_root.resolve()),
        NOTICES_VARIABLE: "1" if notices else "",
        # A person's own IPython start-up files must not run inside a change, nor its history be written to.
        "IPYTHONDIR": str(scratch / "ipython"),
        # The debugger's warning about frozen modules would go to the log of every run.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _execute(notebook: Path, loaded: LoadedParameters, execution: Execution) -> Exception | None:
    """Run papermill. ``execution`` reports everything that a run may meet; a defect of the runner is returned."""
    engine.register()
    try:
        papermill.execute_notebook(
            # papermill formats the path with the parameters: braces have to be doubled.
            str(notebook).replace("{", "{{").replace("}", "}}"),
            None,
            parameters=dict(loaded.given),
            engine_name=engine.ENGINE,
            progress_bar=False,
            execution=execution,
        )
    except papermill.PapermillExecutionError:
        return None
    except KeyboardInterrupt:
        execution.end = KernelEnd.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the record has to be finished first, then it is raised
        return error if execution.steps else None
    return None


def _settle(
    record: RunRecord, execution: Execution, defect: Exception | None, clock: Callable[[], datetime]
) -> tuple[RunRecord, Outcome]:
    """Read what the notebook wrote, and write the verdict where it wrote none."""
    with contextlib.suppress(UsageError):
        # What the kernel left unreadable is written anew from what was known at the start.
        record = RunRecord.load(record.folder)
    outcome = record.outcome
    if execution.unsaved:
        with contextlib.suppress(RunbookError):
            record.note_gaps(t("The executed notebook could not be saved to its end: {why}.", why=execution.unsaved))
    if outcome is None:
        verdict = _defect_verdict(defect, record) if defect else run_end_of(execution, record.folder)
        # A disk that does not take the verdict must not change the exit code; sealing says what is wrong with the disk.
        with contextlib.suppress(RunbookError):
            record.finish(verdict.outcome, ended=clock(), error=verdict.error)
        return record, verdict.outcome
    if outcome.good and execution.end is not KernelEnd.COMPLETED:
        record.note_gaps(
            t("After the verdict was written the notebook did not end as it should ({end}).", end=execution.end.value)
        )
    return record, outcome


def _defect_verdict(defect: Exception, record: RunRecord) -> RunEnd:
    resume = t(" Run it again with the same change id: it resumes.") if writes_begun(record.folder) else NOTHING
    return RunEnd(
        Outcome.BUG,
        RunbookError(
            t("The runner met an unexpected {name}.{resume}", name=type(defect).__name__, resume=resume),
            code="unexpected-error",
        ),
    )


def _result(record: RunRecord, outcome: Outcome, sealing_failed: str, seconds: float, *, stop_asked: bool) -> RunResult:
    facts = record.facts
    error = facts.get("error")
    changes = facts.get("changes")
    message, hint, code = (
        str(error.get(key) or "") if isinstance(error, dict) else "" for key in ("message", "hint", "code")
    )
    planned, done = (changes.get(key) if isinstance(changes, dict) else 0 for key in ("planned", "done"))
    if outcome is Outcome.AWAITING_APPROVAL and not message:
        message = t(
            "{done} of {planned} changes were approved and applied; the others wait.", done=done, planned=planned
        )
        hint = t(
            "Look at those that wait in the record, then: gwb approve {record} --as NAME",
            record=typed(record.folder.path),
        )
    return RunResult(
        outcome=outcome,
        title=ending_of_facts(outcome, error).title,
        exit_code=outcome.exit_code,
        record=record.folder.path,
        seconds=seconds,
        changes_done=done if isinstance(done, int) else 0,
        message=joined((message, sealing_failed)),
        hint=verbatim(hint),
        code=code,
        sealed=record.folder.sealed,
        stop_asked=stop_asked,
    )


def seal_run(
    folder: RecordFolder,
    work_file: Path,
    *,
    parameters: Parameters,
    project_root: Path,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    signing: Signing | None = None,
) -> Text:
    """Seal the record, renew the index, remove the work file. Returns what went wrong, or an empty text."""
    stores = stores_of(parameters, environment, project_root, clock=clock, sleep=time.sleep)
    secrets = known_secrets(parameters, project_root, with_references(parameters, stores))
    notebook = work_file if work_file.exists() else None
    try:
        seal(folder, notebook, clock=clock, known_secrets=secrets, signing=signing)
    except RunbookError as error:
        reason = error.message
    except Exception as error:  # noqa: BLE001 - the verdict of the run must reach the caller
        reason = t("an unexpected {name}.", name=type(error).__name__)
    else:
        work_file.unlink(missing_ok=True)
        return _index(folder)
    return t(
        "The record is not sealed: {reason} To try again: gwb seal {record} {work_file}",
        reason=reason,
        record=typed(folder.path),
        work_file=typed(work_file),
    )


def _index(folder: RecordFolder) -> Text:
    try:
        build_index(folder.change_folder.parent)
    except RunbookError as error:
        return t("The list of records is not up to date: {why}", why=error.message)
    return NOTHING
