"""The routes that a run can be about: which are carried out, with what rules and by which planners."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.change.route import RouteRules, Routes
from runbook_lib.errors import Refused
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.direct.route import DIRECT_RULES

ROUTES: Routes = {Route.DIRECT: DIRECT_RULES, Route.CLOUD_SYNC: CLOUD_SYNC_RULES}
"""Routes whose changes this version carries out, with what their files are held to."""

_INSTEAD: Mapping[Route, Text] = {
    Route.CONNECT_SYNC: t(
        "Switch group writeback on in the wizard on the Connect server, for all Microsoft 365 groups; "
        "10-detect-exchange says what it needs here. Or set route to direct: this runbook then writes the groups that "
        "you select over LDAP."
    ),
}


def rules_of(name: str) -> RouteRules:
    """How changes of a route are carried out.

    Args:
        name: As the parameter ``route`` has it.

    Raises:
        Refused: ``route-not-carried-out``; the hint says what to do instead.
    """
    route = Route(name)
    if route not in ROUTES:
        raise Refused(
            t(
                "The route {route} is not carried out yet: nothing was read, and nothing is planned or written.",
                route=route.value,
            ),
            code="route-not-carried-out",
            hint=_INSTEAD[route],
            values={"route": route.value},
        )
    return ROUTES[route]
