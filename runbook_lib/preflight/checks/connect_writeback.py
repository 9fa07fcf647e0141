"""What the Connect server's evidence says about group writeback: its OU, its rules, its last export."""

from __future__ import annotations

from runbook_lib.connect.document import INSUFFICIENT_RIGHTS, THRESHOLD_EXCEEDED, Connector
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.connect.settings import INBOUND_RULE, LIMIT_RULE, OUTBOUND_RULE
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.checks.connect_evidence import forests, with_evidence
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CONNECT_SERVER, PLACE

_B, _U, _W, _I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO
_SCHEDULER = 'Microsoft Entra documentation, "Connect Sync: scheduler"'
_ENABLE = 'Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback"'
WRITEBACK_RULES = (INBOUND_RULE, OUTBOUND_RULE, LIMIT_RULE)
"""Standard rules of group writeback ("Microsoft Entra Connect: Version release history", 1.6.2.4); the rule of Exchange
attributes is there only where AD has them."""


def ou_filter(read: ConnectEvidence, evidence: Evidence) -> Answers:
    """The container of written groups lies inside the OU filter; while there is none, the OU that it is to be."""
    found = [(one.writeback_container, one.name) for one in forests(read) if one.writeback_container]
    place = evidence.get(PLACE)
    if not found and place is not None and place.target.exists:
        forest = read.forest_of(place.target.dn)
        found = [(place.target.dn, forest.name if forest else "")]
    if not found:
        yield NothingToCheck(t("No connector has a container for written groups, and no OU is named for them."))
    for container, name in found:
        inside = read.in_filter(container)
        if inside:
            continue
        yield Finding(
            id="connect-server-filter" if inside is False else "connect-server-filter-unknown",
            severity=_B if inside is False else _U,
            seen=t(
                "{container} lies outside the OU filter of {name}.",
                container=printable(container),
                name=printable(name, limit=80),
            )
            if inside is False
            else t("Whether {container} lies inside the OU filter is not known.", container=printable(container)),
            expected=t("The container of written groups is selected in the OU filter."),
            why=t("The wizard and the export fail with an error about an excluded OU."),
            to_do=t("Select the OU in the wizard (Customize synchronization options, Domain and OU filtering)."),
            source=_ENABLE,
            values={"container": container},
            acknowledgeable=True,
        )


def rules(read: ConnectEvidence, _: Evidence) -> Answers:
    """The rules of writeback are there, on, and Microsoft's own."""
    found = read.evidence.rules
    here = read.evidence.features
    if found is None or here is None or not here.v1:
        yield NothingToCheck(t("v1 is off on the server, or its rules were not read."))
        return
    standard = {rule.name: rule for rule in found if rule.standard}
    missing = [name for name in WRITEBACK_RULES if name not in standard]
    disabled = [name for name in WRITEBACK_RULES if name in standard and standard[name].disabled]
    own = [rule.name for rule in found if not rule.standard and not rule.disabled]
    told = (
        ("missing", missing, _W, t("Rules of group writeback are missing: {names}.", names=_names(missing))),
        ("disabled", disabled, _W, t("Rules of group writeback are disabled: {names}.", names=_names(disabled))),
        ("own", own, _W, t("Rules for groups that are not Microsoft's: {names}.", names=_names(own))),
    )
    for kind, names, severity, seen in told:
        if names:
            yield Finding(
                id=f"connect-server-rules-{kind}",
                severity=severity,
                seen=seen,
                expected=t("The standard rules, enabled, and none of somebody's own for groups."),
                why=t(
                    "What AD will look like is predicted from the standard rules; a cloned rule without "
                    "targetWritebackType makes every group a distribution group."
                ),
                to_do=t("Look at them in the Synchronization Rules Editor on the server."),
                source='Microsoft Entra documentation, "Microsoft Entra Connect: Version release history"',
                values={"rules": names},
                acknowledgeable=True,
            )


def last_export(read: ConnectEvidence, _: Evidence) -> Answers:
    """The last export to each forest succeeded."""
    if read.evidence.runs is None or read.evidence.connectors is None:
        yield NothingToCheck(t("Runs or connectors of the server were not read."))
        return
    for forest in forests(read):
        run = read.last_export(forest)
        if run is None:
            yield _export(
                forest,
                "none",
                _W,
                t("No finished export to {name} is on record.", name=printable(forest.name, limit=80)),
                NOTHING,
            )
            continue
        result = printable(run.result or "", limit=80)
        if run.result == THRESHOLD_EXCEEDED:
            seen = t("The deletion threshold stopped the last export to {name}.", name=printable(forest.name, limit=80))
            to_do = t("Find out what would be deleted before anybody lets it through.")
            yield _export(forest, "threshold", _B, seen, to_do)
        elif run.result != "success" or run.counted("ExportFailure"):
            errors = [one for one in read.evidence.export_errors or () if one.connector == forest.name]
            rights = [one for one in errors if one.code == INSUFFICIENT_RIGHTS]
            seen = t(
                "The last export to {name} ended with {result}; {failed:,} objects failed.",
                name=printable(forest.name, limit=80),
                result=result,
                failed=run.counted("ExportFailure"),
            )
            to_do = (
                t(
                    "{count:,} written groups met error 8344: the account {account} lacks rights on the OU. Grant them "
                    "with Set-ADSyncUnifiedGroupWritebackPermissions.",
                    count=len(rights),
                    account=printable(forest.account or ""),
                )
                if rights
                else t("Look at the errors of the export in Synchronization Service Manager.")
            )
            yield _export(forest, "failed", _W, seen, to_do)


def _export(forest: Connector, kind: str, severity: Severity, seen: Text, to_do: Text) -> Finding:
    return Finding(
        id=f"connect-server-export-{kind}",
        severity=severity,
        seen=seen,
        expected=t("It ended with success, and nothing failed."),
        why=t("What an export did not write is not in AD."),
        to_do=to_do or t("Start-ADSyncSyncCycle -PolicyType Delta on the server, then run the collector again."),
        source=_SCHEDULER + '; Microsoft Entra documentation, "Prevent accidental deletes"',
        values={"connector": forest.name},
        acknowledgeable=True,
    )


def _names(names: list[str]) -> Text:
    return first_of([printable(name, limit=80) for name in names], 5)


CHECKS: tuple[Check, ...] = (
    Check(
        "connect-server-filter",
        t("Written groups lie inside Connect's OU filter"),
        (CONNECT_SERVER,),
        on(connect_sync=_B),
        with_evidence(ou_filter),
    ),
    Check(
        "connect-server-rules",
        t("Writeback's rules are Microsoft's"),
        (CONNECT_SERVER,),
        on(connect_sync=_W),
        with_evidence(rules),
    ),
    Check(
        "connect-server-export",
        t("The last export to Active Directory succeeded"),
        (CONNECT_SERVER,),
        on(direct=_I, connect_sync=_B),
        with_evidence(last_export),
    ),
)
