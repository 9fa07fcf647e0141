"""``open_run``: from the names in a notebook to a run with a record."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path

from IPython.core.getipython import get_ipython

from runbook_lib.errors import Refused, UsageError
from runbook_lib.files import CSV_DELIMITERS, JOURNAL, RECORD_VARIABLE
from runbook_lib.model.text import NOTHING, t
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import watch_cells, watch_opening
from runbook_lib.notebook.run import Run
from runbook_lib.notebook.sealing import seal_by_itself
from runbook_lib.notebook.selection_file import SELECTION_FILE, read_selection
from runbook_lib.notebook.undo_form import offer_undo
from runbook_lib.parameters.cell import PARAMETERS_FILE, USED
from runbook_lib.parameters.groups_file import SELECTIONS
from runbook_lib.parameters.load import load_parameters, parameters_from_values
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import absolute_paths, named_files, project_root, resolve
from runbook_lib.parameters.validate import require
from runbook_lib.record.folder import RecordFolder, new_run_id
from runbook_lib.record.needs import UNDO, require_needs, require_undoable, undoable
from runbook_lib.record.run_record import RunRecord, versions
from runbook_lib.shown.start import parameters_view
from runbook_lib.signing.from_parameters import signing_of

PARAMETERS_VARIABLE = "GWB_PARAMETERS"
"""The parameters file in JupyterLab, and wherever else nobody gives values to the parameters cell (nbconvert).

Several are named with the system's path separator. ``parameters_file`` in that cell comes before it."""
_OWN_RUN = "_gwb_run"
"""Name in the notebook under which the run that it begins is known to the one that follows it there."""
_LITERALS = (str, int, float, bool, list, tuple, dict, type(None))


def utc_now() -> datetime:
    """The present time, UTC."""
    return datetime.now(UTC)


def open_run(
    namespace: MutableMapping[str, object],
    *,
    notebook: str,
    environment: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Run:
    """Check the parameters and begin (or, under ``gwb run``, continue) the record of this run.

    Args:
        namespace: ``globals()`` of the notebook, after its parameters cell.
        notebook: Name of the notebook without its ending.
        environment: Environment variables; the process's own by default.
        clock: Gives the present time, UTC.

    Raises:
        UsageError: A name that no parameter has, a bad value, a secret, a records folder that cannot be written,
            something that this notebook needs and was not told; a selection file that is none.
        Refused: This notebook needs a selection, and nothing is selected.
    """
    environment = os.environ if environment is None else environment
    interactive = "JPY_SESSION_NAME" in environment and RECORD_VARIABLE not in environment
    watch_opening(in_front=interactive)
    root = project_root(environment)
    parameters, given, file = _parameters(namespace, environment, root, interactive=interactive)
    require(parameters, "change_id")
    parameters = absolute_paths(parameters, root)
    signing_of(parameters, root)  # a key that cannot be used is said now, not when everything is written
    ticked = _ticked(parameters, notebook) if interactive else {}
    if ticked:
        given |= ticked
        parameters = absolute_paths(parameters_from_values(given, source=SELECTION_FILE, project_root=None), root)
    if interactive and notebook == UNDO:
        _choose_record(namespace, parameters, root)
    begun = environment.get(RECORD_VARIABLE, "")
    if begun:
        record = _continued(RecordFolder.open(Path(begun)), parameters, notebook)
    else:
        record = _begin(parameters, given, notebook, root, clock, mode="interactive" if interactive else "record")
    record.folder.csv_delimiter = CSV_DELIMITERS[parameters.csv_delimiter]
    context = RunContext(
        parameters=parameters, record=record, environment=environment, clock=clock, interactive=interactive
    )
    run = Run(context, notebook)
    earlier = namespace.get(_OWN_RUN)
    if isinstance(earlier, Run):
        earlier.give_way(record.folder.run_id)
    namespace[_OWN_RUN] = run
    watch_cells(record.folder, run.ended_with, in_front=interactive)
    run.sealing = seal_by_itself(context, notebook, root, lambda: run.course.closed)
    if interactive:
        context.top.open()
    context.show(parameters_view(given, record.folder, interactive=interactive, file=file))
    require_needs(notebook, parameters)
    return run


def _parameters(
    namespace: Mapping[str, object], environment: Mapping[str, str], root: Path, *, interactive: bool
) -> tuple[Parameters, dict[str, object], str]:
    defaults = Parameters.model_construct()
    present = {name: value for name, value in _literals(namespace).items() if value != getattr(defaults, name, _ABSENT)}
    named = _file_in_cell(present.pop(PARAMETERS_FILE, ""), environment)
    file = named or environment.get(PARAMETERS_VARIABLE, "")
    if file and (named or interactive or not present):
        loaded = load_parameters(named_files(file, root), {}, project_root=root)
        given = {**loaded.given, **present}
    else:
        given, file = present, ""
    # Under ``gwb run`` the groups of files are among the values, as they were when the run began.
    files_root = None if RECORD_VARIABLE in environment else root
    parameters = parameters_from_values(given, source=t("parameters cell"), project_root=files_root)
    of_files = {name: getattr(parameters, name) for name in SELECTIONS if name in given or getattr(parameters, name)}
    return parameters, {**given, **of_files}, file


def _file_in_cell(named: object, environment: Mapping[str, str]) -> str:
    """The file that the parameters cell names (papermill: ``-p parameters_file FILE``); empty where it names none.

    Raises:
        UsageError: ``parameters-file-invalid``: no text, or under ``gwb run``, whose record holds what it was told.
    """
    if not isinstance(named, str):
        raise UsageError(
            t("parameters_file is not a text."),
            code="parameters-file-invalid",
            hint=t("Write its path in double quotes."),
            values={"name": PARAMETERS_FILE},
        )
    if named and environment.get(RECORD_VARIABLE):
        raise UsageError(
            t("parameters_file is given in the notebook, and gwb run has its own."),
            code="parameters-file-invalid",
            hint=t("Name the file with gwb run -f FILE."),
            values={"name": PARAMETERS_FILE},
        )
    return named


def _choose_record(namespace: MutableMapping[str, object], parameters: Parameters, root: Path) -> None:
    """Where no record is named that can be undone, let a person choose one; this cell and those below then run again.

    Raises:
        UsageError: None is named that can be undone; no run has begun.
        Refused: It wrote nothing, or is not finished.
    """
    try:
        require_undoable(parameters)
    except (UsageError, Refused) as error:

        def chosen(record: Path) -> None:
            named = str(resolve(str(record), root))
            require_undoable(parameters.model_copy(update={"undo_record": named}))
            namespace["undo_record"] = named

        offer_undo(undoable(Path(parameters.records_dir)), chosen)
        raise type(error)(
            error.message,
            code=error.code,
            hint=t("Choose the record in the form of this cell, or name its folder in undo_record."),
            values={name: value for name, value in error.values.items() if name != "choices"},
        ) from None


def _ticked(parameters: Parameters, notebook: str) -> dict[str, object]:
    """The groups of this change that a person ticked in JupyterLab, where this notebook asks for a selection."""
    if "select_ids" not in USED.get(notebook, ()):
        return {}
    return dict(read_selection(Path(parameters.records_dir) / parameters.change_id))


_ABSENT = object()


def _literals(namespace: Mapping[str, object]) -> dict[str, object]:
    """What the parameters cell (and papermill) left behind: plain values under public names."""
    shell = get_ipython()
    hidden = set(shell.user_ns_hidden) if shell is not None else set()
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in hidden and isinstance(value, _LITERALS)
    }


