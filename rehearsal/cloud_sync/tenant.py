"""What the provisioning service sees of the tenant when a job runs: the job, its mapping, groups, members, agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rehearsal.cloud import documents
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.scope import Scope

PROVISIONS_USERS = "provisionMembersOnPremises"
"""Key of the switch "Provision membership to on-premises users" in the table ``cloud_sync``. Graph does not show it."""
_FORGETS = frozenset({"Full", "Watermark"})
"""After these everything is looked at and sent again ("synchronizationJobRestartCriteria resource type")."""


@dataclass(frozen=True)
class Sent:
    """What a job sent of one group so far: only what differs from it is sent next.

    Attributes:
        guid: objectGUID of the AD object.
        cn: Its common name.
        container: DN of its OU or container.
        values: AD attribute to value, None for one that was taken away.
        members: Cloud id of a member to the objectGUID that was written.
        missing: Cloud ids of members that AD did not have when they were looked for.
    """

    guid: str
    cn: str
    container: str
    values: Mapping[str, str | None]
    members: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tenant:
    """One moment of the tenant, for one job. Nothing in it changes while the job runs.

    Attributes:
        job: The job.
        rule_id: Id of the synchronization rule that maps groups.
        mapping: The object mapping of groups; empty where the schema has none that is on.
        secrets: The configuration's secrets.
        assigned: Ids of what is assigned to the configuration.
        groups: Live groups by id.
        deleted: Ids of groups that can be restored.
        rolled_back: Ids of groups whose source of authority was given back to AD.
        members: Direct members by group.
        users: Users by id.
        agents: Provisioning agents.
        provisions_users: Whether membership of on-premises users is provisioned.
        sent: By group, what the job sent so far.
        looks_again: Whether members that AD did not have are looked for again.
    """

    job: Record
    rule_id: str
    mapping: Mapping[str, Any]
    secrets: Sequence[Mapping[str, object]]
    assigned: frozenset[str]
    groups: Mapping[str, Record]
    deleted: frozenset[str]
    rolled_back: frozenset[str]
    members: Mapping[str, tuple[str, ...]]
    users: Mapping[str, Record]
    agents: Sequence[Record]
    provisions_users: bool
    sent: Mapping[str, Sent]
    looks_again: bool = True

    @property
    def domain(self) -> str:
        """DNS name of the AD domain; empty where none is set."""
        return documents.domain_of(self.secrets)

    @property
    def threshold(self) -> int | None:
        """How many deletions of one run are too many; None for no limit."""
        settings = documents.read_secret(self.secrets, documents.NOTIFICATION)
        number = settings.get("DeleteThresholdValue", documents.DEFAULT_THRESHOLD)
        counts = settings.get("DeleteThresholdEnabled") is True and isinstance(number, int) and number > 0
        return int(str(number)) if counts else None

    @property
    def restarted(self) -> frozenset[str]:
        """What a restart asked for since the last run."""
        asked = self.job.get("restarted")
        return frozenset(asked) if isinstance(asked, tuple) else frozenset()

    @property
    def begins_anew(self) -> bool:
        """Whether everything is sent again, whatever was sent so far."""
        return bool(_FORGETS & self.restarted)

    @property
    def trouble(self) -> str:
        """Error code of what keeps the domain from being reached; empty for nothing."""
        return documents.agent_trouble(self.agents, self.domain)

    @cached_property
    def scope(self) -> Scope:
        """Which groups the job takes."""
        return Scope(self.mapping, self.secrets, self.assigned, self.rolled_back)

    def is_converted(self, group: Record) -> bool:
        """Whether a group came from AD and is managed in the cloud now."""
        came_from_ad = bool(group.get("onPremisesSecurityIdentifier"))
        return came_from_ad and not group.get("onPremisesSyncEnabled") and group["id"] not in self.rolled_back


def tenant_of(store: CloudStore, job_id: str, *, looks_again: bool = True) -> Tenant:
    """The tenant as it is now, for a job; ``looks_again`` as in ``Tenant``.

    Raises:
        KeyError: There is no such job.
    """
    job = store.table("jobs")[job_id]
    principal = str(job["servicePrincipalId"])
    rule_id, mapping = _mapping_of_groups(store.table("schemas").get(job_id, {}))
    secrets = store.table("secrets").get(principal, {}).get("value")
    assignments = [one for one in store.table("assignments").values() if one["servicePrincipalId"] == principal]
    sent: dict[str, Sent] = {}
    for record in store.table("sent").values():
        state = record["state"]
        if record["job"] == job_id and isinstance(state, Sent):
            sent[str(record["group"])] = state
    return Tenant(
        job=job,
        rule_id=rule_id,
        mapping=mapping,
        secrets=secrets if isinstance(secrets, list) else [],
        assigned=frozenset(str(one["principalId"]) for one in assignments),
        groups=dict(store.groups),
        deleted=frozenset(store.deleted_groups),
        rolled_back=frozenset(store.table("rolled_back")),
        members={group: store.members(group) for group in store.groups},
        users=dict(store.users),
        agents=list(store.table("agents").values()),
        provisions_users=store.table("cloud_sync").get(PROVISIONS_USERS, {}).get("on") is True,
        sent=sent,
        looks_again=looks_again,
    )


def keep_sent(store: CloudStore, job_id: str, group_id: str, sent: Sent | None) -> None:
    """Remember what a job sent of a group; None forgets it."""
    key = f"{job_id}/{group_id}"
    if sent is None:
        store.table("sent").pop(key, None)
    else:
        store.table("sent")[key] = {"job": job_id, "group": group_id, "state": sent}


def _mapping_of_groups(schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Id of the rule and the mapping that writes groups to groups of AD; empty where there is none that is on."""
    for rule in _objects(schema.get("synchronizationRules")):
        for mapping in _objects(rule.get("objectMappings")):
            ends = (str(mapping.get("sourceObjectName")), str(mapping.get("targetObjectName")))
            into_ad = str(rule.get("targetDirectoryName")).casefold() == "active directory"
            if (
                into_ad
                and [end.casefold() for end in ends] == ["group", "group"]
                and mapping.get("enabled") is not False
            ):
                return str(rule.get("id")), mapping
    return "", {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
