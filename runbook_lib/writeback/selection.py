"""Which groups an operator means: ids exactly, names with wildcards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runbook_lib.errors import Refused
from runbook_lib.inventory.naming import name_matches
from runbook_lib.inventory.states import GroupRow
from runbook_lib.text import printable


def select(
    rows: Sequence[GroupRow],
    ids: Sequence[str],
    names: Sequence[str],
    *,
    by_name: Callable[[GroupRow], bool],
) -> tuple[GroupRow, ...]:
    """Rows named by id, plus rows whose display name matches a pattern and that ``by_name`` lets patterns pick.

    Names are compared in Unicode form NFC without regard to case; ``*`` and ``?`` are wildcards.

    Raises:
        Refused: Nothing is selected (``empty-selection``), an id is unknown (``unknown-group``), or a pattern matches
            nothing (``selection-matches-nothing``): a typing error must not turn into a smaller change.
    """
    if not ids and not names:
        raise Refused(
            "No group is selected.",
            code="empty-selection",
            hint="Name groups in the parameter select_ids or select_names.",
        )
    by_id = {row.group_id: row for row in rows}
    unknown = [group_id for group_id in ids if group_id.casefold() not in by_id]
    if unknown:
        raise Refused(
            f"No such group on either side: {', '.join(printable(group_id, limit=80) for group_id in unknown)}.",
            code="unknown-group",
            hint="Check the parameter select_ids against the table of 20-inventory-groups.",
            values={"ids": list(unknown)},
        )
    chosen = {group_id.casefold() for group_id in ids}
    for pattern in names:
        found = [row.group_id for row in rows if by_name(row) and name_matches(row.display_name, pattern)]
        if not found:
            raise Refused(
                f"The selection {printable(pattern, limit=80)!r} matches no group.",
                code="selection-matches-nothing",
                hint="Check the parameters select_names and select_kinds against the table of 20-inventory-groups.",
                values={"pattern": pattern},
            )
        chosen.update(found)
    return tuple(row for row in rows if row.group_id in chosen)
