"""Query options of Microsoft Graph ("Use query parameters to customize responses") and what they make of a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rehearsal.cloud.errors import GraphError, bad_request, not_covered, unsupported_query
from rehearsal.cloud.filters import DIRECTORY_OPERATORS, Filter, parse_filter
from rehearsal.cloud.metadata import MetadataType, types
from rehearsal.cloud.metadata.names import exists_below
from rehearsal.cloud.resources import PRINCIPALS, Record, ResourceType
from rehearsal.cloud.search import parse_search

EXPANDED = 20
"""Objects that ``$expand`` returns at most."""
_ADVICE = (
    "Add the $count=true query parameter and the ConsistencyLevel: eventual header "
    "(https://aka.ms/graph-docs/advanced-queries)."
)
_EXTENSION = re.compile(r"extension_[0-9a-f]{32}_[A-Za-z][A-Za-z0-9_]*")
_EXPAND = re.compile(r"\s*(\w+)\s*(?:\(\s*\$select\s*=([\w,\s]*)\))?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Capabilities:
    """What a resource takes.

    Attributes:
        options: Query options.
        page: Page size without ``$top``.
        largest: Largest ``$top``.
        operators: Operators of ``$filter``.
        order: Properties of ``$orderby`` that need no advanced query.
        search: Properties of ``$search``.
        advanced: Whether the rules of advanced queries on directory objects hold.
    """

    options: frozenset[str] = frozenset({"$select"})
    page: int = 100
    largest: int = 999
    operators: frozenset[str] = DIRECTORY_OPERATORS
    order: tuple[str, ...] = ("displayName",)
    search: tuple[str, ...] = ()
    advanced: bool = True


SINGLE = Capabilities()
"""A read of one object."""
EXPANDABLE = Capabilities(frozenset({"$select", "$expand"}))
"""A read of one object with relations."""
DIRECTORY_LIST = Capabilities(
    frozenset({"$select", "$top", "$filter", "$count", "$search", "$orderby", "$expand", "$skiptoken"}),
    order=("displayName", "userPrincipalName"),
    search=("displayName", "description", "mail", "mailNickname", "userPrincipalName"),
)
"""Groups, users and what they hold."""


@dataclass(frozen=True)
class Expansion:
    """``$expand`` of one relation."""

    relation: str
    select: tuple[str, ...] | None


@dataclass(frozen=True)
class Query:
    """Parsed options of one request over objects of ``types``."""

    version: str
    types: tuple[ResourceType, ...]
    select: tuple[str, ...] | None
    top: int
    filter: Filter | None
    search: Callable[[Record], bool] | None
    order: tuple[tuple[str, bool], ...]
    """Properties to sort by, and whether downwards."""
    expand: Expansion | None
    count: bool
    skip_token: str
    issued: Mapping[str, str]
    """The options without ``$skiptoken``, as sent: what a next link must repeat unchanged."""


def spelled_options(options: Mapping[str, str]) -> dict[str, str]:
    """Query options by name as OData writes it, whatever its case.

    Raises:
        GraphError: 400 where one is there twice.
    """
    spelled: dict[str, str] = {}
    for name, value in options.items():
        written = name.lower() if name.startswith("$") else name
        if written in spelled:
            raise bad_request(f"Query option '{written}' was specified more than once, but at most once is allowed.")
        spelled[written] = value
    return spelled


def parse_query(
    options: Mapping[str, str],
    types: Sequence[ResourceType],
    capabilities: Capabilities,
    *,
    version: str,
    eventual: bool,
) -> Query:
    """Check the options of a request.

    Args:
        options: Query string, decoded, one value per name.
        types: The types that answers can have.
        capabilities: What the resource takes.
        version: ``v1.0`` or ``beta``.
        eventual: Whether the request carries ``ConsistencyLevel: eventual``.

    Raises:
        GraphError: 400, or 501 for a property that the rehearsal does not cover.
    """
    for name in options:
        if name.startswith("$") and name not in capabilities.options:
            raise unsupported_query(f"The query option '{name}' is not supported for this resource.")
    count = _flag(options.get("$count"))
    advanced = not capabilities.advanced or (eventual and count)
    query = Query(
        version,
        tuple(types),
        _select(options.get("$select"), types, version),
        _top(options.get("$top"), capabilities),
        _filter(options.get("$filter"), types, version, capabilities),
        _search(options.get("$search"), capabilities, eventual=eventual),
        _order(options.get("$orderby"), types, version),
        _expansion(options.get("$expand"), types, version),
        # Without the header Graph ignores $count on directory objects.
        count and eventual,
        options.get("$skiptoken", ""),
        {name: value for name, value in options.items() if name != "$skiptoken"},
    )
    _check_combination(query, capabilities, advanced=advanced)
    return query


def _check_combination(query: Query, capabilities: Capabilities, *, advanced: bool) -> None:
    if not capabilities.advanced:
        return
    if query.expand is not None and (query.search is not None or (query.count and query.filter is not None)):
        raise unsupported_query("$expand is not supported together with advanced queries.")
    if advanced:
        return
    if query.filter is not None and (query.filter.advanced or len(query.types) != 1):
        raise unsupported_query(
            f"Operator is not supported because the required parameters might be missing. {_ADVICE}"
        )
    if query.order and (query.filter is not None or any(name not in capabilities.order for name, _ in query.order)):
        raise unsupported_query(f"Sorting like this is not supported for this query. {_ADVICE}")


def _flag(text: str | None) -> bool:
    if text is None or text.casefold() in ("true", "false"):
        return text is not None and text.casefold() == "true"
    raise bad_request(f"Invalid value '{text}' for $count query option found. Valid values are 'true' or 'false'.")


def _select(text: str | None, types: Sequence[ResourceType], version: str) -> tuple[str, ...] | None:
    if text is None or not text.strip():
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if "*" in names:
        return None
    return tuple(dict.fromkeys(_known(name, types, version) for name in names))


def _known(name: str, types: Sequence[ResourceType], version: str) -> str:
    """A property as Microsoft writes it."""
    for kind in types:
        spelled = kind.declared(version).spelled(name)
        if kind.knows(spelled, version) or (kind.declared(version).open and is_extension(spelled)):
            return spelled
    if any(kind.not_covered(name, version) for kind in types):
        raise not_covered(f"the property '{name}'")
    raise no_such_property(name, types)


def is_extension(name: str) -> bool:
    """Whether a name can be that of a directory extension; which there are, the tenant says (``Reader``)."""
    return _EXTENSION.fullmatch(name) is not None


def no_such_property(name: str, types: Sequence[ResourceType]) -> GraphError:
    """The refusal of a name in ``$select``."""
    return bad_request(
        "Parsing OData Select and Expand failed: Could not find a property named "
        f"'{name}' on type 'microsoft.graph.{_shown(types)}'.",
        "BadRequest",
    )


def _shown(types: Sequence[ResourceType]) -> str:
    return types[0].name if len(types) == 1 else "directoryObject"


def _top(text: str | None, capabilities: Capabilities) -> int:
    if text is None:
        return capabilities.page
    largest = capabilities.largest
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= largest:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and {largest} inclusive.")
    return int(text)


def _filter(text: str | None, kinds: Sequence[ResourceType], version: str, capabilities: Capabilities) -> Filter | None:
    if text is None:
        return None
    # Objects of several types are filtered by what a user or a group has: names, addresses, identifiers.
    declared = kinds[0].declared(version)
    if len(kinds) > 1:
        common = {name: one for kind in kinds for name, one in types(version)[kind.name].properties.items()}
        declared = MetadataType("directoryObject", common, {}, frozenset(), flags=False, open=True)
    for name in kinds[0].single_only:
        if len(kinds) == 1 and re.search(rf"\b{name}\b", text, re.IGNORECASE):
            raise unsupported_query(
                f"Unsupported or invalid query filter clause specified for property '{name}' of resource "
                f"'{kinds[0].name.capitalize()}'."
            )
    return parse_filter(text, declared, version, capabilities.operators)


def _search(text: str | None, capabilities: Capabilities, *, eventual: bool) -> Callable[[Record], bool] | None:
    if text is None:
        return None
    if not eventual:
        raise unsupported_query(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'"
        )
    return parse_search(text, capabilities.search)


def _order(text: str | None, types: Sequence[ResourceType], version: str) -> tuple[tuple[str, bool], ...]:
    order = []
    for part in (text or "").split(","):
        name, _, direction = part.strip().partition(" ")
        direction = direction.strip().casefold()
        if not name and not text:
            continue
        name = _known(name, types, version)
        if direction not in ("", "asc", "desc"):
            raise bad_request(f"Syntax error in $orderby: '{direction}' is not a direction.", "BadRequest")
        order.append((name, direction == "desc"))
    return tuple(order)


def _expansion(text: str | None, types: Sequence[ResourceType], version: str) -> Expansion | None:
    if text is None:
        return None
    match = _EXPAND.fullmatch(text)
    if match is None:
        raise bad_request("Parsing OData Select and Expand failed: $expand takes one relation and its $select.")
    spelled = (kind.declared(version).spelled(match[1]) for kind in types)
    relation = next((one for one in spelled if one != match[1]), match[1])
    declared = [kind.declared(version).relations for kind in types]
    if any(exists_below(f"{kind.collection}/{{id}}", relation, version, in_list=False) for kind in types) and not any(
        relation in relations for relations in declared
    ):
        raise not_covered(f"$expand={relation}")
    if not any(relation in relations for relations in declared):
        raise bad_request(
            "Parsing OData Select and Expand failed: Could not find a property named "
            f"'{relation}' on type 'microsoft.graph.{_shown(types)}'.",
            "BadRequest",
        )
    if not any(relation in kind.expandable for kind in types):
        raise not_covered(f"$expand={relation}")
    names = tuple(name.strip() for name in (match[2] or "").split(",") if name.strip())
    return Expansion(relation, tuple(_known(name, tuple(PRINCIPALS.values()), version) for name in names) or None)


def projector(kind: ResourceType, query: Query, *, single: bool = False) -> Callable[[Record], dict[str, object]]:
    """What makes of a record the properties that the query asks for, in its order; those of other types are left out.

    Nothing set is null, or an empty list, or what ``ResourceType.unset`` says.
    """
    known = kind.declared(query.version).properties
    extensions = kind.declared(query.version).open
    names = (
        kind.defaults(query.version)
        if query.select is None
        else [one for one in query.select if one in known or (extensions and is_extension(one))]
    )
    hidden = [] if single else [name for name in names if name in kind.single_only]
    fills = [
        (name, kind.empty(name, query.version))
        for name in names
        if name in known and kind.empty(name, query.version) is not None
    ]

    def shape(record: Record) -> dict[str, object]:
        read = record.get
        body = {name: read(name) for name in names}
        for name in hidden:
            body[name] = None
        for name, empty in fills:
            if body[name] is None:
                body[name] = empty
        return body

    return shape


def project(kind: ResourceType, record: Record, query: Query, *, single: bool = False) -> dict[str, object]:
    """``projector`` for one record."""
    return projector(kind, query, single=single)(record)


def matching(records: Iterable[tuple[str, Record]], query: Query) -> list[str]:
    """Ids of the records that filter and search let through, in the order asked for."""
    if query.filter is None and query.search is None and not query.order:
        return [identifier for identifier, _ in records]
    found = [
        (identifier, record)
        for identifier, record in records
        if (query.filter is None or query.filter.matches(record)) and (query.search is None or query.search(record))
    ]
    for name, downwards in reversed(query.order):
        found.sort(key=lambda pair: _sort_key(pair[1].get(name)), reverse=downwards)
    return [identifier for identifier, _ in found]


def _sort_key(value: object) -> tuple[bool, str]:
    return value is not None, str(value).casefold() if value is not None else ""


def require_eventual(*, eventual: bool) -> None:
    """A count as a path needs the header.

    Raises:
        GraphError: 400.
    """
    if not eventual:
        raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")
