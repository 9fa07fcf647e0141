"""The steps of the route cloud-sync: each looks at the configuration before its request is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

from runbook_lib.change.step import Effect, LiveState, Look
from runbook_lib.cloud_sync.configuration import domain_of, secrets_of
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.authority import Authorities
from runbook_lib.graph.tenant.configuration import ConfigurationAddress, read_assignments, read_state
from runbook_lib.graph.tenant.jobs import STOPPED, JobState
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.actions import (
    Action,
    Assign,
    ReplaceSchema,
    ReplaceSecrets,
    SetRunning,
    Unassign,
    schema_digest,
    secrets_digest,
)
from runbook_lib.routes.cloud_sync.authority.actions import GroupTypes
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange
from runbook_lib.routes.cloud_sync.requests import Request
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget

_RUNNING = frozenset({JobState.ACTIVE, JobState.IN_PROGRESS, JobState.QUARANTINE})


class Present(Protocol):
    """What AD holds of groups with Cloud Sync's anchor now; ``WatchedGroups`` is it."""

    def has(self, group_id: str, members: Sequence[str], dn: str = "", account_name: str = "") -> bool:
        """Whether there is the object of a group (its id) with these members (their ids) in it.

        With ``dn`` and ``account_name`` under these names alone; empty ones are any.
        """

    def guids(self, group_ids: Sequence[str]) -> list[str]:
        """GUIDs of the objects of groups."""


_ON_DEMAND_EVERY = 2.0
"""Seconds between two calls: five are allowed in ten ("synchronizationJob: provisionOnDemand")."""


class RequestContext:
    """One run on its configuration; what is read of many groups is read once, and kept up to date by who changes it.

    Args:
        client: Graph.
        target: The configuration.
        present: What AD holds of groups.
        directory: AD, for what is written to groups by LDAP.
        sleep: Waits that many seconds.
        changing: Ids of the groups whose source of authority changes.
    """

    def __init__(
        self,
        client: GraphClient,
        target: CloudSyncTarget,
        present: Present,
        directory: GroupTypes,
        sleep: Callable[[float], None],
        changing: Sequence[str] = (),
    ) -> None:
        self.client = client
        self.directory = directory
        self.service_principal = target.service_principal
        """Of the configuration; empty until the step that makes it is done."""
        self.job_id = target.job_id
        """Of its job; empty until the step that makes it is done."""
        self.present = present
        self.sleep = sleep
        self._assigned: dict[str, dict[str, str]] = {}
        self.authorities = Authorities(client, changing)
        self._provisioned = False

    @property
    def address(self) -> ConfigurationAddress:
        """Where the configuration is.

        Raises:
            Refused: The plan makes it, and has not made it yet (``configuration-not-made``).
        """
        if not (self.service_principal and self.job_id):
            raise Refused(
                t("The configuration or its job is to be made first, and that is not done."),
                code="configuration-not-made",
                hint=t("Approve the changes that make the configuration and its job as well."),
            )
        return ConfigurationAddress(self.service_principal, self.job_id)

    def assigned(self, role_id: str) -> dict[str, str]:
        """Group id to the id of its assignment."""
        if role_id not in self._assigned:
            self._assigned[role_id] = read_assignments(self.client, self.address, role_id)
        return self._assigned[role_id]

    def pace(self) -> None:
        """Wait before the next call that provisions on demand, as long as the service asks for."""
        if self._provisioned:
            self.sleep(_ON_DEMAND_EVERY)
        self._provisioned = True

    def forget(self) -> None:
        """Drop what was read: a request went without an answer."""
        self._assigned.clear()
        self.authorities.forget()


ActionT = TypeVar("ActionT", bound=Action)


class RequestStep(Generic[ActionT]):
    """A request in the place where it takes effect; kinds of it say how to look, what to send and what it changed."""

    partly = False
    """A request takes effect or does not."""

    def __init__(self, request: Request, context: RequestContext) -> None:
        self.request = request
        self.action = cast("ActionT", request.change.payload.action)
        self.context = context
        self.answer: Written | None = None

    @property
    def id(self) -> str:
        """``<change digest>/<number>``."""
        return self.request.id

    @property
    def change(self) -> CloudSyncChange:
        """The change that it is part of."""
        return self.request.change

    @property
    def together(self) -> str:
        """As that of its request."""
        return self.request.together

    @property
    def object_id(self) -> str:
        """The service principal of the configuration; empty until it is made."""
        return self.change.payload.service_principal or self.context.service_principal

    def recall(self, effect: Effect) -> None:
        """What an earlier run did stays done."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How things are now."""
        raise NotImplementedError

    def intent(self) -> Mapping[str, object]:
        """What the journal says before it is sent."""
        return self.request.intent()

    def send(self) -> None:
        """Send it, once."""
        self.take(self.context.client.writer.write(self.write()))

    def take(self, answer: Written) -> None:
        """What its answer says."""
        self.answer = answer

    def write(self) -> GraphWrite:
        """The request itself."""
        raise NotImplementedError

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """What this change really changed; empty where it never began it, because others had done it."""
        if begun is None:
            return {}
        effect = self.changed()
        return {**effect, "request_id": self.answer.request_id} if self.answer and self.answer.request_id else effect

    def changed(self) -> Mapping[str, object]:
        """What it changed, for the journal."""
        raise NotImplementedError


