"""Workload identity federation: a token of somebody the app registration trusts takes the place of a secret.

Kubernetes (AKS), GitHub Actions and others keep a short-lived token in a file and renew it there; the variable
``AZURE_FEDERATED_TOKEN_FILE`` names it ("Workload identity federation", "Microsoft Entra Workload ID overview").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.errors import NoAccess
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import MALFORMED, Secret, token_file

FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105 - the variable's name
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FederatedToken:
    """The file with the token of another issuer."""

    path: Path

    def read(self) -> Secret:
        """The token that is there now: whoever keeps the file renews it.

        Raises:
            UsageError: The file cannot be read.
            NoAccess: It holds something other than one JSON Web Token (``secret-malformed``).
        """
        token = token_file(self.path, named_by=FEDERATED_TOKEN_FILE)
        if _TOKEN.fullmatch(token.reveal()):
            return token
        raise NoAccess(
            t("The file {path} holds something other than one JSON Web Token.", path=self.path),
            code=MALFORMED,
            hint=t("Nothing was sent. Check what {name} names.", name=FEDERATED_TOKEN_FILE),
            values={"path": str(self.path)},
        )


def federated_token(environment: Mapping[str, str]) -> FederatedToken:
    """Where the environment says that the token is.

    Raises:
        NoAccess: It does not say (``secret-missing``).
    """
    named = environment.get(FEDERATED_TOKEN_FILE, "")
    if named:
        return FederatedToken(Path(named))
    raise NoAccess(
        t("No token to sign in with: the environment variable {name} is not set.", name=FEDERATED_TOKEN_FILE),
        code="secret-missing",
        hint=t(
            "Kubernetes sets it in pods with the label azure.workload.identity/use; elsewhere set it to the file with "
            "the token, or set sign_in to another way."
        ),
        values={"variable": FEDERATED_TOKEN_FILE},
    )
