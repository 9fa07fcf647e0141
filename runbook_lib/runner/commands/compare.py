"""``gwb compare``: what differs between two records, or two tables of an inventory."""

from __future__ import annotations

import json
from pathlib import Path

import click

from runbook_lib.errors import ServiceFailed
from runbook_lib.files import CSV_DELIMITERS, write_durably
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import Text, t
from runbook_lib.runner import console
from runbook_lib.runner.chosen_record import complete_records

_PATH = click.Path(path_type=Path)


@click.command("compare")
@click.argument("before", type=_PATH, metavar="A", shell_complete=complete_records)
@click.argument("after", type=_PATH, metavar="B", shell_complete=complete_records)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
@click.option("--page", type=_PATH, metavar="FILE", help="Write a page (HTML) that opens offline.")
@click.option("--csv", "table", type=_PATH, metavar="FILE", help="Write a table, a line for each value that changed.")
@click.option(
    "--csv-delimiter", "delimiter", type=click.Choice(list(CSV_DELIMITERS)), default="comma", help="Of that table."
)
def compare_records(
    before: Path, after: Path, as_json: bool, page: Path | None, table: Path | None, delimiter: str
) -> int:
    """Compare A with B, object by object.

    A and B are folders of runs, or two tables of an inventory (CSV files): what is new in B, gone from A or changed,
    with both values. Exit code 0 where both are the same, 5 where they differ.
    """
    from runbook_lib.record.compared_sides import require_alike, tables_of
    from runbook_lib.record.comparison import compare_tables
    from runbook_lib.record.comparison_page import COLUMNS, comparison_html, comparison_lines, comparison_rows, summary
    from runbook_lib.record.tables import csv_bytes, text_table

    require_alike(before, after)
    with console.told_at_interrupt(lambda: t("Interrupted: nothing was written.")), console.Status() as status:
        status.show(t("Reading {path}", path=console.shown_path(before)))
        first, state = tables_of(before), _state(before)
        status.show(t("Reading {path}", path=console.shown_path(after)))
        second, states = tables_of(after), (state, _state(after))
        status.show(t("Comparing"))
        found = compare_tables(first, second)
    if page is not None:
        named = (console.shown_path(before), console.shown_path(after))
        _write(page, comparison_html(found, *named, states).encode("utf-8", "backslashreplace"))
    if table is not None:
        _write(table, csv_bytes(text_table(COLUMNS, comparison_rows(found)), CSV_DELIMITERS[delimiter]))
    if as_json:
        sides = [{"path": str(path), "state": state} for path, state in zip((before, after), states, strict=True)]
        click.echo(json.dumps({**found.as_json(), "sides": sides}, ensure_ascii=True, indent=2))
        return 0 if found.same else Outcome.REFUSED.exit_code
    for path, state in zip((before, after), states, strict=True):
        console.print_line(t("{path}: {state}", path=console.shown_path(path), state=state))
    for line in comparison_lines(found):
        console.print_line(line)
    console.print_line(summary(found))
    return 0 if found.same else Outcome.REFUSED.exit_code


def _state(path: Path) -> Text:
    """What is known of one side: a comparison of records that were altered compares what somebody wrote."""
    from runbook_lib.files import RECORD
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.manifest import verified_record

    if not (path / RECORD).is_file():
        return t("a file, which nothing seals")
    result = verified_record(RecordFolder.open(path))
    if result.ok:
        return t("a record, as it was sealed")
    return t("a record, not as sealed: {problem}", problem=result.problems[0])


def _write(path: Path, data: bytes) -> None:
    try:
        write_durably(path, data)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ServiceFailed(
            t("The comparison {path} cannot be written: {why}.", path=path, why=why),
            code="comparison-write",
            hint=t("Name another file."),
            values={"path": str(path)},
        ) from None
