"""The route cloud-sync in a notebook: requests to one configuration, then AD is watched until it is as predicted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange, effects_of
from runbook_lib.change.resume import BrokenOff
from runbook_lib.cloud_sync.configuration import expressions_of, require_known_attributes
from runbook_lib.cloud_sync.group_dn import still_keeping
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.directory.ldif import BACKUP_FILE, ldif_of
from runbook_lib.directory.two_ous import read_container
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.tenant.applications import read_application
from runbook_lib.graph.tenant.cloud_sync import read_cloud_sync
from runbook_lib.graph.tenant.configuration import parse_expression
from runbook_lib.inventory import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import as_group_id
from runbook_lib.notebook.cloud_sync_watching import Watching
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.routes.cloud_sync.applications.checks import TenantFacts
from runbook_lib.routes.cloud_sync.applications.plan_bring_back import plan_bring_back, removed_by, removed_whole
from runbook_lib.routes.cloud_sync.applications.plan_create import makes
from runbook_lib.routes.cloud_sync.applications.plan_remove import (
    groups_of,
    leaving,
    plan_remove,
    removes,
    require_only_its_job,
    require_own_scope,
)
from runbook_lib.routes.cloud_sync.cost import cost_finding, cost_of, took_finding
from runbook_lib.routes.cloud_sync.desired import DesiredSettings, desired_expressions, desired_settings
from runbook_lib.routes.cloud_sync.moving.actions import WriteOwner
from runbook_lib.routes.cloud_sync.moving.plan_move import plan_move
from runbook_lib.routes.cloud_sync.moving.plan_move_back import plan_move_back
from runbook_lib.routes.cloud_sync.payload import cloud_sync_changes, cloud_sync_plan
from runbook_lib.routes.cloud_sync.plan_undo import plan_undo, require_same_place
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides, nothing_left
from runbook_lib.routes.cloud_sync.reading import read_facts, sides_at, sides_of_domain, with_extension_values
from runbook_lib.routes.cloud_sync.resume import (
    ResumeLimits,
    made_at,
    renamed,
    require_own_way,
    require_rest_allowed,
    require_same_target,
    watched_again,
)
from runbook_lib.routes.cloud_sync.scope.on_demand import plan_differing
from runbook_lib.routes.cloud_sync.scope.places import require_places
from runbook_lib.routes.cloud_sync.scope.plan_disable import plan_disable
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget, cloud_sync_target
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
        self.operation = operation
        self._read: tuple[Sides, WatchedGroups] | None = None
        self._made: PlannedCloudSync | None = None
        self._target: CloudSyncTarget | None = None
        """Of the plan: what it makes has no id in it."""
        self._work: CloudSyncWork | None = None
        self._began: tuple[int, datetime] | None = None
        """Answers of Graph and time when the first request of this run was about to be sent."""
        self._before: Mapping[str, DirectoryGroup] = {}
        """AD objects of the groups, by cloud group, as they were before the first request of this run."""

    @property
    def lock_server(self) -> str:
        """Graph and the id of the tenant: every rehearsal on a machine has the same tenant, each a Graph of its own."""
        return f"{self._context.connect_graph().host}/{self._sides.inventory.cloud.tenant.id}"

    def plan(self, inventory: Inventory) -> PlanMade:
        """Read the configuration, work out what AD will look like, plan."""
        context, sides = self._context, self._keep(self._sides_to_plan(inventory))
        policy = policy_now(context, inventory)
        asked = desired_expressions(context.parameters, self.operation)
        if asked and context.parameters.cloud_sync_keep_place:
            asked = still_keeping(expressions_of(sides.documents.schema), asked)
        desired = desired_settings(context.parameters, self.operation, self._sources(sides, asked))
        if self._done is not None:
            self._made = self._planned_undo(self._done, sides, policy, desired)
        elif self.operation is Operation.ENABLE and context.parameters.cloud_sync_enable == "differing":
            self._made = plan_differing(sides, policy, desired)
        elif self.operation is Operation.ENABLE:
            self._made = self._planned_enabling(sides, policy, desired)
        else:
            self._made = self._planned_disabling(sides, policy, desired)
        self._require_places(self._made, policy)
        self._target = cloud_sync_target(self._made.plan.target)
        chosen, others = self._chosen, self._predicted(self._made.others)
        views = (*((prediction_view(chosen),) if chosen else ()), *((others_view(others),) if others else ()))
        changes = cloud_sync_changes(self._made.plan.changes)
        cost = (cost_finding(cost_of(changes, len(sides.documents.assignments))),) if changes else ()
        return PlanMade(self._made.plan, (*self._made.findings, *cost), views)

    def _planned_enabling(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        if self._context.parameters.cloud_sync_enable == "move":
            return plan_move(sides, policy, desired)
        return plan_enable(sides, policy, desired, self._facts(sides))

    def _planned_disabling(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        how = self._context.parameters.cloud_sync_disable
        if how == "remove":
            return self._planned_removal(sides, policy, desired)
        if how == "move":
            return plan_move_back(sides, policy, desired)
        return plan_disable(sides, policy, desired, pause=how == "pause")

    def require_same_server(self, opened: Mapping[str, object]) -> None:
        """A configuration is known by its job: ``taken_up`` compares it."""

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """As it was planned, if what is left is within rules and limits; each request looks before it is sent."""
        plan = cloud_sync_plan(broken.plan)
        if makes(plan) or removes(plan):
            sides = self._keep(self._sides_at(inventory, made_at(plan, effects_of(broken.chain))))
        else:
            sides = self._keep(self._sides_of_domain(inventory, may_be_made=False))
        require_same_target(plan, sides)
        require_own_way(plan, of_authority=self.of_authority)
        named = renamed(plan, sides)
        self._target = named.target
        told = self._context.parameters
        new: set[str] = set()
        if self.operation is Operation.ENABLE:
            self._made = watched_again(named, sides, desired_settings(told, self.operation, {}))
            new = {group.group_id for group in self._made.prediction.groups if not group.guid}
        begun = replace(named, changes=cloud_sync_changes(broken.changes))
        most = ResumeLimits(told.max_creates, told.max_retirements, told.max_conversions)
        require_rest_allowed(begun, broken.finished, sides, most, new)
        return named

    def back_up(self, changes: Sequence[Change]) -> None:
        """The AD objects of the groups, as LDIF: Cloud Sync may rename, move or delete them."""
        context = self._context
        ours = cloud_sync_changes(changes)
        self._before = self._present.present(groups_of(ours))
        # Before it goes over to Cloud Sync an AD object does not carry Cloud Sync's anchor.
        handed = (change.payload.action for change in ours)
        # One mapping is that of all groups of the configuration: it renames and moves those that nobody selected too.
        others = {one.guid for one in self._predicted(self._made.others) if one.guid} if self._made else set()
        found = {group.guid for group in self._before.values()} | others
        guids = sorted(found | {action.guid for action in handed if isinstance(action, WriteOwner)})
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
        self._began = client.requests, self._context.clock()
        self._work = CloudSyncWork(client, directory, plan.target, changes, self._present, patience)
        return self._work

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Watch AD until every chosen group is as predicted, or, of groups that left the scope, until the job ran."""
        if self._began is not None:
            requests, at = self._began
            took = self._context.connect_graph().requests - requests
            self._context.note(took_finding(took, self._context.clock() - at))
        address = self._work.address if self._work else self._sides.documents.address
        watching = Watching(self._context, self._present, address)
        if chosen := self._chosen:
            return watching.arrivals(chosen, chain, self._made.stays if self._made else {})
        gone = leaving(cloud_sync_changes(changes))
        if not gone:
            return None
        names: dict[str, str] = {row.group_id: row.display_name for row in self._sides.inventory.rows}
        left = {as_group_id(key): names.get(key, key) for key in gone}
        return watching.left(left, self._before, chain, job_is_gone=removes(cloud_sync_plan(plan)))

    def _sources(self, sides: Sides, asked: Mapping[str, str]) -> dict[str, Mapping[str, object]]:
        """What the service makes of the expressions that differ; a job that is still to be made cannot be asked."""
        if sides.is_new:
            return {name: {"expression": text} for name, text in asked.items()}
        require_known_attributes(sides.documents.schema, asked)
        present = expressions_of(sides.documents.schema)
        other = {name: text for name, text in asked.items() if present.get(name.casefold()) != text}
        client, address = self._context.connect_graph(), sides.documents.address
        return {name: dict(parse_expression(client, address, text)) for name, text in other.items()}

    def _require_places(self, made: PlannedCloudSync, policy: Policy) -> None:
        directory = self._context.connect_directory()
        containers = {
            dn: read_container(directory, dn, parameter="cloud_sync_ou_expression", critical=frozenset())
            for dn in made.places
        }
        require_places(made.places, containers, policy.protected_ous, made.settled)

    def _facts(self, sides: Sides) -> TenantFacts | None:
        context = self._context
        return read_facts(context.connect_graph(), context.parameters.cloud) if sides.is_new else None

    def _planned_removal(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        client, address = self._context.connect_graph(), sides.documents.address
        require_only_its_job(read_cloud_sync(client), address.service_principal, address.job_id)
        application = read_application(client, address.service_principal)
        return plan_remove(sides, policy, desired, application, self.operation)

    def _planned_undo(
        self, done: DoneChange, sides: Sides, policy: Policy, desired: DesiredSettings
    ) -> PlannedCloudSync:
        plan = cloud_sync_plan(done.plan)
        require_same_place(sides.target, plan.target)
        if removed_by(done):
            return plan_bring_back(sides, policy, desired, done)
        if makes(plan):
            if not sides.documents.address.service_principal:
                return nothing_left(sides, policy, desired)
            require_own_scope(sides, done)
            try:
                return self._planned_removal(sides, policy, desired)
            except GraphNotFound:
                return nothing_left(sides, policy, desired)
        return plan_undo(sides, policy, desired, done)

    def _sides_to_plan(self, inventory: Inventory) -> Sides:
        if self._done is None:
            told = self._context.parameters
            # A move needs a configuration that is there: its first group is tried on it.
            create = self.operation is Operation.ENABLE and told.cloud_sync_create and told.cloud_sync_enable == "scope"
            return self._sides_of_domain(inventory, may_be_made=create)
        plan = cloud_sync_plan(self._done.plan)
        if removed_whole(self._done):
            return self._sides_of_domain(inventory, may_be_made=True)
        if makes(plan) or removed_by(self._done):
            return self._sides_at(inventory, made_at(plan, self._done.effects))
        return self._sides_of_domain(inventory, may_be_made=False)

    def _sides_of_domain(self, inventory: Inventory, *, may_be_made: bool) -> Sides:
        context = self._context
        cloud = context.parameters.cloud
        return sides_of_domain(context.connect_graph(), inventory, cloud, may_be_made=may_be_made)

    def _sides_at(self, inventory: Inventory, service_principal: str) -> Sides:
        context = self._context
        return sides_at(context.connect_graph(), inventory, context.parameters.cloud, service_principal)

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
