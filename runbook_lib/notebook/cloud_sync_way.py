"""The route cloud-sync in a notebook: requests to one configuration, then AD is watched until it is as predicted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange, effects_of
from runbook_lib.change.resume import BrokenOff
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.directory.ldif import BACKUP_FILE, ldif_of
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import as_group_id
from runbook_lib.notebook.cloud_sync_planning import CloudSyncPlanning
from runbook_lib.notebook.cloud_sync_watching import Watching
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.parameters.check_change import require_acknowledged, with_acknowledgements
from runbook_lib.routes.cloud_sync.applications.actions import RemoveConfiguration
from runbook_lib.routes.cloud_sync.applications.plan_bring_back import removed_by, rest_refused
from runbook_lib.routes.cloud_sync.applications.plan_create import makes
from runbook_lib.routes.cloud_sync.applications.plan_remove import (
    groups_of,
    removes,
    written_otherwise,
)
from runbook_lib.routes.cloud_sync.cost import cost_of
from runbook_lib.routes.cloud_sync.desired import desired_settings
from runbook_lib.routes.cloud_sync.moving.actions import WriteOwner
from runbook_lib.routes.cloud_sync.payload import (
    CLOUD_SYNC_TYPES,
    CloudSyncChange,
    CloudSyncPlan,
)
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides
from runbook_lib.routes.cloud_sync.reading import with_extension_values
from runbook_lib.routes.cloud_sync.resume import (
    ResumeLimits,
    made_at,
    policy_of_rest,
    renamed,
    require_not_refused,
    require_own_way,
    require_rest_allowed,
    require_same_target,
    watched_again,
)
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget
from runbook_lib.routes.cloud_sync.watching.arrivals import WatchedGroups
from runbook_lib.routes.cloud_sync.work import CloudSyncWork, GraphPatience
from runbook_lib.rules.policy import Policy
from runbook_lib.shown.cloud_sync import others_view, prediction_view

_PAUSES = (2.0, 5.0, 15.0)
"""Seconds before a request without an answer is looked up, and sent again if it had no effect."""


class CloudSyncWay:
    """The ``RouteRun`` of the route cloud-sync."""

    of_authority: ClassVar[bool] = False
    """Whether it changes the source of authority of groups."""

    def __init__(self, context: RunContext, operation: Operation, done: DoneChange | None) -> None:
        self._context = context
        self._done = done
        self._planning = CloudSyncPlanning(context, operation, done)
        self.operation = operation
        self._read: tuple[Sides, WatchedGroups] | None = None
        self._made: PlannedCloudSync | None = None
        self._target: CloudSyncTarget | None = None
        """Of the plan: what it makes has no id in it."""
        self._work: CloudSyncWork | None = None
        self._before: Mapping[str, DirectoryGroup] = {}
        """AD objects of the groups, by cloud group, as they were before the first request of this run."""

    @property
    def lock_server(self) -> str:
        """Graph and the id of the tenant: every rehearsal on a machine has the same tenant, each a Graph of its own."""
        return f"{self._context.connect_graph().host}/{self._sides.inventory.cloud.tenant.id}"

    def plan(self, inventory: Inventory) -> PlanMade:
        """Read the configuration, work out what AD will look like, plan."""
        sides = self._keep(self._planning.sides_to_plan(inventory))
        policy = policy_now(self._context, inventory)
        self._made = self._planning.planned(sides, policy, self._planning.desired(sides))
        self._planning.require_places(self._made, policy)
        self._target = CLOUD_SYNC_TYPES.target(self._made.plan.target)
        chosen, others = self._chosen, self._predicted(self._made.others)
        views = (*((prediction_view(chosen),) if chosen else ()), *((others_view(others),) if others else ()))
        changes = CLOUD_SYNC_TYPES.changes(self._made.plan.changes)
        effort = cost_of(changes, len(sides.documents.assignments)).effort
        return PlanMade(self._made.plan, tuple(self._made.findings), views, effort=effort)

    def require_same_server(self, opened: Mapping[str, object]) -> None:
        """A configuration is known by its job: ``taken_up`` compares it."""

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """As it was planned, if what is left is within rules and limits; each request looks before it is sent."""
        plan = CLOUD_SYNC_TYPES.plan(broken.plan)
        if makes(plan) or removes(plan):
            sides = self._keep(self._planning.sides_at(inventory, made_at(plan, effects_of(broken.chain))))
        else:
            sides = self._keep(self._planning.sides_of_domain(inventory, may_be_made=False))
        require_same_target(plan, sides)
        require_own_way(plan, of_authority=self.of_authority, told=self._planning.way_told)
        named = renamed(plan, sides)
        self._target = named.target
        told = self._context.parameters
        new: set[str] = set()
        if self.operation is Operation.ENABLE:
            self._made = watched_again(named, sides, desired_settings(told, self.operation, {}))
            new = {group.group_id for group in self._made.prediction.groups if not group.guid}
        begun = replace(named, changes=CLOUD_SYNC_TYPES.changes(broken.changes))
        most = ResumeLimits(told.max_creates, told.max_retirements, told.max_conversions)
        require_rest_allowed(begun, broken.finished, sides, most, new)
        if not broken.written:
            self._require_still_allowed(begun, broken, sides)
        return named

    def _require_still_allowed(self, begun: CloudSyncPlan, broken: BrokenOff, sides: Sides) -> None:
        """Ask of what is left again what a first run asks: rules, protected OUs, acknowledgements."""
        told = self._context.parameters
        left = [change for change in begun.changes if change.digest not in broken.finished]
        policy = policy_of_rest(policy_now(self._context, sides.inventory), begun, left)
        refusals, findings = self._asked_again(sides, policy, left)
        require_not_refused(refusals, left, broken.plan.refusals)
        require_acknowledged(with_acknowledgements(findings, told, self._context.clock().date()), told)

    def _asked_again(
        self, sides: Sides, policy: Policy, left: Sequence[CloudSyncChange]
    ) -> tuple[Sequence[Refusal], Sequence[Finding]]:
        """What a plan of the groups of a change that stopped midway refuses and finds today."""
        if self._done is not None and removed_by(self._done):
            return rest_refused(sides, left), ()  # what is half made again is neither there nor gone
        desired = self._planning.desired(sides)
        if desired.pilot not in {change.group_id for change in left}:
            desired = replace(desired, pilot="")
        try:
            made = self._planning.planned(sides, policy, desired)
        except GraphNotFound:
            if not any(isinstance(change.payload.action, RemoveConfiguration) for change in left):
                raise
            return (), ()  # its application is gone already: the step looks
        self._planning.require_places(made, policy)
        return made.plan.refusals, made.findings

    def back_up(self, changes: Sequence[Change]) -> None:
        """The AD objects of the groups, as LDIF: Cloud Sync may rename, move or delete them."""
        context = self._context
        ours = CLOUD_SYNC_TYPES.changes(changes)
        # One mapping is that of all groups of the configuration: it renames and moves those that nobody selected too.
        others = {one.group_id: one.guid for one in self._predicted(self._made.others)} if self._made else {}
        before = self._present.present([*groups_of(ours), *others])
        # Before it goes over to Cloud Sync an AD object does not carry Cloud Sync's anchor.
        handed = {c.group_id: c.payload.action.guid for c in ours if isinstance(c.payload.action, WriteOwner)}
        unmarked = {key: self._present.of_guid(guid) for key, guid in handed.items() if key not in before}
        self._before = before | {key: group for key, group in unmarked.items() if group is not None}
        guids = sorted({group.guid for group in self._before.values()} | {one for one in others.values() if one})
        context.record.folder.write_text(BACKUP_FILE, ldif_of(context.connect_directory(), guids, context.clock()))

    def place(self) -> Mapping[str, str]:
        """Graph, and the configuration; what the plan makes has no id."""
        target = self._target or self._sides.target
        return {
            "graph_host": self._context.connect_graph().host,
            "service_principal": target.service_principal,
            "job_id": target.job_id,
        }

    def work(self, plan: Plan, changes: Sequence[Change]) -> CloudSyncWork:
        """The requests."""
        patience = GraphPatience(_PAUSES, time.sleep)
        client, directory = self._context.connect_graph(), self._context.connect_directory()
        self._work = CloudSyncWork(client, directory, plan.target, changes, self._present, patience)
        return self._work

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Watch AD until every chosen group is as predicted; where others are written otherwise, until the job ran."""
        address = self._work.address if self._work else self._sides.documents.address
        watching = Watching(self._context, self._present, address)
        done = CLOUD_SYNC_TYPES.changes(changes)
        if chosen := self._chosen:
            by_job = any(change.kind is not ChangeKind.PROVISION for change in done) or not done
            return watching.arrivals(chosen, chain, self._made.stays if self._made else {}, by_job=by_job)
        if not done and self.operation is not Operation.ENABLE:
            return None if self._sides.is_new else watching.again()  # without its job there is nothing to wait for
        others = [one.group_id for one in self._predicted(self._made.others)] if self._made and done else []
        concerned = sorted({*written_otherwise(done), *others})
        if not concerned:
            return None
        names: dict[str, str] = {row.group_id: row.display_name for row in self._sides.inventory.rows}
        left = {as_group_id(key): names.get(key, key) for key in concerned}
        return watching.left(left, self._before, chain, job_is_gone=removes(CLOUD_SYNC_TYPES.plan(plan)))

    def _keep(self, sides: Sides) -> Sides:
        context = self._context
        sides = with_extension_values(context.connect_graph(), sides)
        containers = [one for one in (context.parameters.target_ou, sides.mapping.container) if one]
        groups = AnchoredGroups(context.connect_directory())
        self._read = sides, WatchedGroups(groups, sides.inventory, containers)
        return sides

    @property
    def _sides(self) -> Sides:
        return self._both()[0]

    @property
    def _present(self) -> WatchedGroups:
        return self._both()[1]

    def _both(self) -> tuple[Sides, WatchedGroups]:
        if self._read is None:
            raise ValueError("the configuration is read with the plan")
        return self._read

    @property
    def _chosen(self) -> tuple[PredictedGroup, ...]:
        """What is predicted of the selected groups."""
        return self._predicted(self._made.chosen) if self._made else ()

    def _predicted(self, ids: Sequence[str]) -> tuple[PredictedGroup, ...]:
        wanted = set(ids)
        return tuple(group for group in self._made.prediction.groups if group.group_id in wanted) if self._made else ()
