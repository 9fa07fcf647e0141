"""Who may sign in: users with the directory roles that some of them hold, and app registrations with their consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from cryptography import x509

from rehearsal.cloud.sign_in_errors import disabled_application, missing, unknown_application
from rehearsal.cloud.store import CloudStore


@dataclass(frozen=True)
class FederatedCredential:
    """A token of another issuer that an app registration trusts; each is compared letter by letter."""

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True)
class Application:
    """One app registration.

    Attributes:
        client_id: Application id.
        object_id: Id of the service principal.
        display_name: Its name.
        secret: Client secret; empty for none.
        certificates: Registered certificates.
        federated: Whose tokens prove the application as its own credentials do.
        roles: Graph application permissions with consent.
        scopes: Graph delegated permissions with consent of an administrator.
        public: "Allow public client flows": device code without a credential.
        multi_tenant: Whether ``/common`` and ``/organizations`` serve it.
        enabled: Whether its service principal may sign in.
    """

    client_id: str
    object_id: str
    display_name: str
    secret: str = field(repr=False)
    certificates: tuple[x509.Certificate, ...]
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    public: bool = False
    multi_tenant: bool = False
    federated: tuple[FederatedCredential, ...] = ()
    enabled: bool = True


class Registrations:
    """Applications by client id, as they are now and as they were at the start."""

    def __init__(self, applications: Iterable[Application]) -> None:
        self._seed = tuple(applications)
        self._applications = {app.client_id: app for app in self._seed}

    def reset(self) -> None:
        """As at the start."""
        self._applications = {app.client_id: app for app in self._seed}

    def get(self, client_id: str) -> Application:
        """The application of a sign-in.

        Raises:
            SignInError: None given, unknown or disabled.
        """
        if not client_id:
            raise missing("client_id")
        application = self._applications.get(client_id.lower())
        if application is None:
            raise unknown_application(client_id)
        if not application.enabled:
            raise disabled_application(application.client_id, application.display_name)
        return application

    def change(self, client_id: str, **changes: object) -> None:
        """Replace fields of an application.

        Raises:
            KeyError: Unknown client id.
        """
        self._applications[client_id] = replace(self._applications[client_id], **changes)  # type: ignore[arg-type]


GLOBAL_ADMINISTRATOR = "Global Administrator"
APPLICATION_ADMINISTRATOR = "Application Administrator"
CLOUD_APPLICATION_ADMINISTRATOR = "Cloud Application Administrator"
HYBRID_IDENTITY_ADMINISTRATOR = "Hybrid Identity Administrator"
GROUPS_ADMINISTRATOR = "Groups Administrator"
USER_ADMINISTRATOR = "User Administrator"
GLOBAL_READER = "Global Reader"
DIRECTORY_READERS = "Directory Readers"
REPORTS_READER = "Reports Reader"
SECURITY_READER = "Security Reader"

ROLE_TEMPLATES: Mapping[str, str] = {
    GLOBAL_ADMINISTRATOR: "62e90394-69f5-4237-9190-012177145e10",
    APPLICATION_ADMINISTRATOR: "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    CLOUD_APPLICATION_ADMINISTRATOR: "158c047a-c907-4556-b7ef-446551a6b5f7",
    HYBRID_IDENTITY_ADMINISTRATOR: "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    GROUPS_ADMINISTRATOR: "fdd7a751-b60b-444a-984c-02652fe8fa1c",
    USER_ADMINISTRATOR: "fe930be7-5e62-47db-91af-98c3a49a38b1",
    GLOBAL_READER: "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    DIRECTORY_READERS: "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    REPORTS_READER: "4a5d8f65-41da-4de4-8968-e035b65339cf",
    SECURITY_READER: "5d6b6bb7-de71-4623-b4af-96380a352509",
}
"""Template ids of directory roles ("Microsoft Entra built-in roles"); a token names them in its claim wids."""
EVERY_MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"
"""What wids holds for every user of the tenant who is not a guest."""


@dataclass(frozen=True)
class User:
    """One user as the token service knows them."""

    id: str
    user_principal_name: str
    display_name: str
    enabled: bool
    guest: bool
    roles: frozenset[str] = frozenset()

    @property
    def wids(self) -> tuple[str, ...]:
        """Template ids of the directory roles."""
        own = tuple(sorted(ROLE_TEMPLATES[role] for role in self.roles))
        return own if self.guest else (*own, EVERY_MEMBER)


class Users(Protocol):
    """Where the token service looks users up."""

    def find(self, name: str) -> User | None:
        """The user with this id or user principal name."""
        ...

    def administrators(self) -> tuple[User, ...]:
        """Users who hold a directory role, most powerful first."""
        ...


class TenantUsers:
    """Users of a ``CloudStore``.

    Args:
        store: The tenant's objects.
        roles: Directory roles by user id.
    """

    def __init__(self, store: CloudStore, roles: Mapping[str, frozenset[str]]) -> None:
        self._store = store
        self._roles = dict(roles)

    def find(self, name: str) -> User | None:
        """The user with this id or user principal name, whatever its case."""
        wanted = name.strip().casefold()
        record = self._store.users.get(wanted)
        if record is None:
            records = self._store.users.values()
            record = next((one for one in records if str(one["userPrincipalName"]).casefold() == wanted), None)
        if record is None:
            return None
        return User(
            str(record["id"]),
            str(record["userPrincipalName"]),
            str(record.get("displayName") or record["userPrincipalName"]),
            enabled=record.get("accountEnabled") is not False,
            guest=record.get("userType") == "Guest",
            roles=self._roles.get(str(record["id"]), frozenset()),
        )

    def administrators(self) -> tuple[User, ...]:
        """Users who hold a directory role, in the order in which the roles were given."""
        found = (self.find(identifier) for identifier in self._roles)
        return tuple(user for user in found if user is not None)