def _continued(folder: RecordFolder, parameters: Parameters, notebook: str) -> RunRecord:
    """The record that the runner has begun for this very run.

    Raises:
        UsageError: ``record-of-another-run``: of another change or notebook, or its run has ended or written.
    """
    record = RunRecord.load(folder)
    ran = record.facts["notebook"]
    name = ran.get("name") if isinstance(ran, dict) else None
    why = NOTHING
    if folder.change_id != parameters.change_id:
        why = t("it belongs to the change {own}, not to {other}", own=folder.change_id, other=parameters.change_id)
    elif folder.change_folder.parent != Path(parameters.records_dir).resolve():
        why = t("it is not in the records folder {folder}", folder=parameters.records_dir)
    elif name != notebook:
        why = t("it belongs to the notebook {own}, not to {other}", own=name, other=notebook)
    elif record.outcome is not None or folder.sealed or (folder.path / JOURNAL).exists():
        why = t("its run has ended or written already")
    if why:
        raise UsageError(
            t("The record {path} cannot be continued: {why}.", path=folder.path, why=why),
            code="record-of-another-run",
            hint=t(
                "Take {record_variable} out of the environment: gwb run sets it for its own kernel.",
                record_variable=RECORD_VARIABLE,
            ),
            values={"path": str(folder.path)},
        )
    return record


def _begin(
    parameters: Parameters,
    given: Mapping[str, object],
    notebook: str,
    root: Path,
    clock: Callable[[], datetime],
    *,
    mode: str,
) -> RunRecord:
    now = clock()
    source = root / "notebooks" / f"{notebook}.ipynb"
    folder = RecordFolder.create(
        Path(parameters.records_dir),
        parameters.change_id,
        new_run_id(source, now),
        access=parameters.records_access,
    )
    return RunRecord.begin(
        folder,
        notebook_name=notebook,
        notebook_sha256=hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else "",
        mode=mode,
        started=now,
        parameters=given,
        versions=versions(),
    )
