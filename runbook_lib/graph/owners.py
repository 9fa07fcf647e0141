"""Owners of cloud groups, read where somebody asks for them: one more request for each group, in batches.

No plan goes by them, so a list that cannot be read is unknown and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import as_completed

from runbook_lib.bulk import in_parts
from runbook_lib.errors import NoAccess
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.links import reading_threads
from runbook_lib.graph.rows import Row, row_id, text_of
from runbook_lib.graph.transport import GraphClient, Listing
from runbook_lib.model.cloud import Owner
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Progress, t

_PARAMETERS = {"$select": "id,displayName,userPrincipalName", "$top": "999"}


def batches_for(groups: int) -> int:
    """Batches that reading the owners of so many groups takes; a list of more than one page takes more requests."""
    return -(-groups // MOST_IN_BATCH)


def read_owners(
    client: GraphClient, groups: Iterable[GroupId], *, progress: Progress | None = None
) -> dict[GroupId, tuple[Owner, ...]]:
    """Owners of each group, by name; groups whose owners may not be read, or that are gone, are absent.

    Microsoft Graph, "List group owners": the permission that reads groups reads their owners; service principals are
    not listed in v1.0. An empty list is a group without an owner.

    Raises:
        NoAccess: Not one list may be read.
        ServiceFailed: Graph does not answer, or not in a form to rely on.
    """
    ids = list(groups)
    found: dict[GroupId, tuple[Owner, ...]] = {}
    refused: list[NoAccess] = []
    read = 0
    with reading_threads(client) as pool:
        asked = {pool.submit(_read, client, part): part for part in in_parts(ids, MOST_IN_BATCH)}
        for future in as_completed(asked):
            for group_id, answer in future.result().items():
                if isinstance(answer, NoAccess):
                    refused.append(answer)
                elif answer is not None:
                    found[group_id] = answer
            read += len(asked[future])
            if progress is not None:
                progress(t("owners"), read, len(ids))
    if refused and not found:
        raise refused[0]
    return {group_id: found[group_id] for group_id in ids if group_id in found}


def _read(client: GraphClient, ids: Sequence[GroupId]) -> Mapping[GroupId, tuple[Owner, ...] | NoAccess | None]:
    listings = client.listings([f"/groups/{group_id}/owners" for group_id in ids], _PARAMETERS)
    return {
        group_id: _owners(one.rows) if isinstance(one, Listing) else one if isinstance(one, NoAccess) else None
        for group_id, one in zip(ids, listings, strict=True)
    }


def _owners(rows: Iterable[Row]) -> tuple[Owner, ...]:
    by_id = {row_id(row): row for row in rows}
    return tuple(sorted((_owner(key, row) for key, row in by_id.items()), key=lambda one: one.name.casefold()))


def _owner(key: str, row: Row) -> Owner:
    account = text_of(row, "userPrincipalName") or ""
    return Owner(text_of(row, "displayName") or account or key, account)
