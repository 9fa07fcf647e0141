"""``gwb export``: a record as PDF, as a short text for a ticket, or without names for support."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import click

from runbook_lib.errors import RunbookError, ServiceFailed, UsageError
from runbook_lib.files import MANIFEST, PAGE, RECORD, write_durably
from runbook_lib.model.text import t
from runbook_lib.runner import console
from runbook_lib.runner.chosen_record import chosen_record, complete_records, require_as_sealed

_FORMATS = ("pdf", "markdown", "json", "redacted")


@click.command()
@click.argument("record", type=click.Path(path_type=Path), shell_complete=complete_records)
@click.option("--pdf", "as_pdf", is_flag=True, help="The whole page, printed by the Chromium, Chrome or Edge here.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Page 1 as a short text with the table of groups.")
@click.option("--json", "as_json", is_flag=True, help="The same for machines.")
@click.option(
    "--redacted", "as_redacted", is_flag=True, help="For support: codes, numbers, times; no name, address or id."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it; without: the terminal, and a PDF to RUN.pdf in this folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE where it is there.")
@click.option(
    "--browser", type=click.Path(path_type=Path), metavar="PROGRAM", help="The browser that prints (with --pdf)."
)
def export(record: Path, output: Path | None, overwrite: bool, browser: Path | None, **asked: bool) -> None:
    """Write RECORD out as PDF or as text.

    RECORD is the folder of a run; the runs of a change's folder are offered. The record itself does not change.
    """
    forms = [name for name in _FORMATS if asked[f"as_{name}"]]
    if len(forms) != 1:
        names = ", ".join(f"--{name}" for name in _FORMATS)
        raise click.UsageError(t("One of {names} says as what.", names=names))
    (form,) = forms
    if browser is not None and form != "pdf":
        raise click.UsageError(t("--browser is for --pdf alone."))
    folder = chosen_record(record, first=lambda run: run.sealed).resolve()
    if not (folder / RECORD).is_file():
        raise UsageError(
            t("There is no record at {path}.", path=record),
            code="record-missing",
            hint=t("Name the folder of one run: records/<change id>/<run id>."),
            values={"path": str(record)},
        )
    if form != "redacted":  # support looks at broken ones too, and learns of no name
        require_as_sealed(
            folder, t("gwb verify-record names every difference; --redacted still writes one out for support.")
        )
    if form == "pdf" and output is None:
        output = Path(f"{folder.name}.pdf")
    if output is not None:
        _require_free(output, overwrite=overwrite)
    with console.told_at_interrupt(lambda: t("Interrupted: nothing was written.")), console.Status() as status:
        status.show(t("Printing {run}", run=folder.name) if form == "pdf" else t("Reading {run}", run=folder.name))
        data = _pdf(folder, browser) if form == "pdf" else _text(folder, form).encode("utf-8", "backslashreplace")
    if output is None:
        click.echo(data.decode("utf-8"), nl=False)
        return
    try:
        write_durably(output, data)
    except OSError as error:
        raise ServiceFailed(
            t("The file {path} cannot be written: {why}.", path=output, why=error.strerror or type(error).__name__),
            code="export-write",
            hint=t("Name another one with --output."),
            values={"path": str(output)},
        ) from None
    console.print_line(t("Written: {path}", path=console.shown_path(output)))


def _require_free(output: Path, *, overwrite: bool) -> None:
    """A file is not replaced unasked, and never put among the files of a record: that would look like an alteration."""
    if output.exists() and not overwrite:
        raise UsageError(
            t("There is a file {path} already.", path=output),
            code="export-exists",
            hint=t("Name another one with --output, or say --overwrite."),
            values={"path": str(output)},
        )
    folder = output.absolute().parent.resolve()
    if any((place / RECORD).is_file() or (place / MANIFEST).is_file() for place in (folder, *folder.parents)):
        raise UsageError(
            t("{path} would be in the folder of a record, whose files never change.", path=output),
            code="export-into-record",
            hint=t("Name a place outside with --output."),
            values={"path": str(output)},
        )


def _pdf(folder: Path, browser: Path | None) -> bytes:
    from runbook_lib.record.pdf import browser_here, pdf_of

    page = folder / PAGE
    if not page.is_file():
        raise UsageError(
            t("The record {path} has no page: its run stopped before the gate.", path=folder),
            code="record-page-missing",
            hint=t("Seal it first; sealing makes the page."),
            values={"path": str(folder)},
        )
    return pdf_of(page, browser_here(os.environ, named=browser))


def _text(folder: Path, form: str) -> str:
    from runbook_lib.record.beside import read_beside
    from runbook_lib.record.export_text import summary_json, summary_markdown
    from runbook_lib.record.first_page import first_page
    from runbook_lib.record.folder import RecordFolder, json_bytes
    from runbook_lib.record.manifest import manifest_digest
    from runbook_lib.record.redacted import redacted
    from runbook_lib.record.run_record import RunRecord

    opened = RecordFolder(folder)
    facts = RunRecord.load(opened).facts
    beside = read_beside(opened, facts)
    if form == "redacted":
        return json_bytes(redacted(facts, beside.plan, beside.written, sealed=opened.sealed)).decode("utf-8")
    place = opened.place
    page = first_page(facts, beside, place=place, local=datetime.astimezone)
    try:
        digest = manifest_digest(folder)
    except RunbookError as error:
        digest = ""
        console.warn(error.message)
    if form == "json":
        return json_bytes(summary_json(page, record=place, digest=digest)).decode("utf-8")
    return summary_markdown(page, record=place, digest=digest)
