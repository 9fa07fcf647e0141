"""Which Microsoft 365 groups are chosen under v1, and what is handed over for that: staging, then its proof. Pure.

v1 writes all Microsoft 365 groups or none. That rules of one's own choose among them is unconfirmed. So rules are
handed over to a server in staging mode alone; that it becomes the active one is handed over only when its pending
exports are the chosen groups and nothing else (``connect/choosing.py``), under an approval of its own.

Sources: Microsoft Entra documentation, "Group source of authority guidance" (all or none), "Migrate Microsoft Entra
Connect Sync group writeback V2 to Microsoft Entra Cloud Sync" (cloudNoFlow), "Microsoft Entra Connect: Staging server
and disaster recovery" (pending exports; one active server).
"""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.connect.choosing import ChoiceProof, prove_choice
from runbook_lib.connect.predicted import ConnectPrediction, NamingMode, Standing
from runbook_lib.connect.prediction import never_written
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.routes.connect_sync.actions import ComingGroup, RunCycle
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, KeptOutGroup, LeaveStaging
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange
from runbook_lib.routes.connect_sync.planning import Choice, ConnectSides, about_ou
from runbook_lib.routes.direct.selection import select
from runbook_lib.rules.policy import Policy

_SOURCE = (
    'Microsoft Entra documentation, "Group source of authority guidance" (all or none), "Migrate Microsoft Entra '
    'Connect Sync group writeback V2 to Microsoft Entra Cloud Sync" (cloudNoFlow)'
)


def choice_of(sides: ConnectSides, policy: Policy, earlier: EarlierHandOver | None) -> Choice | None:
    """The groups that are chosen.

    None where all Microsoft 365 groups are meant, where V2 is on (then each group has a setting of its own), and where
    v1 is on and nothing chooses.

    Args:
        sides: Both sides and the Connect server.
        policy: What the operator decided.
        earlier: What an earlier run of this change handed over: once groups are waited for, it counts
            whatever the parameters select since.

    Raises:
        Refused: The selection names a group that is not there, or matches nothing.
    """
    before = earlier.chosen if earlier else frozenset()
    if earlier is not None and earlier.awaited is not None:
        return Choice(before, in_force=True) if before else None
    if sides.settings.v2 is Switch.ON:
        return None
    if not selects(policy):
        return Choice(before, in_force=False) if before else None
    if sides.settings.v1 is Switch.ON and not before and not sides.settings.choosing:
        return None
    chosen, refusals = _selected(sides, policy)
    if chosen and not _others(sides, chosen):
        return None
    scheduler = sides.evidence.evidence.scheduler if sides.evidence and not sides.before else None
    active = scheduler is not None and not scheduler.staging and bool(sides.settings.choosing)
    return Choice(chosen, in_force=active and sides.settings.v1 is Switch.ON, refusals=refusals)


def selects(policy: Policy) -> bool:
    """Whether the parameters name groups."""
    return bool(policy.select_ids or policy.select_names)


def selects_some(sides: ConnectSides, policy: Policy) -> bool:
    """Whether they name groups, and not every one that v1 writes.

    Raises:
        Refused: As ``choice_of``.
    """
    return selects(policy) and _others(sides, _selected(sides, policy)[0])


def _selected(sides: ConnectSides, policy: Policy) -> tuple[frozenset[str], tuple[Refusal, ...]]:
    """Ids of the groups that are named and that v1 writes, and those that it never does."""
    by_name = CloudKind.MICROSOFT_365.value in policy.select_kinds
    rows = select(
        sides.inventory.rows,
        policy.select_ids,
        policy.select_names,
        by_name=lambda row: by_name and row.cloud is not None and never_written(row.cloud) is None,
        purpose="select",
        why_not=_why_not,
    )
    refusals = tuple(
        Refusal(row.group_id, row.display_name, "not-written-by-v1", why, t("Take it out of the selection."))
        for row in rows
        if (why := _why_not(row))
    )
    return frozenset(row.group_id for row in rows) - {one.group_id for one in refusals}, refusals


def _why_not(row: GroupRow) -> Text:
    if row.cloud is None:
        return t("It is none of the tenant's groups.")
    never = never_written(row.cloud)
    return never.why if never else NOTHING


def _others(sides: ConnectSides, chosen: frozenset[str]) -> bool:
    """Whether v1 writes a group that is not chosen."""
    groups = sides.inventory.cloud.groups
    return any(group.id not in chosen and never_written(group) is None for group in groups)


