"""What a token must hold for a call: permissions of the application, and the directory role of a signed-in person.

Sources: "Microsoft Graph permissions reference" and the pages of the calls. Each set holds the least privileged
permission and the higher ones that Graph accepts as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.cloud.accounts import (
    APPLICATION_ADMINISTRATOR,
    CLOUD_APPLICATION_ADMINISTRATOR,
    DIRECTORY_READERS,
    EVERY_MEMBER,
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    GROUPS_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
    REPORTS_READER,
    ROLE_TEMPLATES,
    SECURITY_READER,
    USER_ADMINISTRATOR,
)
from rehearsal.cloud.errors import denied

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
        object_id: The application's own service principal, where it acts for itself.
        directory_roles: Template ids of the user's directory roles.
    """

    client_id: str
    roles: frozenset[str]
    user_id: str = ""
    directory_roles: frozenset[str] = frozenset()
    object_id: str = ""

    @property
    def owner(self) -> str:
        """By which id it owns what it makes: a person's own, an application's service principal's."""
        return self.user_id or self.object_id or self.client_id

    @property
    def delegated(self) -> bool:
        """Whether the application acts for a user."""
        return bool(self.user_id)

    def holds(self, roles: frozenset[str]) -> bool:
        """Whether the signed-in person has one of the directory roles, given by name."""
        return any(ROLE_TEMPLATES[role] in self.directory_roles for role in roles)

    def has(self, accepted: frozenset[str]) -> bool:
        """Whether one of the accepted permissions was granted."""
        return bool(self.roles & accepted)

    def sees(self, type_name: str) -> bool:
        """Whether members of this type come with their properties, or with their id alone."""
        return self.has(_READABLE[type_name])


NOBODY = Caller("", frozenset())
"""Who sends no token, where none is needed."""

WRITE_GROUPS = frozenset({"Group.ReadWrite.All", "Directory.ReadWrite.All"})
CREATE_GROUPS = WRITE_GROUPS | {"Group.Create"}
WRITE_MEMBERS = WRITE_GROUPS | {"GroupMember.ReadWrite.All"}
READ_DOMAINS = _DIRECTORY | {"Domain.Read.All", "Domain.ReadWrite.All"}
READ_LICENCES = READ_ORGANIZATION | {"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All"}
READ_SETTINGS = _DIRECTORY | {"GroupSettings.Read.All", "GroupSettings.ReadWrite.All"}
WRITE_SETTINGS = frozenset({"Directory.ReadWrite.All", "GroupSettings.ReadWrite.All"})
READ_SYNCHRONIZATION = frozenset(
    {"OnPremDirectorySynchronization.Read.All", "OnPremDirectorySynchronization.ReadWrite.All"}
)
READ_AGENTS = frozenset(
    {
        "Policy.Read.HybridAuthentication",
        "Policy.ReadWrite.HybridAuthentication",
        "Directory.ReadWrite.All",
        "OnPremisesPublishingProfiles.ReadWrite.All",
    }
)
"""The last one is what an older page of "Get onPremisesPublishingProfile" names."""
WRITE_SYNCHRONIZATION = frozenset({"OnPremDirectorySynchronization.ReadWrite.All"})
OWNED_ONLY = "Application.ReadWrite.OwnedBy"
"""An application permission, for what the application owns: what it made itself, or what somebody made it owner of."""
WRITE_JOBS = frozenset({"Synchronization.ReadWrite.All", OWNED_ONLY})
READ_JOBS = WRITE_JOBS | {"Synchronization.Read.All"}
MAKE_APPLICATIONS = frozenset({OWNED_ONLY, "Application.ReadWrite.All", "Directory.ReadWrite.All"})
READ_EXTENSIONS = READ_APPLICATIONS | {OWNED_ONLY}
REMOVE_APPLICATIONS = frozenset({OWNED_ONLY, "Application.ReadWrite.All"})
ASSIGN = frozenset({"AppRoleAssignment.ReadWrite.All"})
ALSO_TO_ASSIGN = frozenset({"Application.Read.All", "Application.ReadWrite.All"}) | _DIRECTORY
"""What "Grant an appRoleAssignment for a service principal" asks for beside the permission to assign."""
READ_CATALOGS = frozenset({"EntitlementManagement.Read.All", "EntitlementManagement.ReadWrite.All"})
READ_PROVISIONING = frozenset({"AuditLog.Read.All", "ProvisioningLog.Read.All", "Directory.Read.All"})
BEHAVIOR = frozenset({"Group-OnPremisesSyncBehavior.ReadWrite.All"})
"""For reading as for writing: "Get onPremisesSyncBehavior" names no permission that only reads."""
READ_BY_IDS = READ_GROUPS | READ_USERS | READ_DEVICES | READ_APPLICATIONS | READ_CONTACTS

