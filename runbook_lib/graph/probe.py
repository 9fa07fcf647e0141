"""Whether single groups still exist: the question before anything is retired because its group is gone."""

from __future__ import annotations

from collections.abc import Iterable

from runbook_lib.errors import NoAccess
from runbook_lib.graph.answers import GraphNotFound, GraphRejected
from runbook_lib.graph.rows import is_guid, row_id
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import Presence

_NO_SUCH_OBJECT = "request_resourcenotfound"
"""Graph's code for an object that does not exist; other codes with 404 say that an address does not."""


def probe_groups(client: GraphClient, ids: Iterable[str]) -> dict[str, Presence]:
    """State of each group, by lower-case id, in the order of the ids.

    Gone needs two proofs: GET by id answers 404 with Graph's code for it, and the complete list of deleted groups,
    read afterwards, does not hold the id. A refusal, 403 above all, makes the state unknown.

    Raises:
        NoAccess: Sign-in, or the connection, fails as such.
        ServiceFailed: Graph does not answer.
    """
    found = {key: _by_id(client, key) for key in sorted({identifier.lower() for identifier in ids})}
    if Presence.GONE not in found.values():
        return found
    deleted = _deleted(client)
    for key, presence in found.items():
        if presence is Presence.GONE and deleted is None:
            found[key] = Presence.UNKNOWN
        elif presence is Presence.GONE and deleted is not None and key in deleted:
            found[key] = Presence.SOFT_DELETED
    return found


def _by_id(client: GraphClient, key: str) -> Presence:
    if not is_guid(key):
        return Presence.UNKNOWN
    try:
        row = client.get(f"/groups/{key}", {"$select": "id"})
    except GraphNotFound as error:
        code = str(error.values.get("graph_code", "")).lower()
        return Presence.GONE if code == _NO_SUCH_OBJECT else Presence.UNKNOWN
    except GraphRejected:
        return Presence.UNKNOWN
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return Presence.UNKNOWN
    return Presence.PRESENT if row_id(row) == key else Presence.UNKNOWN


def _deleted(client: GraphClient) -> frozenset[str] | None:
    """Ids of all deleted groups, or None if they may not be listed."""
    parameters = {"$select": "id", "$top": "999"}
    try:
        rows = client.listing("/directory/deletedItems/microsoft.graph.group", parameters).rows
    except (GraphNotFound, GraphRejected):
        return None
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return None
    return frozenset(row_id(row) for row in rows)
