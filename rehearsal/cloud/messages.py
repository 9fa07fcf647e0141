"""A Graph request and its answer, apart from how they travel: over https by themselves or as a part of ``$batch``."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, unquote

from rehearsal.cloud.errors import GraphError, bad_request
from rehearsal.cloud.permissions import Caller

GRAPH_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
PLAIN_TEXT = "text/plain"
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class GraphRequest:
    """One request after authentication.

    Attributes:
        method: ``GET``, ``POST`` …
        root: Scheme, host and version, ``https://localhost:8443/v1.0``.
        version: ``v1.0`` or ``beta``.
        segments: The decoded path below the version.
        options: Query options, decoded, one value per name.
        headers: Header values by lower-case name.
        body: The body as sent.
        caller: Who asks.
        request_id: The id that the answer carries as ``request-id``.
    """

    method: str
    root: str
    version: str
    segments: tuple[str, ...]
    options: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    request_id: str

    @property
    def path(self) -> str:
        """The path below the version, encoded."""
        return "/".join(quote(segment, safe="@.$") for segment in self.segments)

    @property
    def eventual(self) -> bool:
        """Whether it asks for ``ConsistencyLevel: eventual``."""
        return self.headers.get("consistencylevel", "").casefold() == "eventual"

    @property
    def client_request_id(self) -> str:
        """The client's own id of the request, or ours where it sent none."""
        return self.headers.get("client-request-id") or self.request_id


@dataclass(frozen=True)
class GraphAnswer:
    """Status, headers besides the tracing ones, and the body as it goes out."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def refusal(error: GraphError, request_id: str, client_request_id: str, now: datetime) -> GraphAnswer:
    """The answer that says why not."""
    inner = {
        "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": client_request_id,
    }
    details = {"details": [{"code": "InvalidValue", "target": error.target}]} if error.target else {}
    body = {"error": {"code": error.code, "message": error.message, **details, "innerError": inner}}
    return GraphAnswer(error.status, {**error.headers, "Content-Type": "application/json"}, to_json(body))


def json_answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> GraphAnswer:
    """An answer with a JSON body."""
    return GraphAnswer(status, {"Content-Type": GRAPH_JSON, **(headers or {})}, to_json(body))


def to_json(body: object) -> bytes:
    """JSON as Graph writes it: no spaces, no escapes beyond the necessary; half a character is one of those."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return _HALVES.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode("utf-8")


def split_path(path: str) -> tuple[str, ...]:
    """Decoded segments. Cut before decoding: an encoded slash belongs to its segment."""
    return tuple(unquote(part) for part in path.split("/") if part)


def split_options(query: str) -> dict[str, str]:
    """Query options by name.

    Raises:
        GraphError: 400 where one appears twice.
    """
    options: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise bad_request("The query string holds too many options.") from None
    for name, value in pairs:
        if name in options:
            raise bad_request(
                f"Query option '{name}' was specified more than once, but it must be specified at most once."
            )
        options[name] = value
    return options


def new_request_id() -> str:
    """A fresh ``request-id``."""
    return str(uuid.uuid4())
