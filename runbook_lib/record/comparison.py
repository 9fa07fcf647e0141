"""Two records, or two tables of an inventory, object by object: new, gone, changed with both values. Pure.

A table is compared by the columns that name its objects; a table that names none is compared line by line, which knows
new and gone alone. Headings are compared without regard to case, spaces and punctuation, so that tables of other
versions of this program fit; a column that one table alone has is named, and not compared.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from runbook_lib.files import PLAN, RECORD
from runbook_lib.model.text import Text, t

TableRow = Mapping[str, str]
"""Heading to value, as text."""
_KEYS = (("group_id", "member_id"), ("group_id", "kind"), ("group_id",), ("guid",), ("name",))
"""Columns that name an object, the first set whose columns are all there."""
_OF_ONE_CONTROLLER = frozenset({"ad_changed"})
"""Columns that two domain controllers fill otherwise although nothing changed (whenChanged is not replicated)."""
_TITLES = ("member_name", "display_name", "group_name", "dn")
"""Columns that say what people call it."""


class Happened(Enum):
    """What became of an object from the first side to the second."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"

    @property
    def title(self) -> Text:
        """For people."""
        return {Happened.NEW: t("new"), Happened.GONE: t("gone"), Happened.CHANGED: t("changed")}[self]


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """One object that is not the same on both sides.

    Attributes:
        table: Name of the table, as the file is called.
        key: What identifies it in that table.
        title: What people call it; empty: nothing says.
        values: Heading, value before and after, of what changed; of a new fact of a run, and of one that is gone, too.
    """

    table: str
    key: tuple[str, ...]
    title: str
    happened: Happened
    values: tuple[tuple[str, str, str], ...] = ()

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "table": self.table,
            "key": list(self.key),
            "title": self.title,
            "happened": self.happened.value,
            "values": [{"name": name, "before": before, "after": after} for name, before, after in self.values],
        }


@dataclass(frozen=True, slots=True)
class Differences:
    """What ``compare_tables`` found.

    Attributes:
        differences: By table and key.
        objects: Table to its objects on the first and the second side.
        one_sided: Tables that one side alone has.
        not_compared: Table that both have to its columns that one side alone has, such as owners that nobody read.
    """

    differences: tuple[ObjectDifference, ...]
    objects: Mapping[str, tuple[int, int]]
    one_sided: tuple[str, ...] = ()
    not_compared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences and not self.one_sided

    def number(self, happened: Happened) -> int:
        """How many objects that happened to."""
        return sum(one.happened is happened for one in self.differences)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "schema": "gwb-comparison/1",
            "same": self.same,
            "tables": {name: {"before": first, "after": second} for name, (first, second) in self.objects.items()},
            "one_sided": list(self.one_sided),
            "not_compared": {table: list(columns) for table, columns in self.not_compared.items()},
            "differences": [one.as_json() for one in self.differences],
        }


def compare_tables(first: Mapping[str, Sequence[TableRow]], second: Mapping[str, Sequence[TableRow]]) -> Differences:
    """Compare two sides.

    Args:
        first: Table to its rows, before.
        second: The same, after.
    """
    both = sorted(first.keys() & second.keys())
    # The changes of a plan have keys of their own each; tables have columns.
    tables = [table for table in both if table != PLAN and first[table] and second[table]]
    alone = {table: columns for table in tables if (columns := _columns_of_one(first[table][0], second[table][0]))}
    return Differences(
        tuple(
            difference
            for table in both
            for difference in _table(table, first[table], second[table], _OF_ONE_CONTROLLER | set(alone.get(table, ())))
        ),
        {table: (len(first[table]), len(second[table])) for table in both},
        tuple(sorted(first.keys() ^ second.keys())),
        alone,
    )


def rows_of_changes(plan: Mapping[str, object]) -> list[TableRow]:
    """The changes of a plan.json as rows, each value as text."""
    changes = plan.get("changes")
    return [_flat(change) for change in (changes if isinstance(changes, list) else ()) if isinstance(change, Mapping)]


def rows_of_facts(facts: Mapping[str, object], names: Sequence[str]) -> list[TableRow]:
    """The named parts of a record.json as rows of name and value."""
    return [
        {"name": name, "value": value}
        for part in names
        if facts.get(part) is not None
        for name, value in _flat({part: facts[part]}).items()
        if name != "plan.members"
    ]


def _flat(value: Mapping[str, object], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, inner in value.items():
        name = f"{before}{key}"
        if isinstance(inner, Mapping) and inner:
            found |= _flat({str(k): v for k, v in inner.items()}, f"{name}.")
        elif isinstance(inner, str):
            found[name] = inner
        else:
            found[name] = "" if inner is None else json.dumps(inner, ensure_ascii=False, sort_keys=True)
    return found


def _columns_of_one(first: TableRow, second: TableRow) -> tuple[str, ...]:
    return tuple(sorted(set(map(_plain, first)) ^ set(map(_plain, second))))


def _table(
    table: str, first: Sequence[TableRow], second: Sequence[TableRow], unlike: Collection[str]
) -> Iterator[ObjectDifference]:
    headings = {_plain(name): name for row in (*first[:1], *second[:1]) for name in row}
    key = next((names for names in _KEYS if headings.keys() >= set(names)), ())
    before, after = _by_key(first, key, unlike), _by_key(second, key, unlike)
    for identity in sorted(before.keys() | after.keys()):
        old, new = before.get(identity), after.get(identity)
        named = identity[:-1] if key else _values_of(identity)
        if old is None or new is None:
            happened = Happened.GONE if new is None else Happened.NEW
            # A fact of a run is one value, which says more than that it is gone.
            facts = (("value", (old or {}).get("value", ""), (new or {}).get("value", "")),) if table == RECORD else ()
            yield ObjectDifference(table, named, _title(new or old or {}), happened, facts)
            continue
        names = dict.fromkeys((*old, *new))
        changed = [
            (name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name, "") != new.get(name, "")
        ]
        if changed and key:
            yield ObjectDifference(table, named, _title(new), Happened.CHANGED, tuple(changed))


def _by_key(rows: Sequence[TableRow], key: tuple[str, ...], unlike: Collection[str]) -> dict[tuple[str, ...], TableRow]:
    """Rows without the columns ``unlike``, by what identifies them, the second of two alike with a number behind it."""
    seen: Counter[tuple[str, ...]] = Counter()
    found: dict[tuple[str, ...], TableRow] = {}
    for row in rows:
        plain = {plain: value for name, value in row.items() if (plain := _plain(name)) not in unlike}
        identity = tuple(plain.get(name, "") for name in key) if key else tuple(plain.values())
        seen[identity] += 1
        found[(*identity, f"{seen[identity]:09}")] = plain
    return found


def _values_of(identity: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in identity[:-1] if value)


def _title(row: TableRow) -> str:
    return next((row[name] for name in _TITLES if row.get(name)), "")


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", heading.casefold()).strip("_")
