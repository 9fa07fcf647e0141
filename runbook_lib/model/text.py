"""What people read: a template and its values, from the place where a sentence arises to the edge where it is shown.

A ``Text`` is its English sentence, so whatever takes a ``str`` takes it; the template and the values stay with it, so
that another language can be told without parsing English. A field that people read is typed ``Text``: an f-string is
no ``Text``, and mypy refuses it there.

Every template of the product stands in ``templates.csv`` beside its code, which is what a catalogue of another language
goes by: it stays when the English is polished. ``make generate`` keeps the file (docs/decisions/0010).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Self, overload


class Text(str):
    """One sentence, or several: English as a ``str``, with what it was made from.

    Attributes:
        template: English with the names of the values in braces, as ``str.format`` takes it; ``{{`` stands for ``{``.
        values: What the names stand for: texts, numbers, dates, other ``Text``.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object] | None = None) -> Self:
        """Put the values into the template.

        Raises:
            KeyError: The template names a value that is not there.
        """
        held = MappingProxyType(dict(values or {}))
        self = super().__new__(cls, template.format_map(held))
        self.template = template
        self.values = held
        return self

    @property
    def code(self) -> str:
        """The code of its template; empty for ``verbatim`` and ``joined`` texts, whose templates have no words."""
        return _codes().get(self.template, "")

    @overload
    def __add__(self, other: Text) -> Text: ...
    @overload
    def __add__(self, other: str) -> str: ...
    def __add__(self, other: str) -> str:
        """Two texts side by side; with a plain ``str`` only the English is left."""
        return joined((self, other), "") if isinstance(other, Text) else super().__add__(other)

    def __format__(self, spec: str) -> str:
        """As a ``str``; ``{why:clause}`` in a template leaves the full stop at the end away."""
        return self.removesuffix(".") if spec == "clause" else super().__format__(spec)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.template, dict(self.values))


@cache
def _codes() -> Mapping[str, str]:
    """Template to its code; read when the first code is asked for."""
    with Path(__file__).with_name("templates.csv").open(encoding="utf-8", newline="") as file:
        return {row["template"]: row["code"] for row in csv.DictReader(file)}


NOTHING = Text("")
"""Where there is nothing to say."""

Progress = Callable[[Text, int, int | None], None]
"""Told what is read or was done last, how much of it so far, and how much there is in all; None: that is not known."""


def t(template: str, /, **values: object) -> Text:
    """A sentence: ``t("{dn} is not there.", dn=dn)``. The template is a literal, so that a list of all can be made."""
    return Text(template, values)


def from_table(text: str) -> Text:
    """Words of a table of the product (CSV), which name no value; the catalogue lists its column."""
    return Text(text.replace("{", "{{").replace("}", "}}"))


def verbatim(text: str) -> Text:
    """Words that no language changes: what somebody typed, a name, an identifier, a service's own answer."""
    return text if isinstance(text, Text) else Text("{text}", {"text": text})


def clause(sentence: Text) -> Text:
    """A sentence without its full stop, to stand inside of another one."""
    return Text("{sentence:clause}", {"sentence": sentence})


def joined(texts: Iterable[str], separator: str = " ") -> Text:
    """Several texts in one, those that are empty left out.

    Args:
        texts: In order.
        separator: What stands between two of them; a ``Text`` where it is a word, such as ``t(" and ")``.
    """
    parts = [text for text in texts if text]
    names = {f"part{number}": part for number, part in enumerate(parts, start=1)}
    if isinstance(separator, Text):
        return Text("{separator}".join(f"{{{name}}}" for name in names), {**names, "separator": separator})
    return Text(separator.join(f"{{{name}}}" for name in names), names)


PLURALS = {
    "AD group": ("{number:,} AD group", "{number:,} AD groups"),
    "AD member": ("{number:,} AD member", "{number:,} AD members"),
    "AD object": ("{number:,} AD object", "{number:,} AD objects"),
    "answer": ("{number:,} answer", "{number:,} answers"),
    "batch": ("{number:,} batch", "{number:,} batches"),
    "contact": ("{number:,} contact", "{number:,} contacts"),
    "change": ("{number:,} change", "{number:,} changes"),
    "difference": ("{number:,} difference", "{number:,} differences"),
    "direct member": ("{number:,} direct member", "{number:,} direct members"),
    "former member": ("{number:,} former member", "{number:,} former members"),
    "group": ("{number:,} group", "{number:,} groups"),
    "mail contact": ("{number:,} mail contact", "{number:,} mail contacts"),
    "member": ("{number:,} member", "{number:,} members"),
    "object": ("{number:,} object", "{number:,} objects"),
    "Microsoft 365 group": ("{number:,} Microsoft 365 group", "{number:,} Microsoft 365 groups"),
    "minute": ("{number:,} minute", "{number:,} minutes"),
    "operation": ("{number:,} operation", "{number:,} operations"),
    "parameter": ("{number:,} parameter", "{number:,} parameters"),
    "page": ("{number:,} page", "{number:,} pages"),
    "run": ("{number:,} run", "{number:,} runs"),
    "row": ("{number:,} row", "{number:,} rows"),
    "request": ("{number:,} request", "{number:,} requests"),
    "unit": ("{number:,} unit", "{number:,} units"),
    "write request": ("{number:,} write request", "{number:,} write requests"),
    "second": ("{number:,} second", "{number:,} seconds"),
    "security group": ("{number:,} security group", "{number:,} security groups"),
    "server": ("{number:,} server", "{number:,} servers"),
    "tenant": ("{number:,} tenant", "{number:,} tenants"),
    "time": ("{number:,} time", "{number:,} times"),
    "use": ("{number:,} use", "{number:,} uses"),
    "user": ("{number:,} user", "{number:,} users"),
    "value": ("{number:,} value", "{number:,} values"),
    "write": ("{number:,} write", "{number:,} writes"),
    "written-back group": ("{number:,} written-back group", "{number:,} written-back groups"),
}
"""Noun to the templates of one of it and of several."""


def counted(number: int, noun: str) -> Text:
    """``1 object``, ``1,200 objects``: a number with its noun.

    Raises:
        KeyError: ``PLURALS`` has no such noun.
    """
    return Text(PLURALS[noun][number != 1], {"number": number})


def first_of(texts: Sequence[str], most: int, separator: str = ", ") -> Text:
    """The first ``most`` of these texts, and how many more there are: ``a, b and 3 more``.

    One that holds the separator stands in quotation marks, so that a reader sees one where there is one.
    """
    shown = joined((_apart(text, separator) for text in texts[:most]), separator)
    more = len(texts) - most
    return t("{shown} and {more:,} more", shown=shown, more=more) if more > 0 else shown


def _apart(text: str, separator: str) -> Text:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return verbatim(f'"{text}"' if separator.strip() in text and not quoted else text)


def and_more(more: int) -> Text:
    """A line of its own, below the lines that are shown, for those that are not: ``… and 1,200 more.``"""
    return t("… and {more:,} more.", more=more)


def with_values(text: Text, **values: object) -> Text:
    """The same text with other values under the names that it has, in the texts inside of it too."""
    held = {
        name: values.get(name, with_values(value, **values) if isinstance(value, Text) else value)
        for name, value in text.values.items()
    }
    return Text(text.template, held)
