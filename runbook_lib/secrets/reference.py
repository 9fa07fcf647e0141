"""Secrets by reference: a parameter says where a secret is, never what it is.

=====================================  =============================================================================
``env:CONTOSO_MAIL``                   the environment variable
``file:secrets/mail.txt``              a file that only its owner can read; relative to the project's root
``keyring:gwb/contoso``                service and account in the key store of the system (the extra ``[keyring]``)
``keyvault:HOST/NAME``                 host of an Azure Key Vault and the secret there, maybe with ``/VERSION``
=====================================  =============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from runbook_lib.errors import NoAccess
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.parameters.paths import resolve
from runbook_lib.secrets.sources import MALFORMED, Secret, impossible, secret_file, secret_variable

Kind = Literal["env", "file", "keyring", "keyvault"]
_KINDS: Mapping[str, re.Pattern[str]] = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "file": re.compile(r".+"),
    "keyring": re.compile(r"[^/]+/.+"),
    # Names of vaults, secrets and versions: "About keys, secrets, and certificates", object identifiers.
    "keyvault": re.compile(
        r"[a-z](?:[a-z0-9-]{1,22})[a-z0-9]\.vault\.(?:azure\.net|usgovcloudapi\.net|azure\.cn)"
        r"/[0-9A-Za-z-]{1,127}(?:/[0-9a-f]{32})?"
    ),
}
REFERENCE_HINT = t("Write env:NAME, file:PATH, keyring:SERVICE/ACCOUNT or keyvault:NAME.vault.azure.net/SECRET.")


class MalformedReference(ValueError):  # noqa: N818 - what it says becomes part of an error in words
    """A text that is no reference to a secret.

    Attributes:
        why: What is wrong, continuing "<parameter> …". It never quotes the text, which may be the secret itself.
    """

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is.

    Attributes:
        kind: Where to look.
        place: What it is called there.
    """

    kind: Kind
    place: str

    @property
    def shown(self) -> str:
        """For people; it holds no secret."""
        return printable(f"{self.kind}:{self.place}", limit=200)


def parse_reference(text: str) -> SecretReference:
    """The reference in a text.

    Raises:
        MalformedReference: It is none.
    """
    kind, _, place = text.partition(":")
    pattern = _KINDS.get(kind)
    if pattern is None:
        raise MalformedReference(t("is not a reference to a secret"))
    if not pattern.fullmatch(place):
        raise MalformedReference(t("is no reference of the kind {kind}", kind=kind))
    return SecretReference(cast("Kind", kind), place)


@dataclass(frozen=True, slots=True)
class SecretStores:
    """Where referenced secrets are looked up.

    Attributes:
        environment: Environment variables.
        project_root: What relative paths resolve against.
        vault: Reads a secret of a key vault: the reference, and what the secret is for, in words. None: nothing does.
    """

    environment: Mapping[str, str]
    project_root: Path
    vault: Callable[[SecretReference, Text], Secret] | None = None

    def get(self, text: str, *, parameter: str, what: Text) -> Secret:
        """The secret that a parameter refers to.

        Args:
            text: The reference; it has been checked.
            parameter: Whose value it is.
            what: What the secret is for, in words.

        Raises:
            NoAccess: It is not there (``secret-missing``), or cannot be one (``secret-malformed``).
            UsageError: The file cannot be used.
        """
        reference = parse_reference(text)
        if reference.kind == "env":
            return secret_variable(reference.place, self.environment, what=what)
        if reference.kind == "file":
            return secret_file(resolve(reference.place, self.project_root), parameter=parameter)
        if reference.kind == "keyvault":
            if self.vault is None:
                raise NoAccess(
                    t("No {what}: {reference} is not read here.", what=what, reference=reference.shown),
                    code="secret-missing",
                    values={"reference": reference.shown},
                )
            value = self.vault(reference, what)
        else:
            value = _of_keyring(reference, what)
        if why := impossible(value.reveal()):
            raise NoAccess(
                t(
                    "What {reference} holds {why}, so it cannot be the {what}.",
                    reference=reference.shown,
                    why=why,
                    what=what,
                ),
                code=MALFORMED,
                hint=t("Nothing was sent. Store the secret there anew, alone."),
                values={"reference": reference.shown},
            )
        return value


def _of_keyring(reference: SecretReference, what: Text) -> Secret:
    service, _, account = reference.place.partition("/")
    try:
        import keyring
    except ImportError:
        raise NoAccess(
            t("No {what}: {reference} needs the package keyring.", what=what, reference=reference.shown),
            code="secret-missing",
            hint=t("Install requirements-keyring.lock, or keep the secret elsewhere: env:NAME or file:PATH."),
            values={"reference": reference.shown},
        ) from None
    try:
        value = keyring.get_password(service, account)
    except Exception as error:  # noqa: BLE001 - each back end raises its own; the value is in none of them
        raise NoAccess(
            t(
                "No {what}: the key store of this system does not give {reference} ({name}).",
                what=what,
                reference=reference.shown,
                name=type(error).__name__,
            ),
            code="secret-missing",
            hint=t("A service has no desktop session: keep the secret in a file."),
            values={"reference": reference.shown},
        ) from None
    if not value:
        raise NoAccess(
            t("No {what}: the key store of this system has no {reference}.", what=what, reference=reference.shown),
            code="secret-missing",
            hint=t("Store it: keyring set {service} {account}", service=service, account=account),
            values={"reference": reference.shown},
        )
    return Secret(value)
