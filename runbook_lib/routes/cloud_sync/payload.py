"""What a change of the route cloud-sync sends to Graph: one action on a configuration. Pure.

Each action holds what was there when it was planned, whole where Graph replaces the whole, so that its step can tell
before, after and anything else apart, and its undo sends exactly that again.

Sources: Microsoft Graph documentation, "synchronizationJob" (start, pause), "Update synchronizationSchema" (replaces
all; its version is updated by the service), "Grant an appRoleAssignment to a service principal", "synchronizationJob:
provisionOnDemand"; Microsoft Entra documentation, "Microsoft Entra provisioning options" (selected groups are
assigned).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from runbook_lib.cloud_sync.configuration import Document, expressions_of, notification_of
from runbook_lib.model.change import Change, ChangeKind, ChangeOf, MemberDifference, Plan, PlanOf, ValueDifference
from runbook_lib.model.ids import digest
from runbook_lib.model.target import Route, Target
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget, cloud_sync_target

SERVICE_KEYS = frozenset({"version", "provisioningTaskIdentifier"})
"""What the service writes into a schema by itself; no part of what somebody decided."""


@dataclass(frozen=True, slots=True)
class Assign:
    """A group comes into the scope of selected groups."""

    role_id: str

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"action": "assign", "role_id": self.role_id}


@dataclass(frozen=True, slots=True)
class Unassign:
    """A group leaves the scope of selected groups."""

    role_id: str
    assignment_id: str

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"action": "unassign", "role_id": self.role_id, "assignment_id": self.assignment_id}


@dataclass(frozen=True, slots=True)
class ReplaceSchema:
    """Another schema in the place of the one that was read."""

    before: Document
    after: Document

    def as_json(self) -> dict[str, object]:
        """Both documents, whole."""
        return {"action": "replace-schema", "before": dict(self.before), "after": dict(self.after)}


@dataclass(frozen=True, slots=True)
class ReplaceSecrets:
    """Other settings (Graph calls them secrets) in the place of those that were read; none of them is secret."""

    before: tuple[Document, ...]
    after: tuple[Document, ...]

    def as_json(self) -> dict[str, object]:
        """Both lists, whole."""
        return {
            "action": "replace-secrets",
            "before": [dict(row) for row in self.before],
            "after": [dict(row) for row in self.after],
        }


@dataclass(frozen=True, slots=True)
class SetRunning:
    """The job starts or pauses."""

    running: bool

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"action": "set-running", "running": self.running}


@dataclass(frozen=True, slots=True)
class Provision:
    """A group is provisioned on demand, with up to five members a call."""

    rule_id: str
    members: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"action": "provision", "rule_id": self.rule_id, "members": list(self.members)}


Action: TypeAlias = Assign | Unassign | ReplaceSchema | ReplaceSecrets | SetRunning | Provision


@dataclass(frozen=True, slots=True)
class CloudSyncPayload:
    """One action on one configuration; the ``Payload`` of the route cloud-sync.

    Attributes:
        service_principal: Of the configuration.
        job_id: Of its job.
        group_id: The group that it is about; empty for an action on the configuration itself.
        action: What is done.
    """

    service_principal: str
    job_id: str
    group_id: str
    action: Action

    @property
    def route(self) -> Route:
        """Cloud Sync."""
        return Route.CLOUD_SYNC

    @property
    def object_id(self) -> str:
        """The service principal: what is changed is the configuration, whatever group it is about."""
        return self.service_principal

    @property
    def object_name(self) -> str:
        """The job."""
        return self.job_id

    @property
    def needs(self) -> frozenset[str]:
        """Nothing of the same plan: Cloud Sync itself orders groups and members."""
        return frozenset()

    @property
    def members_added(self) -> tuple[str, ...]:
        """Members whose references an on-demand call names: nobody else's membership is touched by it."""
        return self.action.members if isinstance(self.action, Provision) else ()

    @property
    def members_removed(self) -> tuple[str, ...]:
        """None: what leaves AD is decided by Cloud Sync, and said in the prediction."""
        return ()

    def identity(self) -> dict[str, object]:
        """What is sent, by ids; documents by their digests."""
        action = self.action
        told: Mapping[str, object] = action.as_json()
        if isinstance(action, ReplaceSchema):
            # Exactly what is sent: a comparison with what is there now is more lenient (``schema_digest``).
            told = {"before": digest(dict(action.before)), "after": digest(dict(action.after))}
        elif isinstance(action, ReplaceSecrets):
            told = {"before": secrets_digest(action.before), "after": secrets_digest(action.after)}
        elif isinstance(action, Unassign):
            # The id of the assignment is new after each undo; which group leaves which role stays the same.
            told = {"action": "unassign", "role_id": action.role_id}
        return {
            "service_principal": self.service_principal,
            "job_id": self.job_id,
            "action": {**told, "name": action.as_json()["action"]},
        }

    def as_json(self) -> dict[str, object]:
        """For plan.json; ``files.CloudSyncPayloadFields`` reads it back."""
        return {
            "service_principal": self.service_principal,
            "job_id": self.job_id,
            "of_group": self.group_id,
            "action": self.action.as_json(),
        }

    def as_read(self, display_name: str, target: Target) -> dict[str, object]:
        """Names: everything else stands in the digest."""
        return {"group": display_name, "configuration": cloud_sync_target(target).service_principal}

    def beyond_standing(self, kind: ChangeKind) -> Text:
        """Only on-demand provisioning of a group can be approved in advance: it sends what is in scope already."""
        if kind is ChangeKind.PROVISION:
            return NOTHING
        return t("A standing approval never covers the kind {kind}.", kind=kind.title)

    def summary(self, kind: ChangeKind) -> tuple[Text, ...]:
        """What is done, in a few words."""
        del kind
        match self.action:
            case Assign():
                return (t("comes into scope"),)
            case Unassign():
                return (t("leaves the scope"),)
            case ReplaceSchema():
                return (t("mapping changed: {names}", names=", ".join(d.name for d in self.value_differences())),)
            case ReplaceSecrets():
                return (t("settings changed: {names}", names=", ".join(d.name for d in self.value_differences())),)
            case SetRunning(running):
                return (t("the job is started"),) if running else (t("the job is paused"),)
            case Provision(_, members):
                return (t("provisioned on demand, members named: {count}", count=len(members)),)

    def value_differences(self) -> tuple[ValueDifference, ...]:
        """Expressions of the mapping, or settings, that differ."""
        match self.action:
            case ReplaceSchema(before, after):
                old, new = expressions_of(before), expressions_of(after)
                return _differences({k: (v,) for k, v in old.items()}, {k: (v,) for k, v in new.items()})
            case ReplaceSecrets(before, after):
                return _differences(_settings(before), _settings(after))
            case SetRunning(running):
                return (ValueDifference("running", (str(not running).lower(),), (str(running).lower(),)),)
        return ()

    def member_differences(self) -> tuple[MemberDifference, ...]:
        """Members that an on-demand call names."""
        return tuple(MemberDifference(True, member) for member in self.members_added)


