"""``gwb check``: the pre-flight without a notebook."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.model.finding import Severity
from runbook_lib.model.text import t, verbatim
from runbook_lib.runner import console
from runbook_lib.runner.options import (
    USUAL_CHECK_LIMIT,
    TakesParameters,
    TimeLimit,
    files_option,
    overrides_of,
    parameter_option,
)

if TYPE_CHECKING:
    from runbook_lib.parameters.model import Parameters
    from runbook_lib.preflight.assess import Assessment

_ROUTES = ("direct", "cloud-sync", "connect-sync")
_SEVERITIES = tuple(one.value for one in sorted(Severity, key=lambda one: -one.rank))


@click.command(cls=TakesParameters)
@click.argument("named", metavar="[PARAMS...]", nargs=-1, type=click.Path(path_type=Path))
@files_option()
@parameter_option()
@click.option(
    "--route", "routes", multiple=True, type=click.Choice(_ROUTES), help="Judge this route. Default: check_routes."
)
@click.option(
    "--severity",
    type=click.Choice(_SEVERITIES),
    default=_SEVERITIES[-1],
    show_default=True,
    help="Show findings of this severity and graver ones; milder ones are counted.",
)
@click.option("--hand-offs", is_flag=True, help="Print only what others have to do, as commands to copy.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option(
    "--timeout",
    type=TimeLimit(),
    default=USUAL_CHECK_LIMIT,
    show_default=True,
    help="Read no longer than this: seconds, or for example 10m; what it does not reach is unknown.",
)
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    show_default=True,
    help="Colour severities; auto: on a terminal, unless NO_COLOR is set.",
)
def check(
    named: Sequence[Path],
    files: Sequence[Path],
    given: Sequence[tuple[str, str]],
    routes: Sequence[str],
    severity: str,
    hand_offs: bool,
    as_json: bool,
    quiet: bool,
    timeout: float,
    color: str,
) -> int:
    """Pre-flight: what is ready, what is missing, what to do.

    Nothing is written. PARAMS are parameters files, as with -f. All routes are shown, those that were not asked for
    last. The exit code is about the routes that --route or the parameter check_routes names: 0 ready (with warnings or
    without), 5 not ready, 8 cannot tell, 2 usage error.
    """
    from runbook_lib.parameters import connections
    from runbook_lib.parameters.load import load_parameters
    from runbook_lib.parameters.paths import absolute_paths, project_root
    from runbook_lib.preflight.hybrid import hybrid_procedure
    from runbook_lib.preflight.verdict import exit_code_of
    from runbook_lib.shown import terminal
    from runbook_lib.shown.layout import is_coloured, output_width

    files = (*named, *files)
    if not files:
        raise click.UsageError(t("Name a parameters file: gwb check FILE."))
    root = project_root()
    loaded = load_parameters(files, overrides_of(given), project_root=root)
    console.show_notes((*loaded.notes, *connections.doubtful_names(loaded.parameters)))
    parameters = absolute_paths(loaded.parameters, root)
    judged = tuple(dict.fromkeys(routes or parameters.check_routes))
    with console.Status(quiet=quiet or as_json) as status:
        assessment = _assess(parameters, status, judged, timeout)
    code = exit_code_of(one for one in assessment.verdicts if one.route.value in judged)
    if as_json:
        told = {**assessment.as_json(), "hybrid": hybrid_procedure(assessment).as_json()}
        click.echo(json.dumps({**told, "judged": judged, "exit_code": code}, indent=2))
        return code
    width = output_width()
    shown = (
        terminal.hand_off_lines(assessment)
        if hand_offs
        else terminal.lines(assessment, judged, width, Severity(severity))
    )
    coloured = is_coloured(color, dict(os.environ))
    for line in shown:
        console.print_line(verbatim(line.text), line.severity, coloured=coloured)
    return code


def _assess(parameters: Parameters, status: console.Status, judged: Sequence[str], timeout: float) -> Assessment:
    import time

    from runbook_lib.deadline import Allowance
    from runbook_lib.preflight.whole import whole_preflight
    from runbook_lib.runner.commands.sign_in import terminal_prompt

    return whole_preflight(
        parameters,
        environment=os.environ,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        judged=judged,
        prompt=terminal_prompt(),
        progress=lambda what: status.show(t("Reading: {what}", what=what)),
        allowance=Allowance(timeout),
    )
