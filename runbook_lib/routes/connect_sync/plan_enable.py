"""Plan of 30-enable-writeback on the route connect-sync: v1 is switched on, and all Microsoft 365 groups come. Pure."""

from __future__ import annotations

from dataclasses import replace

from runbook_lib.connect.predicted import ConnectPrediction, NamingMode, Standing
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.errors import Refused
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.actions import BringsGroups, ComingGroup, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.coming_findings import coming_findings
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange
from runbook_lib.routes.connect_sync.plan_choice import (
    choice_changes,
    choice_findings,
    choice_of,
    proof_of,
    selects_some,
)
from runbook_lib.routes.connect_sync.planning import (
    Choice,
    ConnectSides,
    PlannedConnect,
    about_ou,
    finished_connect_plan,
)
from runbook_lib.routes.connect_sync.steps import same_place
from runbook_lib.routes.direct.preconditions import require_complete, require_container
from runbook_lib.routes.predicted_members import accounts_of, in_ad, members_of
from runbook_lib.rules.obstacles import HOW_TO_ATTEST
from runbook_lib.rules.policy import Policy


def plan_connect_enable(
    sides: ConnectSides, policy: Policy, earlier: EarlierHandOver | None, operation: Operation = Operation.ENABLE
) -> PlannedConnect:
    """Plan to switch v1 on; nothing where it is on, or where everything was handed over before.

    Args:
        sides: Both sides and the Connect server. Where v1 is not on, its settings are those of the wizard's choice.
        policy: Rules and limits.
        earlier: What an earlier run of this change handed over.
        operation: Also the way back of a disabling.

    Raises:
        Refused: A reading is incomplete; the OU is missing or protected; whether v1 is on is not known
            (``connect-v1-unknown``); it was on before with another OU (``connect-other-ou``); more new groups than
            ``max_creates`` allows (``limit-creates``).
    """
    inventory = sides.inventory
    require_complete(inventory)
    require_container(inventory.directory.target, "target_ou", inventory.directory, policy)
    choice = choice_of(sides, policy, earlier)
    prediction = predict_writeback(inventory, sides.settings, choice.groups if choice else None)
    if choice is not None and not choice.in_force:
        choice = replace(choice, proof=proof_of(sides, prediction))
    wanted = _changes(sides, prediction, choice, earlier)
    changes = [change for change in wanted if earlier is None or not earlier.covers(change)]
    if len(changes) < len(wanted) and all(change.kind is ChangeKind.RUN_CYCLE for change in changes):
        changes = []
    if any(isinstance(change.payload.action, BringsGroups) for change in changes):
        _require_limit(prediction, policy)
    accounts = accounts_of(inventory)
    members = [members_of(group, in_ad(inventory, group.guid), accounts) for group in prediction.groups]
    there = len(prediction.standing(Standing.THERE))
    plan = finished_connect_plan(
        operation,
        sides.target,
        changes,
        policy.limits.as_json(),
        in_step=there,
        members=members,
        refusals=choice.refusals if choice else (),
    )
    stray = choice is None and selects_some(sides, policy)
    findings = [*coming_findings(prediction, sides.evidence, stray=stray), *_since(prediction, earlier, wanted)]
    if choice is not None and choice.groups:
        findings = [*choice_findings(prediction, choice, earlier), *findings]
    if not changes:
        # Nobody is asked: what was approved is on its way, or v1 has been on before.
        findings = [_told(finding) for finding in findings]
    waits = earlier is not None and not changes
    return PlannedConnect(plan, tuple(findings), prediction, waits=waits, choice=choice, wanted=tuple(wanted))


def _told(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING) if finding.severity is Severity.BLOCKING else finding


