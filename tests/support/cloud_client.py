"""Plain requests and msal against a rehearsal, as strangers would use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msal
import requests

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal


def plain_session(running: RunningRehearsal) -> requests.Session:
    """A session that trusts the rehearsal's CA only, whatever the environment says."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(running.folder.ca)
    return session


def pem_credential(pem: str) -> dict[str, str]:
    """What msal wants of a PEM file with certificate and key."""
    start = pem.index("-----BEGIN PRIVATE KEY")
    return {"private_key": pem[start:], "public_certificate": pem[:start]}


def sign_in(
    running: RunningRehearsal, credential: Any, *, client_id: str = names.CLIENT_ID, tenant_id: str = names.TENANT_ID
) -> dict[str, Any]:
    """msal's answer to a client-credentials request."""
    base = str(running.state["graph_url"])
    with plain_session(running) as session:
        application = msal.ConfidentialClientApplication(
            client_id,
            authority=f"{base}/{tenant_id}",
            client_credential=credential,
            instance_discovery=False,
            http_client=session,
        )
        answer: dict[str, Any] = application.acquire_token_for_client([f"{base}/.default"])
        return answer


@dataclass
class CloudClient:
    """A signed-in session."""

    base: str
    session: requests.Session

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET below the server's address, or of a whole address as a next link holds it."""
        url = path if path.startswith("https://") else f"{self.base}{path}"
        return self.session.get(url, headers=headers, timeout=20)

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        """Every page, next links followed as given."""
        following: str | None = path
        while following is not None:
            answer = self.get(following)
            answer.raise_for_status()
            body = answer.json()
            yield body["value"]
            following = body.get("@odata.nextLink")


def signed_in(running: RunningRehearsal) -> CloudClient:
    """A client with a fresh token."""
    answer = sign_in(running, pem_credential(running.folder.client.read_text(encoding="ascii")))
    session = plain_session(running)
    session.headers["Authorization"] = f"Bearer {answer['access_token']}"
    return CloudClient(str(running.state["graph_url"]), session)
