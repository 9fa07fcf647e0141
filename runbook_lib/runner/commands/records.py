"""``gwb records``, ``gwb seal``, ``gwb verify-record`` and ``gwb close``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, joined, t
from runbook_lib.record.schema_files import SCHEMAS, schema_text
from runbook_lib.runner import console
from runbook_lib.runner.chosen_record import chosen_record, complete_records
from runbook_lib.runner.commands.prune import prune

if TYPE_CHECKING:
    from runbook_lib.record.folder import RecordFolder

_RECORD = click.Path(path_type=Path)


@click.command("verify-record")
@click.argument("records", nargs=-1, required=True, type=_RECORD, metavar="RECORD...", shell_complete=complete_records)
@click.option(
    "--trusted-signers",
    type=_RECORD,
    metavar="DIR",
    envvar="GWB_TRUSTED_SIGNERS",
    help="Everything has to be signed by a key in this folder (NAME.pem); also GWB_TRUSTED_SIGNERS.",
)
@click.option(
    "--time-stamp-ca",
    "authority",
    type=_RECORD,
    metavar="FILE",
    envvar="GWB_TIME_STAMP_CA",
    help="Each needs a time stamp that comes from a certificate in this PEM file; also GWB_TIME_STAMP_CA.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
@click.option(
    "--last", metavar="DIGEST", default="", help="A digest noted elsewhere that a run of the change must have."
)
def verify_record(
    records: Sequence[Path], trusted_signers: Path | None, authority: Path | None, as_json: bool, last: str
) -> int:
    """Say whether each RECORD is as it was sealed.

    And who signed it. RECORD is the folder of a run; the runs of a change's folder are offered. Exit code 5 if one is
    not as sealed, is still open, or is not signed by those who are trusted. A line on standard error says where a
    record is not signed although others of its change are.
    """
    from runbook_lib.record.attested import attested
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.manifest import verified_record
    from runbook_lib.signing.time_stamp import read_stamp_roots
    from runbook_lib.signing.trust import read_trusted_signers

    trusted = read_trusted_signers(trusted_signers, parameter="--trusted-signers") if trusted_signers else None
    roots = read_stamp_roots(authority, parameter="--time-stamp-ca") if authority else ()
    good, told = True, []
    chosen = [chosen_record(given, first=lambda run: run.sealed) for given in records]
    for number, path in enumerate(chosen):
        with console.Status() as status:
            status(t("records checked"), number, len(chosen))
            folder = RecordFolder.open(path)
            result = verified_record(folder)
            found = attested(folder, trusted, authority=roots, last=last.strip().lower())
        problems = list(dict.fromkeys((*result.problems, *found.problems)))
        good = good and result.ok and not problems
        if as_json:
            said = {"said": found.said, "problems": problems, "doubts": found.doubts}
            told.append({"record": str(path), "as_sealed": result.ok, "files": result.files, **said})
            continue
        if result.ok:
            console.print_line(
                t("{path}: sealed, {files} files are as they were sealed", path=path, files=result.files)
            )
        for line in (*found.said, *problems):
            console.print_line(t("{path}: {problem}", path=path, problem=line))
        for doubt in found.doubts:
            console.warn(t("{path}: {problem}", path=path, problem=doubt))
    if as_json:
        click.echo(json.dumps({"schema": "gwb-verification/1", "good": good, "records": told}, indent=2))
    return 0 if good else Outcome.REFUSED.exit_code


@click.command()
@click.argument("record", type=_RECORD, shell_complete=complete_records)
@click.argument("notebook", type=_RECORD, required=False)
@click.option("--without-notebook", is_flag=True, help="Seal it without: its outputs are gone. The record says so.")
def seal(record: Path, notebook: Path | None, without_notebook: bool) -> None:
    """Seal RECORD with the executed NOTEBOOK.

    The notebook's outputs have to be of that run. For runs that plain papermill made; gwb run and JupyterLab seal by
    themselves, and where they could not, NOTEBOOK is at hand and need not be named. The runs of a change's folder
    are offered, those that are still open first.
    """
    from runbook_lib.model.outcome import ending_of_facts
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.record.folder import RecordFolder, work_file_of
    from runbook_lib.record.run_record import RunRecord
    from runbook_lib.record.seal_by_record import seal_by_record

    folder = RecordFolder.open(chosen_record(record, first=lambda run: not run.sealed))
    left = work_file_of(folder)
    if notebook is None and not without_notebook and left.is_file():
        notebook = left
    if without_notebook and notebook is not None:
        raise click.UsageError(t("Either NOTEBOOK or --without-notebook."))
    if not without_notebook and (notebook is None or not notebook.is_file()):
        raise UsageError(
            (t("There is no notebook {notebook}.", notebook=notebook) if notebook else t("No notebook is named.")),
            code="notebook-missing",
            hint=t(
                "Name the executed notebook: papermill's output file, or the one saved in "
                "JupyterLab. Is it gone: --without-notebook"
            ),
            values={"notebook": str(notebook)},
        )
    with console.told_at_interrupt(lambda: _how_far(folder)), console.Status() as status:
        status.show(t("Sealing {run}", run=folder.run_id))
        sealed = seal_by_record(
            folder,
            notebook,
            root=project_root(),
            environment=os.environ,
            clock=lambda: datetime.now(UTC),
            progress=status,
        )
    left.unlink(missing_ok=True)
    ending = ending_of_facts(sealed.outcome, RunRecord.load(folder).facts.get("error"))
    page = console.shown_path(sealed.page)
    console.print_line(t("Sealed: {ending}, {page}", ending=ending.title.lower(), page=page))
    for finding in sealed.findings:
        console.warn(joined((finding.seen, finding.to_do)))


def _how_far(folder: RecordFolder) -> Text:
    """What an interrupted sealing has done; its last file, the manifest, makes a record sealed."""
    if folder.sealed:
        return t("Interrupted: {run} is sealed; the list of records may not show it yet.", run=folder.run_id)
    return t("Interrupted: {run} is not sealed yet. The same command seals it.", run=folder.run_id)


@click.group(invoke_without_command=True)
@click.option(
    "--records", "root", type=_RECORD, metavar="DIR", help="Folder with the records; default: records/ of the project."
)
@click.option(
    "--schema",
    type=click.Choice(SCHEMAS),
    metavar="KIND",
    help="Print the JSON Schema of one kind of file instead: record, plan, journal, approval, closing, manifest; for "
    "the first four on another route: record-cloud-sync, record-connect-sync and so on.",
)
@click.pass_context
def records(context: click.Context, root: Path | None, schema: str | None) -> None:
    """List every run and write records/index.html anew."""
    if context.invoked_subcommand is not None:
        if root is not None or schema is not None:
            raise click.UsageError(t("Options of gwb records itself do not go with a command behind it."))
        return
    if schema is not None:
        if root is not None:
            raise click.UsageError(t("--schema stands alone."))
        click.echo(schema_text(schema), nl=False)
        return
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.record.index import build_index

    root = root if root is not None else project_root() / "records"
    if not root.is_dir():
        raise UsageError(
            t("There is no records folder {shown_path}.", shown_path=console.shown_path(root)),
            code="records-folder-missing",
            hint=t("Name it with --records DIR, or run a notebook first."),
            values={"path": str(root)},
        )
    with console.Status() as status:
        rows = _runs(root)
        page = build_index(root, status)
    widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
    for row in rows:
        console.print_line(console.table_row(row, widths))
    console.print_line(t("List of all records: {file}", file=console.shown_path(page)))


records.add_command(prune)


def _runs(root: Path) -> list[tuple[str, str, Text, Text]]:
    """Change, run, state and outcome of each run, in the order of the index: what began last comes first."""
    from runbook_lib.files import RECORD
    from runbook_lib.model.moment import LONG_AGO, moment_in
    from runbook_lib.model.outcome import ending_of_facts
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.run_record import RunRecord

    rows: dict[str, list[tuple[datetime, tuple[str, str, Text, Text]]]] = {}
    for path in sorted(root.glob(f"*/*/{RECORD}")):
        folder, began = RecordFolder(path.parent), LONG_AGO
        try:
            record = RunRecord.load(folder)
        except RunbookError:
            title: Text = t("not readable")
        else:
            outcome, began = record.outcome, moment_in(record.facts.get("started")) or LONG_AGO
            title = ending_of_facts(outcome, record.facts.get("error")).title if outcome else t("no verdict yet")
        state = t("sealed") if folder.sealed else t("open")
        rows.setdefault(folder.change_id, []).append((began, (folder.change_id, folder.run_id, state, title)))
    changes = [sorted(runs, reverse=True) for runs in rows.values()]
    return [row for runs in sorted(changes, reverse=True) for _, row in runs]


@click.command()
@click.argument("record", type=click.Path(path_type=Path), shell_complete=complete_records)
@click.option("--as", "by", required=True, metavar="NAME", help="Who closes it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is not finished.")
def close(record: Path, by: str, reason: str) -> None:
    """Close by hand a change that cannot be finished.

    RECORD is a run of the change, or the change's folder. Nothing is written to AD and no record changes: a file in
    closings/ beside the runs says that their journals, as they are now, are not resumed. The next run under the change
    id plans from what is there and asks for an approval of that.
    """
    from runbook_lib.change.closing import close_by_hand
    from runbook_lib.change.journal import unfinished_runs
    from runbook_lib.routes.registry import ROUTES

    folder = record.resolve()
    if not folder.is_dir():
        raise UsageError(
            t("There is no record at {record}.", record=record),
            code="record-missing",
            hint=t("Name a run of the change, records/<change id>/<run id>, or the change's folder."),
            values={"path": str(record)},
        )
    change_folder = folder.parent if (folder / "record.json").is_file() else folder
    for path in close_by_hand(
        change_folder, unfinished_runs(change_folder, ROUTES), by=by, reason=reason, clock=lambda: datetime.now(UTC)
    ):
        console.print_line(t("Closed by {by}: {file}", by=by, file=console.shown_path(path)))
    console.print_line(t("Now run the notebook again: it plans from what is there and asks for an approval."))
