"""What a cloud group of Contoso is described by, before it becomes a Graph object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rehearsal.contoso import names


class Kind(Enum):
    """Kinds of cloud groups."""

    UNIFIED = "microsoft-365"
    SECURITY = "security"
    MAIL_SECURITY = "mail-enabled-security"
    DISTRIBUTION = "distribution-list"

    @property
    def mail_enabled(self) -> bool:
        """Whether groups of this kind have an address."""
        return self is not Kind.SECURITY


class Writer(Enum):
    """Who wrote, or left, an AD object for the group."""

    NOBODY = ""
    SYNCHRONIZED = "from AD"
    """The AD group is the original and Connect synchronizes it upwards."""
    CONVERTED = "converted"
    """The AD group was the original; the group's authority has moved to the cloud since."""
    CONNECT = "Connect"
    CLOUD_SYNC = "Cloud Sync"
    SOMEBODY = "somebody"
    """An object in the target OU with the anchor and without a mark."""


@dataclass(frozen=True, slots=True)
class GroupSpecification:
    """One cloud group.

    Attributes:
        key: Readable key; the id is derived from it and it is the mail nickname.
        name: displayName.
        members: Member keys: people's keys, ``group:<key>``, ``device:<name>``, ``service:<name>``,
            ``contact:<name>``.
        owners: Keys of people.
        rule: Membership rule of a dynamic group, or empty.
        deleted: Whether it is a deleted item.
    """

    key: str
    name: str
    kind: Kind = Kind.UNIFIED
    members: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    description: str | None = None
    visibility: str | None = None
    rule: str = ""
    security_enabled: bool = False
    role_assignable: bool = False
    writer: Writer = Writer.NOBODY
    deleted: bool = False

    @property
    def id(self) -> str:
        """Object id."""
        return names.group_id(self.key)

    @property
    def mail(self) -> str | None:
        """Primary address: Microsoft 365 groups have a domain of their own."""
        if not self.kind.mail_enabled:
            return None
        domain = names.GROUP_MAIL_DOMAIN if self.kind is Kind.UNIFIED else names.MAIL_DOMAIN
        return f"{self.key}@{domain}"

    @property
    def is_security(self) -> bool:
        """securityEnabled."""
        return self.security_enabled or self.kind in (Kind.SECURITY, Kind.MAIL_SECURITY)
