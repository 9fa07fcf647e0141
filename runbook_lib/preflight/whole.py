"""The whole pre-flight in one call: both connections, everything that can be read, every check.

For ``gwb check`` and for the end of setting up, which have no run and no record; 10-detect-exchange has both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime

from runbook_lib.deadline import Allowance
from runbook_lib.directory.other_domain import other_domain_reader
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.graph.connect import open_graph, sign_in_cache
from runbook_lib.graph.key_vault import stores_of
from runbook_lib.graph.sign_in.device_code import SignInPrompt
from runbook_lib.model.text import Text
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import project_root
from runbook_lib.preflight.assess import Assessment, assess
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.secrets.referenced import with_references


def whole_preflight(
    parameters: Parameters,
    *,
    environment: Mapping[str, str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    judged: Sequence[str],
    prompt: SignInPrompt | None = None,
    progress: Callable[[Text], None] | None = None,
    allowance: Allowance | None = None,
) -> Assessment:
    """Read both sides as far as they can be read, and run every check; what cannot be read is unknown.

    Args:
        parameters: With absolute paths.
        environment: Environment variables.
        clock: Now, UTC.
        sleep: Waits that many seconds.
        judged: Routes that were asked for.
        prompt: Shows the code of a device-code sign-in; None: nobody would see it.
        progress: Told what is read.
        allowance: How long may be read; what it does not reach is unknown.
    """
    stores = stores_of(parameters, environment, project_root(environment), clock=clock, sleep=sleep)
    environment = with_references(parameters, stores)
    cache = sign_in_cache(parameters, environment)
    with ExitStack() as resources:
        reach = Reach(
            directory=lambda: resources.enter_context(open_directory(parameters, environment=environment, clock=clock)),
            graph=lambda: resources.enter_context(
                open_graph(parameters, environment=environment, clock=clock, sleep=sleep, prompt=prompt, cache=cache)
            ),
            elsewhere=other_domain_reader(parameters, environment=environment, clock=clock),
        )
        try:
            evidence = read_evidence(parameters, reach, clock=clock, progress=progress, allowance=allowance)
        finally:
            if allowance is not None and allowance.over:
                resources.pop_all()  # a reading that was left behind still uses them, and the process ends soon
    return assess(evidence, CHECKS, beside=cache.findings, judged=judged)