_SYNCHRONIZATION_ROLES = frozenset({GLOBAL_ADMINISTRATOR})
"""The page of onPremisesSynchronization names no other role, for reading as for writing."""
_HYBRID_ROLES = frozenset({GLOBAL_ADMINISTRATOR, HYBRID_IDENTITY_ADMINISTRATOR})
_PROVISIONING_ROLES = _HYBRID_ROLES | {APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR}
_ASSIGNING_ROLES = _PROVISIONING_ROLES | {USER_ADMINISTRATOR}
_GROUP_ROLES = frozenset({GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR, USER_ADMINISTRATOR})
_REPORT_ROLES = frozenset({GLOBAL_ADMINISTRATOR, GLOBAL_READER, REPORTS_READER, SECURITY_READER})
_SETTING_READERS = _GROUP_ROLES | {DIRECTORY_READERS, GLOBAL_READER}
_RESTORE_ROLES = frozenset({GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR})

_READ, _WRITE = frozenset({"GET"}), frozenset({"POST", "PATCH", "PUT", "DELETE"})
_ROLES: tuple[tuple[frozenset[str], str, frozenset[str]], ...] = (
    (_READ | _WRITE, "directory/onPremisesSynchronization", _SYNCHRONIZATION_ROLES),
    (_READ | _WRITE, "groups/{id}/onPremisesSyncBehavior", _HYBRID_ROLES),
    (_READ | _WRITE, "servicePrincipals/{id}/synchronization", _PROVISIONING_ROLES),
    (_WRITE, "servicePrincipals/{id}/appRoleAssignedTo", _ASSIGNING_ROLES),
    (_WRITE, "servicePrincipals", _PROVISIONING_ROLES),
    (_WRITE, "applications", _PROVISIONING_ROLES),
    (_WRITE, "applicationTemplates", _PROVISIONING_ROLES),
    (_READ, "auditLogs/provisioning", _REPORT_ROLES),
    (_WRITE, "directory/deletedItems", _RESTORE_ROLES),
    (_WRITE, "groupSettings", _GROUP_ROLES),
    (_WRITE, "settings", _GROUP_ROLES),
    (_READ, "groupSettings", _SETTING_READERS),
    (_READ, "settings", _SETTING_READERS),
    (_READ, "groupSettingTemplates", _SETTING_READERS),
    (_READ, "directorySettingTemplates", _SETTING_READERS),
    (_WRITE, "groups/{id}", _GROUP_ROLES),
)
"""Methods, beginning of the template, and the roles of which a person needs one. Other calls need none."""
_OWNED = "groups/{id}"
"""What the owner of a group may write without any role."""


def require(
    method: str,
    template: str,
    caller: Caller,
    *,
    accepted: frozenset[str],
    also: frozenset[str],
    people_only: bool,
    owns: Callable[[str], bool],
) -> None:
    """Refuse whoever may not make a call.

    Args:
        method: The request's method.
        template: The route's template, ``groups/{id}/members``.
        caller: Who asks.
        accepted: Permissions of which one is enough; empty for no permission at all.
        also: Permissions of which one is needed as well; empty for none.
        people_only: Whether an application without a signed-in person is refused.
        owns: Whether a user or an application (``Caller.owner``) owns the object that the template's first brace
            stands for.

    Raises:
        GraphError: 403.
    """
    # An application may have to own what it writes; a person cannot be given that permission.
    whole = accepted - {OWNED_ONLY}
    if accepted and not caller.has(whole if caller.delegated else accepted):
        raise denied()
    if also and not caller.has(also):
        raise denied()
    if not caller.delegated:
        owned_only = bool(accepted) and not caller.has(whole) and not _makes(template)
        if people_only or (owned_only and not owns(caller.owner)):
            raise denied()
        return
    roles = _roles_for(method, template)
    if roles is None:
        # Guests read their own profile and little else; what they may is not covered here.
        if accepted and EVERY_MEMBER not in caller.directory_roles and not caller.holds(frozenset(ROLE_TEMPLATES)):
            raise denied()
    elif not caller.holds(roles) and not (_is_owners(template) and owns(caller.user_id)):
        raise denied()


def _makes(template: str) -> bool:
    """Whether a call makes an object of its own, so that nothing is owned before it."""
    return template in ("applications", "servicePrincipals") or template.startswith("applicationTemplates/")


def _roles_for(method: str, template: str) -> frozenset[str] | None:
    for methods, beginning, roles in _ROLES:
        if method in methods and (template == beginning or template.startswith(f"{beginning}/")):
            return roles
    return None


def _is_owners(template: str) -> bool:
    rest = template.removeprefix(_OWNED)
    return rest != template and not rest.startswith("/onPremisesSyncBehavior")
