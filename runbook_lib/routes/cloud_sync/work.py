"""The approved changes of a plan as requests on one configuration, ready for the loop that sends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.change.step import Patience, Step
from runbook_lib.errors import RunbookError
from runbook_lib.graph.tenant.configuration import ConfigurationAddress
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.write_batch import write_all
from runbook_lib.graph.writing import Written
from runbook_lib.model.change import Change
from runbook_lib.model.target import Target
from runbook_lib.routes.cloud_sync.actions import (
    Action,
    Assign,
    Provision,
    Realign,
    ReplaceSchema,
    ReplaceSecrets,
    SetRunning,
    Unassign,
)
from runbook_lib.routes.cloud_sync.applications.actions import (
    CreateConfiguration,
    CreateJob,
    MapNewJob,
    RemoveConfiguration,
    RemoveJob,
    RestoreSchema,
)
from runbook_lib.routes.cloud_sync.applications.steps import (
    CreateConfigurationStep,
    CreateJobStep,
    MapNewJobStep,
    RemoveConfigurationStep,
    RemoveJobStep,
    RestoreSchemaStep,
)
from runbook_lib.routes.cloud_sync.authority.actions import (
    GroupTypes,
    MakeExtension,
    MapGroupDn,
    RemoveExtension,
    SetCloudManaged,
    SetGroupScope,
)
from runbook_lib.routes.cloud_sync.authority.steps import (
    CloudManagedStep,
    GroupScopeStep,
    MakeExtensionStep,
    MapGroupDnStep,
    RemoveExtensionStep,
)
from runbook_lib.routes.cloud_sync.moving.actions import Adopt, AssignAnchored, WriteOwner
from runbook_lib.routes.cloud_sync.moving.steps import AdoptStep, AssignAnchoredStep, OwnerStep
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.cloud_sync.requests import requests_of
from runbook_lib.routes.cloud_sync.scope.on_demand_steps import ProvisionStep, RealignStep
from runbook_lib.routes.cloud_sync.steps import (
    AssignStep,
    Present,
    RequestContext,
    RequestStep,
    RunningStep,
    SchemaStep,
    SecretsStep,
    UnassignStep,
)

STEP_OF_ACTION: Mapping[type[Action], type[RequestStep[Any]]] = {
    Assign: AssignStep,
    Unassign: UnassignStep,
    ReplaceSchema: SchemaStep,
    ReplaceSecrets: SecretsStep,
    SetRunning: RunningStep,
    Provision: ProvisionStep,
    Realign: RealignStep,
    CreateConfiguration: CreateConfigurationStep,
    CreateJob: CreateJobStep,
    MapNewJob: MapNewJobStep,
    WriteOwner: OwnerStep,
    AssignAnchored: AssignAnchoredStep,
    Adopt: AdoptStep,
    RestoreSchema: RestoreSchemaStep,
    RemoveJob: RemoveJobStep,
    RemoveConfiguration: RemoveConfigurationStep,
    SetCloudManaged: CloudManagedStep,
    SetGroupScope: GroupScopeStep,
    MakeExtension: MakeExtensionStep,
    RemoveExtension: RemoveExtensionStep,
    MapGroupDn: MapGroupDnStep,
}
"""The step of every action."""


@dataclass(frozen=True, slots=True)
class GraphPatience:
    """How long Graph is waited for when a request went without an answer; a ``Patience``."""

    pauses: Sequence[float]
    sleep: Callable[[float], None]


class CloudSyncWork:
    """The requests of one run, ready for ``carry_out``."""

    def __init__(
        self,
        client: GraphClient,
        directory: GroupTypes,
        target: Target,
        changes: Sequence[Change],
        present: Present,
        patience: Patience,
    ) -> None:
        """Prepare; nothing is asked of Graph or AD yet."""
        requests = requests_of(CLOUD_SYNC_TYPES.changes(changes))
        changing = [one.change.group_id for one in requests if isinstance(one.change.payload.action, SetCloudManaged)]
        self._context = RequestContext(
            client, CLOUD_SYNC_TYPES.target(target), present, directory, patience.sleep, changing
        )
        self._steps = [
            STEP_OF_ACTION[type(request.change.payload.action)](request, self._context) for request in requests
        ]
        self._patience = patience

    @property
    def steps(self) -> Sequence[Step]:
        """In the order of ``requests.ORDER``."""
        return self._steps

    @property
    def address(self) -> ConfigurationAddress:
        """Where the configuration is, with the ids of what this run made.

        Raises:
            Refused: It is not made yet (``configuration-not-made``).
        """
        return self._context.address

    @property
    def patience(self) -> Patience:
        """How long Graph is waited for."""
        return self._patience

    def send_together(self, steps: Sequence[Step]) -> Sequence[RunbookError | None]:
        """As one batch: each is done, refused or unanswered by itself."""
        mine = [step for step in self._steps if step in steps]
        outcomes = write_all(self._context.client.writer, [step.write() for step in mine])
        for step, outcome in zip(mine, outcomes, strict=True):
            if isinstance(outcome, Written):
                step.take(outcome)
        return [outcome if isinstance(outcome, RunbookError) else None for outcome in outcomes]

    def forget(self) -> None:
        """Drop what was read of many groups."""
        self._context.forget()

    def not_taken(self) -> RunbookError | None:
        """None: a request is taken whole or not at all."""
        return None
