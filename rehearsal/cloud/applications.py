"""App registrations of the tenant, each with its service principal and what was consented to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cryptography import x509

from rehearsal.cloud.sign_in_errors import disabled_application, missing, unknown_application


@dataclass(frozen=True)
class Application:
    """One app registration.

    Attributes:
        client_id: Application id.
        object_id: Id of the service principal.
        display_name: Its name.
        secret: Client secret; empty for none.
        certificates: Registered certificates.
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
