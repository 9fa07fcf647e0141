"""Which groups an operator means: ids exactly, names with wildcards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from runbook_lib.errors import Refused
from runbook_lib.inventory.naming import DisplayNames
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import appearance, difference, printable

SelectionPurpose = Literal["select", "disable"]
"""Which of the two selections: its parameters are ``<purpose>_ids`` and ``<purpose>_names``."""


def _where(purpose: SelectionPurpose, what: Text) -> Text:
    """Where to look the groups up that ``what``, a parameter, may name."""
    if purpose == "select":
        return t("Check {what} against the table of 20-inventory-groups.", what=what)
    return t(
        "Check {what} against the table of 20-inventory-groups: only groups that this runbook wrote can be named.",
        what=what,
    )


_NAMES: dict[SelectionPurpose, Text] = {
    "select": t("the parameters select_names and select_kinds"),
    "disable": t("the parameter disable_names"),
}
_EMPTY: dict[SelectionPurpose, tuple[Text, Text]] = {
    "select": (t("No group is selected."), t("Name groups in the parameter select_ids or select_names.")),
    "disable": (
        t("No group is named to be disabled."),
        t("Name groups in the parameter disable_ids or disable_names: select_ids and select_names serve 30 alone."),
    ),
}


def require_selection(ids: Sequence[str], names: Sequence[str], purpose: SelectionPurpose) -> None:
    """Insist that some group is named.

    Raises:
        Refused: None is (``empty-selection``).
    """
    if not ids and not names:
        message, hint = _EMPTY[purpose]
        raise Refused(message, code="empty-selection", hint=hint)


def named(rows: Iterable[GroupRow], ids: Iterable[GroupId], names: Iterable[str]) -> frozenset[str]:
    """Ids of the rows that are named by id or by a pattern, whatever kind they are."""
    known = list(rows)
    everybody = DisplayNames(row.display_name for row in known)
    picked = frozenset[str]().union(*map(everybody.picked, names))
    wanted = set(ids)
    return frozenset(row.group_id for row in known if row.group_id in wanted or row.display_name in picked)


def select(
    rows: Sequence[GroupRow],
    ids: Sequence[GroupId],
    names: Sequence[str],
    *,
    by_name: Callable[[GroupRow], bool],
    purpose: SelectionPurpose,
    why_not: Callable[[GroupRow], Text] = lambda _: NOTHING,
    earlier: Mapping[GroupId, str] = MappingProxyType({}),
) -> tuple[GroupRow, ...]:
    """Rows named by id, plus rows whose display name matches a pattern and that ``by_name`` lets patterns pick.

    What a pattern picks is said by ``DisplayNames``: a pattern that is a whole name means that name alone, even where
    ``by_name`` does not let it be picked. ``why_not`` is what a reader is told of a group of that name that cannot be
    picked: a sentence, empty for none. ``earlier`` are groups that earlier runs of this change have dealt with, by id,
    with the names that they had: to name them again is no mistake, also where no row is left of them.

    Raises:
        Refused: Nothing is selected (``empty-selection``), an id is unknown (``unknown-group``), or a pattern matches
            nothing (``selection-matches-nothing``): a typing error must not turn into a smaller change.
    """
    require_selection(ids, names, purpose)
    by_id = {row.group_id: row for row in rows}
    unknown = [group_id for group_id in ids if group_id not in by_id and group_id not in earlier]
    if unknown:
        raise Refused(
            t(
                "No such group on either side: {unknown}.",
                unknown=", ".join(printable(group_id, limit=80) for group_id in unknown),
            ),
            code="unknown-group",
            hint=_where(purpose, t("the parameter {name}", name=f"{purpose}_ids")),
            values={"ids": list(unknown)},
        )
    chosen = set(ids)
    everybody = DisplayNames((*(row.display_name for row in rows), *earlier.values()))
    by_display_name: defaultdict[str, list[GroupId]] = defaultdict(list)
    for group_id, name in earlier.items():
        by_display_name[name].append(group_id)
    for row in filter(by_name, rows):
        by_display_name[row.display_name].append(row.group_id)
    for pattern in names:
        picked = everybody.picked(pattern)
        found = [group_id for name in picked for group_id in by_display_name.get(name, ())]
        if not found:
            raise _matches_nothing(pattern, picked, rows, purpose, why_not)
        chosen.update(found)
    return tuple(row for row in rows if row.group_id in chosen)


def _matches_nothing(
    pattern: str,
    picked: frozenset[str],
    rows: Sequence[GroupRow],
    purpose: SelectionPurpose,
    why_not: Callable[[GroupRow], Text],
) -> Refused:
    hint = _where(purpose, _NAMES[purpose])
    reasons = dict.fromkeys(why_not(row) for row in rows if row.display_name in picked)
    if reason := joined(one for one in reasons if one):
        return Refused(
            t(
                "The selection {pattern!r} matches no group that can be taken: {reason}",
                pattern=printable(pattern, limit=80),
                reason=reason,
            ),
            code="selection-matches-nothing",
            hint=t("Take it out of the selection."),
            values={"pattern": pattern},
        )
    if picked:
        hint = t("Groups of that name are of a kind or in a state that a name does not pick. {hint}", hint=hint)
    return Refused(
        t(
            "The selection {pattern!r} matches no group.{hint}",
            pattern=printable(pattern, limit=80),
            hint=NOTHING if picked else _alike(pattern, rows),
        ),
        code="selection-matches-nothing",
        hint=hint,
        values={"pattern": pattern},
    )


def _alike(pattern: str, rows: Sequence[GroupRow]) -> Text:
    """A sentence about a group that looks as if it were meant; empty without one."""
    wanted = appearance(pattern)
    row = next((row for row in rows if appearance(row.display_name) == wanted), None)
    if row is None:
        return NOTHING
    return t(
        " {name!r} ({id}) looks the same: it {difference}.",
        name=printable(row.display_name, limit=80),
        id=row.group_id,
        difference=difference(row.display_name, pattern),
    )
