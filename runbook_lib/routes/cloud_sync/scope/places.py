"""Where a mapping leads: no group goes into a container that is not there, or into a protected OU. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from runbook_lib.cloud_sync.expression import ExpressionError, read_expression
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.errors import Refused
from runbook_lib.model.directory import Container
from runbook_lib.model.dn import MalformedDnError, is_below, same_dn
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable


def places_of(expression: str, groups: Sequence[PredictedGroup], base: str) -> dict[str, tuple[str, ...]]:
    """Where groups go, as far as that is known.

    Args:
        expression: Of the OU, where the plan sets it; empty: the configuration has it already.
        groups: What is predicted of the groups that come, or are, in scope.
        base: DN of the domain.

    Returns:
        DN of a container as it is written, to the names of the groups that go there; none where only the expression
        names it. What the expression gives as it stands in it counts where it is a DN below the domain.
    """
    found: dict[str, list[str]] = {}
    with suppress(ExpressionError):
        for text in read_expression(expression).results if expression else ():
            with suppress(MalformedDnError):
                if is_below(text, base):
                    found.setdefault(text, [])
    for group in groups:
        if group.container.known:
            found.setdefault(group.container.value, []).append(group.display_name)
    return {dn: tuple(found[dn]) for dn in sorted(found)}


def led_to(expression: str) -> frozenset[str]:
    """What a mapping leads to as it stands in its expression; empty where it cannot be read."""
    with suppress(ExpressionError):
        return frozenset(read_expression(expression).results)
    return frozenset()


def require_places(
    places: Mapping[str, Sequence[str]],
    containers: Mapping[str, Container],
    protected_ous: Sequence[str],
    settled: Collection[str] = (),
) -> None:
    """Refuse a mapping that leads to nowhere, or where nothing may go.

    Args:
        places: As ``places_of``.
        containers: Each of these DNs to what AD holds of it.
        protected_ous: DNs.
        settled: Where the mapping led before the plan: an OU of Cloud Sync's own may be protected from the route
            direct.

    Raises:
        Refused: ``ou-missing`` or ``ou-protected``.
    """
    for dn, names in places.items():
        container = containers[dn]
        if not container.exists:
            raise Refused(
                t(
                    "The mapping leads to {dn}, which does not exist{who}.",
                    dn=printable(dn, limit=300),
                    who=_who(names),
                ),
                code="ou-missing",
                hint=t("Create that OU, or correct target_ou or cloud_sync_ou_expression."),
                values={"dn": dn, "groups": list(names)},
            )
        for ou in () if dn in settled else protected_ous:
            if is_below(container.dn, ou) or same_dn(container.dn, ou):
                raise Refused(
                    t(
                        "The mapping leads to {dn}, which stands in the protected OU {ou}{who}.",
                        dn=printable(dn, limit=300),
                        ou=ou,
                        who=_who(names),
                    ),
                    code="ou-protected",
                    hint=t("Correct protected_ous, target_ou or cloud_sync_ou_expression."),
                    values={"dn": dn, "protected": ou, "groups": list(names)},
                )


def _who(names: Sequence[str]) -> Text:
    return t(" ({name!r} first)", name=printable(names[0], limit=80)) if names else NOTHING
