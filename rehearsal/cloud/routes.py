"""Microsoft Graph's resources: from a path and its options to an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rehearsal.cloud.dispatch import PLAIN_TEXT, GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.errors import (
    GraphError,
    bad_request,
    denied,
    method_not_allowed,
    object_not_found,
    unknown_segment,
)
from rehearsal.cloud.permissions import (
    READ_DELETED_GROUPS,
    READ_GROUPS,
    READ_HIDDEN,
    READ_ORGANIZATION,
    READ_USERS,
    Caller,
)
from rehearsal.cloud.query import Pages, Query, matching, parse_query, project
from rehearsal.cloud.resources import GROUP, ORGANIZATION, PRINCIPALS, USER, Record, ResourceType
from rehearsal.cloud.store import CloudStore

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


Answer = dict[str, object] | int
"""A JSON object, or the plain number of a ``$count``."""


class Graph:
    """Answers requests from a ``CloudStore``."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self._pages = Pages()

    def answer(self, request: GraphRequest) -> GraphAnswer:
        """A 200 answer.

        Raises:
            GraphError: Any other answer.
        """
        body = self._body(request)
        if isinstance(body, int):
            return GraphAnswer(200, {"Content-Type": PLAIN_TEXT}, str(body).encode())
        return json_answer(body)

    def _body(self, request: GraphRequest) -> Answer:
        if request.method != "GET":
            raise method_not_allowed()
        match request.segments:
            case ("organization", *rest):
                return self._organization(request, tuple(rest))
            case ("groups", *rest):
                return self._groups(request, tuple(rest))
            case ("users", *rest):
                return self._users(request, tuple(rest))
            case ("directory", "deletedItems", *rest):
                return self._deleted(request, tuple(rest))
            case ("directory", "onPremisesSynchronization", *_):
                # The documentation names no application permission for this read: app-only tokens are refused.
                raise denied()
            case ():
                raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
            case segments:
                raise unknown_segment(segments[1] if segments[0] == "directory" and len(segments) > 1 else segments[0])

    # Resources

    def _organization(self, request: GraphRequest, rest: tuple[str, ...]) -> Answer:
        _require(request, READ_ORGANIZATION)
        record = self._store.organization
        query = _query(request, (ORGANIZATION,), single=bool(rest))
        if not rest:
            page = [project(ORGANIZATION, record, query)]
            return {"@odata.context": _context(request, "organization", query), "value": page}
        if len(rest) > 1:
            raise unknown_segment(rest[1])
        if rest[0].lower() != record["id"]:
            raise object_not_found(rest[0])
        return _one(request, ORGANIZATION, record, query)

    def _groups(self, request: GraphRequest, rest: tuple[str, ...]) -> Answer:
        _require(request, READ_GROUPS)
        groups = self._store.groups
        match rest:
            case ():
                return self._collection(request, GROUP, groups, groups)
            case ("$count",):
                return self._count(request, GROUP, groups)
            case (identifier,):
                query = _query(request, (GROUP,), single=True)
                return _one(request, GROUP, _get(groups, identifier), query)
            case (identifier, "members" | "owners" as relation, *tail):
                return self._related(request, identifier, relation, tuple(tail))
            case (_, segment, *_):
                raise unknown_segment(segment)
        raise unknown_segment(rest[0])

    def _users(self, request: GraphRequest, rest: tuple[str, ...]) -> Answer:
        _require(request, READ_USERS)
        users = self._store.users
        match rest:
            case ():
                return self._collection(request, USER, users, users)
            case ("$count",):
                return self._count(request, USER, users)
            case (identifier,):
                query = _query(request, (USER,), single=True)
                if "@" in identifier:
                    record = next(
                        (u for u in users.values() if str(u["userPrincipalName"]).casefold() == identifier.casefold()),
                        None,
                    )
                    if record is None:
                        raise object_not_found(identifier)
                    return _one(request, USER, record, query)
                return _one(request, USER, _get(users, identifier, guid=False), query)
        raise unknown_segment(rest[1])

    def _deleted(self, request: GraphRequest, rest: tuple[str, ...]) -> Answer:
        _require(request, READ_DELETED_GROUPS)
        deleted = self._store.deleted_groups
        match rest:
            case ("microsoft.graph.group",):
                return self._collection(request, GROUP, deleted, deleted)
            case ("microsoft.graph.group", identifier) | (identifier, "microsoft.graph.group"):
                return _one(request, GROUP, _get(deleted, identifier), _query(request, (GROUP,), single=True))
            case (identifier,) if not identifier.startswith("microsoft.graph."):
                query = _query(request, (GROUP,), single=True)
                body = _one(request, GROUP, _get(deleted, identifier), query)
                context = body.pop("@odata.context")
                return {"@odata.context": context, "@odata.type": GROUP.odata_type, **body}
        raise unknown_segment(rest[-1] if rest else "deletedItems")

    def _related(self, request: GraphRequest, group_id: str, relation: str, tail: tuple[str, ...]) -> Answer:
        """``members`` and ``owners`` with their casts and counts."""
        cast: ResourceType | None = None
        if tail and tail[0].startswith("microsoft.graph."):
            cast = PRINCIPALS.get(tail[0].removeprefix("microsoft.graph."))
            if cast is None:
                raise unknown_segment(tail[0])
            tail = tail[1:]
        if tail and tail != ("$count",):
            raise unknown_segment(tail[0])
        types = (cast,) if cast else tuple(PRINCIPALS.values())
        query = _query(request, types)
        group = _get(self._store.groups, group_id)
        found = self._visible(request.caller, group, relation, cast)
        identifiers = matching(((str(record["id"]), record) for _, record in found), query)
        if tail:
            _require_eventual(request)
            return len(identifiers)
        kinds = {str(record["id"]): (kind, record) for kind, record in found}
        page, following = self._pages.cut(identifiers, query, request.path)
        values = [self._principal(request.caller, *kinds[identifier], query, cast) for identifier in page]
        return _listing(request, cast.collection if cast else "directoryObjects", query, values, identifiers, following)

    # Shapes

    def _visible(
        self, caller: Caller, group: Record, relation: str, cast: ResourceType | None
    ) -> list[tuple[ResourceType, Record]]:
        """Members or owners that this caller may see; a hidden membership looks empty without its permission."""
        group_id = str(group["id"])
        if relation == "owners":
            held: Sequence[str] = self._store.owners(group_id)
        elif group.get("visibility") == "HiddenMembership" and not caller.has(READ_HIDDEN):
            held = ()
        else:
            held = self._store.members(group_id)
        found = (self._store.principal(identifier) for identifier in held)
        return [pair for pair in found if pair is not None and cast in (None, pair[0])]

    def _principal(
        self, caller: Caller, kind: ResourceType, record: Record, query: Query, cast: ResourceType | None
    ) -> dict[str, object]:
        marked: dict[str, object] = {} if cast else {"@odata.type": kind.odata_type}
        if not caller.sees(kind.name):
            # "Limited information returned for inaccessible member objects": type and id, everything else null.
            hidden = {"id": record["id"]}
            return marked | project(kind, hidden, query)
        return marked | project(kind, record, query)

    def _collection(
        self, request: GraphRequest, kind: ResourceType, records: Mapping[str, Record], source: Mapping[str, Record]
    ) -> dict[str, object]:
        query = _query(request, (kind,))
        identifiers = matching(records.items(), query)
        page, following = self._pages.cut(identifiers, query, request.path)
        values = [project(kind, source[identifier], query) for identifier in page]
        return _listing(request, kind.collection, query, values, identifiers, following)

    def _count(self, request: GraphRequest, kind: ResourceType, records: Mapping[str, Record]) -> int:
        _require_eventual(request)
        # $count as a path is a count already, so $filter needs no $count=true beside it.
        query = parse_query(
            {**request.options, "$count": "true"}, (kind,), version=request.version, eventual=request.eventual
        )
        return len(matching(records.items(), query))


