"""What is read from Microsoft Entra ID through Microsoft Graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.ids import GroupId
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import NOTHING, Text


class CloudKind(Enum):
    """Kind of a cloud group, from groupTypes, mailEnabled and securityEnabled."""

    MICROSOFT_365 = "microsoft-365"
    SECURITY = "security"
    MAIL_ENABLED_SECURITY = "mail-enabled-security"
    DISTRIBUTION_LIST = "distribution-list"


class PrincipalType(Enum):
    """Type of a member, from ``@odata.type``."""

    USER = "user"
    GROUP = "group"
    DEVICE = "device"
    CONTACT = "contact"
    SERVICE_PRINCIPAL = "service-principal"
    UNKNOWN = "unknown"


class Presence(Enum):
    """Whether a group id still exists in the tenant."""

    PRESENT = "present"
    SOFT_DELETED = "soft-deleted"
    GONE = "gone"
    """GET by id answered 404 and the group is not among the deleted items."""
    UNKNOWN = "unknown"
    """Anything else, a 403 above all."""


class Switch(Enum):
    """State of something that may also be unreadable. Unknown is never off."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class Authority(Enum):
    """Which side is the source of authority of a cloud group, from ``onPremisesSyncBehavior`` and its SID."""

    AD = "ad"
    """Synchronized from AD."""
    CONVERTED = "converted"
    """It came from AD, and the cloud has taken it over (``isCloudManaged`` is true)."""
    PENDING = "pending"
    """Given back to AD (``isCloudManaged`` is false), and the synchronization client has not taken it over yet."""
    CLOUD = "cloud"
    """Born in the cloud."""
    UNKNOWN = "unknown"
    """It came from AD; whether the cloud has taken it over or gives it back was not read."""


@dataclass(frozen=True, slots=True)
class CloudGroup:
    """One group, cloud-managed or synchronized from AD."""

    id: GroupId
    display_name: str
    kind: CloudKind
    description: str | None = None
    security_enabled: bool = False
    mail: str | None = None
    mail_nickname: str | None = None
    proxy_addresses: tuple[str, ...] = ()
    visibility: str | None = None
    """``Public``, ``Private``, ``HiddenMembership`` or None."""
    role_assignable: bool = False
    membership_rule: str | None = None
    dynamic: bool = False
    on_premises_sync_enabled: bool | None = None
    on_premises_sid: str | None = None
    """``S-1-…`` of the AD group it comes from, or came from before its source of authority was converted."""
    on_premises_sam_account_name: str | None = None
    on_premises_domain: str | None = None
    """DNS name of the AD domain that it comes from."""
    created: str | None = None
    deleted: str | None = None
    replaced: tuple[str, ...] = ()
    """Names of properties in which something that is no character (half an emoji, NUL) was read as U+FFFD."""
    cloud_managed: bool | None = None
    """``onPremisesSyncBehavior.isCloudManaged``; None where it was not read (see ``may_be_converted``)."""
    extensions: tuple[tuple[str, str | None], ...] = ()
    """Directory extensions that were read, by full name, and their values; None: it has none."""

    @property
    def may_be_converted(self) -> bool:
        """Whether only ``onPremisesSyncBehavior`` tells who its source of authority is."""
        return not self.on_premises_sync_enabled and bool(self.on_premises_sid)

    @property
    def authority(self) -> Authority:
        """Which side decides what the group is.

        Source: Microsoft Entra documentation, "Group source of authority": a synchronized group has
        onPremisesSyncEnabled true; converted, that is null and isCloudManaged true; rolled back, isCloudManaged is
        false and onPremisesSyncEnabled stays null until the next synchronization. All of them keep their SID.
        """
        if self.on_premises_sync_enabled:
            return Authority.AD
        if not self.on_premises_sid:
            return Authority.CLOUD
        if self.cloud_managed is None:
            return Authority.UNKNOWN
        return Authority.CONVERTED if self.cloud_managed else Authority.PENDING

    @property
    def hidden_membership(self) -> bool:
        """Whether the cloud hides who is in the group."""
        return (self.visibility or "").casefold() == "hiddenmembership"

    @property
    def public(self) -> bool:
        """Whether anybody in the tenant can join by themselves (Microsoft 365 groups only)."""
        return (self.visibility or "").casefold() == "public"


@dataclass(frozen=True, slots=True)
class CloudPrincipal:
    """A member with every key that can lead to its AD object. ``id`` is a lower-case GUID."""

    id: str
    type: PrincipalType
    display_name: str = ""
    user_principal_name: str | None = None
    mail: str | None = None
    user_type: str | None = None
    """``Member``, ``Guest`` or None."""
    immutable_id: str | None = None
    """onPremisesImmutableId: usually base64 of the 16 little-endian bytes of a GUID."""
    on_premises_sid: str | None = None
    on_premises_dn: str | None = None
    on_premises_sam_account_name: str | None = None
    on_premises_domain: str | None = None
    on_premises_sync_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner of a group. ``name`` is the display name, else the account, else the id."""

    name: str
    account: str = ""
    """User principal name; empty where it has none or may not be read."""

    def __str__(self) -> str:
        return f"{self.name} <{self.account}>" if self.account and self.account != self.name else self.name


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant that the token belongs to. ``id`` is a lower-case GUID; ``last_sync`` is ISO 8601 UTC."""

    id: str
    display_name: str = ""
    default_domain: str = ""
    verified_domains: tuple[str, ...] = ()
    on_premises_sync_enabled: bool | None = None
    last_sync: str | None = None


@dataclass(frozen=True, slots=True)
class OtherWriters:
    """Microsoft's own writers as the tenant reports them.

    ``connect_v1`` is ``features.unifiedGroupWritebackEnabled``, ``connect_v2`` is ``features.groupWriteBackEnabled``
    (Microsoft Graph, onPremisesDirectorySynchronizationFeature). App-only sign-in cannot read them.
    """

    connect_v1: Switch = Switch.UNKNOWN
    connect_v2: Switch = Switch.UNKNOWN
    why_unknown: Text = NOTHING


@dataclass(frozen=True, slots=True)
class CloudSnapshot:
    """One complete (or openly incomplete) reading of the tenant.

    Attributes:
        groups: Every group of the tenant.
        deleted_groups: Soft-deleted groups (only Microsoft 365 groups soft-delete).
        members: Group id to member ids, direct members only, sorted; a group that could not be read is absent.
        principals: Every user of the tenant and every member of another type, by id.
    """

    tenant: Tenant
    groups: tuple[CloudGroup, ...]
    deleted_groups: tuple[CloudGroup, ...]
    members: Mapping[GroupId, tuple[str, ...]]
    principals: Mapping[str, CloudPrincipal]
    writers: OtherWriters
    reading: Reading
