"""Planning of the route cloud-sync in a notebook: the configuration is read, the parameters choose the planner."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.cloud_sync.configuration import expressions_of, require_known_attributes
from runbook_lib.cloud_sync.group_dn import still_keeping
from runbook_lib.directory.two_ous import read_container
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.tenant.applications import read_application, require_may_delete
from runbook_lib.graph.tenant.cloud_sync import read_cloud_sync
from runbook_lib.graph.tenant.configuration import parse_expression
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId
from runbook_lib.model.target import Route
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.earlier_runs import done_before
from runbook_lib.routes.cloud_sync.applications.checks import TenantFacts
from runbook_lib.routes.cloud_sync.applications.plan_bring_back import (
    left_of,
    plan_bring_back,
    removed_by,
    removed_whole,
)
from runbook_lib.routes.cloud_sync.applications.plan_create import makes
from runbook_lib.routes.cloud_sync.applications.plan_remove import plan_remove, require_only_its_job, require_own_scope
from runbook_lib.routes.cloud_sync.desired import DesiredSettings, desired_expressions, desired_settings
from runbook_lib.routes.cloud_sync.moving.plan_move import plan_move
from runbook_lib.routes.cloud_sync.moving.plan_move_back import plan_move_back
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.cloud_sync.plan_undo import plan_undo, require_same_place
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides, nothing_left
from runbook_lib.routes.cloud_sync.reading import read_facts, sides_at, sides_of_domain
from runbook_lib.routes.cloud_sync.resume import made_at
from runbook_lib.routes.cloud_sync.scope.on_demand import plan_differing
from runbook_lib.routes.cloud_sync.scope.places import require_places
from runbook_lib.routes.cloud_sync.scope.plan_disable import plan_disable
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.rules.policy import Policy


class CloudSyncPlanning:
    """What one run reads and plans, for one operation; it keeps nothing."""

    def __init__(self, context: RunContext, operation: Operation, done: DoneChange | None) -> None:
        self._context = context
        self._operation = operation
        self._done = done

    @property
    def way_told(self) -> str:
        """What the parameters say is to be done; empty for an undo, which goes by its record."""
        told = self._context.parameters
        if self._done is not None:
            return ""
        return told.cloud_sync_enable if self._operation is Operation.ENABLE else told.cloud_sync_disable

    def sides_to_plan(self, inventory: Inventory) -> Sides:
        """Both sides and the configuration that a plan is about.

        Raises:
            Refused, NoAccess, ServiceFailed: It is not there, or cannot be read.
        """
        if self._done is None:
            told = self._context.parameters
            # A move needs a configuration that is there: its first group is tried on it.
            create = self._operation is Operation.ENABLE and self.way_told == "scope" and told.cloud_sync_create
            # What is removed may be gone, or what a removal that broke off has left.
            return self.sides_of_domain(inventory, may_be_made=create or self.way_told == "remove")
        plan = CLOUD_SYNC_TYPES.plan(self._done.plan)
        if removed_whole(self._done):
            return self.sides_of_domain(inventory, may_be_made=True)
        if makes(plan) or removed_by(self._done):
            return self.sides_at(inventory, made_at(plan, self._done.effects))
        return self.sides_of_domain(inventory, may_be_made=False)

    def sides_of_domain(self, inventory: Inventory, *, may_be_made: bool) -> Sides:
        """As ``reading.sides_of_domain``, of the cloud of the parameters."""
        context = self._context
        cloud = context.parameters.cloud
        return sides_of_domain(context.connect_graph(), inventory, cloud, may_be_made=may_be_made)

    def sides_at(self, inventory: Inventory, service_principal: str) -> Sides:
        """As ``reading.sides_at``, of the cloud of the parameters."""
        context = self._context
        return sides_at(context.connect_graph(), inventory, context.parameters.cloud, service_principal)

    def desired(self, sides: Sides) -> DesiredSettings:
        """What the parameters ask for, with what the service makes of their expressions."""
        told = self._context.parameters
        asked = desired_expressions(told, self._operation)
        if asked and told.cloud_sync_keep_place:
            asked = still_keeping(expressions_of(sides.documents.schema), asked)
        return desired_settings(told, self._operation, self.sources(sides, asked))

    def planned(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        """What the planner makes that the parameters, or the record to be undone, choose.

        Raises:
            Refused: A precondition, the selection, a limit.
            NoAccess, ServiceFailed: Something more cannot be read.
        """
        if self._done is not None:
            return self._planned_undo(self._done, sides, policy, desired)
        if self._operation is Operation.ENABLE:
            return self._planned_enabling(sides, policy, desired)
        return self._planned_disabling(sides, policy, desired)

    def _planned_enabling(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        how = self._context.parameters.cloud_sync_enable
        if how == "differing":
            return plan_differing(sides, policy, desired)
        if how == "move":
            return plan_move(sides, policy, desired)
        return plan_enable(sides, policy, desired, self._facts(sides))

    def _planned_disabling(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        how = self._context.parameters.cloud_sync_disable
        if how == "remove":
            return self._planned_removal(sides, policy, desired)
        if how == "move":
            return plan_move_back(sides, policy, desired)
        folder, earlier = self._context.record.folder, dict[GroupId, str]()
        if how == "scope":
            earlier = done_before(folder, Route.CLOUD_SYNC, self._operation, ChangeKind.UNASSIGN)
        return plan_disable(sides, policy, desired, pause=how == "pause", earlier=earlier)

    def _planned_removal(self, sides: Sides, policy: Policy, desired: DesiredSettings) -> PlannedCloudSync:
        client, address = self._context.connect_graph(), sides.documents.address
        if not address.service_principal:
            return nothing_left(sides, policy, desired, self._operation)
        require_only_its_job(read_cloud_sync(client), address.service_principal, address.job_id)
        application = read_application(client, address.service_principal)
        require_may_delete(client, application)
        return plan_remove(sides, policy, desired, application, self._operation)

    def _planned_undo(
        self, done: DoneChange, sides: Sides, policy: Policy, desired: DesiredSettings
    ) -> PlannedCloudSync:
        plan = CLOUD_SYNC_TYPES.plan(done.plan)
        require_same_place(sides.target, left_of(plan.target, done))
        if removed_by(done):
            return plan_bring_back(sides, policy, desired, done)
        if makes(plan):
            require_own_scope(sides, done)
            try:
                return self._planned_removal(sides, policy, desired)
            except GraphNotFound:
                return nothing_left(sides, policy, desired, self._operation)
        return plan_undo(sides, policy, desired, done)

    def sources(self, sides: Sides, asked: Mapping[str, str]) -> dict[str, Mapping[str, object]]:
        """What the service makes of the expressions that differ; a job that is still to be made cannot be asked."""
        if sides.is_new:
            return {name: {"expression": text} for name, text in asked.items()}
        require_known_attributes(sides.documents.schema, asked)
        present = expressions_of(sides.documents.schema)
        other = {name: text for name, text in asked.items() if present.get(name.casefold()) != text}
        client, address = self._context.connect_graph(), sides.documents.address
        return {name: dict(parse_expression(client, address, text)) for name, text in other.items()}

    def _facts(self, sides: Sides) -> TenantFacts | None:
        context = self._context
        return read_facts(context.connect_graph(), context.parameters.cloud) if sides.is_new else None

    def require_places(self, made: PlannedCloudSync, policy: Policy) -> None:
        """Look at the places that a mapping leads to, as ``places.require_places`` says.

        Raises:
            Refused: One is not there, or is protected.
        """
        directory = self._context.connect_directory()
        containers = {
            dn: read_container(directory, dn, parameter="cloud_sync_ou_expression", critical=frozenset())
            for dn in made.places
        }
        require_places(made.places, containers, policy.protected_ous, made.settled)
