"""Which application permissions each read accepts ("Microsoft Graph permissions reference")."""

from __future__ import annotations

from dataclasses import dataclass

_DIRECTORY = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})

_GROUPS = frozenset({"Group.Read.All", "Group.ReadWrite.All"})

READ_GROUPS = _DIRECTORY | _GROUPS | {"GroupMember.Read.All", "GroupMember.ReadWrite.All"}
READ_USERS = _DIRECTORY | {"User.Read.All", "User.ReadWrite.All"}
READ_DEVICES = _DIRECTORY | {"Device.Read.All", "Device.ReadWrite.All"}
READ_APPLICATIONS = _DIRECTORY | {"Application.Read.All", "Application.ReadWrite.All"}
READ_CONTACTS = _DIRECTORY | {"OrgContact.Read.All"}
READ_ORGANIZATION = _DIRECTORY | {"Organization.Read.All", "Organization.ReadWrite.All"}
READ_DELETED_GROUPS = _DIRECTORY | _GROUPS
READ_HIDDEN = frozenset({"Member.Read.Hidden"})

_READABLE = {
    "user": READ_USERS,
    "group": READ_GROUPS,
    "device": READ_DEVICES,
    "servicePrincipal": READ_APPLICATIONS,
    "orgContact": READ_CONTACTS,
}


@dataclass(frozen=True)
class Caller:
    """Who sent a request, from its access token.

    Attributes:
        client_id: The application.
        roles: Application permissions, or delegated ones where a user signed in.
        user_id: The user; empty for the application itself.
        directory_roles: Template ids of the user's directory roles.
    """

    client_id: str
    roles: frozenset[str]
    user_id: str = ""
    directory_roles: frozenset[str] = frozenset()

    @property
    def delegated(self) -> bool:
        """Whether the application acts for a user."""
        return bool(self.user_id)

    def has(self, accepted: frozenset[str]) -> bool:
        """Whether one of the accepted permissions was granted."""
        return bool(self.roles & accepted)

    def sees(self, type_name: str) -> bool:
        """Whether members of this type come with their properties, or with their id alone."""
        return self.has(_READABLE[type_name])


WRITE_GROUPS = frozenset({"Group.ReadWrite.All", "Directory.ReadWrite.All"})
CREATE_GROUPS = WRITE_GROUPS | {"Group.Create"}
WRITE_MEMBERS = WRITE_GROUPS | {"GroupMember.ReadWrite.All"}
READ_DIRECTORY = _DIRECTORY
READ_DOMAINS = _DIRECTORY | {"Domain.Read.All", "Domain.ReadWrite.All"}
READ_LICENCES = READ_ORGANIZATION | {"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"}
READ_SETTINGS = _DIRECTORY | {"GroupSettings.Read.All", "GroupSettings.ReadWrite.All"}
WRITE_SETTINGS = frozenset({"Directory.ReadWrite.All", "GroupSettings.ReadWrite.All"})
READ_SYNCHRONIZATION = frozenset(
    {"OnPremDirectorySynchronization.Read.All", "OnPremDirectorySynchronization.ReadWrite.All"}
)
WRITE_SYNCHRONIZATION = frozenset({"OnPremDirectorySynchronization.ReadWrite.All"})
READ_JOBS = frozenset({"Synchronization.Read.All", "Synchronization.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
WRITE_JOBS = frozenset({"Synchronization.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
READ_PROVISIONING = frozenset({"AuditLog.Read.All", "ProvisioningLog.Read.All", "Directory.Read.All"})
READ_BEHAVIOR = frozenset({"Group-OnPremisesSyncBehavior.Read.All", "Group-OnPremisesSyncBehavior.ReadWrite.All"})
WRITE_BEHAVIOR = frozenset({"Group-OnPremisesSyncBehavior.ReadWrite.All"})
READ_BY_IDS = READ_GROUPS | READ_USERS | READ_DEVICES | READ_APPLICATIONS | READ_CONTACTS
