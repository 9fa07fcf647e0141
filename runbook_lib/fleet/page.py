"""``records/fleet/<run>.html``: one page for all tenants of one run of a fleet, by outcome; and the same as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from runbook_lib.files import PAGE
from runbook_lib.fleet.jobs import ReadFleet
from runbook_lib.fleet.results import JobResult, fleet_folder, kept_results, mode_of, worst_exit_code
from runbook_lib.model.duration import duration_text
from runbook_lib.model.healing import WORST_FIRST
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import NOTHING, Text, joined, t, verbatim
from runbook_lib.record.folder import json_bytes, write_atomically
from runbook_lib.record.page import OUTCOME_TONES, environment

_NOT_RUN = t("Not run")
_WHY_NOT_RUN = t("An earlier notebook of this tenant did not end as asked, or its turn has not come.")


@dataclass(frozen=True, slots=True)
class _Row:
    tenant: str
    notebook: str
    title: Text
    tone: str
    why: Text
    done: object
    seconds: Text
    started: str | None
    record: str
    link: str


def build_page(read: ReadFleet, run: str, *, clock_now: datetime) -> Path:
    """Write page and JSON of one run of a fleet from the results that are there; returns the page.

    Args:
        read: The fleet.
        run: Name of the run.
        clock_now: Present time, UTC.

    Raises:
        ServiceFailed: Code ``record-write``.
    """
    results = kept_results(read.records, run)
    by_job = [(job.tenant, job.notebook, results.get((job.tenant, job.notebook))) for job in read.jobs]
    by_job.sort(key=lambda one: WORST_FIRST.index(one[2].known) if one[2] else len(WORST_FIRST))
    rows = [_row(*one, read.records) for one in by_job]
    counts = Counter(row.title for row in rows)
    worst = worst_exit_code(results.values())
    folder = fleet_folder(read.records)
    mode = mode_of(read.records, (job.change_id for job in read.jobs))
    told = {
        "schema": "gwb-fleet/1",
        "fleet": read.fleet.name,
        "run": run,
        "written": iso_seconds(clock_now),
        "exit_code": worst,
        "counts": dict(Counter(result.outcome if result else "not-run" for _, _, result in by_job)),
        "runs": [
            result.as_json() if result else {"tenant": tenant, "notebook": notebook, "outcome": "not-run"}
            for tenant, notebook, result in by_job
        ],
    }
    write_atomically(folder / f"{run}.json", json_bytes(told), mode=mode)
    page = (
        environment()
        .get_template("fleet.html.j2")
        .render(
            fleet=read.fleet.name,
            run=run,
            written=iso_seconds(clock_now),
            tenants=len(read.fleet.tenants),
            counts=list(counts.items()),
            rows=rows,
            exit_code=worst,
        )
    )
    target = folder / f"{run}.html"
    write_atomically(target, page.encode("utf-8", "backslashreplace"), mode=mode)
    return target


def _row(tenant: str, notebook: str, result: JobResult | None, records: Path) -> _Row:
    if result is None:
        return _Row(tenant, notebook, _NOT_RUN, "neutral", _WHY_NOT_RUN, "", NOTHING, None, "", "")
    return _Row(
        tenant=tenant,
        notebook=notebook,
        title=verbatim(result.title),
        tone=OUTCOME_TONES.get(result.known, "bad"),
        why=joined((result.message, result.hint)),
        done=result.changes_done,
        seconds=duration_text(result.seconds),
        started=result.started,
        record=result.record,
        link=_link(result, records),
    )


def _link(result: JobResult, records: Path) -> str:
    if not result.record or not (records / result.record / PAGE).is_file():
        return ""
    return f"../{quote(f'{result.record}/{PAGE}')}"
