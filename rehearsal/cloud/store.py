"""The tenant's data: objects, memberships, ownerships, and the edits that a rehearsal makes to them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from rehearsal.cloud.changes import ChangeLog
from rehearsal.cloud.resources import DEVICE, GROUP, ORG_CONTACT, SERVICE_PRINCIPAL, USER, Record, ResourceType

KEPT_DELETED = timedelta(days=30)
"""How long a deleted Microsoft 365 group can be restored."""


class UnknownObjectError(KeyError):
    """No object of the tenant has this id or name."""


@dataclass
class _State:
    """Everything that an edit can change. Records and member tuples are replaced, never changed in place."""

    organization: Record = field(default_factory=dict)
    users: dict[str, Record] = field(default_factory=dict)
    groups: dict[str, Record] = field(default_factory=dict)
    devices: dict[str, Record] = field(default_factory=dict)
    service_principals: dict[str, Record] = field(default_factory=dict)
    applications: dict[str, Record] = field(default_factory=dict)
    contacts: dict[str, Record] = field(default_factory=dict)
    domains: dict[str, Record] = field(default_factory=dict)
    skus: dict[str, Record] = field(default_factory=dict)
    setting_templates: dict[str, Record] = field(default_factory=dict)
    settings: dict[str, Record] = field(default_factory=dict)
    synchronization: dict[str, Record] = field(default_factory=dict)
    agents: dict[str, Record] = field(default_factory=dict)
    """Provisioning agents of Cloud Sync; ``domains`` are the AD domains that each serves."""
    jobs: dict[str, Record] = field(default_factory=dict)
    job_templates: dict[str, Record] = field(default_factory=dict)
    schemas: dict[str, Record] = field(default_factory=dict)
    secrets: dict[str, Record] = field(default_factory=dict)
    """By service principal: ``value`` is the list of its synchronization secrets."""
    sent: dict[str, Record] = field(default_factory=dict)
    """What Cloud Sync's jobs sent to AD so far, by job and group."""
    cloud_sync: dict[str, Record] = field(default_factory=dict)
    """Switches of Cloud Sync that Graph does not show."""
    connect_server: dict[str, Record] = field(default_factory=dict)
    """What the Connect server holds between two cycles."""
    not_yet: dict[str, Record] = field(default_factory=dict)
    """Objects that were just made, and ``until`` when the service does not find them."""
    provisioning: dict[str, Record] = field(default_factory=dict)
    assignments: dict[str, Record] = field(default_factory=dict)
    extension_properties: dict[str, Record] = field(default_factory=dict)
    """Directory extensions; ``application`` is the object id of the one that each belongs to."""
    catalogs: dict[str, Record] = field(default_factory=dict)
    """Catalogs of entitlement management; ``resources`` are the ids of the groups in each."""
    deleted_groups: dict[str, Record] = field(default_factory=dict)
    rolled_back: dict[str, Record] = field(default_factory=dict)
    """Groups whose source of authority was given back to AD, and which no synchronization has taken over yet."""
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def copy(self) -> _State:
        """A state that can be edited without this one."""
        return _State(
            **{f.name: dict(value) if isinstance(value := getattr(self, f.name), dict) else value for f in fields(self)}
        )


