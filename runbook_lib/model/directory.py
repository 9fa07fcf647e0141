"""What is read from Active Directory over LDAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import MalformedDnError, is_below
from runbook_lib.model.enforcement import NO_ENFORCEMENT, SOA_ATTRIBUTE, Enforcement
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE, NO_OBJECT, ObjectGuid
from runbook_lib.model.reading import Reading

UNIVERSAL_DISTRIBUTION = 8
"""Flag of groupType ([MS-ADTS] 2.2.12): universal, and no security group."""
UNIVERSAL_SECURITY = -2147483640
"""groupType as AD shows it, a signed 32-bit integer: 0x80000008."""


@dataclass(frozen=True, slots=True)
class AttributeDelta:
    """Values that leave and enter one attribute in one modify.

    A single value changes by naming the old one: if somebody else changed it meanwhile, the write fails instead of
    overwriting (LDAP answers noSuchAttribute or attributeOrValueExists).
    """

    name: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def inverse(self) -> AttributeDelta:
        """The delta that takes this one back."""
        return AttributeDelta(self.name, removed=self.added, added=self.removed)

    def as_json(self) -> dict[str, object]:
        """JSON form; values sorted, because AD keeps no order."""
        return {"name": self.name, "removed": sorted(self.removed), "added": sorted(self.added)}


@dataclass(frozen=True, slots=True)
class ControllerIdentity:
    """Which controller it is, wherever its name leads: NTDS Settings object and the id of its database."""

    host: str
    ds_service_name: str
    invocation_id: str


@dataclass(frozen=True, slots=True)
class DomainController:
    """The one DC of a run, as its root DSE and its NTDS Settings object describe it.

    ``invocation_id`` and ``domain_guid`` are lower-case GUIDs; ``domain_dns_name`` is like ``contoso.com``.
    """

    host: str
    port: int
    dns_host_name: str
    ds_service_name: str
    invocation_id: str
    highest_committed_usn: int
    default_naming_context: str
    configuration_naming_context: str
    schema_naming_context: str
    root_domain_naming_context: str
    domain_dns_name: str
    domain_guid: str
    domain_sid: str
    other_domains: tuple[str, ...] = ()
    """Naming contexts of the forest's other domains."""

    @property
    def identity(self) -> ControllerIdentity:
        """What a later connection must find again."""
        return ControllerIdentity(self.host, self.ds_service_name, self.invocation_id)


@dataclass(frozen=True, slots=True)
class Container:
    """The target or retired OU. ``exists`` is False where nothing answers to the DN; then ``guid`` is empty."""

    dn: str
    exists: bool
    guid: ObjectGuid = NO_OBJECT
    object_classes: tuple[str, ...] = ()
    is_critical: bool = False
    """isCriticalSystemObject, or a well-known container of the domain."""


@dataclass(frozen=True, slots=True)
class DirectoryObject:
    """An object that can be a member, an anchor's owner or a name collision."""

    guid: ObjectGuid
    dn: str
    object_class: str
    """The most specific class: ``user``, ``group``, ``contact``, ``computer``, ``inetOrgPerson`` …"""
    sid: str | None = None
    sam_account_name: str | None = None
    user_principal_name: str | None = None
    display_name: str | None = None
    mail: str | None = None
    proxy_addresses: tuple[str, ...] = ()
    consistency_guid: str | None = None
    """mS-DS-ConsistencyGuid as a lower-case GUID."""
    external_id: str | None = None
    """msDS-ExternalDirectoryObjectId where the schema has it."""
    target_address: str | None = None
    """Where mail to it is forwarded to: ``SMTP:sales@contoso.mail.onmicrosoft.com``."""
    in_address_book: bool = False
    """Whether it has showInAddressBook."""


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """A group object with the attributes this project looks at.

    Attributes:
        attributes: LDAP display name (spelled as in ``GROUP_ATTRIBUTES``) to values as text, in the directory's order;
            absent attributes are absent keys. Never holds ``member``.
        members: DNs of direct members, all of them (ranges followed), sorted; None where they were not read.
        member_of: DNs of the groups that hold this one.
    """

    guid: ObjectGuid
    dn: str
    sid: str | None
    attributes: Mapping[str, tuple[str, ...]]
    members: tuple[str, ...] | None = None
    member_of: tuple[str, ...] = ()

    def text(self, name: str) -> str | None:
        """First value of an attribute, or None."""
        values = self.attributes.get(name, ())
        return values[0] if values else None

    @property
    def group_type(self) -> int:
        """groupType, 0 where it could not be read."""
        value = self.text("groupType")
        return int(value) if value is not None else 0

    @property
    def is_security(self) -> bool:
        """Whether the group grants rights (bit 0x80000000)."""
        return bool(self.group_type & 0x80000000)

    @property
    def governed_by_cloud(self) -> bool:
        """Whether it carries msDS-ObjectSoa, so that a policy of AD object enforcement applies to it."""
        return self.text(SOA_ATTRIBUTE) is not None


