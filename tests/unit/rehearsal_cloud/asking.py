"""Graph without a server in between: Contoso's tenant, asked as a client would ask."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from rehearsal.cloud.graph_handler import dispatch
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, split_options, split_path
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.throttling import Throttle
from rehearsal.contoso.registrations import ADMINISTRATOR_SCOPES

ROOT = "https://localhost:8443"
NOW = datetime(2026, 11, 22, 9, 47, 11, tzinfo=UTC)
GLOBAL_ADMINISTRATOR = frozenset({"62e90394-69f5-4237-9190-012177145e10"})
PERSON = Caller(
    "client",
    frozenset(ADMINISTRATOR_SCOPES)
    | {"Device.Read.All", "Application.Read.All", "OrgContact.Read.All", "EntitlementManagement.Read.All"},
    user_id="00000000-0000-4000-8000-000000000001",
    directory_roles=GLOBAL_ADMINISTRATOR,
)
"""Somebody who may do everything."""


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **how: float) -> None:
        self.now += timedelta(**how)


def answered(answer: Coroutine[Any, Any, GraphAnswer]) -> GraphAnswer:
    """The answer of a request that waits for nothing, without a loop around it."""
    try:
        answer.send(None)
    except StopIteration as done:
        return cast("GraphAnswer", done.value)
    answer.close()
    raise AssertionError("the request waits for something")


class Asking:
    """A client of one store. ``caller`` may be replaced."""

    def __init__(self, store: CloudStore) -> None:
        self.store = store
        self.graph = Graph(store)
        self.caller = PERSON
        self.throttle = Throttle(str(store.organization.get("id")), clock=store.clock)

    def send(
        self,
        method: str,
        address: str,
        body: object = None,
        *,
        version: str = "v1.0",
        headers: Mapping[str, str] | None = None,
    ) -> GraphAnswer:
        """Send a request. ``address`` is a path below the version, or a whole address out of an answer."""
        for known in ("v1.0", "beta"):
            if address.startswith(f"{ROOT}/{known}/"):
                version, address = known, address.removeprefix(f"{ROOT}/{known}/")
        parts = urlsplit(address)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {"content-type": "application/json"} if content else {}
        request = GraphRequest(
            method=method,
            root=f"{ROOT}/{version}",
            version=version,
            segments=split_path(parts.path),
            options=split_options(parts.query),
            headers={**named, **(headers or {})},
            body=content,
            caller=self.caller,
            request_id="11111111-2222-4333-8444-555555555555",
        )
        return self.dispatched(request)

    def dispatched(self, request: GraphRequest) -> GraphAnswer:
        """The answer of a request; those that wait for something need a loop."""
        return answered(dispatch(self.graph, request, clock=self.store.clock, throttle=self.throttle))

    def json(self, method: str, address: str, body: object = None, **how: Any) -> Any:
        """The JSON of a successful answer; None where it has no body."""
        answer = self.send(method, address, body, **how)
        assert answer.status < 400, answer.body
        return json.loads(answer.body) if answer.body else None

    def get(self, address: str, *, eventual: bool = False, **how: Any) -> Any:
        """The JSON of a read."""
        headers = {"consistencylevel": "eventual"} if eventual else {}
        return self.json("GET", address, headers=headers, **how)

    def refused(self, method: str, address: str, body: object = None, **how: Any) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = self.send(method, address, body, **how)
        assert answer.status >= 400, answer.body
        return answer.status, json.loads(answer.body)["error"]["code"]

    def pages(self, address: str, **how: Any) -> list[Any]:
        """Bodies of every page, links followed as given."""
        bodies = [self.get(address, **how)]
        while "@odata.nextLink" in bodies[-1]:
            bodies.append(self.get(bodies[-1]["@odata.nextLink"], **how))
        return bodies
