"""What an approver has to know before v1 is switched on: all come, what is taken over, what collides, how long. Pure.

Sources: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback", "Group source of authority
guidance" (nobody can choose which groups v1 writes), "Microsoft Entra Connect Sync: Scheduler".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.connect.predicted import ConnectGroup, ConnectPrediction, Standing
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import moment_in
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable

_ENABLE = 'Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback"'
_GUIDANCE = 'Microsoft Entra documentation, "Group source of authority guidance"'
_SCHEDULER = 'Microsoft Entra documentation, "Microsoft Entra Connect Sync: Scheduler"'
CYCLE_MINUTES = 30
"""Minutes between two cycles, unless the scheduler is set otherwise."""
BARRING = ("cn-taken", "cn-twice", "cn-too-long", "several-objects")
"""Troubles with which a group does not arrive as it should."""


def coming_findings(
    prediction: ConnectPrediction, evidence: ConnectEvidence | None, *, stray: bool = False
) -> list[Finding]:
    """Everything that the prediction has to say, the gravest first.

    Args:
        prediction: What AD will look like.
        evidence: The Connect server's; None: there is none.
        stray: Whether the parameters select some groups, and nothing chooses among them.
    """
    found = [
        *(_not_chosen(prediction) if stray else ()),
        *_standing(prediction, Standing.ADOPTED, "connect-sync-takes-over", t("v1 probably takes it over")),
        *_standing(prediction, Standing.DOUBLED, "connect-sync-doubles", t("v1 makes a second group beside it")),
        *_standing(prediction, Standing.UNCLEAR, "connect-sync-unclear", t("what v1 does with it is not known")),
        *_barred(prediction),
        *_uncertain(prediction),
        *_cautions(prediction),
        _all(prediction),
        _cost(prediction, evidence),
    ]
    return sorted(found, key=lambda finding: -finding.severity.rank)


def _all(prediction: ConnectPrediction) -> Finding:
    new, there = (len(prediction.standing(one)) for one in (Standing.NEW, Standing.THERE))
    written = prediction.members(Known.YES)
    left_out = prediction.members(Known.NO)
    unknown = prediction.members(Known.UNKNOWN)
    return Finding(
        id="connect-sync-chosen" if prediction.not_chosen else "connect-sync-all",
        severity=Severity.INFO,
        seen=joined(
            (
                t(
                    "v1 writes the groups that rules choose: {groups}, {new} new and {there} there already.",
                    groups=counted(len(prediction.groups), "group"),
                    new=new,
                    there=there,
                )
                if prediction.not_chosen
                else t(
                    "v1 writes all Microsoft 365 groups, or none: {groups}, {new} new and {there} there already.",
                    groups=counted(len(prediction.groups), "group"),
                    new=new,
                    there=there,
                ),
                t(
                    "Their members: {written:,} written, {left_out:,} not written, {unknown:,} not known.",
                    written=written,
                    left_out=left_out,
                    unknown=unknown,
                ),
            )
        ),
        why=t("writebackConfiguration of a group counts under V2 alone.")
        if prediction.not_chosen
        else t("Which groups come nobody can choose; writebackConfiguration of a group counts under V2 alone."),
        source=f"{_ENABLE}; {_GUIDANCE}",
        values={
            "groups": len(prediction.groups),
            "new": new,
            "there": there,
            "members_written": written,
            "members_left_out": left_out,
            "members_unknown": unknown,
        },
    )


def _not_chosen(prediction: ConnectPrediction) -> Iterator[Finding]:
    yield Finding(
        id="connect-sync-selection",
        severity=Severity.BLOCKING,
        seen=t(
            "The parameters select groups (select_ids, select_names), and v1 writes all {groups} all the same.",
            groups=counted(len(prediction.groups), "group"),
        ),
        expected=t("No selection, or the route direct, which writes the groups that are selected."),
        why=t("Whoever selects a few groups does not expect all of them."),
        to_do=t(
            "Empty select_ids and select_names; or acknowledge this finding; or set route to direct. To choose some "
            "under v1, leave it first with 40-disable-writeback."
        ),
        source=_GUIDANCE,
        values={"groups": len(prediction.groups)},
        acknowledgeable=True,
    )


def _standing(prediction: ConnectPrediction, standing: Standing, name: str, what: Text) -> Iterator[Finding]:
    groups = prediction.standing(standing)
    if not groups:
        return
    yield Finding(
        id=name,
        severity=Severity.BLOCKING,
        seen=t(
            "{groups} in AD with the anchor of a group that v1 will write, and {what}: {names}.",
            groups=counted(len(groups), "object"),
            what=what,
            names=_names(groups),
        ),
        expected=t("No object in AD that carries the anchor of a group and is not Connect's own."),
        why=t(
            "What v1 takes over, it deletes when it is switched off; two groups of one name confuse people and mail."
        ),
        to_do=t(
            "Disable these groups with 40-disable-writeback (route direct) first, or acknowledge this finding. The "
            "table says of each what is met."
        ),
        source='Microsoft Entra documentation, "Modify group writeback in Microsoft Entra Connect"',
        values={"groups": [one.group_id for one in groups], "dns": [one.present_dn for one in groups]},
        acknowledgeable=True,
    )


def _barred(prediction: ConnectPrediction) -> Iterator[Finding]:
    barred = [one for one in prediction.groups if any(trouble.code in BARRING for trouble in one.troubles)]
    if not barred:
        return
    first = barred[0]
    yield Finding(
        id="connect-sync-collisions",
        severity=Severity.BLOCKING,
        seen=t(
            "Something in AD is in the way of {groups}: {names}. The first: {why}",
            groups=counted(len(barred), "group"),
            names=_names(barred),
            why=joined(trouble.what for trouble in first.troubles if trouble.code in BARRING),
        ),
        expected=t("Names that are free, and one object at most for each group."),
        why=t("Connect shows an export error for such a group, and it stays away."),
        to_do=t("Rename or remove what stands in the way, or acknowledge this finding: all others come all the same."),
        values={"groups": [one.group_id for one in barred]},
        acknowledgeable=True,
    )


def _uncertain(prediction: ConnectPrediction) -> Iterator[Finding]:
    open_ = [one for one in prediction.groups if one.scope.known is not Known.YES]
    if not open_:
        return
    yield Finding(
        id="connect-sync-not-certain",
        severity=Severity.WARNING,
        seen=t(
            "Of {groups} it is not known whether v1 writes them: {names}. The first: {why}",
            groups=counted(len(open_), "group"),
            names=_names(open_),
            why=open_[0].scope.why,
        ),
        why=t("They are not waited for; where they come, they are compared with the prediction."),
        values={"groups": [one.group_id for one in open_]},
    )


def _cautions(prediction: ConnectPrediction) -> Iterator[Finding]:
    if prediction.cautions:
        yield Finding(
            id="connect-sync-caution",
            severity=Severity.WARNING,
            seen=joined(prediction.cautions),
            why=t("The prediction is less certain."),
        )


def _cost(prediction: ConnectPrediction, evidence: ConnectEvidence | None) -> Finding:
    """How much is exported, and how long a cycle takes, as far as the server tells."""
    values = prediction.members(Known.YES)
    every = _interval(evidence)
    last = _last_export(evidence)
    told = (
        t(
            "The last export of {server} took {minutes} for {objects:,} objects.",
            server=printable(evidence.evidence.server, limit=80),
            minutes=_lasting(last[0]),
            objects=last[1],
        )
        if evidence and last
        else t("How long a cycle of this server takes is not known: no evidence of it shows an export.")
    )
    return Finding(
        id="connect-sync-cycle",
        severity=Severity.INFO,
        seen=t(
            "One cycle writes {groups} with {values:,} member values. Cycles come every {minutes} minutes. {told}",
            groups=counted(len(prediction.groups), "group"),
            values=values,
            minutes=every,
            told=told,
        ),
        why=t("The first cycle after the wizard is a full one, and takes longer than a delta cycle."),
        source=_SCHEDULER,
        values={"groups": len(prediction.groups), "member_values": values, "minutes": every},
    )


def _interval(evidence: ConnectEvidence | None) -> int:
    scheduler = evidence.evidence.scheduler if evidence else None
    parts = (scheduler.interval or "").split(":") if scheduler else []
    if len(parts) == 3 and all(part.isdecimal() for part in parts):
        return int(parts[0]) * 60 + int(parts[1]) or CYCLE_MINUTES
    return CYCLE_MINUTES


def _last_export(evidence: ConnectEvidence | None) -> tuple[timedelta, int] | None:
    """How long the newest finished export to a forest took, and how many objects it wrote."""
    found = []
    for connector in (evidence.evidence.connectors or ()) if evidence else ():
        run = evidence.last_export(connector) if evidence and connector.forest else None
        began, ended = moment_in(run.started if run else None), moment_in(run.ended if run else None)
        if run and began and ended and ended >= began:
            counters = ("ExportAdd", "ExportUpdate", "ExportRename", "ExportDelete")
            found.append((ended, ended - began, sum(map(run.counted, counters))))
    return max(found)[1:] if found else None


def _lasting(length: timedelta) -> Text:
    seconds = int(length.total_seconds())
    return counted(seconds // 60, "minute") if seconds >= 60 else counted(seconds, "second")


def _names(groups: Sequence[ConnectGroup]) -> Text:
    return first_of([printable(one.display_name, limit=80) for one in groups], 5)
