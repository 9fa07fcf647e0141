"""What can be done to a Cloud Sync configuration: a class for each action, with all that is said of it. Pure.

Each action holds what was there when it was planned, whole where Graph replaces the whole, so that its step can tell
before, after and anything else apart, and its undo sends exactly that again. A new action is a class
here, its step (``work.STEP_OF_ACTION`` lists them) and its fields in files (``files.py``).

Sources: Microsoft Graph documentation, "synchronizationJob", "Update synchronizationSchema" (replaces all; the service
updates its version), "Grant an appRoleAssignment to a service principal", "synchronizationJob: provisionOnDemand";
Microsoft Entra documentation, "Microsoft Entra provisioning options".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.cloud_sync.configuration import Document, expressions_of, notification_of
from runbook_lib.model.change import ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import digest
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.routes.action import RouteAction

SERVICE_KEYS = frozenset({"version", "provisioningTaskIdentifier"})
"""What the service writes into a schema by itself; no part of what somebody decided."""


class Action(RouteAction):
    """What one change does to a configuration."""

    __slots__ = ()

    @property
    def place(self) -> int:
        """Of several changes of one kind that of the lower place is carried out first."""
        return 0

    def identity(self) -> Mapping[str, object]:
        """What is sent, for the digest: documents by their digests."""
        return {"action": self.name, **self.as_json()}

    def beyond_replaced(self, said: object) -> Text:
        """What a journal says before the request that is not ``replaced``, as the end of a sentence; empty: nothing."""
        return NOTHING if said == self.replaced() else t("it begins a request that its plan does not have")

    def members_named(self) -> tuple[str, ...]:
        """Members (ids) that its requests name."""
        return ()

    def members_shown(self) -> tuple[str, ...]:
        """The same members as people read them."""
        return self.members_named()

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """What a journal says beyond this action, in the same form.

        Args:
            said: The effect.
            group_id: The group that it is about.
            members: The members that the request named.
        """
        del said, group_id, members
        return NOTHING


@dataclass(frozen=True, slots=True)
class Assign(Action):
    """A group comes into the scope of selected groups."""

    role_id: str
    name = "assign"
    kinds = frozenset({ChangeKind.ASSIGN})
    may_say = frozenset({"assignment_id"})

    def as_json(self) -> dict[str, object]:
        """The role."""
        return {"role_id": self.role_id}

    def summary(self) -> Text:
        """In a few words."""
        return t("comes into scope")


@dataclass(frozen=True, slots=True)
class Unassign(Action):
    """A group leaves the scope of selected groups."""

    role_id: str
    assignment_id: str
    name = "unassign"
    kinds = frozenset({ChangeKind.UNASSIGN})
    may_say = frozenset({"unassigned"})

    def as_json(self) -> dict[str, object]:
        """Role and assignment."""
        return {"role_id": self.role_id, "assignment_id": self.assignment_id}

    def identity(self) -> Mapping[str, object]:
        """The id of the assignment is new after each undo; which group leaves which role stays the same."""
        return {"action": self.name, "role_id": self.role_id}

    def summary(self) -> Text:
        """In a few words."""
        return t("leaves the scope")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """Another group."""
        del members
        return (
            t("it names a group that its plan does not have")
            if said.get("unassigned", group_id) != group_id
            else NOTHING
        )


@dataclass(frozen=True, slots=True)
class ReplaceSchema(Action):
    """Another schema in the place of the one that was read."""

    before: Document
    after: Document
    name = "replace-schema"
    kinds = frozenset({ChangeKind.MAP})
    may_say = frozenset({"schema_replaced"})

    def as_json(self) -> dict[str, object]:
        """Both documents, whole."""
        return {"before": dict(self.before), "after": dict(self.after)}

    def identity(self) -> Mapping[str, object]:
        """Exactly what is sent: a comparison with what is there now is more lenient (``schema_digest``)."""
        return {"before": digest(dict(self.before)), "after": digest(dict(self.after))}

    def summary(self) -> Text:
        """In a few words."""
        return t("mapping changed: {names}", names=", ".join(one.name for one in self.differences()))

    def differences(self) -> tuple[ValueDifference, ...]:
        """Expressions that differ."""
        old, new = expressions_of(self.before), expressions_of(self.after)
        return _differences({k: (v,) for k, v in old.items()}, {k: (v,) for k, v in new.items()})

    def replaced(self) -> object:
        """The schema that was read."""
        return dict(self.before)


@dataclass(frozen=True, slots=True)
class ReplaceSecrets(Action):
    """Other settings (Graph calls them secrets) in the place of those that were read; none of them is secret."""

    before: tuple[Document, ...]
    after: tuple[Document, ...]
    name = "replace-secrets"
    kinds = frozenset({ChangeKind.SETTINGS})
    may_say = frozenset({"secrets_replaced"})

    def as_json(self) -> dict[str, object]:
        """Both lists, whole."""
        return {"before": [dict(row) for row in self.before], "after": [dict(row) for row in self.after]}

    def identity(self) -> Mapping[str, object]:
        """Both lists, whatever their order."""
        return {"before": secrets_digest(self.before), "after": secrets_digest(self.after)}

    def summary(self) -> Text:
        """In a few words."""
        return t("settings changed: {names}", names=", ".join(one.name for one in self.differences()))

    def differences(self) -> tuple[ValueDifference, ...]:
        """Settings that differ."""
        return _differences(_settings(self.before), _settings(self.after))

    def replaced(self) -> object:
        """The settings that were read."""
        return [dict(row) for row in self.before]


@dataclass(frozen=True, slots=True)
class SetRunning(Action):
    """The job starts or pauses."""

    running: bool
    name = "set-running"
    kinds = frozenset({ChangeKind.START, ChangeKind.PAUSE})
    may_say = frozenset({"running"})

    def as_json(self) -> dict[str, object]:
        """Whether it runs afterwards."""
        return {"running": self.running}

    def summary(self) -> Text:
        """In a few words."""
        return t("the job is started") if self.running else t("the job is paused")

    def differences(self) -> tuple[ValueDifference, ...]:
        """Whether it runs."""
        return (ValueDifference("running", (str(not self.running).lower(),), (str(self.running).lower(),)),)

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """Start and pause are two kinds."""
        return NOTHING if self.running is (kind is ChangeKind.START) else t("starts what it says that it pauses")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """The other of the two."""
        del group_id, members
        if said.get("running", self.running) is not self.running:
            return t("it says that the job runs otherwise than its plan wants")
        return NOTHING


@dataclass(frozen=True, slots=True)
class Provision(Action):
    """A group is provisioned on demand, with up to five members a call.

    Attributes:
        rule_id: The synchronization rule.
        members: Ids of the members that the calls name.
        names: What people call them, in the same order: no part of what is sent.
    """

    rule_id: str
    members: tuple[str, ...]
    names: tuple[str, ...] = field(default=(), kw_only=True)
    name = "provision"
    kinds = frozenset({ChangeKind.PROVISION})
    may_say = frozenset({"provisioned"})

    def as_json(self) -> dict[str, object]:
        """Rule and members, with their names."""
        return {"rule_id": self.rule_id, "members": list(self.members), "names": list(self.names)}

    def identity(self) -> Mapping[str, object]:
        """Without the names, which change by themselves."""
        told = {key: value for key, value in self.as_json().items() if key != "names"}
        return {"action": self.name, **told}

    def names_read(self) -> object:
        """Those of the members."""
        return list(self.names)

    def summary(self) -> Text:
        """In a few words."""
        return t("provisioned on demand, members named: {count}", count=len(self.members))

    def members_shown(self) -> tuple[str, ...]:
        """By name, or by id where no name is known."""
        names = (*self.names, *[""] * len(self.members))
        return tuple(name or one for one, name in zip(self.members, names, strict=False))

    def members_named(self) -> tuple[str, ...]:
        """All of them."""
        return self.members

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """Other members."""
        del group_id
        if not set(said.get("provisioned") or ()) <= set(members):
            return t("it names members that its plan does not have")
        return NOTHING


@dataclass(frozen=True, slots=True)
class Realign(Provision):
    """A group that differs is provisioned on demand, with its missing members, until AD is as expected.

    Attributes:
        dn: Distinguished name that its AD object shall have; empty where that is not known.
        account_name: sAMAccountName that it shall have; empty where AD chooses it.
    """

    dn: str
    account_name: str
    name = "realign"

    def as_json(self) -> dict[str, object]:
        """Rule, members, and what AD shall have."""
        return {**Provision.as_json(self), "dn": self.dn, "account_name": self.account_name}

    def summary(self) -> Text:
        """In a few words."""
        return t("provisioned on demand, {members} missing in AD", members=counted(len(self.members), "member"))


def schema_digest(schema: Document) -> str:
    """Identity of a schema: everything but what the service writes into it by itself."""
    return digest(_plain({key: value for key, value in schema.items() if key not in SERVICE_KEYS}))


def secrets_digest(secrets: Sequence[Document]) -> str:
    """Identity of the settings, whatever their order."""
    return digest(sorted([str(row.get("key")), str(row.get("value"))] for row in secrets))


def _plain(value: Any) -> Any:
    """A document without what Graph adds to every answer (``@odata.…``), and without empty values that PUT may drop."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if not key.startswith("@odata.") and item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _settings(secrets: Sequence[Document]) -> dict[str, tuple[str, ...]]:
    settings: dict[str, tuple[str, ...]] = {}
    for row in secrets:
        settings[str(row.get("key"))] = (str(row.get("value")),)
    if notification := notification_of(secrets):
        settings.pop("SyncNotificationSettings", None)
        settings["notification"] = (str(notification.enabled).lower(), notification.recipients)
        settings[t("deletion threshold")] = (str(notification.threshold or ""),)
    return settings


def _differences(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> tuple[ValueDifference, ...]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return tuple(ValueDifference(name, before.get(name, ()), after.get(name, ())) for name in names)
