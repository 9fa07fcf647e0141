"""``$batch``: up to twenty requests in one ("Combine multiple HTTP requests using JSON batching")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from rehearsal.cloud.bodies import json_body
from rehearsal.cloud.errors import GraphError, bad_request
from rehearsal.cloud.messages import (
    GraphAnswer,
    GraphRequest,
    new_request_id,
    split_options,
    split_path,
    to_json,
)

LARGEST_BATCH = 20
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
_JSON = "application/json"


@dataclass(frozen=True)
class _Part:
    """One request of a batch."""

    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    depends_on: tuple[str, ...]


async def answer_batch(request: GraphRequest, send: Callable[[GraphRequest], Awaitable[GraphAnswer]]) -> GraphAnswer:
    """Answer a batch. ``send`` answers one part; each is permitted, throttled and refused by itself.

    Raises:
        GraphError: 400 or 405 for a batch that cannot be taken apart.
    """
    if request.method != "POST":
        raise GraphError(405, "BadRequest", "A batch is a POST request.", {"Allow": "POST"})
    parts = _parts(json_body(request))
    statuses: dict[str, int] = {}
    answers = []
    for part in parts:
        failed = [other for other in part.depends_on if statuses[other] >= 400]
        answer = _failed_dependency() if failed else await _send(request, part, send)
        statuses[part.id] = answer.status
        answers.append(_written(part.id, answer))
    # The service promises no order; last first, so that a client which counts on one is noticed here.
    return GraphAnswer(200, {"Content-Type": _JSON}, b'{"responses":[' + b",".join(reversed(answers)) + b"]}")


def _parts(body: Mapping[str, object]) -> list[_Part]:
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise _refused("Invalid batch payload format.")
    if len(requests) > LARGEST_BATCH:
        raise _refused(f"Number of batch request steps exceeds the maximum value of {LARGEST_BATCH}.")
    parts: list[_Part] = []
    for one in requests:
        part = _part(one)
        known = {other.id for other in parts}
        if part.id in known:
            raise _refused(f"Request Id '{part.id}' is not unique within the batch.")
        if not set(part.depends_on) <= known:
            raise _refused(f"'dependsOn' of the request '{part.id}' names a request that does not stand before it.")
        parts.append(part)
    _check_chain(parts)
    return parts


def _part(one: object) -> _Part:
    if not isinstance(one, dict):
        raise _refused("Invalid batch payload format.")
    identifier, method, url = one.get("id"), one.get("method"), one.get("url")
    headers, depends_on = one.get("headers") or {}, one.get("dependsOn") or []
    if not isinstance(identifier, str) or not identifier:
        raise _refused("Every request of a batch needs an 'id' that is a text.")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise _refused(f"The 'method' of the request '{identifier}' is not valid.")
    if not isinstance(url, str) or not _is_relative(url):
        raise _refused(f"The 'url' of the request '{identifier}' must be relative and not empty.")
    if split_path(urlsplit(url).path)[:1] == ("$batch",):
        raise _refused("A batch cannot hold another batch.")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _refused(f"The 'headers' of the request '{identifier}' are not valid.")
    if not isinstance(depends_on, list) or not all(isinstance(other, str) for other in depends_on):
        raise _refused(f"'dependsOn' of the request '{identifier}' is not a list of ids.")
    body = b"" if one.get("body") is None else to_json(one["body"])
    named = {str(name).casefold(): value for name, value in headers.items()}
    return _Part(identifier, method.upper(), url, named, body, tuple(depends_on))


def _is_relative(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.path.strip("/")) and not parts.scheme and not parts.netloc


def _check_chain(parts: list[_Part]) -> None:
    """Either no request waits for another, or each waits for one and the same, or all run one after the other."""
    waiting = [part.depends_on for part in parts]
    same = len(set(waiting[1:])) <= 1
    serial = all(waits == (before.id,) for before, waits in zip(parts, waiting[1:], strict=False))
    if any(waiting) and not same and not serial:
        raise _refused("'dependsOn' makes the requests of a batch run all in parallel, all in series, or after one.")


async def _send(
    request: GraphRequest, part: _Part, send: Callable[[GraphRequest], Awaitable[GraphAnswer]]
) -> GraphAnswer:
    address = urlsplit(part.url)
    inherited = {name: value for name, value in request.headers.items() if name == "client-request-id"}
    single = replace(
        request,
        method=part.method,
        segments=split_path(address.path),
        options={},
        headers={**inherited, **part.headers},
        body=part.body,
        request_id=new_request_id(),
    )
    try:
        single = replace(single, options=split_options(address.query))
    except GraphError as error:
        return GraphAnswer(error.status, {"Content-Type": _JSON}, _error(error.code, error.message))
    return await send(single)


def _failed_dependency() -> GraphAnswer:
    body = _error("FailedDependency", "A request that this one depends on has failed.")
    return GraphAnswer(424, {"Content-Type": _JSON}, body)


def _error(code: str, message: str) -> bytes:
    return to_json({"error": {"code": code, "message": message}})


def _written(identifier: str, answer: GraphAnswer) -> bytes:
    """One entry of ``responses``; a JSON body stays as it was written."""
    head = {"id": identifier, "status": answer.status, "headers": dict(answer.headers)}
    text = to_json(head)
    if not answer.body:
        return text
    is_json = answer.headers.get("Content-Type", "").startswith(_JSON)
    body = answer.body if is_json else to_json(answer.body.decode("utf-8", "replace"))
    return text[:-1] + b',"body":' + body + b"}"


def _refused(message: str) -> GraphError:
    return bad_request(message, "BadRequest")
