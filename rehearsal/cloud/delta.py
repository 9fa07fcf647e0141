"""``groups/delta``, ``users/delta``: what changed since a token ("Use delta query to track changes in Microsoft Graph
data")."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from rehearsal.cloud.changes import ChangeLog
from rehearsal.cloud.errors import GraphError, bad_request
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.paging import Seal
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.query import Capabilities, Query, parse_query, projector
from rehearsal.cloud.relations import is_hidden
from rehearsal.cloud.resources import GROUP, USER, Record, ResourceType
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.tokens import InvalidTokenError

LIFETIME = timedelta(days=7)
"""How long a token for directory objects is good."""
PAGE_OBJECTS = 100
PAGE_MEMBERS = 200
"""Objects and members on one page; a group with more members goes on under the same id on the next."""
LARGEST_FILTER = 50
_ROUNDS = 50
_OPTIONS = Capabilities(frozenset({"$select"}))


@dataclass(frozen=True)
class _Round:
    """One walk through all objects or through the changes since a token.

    ``entries`` are ids, each with the members to tell: the list, or None for all that it has.
    """

    entries: Sequence[tuple[str, Sequence[str] | None]]
    position: int
    options: Mapping[str, str]


class Deltas:
    """Answers delta queries for groups or for users; keeps the rounds that clients are in the middle of."""

    def __init__(self, kind: ResourceType, store: CloudStore, seal: Seal) -> None:
        self._kind = kind
        self._store = store
        self._seal = seal
        self._rounds: dict[str, _Round] = {}

    def answer(self, request: GraphRequest) -> GraphAnswer:
        """``GET groups/delta``, ``GET users/delta``."""
        declared = self._kind.declared(request.version)
        options = {
            name: ",".join(declared.spelled(one.strip()) for one in value.split(",")) if name == "$select" else value
            for name, value in request.options.items()
        }
        delta, skip = options.pop("$deltatoken", None), options.pop("$skiptoken", None)
        if skip is not None:
            state = self._state(request, skip, "skip")
            round_id = str(state["round"])
            current = self._rounds.get(round_id)
            if current is None:
                raise _expired()
            return self._page(request, round_id, current, int(str(state["entry"])), int(str(state["member"])))
        if delta == "latest":
            query = self._query(request, options)
            latest = _Round((), self._log.position, options)
            return self._shown(request, query, [], self._delta_link(request, latest))
        if delta:
            state = self._state(request, delta, "delta")
            kept = state["options"]
            options = {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}
            selected = _tracked(options)
            entries: list[tuple[str, Sequence[str] | None]] = [
                (group_id, list(touched.members))
                for group_id, touched in self._log.since(int(str(state["position"]))).items()
                if touched.concerns(selected)
            ]
        else:
            entries = [(identifier, None) for identifier in self._objects]
        wanted = _wanted(options)
        self._query(request, options)
        chosen = [entry for entry in entries if wanted is None or entry[0] in wanted]
        return self._begin(request, _Round(chosen, self._log.position, options))

    @property
    def _log(self) -> ChangeLog:
        return self._store.log if self._kind is GROUP else self._store.user_log

    @property
    def _objects(self) -> Mapping[str, Record]:
        return self._store.groups if self._kind is GROUP else self._store.users

    @property
    def _path(self) -> str:
        return f"{self._kind.collection}/delta"

    def _begin(self, request: GraphRequest, current: _Round) -> GraphAnswer:
        round_id = uuid.uuid4().hex
        self._rounds[round_id] = current
        while len(self._rounds) > _ROUNDS:
            del self._rounds[next(iter(self._rounds))]
        return self._page(request, round_id, current, 0, 0)

    def _page(self, request: GraphRequest, round_id: str, current: _Round, entry: int, member: int) -> GraphAnswer:
        query = self._query(request, current.options)
        values: list[dict[str, object]] = []
        room, shape = PAGE_MEMBERS, projector(self._kind, query)
        while entry < len(current.entries) and len(values) < PAGE_OBJECTS and room > 0:
            group_id, told = current.entries[entry]
            members = self._told(request.caller, query, group_id, told)
            part = members[member : member + room]
            values.append(self._entry(shape, group_id, part, whole=told is None))
            room -= len(part)
            entry, member = (entry, member + len(part)) if member + len(part) < len(members) else (entry + 1, 0)
        if entry >= len(current.entries):
            return self._shown(request, query, values, self._delta_link(request, current))
        token = self._token("skip", {"round": round_id, "entry": entry, "member": member})
        link = f"{request.root}/{self._path}?{urlencode({'$skiptoken': token}, safe='$')}"
        return self._shown(request, query, values, ("@odata.nextLink", link))

    def _told(self, caller: Caller, query: Query, group_id: str, told: Sequence[str] | None) -> Sequence[str]:
        """Members to tell of a group, as far as it has any to tell."""
        group = self._store.groups.get(group_id)
        if group is None or (query.select is not None and "members" not in query.issued.get("$select", "").split(",")):
            return ()
        if is_hidden(group, caller):
            return ()
        return self._store.members(group_id) if told is None else told

    def _entry(
        self, shape: Callable[[Record], dict[str, object]], group_id: str, members: Sequence[str], *, whole: bool
    ) -> dict[str, object]:
        found = self._objects.get(group_id)
        if found is None:
            # Users and soft-deleted groups can come back; the others are gone.
            restorable = self._kind is USER or group_id in self._store.deleted_groups
            return {"id": group_id, "@removed": {"reason": "changed" if restorable else "deleted"}}
        body = {**shape(found), "id": group_id}
        if members:
            present = frozenset(self._store.members(group_id))
            body["members@delta"] = [self._member(member, there=whole or member in present) for member in members]
        return body

    def _member(self, identifier: str, *, there: bool) -> dict[str, object]:
        found = self._store.principal(identifier)
        told: dict[str, object] = {"@odata.type": (found[0] if found else USER).odata_type, "id": identifier}
        return told if there else {**told, "@removed": {"reason": "deleted"}}

    def _query(self, request: GraphRequest, options: Mapping[str, str]) -> Query:
        names = [name.strip() for name in options.get("$select", "").split(",")]
        select = ",".join(name for name in names if self._kind is not GROUP or name != "members")
        plain = {name: value for name, value in options.items() if name != "$filter"}
        plain["$select"] = select or ("id" if names != [""] else "")
        query = parse_query(plain, (self._kind,), _OPTIONS, version=request.version, eventual=False)
        return replace(query, issued={"$select": ",".join(names)})

    def _shown(
        self, request: GraphRequest, query: Query, values: Sequence[object], link: tuple[str, str]
    ) -> GraphAnswer:
        selected = f"({','.join(query.select)})" if query.select else ""
        where = f"{request.root}/$metadata#{self._kind.collection}{selected}"
        return json_answer({"@odata.context": where, link[0]: link[1], "value": values})

    def _delta_link(self, request: GraphRequest, current: _Round) -> tuple[str, str]:
        token = self._token("delta", {"position": current.position, "options": dict(current.options)})
        return "@odata.deltaLink", f"{request.root}/{self._path}?{urlencode({'$deltatoken': token}, safe='$')}"

    # Tokens

    def _token(self, kind: str, value: Mapping[str, object]) -> str:
        log = self._log
        state = {"at": self._store.clock().timestamp(), "epoch": log.epoch, "generation": log.generation, **value}
        return self._seal.token(f"{self._path} {kind}", state)

    def _state(self, request: GraphRequest, token: str, kind: str) -> dict[str, object]:
        """What a token holds.

        Raises:
            GraphError: 400 for a token that is none of ours, or too old; 410 after a reset of the service.
        """
        try:
            state = self._seal.open(f"{self._path} {kind}", token)
        except InvalidTokenError:
            raise bad_request("Badly formed token.", "Directory_InvalidDeltaToken") from None
        if not isinstance(state, dict) or len(request.options) > 1:
            raise bad_request("A delta or skip token stands alone: follow the link as it was given.")
        log = self._log
        if state["epoch"] != log.epoch:
            start = f"{request.root}/{self._path}?$deltatoken="
            raise GraphError(410, "resyncRequired", "The service was reset. Begin again.", {"Location": start})
        age = self._store.clock() - datetime.fromtimestamp(float(str(state["at"])), self._store.clock().tzinfo)
        if age > LIFETIME or state["generation"] != log.generation:
            raise _expired()
        return state


def _tracked(options: Mapping[str, str]) -> frozenset[str] | None:
    """Properties whose changes are told: those selected, or all."""
    return frozenset(name.strip() for name in options.get("$select", "").split(",") if name.strip()) or None


def _expired() -> GraphError:
    return bad_request("The sync state generation is not found. Begin again without a token.", "syncStateNotFound")


def _wanted(options: Mapping[str, str]) -> frozenset[str] | None:
    """Ids of ``$filter=id eq '…' or id eq '…'``, the only filter that delta queries take."""
    text = options.get("$filter")
    if text is None:
        return None
    clauses = re.split(r" or ", text, flags=re.IGNORECASE)
    found = (re.fullmatch(r"\s*id eq\s+('.*')\s*", clause, re.IGNORECASE) for clause in clauses)
    ids = [match[1] for match in found if match is not None]
    if (
        len(ids) != len(clauses)
        or len(ids) > LARGEST_FILTER
        or not all(len(one) == 38 and one[-1] == "'" for one in ids)
    ):
        raise bad_request(f"A delta query filters by id only: id eq '…' or id eq '…', at most {LARGEST_FILTER}.")
    return frozenset(one.strip("'").lower() for one in ids)
