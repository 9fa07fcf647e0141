"""The route cloud-sync in a notebook: requests to one configuration, then AD is watched until it is as predicted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.resume import BrokenOff
from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.directory.ldif import BACKUP_FILE, ldif_of
from runbook_lib.graph.tenant.cloud_sync import read_cloud_sync
from runbook_lib.graph.tenant.configuration import (
    ConfigurationAddress,
    parse_expression,
    read_configuration,
    read_state,
)
from runbook_lib.inventory import Inventory
from runbook_lib.model.change import Change, Operation, Plan
from runbook_lib.model.text import t
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.routes.cloud_sync.desired import desired_expressions, desired_settings
from runbook_lib.routes.cloud_sync.payload import cloud_sync_plan
from runbook_lib.routes.cloud_sync.plan_disable import plan_disable
from runbook_lib.routes.cloud_sync.plan_enable import plan_enable
from runbook_lib.routes.cloud_sync.plan_undo import plan_undo
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync, Sides, configuration_of
from runbook_lib.routes.cloud_sync.resume import renamed, require_same_target, watched_again
from runbook_lib.routes.cloud_sync.watch import WatchedGroups, end_of_watch, watch
from runbook_lib.routes.cloud_sync.work import CloudSyncWork, GraphPatience
from runbook_lib.shown.cloud_sync import arrivals_view, others_view, prediction_view

_PAUSES = (2.0, 5.0, 15.0)
"""Seconds before a request without an answer is looked up, and sent again if it had no effect."""


class CloudSyncWay:
    """The ``RouteRun`` of the route cloud-sync."""

    def __init__(self, context: RunContext, operation: Operation, done: DoneChange | None) -> None:
        self._context = context
        self._done = done
        self.operation = operation
        self._read: tuple[Sides, WatchedGroups] | None = None
        self._made: PlannedCloudSync | None = None

    @property
    def lock_server(self) -> str:
        """Id of the tenant."""
        return self._sides.inventory.cloud.tenant.id

    def plan(self, inventory: Inventory) -> PlanMade:
        """Read the configuration, work out what AD will look like, plan."""
        context, sides = self._context, self._look_at(inventory)
        policy = policy_now(context, inventory)
        client, address = context.connect_graph(), sides.documents.address
        asked = desired_expressions(context.parameters, self.operation)
        present = expressions_of(sides.documents.schema)
        other = {name: text for name, text in asked.items() if present.get(name.casefold()) != text}
        sources = {name: parse_expression(client, address, text) for name, text in other.items()}
        desired = desired_settings(context.parameters, self.operation, sources)
        if self._done is not None:
            self._made = plan_undo(sides, policy, desired, self._done)
        elif self.operation is Operation.DISABLE:
            pause = context.parameters.cloud_sync_disable == "pause"
            self._made = plan_disable(sides, policy, desired, pause=pause)
        else:
            self._made = plan_enable(sides, policy, desired)
        chosen, others = self._chosen, self._predicted(self._made.others)
        views = (*((prediction_view(chosen),) if chosen else ()), *((others_view(others),) if others else ()))
        return PlanMade(self._made.plan, self._made.findings, views)

    def require_same_server(self, opened: Mapping[str, object]) -> None:
        """A configuration is known by its job: ``taken_up`` compares it."""

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """As it was planned: each of its requests looks at the configuration before it is sent."""
        sides = self._look_at(inventory)
        plan = cloud_sync_plan(broken.plan)
        require_same_target(plan, sides)
        named = renamed(plan, sides)
        if self.operation is Operation.ENABLE:
            self._made = watched_again(named, sides, desired_settings(self._context.parameters, self.operation, {}))
        return named

    def back_up(self, changes: Sequence[Change]) -> None:
        """The AD objects of the groups, as LDIF: Cloud Sync may rename, move or delete them."""
        context = self._context
        guids = self._present.guids(sorted({change.group_id for change in changes if change.group_id}))
        context.record.folder.write_text(BACKUP_FILE, ldif_of(context.connect_directory(), guids, context.clock()))

    def place(self) -> Mapping[str, str]:
        """Graph, and the configuration."""
        target = self._sides.target
        return {
            "graph_host": self._context.connect_graph().host,
            "service_principal": target.service_principal,
            "job_id": target.job_id,
        }

    def work(self, plan: Plan, changes: Sequence[Change]) -> CloudSyncWork:
        """The requests."""
        patience = GraphPatience(_PAUSES, time.sleep)
        return CloudSyncWork(self._context.connect_graph(), plan.target, changes, self._present.has, patience)

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Watch AD until every chosen group is as predicted, or the time is over."""
        del plan, changes, chain
        chosen = self._chosen
        if not chosen:
            return None
        context, address = self._context, self._sides.documents.address
        wait = timedelta(minutes=context.parameters.cloud_sync_wait)
        seen, state = watch(
            lambda: self._present.look(chosen),
            lambda: read_state(context.connect_graph(), address),
            wait=wait,
            clock=context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for Cloud Sync")),
        )
        return ReadBack(arrivals_view(seen), end_of_watch(seen, state, wait))

    def _look_at(self, inventory: Inventory) -> Sides:
        context = self._context
        client, directory = context.connect_graph(), context.connect_directory()
        job = configuration_of(read_cloud_sync(client), directory.controller.domain_dns_name)
        documents = read_configuration(client, ConfigurationAddress(job.service_principal, job.id))
        sides = Sides(inventory, job, documents)
        containers = [one for one in (context.parameters.target_ou, sides.mapping.container) if one]
        self._read = sides, WatchedGroups(AnchoredGroups(directory), inventory, containers)
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
