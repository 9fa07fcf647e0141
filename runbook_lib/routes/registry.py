"""The routes that a run can be about: which are carried out, with what rules and by which planners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.route import RouteRules, Routes
from runbook_lib.errors import Refused
from runbook_lib.model.change import Planned
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t
from runbook_lib.routes.direct.route import DIRECT_RULES

if TYPE_CHECKING:
    from runbook_lib.inventory.build import Inventory
    from runbook_lib.rules.policy import Policy

Planner: TypeAlias = "Callable[[Inventory, Policy], Planned]"
"""From what was read and what the parameters decide to a plan; pure. Raises ``Refused``."""


@dataclass(frozen=True, slots=True)
class Planners:
    """How one route plans each operation; ``undo`` is told what is to be taken back."""

    enable: Planner
    disable: Planner
    undo: Callable[[Inventory, Policy, DoneChange], Planned]


def _direct_planners() -> Planners:
    # Planners bring pandas along, which a command that reads plans and approvals does not wait for.
    from runbook_lib.routes.direct.plan_disable import plan_disable
    from runbook_lib.routes.direct.plan_enable import plan_enable
    from runbook_lib.routes.direct.plan_undo import plan_undo

    return Planners(plan_enable, plan_disable, plan_undo)


_CARRIED_OUT: Mapping[Route, tuple[RouteRules, Callable[[], Planners]]] = {
    Route.DIRECT: (DIRECT_RULES, _direct_planners)
}
"""What this version carries out: a new route has its line here."""

ROUTES: Routes = {route: rules for route, (rules, _) in _CARRIED_OUT.items()}
"""Routes whose changes this version carries out, with what their files are held to."""

_INSTEAD: Mapping[Route, Text] = {
    Route.CLOUD_SYNC: t(
        "Configure group provisioning to AD in the Microsoft Entra admin center (Cloud Sync); "
        "10-detect-exchange says what it needs here. Or set route to direct: this runbook then writes the groups that "
        "you select over LDAP."
    ),
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


def planners_of(name: str) -> Planners:
    """How changes of a route are planned.

    Args:
        name: As the parameter ``route`` has it.

    Raises:
        Refused: As ``rules_of``.
    """
    _, planners = _CARRIED_OUT[rules_of(name).route]
    return planners()
