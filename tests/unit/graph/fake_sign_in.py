"""A sign-in service for the fake cloud, and token sources that use it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from runbook_lib.graph.credential import ClientCertificate, load_certificate
from runbook_lib.graph.sign_in import TokenSource
from runbook_lib.secrets import Secret
from tests.unit.graph.certificates import certificate_pem, key_pem, rsa_key
from tests.unit.graph.fake_cloud import GRAPH, TENANT, Clock, FakeAdapter, Reply, sender_with, session_with

LOGIN = "https://login.example"
CLIENT = "22222222-2222-4222-8222-222222222222"
CLIENT_SECRET = "canary~client secret+8/Q="


def access_token(number: int) -> str:
    """Something that looks like the tokens of Microsoft Entra ID."""
    claims = base64.urlsafe_b64encode(json.dumps({"canary": number}).encode()).decode()
    return f"eyJ0eXAiOiJKV1QifQ.{claims}.canary{number}"


@dataclass
class FakeSignIn:
    """Answers discovery and token requests. ``answers`` replaces the token answers, one after the other."""

    login: str = LOGIN
    lifetime: object = 3600
    issued: int = 0
    answers: list[Reply | Exception] = field(default_factory=list)
    discovery: Reply | None = None
    forms: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        path = urlsplit(str(request.url)).path
        if path.endswith("/.well-known/openid-configuration"):
            return self.discovery or Reply(body=self.configuration())
        if path == "/common/discovery/instance":
            return Reply(body={"metadata": []})
        self.forms.append({name: values[0] for name, values in parse_qs(str(request.body)).items()})
        if self.answers:
            return self.answers.pop(0)
        self.issued += 1
        body = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": access_token(self.issued)}
        return Reply(body=body)

    def configuration(self) -> dict[str, object]:
        """The discovery document."""
        base = f"{self.login}/{TENANT}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
        }


def refusal(number: int, text: str = "said so", *, status: int = 400, error: str = "invalid_client") -> Reply:
    """An error as Microsoft Entra ID words it."""
    description = f"AADSTS{number}: {text} Trace ID: trace-1 Correlation ID: correlation-1 Timestamp: now"
    body = {"error": error, "error_description": description, "error_codes": [number], "trace_id": "trace-1"}
    return Reply(status, body)


def client_certificate(folder: Path) -> ClientCertificate:
    """A certificate that is valid at the start of the fake clock."""
    path = folder / "client.pem"
    path.write_text(key_pem(rsa_key()) + certificate_pem(rsa_key()), encoding="ascii")
    path.chmod(0o600)
    return load_certificate(path)


def token_source(
    service: FakeSignIn,
    credential: ClientCertificate | Secret | None = None,
    clock: Clock | None = None,
    login: str = LOGIN,
) -> tuple[TokenSource, FakeAdapter, Clock]:
    """A token source answered by ``service``; by default with a client secret."""
    clock = clock or Clock()
    session, adapter = session_with(service)
    source = TokenSource(
        tenant_id=TENANT,
        client_id=CLIENT,
        credential=credential or Secret(CLIENT_SECRET),
        authority_url=login,
        graph_url=GRAPH,
        sender=sender_with(session, clock),
        clock=clock,
    )
    return source, adapter, clock
