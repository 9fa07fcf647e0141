"""The routes that a run can be about, and the rules that their files are held to.

A room of its own because it alone knows all routes: no route imports another one's rules, nor does ``change``.
"""

from __future__ import annotations

from runbook_lib.change.route import RouteRules, Routes
from runbook_lib.model.target import Route
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.connect_sync.route import CONNECT_SYNC_RULES
from runbook_lib.routes.direct.route import DIRECT_RULES

ROUTES: Routes = {
    Route.DIRECT: DIRECT_RULES,
    Route.CLOUD_SYNC: CLOUD_SYNC_RULES,
    Route.CONNECT_SYNC: CONNECT_SYNC_RULES,
}
"""Routes whose changes this version carries out, with what their files are held to."""


def rules_of(name: str) -> RouteRules:
    """How changes of a route are carried out; ``name`` as the parameter ``route`` has it."""
    return ROUTES[Route(name)]
