"""A sign-in service for the fake cloud, and token sources that use it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from runbook_lib.graph.sign_in.app import AppSignIn
from runbook_lib.graph.sign_in.cache import SignInCache
from runbook_lib.graph.sign_in.certificate import ClientCertificate, load_certificate
from runbook_lib.graph.sign_in.device_code import DeviceCode, DeviceCodeSignIn
from runbook_lib.graph.sign_in.msal_http import Registration
from runbook_lib.graph.sign_in.tokens import TokenSource
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.certificates import certificate_pem, key_pem, rsa_key
from tests.unit.graph.fake_cloud import GRAPH, TENANT, Clock, FakeAdapter, Reply, sender_with, session_with

LOGIN = "https://login.example"
CLIENT = "22222222-2222-4222-8222-222222222222"
CLIENT_SECRET = "canary~client secret+8/Q="


REFRESH_TOKEN = "canary-refresh-"
USER_CODE = "CANARY7QX"
DEVICE_FLOW: dict[str, object] = {
    "device_code": "canary-device-code",
    "user_code": USER_CODE,
    "verification_uri": "https://login.example/device",
    "expires_in": 900,
    "interval": 5,
    "message": f"To sign in, type {USER_CODE}",
}


def id_token(upn: str, login: str = LOGIN) -> str:
    """An ID token that msal takes; it looks at times, audience and issuer, not at the signature."""
    claims = {
        "aud": CLIENT,
        "iss": f"{login}/{TENANT}/v2.0",
        "sub": upn,
        "oid": f"oid of {upn}",
        "tid": TENANT,
        "preferred_username": upn,
        "iat": 1,
        "exp": 4_000_000_000,
    }
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJ0eXAiOiJKV1QifQ.{body}.canary"


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
    device_flow: Reply | None = None
    """Answer of the device authorization endpoint, instead of a code."""
    upn: str = "ada@contoso.com"

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        path = urlsplit(str(request.url)).path
        if path.endswith("/.well-known/openid-configuration"):
            return self.discovery or Reply(body=self.configuration())
        if path == "/common/discovery/instance":
            return Reply(body={"metadata": []})
        self.forms.append({name: values[0] for name, values in parse_qs(str(request.body)).items()})
        if path.endswith("/devicecode"):
            return self.device_flow or Reply(body=dict(DEVICE_FLOW))
        if self.answers:
            return self.answers.pop(0)
        self.issued += 1
        body = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": access_token(self.issued)}
        if self.forms[-1]["grant_type"] != "client_credentials":
            body |= {"refresh_token": f"{REFRESH_TOKEN}{self.issued}", "id_token": id_token(self.upn, self.login)}
        return Reply(body=body)

    def configuration(self) -> dict[str, object]:
        """The discovery document."""
        base = f"{self.login}/{TENANT}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
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
    registration = Registration(TENANT, CLIENT, login, GRAPH)
    method = AppSignIn(
        registration, credential or Secret(CLIENT_SECRET), sender=sender_with(session, clock), clock=clock
    )
    return TokenSource(method, clock=clock), adapter, clock


@dataclass
class Prompt:
    """Somebody who sees codes. ``seen`` is what was shown, in order; ``codes`` the codes alone."""

    seen: list[str] = field(default_factory=list)
    codes: list[DeviceCode] = field(default_factory=list)

    def show(self, code: DeviceCode) -> None:
        self.codes.append(code)
        self.seen.append(f"{code.code} at {code.address}")

    def close(self, text: str) -> None:
        self.seen.append(text)


def person_source(
    service: FakeSignIn, prompt: Prompt | None, cache: SignInCache | None = None, clock: Clock | None = None
) -> tuple[TokenSource, FakeAdapter, Clock]:
    """A token source for a person with a device code."""
    clock = clock or Clock()
    session, adapter = session_with(service)
    method = DeviceCodeSignIn(
        Registration(TENANT, CLIENT, service.login, GRAPH),
        cache=cache or SignInCache(),
        prompt=prompt,
        sender=sender_with(session, clock),
        clock=clock,
        sleep=clock.sleep,
    )
    return TokenSource(method, clock=clock), adapter, clock


def pending() -> Reply:
    """Nobody has typed the code yet."""
    return Reply(400, {"error": "authorization_pending", "error_description": "AADSTS70016: pending"})