def _query(request: GraphRequest, types: Sequence[ResourceType], *, single: bool = False) -> Query:
    return parse_query(request.options, types, version=request.version, eventual=request.eventual, single=single)


def _require(request: GraphRequest, accepted: frozenset[str]) -> None:
    if not request.caller.has(accepted):
        raise denied()


def _require_eventual(request: GraphRequest) -> None:
    if not request.eventual:
        raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")


def _get(records: Mapping[str, Record], identifier: str, *, guid: bool = True) -> Record:
    if guid and not _GUID.fullmatch(identifier):
        raise bad_request(f"Invalid object identifier '{identifier}'.")
    record = records.get(identifier.lower())
    if record is None:
        raise object_not_found(identifier)
    return record


def _context(request: GraphRequest, collection: str, query: Query, *, single: bool = False) -> str:
    selected = f"({','.join(query.select)})" if query.select else ""
    return f"{request.root}/$metadata#{collection}{selected}{'/$entity' if single else ''}"


def _one(request: GraphRequest, kind: ResourceType, record: Record, query: Query) -> dict[str, object]:
    context = _context(request, kind.collection, query, single=True)
    return {"@odata.context": context, **project(kind, record, query, single=True)}


def _listing(
    request: GraphRequest,
    collection: str,
    query: Query,
    values: Iterable[dict[str, object]],
    identifiers: Sequence[str],
    following: str | None,
) -> dict[str, object]:
    body: dict[str, object] = {"@odata.context": _context(request, collection, query)}
    if query.count:
        body["@odata.count"] = len(identifiers)
    if following is not None:
        body["@odata.nextLink"] = f"{request.root}/{request.path}?{following}"
    body["value"] = list(values)
    return body
