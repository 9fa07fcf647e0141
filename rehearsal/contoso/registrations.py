"""App registrations of Contoso's tenant: the runbook's own, one for each kind of work, and Microsoft's command line."""

from __future__ import annotations

from dataclasses import replace

from cryptography import x509

from rehearsal.cloud.accounts import Application, FederatedCredential
from rehearsal.contoso import names

READER_CLIENT_ID = names.guid("application Runbook reader")
OPERATOR_CLIENT_ID = names.guid("application Runbook operator")
ADMINISTRATOR_CLIENT_ID = names.guid("application Runbook administrator")
MACHINE_CLIENT_ID = names.guid("system-assigned identity of the machine")
"""Client id of the system-assigned managed identity."""
ASSIGNED_CLIENT_ID = names.guid("user-assigned identity gwb")
"""Client id of a user-assigned managed identity, which may do what the operator may."""
CLUSTER = FederatedCredential("https://cluster.contoso.example/", "system:serviceaccount:gwb:runbook")
"""Whose tokens the runbook's app registration trusts."""
COMMAND_LINE_CLIENT_ID = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft Graph Command Line Tools, a public client of every tenant."""

PRINCIPALS = (
    (names.APP_NAME, names.CLIENT_ID, names.CLIENT_OBJECT_ID),
    *(
        (name, client_id, names.guid(f"service principal of {name}"))
        for name, client_id in (
            ("Runbook reader", READER_CLIENT_ID),
            ("Runbook operator", OPERATOR_CLIENT_ID),
            ("Runbook administrator", ADMINISTRATOR_CLIENT_ID),
            ("Microsoft Graph Command Line Tools", COMMAND_LINE_CLIENT_ID),
            ("Runbook machine", MACHINE_CLIENT_ID),
            ("Runbook assigned identity", ASSIGNED_CLIENT_ID),
        )
    ),
)
"""Service principals by name, application id and object id: who can sign in is there."""
MANAGED_IDENTITIES = (MACHINE_CLIENT_ID, ASSIGNED_CLIENT_ID)
"""Which of them have no app registration."""
_OBJECT_IDS = {client_id: object_id for _, client_id, object_id in PRINCIPALS}

READER_ROLES = ("Group.Read.All", "User.Read.All", "Organization.Read.All")
"""Enough for an inventory."""
OPERATOR_ROLES = (
    *names.APP_ROLES,
    "AppRoleAssignment.ReadWrite.All",
    "AuditLog.Read.All",
    "Group.ReadWrite.All",
    "LicenseAssignment.Read.All",
    "Synchronization.ReadWrite.All",
)
"""What the runbook reads, and what it takes to run Cloud Sync jobs, to choose their groups and to set the writeback
state of groups."""
ADMINISTRATOR_ROLES = (
    *OPERATOR_ROLES,
    "Application.ReadWrite.All",
    "Directory.ReadWrite.All",
    "Group-OnPremisesSyncBehavior.ReadWrite.All",
    "PrivilegedAccess.ReadWrite.AzureADGroup",
)
"""Also new configurations of Cloud Sync, the tenant's default for new groups, sources of authority and role-assignable
groups."""
_PEOPLE = ("OnPremDirectorySynchronization.Read.All", "Policy.Read.HybridAuthentication")
"""What Graph shows to people alone."""
READER_SCOPES = (*READER_ROLES, "Member.Read.Hidden", "OnPremDirectorySynchronization.Read.All", "User.Read")
OPERATOR_SCOPES = (*OPERATOR_ROLES, "OnPremDirectorySynchronization.Read.All", "User.Read")
ADMINISTRATOR_SCOPES = (*ADMINISTRATOR_ROLES, "OnPremDirectorySynchronization.ReadWrite.All", "User.Read")


def registrations(certificate: x509.Certificate, secret: str) -> tuple[Application, ...]:
    """Every app registration and managed identity.

    Those of the runbook share one certificate and one secret, and allow device codes.
    """

    def own(client_id: str, name: str, roles: tuple[str, ...], scopes: tuple[str, ...]) -> Application:
        return Application(client_id, _OBJECT_IDS[client_id], name, secret, (certificate,), roles, scopes, public=True)

    return (
        replace(
            own(
                names.CLIENT_ID,
                names.APP_NAME,
                names.APP_ROLES,
                (*names.APP_ROLES, *_PEOPLE, "User.Read"),
            ),
            federated=(CLUSTER,),
        ),
        *(
            Application(client_id, _OBJECT_IDS[client_id], name, "", (), roles)
            for client_id, name, roles in (
                (MACHINE_CLIENT_ID, "Runbook machine", names.APP_ROLES),
                (ASSIGNED_CLIENT_ID, "Runbook assigned identity", OPERATOR_ROLES),
            )
        ),
        own(READER_CLIENT_ID, "Runbook reader", READER_ROLES, READER_SCOPES),
        own(OPERATOR_CLIENT_ID, "Runbook operator", OPERATOR_ROLES, OPERATOR_SCOPES),
        own(ADMINISTRATOR_CLIENT_ID, "Runbook administrator", ADMINISTRATOR_ROLES, ADMINISTRATOR_SCOPES),
        Application(
            COMMAND_LINE_CLIENT_ID,
            _OBJECT_IDS[COMMAND_LINE_CLIENT_ID],
            "Microsoft Graph Command Line Tools",
            "",
            (),
            (),
            READER_SCOPES,
            public=True,
            multi_tenant=True,
        ),
    )
