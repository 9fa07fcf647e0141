"""Sign-in by the managed identity of the machine or app that this runs on, through msal: no secret is kept anywhere.

Azure says by environment variables where tokens come from ("How to use managed identities on an Azure VM to acquire an
access token", "Use managed identities for App Service and Azure Functions", "Authenticate against Azure resources with
Azure Arc-enabled servers"). msal reads those of the process itself, as requests does with those of proxies.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msal
from msal import managed_identity as azure

from runbook_lib.errors import NoAccess, ServiceFailed, UsageError
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.graph.session import HostSession
from runbook_lib.graph.sign_in.identity_endpoint import HttpForIdentity, IdentitySource
from runbook_lib.graph.sign_in.msal_http import Registration
from runbook_lib.graph.sign_in.tokens import claims_of, has_token
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import Secret, scrubbed

_ASSIGN = t(
    "Under Identity in the Azure portal, assign the identity that client_id names; empty: the system-assigned one."
)
_SOURCES: Mapping[object, IdentitySource] = {
    azure.APP_SERVICE: IdentitySource(t("Azure App Service"), _ASSIGN),
    azure.AZURE_ARC: IdentitySource(
        t("Azure Arc"),
        t(
            "Look at azcmagent show: the agent has to be connected. Leave client_id empty: older agents know one "
            "identity."
        ),
        challenges=True,
    ),
    azure.DEFAULT_TO_VM: IdentitySource(t("Azure's instance metadata service"), _ASSIGN, updates=True),
}
_UNTRIED = {
    azure.SERVICE_FABRIC: t("Azure Service Fabric"),
    azure.CLOUD_SHELL: t("Azure Cloud Shell"),
    azure.MACHINE_LEARNING: t("Azure Machine Learning"),
}
"""Sources that msal knows and that nobody has tried with this product."""
_KEY_READERS: Mapping[str, Text] = {
    "linux": t("Add the account to the group himds, and sign it in anew."),
    "win32": t("Add the account to the local group Hybrid agent extension applications, and sign it in anew."),
}
_POLICY = RetryPolicy(attempts=7)
"""An update of the instance metadata service takes up to 70 seconds; longer is hardly worth waiting for."""


class ManagedIdentity:
    """Asks for tokens of the one identity that is meant.

    Args:
        client_id: Client id of a user-assigned identity, or empty for the system-assigned one.
        clock: Now, UTC.
        sleep: Waits that many seconds.
        session: Opens a session for local addresses.
    """

    def __init__(
        self,
        client_id: str,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        session: Callable[[], HostSession] = HostSession,
    ) -> None:
        self.client_id = client_id
        self._clock = clock
        self._sleep = sleep
        self._session = session

    def __repr__(self) -> str:
        return f"ManagedIdentity({self.client_id!r})"

    @property
    def shown(self) -> Text:
        """Which identity, in words."""
        if self.client_id:
            return t("the managed identity {client_id}", client_id=self.client_id)
        return t("the system-assigned managed identity")

    def token_for(self, resource: str) -> Mapping[str, object]:
        """An answer with ``access_token`` and ``expires_in``, always asked for anew.

        Args:
            resource: Address of the service that the token is for.

        Raises:
            UsageError: This kind of host has not been tried, or the environment names no local address.
            NoAccess: Nothing answers, the identity is not assigned, or the file of Azure Arc cannot be read.
            ServiceFailed: What answers does not work.
        """
        source = _source()
        with self._session() as session:
            sender = Sender(session, clock=self._clock, sleep=self._sleep, policy=_POLICY)
            http = HttpForIdentity(sender, source)
            answer = self._ask(http, resource)
        if isinstance(answer, dict) and has_token(answer):
            return answer
        raise self._refused(source, http.last)

    def _ask(self, http: HttpForIdentity, resource: str) -> object:
        meant: Any = (
            msal.UserAssignedManagedIdentity(client_id=self.client_id)
            if self.client_id
            else msal.SystemAssignedManagedIdentity()
        )
        # A new client each time: msal would give the token that it kept, also one that has just been refused.
        client = msal.ManagedIdentityClient(meant, http_client=http)
        try:
            return client.acquire_token_for_client(resource=resource)
        except OSError as error:
            raise _no_key(error) from None
        except (ValueError, KeyError, TypeError, AttributeError):  # malformed answers, and msal's own errors
            return None

    def _refused(self, source: IdentitySource, last: Answer | None) -> NoAccess | ServiceFailed:
        said = _said(last.body or {}) if last is not None else ""
        values: dict[str, object] = {**(last.values if last is not None else {}), "client_id": self.client_id}
        if last is not None and last.status < 400 and source.challenges and self.client_id:
            return NoAccess(
                t("{title} does not confirm that its token is one of {shown}.", title=source.title, shown=self.shown),
                code="managed-identity-refused",
                hint=source.to_do,
                values=values,
            )
        if last is not None and last.status < 400:
            # Never quoted: there may be a token in it.
            return ServiceFailed(
                t("{title} answered without a token of {shown}.", title=source.title, shown=self.shown),
                code="managed-identity-garbled",
                hint=source.to_do,
                values=values,
            )
        because = t(" It says: {said}", said=said) if said else NOTHING
        return NoAccess(
            t("{title} gives no token of {shown}.", title=source.title, shown=self.shown) + because,
            code="managed-identity-refused",
            hint=source.to_do,
            values=values,
        )


class ManagedIdentitySignIn:
    """Signs in to Microsoft Graph by a managed identity, to the one tenant that its Azure subscription belongs to.

    Args:
        registration: Tenant and addresses; ``client_id`` is that of the identity, or empty.
        identity: Asks for tokens.
    """

    def __init__(self, registration: Registration, identity: ManagedIdentity) -> None:
        self._registration = registration
        self._identity = identity

    def __repr__(self) -> str:
        return f"ManagedIdentitySignIn({self._registration!r})"

    def abandon(self) -> None:
        """Nothing: nobody is waited for."""

    def acquire(self, *, claims: str | None, renew: bool) -> Mapping[str, object]:  # noqa: ARG002 - always a new one
        """A new token; claims that Graph demands cannot be handed on to these endpoints.

        Raises:
            UsageError: As ``ManagedIdentity.token_for``.
            NoAccess: As there; also where the token is of another tenant or identity than the parameters name.
            ServiceFailed: As there.
        """
        answer = self._identity.token_for(self._registration.graph_url)
        self._require_meant(claims_of(Secret(str(answer["access_token"]))) or {})
        return answer

    def _require_meant(self, claims: Mapping[str, object]) -> None:
        """Where the token says whose it is, it has to be what the parameters name: the machine decides, not they."""
        told = self._registration
        for name, wanted in (("tid", told.tenant_id), ("appid", told.client_id)):
            given = claims.get(name)
            if wanted and isinstance(given, str) and given.casefold() != wanted.casefold():
                raise _another(name, printable(given, limit=80), wanted)


def _source() -> IdentitySource:
    found = azure.get_managed_identity_source()
    if found in _SOURCES:
        return _SOURCES[found]
    raise UsageError(
        t("This is {place}, whose managed identities this was never tried with.", place=_UNTRIED[found]),
        code="managed-identity-untried",
        hint=t("Set sign_in to another way."),
    )


def _no_key(error: OSError) -> NoAccess:
    """Of Azure Arc's challenge; what the network does is no OSError by the time that it gets here."""
    return NoAccess(
        t(
            "The file by which Azure Arc knows its callers cannot be read: {why}.",
            why=error.strerror or type(error).__name__,
        ),
        code="managed-identity-key",
        hint=_KEY_READERS.get(sys.platform, NOTHING),
    )


def _another(name: str, given: str, wanted: str) -> NoAccess:
    if name == "tid":
        return NoAccess(
            t(
                "The managed identity belongs to tenant {given}, and the parameters name {wanted}.",
                given=given,
                wanted=wanted,
            ),
            code="managed-identity-tenant",
            hint=t(
                "A managed identity signs in to the tenant of its own subscription alone. Check tenant_id, or set "
                "sign_in to workload-identity or certificate."
            ),
            values={"tenant_id": given, "expected": wanted},
        )
    return NoAccess(
        t(
            "The token belongs to the identity {given}, and the parameter client_id names {wanted}.",
            given=given,
            wanted=wanted,
        ),
        code="managed-identity-other",
        hint=t("Check client_id: it has to be the client id of the managed identity, not its object id."),
        values={"client_id": given, "expected": wanted},
    )


def _said(body: Mapping[str, object]) -> str:
    """What a source says of a refusal: OAuth's description, or App Service's message."""
    for name in ("error_description", "message", "error"):
        value = body.get(name)
        if isinstance(value, str) and value:
            return scrubbed(value, limit=300)
    return ""
