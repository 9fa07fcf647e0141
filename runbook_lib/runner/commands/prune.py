"""``gwb records prune``: records that are old enough go, and what goes is said first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import t
from runbook_lib.runner import console
from runbook_lib.runner.options import parse_duration


@click.command()
@click.option("--keep", required=True, metavar="TIME", help="How long a sealed run is kept: 400d.")
@click.option("--records", "root", type=click.Path(path_type=Path), metavar="DIR", help="Folder with the records.")
@click.option("--apply", "remove", is_flag=True, help="Remove what was said; without it nothing is removed.")
def prune(keep: str, root: Path | None, remove: bool) -> None:
    """Say which records are older than that, and remove them.

    Of a run that goes its manifest stays, so that the chain of its change holds. Open runs never go, nor the last run
    of a change that wrote, nor what an approval or another run needs, nor what is not as it was sealed.
    """
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.record.index import build_index
    from runbook_lib.record.page import size
    from runbook_lib.record.retention import remove_files, retention
    from runbook_lib.record.run_record import account

    length = parse_duration(keep)
    root = root if root is not None else project_root() / "records"
    if not root.is_dir():
        raise UsageError(
            t("There is no records folder {shown_path}.", shown_path=console.shown_path(root)),
            code="records-folder-missing",
            hint=t("Name it with --records DIR, or run a notebook first."),
            values={"path": str(root)},
        )
    now = datetime.now(UTC)
    found = retention(root, length, now)
    for one in found.staying:
        console.print_line(t("stays  {path}: {why}", path=console.shown_path(one.run), why=one.why))
    for going in found.going:
        if remove:
            remove_files(going, by=account(), keep=length, now=now)
        console.print_line(
            t(
                "goes   {path}: sealed {at}, {size}",
                path=console.shown_path(going.run),
                at=to_the_minute(going.sealed_at),
                size=size(going.bytes),
            )
        )
    total = size(sum(going.bytes for going in found.going))
    if remove:
        build_index(root)
        console.print_line(t("Removed: {runs} runs, {size}.", runs=len(found.going), size=total))
    else:
        console.print_line(
            t("Nothing was removed. With --apply: {runs} runs, {size}.", runs=len(found.going), size=total)
        )
