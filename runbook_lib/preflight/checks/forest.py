"""What the forest offers: attributes that groups can carry, its level, what can be done for a deleted group."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.exchange.recipients import EXCHANGE_GROUP_ATTRIBUTES, GroupAttribute
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import JUDGED_ROUTES, Check, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import FOREST, GROUP_SCHEMA

_COMES_WITH = {
    "base": t("Active Directory itself"),
    "exchange": t("Exchange's schema (Setup /PrepareSchema)"),
    "server-2016": t("the schema of Windows Server 2016 (adprep), or Exchange's"),
}


def _limits(row: GroupAttribute) -> dict[Route, Severity]:
    """Anchor and mark decide; a mail attribute is a loss that somebody can accept."""
    decides = {"adminDescription", "extensionName", "msDS-ExternalDirectoryObjectId"}
    severity = Severity.BLOCKING if row.attribute in decides else Severity.WARNING
    limits = {route: severity for route in JUDGED_ROUTES if route.value in row.routes}
    if row.attribute not in decides:
        limits.setdefault(Route.DIRECT, Severity.INFO)
    return limits


def attribute_missing(row: GroupAttribute, evidence: Evidence) -> Iterator[Finding]:
    """A group can carry this attribute."""
    if row.attribute in evidence[GROUP_SCHEMA]:
        return
    expected = t("is written") if row.confirmed else t("is expected to be written (no public text confirms it)")
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
        t("A group can carry {attribute}", attribute=row.attribute),
        (GROUP_SCHEMA,),
        _limits(row),
        lambda evidence: attribute_missing(row, evidence),
    )


GROUP_SCHEMA_CHECKS: tuple[Check, ...] = tuple(_check(row) for row in EXCHANGE_GROUP_ATTRIBUTES)


_SERVER_2008_R2 = 4
"""The level from which the Recycle Bin can be switched on ([MS-ADTS] 3.1.1.9.1 and 6.1.4.4)."""


def recycle_bin(evidence: Evidence) -> Iterator[Finding]:
    """The Recycle Bin keeps what a deleted group had."""
    forest = evidence[FOREST]
    deletes = evidence.parameters.disable_by == "delete"
    days = t("{days} days ({source})", days=forest.lifetime_days, source=forest.lifetime_source)
    values = {"state": forest.recycle_bin.value, "days": forest.lifetime_days, "source": forest.lifetime_source}
    if forest.recycle_bin is Switch.OFF:
        yield Finding(
            id="recycle-bin-off",
            severity=Severity.WARNING if deletes else Severity.INFO,
            seen=t("The forest's Recycle Bin is off; deleted objects stay for {days}.", days=days),
            expected=t("The Recycle Bin is on."),
            why=t(
                "A group that is deleted by anybody comes back as a bare object: its attributes and "
                "members come only from the record of the run that deleted it."
            ),
            to_do=t(
                "Switch it on if the forest may have it (Enable-ADOptionalFeature; it cannot be switched off again)."
            ),
            source="[MS-ADTS] 3.1.1.9.1 and 3.1.1.5.5.6.1",
            values=values,
            acknowledgeable=True,
        )
    elif forest.recycle_bin is Switch.UNKNOWN:
        yield Finding(
            id="recycle-bin-unknown",
            severity=Severity.UNKNOWN if deletes else Severity.INFO,
            seen=t("Whether the forest's Recycle Bin is on cannot be read."),
            expected=t("CN=Partitions and the feature's object below the configuration can be read."),
            why=t("What a deleted group could come back with is unknown."),
            to_do=t("Look with Get-ADOptionalFeature, or let the account read the configuration."),
            source="[MS-ADTS] 3.1.1.9.1",
            values=values,
            acknowledgeable=True,
        )


def deleted_objects(evidence: Evidence) -> Iterator[Finding]:
    """The account may list deleted objects."""
    forest = evidence[FOREST]
    if forest.listable is Switch.ON:
        return
    deletes = evidence.parameters.disable_by == "delete"
    refused = forest.listable is Switch.OFF
    graver = Severity.BLOCKING if refused else Severity.UNKNOWN
    yield Finding(
        id="deleted-objects-not-listed" if refused else "deleted-objects-unproved",
        severity=graver if deletes else Severity.INFO,
        seen=t("The account may not list deleted objects.")
        if refused
        else t("No deleted object is seen: there is none, or the account may not list them."),
        expected=t("The account lists them, where groups are deleted (disable_by: delete)."),
        why=t("An undo of a deletion is refused before anything is written."),
        to_do=t("Grant it as the findings on rights say, or leave it where nothing is ever deleted."),
        source='Microsoft, KB 892806; Microsoft, "Restoring deleted objects"',
        values={"listable": forest.listable.value},
        acknowledgeable=not refused,
    )


def levels(evidence: Evidence) -> Iterator[Finding]:
    """Domain and forest are at a level that is still worked with."""
    forest = evidence[FOREST]
    values = {"domain": forest.domain_level, "forest": forest.forest_level}
    if forest.domain_level is None or forest.forest_level is None:
        yield Finding(
            id="functional-level-unknown",
            severity=Severity.UNKNOWN,
            seen=t("The root DSE does not show the functional levels of domain and forest."),
            expected=t("domainFunctionality and forestFunctionality."),
            to_do=t("Look with Get-ADDomain and Get-ADForest."),
            source="[MS-ADTS] 3.1.1.3.2.25 and 6.1.4",
            values=values,
            acknowledgeable=True,
        )
    elif min(forest.domain_level, forest.forest_level) < _SERVER_2008_R2:
        yield Finding(
            id="functional-level-old",
            severity=Severity.WARNING,
            seen=t(
                "Functional level of the domain {domain_level}, of the forest {forest_level}.",
                domain_level=forest.domain_level,
                forest_level=forest.forest_level,
            ),
            expected=t("At least {level}, Windows Server 2008 R2.", level=_SERVER_2008_R2),
            why=t("Below it there is no Recycle Bin, and Windows Server releases in support are not meant for it."),
            to_do=t("Raise the levels when no older domain controller is left, or acknowledge this finding."),
            source="[MS-ADTS] 6.1.4.3 and 6.1.4.4",
            values=values,
            acknowledgeable=True,
        )


_FOREST = (FOREST,)
_BLOCKS, _UNKNOWN = on(direct=Severity.BLOCKING), on(direct=Severity.UNKNOWN)
FOREST_CHECKS: tuple[Check, ...] = (
    Check("recycle-bin", t("The Recycle Bin is on"), _FOREST, _UNKNOWN, recycle_bin),
    Check("deleted-objects", t("Deleted objects can be listed"), _FOREST, _BLOCKS, deleted_objects),
    Check("functional-levels", t("Domain and forest are at a recent level"), _FOREST, _UNKNOWN, levels),
)
