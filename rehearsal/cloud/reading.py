"""Reads: collections, single objects, counts, and what groups and users are related to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rehearsal.cloud.errors import bad_request, denied, object_not_found
from rehearsal.cloud.messages import PLAIN_TEXT, GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.paging import Pages
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.query import (
    DIRECTORY_LIST,
    EXPANDABLE,
    EXPANDED,
    SINGLE,
    Capabilities,
    Query,
    is_extension,
    matching,
    no_such_property,
    parse_query,
    project,
    projector,
    require_eventual,
)
from rehearsal.cloud.relations import Relations
from rehearsal.cloud.resources import GROUP, PRINCIPALS, USER, Record, ResourceType
from rehearsal.cloud.store import CloudStore

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Principal = tuple[ResourceType, Record]


@dataclass(frozen=True)
class Collection:
    """An entity set and how it is read.

    Attributes:
        kind: Type of its objects.
        table: Table of the store.
        list: What a list takes.
        single: What a read of one object takes.
        guids: Whether ids are GUIDs, so that another form is a bad request and not an unknown object.
        aliases: Other properties by which one object is found.
    """

    kind: ResourceType
    table: str
    list: Capabilities = SINGLE
    single: Capabilities = SINGLE
    guids: bool = False
    aliases: tuple[str, ...] = ()


GROUPS = Collection(GROUP, "groups", DIRECTORY_LIST, EXPANDABLE, guids=True)
USERS = Collection(USER, "users", DIRECTORY_LIST, EXPANDABLE, aliases=("userPrincipalName",))
_REFERENCES = replace(DIRECTORY_LIST, options=DIRECTORY_LIST.options - {"$select", "$expand"})
DELETED_GROUPS = Collection(GROUP, "deleted_groups", DIRECTORY_LIST, SINGLE, guids=True)


class Reader:
    """Answers reads from a ``CloudStore``."""

    def __init__(self, store: CloudStore, pages: Pages) -> None:
        self._store = store
        self._pages = pages
        self._relations = Relations(store)

    # Entity sets

    def records(self, collection: Collection) -> Mapping[str, Record]:
        """Objects of an entity set by id."""
        if collection.table == "organization":
            record = self._store.organization
            return {str(record["id"]): record} if record else {}
        records = self._store.table(collection.table)
        if all(map(self._store.is_found, self._store.table("not_yet"))):
            return records
        return {identifier: record for identifier, record in records.items() if self._store.is_found(identifier)}

    def find(self, collection: Collection, identifier: str) -> Record:
        """One object.

        Raises:
            GraphError: 404, or 400 for what cannot be an id.
        """
        if collection.guids and not _GUID.fullmatch(identifier):
            raise bad_request(f"Invalid object identifier '{identifier}'.")
        records = self.records(collection)
        record = records.get(identifier) or records.get(identifier.lower())
        for alias in collection.aliases if record is None else ():
            folded = identifier.casefold()
            record = next((one for one in records.values() if str(one.get(alias)).casefold() == folded), None)
        if record is None:
            raise object_not_found(identifier)
        return record

    def page(self, collection: Collection, request: GraphRequest) -> GraphAnswer:
        """``GET groups``."""
        return self.page_of(collection.kind, self.records(collection), collection.list, request)

    def page_of(
        self,
        kind: ResourceType,
        records: Mapping[str, Record],
        capabilities: Capabilities,
        request: GraphRequest,
        shown: str = "",
    ) -> GraphAnswer:
        """A page of any records of one type; ``shown`` is what ``@odata.context`` names, the type's set by default."""
        query = _query(request, (kind,), capabilities)
        self._require_extensions(query)
        identifiers = matching(records.items(), query)
        page: Sequence[str] = identifiers
        following = None
        if "$top" in capabilities.options:
            page, following = self._pages.cut(identifiers, query, request.path)
        shape = self._shape(kind, query, request.caller)
        values = [shape(records[identifier]) for identifier in page]
        return listing(request, shown or kind.collection, query, values, len(identifiers), following)

    def count(self, collection: Collection, request: GraphRequest) -> GraphAnswer:
        """``GET groups/$count``."""
        query = _counting(request, (collection.kind,), collection.list)
        return _number(len(matching(self.records(collection).items(), query)))

    def get(self, collection: Collection, request: GraphRequest, identifier: str, shown: str = "") -> GraphAnswer:
        """``GET groups/{id}``; ``shown`` is what ``@odata.context`` names, the type's set by default."""
        query = _query(request, (collection.kind,), collection.single)
        self._require_extensions(query)
        record = self.find(collection, identifier)
        return json_answer(
            {
                "@odata.context": context(request, shown or collection.kind.collection, query, single=True),
                **self._shape(collection.kind, query, request.caller, single=True)(record),
            }
        )

    def _require_extensions(self, query: Query) -> None:
        """Refuse a directory extension that nobody made."""
        wanted = [one for one in query.select or () if is_extension(one)]
        if wanted:
            known = {str(one["name"]) for one in self._store.table("extension_properties").values()}
            for name in wanted:
                if name not in known:
                    raise no_such_property(name, query.types)

    def deleted_item(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET directory/deletedItems/{id}``, which says what it is."""
        query = _query(request, (GROUP,), SINGLE)
        record = self.find(DELETED_GROUPS, identifier)
        return json_answer(
            {
                "@odata.context": context(request, "directoryObjects", query, single=True),
                "@odata.type": GROUP.odata_type,
                **project(GROUP, record, query, single=True),
            }
        )

    # Relations

    def related(
        self, collection: Collection, relation: str, request: GraphRequest, identifier: str, cast: str = ""
    ) -> GraphAnswer:
        """``GET groups/{id}/members`` and ``…/members/microsoft.graph.user``."""
        kinds = _kinds(cast)
        query = _query(request, kinds, DIRECTORY_LIST)
        found = self._found(collection, relation, request.caller, identifier, kinds)
        identifiers = matching(((key, record) for key, (_, record) in found.items()), query)
        page, following = self._pages.cut(identifiers, query, request.path)
        present = {found[key][0].name: found[key][0] for key in page}
        shapes = {
            name: _principal_shape(request.caller, kind, query, marked=not cast) for name, kind in present.items()
        }
        values = [shapes[kind.name](record) for kind, record in (found[key] for key in page)]
        shown = kinds[0].collection if cast else "directoryObjects"
        return listing(request, shown, query, values, len(identifiers), following)

    def references(self, relation: str, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET groups/{id}/members/$ref``: addresses of the objects and nothing else of them."""
        kinds = _kinds("")
        query = _query(request, kinds, _REFERENCES)
        found = self._found(GROUPS, relation, request.caller, identifier, kinds)
        identifiers = matching(((key, record) for key, (_, record) in found.items()), query)
        page, following = self._pages.cut(identifiers, query, request.path)
        values = [{"@odata.id": f"{request.root}/directoryObjects/{key}"} for key in page]
        return listing(request, "Collection($ref)", query, values, len(identifiers), following)

    def count_related(
        self, collection: Collection, relation: str, request: GraphRequest, identifier: str, cast: str = ""
    ) -> GraphAnswer:
        """``GET groups/{id}/members/$count``."""
        kinds = _kinds(cast)
        query = _counting(request, kinds, DIRECTORY_LIST)
        found = self._found(collection, relation, request.caller, identifier, kinds)
        return _number(len(matching(((key, record) for key, (_, record) in found.items()), query)))

    def by_ids(self, request: GraphRequest, identifiers: Iterable[str], wanted: frozenset[str]) -> GraphAnswer:
        """The objects of ``getByIds`` that exist and that the caller may read at all."""
        query = _query(request, tuple(PRINCIPALS.values()), SINGLE)
        found = (self._store.principal(identifier.lower()) for identifier in identifiers)
        values = [
            {"@odata.type": kind.odata_type, **project(kind, record, query)}
            for kind, record in filter(None, found)
            if request.caller.sees(kind.name) and (not wanted or kind.name.casefold() in wanted)
        ]
        return listing(request, "directoryObjects", query, values, len(values), None)

    def directory_object(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET directoryObjects/{id}``: any object of the directory, with its type.

        Raises:
            GraphError: 404, or 403 for an object of a type that the caller may not read.
        """
        query = _query(request, tuple(PRINCIPALS.values()), SINGLE)
        found = self._store.principal(identifier.lower())
        if found is None:
            raise object_not_found(identifier)
        kind, record = found
        if not request.caller.sees(kind.name):
            raise denied()
        where = context(request, "directoryObjects", query, single=True)
        shown = project(kind, record, query, single=True)
        return json_answer({"@odata.context": where, "@odata.type": kind.odata_type, **shown})

    def _found(
        self,
        collection: Collection,
        relation: str,
        caller: Caller,
        identifier: str,
        kinds: Sequence[ResourceType],
    ) -> dict[str, Principal]:
        record = self.find(collection, identifier)
        pairs = (self._store.principal(held) for held in self._relations.held(record, relation, caller))
        return {str(pair[1]["id"]): pair for pair in pairs if pair is not None and pair[0] in kinds}

    def _shape(
        self, kind: ResourceType, query: Query, caller: Caller, *, single: bool = False
    ) -> Callable[[Record], dict[str, object]]:
        """What makes an object of an answer out of a record, relations that ``$expand`` names included."""
        shape = projector(kind, query, single=single)
        expand = query.expand
        if expand is None:
            return shape
        kinds = tuple(PRINCIPALS.values())
        options = {"$select": ",".join(expand.select or ())}
        inner = parse_query(options, kinds, SINGLE, version=query.version, eventual=False)

        shapes = {one.name: _principal_shape(caller, one, inner, marked=True) for one in kinds}

        def expanded(record: Record) -> dict[str, object]:
            held = (
                self._store.principal(one) for one in self._relations.held(record, expand.relation, caller)[:EXPANDED]
            )
            found = [shapes[pair[0].name](pair[1]) for pair in held if pair is not None]
            return {**shape(record), expand.relation: found}

        return expanded


# Shapes


def _principal_shape(
    caller: Caller, kind: ResourceType, query: Query, *, marked: bool
) -> Callable[[Record], dict[str, object]]:
    """What makes of a record what this caller sees of it as a member; ``marked`` adds its type."""
    mark: dict[str, object] = {"@odata.type": kind.odata_type} if marked else {}
    shape = projector(kind, query)
    if caller.sees(kind.name):
        return lambda record: mark | shape(record)
    # "Limited information returned for inaccessible member objects": type and id, everything else null.
    return lambda record: mark | shape({"id": record["id"]})


def listing(
    request: GraphRequest,
    collection: str,
    query: Query,
    values: Sequence[Mapping[str, object]],
    total: int,
    following: str | None,
) -> GraphAnswer:
    """A page of a list."""
    body: dict[str, object] = {"@odata.context": context(request, collection, query)}
    if query.count:
        body["@odata.count"] = total
    if following is not None:
        body["@odata.nextLink"] = f"{request.root}/{request.path}?{following}"
    body["value"] = values
    return json_answer(body)


def context(request: GraphRequest, collection: str, query: Query, *, single: bool = False) -> str:
    """``@odata.context``."""
    shown = list(query.select or ())
    if query.expand is not None:
        shown.append(f"{query.expand.relation}({','.join(query.expand.select or ())})")
    selected = f"({','.join(shown)})" if shown else ""
    return f"{request.root}/$metadata#{collection}{selected}{'/$entity' if single else ''}"


def _kinds(cast: str) -> tuple[ResourceType, ...]:
    if not cast:
        return tuple(PRINCIPALS.values())
    return (PRINCIPALS[cast],)


def _query(request: GraphRequest, kinds: Sequence[ResourceType], capabilities: Capabilities) -> Query:
    return parse_query(request.options, kinds, capabilities, version=request.version, eventual=request.eventual)


def _counting(request: GraphRequest, kinds: Sequence[ResourceType], capabilities: Capabilities) -> Query:
    require_eventual(eventual=request.eventual)
    # $count as a path is a count already, so $filter needs no $count=true beside it.
    options = {**request.options, "$count": "true"}
    return parse_query(options, kinds, capabilities, version=request.version, eventual=True)


def _number(count: int) -> GraphAnswer:
    return GraphAnswer(200, {"Content-Type": PLAIN_TEXT}, str(count).encode())
