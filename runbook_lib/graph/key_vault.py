"""Secrets of Azure Key Vault, read by the managed identity of this computer ("Get Secret", REST API 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.graph.session import CloudSession, HostSession
from runbook_lib.graph.sign_in.managed_identity import ManagedIdentity
from runbook_lib.graph.sign_in.tokens import bearer
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.secrets.reference import SecretReference, SecretStores
from runbook_lib.secrets.sources import Secret, scrubbed

API_VERSION = "7.4"
IDENTITY_VARIABLE = "AZURE_CLIENT_ID"
"""Azure's variable for the user-assigned identity that is meant where several are assigned."""


def stores_of(
    parameters: Parameters,
    environment: Mapping[str, str],
    root: Path,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> SecretStores:
    """Where the secrets of a run are looked up, key vaults included.

    Args:
        parameters: What the run is told: the time for an answer, the CA file, the identity.
        environment: Environment variables.
        root: What relative paths resolve against.
        clock: Now, UTC.
        sleep: Waits that many seconds.
    """
    by_identity = parameters.sign_in == "managed-identity" and parameters.client_id
    timeout = float(parameters.cloud_timeout)
    vault = KeyVault(
        ManagedIdentity(
            (by_identity or environment.get(IDENTITY_VARIABLE, "")).lower(),
            clock=clock,
            sleep=sleep,
            session=lambda: HostSession(timeout=timeout),
        ),
        clock=clock,
        sleep=sleep,
        session=lambda: CloudSession(
            ca_file=Path(parameters.cloud_ca_file).expanduser() if parameters.cloud_ca_file else None, timeout=timeout
        ),
    )
    return SecretStores(environment, root, vault.read)


class KeyVault:
    """Reads secrets.

    Args:
        identity: Whose access the vault checks.
        clock: Now, UTC.
        sleep: Waits that many seconds.
        session: Opens a session over https.
    """

    def __init__(
        self,
        identity: ManagedIdentity,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        session: Callable[[], CloudSession] = CloudSession,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._sleep = sleep
        self._session = session

    def read(self, reference: SecretReference, what: Text) -> Secret:
        """The secret that a reference of the kind ``keyvault`` names; its host is one of Azure's, or it would be none.

        Args:
            reference: Host, name and maybe version.
            what: What the secret is for, in words.

        Raises:
            NoAccess: No identity, no right to read it, or it is not there (``secret-missing``).
            ServiceFailed: The vault does not work.
        """
        host, _, path = reference.place.partition("/")
        try:
            token = self._identity.token_for(f"https://{host.partition('.')[2]}")
            headers = bearer(Secret(str(token["access_token"])))
            with self._session() as session:
                sender = Sender(session, clock=self._clock, sleep=self._sleep)
                answer = sender.send("GET", f"https://{host}/secrets/{path}?api-version={API_VERSION}", headers=headers)
        except RunbookError as error:
            raise type(error)(
                t(
                    "No {what}: {reference} cannot be read. {why}",
                    what=what,
                    reference=reference.shown,
                    why=error.message,
                ),
                code=error.code,
                hint=error.hint,
                values=error.values,
            ) from None
        value = (answer.whole or {}).get("value")
        if isinstance(value, str) and value:
            return Secret(value)
        raise self._refused(answer, reference, what)

    def _refused(self, answer: Answer, reference: SecretReference, what: Text) -> NoAccess:
        error = (answer.body or {}).get("error")
        said = scrubbed(str(error.get("message", "")), limit=200) if isinstance(error, dict) else ""
        hints = {
            401: t("The vault belongs to another tenant than the managed identity, or does not know it."),
            403: t(
                "Give {identity} the role Key Vault Secrets User for this vault, and let its firewall pass this "
                "computer.",
                identity=self._identity.shown,
            ),
            404: t("Check the secret's name and version; a disabled or deleted one is not there either."),
        }
        return NoAccess(
            t(
                "No {what}: the vault does not give {reference} (HTTP {status}). It says: {said}",
                what=what,
                reference=reference.shown,
                status=answer.status,
                said=said,
            )
            if said
            else t(
                "No {what}: the vault does not give {reference} (HTTP {status}).",
                what=what,
                reference=reference.shown,
                status=answer.status,
            ),
            code="secret-missing",
            hint=hints.get(answer.status, t("Look at the vault's diagnostic log.")),
            values={**answer.values, "reference": reference.shown},
        )
