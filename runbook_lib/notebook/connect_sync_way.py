"""The route connect-sync in a notebook: steps for people on the Connect server, then AD is watched until it is so."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange, effects_of
from runbook_lib.change.resume import BrokenOff
from runbook_lib.errors import AwaitingHandoff
from runbook_lib.graph.groups import read_writeback_state
from runbook_lib.graph.tenant.group_settings import GroupSettings, read_group_settings
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import GroupId
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import NOTHING, joined, t
from runbook_lib.notebook.connect_sync_reading import (
    ConnectLive,
    ServerRead,
    as_approved,
    connector_account,
    order_findings,
    read_server,
    settings_now,
)
from runbook_lib.notebook.connect_sync_watching import ConnectWatching, kept_choice
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.earlier_runs import require_unaltered
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.routes.connect_sync.actions import HANDED_OVER
from runbook_lib.routes.connect_sync.acts import in_act_order
from runbook_lib.routes.connect_sync.deleted_groups import DeletedGroups, SettingsOfTenant
from runbook_lib.routes.connect_sync.group_writeback import (
    group_writeback_changes,
    groups_under_v2,
    under_v2_finding,
)
from runbook_lib.routes.connect_sync.hand_over import HandOver, ServerFacts, hand_over_of, who_does_what
from runbook_lib.routes.connect_sync.handed import EarlierHandOver, earlier_hand_over
from runbook_lib.routes.connect_sync.leaving_actions import SetNewGroupDefault
from runbook_lib.routes.connect_sync.new_group_default import default_finding, default_wanted
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES, ConnectSyncChange
from runbook_lib.routes.connect_sync.plan_enable import plan_connect_enable
from runbook_lib.routes.connect_sync.planning import (
    ConnectSides,
    PlannedConnect,
    about_ou,
    require_same_ou,
)
from runbook_lib.routes.connect_sync.resume import renamed_connect, require_connect_rest_allowed
from runbook_lib.routes.connect_sync.steps import ActContext
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget, connect_target_of
from runbook_lib.routes.connect_sync.work import ConnectSyncWork, ServicePatience
from runbook_lib.routes.registry import ROUTES
from runbook_lib.rules.policy import Policy
from runbook_lib.shown.connect_sync import (
    PREDICTION_COLUMNS,
    connect_prediction_view,
    hand_overs_view,
    prediction_json,
    prediction_rows,
)
from runbook_lib.shown.html import View

_PAUSES = (2.0, 5.0, 15.0)
"""Seconds before a service without an answer is asked again."""
PREDICTION_TABLE, PREDICTION_FILE = "prediction.csv", "prediction.json"


class ConnectSyncWay:
    """The ``RouteRun`` of the route connect-sync."""

    def __init__(self, context: RunContext, operation: Operation, done: DoneChange | None) -> None:
        self._context = context
        self._done = done
        self.operation = operation
        self._read: tuple[Inventory, ServerRead] | None = None
        self._made: PlannedConnect | None = None
        self._target: ConnectSyncTarget | None = None
        self._order: tuple[Finding, ...] | None = None
        """What the pre-flight found, once for a run."""
        self._proved: set[Path] = set()
        self._groups_before = ""
        """SHA-256 of what the run kept of the domain's groups, where it did."""

    @property
    def lock_server(self) -> str:
        """Graph and the id of the tenant: every rehearsal on a machine has the same tenant, each a Graph of its own."""
        return f"{self._context.connect_graph().host}/{self._inventory.cloud.tenant.id}"

    def plan(self, inventory: Inventory) -> PlanMade:
        """Read the server, work out what AD will look like, plan; where everything is handed over, plan nothing."""
        context, earlier = self._context, self._earlier()
        since = earlier.at if earlier else None
        server = read_server(context, inventory.cloud.tenant, since)
        self._read = inventory, server
        settings = as_approved(settings_now(context, server, since), earlier)
        account = connector_account(context, server.evidence)
        sides = ConnectSides(inventory, settings, account, server.evidence, before=server.before)
        policy = policy_now(context, inventory)
        made = plan_connect_enable(sides, policy, earlier)
        self._made = self._with_groups(self._with_default(made, sides), sides, policy)
        self._target = CONNECT_SYNC_TYPES.target(self._made.plan.target)
        self._keep_prediction(self._made)
        order = self._in_order(choosing=self._made.choice is not None) if self._made.plan.changes else ()
        views = (*self._proof(self._made), connect_prediction_view(self._made.prediction))
        choice = self._made.choice
        staged = choice is not None and not choice.in_force
        waits = earlier if self._made.waits else None
        return self._shown(self._made.plan, (*order, *self._made.findings), views, waits, staged=staged)

    def _with_default(self, made: PlannedConnect, sides: ConnectSides) -> PlannedConnect:
        """The plan, and the default for new groups where that is to be another one."""
        default = self._default()
        if default is None:
            return made
        change = about_ou(sides.target, ChangeKind.NEW_GROUP_DEFAULT, default, "asked-for", NOTHING)
        return _with_more(made, (change,), default_finding(sides.settings.v2))

    def _with_groups(self, made: PlannedConnect, sides: ConnectSides, policy: Policy) -> PlannedConnect:
        """The plan, and the settings of the selected groups, where V2 is on: elsewhere they have no effect."""
        if sides.settings.v2 is not Switch.ON or not (policy.select_ids or policy.select_names):
            return made
        changes = self._under_v2(sides.target, policy.select_ids, policy.select_names, enabled=True)
        return _with_more(made, changes, under_v2_finding(changes)) if changes else made

    def _under_v2(
        self, target: ConnectSyncTarget, ids: Sequence[GroupId], names: Sequence[str], *, enabled: bool
    ) -> tuple[ConnectSyncChange, ...]:
        rows = groups_under_v2(self._inventory, ids, names)
        return group_writeback_changes(target, rows, self._states(row.group_id for row in rows), enabled=enabled)

    def _states(self, group_ids: Iterable[GroupId]) -> dict[str, bool | None]:
        client = self._context.connect_graph()
        return {group_id: read_writeback_state(client, group_id) for group_id in group_ids}

    def _default(self) -> SetNewGroupDefault | None:
        wanted = self._context.parameters.connect_new_groups
        if wanted == "unchanged":
            return None
        return default_wanted(self._settings_of_groups(), written=wanted == "written")

    def _settings_of_groups(self) -> GroupSettings:
        return read_group_settings(self._context.connect_graph())

    def require_same_server(self, opened: Mapping[str, object]) -> None:
        """What is handed over is bound to an OU, which ``taken_up`` compares; any domain controller knows it."""

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """As it was planned, if what is left is within limits; each hand-over looks at the live state first."""
        context, plan = self._context, CONNECT_SYNC_TYPES.plan(broken.plan)
        now = connect_target_of(inventory.cloud.tenant.id, inventory.directory)
        hint = t("Use the parameters file that the change was begun with.")
        require_same_ou(now, plan.target, code="resume-elsewhere", hint=hint)
        self._read = inventory, read_server(context, inventory.cloud.tenant, None)
        named = renamed_connect(plan, now)
        self._target = named.target
        limits = policy_now(context, inventory).limits.as_json()
        require_connect_rest_allowed(named, broken.finished, inventory, limits)
        return named

    def back_up(self, changes: Sequence[Change]) -> None:
        """Nothing: what is handed over changes no object of AD that is there."""

    def place(self) -> Mapping[str, str]:
        """Graph, the domain controller, the OU."""
        identity = self._context.connect_directory().controller.identity
        return {
            "graph_host": self._context.connect_graph().host,
            "dc_host": identity.host,
            "ds_service_name": identity.ds_service_name,
            "invocation_id": identity.invocation_id,
            "target_ou_guid": self._bound_to.ou_guid,
        }

    def work(self, plan: Plan, changes: Sequence[Change]) -> ConnectSyncWork:
        """What is handed over."""
        del plan
        directory = self._context.connect_directory()
        context = ActContext(
            target=self._bound_to,
            live=ConnectLive(self._context, self._inventory, None),
            facts=self._facts,
            keep=self._keep_hand_over,
            groups=DeletedGroups(directory, self._bound_to.ou_guid),
            settings=SettingsOfTenant(self._context.connect_graph()),
            groups_before=lambda: self._groups_before,
        )
        return ConnectSyncWork(changes, context, ServicePatience(_PAUSES, time.sleep))

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Say what a person has to do now; where that was said by an earlier run, watch AD."""
        del plan
        effects = effects_of(chain)
        handed = [
            hand_over_of(change.payload.action, self._bound_to, self._facts)
            for change in CONNECT_SYNC_TYPES.changes(changes)
            if any(effect.data.get(HANDED_OVER) for effect in effects.get(change.digest, ()))
        ]
        if handed:
            for one in handed:
                self._keep_hand_over(one)
            did = sum(bool(some) and not some[-1].data.get(HANDED_OVER) for some in effects.values())
            return ReadBack(hand_overs_view(handed), _handed_over(handed, did))
        if self._made is None:
            return None
        inventory, server = self._both
        watching = ConnectWatching(self._context, inventory, server, self._earlier())
        choice = self._made.choice
        if choice is None or choice.in_force:
            return watching.arrivals(self._made.prediction)
        if choice.proof.unwanted:
            # Groups that came since are named by no rule: whoever mends the rules finds the lines of all of them.
            for change in self._made.wanted:
                self._keep_hand_over(hand_over_of(change.payload.action, self._bound_to, self._facts))
        return watching.choice(self._made.prediction, choice.proof)

    def _keep_hand_over(self, handed: HandOver) -> None:
        self._context.record.folder.write_text(handed.file, handed.text())

    def _keep_prediction(self, made: PlannedConnect) -> None:
        folder = self._context.record.folder
        rows = prediction_rows(made.prediction)
        folder.write_csv(PREDICTION_TABLE, pd.DataFrame(rows, columns=list(PREDICTION_COLUMNS), dtype=object))
        folder.write_json(PREDICTION_FILE, prediction_json(made.prediction))

    def _proof(self, made: PlannedConnect) -> tuple[View, ...]:
        """What proves a choice of groups, shown and kept with the plan that relies on it."""
        if made.choice is None or not made.choice.proof.may_leave_staging or not made.plan.changes:
            return ()
        return (kept_choice(self._context, self._inventory, made.choice.proof),)

    def _earlier(self) -> EarlierHandOver | None:
        folder = self._context.record.folder
        return earlier_hand_over(
            folder.change_folder, ROUTES, self.operation, but=(folder.run_id,), prove=self._prove_unaltered
        )

    def _prove_unaltered(self, runs: Sequence[Path]) -> None:
        """Once for each run: what is waited for, and with what AD is compared, stands in these records."""
        require_unaltered(one for one in runs if one not in self._proved)
        self._proved.update(runs)

    def _shown(
        self,
        plan: Plan,
        findings: tuple[Finding, ...],
        views: tuple[View, ...],
        waits: EarlierHandOver | None,
        *,
        staged: bool = False,
    ) -> PlanMade:
        """The plan with what is waited for; None: nothing is."""
        if waits is None:
            return PlanMade(plan, findings, views)
        awaited = t(
            "The run {run} handed this over {at}: {what}. {next}",
            run=waits.run,
            at=to_the_minute(waits.at),
            what=joined((change.payload.action.summary() for change in waits.changes), "; "),
            next=t("What that server would export is compared below.") if staged else t("AD is watched below."),
        )
        return PlanMade(plan, findings, views, awaited)

    def _in_order(self, *, choosing: bool) -> tuple[Finding, ...]:
        if self._order is None:
            self._order = order_findings(self._context, choosing=choosing)
        return self._order

    @property
    def _facts(self) -> ServerFacts:
        inventory, server = self._both
        name = server.evidence.evidence.server if server.evidence else ""
        return ServerFacts(name, inventory.cloud.tenant.default_domain)

    @property
    def _inventory(self) -> Inventory:
        return self._both[0]

    @property
    def _both(self) -> tuple[Inventory, ServerRead]:
        if self._read is None:
            raise ValueError("the server is read with the plan")
        return self._read

    @property
    def _bound_to(self) -> ConnectSyncTarget:
        if self._target is None:
            raise ValueError("the target is known with the plan")
        return self._target


def _with_more(made: PlannedConnect, more: Sequence[ConnectSyncChange], finding: Finding) -> PlannedConnect:
    changes = in_act_order((*CONNECT_SYNC_TYPES.changes(made.plan.changes), *more))
    return replace(made, plan=replace(made.plan, changes=changes), findings=(*made.findings, finding))


def _handed_over(handed: Sequence[HandOver], did: int) -> AwaitingHandoff:
    return AwaitingHandoff(
        who_does_what(handed, did),
        code="handed-over",
        hint=t(
            "Give {files} of this record to whoever looks after the Connect server. When all of it is done, run this "
            "notebook again with the same change id: it waits for AD and compares.",
            files=", ".join(one.file for one in handed),
        ),
        values={"files": [one.file for one in handed]},
    )
