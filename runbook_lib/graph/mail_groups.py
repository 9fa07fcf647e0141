"""Microsoft 365 groups with their addresses, without members: what mail flow is about."""

from __future__ import annotations

from collections.abc import Callable

from runbook_lib.graph.rows import GROUP_PROPERTIES, group_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudGroup, CloudKind

_UNIFIED = "groupTypes/any(c:c eq 'Unified')"


def read_mail_groups(client: GraphClient, progress: Callable[[int], None] | None = None) -> tuple[CloudGroup, ...]:
    """Every Microsoft 365 group of the tenant, sorted by id.

    Raises:
        NoAccess: Groups may not be read.
        ServiceFailed: Graph does not answer, or not in a form to rely on.
    """
    found: dict[str, CloudGroup] = {}
    for page in client.pages("/groups", {"$select": GROUP_PROPERTIES, "$filter": _UNIFIED, "$top": "999"}):
        rows = page["value"]
        groups = [group_of(row) for row in rows] if isinstance(rows, list) else []
        found |= {group.id: group for group in groups if group.kind is CloudKind.MICROSOFT_365}
        if progress is not None:
            progress(len(found))
    return tuple(found[key] for key in sorted(found))