class CloudStore:
    """Objects of one tenant, keyed by lower-case id.

    ``clock`` answers aware datetimes; it dates soft deletions and the tenant's last synchronization.
    """

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.replication = timedelta(0)
        """How long an application made from a template is not found by those who ask for it."""
        self._state = _State()
        self._seed = _State()
        self.log = ChangeLog()
        """What happened to groups since the seed, for delta queries."""
        self.user_log = ChangeLog()
        """What happened to users."""

    # Filling

    def set_organization(self, record: Record) -> None:
        """The one organization object."""
        self._state.organization = record

    def add_user(self, record: Record) -> str:
        """Add a user; returns its id."""
        identifier = _put(self._state.users, record)
        self.user_log.touched(identifier)
        return identifier

    def add_device(self, record: Record) -> str:
        """Add a device; returns its id."""
        return _put(self._state.devices, record)

    def add_service_principal(self, record: Record) -> str:
        """Add a service principal; returns its id."""
        return _put(self._state.service_principals, record)

    def add_contact(self, record: Record) -> str:
        """Add an organizational contact; returns its id."""
        return _put(self._state.contacts, record)

    def add(self, table: str, record: Record) -> str:
        """Add an object of one of the smaller tables: ``domains``, ``skus``, ``settings`` …; returns its id."""
        return _put(self.table(table), record)

    def add_group(self, record: Record, *, members: tuple[str, ...] = (), owners: tuple[str, ...] = ()) -> str:
        """Add a group with direct members and owners; returns its id."""
        identifier = _put(self._state.groups, record)
        self._state.members[identifier] = members
        self._state.owners[identifier] = owners
        self.log.touched(identifier)
        for member in members:
            self.log.member(identifier, member)
        return identifier

    def keep_as_seed(self) -> None:
        """Remember the present state as the one that ``reset`` returns to."""
        self._seed = self._state.copy()
        self.log, self.user_log = ChangeLog(), ChangeLog()

    def reset(self) -> None:
        """Back to the seed."""
        self._state = self._seed.copy()
        self.log, self.user_log = ChangeLog(), ChangeLog()

    # Reading

    def table(self, name: str) -> dict[str, Record]:
        """Objects of a table by id, as ``_State`` names it."""
        found = self.deleted_groups if name == "deleted_groups" else getattr(self._state, name)
        if not isinstance(found, dict):
            raise KeyError(name)
        return found

    @property
    def organization(self) -> Record:
        """The organization; a tenant that synchronizes did so within the last half hour."""
        record = self._state.organization
        if not record.get("onPremisesSyncEnabled"):
            return record
        now = self.clock()
        last = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
        return {**record, "onPremisesLastSyncDateTime": graph_time(last)}

    @property
    def users(self) -> dict[str, Record]:
        """Users by id."""
        return self._state.users

    @property
    def groups(self) -> dict[str, Record]:
        """Groups by id."""
        return self._state.groups

    @property
    def deleted_groups(self) -> dict[str, Record]:
        """Soft-deleted groups by id; those deleted more than 30 days ago are gone for good."""
        now = self.clock()
        for identifier, record in list(self._state.deleted_groups.items()):
            if now - datetime.fromisoformat(str(record["deletedDateTime"])) > KEPT_DELETED:
                self.purge_group(identifier)
        return self._state.deleted_groups

    def members(self, group_id: str) -> tuple[str, ...]:
        """Ids of direct members, in the order in which they joined."""
        return self._state.members.get(group_id, ())

    def owners(self, group_id: str) -> tuple[str, ...]:
        """Ids of owners."""
        return self._state.owners.get(group_id, ())

    def is_found(self, identifier: str) -> bool:
        """Whether an object that exists is found already."""
        until = self._state.not_yet.get(identifier, {}).get("until")
        return not isinstance(until, datetime) or self.clock() >= until

    def make_later(self, identifier: str) -> None:
        """Let an object that was just made be found only after the time that replication takes."""
        if self.replication:
            self._state.not_yet[identifier] = {"until": self.clock() + self.replication}

    def principal(self, identifier: str) -> tuple[ResourceType, Record] | None:
        """Type and record of anything that can be a member."""
        state = self._state
        for kind, objects in (
            (USER, state.users),
            (GROUP, state.groups),
            (DEVICE, state.devices),
            (SERVICE_PRINCIPAL, state.service_principals),
            (ORG_CONTACT, state.contacts),
        ):
            if identifier in objects:
                return kind, objects[identifier]
        return None

    def holders(self, identifier: str) -> list[str]:
        """Ids of live groups that hold this object directly."""
        groups = self._state.groups
        return [group for group, held in self._state.members.items() if group in groups and identifier in held]

    def find_group(self, name: str) -> str:
        """Id of the live group with this id or display name.

        Raises:
            UnknownObjectError: None, or more than one.
        """
        return _find(self._state.groups, name, ("displayName",))

    def find_principal(self, name: str) -> str:
        """Id of a user (by id, user principal name, display name) or of another object (by id, display name).

        Raises:
            UnknownObjectError: None, or more than one.
        """
        everything = {identifier: record for objects in self._object_tables() for identifier, record in objects.items()}
        return _find(everything, name, ("userPrincipalName", "displayName"))

    def _object_tables(self) -> Iterator[dict[str, Record]]:
        state = self._state
        yield from (state.users, state.groups, state.devices, state.service_principals, state.contacts)

    # Editing

    def add_member(self, group_id: str, principal_id: str) -> None:
        """Add a direct member; nothing happens if it is one."""
        if principal_id not in self.members(group_id):
            self._state.members[group_id] = (*self.members(group_id), principal_id)
            self.log.member(group_id, principal_id)

    def remove_member(self, group_id: str, principal_id: str) -> None:
        """Remove a direct member; nothing happens if it is none."""
        if principal_id in self.members(group_id):
            self._state.members[group_id] = tuple(m for m in self.members(group_id) if m != principal_id)
            self.log.member(group_id, principal_id)

    def set_owners(self, group_id: str, owners: tuple[str, ...]) -> None:
        """Replace the owners of a group, or of an application or service principal (its ``Caller.owner``)."""
        self._state.owners[group_id] = owners

    def update_group(self, group_id: str, changes: Record) -> None:
        """Replace properties of a live group."""
        self._state.groups[group_id] = {**self._state.groups[group_id], **changes}
        if changes:
            self.log.touched(group_id, changes)

    def forget_value(self, group_id: str, name: str) -> None:
        """Take a property of a live group away."""
        self._state.groups[group_id] = {key: one for key, one in self._state.groups[group_id].items() if key != name}
        self.log.touched(group_id, {name: None})

    def update_user(self, user_id: str, changes: Record) -> None:
        """Replace properties of a user."""
        self._state.users[user_id] = {**self._state.users[user_id], **changes}
        if changes:
            self.user_log.touched(user_id, changes)

    def update(self, table: str, identifier: str, changes: Record) -> None:
        """Replace properties of an object of one of the smaller tables."""
        objects = self.table(table)
        objects[identifier] = {**objects.get(identifier, {}), **changes}

    def delete_user(self, user_id: str) -> None:
        """Remove a user and every membership and ownership of theirs."""
        del self._state.users[user_id]
        self.user_log.touched(user_id)
        self._forget(user_id)

    def delete_group(self, group_id: str, *, for_good: bool = False) -> None:
        """Delete a group: Microsoft 365 groups become deleted items with their members, others are gone.

        A nested group leaves the groups that held it.
        """
        record = self._state.groups.pop(group_id)
        self._forget(group_id)
        self.log.touched(group_id)
        if "Unified" in texts(record.get("groupTypes")) and not for_good:
            self._state.deleted_groups[group_id] = {**record, "deletedDateTime": graph_time(self.clock())}
        else:
            self._state.members.pop(group_id, None)
            self._state.owners.pop(group_id, None)

    def purge_group(self, group_id: str) -> None:
        """Remove a deleted item for good."""
        del self._state.deleted_groups[group_id]
        self._state.members.pop(group_id, None)
        self._state.owners.pop(group_id, None)
        self.log.touched(group_id)

    def restore_group(self, group_id: str) -> None:
        """Bring a deleted item back with its members."""
        record = self._state.deleted_groups.pop(group_id)
        self._state.groups[group_id] = {**record, "deletedDateTime": None}
        self.log.touched(group_id)
        for member in self.members(group_id):
            self.log.member(group_id, member)

    def _forget(self, identifier: str) -> None:
        for table in (self._state.members, self._state.owners):
            for group_id, held in table.items():
                if identifier in held:
                    table[group_id] = tuple(other for other in held if other != identifier)
                    if table is self._state.members:
                        self.log.member(group_id, identifier)


def graph_time(moment: datetime) -> str:
    """Edm.DateTimeOffset of an aware UTC datetime, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def cloud_sid(identifier: str) -> str:
    """securityIdentifier of a cloud object: S-1-12-1 and the four little-endian words of its id."""
    raw = uuid.UUID(identifier).bytes_le
    return "S-1-12-1-" + "-".join(str(int.from_bytes(raw[at : at + 4], "little")) for at in range(0, 16, 4))


def texts(value: object) -> list[str]:
    """A list of strings out of a record; empty for anything else."""
    return [str(one) for one in value] if isinstance(value, list) else []


def _put(table: dict[str, Record], record: Record) -> str:
    identifier = str(record["id"])
    if identifier in table:
        raise ValueError(f"two objects with the id {identifier}")
    table[identifier] = record
    return identifier


def _find(table: dict[str, Record], name: str, properties: tuple[str, ...]) -> str:
    if name.lower() in table:
        return name.lower()
    found = [key for key, record in table.items() if any(record.get(prop) == name for prop in properties)]
    if len(found) != 1:
        raise UnknownObjectError(f"{len(found)} objects are called {name!r}")
    return found[0]
