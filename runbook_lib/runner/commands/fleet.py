"""``gwb fleet``: many tenants from one file, on this machine or for a scheduler that starts them one by one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import UsageError
from runbook_lib.files import safe_folder_name
from runbook_lib.model.duration import duration_text
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import counted, t, verbatim
from runbook_lib.runner import console

if TYPE_CHECKING:
    from runbook_lib.fleet.jobs import Job, ReadFleet
    from runbook_lib.fleet.processes import PoolStep

_FILE = click.argument("file", type=click.Path(path_type=Path), metavar="FLEET")
_RUN = click.option("--run", "name", metavar="NAME", default="", help="Name of the run; default: the present time.")


@click.group()
def fleet() -> None:
    """Run many tenants from one file.

    docs/fleet.md explains the file; parameters/fleet.yaml is one to copy.
    """


@fleet.command("check")
@_FILE
def check_fleet(file: Path) -> None:
    """Say what is wrong with FLEET.

    And with every parameters file that it names, all in one round. Nobody is asked: gwb check does that, for one
    tenant.
    """
    read = _read(file)
    for job in read.jobs:
        beside = t("with {together}, one at a time", together=job.together) if job.together != job.tenant else ""
        console.print_line(
            verbatim("  ".join(part for part in (job.tenant, job.notebook, job.change_id, beside) if part))
        )
    sets = len({job.together for job in read.jobs})
    console.print_line(
        t(
            "{fleet}: {tenants}, {runs}, at most {number} at the same time.",
            fleet=read.fleet.name,
            tenants=counted(len(read.fleet.tenants), "tenant"),
            runs=counted(len(read.jobs), "run"),
            number=min(sets, read.fleet.concurrency),
        )
    )


@fleet.command("run")
@_FILE
@_RUN
@click.option("--tenant", "tenants", multiple=True, metavar="NAME", help="This tenant alone; can be given again.")
@click.option("--notebook", "notebooks", multiple=True, metavar="NAME", help="This notebook alone; can be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON instead of lines.")
def run_fleet(file: Path, name: str, tenants: Sequence[str], notebooks: Sequence[str], as_json: bool) -> int:
    """Run the notebooks of FLEET, several tenants at a time.

    Runs that share a tenant, a domain controller or a domain come one after the other. Ctrl-C lets every run end in
    order and begins no other. The page records/fleet/NAME.html shows all tenants by outcome and leads to their records;
    a later run of the same NAME joins it. The exit code is that of what has to be looked at first: 70, 7, 6, 8, 5, 9,
    2, 130, 10, 4, 0.
    """
    from runbook_lib.fleet.page import build_page
    from runbook_lib.fleet.processes import Pool
    from runbook_lib.fleet.results import keep_result, worst_exit_code

    read = _read(file)
    jobs = _chosen(read, tenants, notebooks)
    name = _name(name, read)

    def tell(step: PoolStep) -> None:
        if step.result is not None:
            keep_result(read, name, step.result)
        if not as_json:
            _tell(step)

    pool = Pool(read, environment=os.environ, clock=lambda: datetime.now(UTC), tell=tell)
    results = pool.run(jobs)
    page = build_page(read, name, clock_now=datetime.now(UTC))
    if as_json:
        told = {"run": name, "page": str(page), "runs": [result.as_json() for result in results]}
        click.echo(json.dumps(told, sort_keys=True))
    else:
        console.print_line(t("All tenants on one page: {page}", page=console.shown_path(page)))
    worst = worst_exit_code(results)
    return worst or (Outcome.INTERRUPTED.exit_code if pool.interrupted else 0)


@fleet.command()
@_FILE
@click.option("--run", "name", metavar="NAME", required=True, help="Name of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print what the page says as JSON.")
def page(file: Path, name: str, as_json: bool) -> None:
    """Write the page of a run of FLEET anew."""
    from runbook_lib.fleet.page import build_page

    read = _read(file)
    written = build_page(read, _name(name, read), clock_now=datetime.now(UTC))
    if as_json:
        click.echo(written.with_suffix(".json").read_text(encoding="utf-8"), nl=False)
    else:
        console.print_line(t("All tenants on one page: {page}", page=console.shown_path(written)))


@fleet.command()
@_FILE
def jobs(file: Path) -> None:
    """Print the runs of FLEET as JSON, for a scheduler."""
    from runbook_lib.fleet.for_schedulers import jobs_json

    click.echo(json.dumps(jobs_json(_read(file)), indent=2, sort_keys=True))


@fleet.command()
@_FILE
def pools(file: Path) -> None:
    """Print the pools that Airflow needs for FLEET as JSON.

    One for all runs, and one for each set of tenants of which no two may run together: airflow pools import FILE.
    """
    from runbook_lib.fleet.for_schedulers import airflow_pools

    click.echo(json.dumps(airflow_pools(_read(file)), indent=2, sort_keys=True))


def _read(file: Path) -> ReadFleet:
    from runbook_lib.fleet.load import read_fleet
    from runbook_lib.parameters.paths import project_root

    return read_fleet(file, project_root=project_root())


def _name(name: str, read: ReadFleet) -> str:
    """The name of the run, made from time and fleet where none is given.

    Raises:
        UsageError: Code ``bad-run-name``.
    """
    if not name:
        from runbook_lib.record.folder import new_run_id

        return new_run_id(Path(read.fleet.name), datetime.now(UTC))
    if not safe_folder_name(name):
        raise UsageError(
            t("{name!r} cannot name a run.", name=name[:80]),
            code="bad-run-name",
            hint=t("Use letters, digits, dot, underscore and hyphen, and begin with a letter or digit."),
        )
    return name


def _chosen(read: ReadFleet, tenants: Sequence[str], notebooks: Sequence[str]) -> list[Job]:
    """The runs that were asked for.

    Raises:
        UsageError: A name that the fleet does not have, or nothing that is left.
    """
    for given, known, what in (
        (tenants, {job.tenant for job in read.jobs}, "--tenant"),
        (notebooks, {job.notebook for job in read.jobs}, "--notebook"),
    ):
        for name in given:
            if name not in known:
                raise UsageError(
                    t("The fleet has no {name!r} ({option}).", name=name[:80], option=what),
                    code="fleet-unknown-name",
                    hint=t("Name one of: {known}.", known=", ".join(sorted(known))),
                )
    found = [
        job
        for job in read.jobs
        if (not tenants or job.tenant in tenants) and (not notebooks or job.notebook in notebooks)
    ]
    if not found:
        raise UsageError(
            t("None of these tenants runs one of these notebooks."),
            code="fleet-nothing-chosen",
            hint=t("gwb fleet check lists what each of them runs."),
        )
    return found


def _tell(step: PoolStep) -> None:
    left = t("{running} under way, {waiting} to come", running=step.running, waiting=step.waiting)
    who = verbatim(f"{step.job.tenant} {step.job.notebook}")
    if step.result is None:
        console.warn(t("{who}: begun ({left})", who=who, left=left))
        return
    console.print_line(
        t(
            "{who}: {ending}, {changes}, {duration}, record {record} ({left})",
            who=who,
            ending=verbatim(step.result.title),
            changes=counted(step.result.changes_done, "change"),
            duration=duration_text(step.result.seconds),
            record=step.result.record or t("none"),
            left=left,
        )
    )
    if step.result.message:
        console.warn(t("  {text}", text=step.result.message))
