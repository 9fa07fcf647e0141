"""A comparison as one page that opens offline, as rows for a spreadsheet, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record.comparison import Differences, Happened, ObjectDifference
from runbook_lib.record.page import environment
from runbook_lib.shown.html import rows_html, text_html

COLUMNS = ("table", "happened", "key", "title", "value", "before", "after")
"""Of a comparison as a table for a spreadsheet."""
_MOST_ROWS = 2_000
"""Rows of one table that the page shows; the CSV file holds all."""
_SHOWN = 120
"""Characters of a value on a terminal."""


def comparison_html(comparison: Differences, first: str, second: str, states: tuple[Text, Text]) -> str:
    """The page.

    Args:
        comparison: What was found.
        first: What was compared, as people write it.
        second: With what.
        states: What is known of either side: sealed, open, a file.
    """
    tables = [_table(comparison, name) for name in comparison.objects if _of(comparison, name)]
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            first=first,
            second=second,
            states=states,
            summary=summary(comparison),
            tables=tables,
            one_sided=comparison.one_sided,
            not_compared=list(_not_compared(comparison)),
        )
    )


def summary(comparison: Differences) -> Text:
    """In one sentence."""
    if comparison.same:
        return t("Both are the same.")
    parts = [
        t("{objects} {happened}", objects=counted(comparison.number(happened), "object"), happened=happened.title)
        for happened in Happened
        if comparison.number(happened)
    ]
    less = t("tables of one side alone: {names}", names=", ".join(comparison.one_sided))
    return t("{parts}.", parts=joined([*parts, less if comparison.one_sided else NOTHING], ", "))


def comparison_lines(comparison: Differences) -> Iterator[Text]:
    """A line for each object, and one for each value of it that changed."""
    for name in comparison.one_sided:
        yield t("{name}: one side alone has it", name=name)
    yield from _not_compared(comparison)
    for one in comparison.differences:
        yield t("{table}  {happened}  {named}", table=one.table, happened=one.happened.title, named=_named(one))
        for column, before, after in one.values:
            yield t(
                "    {column}: {before} -> {after}",
                column=column,
                before=printable(before, limit=_SHOWN) or "-",
                after=printable(after, limit=_SHOWN) or "-",
            )


def comparison_rows(comparison: Differences) -> list[tuple[str, ...]]:
    """One row of ``COLUMNS`` for each value that changed, and one for each object that is new or gone."""
    return [
        (one.table, one.happened.value, " ".join(one.key), one.title, *values)
        for one in comparison.differences
        for values in (one.values or (("", "", ""),))
    ]


def _not_compared(comparison: Differences) -> Iterator[Text]:
    for table, columns in comparison.not_compared.items():
        names = printable(", ".join(columns), limit=_SHOWN)
        yield t("{table}: columns of one side alone, not compared: {names}", table=table, names=names)


def _named(one: ObjectDifference) -> Text:
    key = printable(" ".join(one.key), limit=_SHOWN)
    return verbatim(f"{printable(one.title, limit=_SHOWN)} ({key})" if one.title and one.title != key else key)


def _of(comparison: Differences, table: str) -> list[ObjectDifference]:
    return [one for one in comparison.differences if one.table == table]


def _table(comparison: Differences, name: str) -> Markup:
    rows = [
        (one.happened.title, text_html(one.title), text_html(" ".join(one.key)), _values(one))
        for one in _of(comparison, name)
    ]
    before, after = comparison.objects[name]
    caption = t("{name}: {before} objects before, {after} after", name=name, before=before, after=after)
    headings = (t("What happened"), t("Name"), t("Identity"), t("Value: before, after"))
    return rows_html(headings, rows, caption=caption, limit=_MOST_ROWS)


def _values(one: ObjectDifference) -> Markup:
    return Markup("<br>").join(
        Markup("{}: <del>{}</del> <ins>{}</ins>").format(text_html(name), text_html(before), text_html(after))
        for name, before, after in one.values
    )