MAIL_ATTRIBUTES = (
    "mail",
    "mailNickname",
    "proxyAddresses",
    "targetAddress",
    "legacyExchangeDN",
    "msExchRecipientDisplayType",
    "msExchRecipientTypeDetails",
    "msExchRequireAuthToSendTo",
    "msExchHideFromAddressLists",
    "msExchPoliciesExcluded",
    "msExchVersion",
    "showInAddressBook",
    "textEncodedORAddress",
)
"""What makes a group a mail recipient. Some exist only in a schema that Exchange has extended: probe."""

FOLLOWED_ATTRIBUTES = ("description", "displayName", "groupType")
"""What follows the cloud for as long as a group is written."""

RESTORED_ATTRIBUTES = (
    ANCHOR_ATTRIBUTE,
    *FOLLOWED_ATTRIBUTES,
    MARK_ATTRIBUTE,
    "info",
    "managedBy",
    "sAMAccountName",
    *MAIL_ATTRIBUTES,
)
"""What an undelete puts back. Everything else that this account could read is in backup.ldif, for people."""

GROUP_ATTRIBUTES = (
    "cn",
    "name",
    "sAMAccountName",
    "groupType",
    "displayName",
    "description",
    "adminDescription",
    "extensionName",
    "info",
    "adminCount",
    "managedBy",
    "msDS-ExternalDirectoryObjectId",
    "whenCreated",
    "whenChanged",
    "uSNChanged",
    "isCriticalSystemObject",
    SOA_ATTRIBUTE,
    *MAIL_ATTRIBUTES,
)
"""Attributes of a group that ``read_directory`` asks for, as far as the schema has them."""


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """A deleted group that can still be brought back.

    Attributes:
        dn: Its name among the deleted objects.
        last_dn: Where it was before; its own ``dn`` where that cannot be determined.
        group_id: Cloud group of its anchor; empty on a tombstone, which keeps no anchor.
        changed: When it was last changed, as a rule when it was deleted (UTC); None where that cannot be read.
    """

    guid: ObjectGuid
    dn: str
    sid: str
    last_dn: str
    group_id: str
    changed: datetime | None
    governed_by_cloud: bool = False
    """Whether it carries msDS-ObjectSoa."""

    def was_of(self, group_id: str, ou: str) -> bool:
        """Whether it was the AD group of a cloud group: its anchor says so or, on a tombstone, the OU it was in.

        GUID and SID come from a plan, which is a file; this is what AD itself knows of it.
        """
        if self.group_id:
            return self.group_id == group_id
        try:
            return is_below(self.last_dn, ou)
        except MalformedDnError:
            return False


@dataclass(frozen=True, slots=True)
class DeletedObjects:
    """The forest's Recycle Bin and the deleted groups that concern this runbook.

    Attributes:
        recycle_bin: Whether the optional feature is on.
        lifetime_days: How long a deleted object can be brought back.
        lifetime_source: ``msDS-deletedObjectLifetime``, ``tombstoneLifetime``, or ``default`` where neither is set.
        listable: Whether this account may list deleted objects; ``OFF`` means that it may not.
        objects: Deleted groups with an anchor, or from one of the two OUs; empty where they cannot be listed.
    """

    recycle_bin: Switch
    lifetime_days: int
    lifetime_source: str
    listable: Switch
    objects: tuple[DeletedObject, ...] = ()


DEFAULT_LIFETIME_DAYS = 60
"""tombstoneLifetime of a forest in which it is not set (Microsoft, "Active Directory schema", Tombstone-Lifetime)."""
NOTHING_KNOWN_DELETED = DeletedObjects(Switch.UNKNOWN, DEFAULT_LIFETIME_DAYS, "default", Switch.UNKNOWN)


@dataclass(frozen=True, slots=True)
class DirectorySnapshot:
    """One complete (or openly incomplete) reading of the domain.

    Attributes:
        objects: Users, contacts, groups and everything else that has a mail address.
        groups: Every group, attributes read.
        group_attributes: Which of ``GROUP_ATTRIBUTES`` a group may carry in this forest's schema.
    """

    controller: DomainController
    objects: tuple[DirectoryObject, ...]
    groups: tuple[DirectoryGroup, ...]
    target: Container
    retired: Container
    group_attributes: frozenset[str]
    reading: Reading
    deleted: DeletedObjects = NOTHING_KNOWN_DELETED
    enforcement: Enforcement = NO_ENFORCEMENT

    @property
    def deleted_anchors(self) -> Mapping[str, str]:
        """Deleted objects that still carry an anchor: group id to the last DN known."""
        return {item.group_id: item.last_dn for item in self.deleted.objects if item.group_id}
