"""Up to 20 reading requests in one round trip.

Source: Microsoft Graph documentation, "Combine multiple HTTP requests using JSON batching". The outer 200 says nothing
about the parts: each has its own status, its own Retry-After, and may come in any order. A part that was throttled or
failed is asked for again in a further batch when its own time has come; what is done stays done.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from requests.structures import CaseInsensitiveDict

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.graph.errors import GraphNotFound, claims_challenge, graph_error_of, unexpected
from runbook_lib.graph.retry import Attempts
from runbook_lib.graph.sender import WORTH_ANOTHER_TRY, Answer, Sender
from runbook_lib.graph.sign_in.tokens import Tokens, bearer, with_token
from runbook_lib.model.text import t
from runbook_lib.secrets.sources import Secret

MOST_IN_BATCH = 20
"""Requests of one batch (Microsoft Graph documentation, "Combine multiple HTTP requests using JSON batching")."""
_AGAIN = WORTH_ANOTHER_TRY | {424}
"""424: failed because another part did; parts here do not depend on each other, so it is a failure like any other."""
_PATH = "/$batch"


class BatchRefused(ServiceFailed):
    """The service, or a proxy before it, takes no batches; single requests may still do."""


@dataclass(frozen=True, slots=True)
class BatchSender:
    """How a batch goes out: address, host for messages, tokens, sender, seconds to wait for the answer."""

    url: str
    host: str
    tokens: Tokens
    sender: Sender
    timeout: float | None

    def send(
        self, asks: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Answer], Secret]:
        """Relative address by id, to answer by id, and the token they were given for; ``headers`` go with each part.

        Raises:
            BatchRefused: HTTP 4xx for the batch as such.
            ServiceFailed: The answer breaks the format: an id is missing, unknown or there twice.
        """
        more = {"headers": dict(headers)} if headers else {}
        body = json.dumps({"requests": [{"id": key, "method": "GET", "url": url, **more} for key, url in asks.items()]})
        outer, token = with_token(self.tokens, lambda token: self._post(body, token))
        if outer.whole is None:
            error = graph_error_of(outer, _PATH, secrets=(token.reveal(),))
            if outer.status == 401:
                raise error
            raise BatchRefused(error.message, code="graph-batch-refused", values=error.values)
        parts = parts_of(outer, asks)
        for part in parts.values():
            self.sender.count_units(part.headers)
        return parts, token

    def _post(self, body: str, token: Secret) -> Answer:
        headers = {**bearer(token), "Content-Type": "application/json"}
        return self.sender.send("POST", self.url, headers=headers, data=body, timeout=self.timeout)


@dataclass(slots=True)
class _Part:
    """One request of a batch until it is done."""

    path: str
    url: str
    attempts: Attempts
    wait: float = 0.0
    """Seconds until it may be asked for again."""
    renewed: bool = False
    """Whether a new token was got for it once."""
    result: dict[str, object] | RunbookError | None = field(default=None)


def read_firsts(
    batches: BatchSender, paths: Sequence[str], params: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> list[dict[str, object] | RunbookError]:
    """The JSON object at each path, or the error that its part ended with, in the order of ``paths``.

    Args:
        batches: How a batch goes out.
        paths: At most ``MOST_IN_BATCH``, below the version: ``/groups/<id>/members``.
        params: Query options of all of them.
        headers: Headers of all of them.

    Raises:
        BatchRefused: The service takes no batches.
        NoAccess: As for a single request, where the batch as such is meant.
        ServiceFailed: A part failed until its attempts were used up, or the answer cannot be relied on.
    """
    query = f"?{urlencode(params, safe='$,')}" if params else ""
    parts = [_Part(path, path + query, batches.sender.attempts(batches.host)) for path in paths]
    while waiting := [part for part in parts if part.result is None]:
        pause = min(part.wait for part in waiting)
        if pause > 0:
            batches.sender.wait(pause)
        for part in waiting:
            part.wait = max(part.wait - pause, 0.0)
        asked = {str(number): part for number, part in enumerate(waiting, 1) if part.wait <= 0}
        answers, token = batches.send({key: part.url for key, part in asked.items()}, headers)
        for key, part in asked.items():
            _take(part, answers[key], token, batches)
    return [part.result for part in parts if part.result is not None]


def bearable(error: RunbookError) -> NoAccess | GraphNotFound:
    """An error that is about one collection; any other is raised.

    Raises:
        RunbookError: It says something about more than this one collection.
    """
    if isinstance(error, GraphNotFound) or (isinstance(error, NoAccess) and error.code == "graph-forbidden"):
        return error
    raise error


def _take(part: _Part, answer: Answer, token: Secret, batches: BatchSender) -> None:
    """Note the result of a part, or when it is asked for again."""
    if answer.status in _AGAIN:
        part.wait = part.attempts.delay(
            batches.sender.trouble(answer.status, answer.headers, batches.host, answer.values)
        )
    elif answer.status == 401 and not part.renewed:
        batches.tokens.token(refused=token, claims=claims_challenge(answer.headers))
        part.renewed = True
    elif answer.whole is not None:
        part.result = answer.whole
    else:
        part.result = graph_error_of(answer, part.path, secrets=(token.reveal(),))


def parts_of(outer: Answer, asked: Collection[str]) -> dict[str, Answer]:
    """Every part by id, proved to be exactly those that were asked for.

    Raises:
        ServiceFailed: The answer breaks the format: an id is missing, unknown or there twice.
    """
    listed = outer.body.get("responses") if outer.body else None
    if not isinstance(listed, list) or not all(isinstance(part, dict) for part in listed):
        raise unexpected(_PATH, t("its responses are not a list of objects"), outer.values)
    found: dict[str, Answer] = {}
    for part in listed:
        key = part.get("id")
        if not isinstance(key, str) or key not in asked:
            raise unexpected(_PATH, t("it holds a part that nobody asked for"), outer.values)
        if key in found:
            raise unexpected(_PATH, t("it holds a part twice"), outer.values)
        found[key] = _answer(part, outer)
    if len(found) < len(asked):
        missing = len(asked) - len(found)
        raise unexpected(
            _PATH, t("{missing} of {number} parts are missing", missing=missing, number=len(asked)), outer.values
        )
    return found


def _answer(part: Mapping[str, object], outer: Answer) -> Answer:
    status, headers, body = part.get("status"), part.get("headers"), part.get("body")
    if not isinstance(status, int) or isinstance(status, bool):
        raise unexpected(_PATH, t("a part has no status"), outer.values)
    header_texts = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    request_id = header_texts.get("request-id") or outer.values.get("request-id")
    values = {**outer.values, "status": status, "request-id": request_id}
    return Answer(status, CaseInsensitiveDict(header_texts), body if isinstance(body, dict) else None, values)