CloudSyncChange = ChangeOf[CloudSyncPayload]
CloudSyncPlan = PlanOf[CloudSyncPayload, CloudSyncTarget]


def schema_digest(schema: Document) -> str:
    """Identity of a schema: everything but what the service writes into it by itself."""
    return digest(_plain({key: value for key, value in schema.items() if key not in SERVICE_KEYS}))


def secrets_digest(secrets: Sequence[Document]) -> str:
    """Identity of the settings, whatever their order."""
    return digest(sorted([str(row.get("key")), str(row.get("value"))] for row in secrets))


def cloud_sync_change(change: Change) -> CloudSyncChange:
    """A change that is known to be of the route cloud-sync.

    Raises:
        TypeError: It is of another route: a defect.
    """
    if not isinstance(change.payload, CloudSyncPayload):
        raise TypeError(f"a change of the route {change.route.value} came to cloud-sync")
    return cast("CloudSyncChange", change)


def cloud_sync_changes(changes: Iterable[Change]) -> tuple[CloudSyncChange, ...]:
    """Changes that are known to be of the route cloud-sync; raises as ``cloud_sync_change``."""
    return tuple(map(cloud_sync_change, changes))


def cloud_sync_plan(plan: Plan) -> CloudSyncPlan:
    """A plan that is known to be of the route cloud-sync; raises as ``cloud_sync_change``."""
    cloud_sync_target(plan.target)
    cloud_sync_changes(plan.changes)
    return cast("CloudSyncPlan", plan)


def _plain(value: Any) -> Any:
    """A document without what Graph adds to every answer (``@odata.…``), and without empty values that PUT may drop."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not key.startswith("@odata.") and item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _settings(secrets: Sequence[Document]) -> dict[str, tuple[str, ...]]:
    told: dict[str, tuple[str, ...]] = {}
    for row in secrets:
        told[str(row.get("key"))] = (str(row.get("value")),)
    if notification := notification_of(secrets):
        told.pop("SyncNotificationSettings", None)
        told["notification"] = (str(notification.enabled).lower(), notification.recipients)
        told["deletion threshold"] = (str(notification.threshold or ""),)
    return told


def _differences(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> tuple[ValueDifference, ...]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return tuple(ValueDifference(name, before.get(name, ()), after.get(name, ())) for name in names)
