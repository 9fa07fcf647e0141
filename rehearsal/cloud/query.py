"""Query options, projection and paging of Microsoft Graph ("Use query parameters to customize responses", "Paging")."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rehearsal.cloud.errors import GraphError, bad_request, unsupported_query
from rehearsal.cloud.filters import Filter, parse_filter
from rehearsal.cloud.resources import Record, ResourceType
from rehearsal.cloud.tokens import InvalidTokenError, decode_part, encode_part

DEFAULT_PAGE = 100
LARGEST_PAGE = 999
_KNOWN_OPTIONS = frozenset({"$select", "$top", "$filter", "$count", "$skiptoken"})


@dataclass(frozen=True)
class Query:
    """Parsed options of one request over objects of ``types``."""

    version: str
    types: tuple[ResourceType, ...]
    select: tuple[str, ...] | None
    top: int
    filter: Filter | None
    count: bool
    skip_token: str
    issued: Mapping[str, str]
    """The options without ``$skiptoken``, as sent: what a next link must repeat unchanged."""


def parse_query(
    options: Mapping[str, str], types: Sequence[ResourceType], *, version: str, eventual: bool, single: bool = False
) -> Query:
    """Check the options of a request.

    Args:
        options: Query string, decoded, one value per name.
        types: The types that answers can have.
        version: ``v1.0`` or ``beta``.
        eventual: Whether the request carries ``ConsistencyLevel: eventual``.
        single: A read of one object, which takes ``$select`` only.

    Raises:
        GraphError: 400.
    """
    for name in options:
        allowed = {"$select"} if single else _KNOWN_OPTIONS
        if name.startswith("$") and name not in allowed:
            raise unsupported_query(f"The query option '{name}' is not supported for this resource.")
    count = options.get("$count", "false").casefold() == "true"
    parsed = None
    if "$filter" in options:
        if len(types) != 1:
            raise unsupported_query("$filter is not supported on a collection of mixed types.")
        names = types[0].properties | (types[0].beta if version == "beta" else frozenset())
        parsed = parse_filter(options["$filter"], names, f"microsoft.graph.{types[0].name}")
        if parsed.advanced and not (eventual and count):
            raise unsupported_query("Operator is not supported because the required parameters might be missing.")
    return Query(
        version,
        tuple(types),
        _select(options.get("$select"), types, version),
        _top(options.get("$top")),
        parsed,
        # Without the header Graph ignores $count on directory objects.
        count and eventual,
        options.get("$skiptoken", ""),
        {name: value for name, value in options.items() if name != "$skiptoken"},
    )


def _select(text: str | None, types: Sequence[ResourceType], version: str) -> tuple[str, ...] | None:
    if text is None or not text.strip():
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if "*" in names:
        return None
    for name in names:
        if not any(kind.knows(name, version) for kind in types):
            shown = types[0].name if len(types) == 1 else "directoryObject"
            raise bad_request(
                "Parsing OData Select and Expand failed: Could not find a property named "
                f"'{name}' on type 'microsoft.graph.{shown}'.",
                "BadRequest",
            )
    return names


def _top(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LARGEST_PAGE:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} inclusive.")
    return int(text)


def project(kind: ResourceType, record: Record, query: Query, *, single: bool = False) -> dict[str, object]:
    """The properties that the query asks for, in its order; properties of other types are left out."""
    names = kind.default if query.select is None else query.select
    return {
        name: kind.value(record, name, single=single)
        for name in names
        if query.select is None or kind.knows(name, query.version)
    }


class Pages:
    """Cuts result lists into pages and issues their next links.

    A next link's token carries position and a seal over path and options, so a link that was rebuilt instead of
    followed is refused, as the service refuses it.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def cut(self, identifiers: Sequence[str], query: Query, path: str) -> tuple[Sequence[str], str | None]:
        """The page that the query asks for and the query string of the next one, or None after the last.

        Raises:
            GraphError: 400 for a token that was not issued for exactly this request.
        """
        start = self._position(query, path) if query.skip_token else 0
        page = identifiers[start : start + query.top]
        if start + query.top >= len(identifiers):
            return page, None
        position = json.dumps(start + query.top).encode()
        token = encode_part(self._seal(query, path, position) + position)
        return page, urlencode({**query.issued, "$skiptoken": token}, safe="$,")

    def _seal(self, query: Query, path: str, position: bytes) -> bytes:
        request = json.dumps([path, sorted(query.issued.items())]).encode()
        return hmac.new(self._key, request + b"\0" + position, hashlib.sha256).digest()

    def _position(self, query: Query, path: str) -> int:
        expired = GraphError(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
        try:
            raw = decode_part(query.skip_token)
        except InvalidTokenError:
            raise expired from None
        seal, position = raw[:32], raw[32:]
        if not hmac.compare_digest(seal, self._seal(query, path, position)):
            raise expired
        return int(position)


def matching(records: Iterable[tuple[str, Record]], query: Query) -> list[str]:
    """Ids of the records that the filter lets through."""
    if query.filter is None:
        return [identifier for identifier, _ in records]
    matches = query.filter.matches
    return [identifier for identifier, record in records if matches(record)]
