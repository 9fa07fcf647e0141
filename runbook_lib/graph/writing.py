"""Writes to Microsoft Graph: each is sent once, and again only where it is certain that nothing came of it.

Certain is (Microsoft Graph documentation, where nothing else is said):

- no connection came about, or nothing was sent over it (``session.watched``): sent again;
- HTTP 429: "the requests fail" ("Microsoft Graph throttling guidance"): sent again when Retry-After is over;
- HTTP 401: refused before it is looked at: sent once more, with a new token;
- HTTP 424 of a part of a batch: it did not run because one that it waits for failed ("Combine multiple HTTP requests
  using JSON batching"): sent again behind that one if that one is;
- HTTP 4xx or 501 with Graph's own error body: refused, not sent again.

Everything else is no answer (``WriteUnanswered``), for whoever can look at what is there now. So is HTTP 503, with or
without Retry-After: "Microsoft Graph error responses" says that the request may be repeated, not that nothing was done,
and writes answered with 503 were seen to take effect each time (Microsoft Q&A 1465421).

After Ctrl-C in the middle of a request its connection is thrown away, and whoever asked hears of nothing else: that is
no answer either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from runbook_lib.errors import RunbookError, WriteUnanswered
from runbook_lib.graph.errors import refused_write
from runbook_lib.graph.retry import Attempts, FailedAttempt
from runbook_lib.graph.sender import DONE, Answer, Sender
from runbook_lib.graph.sign_in.tokens import Tokens, bearer, with_token
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import Secret, scrubbed

JSON_BODY = {"Content-Type": "application/json"}
"""The header that a body needs."""
_PATH = re.compile(r"/[!-\[\]-~]+")
_SHORTEST_SECRET = 4
"""Characters of a text inside a secret that is hidden by itself; a shorter one would take words out of messages."""


@dataclass(frozen=True, slots=True)
class GraphWrite:
    """One change that Graph is asked for.

    Attributes:
        method: How.
        path: Below the version, encoded: ``/groups/<id>/members/$ref``.
        body: What is sent as JSON; a ``Secret`` anywhere inside is revealed to Graph alone. None: nothing is sent.
        if_match: Entity tag that the object must still have; empty: whatever it has.
        after: In a list of writes, the numbers (from 0) of those that must be done before this one is tried.

    Raises:
        ValueError: The path is none.
    """

    method: Literal["POST", "PATCH", "PUT", "DELETE"]
    path: str
    body: Mapping[str, object] | None = field(default=None, repr=False)
    if_match: str = ""
    after: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise ValueError(f"not a path of Graph: {self.path!r}")

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        return {**({} if self.body is None else JSON_BODY), **({"If-Match": self.if_match} if self.if_match else {})}


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was done, as Graph answered it.

    Attributes:
        status: 200, 201, 202 (begun) or 204.
        body: The JSON object that came with it, or None.
        etag: Entity tag of the object now; empty where Graph names none.
        location: Address of what was created; empty where Graph names none.
        request_id: Graph's id of the request, for its support.
        client_request_id: Our id of it.
    """

    status: int
    body: Mapping[str, object] | None = field(repr=False)
    etag: str
    location: str
    request_id: str
    client_request_id: str


WriteOutcome = Written | RunbookError
"""Done; ``WriteUnanswered``: not known; any other error: nothing was changed by it."""


class Unanswered(Exception):  # noqa: N818 - becomes a WriteUnanswered where the write is known
    """A request was sent, and whether anything came of it is not known."""

    def __init__(self, trouble: FailedAttempt) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble


class GraphWriter:
    """Sends writes. Threads may share it.

    Args:
        base_url: ``https://host[:port]``, without version.
        tokens: Where tokens come from.
        sender: What sends.
        timeout: Seconds to wait for one answer; None: the session's.
    """

    def __init__(self, base_url: str, tokens: Tokens, sender: Sender, timeout: float | None = None) -> None:
        self._base = base_url
        self._timeout = timeout
        self.host = urlsplit(base_url).netloc
        self.tokens = tokens
        self.sender = sender

    def write(self, write: GraphWrite, version: str = "v1.0") -> Written:
        """Send one write.

        Raises:
            WriteUnanswered: Whether it took effect is not known.
            GraphContradicts: HTTP 404, 409 or 412: its object is not what it was.
            GraphRejected: Refused as it stands.
            NoAccess: HTTP 403, 401 twice, sign-in refused, host unreachable or not trusted.
            ServiceFailed: Throttled, or without a connection, until attempts or time were used up.
        """
        data = None if write.body is None else as_json(write.body)
        try:
            answer, token = self.send(write.method, self.address(write.path, version), write.headers, data)
        except Unanswered as lost:
            outcome: WriteOutcome = not_known(lost.trouble, write)
        else:
            outcome = write_outcome_of(answer, write, token)
        if isinstance(outcome, RunbookError):
            raise outcome
        return outcome

    def send(self, method: str, url: str, headers: Mapping[str, str], data: str | None) -> tuple[Answer, Secret]:
        """The answer, and the token it was given for.

        Raises:
            Unanswered: Whether anything came of it is not known.
            NoAccess, ServiceFailed: Nothing came of it.
        """
        attempts = self.attempts()

        def once(token: Secret) -> Answer:
            given = {**bearer(token), **headers}
            while True:
                result = self.sender.once(method, url, headers=given, data=data, timeout=self._timeout)
                if isinstance(result, Answer):
                    return result
                if not result.unprocessed:
                    raise Unanswered(result)
                attempts.wait(result)

        return with_token(self.tokens, once)

    def attempts(self) -> Attempts:
        """The attempts of one write, each made only after one that is certain to have changed nothing."""
        return self.sender.attempts(self.host)

    def address(self, path: str, version: str) -> str:
        """The whole address of a path below the version."""
        return f"{self._base}/{version}{path}"


def write_outcome_of(answer: Answer, write: GraphWrite, token: Secret) -> WriteOutcome:
    """What an answer of Graph to a write means, alone or as a part of a batch."""
    if answer.status not in DONE:
        return refused_write(answer, write.path, secrets=(token.reveal(), *hidden(write.body)))
    tag = answer.headers.get("ETag") or (answer.body or {}).get("@odata.etag")
    return Written(
        status=answer.status,
        body=answer.body,
        etag=tag if isinstance(tag, str) else "",
        location=answer.headers.get("Location") or "",
        request_id=str(answer.values.get("request-id") or ""),
        client_request_id=str(answer.values.get("client-request-id") or ""),
    )


def not_known(trouble: FailedAttempt, write: GraphWrite) -> WriteUnanswered:
    """The error for a write after whose trouble nobody knows whether it took effect."""
    path = scrubbed(write.path)
    return WriteUnanswered(
        t("{what}, so it is not known whether the write to {path} took effect.", what=trouble.what, path=path),
        code=trouble.code,
        hint=t("Look at what is there before it is written again."),
        values={**trouble.values, "path": path, "retry_after_seconds": trouble.retry_after},
    )


def as_json(body: Mapping[str, object]) -> str:
    """What is sent: secrets are revealed here and nowhere else."""
    return json.dumps(body, default=_revealed)


def _revealed(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON holds")


def hidden(body: object) -> tuple[str, ...]:
    """Everything that no message may quote of a body: its secrets, and what those that are JSON themselves hold.

    Cloud Sync's secrets are JSON inside of JSON, so a service may quote them in either spelling, or one value of them.
    """
    texts = {text for secret in _secrets_in(body) for text in _texts_of(secret)}
    spelled = texts | {json.dumps(text)[1:-1] for text in texts}
    return tuple(sorted(spelled, key=lambda text: (-len(text), text)))


def _secrets_in(value: object) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _secrets_in(inner)


def _texts_of(secret: str) -> Iterator[str]:
    yield secret
    try:
        inner: object = json.loads(secret)
    except (ValueError, RecursionError):
        return
    yield from (text for text in _leaves(inner) if len(text) >= _SHORTEST_SECRET)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
