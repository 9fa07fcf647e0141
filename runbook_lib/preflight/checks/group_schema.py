"""What each route needs a group to be able to carry, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.exchange.schema import GROUP_ATTRIBUTES, GroupAttribute
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import ROUTES, Check
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import GROUP_SCHEMA

_COMES_WITH = {
    "base": "Active Directory itself",
    "exchange": "Exchange's schema (Setup /PrepareSchema)",
    "server-2016": "the schema of Windows Server 2016 (adprep), or Exchange's",
}


def _limits(row: GroupAttribute) -> dict[Route, Severity]:
    """Anchor and mark decide; a mail attribute is a loss that somebody can accept."""
    decides = {"adminDescription", "extensionName", "msDS-ExternalDirectoryObjectId"}
    severity = Severity.BLOCKING if row.attribute in decides else Severity.WARNING
    limits = {route: severity for route in ROUTES if route.value in row.routes}
    if row.attribute not in decides:
        limits.setdefault(Route.DIRECT, Severity.INFO)
    return limits


def attribute_missing(row: GroupAttribute, evidence: Evidence) -> Iterator[Finding]:
    """A group can carry this attribute."""
    if row.attribute in evidence[GROUP_SCHEMA]:
        return
    expected = "is written" if row.confirmed else "is expected to be written (no public text confirms it)"
    routes = f" It {expected} by {', '.join(row.routes)}." if row.routes else ""
    yield Finding(
        id=f"group-attribute-missing:{row.attribute}",
        severity=Severity.BLOCKING,
        seen=t("A group cannot carry {attribute} in this forest's schema.", attribute=row.attribute),
        expected=t("The attribute, which comes with {comes_with}.", comes_with=_COMES_WITH[row.comes_with]),
        why=t("Lost without it: {purpose}.{routes}", purpose=row.purpose, routes=routes),
        to_do=t("Extend the schema, or accept the loss and acknowledge this finding."),
        source=row.source,
        values={"attribute": row.attribute, "comes_with": row.comes_with, "confirmed": row.confirmed},
        acknowledgeable=True,
    )


def _check(row: GroupAttribute) -> Check:
    return Check(
        f"group-attribute-{row.attribute}",
        f"A group can carry {row.attribute}",
        (GROUP_SCHEMA,),
        _limits(row),
        lambda evidence: attribute_missing(row, evidence),
    )


CHECKS: tuple[Check, ...] = tuple(_check(row) for row in GROUP_ATTRIBUTES)
