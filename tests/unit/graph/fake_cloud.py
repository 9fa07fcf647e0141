"""A cloud inside the process: answers from Python functions, and a clock that tests move."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.session import CloudSession
from runbook_lib.graph.sign_in.tokens import Tokens
from runbook_lib.graph.transport import GraphClient
from runbook_lib.secrets.sources import Secret

TENANT = "1a2b3c4d-1111-4111-8111-abcdefabcdef"
GRAPH = "https://graph.example"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that only moves when somebody sleeps, or when a test moves it."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Reply:
    """One HTTP answer."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Sent instead of ``body`` as JSON."""


Handler = Callable[[requests.PreparedRequest], Reply | Exception]


class FakeAdapter(BaseAdapter):
    """Answers every request with ``handler`` and keeps what was asked."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self.handler = handler
        self.sent: list[requests.PreparedRequest] = []
        self.options: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **kwargs: Any) -> requests.Response:
        self.sent.append(request)
        self.options.append(kwargs)
        reply = self.handler(request)
        if isinstance(reply, Exception):
            raise reply
        response = requests.Response()
        response.status_code = reply.status
        response.headers = CaseInsensitiveDict({"request-id": f"request-{len(self.sent)}", **reply.headers})
        body = json.dumps(reply.body).encode() if reply.raw is None else reply.raw
        response.raw = HTTPResponse(BytesIO(body), headers=dict(reply.headers), preload_content=False)
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class FixedTokens:
    """Tokens without signing in: ``token-0``, and the next number for each one refused."""

    issued: int = 0
    claims: list[str | None] = field(default_factory=list)
    abandoned: bool = False

    def token(self, *, refused: Secret | None = None, claims: str | None = None) -> Secret:
        if refused is not None:
            self.issued += 1
            self.claims.append(claims)
        return Secret(f"token-{self.issued}")

    def abandon(self) -> None:
        self.abandoned = True


def session_with(handler: Handler) -> tuple[CloudSession, FakeAdapter]:
    """Our session, answered by ``handler``."""
    session, adapter = CloudSession(), FakeAdapter(handler)
    session.mount("https://", adapter)
    return session, adapter


def sender_with(session: CloudSession, clock: Clock, policy: RetryPolicy | None = None) -> Sender:
    """A sender whose back-off waits its full time and whose ids are numbers."""
    numbers = count(1)
    return Sender(
        session,
        clock=clock,
        sleep=clock.sleep,
        policy=policy,
        random=lambda: 1.0,
        new_id=lambda: f"client-{next(numbers)}",
    )


def client_with(
    handler: Handler,
    clock: Clock | None = None,
    policy: RetryPolicy | None = None,
    tokens: Tokens | None = None,
) -> tuple[GraphClient, FakeAdapter, Clock]:
    """A Graph client that is signed in, answered by ``handler``."""
    clock = clock or Clock()
    session, adapter = session_with(handler)
    sender = sender_with(session, clock, policy)
    client = GraphClient(GRAPH, tokens or FixedTokens(), session, clock=clock, sleep=clock.sleep, sender=sender)
    return client, adapter, clock


def in_turn(*replies: Reply | Exception) -> Handler:
    """The replies one after the other; the last one for ever."""
    waiting = list(replies)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def graph_error(status: int, code: str, message: str = "said so", headers: Mapping[str, str] | None = None) -> Reply:
    """An error as Graph words it."""
    return Reply(status, {"error": {"code": code, "message": message, "innerError": {}}}, headers or {})


def path_of(request: requests.PreparedRequest) -> str:
    """The path below the version."""
    return urlsplit(str(request.url)).path.removeprefix("/v1.0")


def query_of(request: requests.PreparedRequest) -> dict[str, str]:
    """The query options."""
    return {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
