"""What an approver has to know before the gate on the route cloud-sync: what is unknown, who else is renamed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.cloud_sync.predicted import PredictedGroup, Prediction
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.predicted import Known, Predicted
from runbook_lib.model.text import Text, counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.planning import Sides, prediction_of

_HOW = 'Microsoft Entra documentation, "How provisioning to Active Directory works"'


def renamed_with_them(
    sides: Sides,
    desired: DesiredSettings,
    prediction: Prediction,
    expressions: Mapping[str, str],
    chosen: Collection[str],
) -> tuple[PredictedGroup, ...]:
    """Groups that nobody selected and whose AD object the new mapping renames or moves: it is that of all groups."""
    before = expressions_of(sides.documents.schema)
    changed = {name for name in expressions if expressions[name] != before.get(name)}
    if not changed:
        return ()
    then = prediction_of(sides, desired, sorted(sides.documents.assignments), before)
    old = {group.group_id: _named(group) for group in then.groups}

    def differs(group: PredictedGroup) -> bool:
        was, will = old.get(group.group_id, {}), _named(group)
        return any(not will[name].known or will[name] != was.get(name) for name in changed & will.keys())

    return tuple(group for group in prediction.groups if group.group_id not in chosen and group.guid and differs(group))


def _named(group: PredictedGroup) -> dict[str, Predicted]:
    return {"cn": group.cn, "parentdistinguishedname": group.container, "samaccountname": group.account_name}


def others_change(others: Sequence[PredictedGroup]) -> list[Finding]:
    """That the plan changes more groups than were selected."""
    if not others:
        return []
    names = [
        t(
            "{group} ({dn}, sAMAccountName {account_name})",
            group=printable(group.display_name, limit=60),
            dn=printable(group.present_dn, limit=120),
            account_name=printable(group.present_account_name, limit=80),
        )
        for group in others
    ]
    return [
        Finding(
            id="cloud-sync-others-change",
            severity=Severity.WARNING,
            seen=t(
                "The new mapping also renames or moves {count} that nobody selected: {names}.",
                count=counted(len(others), "group"),
                names=first_of(names, 10, "; "),
            ),
            expected=t("Only selected groups change in AD."),
            why=t(
                "A configuration has one mapping for all of its groups. Who uses these groups by account name or "
                "distinguished name finds them no more. A name that AD had chosen does not come back by an undo: the "
                "record's backup.ldif has it."
            ),
            to_do=t(
                "Look at them in the table of the plan. To leave them as they are, set target_ou and the mapping "
                "expressions as the configuration has them."
            ),
            source=_HOW,
            values={"groups": [str(name) for name in names]},
            acknowledgeable=True,
        )
    ]


def pilot_in_ad(group: PredictedGroup) -> Finding:
    """That the group which was to be tried first is not tried: its AD object is there."""
    return Finding(
        id="cloud-sync-pilot-in-ad",
        severity=Severity.WARNING,
        seen=t(
            "The pilot group {name} is not tried first: its AD object is there already ({dn}).",
            name=printable(group.display_name, limit=80),
            dn=printable(group.present_dn, limit=120),
        ),
        expected=t("A pilot group that has no AD object yet, so that trying it shows what the others get."),
        why=t("Provisioned on demand, a group that is in AD shows nothing new, and the job begins with all at once."),
        to_do=t("Name another group in cloud_sync_pilot, or leave it empty."),
        values={"group_id": group.group_id},
        acknowledgeable=True,
    )


def unknown_beforehand(
    prediction: Prediction, chosen: Collection[str], expressions: Mapping[str, str]
) -> list[Finding]:
    """What an approver has to know before groups come into scope."""
    selected = set(chosen)
    picked = [group for group in prediction.groups if group.group_id in selected]
    empty = [group for group in picked if any(trouble.code == "arrives-empty" for trouble in group.troubles)]
    unknown = [group for group in picked if group.count(Known.UNKNOWN)]
    mapped = "samaccountname" in expressions
    unnamed = [group for group in picked if not mapped and not group.account_name.known and not group.guid]
    unplaced = [group for group in picked if not group.dn.known or (mapped and not group.account_name.known)]
    found = []
    if empty:
        found.append(
            _finding(
                "cloud-sync-arrives-empty",
                Severity.WARNING,
                t("Arriving empty, because no member is written: {count}.", count=counted(len(empty), "group")),
                empty,
            )
        )
    if unknown:
        members = sum(group.count(Known.UNKNOWN) for group in unknown)
        found.append(
            _finding(
                "cloud-sync-members-unknown",
                Severity.UNKNOWN,
                t(
                    "Of {members} of {groups} it cannot be known beforehand whether they are written.",
                    members=counted(members, "member"),
                    groups=counted(len(unknown), "group"),
                ),
                unknown,
            )
        )
    if unnamed:
        found.append(
            _finding(
                "cloud-sync-random-names",
                Severity.INFO,
                t("AD makes a random sAMAccountName for {count}.", count=counted(len(unnamed), "group")),
                unnamed,
            )
        )
    if unplaced:
        found.append(
            _finding(
                "cloud-sync-place-unknown",
                Severity.UNKNOWN,
                t(
                    "Name, OU or account name of {count} cannot be known beforehand.",
                    count=counted(len(unplaced), "group"),
                ),
                unplaced,
            )
        )
    return found


def _finding(code: str, severity: Severity, seen: Text, groups: list[PredictedGroup]) -> Finding:
    names = [f"{printable(group.display_name, limit=60)} ({group.group_id})" for group in groups]
    return Finding(
        id=code,
        severity=severity,
        seen=seen,
        expected=t("Names, OU and members that are known before the gate."),
        why=t("Cloud Sync decides by itself, and says nothing before it writes."),
        to_do=t("Look at the plan's table of members; one group can be tried first with cloud_sync_pilot."),
        source=_HOW,
        values={"groups": names},
        acknowledgeable=severity is not Severity.INFO,
    )
