"""``gwb close``: a change that cannot be finished is closed by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.runner import console
from runbook_lib.runner.chosen_record import complete_records


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
        change_folder, unfinished_runs(change_folder), by=by, reason=reason, clock=lambda: datetime.now(UTC)
    ):
        console.say(f"Closed by {by}: {console.shown_path(path)}")
    console.say("Now run the notebook again: it plans from what is there and asks for an approval.")