def proof_of(sides: ConnectSides, prediction: ConnectPrediction) -> ChoiceProof:
    """What the evidence proves of the choice, where it was collected after the rules were handed over."""
    if sides.evidence is None or sides.before:
        return ChoiceProof(
            unproved=t("No file of the collector on the server in staging mode was brought since the rules are due.")
        )
    there = {group.group_id for group in prediction.standing(Standing.THERE)}
    return prove_choice(sides.evidence, {group.group_id for group in prediction.groups}, there)


def choice_changes(
    sides: ConnectSides, prediction: ConnectPrediction, choice: Choice, rights: list[ConnectSyncChange]
) -> list[ConnectSyncChange]:
    """What a person has to do for the choice, whether that was handed over before or not.

    Args:
        sides: Both sides and the Connect server.
        prediction: With the chosen groups alone.
        choice: The choice, with its proof.
        rights: The change that grants the connector account its rights, where they are not known to be there.
    """
    if not choice.groups or choice.in_force:
        return rights if sides.account.may_write is Switch.OFF and choice.groups else []
    target, by_name = sides.target, prediction.naming is NamingMode.DISPLAY_NAME
    coming = tuple(ComingGroup(group.group_id, group.display_name, group.cn.value) for group in prediction.groups)
    if not choice.proof.may_leave_staging:
        kept_out = _kept_out(sides, prediction)
        action = ChooseInStaging(by_name, coming, kept_out)
        why = t("v1 writes all Microsoft 365 groups or none, and some are chosen.")
        return [about_ou(target, ChangeKind.CHOOSE_GROUPS, action, "choice", why)]
    why = t("The pending exports of the server in staging mode are the chosen groups and nothing else.")
    return [
        *rights,
        about_ou(target, ChangeKind.LEAVE_STAGING, LeaveStaging(by_name, coming), "choice-proved", why),
        about_ou(target, ChangeKind.RUN_CYCLE, RunCycle(), "cycle", t("A cycle writes the groups.")),
    ]


def _kept_out(sides: ConnectSides, prediction: ConnectPrediction) -> tuple[KeptOutGroup, ...]:
    kept_out = prediction.not_chosen
    groups = sorted(sides.inventory.cloud.groups, key=lambda group: group.id)
    return tuple(KeptOutGroup(group.id, group.display_name) for group in groups if group.id in kept_out)


def choice_findings(
    prediction: ConnectPrediction, choice: Choice, earlier: EarlierHandOver | None
) -> Iterator[Finding]:
    """What has to be known and accepted of a choice.

    Args:
        prediction: With the chosen groups alone.
        choice: The choice, with its proof.
        earlier: What an earlier run of this change handed over.
    """
    yield Finding(
        id="connect-choice-unconfirmed",
        severity=Severity.BLOCKING,
        seen=t(
            "{chosen} are chosen, and rules on the Connect server keep {others} out. That such rules choose among "
            "Microsoft 365 groups is unconfirmed.",
            chosen=counted(len(prediction.groups), "group"),
            others=counted(len(prediction.not_chosen), "group"),
        ),
        expected=t("All Microsoft 365 groups are meant; or a server in staging mode shows that others stay out."),
        why=t(
            "Microsoft says that v1 writes all Microsoft 365 groups or none. A rule that errs writes all of them, or "
            "deletes some; a group that is made later is named by no rule and is written; and another server that "
            "becomes the active one without these rules writes all."
        ),
        to_do=t("Acknowledge this finding; or select nothing; or set route to direct, which writes the selected ones."),
        source=_SOURCE,
        values={"chosen": len(prediction.groups), "others": len(prediction.not_chosen)},
        acknowledgeable=True,
    )
    if choice.in_force:
        return
    names = {group.group_id: group.display_name for group in prediction.groups}
    if choice.proof.may_leave_staging:
        yield Finding(
            id="connect-choice-proved",
            severity=Severity.INFO,
            seen=choice.proof.in_words(names),
            why=t("These are the chosen groups, and nothing else waits to be exported to their OU."),
            values={"exported": list(choice.proof.exported)},
        )
    named = {one.group_id for change in earlier.changes for one in _named(change)} if earlier else set[str]()
    if named and (new := sorted(prediction.not_chosen - named)):
        yield Finding(
            id="connect-choice-groups-since",
            severity=Severity.WARNING,
            seen=t(
                "Since the rules were handed over {groups} came that no rule names.",
                groups=counted(len(new), "Microsoft 365 group"),
            ),
            why=t("What no rule names, v1 writes."),
            to_do=t("Add a condition for each to the rule: hand-off-choose-groups.txt of this record has them all."),
            values={"groups": new},
        )


def _named(change: ConnectSyncChange) -> tuple[KeptOutGroup, ...]:
    action = change.payload.action
    return action.kept_out if isinstance(action, ChooseInStaging) else ()