class AssignStep(RequestStep[Assign]):
    """A group comes into scope."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is assigned."""
        del begun
        assigned = self.change.group_id in self.context.assigned(self.action.role_id)
        return Look(LiveState.AFTER if assigned else LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """Grant the role."""
        address = self.context.address
        body = {
            "principalId": self.change.group_id,
            "resourceId": address.service_principal,
            "appRoleId": self.action.role_id,
        }
        return GraphWrite("POST", address.assignments, body)

    def take(self, answer: Written) -> None:
        """Remember its id."""
        super().take(answer)
        made = (answer.body or {}).get("id")
        self.context.assigned(self.action.role_id)[self.change.group_id] = made if isinstance(made, str) else ""

    def changed(self) -> Mapping[str, object]:
        """The assignment."""
        return {"assignment_id": self.context.assigned(self.action.role_id).get(self.change.group_id, "")}


class UnassignStep(RequestStep[Unassign]):
    """A group leaves the scope."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is still assigned, by the assignment that was planned.

        No digest covers the assignment's id, so what is deleted is never another one than the group has now.
        """
        del begun
        found = self.context.assigned(self.action.role_id).get(self.change.group_id)
        if found is None:
            return Look(LiveState.AFTER)
        # Begun or not: its own request, had it come through, would have left no assignment. Another one is somebody's.
        if found != self.action.assignment_id:
            return Look(LiveState.OTHER, t("it was taken out of scope and put back since"))
        return Look(LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """Take the role."""
        return GraphWrite("DELETE", f"{self.context.address.assignments}/{self.action.assignment_id}")

    def take(self, answer: Written) -> None:
        """Remember that it is gone."""
        super().take(answer)
        self.context.assigned(self.action.role_id).pop(self.change.group_id, None)

    def changed(self) -> Mapping[str, object]:
        """The group."""
        return {"unassigned": self.change.group_id}


class SchemaStep(RequestStep[ReplaceSchema]):
    """Another schema in the place of the one that was read."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Which of the two is there."""
        del begun
        present = schema_digest(self.context.client.get(self.context.address.schema))
        if present == schema_digest(self.action.after):
            return Look(LiveState.AFTER)
        if present == schema_digest(self.action.before):
            return Look(LiveState.BEFORE)
        return Look(LiveState.OTHER, t("somebody else changed the schema of the configuration"))

    def write(self) -> GraphWrite:
        """The whole schema."""
        return GraphWrite("PUT", self.context.address.schema, dict(self.action.after))

    def changed(self) -> Mapping[str, object]:
        """That it is another one."""
        return {"schema_replaced": True}


class SecretsStep(RequestStep[ReplaceSecrets]):
    """Other settings in the place of those that were read."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Which of the two are there."""
        del begun
        found = secrets_of(self.context.client.get(self.context.address.secrets))
        present = secrets_digest(found)
        if present == secrets_digest(self.action.after):
            return Look(LiveState.AFTER)
        if present == secrets_digest(self.action.before):
            return Look(LiveState.BEFORE)
        if not self.action.before and domain_of(found) in ("", domain_of(self.action.after)):
            return Look(LiveState.BEFORE)  # what a configuration that was just made begins with
        return Look(LiveState.OTHER, t("somebody else changed the settings of the configuration"))

    def write(self) -> GraphWrite:
        """All settings."""
        return GraphWrite("PUT", self.context.address.secrets, {"value": [dict(row) for row in self.action.after]})

    def changed(self) -> Mapping[str, object]:
        """That they are others."""
        return {"secrets_replaced": True}


class RunningStep(RequestStep[SetRunning]):
    """The job starts or pauses."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it runs."""
        del begun
        state = read_state(self.context.client, self.context.address)
        wanted, other = (_RUNNING, STOPPED) if self.action.running else (STOPPED, _RUNNING)
        if state in wanted:
            return Look(LiveState.AFTER)
        if state in other:
            return Look(LiveState.BEFORE)
        return Look(LiveState.OTHER, t("its job is {state}", state=state.value))

    def write(self) -> GraphWrite:
        """Start or pause it."""
        return GraphWrite("POST", f"{self.context.address.job}/{'start' if self.action.running else 'pause'}")

    def changed(self) -> Mapping[str, object]:
        """Whether it runs now."""
        return {"running": self.action.running}
