"""Leaving v1 in a notebook, and the way back: what goes is named, backed up and waited for; or it comes back first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.resume import BrokenOff
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.connect.uses import Uses, use_findings
from runbook_lib.directory.ldif import BACKUP_FILE, ldif_of
from runbook_lib.directory.rights.table import OperationRight
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.predicted import Known, Predicted
from runbook_lib.model.text import t
from runbook_lib.notebook.connect_sync_reading import read_server, settings_now
from runbook_lib.notebook.connect_sync_way import ConnectSyncWay
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.parameters.check_change import with_acknowledgements
from runbook_lib.routes.connect_sync.actions import SwitchOn
from runbook_lib.routes.connect_sync.deleted_groups import bring_back_findings, read_bring_back_right
from runbook_lib.routes.connect_sync.group_writeback import SetGroupWriteback, under_v2_finding
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup, SetNewGroupDefault, SwitchOff
from runbook_lib.routes.connect_sync.leaving_findings import named_without_effect
from runbook_lib.routes.connect_sync.new_group_default import default_finding
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.plan_disable import LeavingPlan, plan_disable, require_deletions, require_own_ou
from runbook_lib.routes.connect_sync.plan_undo import plan_undo
from runbook_lib.routes.connect_sync.planning import PlannedConnect, finished_connect_plan
from runbook_lib.routes.connect_sync.read_uses import (
    BEFORE_FILE,
    GOING_FILE,
    USES_FILE,
    going_table,
    groups_before,
    read_groups_before,
    read_uses,
    uses_table,
)
from runbook_lib.routes.connect_sync.target import connect_target_of
from runbook_lib.routes.connect_sync.watch_gone import StandingGroups, end_of_gone, lost_finding, watch_gone
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.rules.policy import Policy
from runbook_lib.shown.connect_sync import connect_prediction_view
from runbook_lib.shown.connect_sync_leaving import gone_view, leaving_view
from runbook_lib.shown.html import View


class ConnectLeavingWay(ConnectSyncWay):
    """The ``RouteRun`` of the route connect-sync where v1 is switched off, or a change of it is undone."""

    _uses: tuple[frozenset[str], Uses] | None = None
    """What hangs on the groups with these GUIDs: read once for a run, the gate plans again."""

    _right: tuple[OperationRight, str] | None = None

    def plan(self, inventory: Inventory) -> PlanMade:
        """Read the server, name everything that goes or comes back; where that is handed over, plan nothing."""
        context, earlier = self._context, self._earlier()
        require_complete(inventory)
        since = earlier.at if earlier else None
        server = read_server(context, inventory.cloud.tenant, since)
        self._read = inventory, server
        settings = self._in_ou(settings_now(context, server, since), inventory)
        made = self._waiting(self._planned(inventory, settings), earlier)
        self._target = CONNECT_SYNC_TYPES.target(made.plan.target)
        views: tuple[View, ...] = ()
        findings = made.findings
        if made.plan.changes and made.removals:
            uses = self._read_uses(made, inventory)
            unsure = {one.present.guid for one in made.removals if one.certain is not Known.YES}
            findings = (*findings, *use_findings(uses, [one.present for one in made.removals], unsure))
            views = (leaving_view(made.removals, uses),)
        if (brings := _brings_back(made)) or (made.plan.changes and made.removals):
            findings = (*findings, *self._rights(inventory, now=brings))
        on = _switch_on(made, earlier)
        if on is not None:
            prediction = predict_writeback(inventory, _named(settings, on), on.groups if settings.choosing else None)
            self._made = PlannedConnect(made.plan, findings, prediction)
            self._keep_prediction(self._made)
            views = (*views, connect_prediction_view(prediction))
        return self._shown(made.plan, findings, views, earlier if not made.plan.changes else None)

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """As it was planned; what is still to go is held to today's limit."""
        plan = super().taken_up(broken, inventory)
        limits = policy_now(self._context, inventory).limits
        for change in CONNECT_SYNC_TYPES.changes(plan.changes):
            action = change.payload.action
            if isinstance(action, SwitchOff) and change.digest not in broken.finished:
                require_deletions([one.display_name for one in action.groups_going], limits)
        return plan

    def back_up(self, changes: Sequence[Change]) -> None:
        """Everything that goes, as LDIF with access list, SID, members and owners; and which groups stood there."""
        going = [one for change in CONNECT_SYNC_TYPES.changes(changes) for one in _going(change.payload.action)]
        if not going:
            return
        context, folder = self._context, self._context.record.folder
        sids = {one.guid: one.sid for one in going}
        guids = sorted(sids)
        text = ldif_of(
            context.connect_directory(),
            guids,
            context.clock(),
            whole=guids,
            comments=lambda guid: (f"# objectSid {sids[guid]}",),  # type: ignore[index]
        )
        folder.write_text(BACKUP_FILE, text)
        before = groups_before(self._inventory.directory.groups)
        folder.write_text(BEFORE_FILE, before)
        self._groups_before = sha256(before.encode()).hexdigest()

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Say what a person has to do now; where an earlier run said that v1 goes, wait until its groups are gone."""
        earlier = self._earlier()
        off = earlier.of_kind(ChangeKind.SWITCH_OFF) if earlier else None
        if earlier is not None and off is not None and all(one.kind is not ChangeKind.SWITCH_OFF for one in changes):
            return self._gone(earlier, _going(off.payload.action))
        return super().read_back(plan, changes, chain)

    def _gone(self, earlier: EarlierHandOver, going: Sequence[GoingGroup]) -> ReadBack:
        context = self._context
        folder = context.record.folder.change_folder
        before = read_groups_before([folder / run for run in earlier.runs], earlier.groups_before)
        seen = watch_gone(
            StandingGroups(context.connect_directory(), self._inventory.directory.target.dn).look,
            going,
            before,
            wait=timedelta(minutes=context.parameters.connect_wait),
            clock=context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for Connect Sync")),
        )
        today = context.clock().date()
        lost = with_acknowledgements(lost_finding(seen), context.parameters, today)
        context.note(*lost)
        accepted = all(one.severity is Severity.INFO for one in lost)
        error = end_of_gone(seen, self._both[1].now, earlier.at, accepted=accepted)
        return ReadBack(gone_view(seen), error, finishes=True, cancelled=seen.cancelled)

    def _planned(self, inventory: Inventory, settings: WritebackSettings) -> LeavingPlan:
        policy = policy_now(self._context, inventory)
        if self._done is not None:
            plan = CONNECT_SYNC_TYPES.plan(self._done.plan)
            sets = any(isinstance(one.payload.action, SetNewGroupDefault) for one in plan.changes)
            now = self._settings_of_groups() if sets else None
            single = (one.group_id for one in plan.changes if isinstance(one.payload.action, SetGroupWriteback))
            return plan_undo(inventory, settings, policy.limits, self._done, now, self._states(single))
        names = bool(policy.disable_ids or policy.disable_names)
        if settings.v2 is Switch.ON and names:
            made = self._single(inventory, policy)
        else:
            made = plan_disable(inventory, settings, policy.limits, self._default())
        if made.removals and names:
            made = replace(made, findings=(named_without_effect(len(made.removals)), *made.findings))
        if any(one.kind is ChangeKind.NEW_GROUP_DEFAULT for one in made.plan.changes):
            made = replace(made, findings=(*made.findings, default_finding(settings.v2)))
        return made

    def _single(self, inventory: Inventory, policy: Policy) -> LeavingPlan:
        """Under V2 the named groups are no longer written; v1 and all others stay."""
        target = connect_target_of(inventory.cloud.tenant.id, inventory.directory)
        changes = self._under_v2(target, policy.disable_ids, policy.disable_names, enabled=False)
        plan = finished_connect_plan(self.operation, target, changes, policy.limits.as_json())
        return LeavingPlan(plan, (under_v2_finding(changes),) if changes else (), ())

    def _waiting(self, made: LeavingPlan, earlier: EarlierHandOver | None) -> LeavingPlan:
        """Without what an earlier run handed over; a cycle alone is not asked for again."""
        if earlier is None:
            return made
        left = tuple(one for one in made.plan.changes if not earlier.covers(one))
        if len(left) == len(made.plan.changes):
            return made
        if all(one.kind is ChangeKind.RUN_CYCLE for one in left):
            left = ()
        refusals = made.plan.refusals if left else ()
        findings = made.findings if left else ()
        plan = replace(made.plan, changes=left, refusals=refusals)
        return replace(made, plan=plan, findings=findings, removals=made.removals if left else ())

    def _in_ou(self, settings: WritebackSettings, inventory: Inventory) -> WritebackSettings:
        """v1's OU is the one that target_ou names: where the server says another one, nothing is planned."""
        ou = inventory.directory.target.dn
        require_own_ou(settings, ou)
        return settings if settings.container.known else replace(settings, container=Predicted(ou))

    def _rights(self, inventory: Inventory, *, now: bool) -> tuple[Finding, ...]:
        """Whether this account may bring groups back: asked once for a run, before anything goes."""
        if self._right is None:
            ou = inventory.directory.target.dn
            self._right = read_bring_back_right(self._context.connect_directory(), ou)
        return tuple(bring_back_findings(*self._right, now=now))

    def _read_uses(self, made: LeavingPlan, inventory: Inventory) -> Uses:
        context, told = self._context, self._context.parameters
        groups = [one.present for one in made.removals]
        guids = frozenset(one.guid for one in groups)
        if self._uses is None or self._uses[0] != guids:
            line = ProgressLine(t("Access lists"))
            ou = inventory.directory.target.dn
            uses = read_uses(context.connect_directory(), groups, ou, told.access_ous, told.share_permissions, line)
            self._uses = guids, uses
        uses = self._uses[1]
        folder = context.record.folder
        folder.write_csv(USES_FILE, uses_table(uses, {one.guid: one.dn for one in groups}))
        going = [one for change in made.plan.changes for one in _going(change.payload.action)]
        folder.write_csv(GOING_FILE, going_table(going, {one.guid: one for one in groups}, uses))
        return uses


def _going(action: object) -> tuple[GoingGroup, ...]:
    return action.groups_going if isinstance(action, SwitchOff) else ()


def _brings_back(made: LeavingPlan) -> bool:
    return any(one.kind is ChangeKind.BRING_BACK for one in made.plan.changes)


def _switch_on(made: LeavingPlan, earlier: EarlierHandOver | None) -> SwitchOn | None:
    """How v1 is to be switched on again, by the plan or by what was handed over; None: it is not."""
    before = earlier.of_kind(ChangeKind.SWITCH_ON) if earlier else None
    wanted = (one.payload.action for one in (*made.plan.changes, *((before,) if before else ())))
    return next((action for action in wanted if isinstance(action, SwitchOn)), None)


def _named(settings: WritebackSettings, on: SwitchOn) -> WritebackSettings:
    """With the names that groups had before v1 went: those that the wizard is, or was, handed over with."""
    mode = NamingMode.DISPLAY_NAME if on.display_names else NamingMode.ID
    return replace(settings, naming=mode, naming_why=t("So the groups were named before v1 was switched off."))