def _changes(
    sides: ConnectSides, prediction: ConnectPrediction, choice: Choice | None, earlier: EarlierHandOver | None
) -> list[ConnectSyncChange]:
    v1, here = sides.settings.v1, sides.target.ou_dn
    rights = _rights(sides)
    waits = earlier is not None and (earlier.awaited is not None or bool(earlier.chosen))
    if v1 is Switch.ON:
        container = sides.settings.container
        # Where the wizard was handed over, a watch says that it was finished otherwise.
        if not waits and container.known and not same_place(container.value, here):
            raise Refused(
                t(
                    "Group writeback v1 is on and writes to {there}; target_ou names {here}.",
                    there=printable(container.value),
                    here=printable(here),
                ),
                code="connect-other-ou",
                hint=t(
                    "Name that OU in target_ou. The OU cannot be changed while v1 is on: switched off and on again, it "
                    "deletes every group and makes new ones."
                ),
                values={"container": container.value, "target_ou": here},
            )
        if choice is None:
            return rights if sides.account.may_write is Switch.OFF else []
    if v1 is Switch.UNKNOWN and not waits:
        raise Refused(
            t("Whether group writeback v1 is on could not be read, and nobody attests that it is off."),
            code="connect-v1-unknown",
            hint=HOW_TO_ATTEST,
        )
    # Rights that were known while the wizard was handed over are not asked for again because nobody shows them now.
    granted = (Switch.ON, Switch.UNKNOWN) if earlier and earlier.awaited else (Switch.ON,)
    missing = [] if sides.account.may_write in granted else rights
    if choice is not None:
        return choice_changes(sides, prediction, choice, missing)
    coming = tuple(ComingGroup(group.group_id, group.display_name, group.cn.value) for group in prediction.groups)
    by_name = prediction.naming is NamingMode.DISPLAY_NAME
    return [
        *missing,
        about_ou(
            sides.target, ChangeKind.SWITCH_ON, SwitchOn(by_name, coming), "v1-off", t("Group writeback v1 is off.")
        ),
        about_ou(sides.target, ChangeKind.RUN_CYCLE, RunCycle(), "cycle", t("A cycle writes the groups.")),
    ]


def _rights(sides: ConnectSides) -> list[ConnectSyncChange]:
    known = sides.account.may_write is Switch.OFF
    why = (
        t("The connector account lacks rights on the OU.")
        if known
        else t("Whether the connector account has its rights on the OU is not known.")
    )
    action = LetConnectorWrite(sides.account.dn)
    return [about_ou(sides.target, ChangeKind.GRANT_RIGHTS, action, "rights" if known else "rights-unknown", why)]


def _require_limit(prediction: ConnectPrediction, policy: Policy) -> None:
    new = [group for group in prediction.groups if group.standing is not Standing.THERE]
    if len(new) > policy.limits.creates:
        raise Refused(
            t(
                "v1 would make {seen} groups in AD, and max_creates is {limit}. It makes all or none.",
                seen=len(new),
                limit=policy.limits.creates,
            ),
            code="limit-creates",
            hint=t("Raise max_creates if all of them are meant; the route direct writes a selection."),
            values={"limit": policy.limits.creates, "seen": len(new)},
        )


def _since(
    prediction: ConnectPrediction, earlier: EarlierHandOver | None, wanted: list[ConnectSyncChange]
) -> list[Finding]:
    """What is otherwise than when it was handed over."""
    changes = earlier.changes if earlier else ()
    switch = next((change for change in changes if isinstance(change.payload.action, BringsGroups)), None)
    if earlier is None or switch is None:
        return []
    at = to_the_minute(earlier.at)
    again = [
        change
        for change in wanted
        if isinstance(change.payload.action, BringsGroups) and change.kind is not ChangeKind.LEAVE_STAGING
    ]
    found = []
    if again and not any(earlier.covers(change) for change in again):
        found.append(
            Finding(
                id="connect-sync-handed-otherwise",
                severity=Severity.WARNING,
                seen=t(
                    "The run {run} handed the wizard over {at}, with another OU, other names or other groups.",
                    run=earlier.run,
                    at=at,
                ),
                why=t("Two hand-overs that say different things are in somebody's hands."),
                to_do=t("Tell whoever has the first one that it does not count any more."),
                values={"run": earlier.run},
            )
        )
    approved, now = set(switch.payload.groups), {group.group_id for group in prediction.groups}
    more, less = now - approved, approved - now
    if (more or less) and not earlier.chosen:
        found.append(
            Finding(
                id="connect-sync-groups-since",
                severity=Severity.INFO,
                seen=t(
                    "Since it was approved {more} came into the tenant that v1 writes too, and {less} left it.",
                    more=counted(len(more), "Microsoft 365 group"),
                    less=len(less),
                ),
                why=t("v1 writes all groups that there are when a cycle runs."),
                values={"more": sorted(more), "less": sorted(less)},
            )
        )
    return found
