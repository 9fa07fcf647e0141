"""Values in ``$filter``: literals, what reads a record's value by its path, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from rehearsal.cloud.resources import Record

Value = Callable[[Record], object]

NOTHING = object()
"""No literal."""


def literal(kind: str, text: str) -> object:
    """A token's value; ``NOTHING`` for what is no literal."""
    if kind == "string":
        return text[1:-1].replace("''", "'")
    if kind == "number":
        return float(text) if "." in text else int(text)
    if kind == "guid":
        return text.lower()
    if kind == "date":
        try:
            return _moment(text)
        except ValueError:
            return NOTHING
    words: dict[str, object] = {"true": True, "false": False, "null": None}
    return words.get(text, NOTHING) if kind == "word" else NOTHING


def suits(type_name: str, kind: str, value: object) -> bool:
    """Whether a literal can be compared with a property of this type."""
    if type_name == "Edm.Boolean":
        return isinstance(value, bool)
    if type_name in ("Edm.Int32", "Edm.Int64"):
        return kind == "number"
    if type_name == "Edm.DateTimeOffset":
        return kind == "date"
    return isinstance(value, str)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")


def reader(path: tuple[str, ...]) -> Value:
    """What reads a value, nested ones by their path; None where something on the way is missing."""
    if len(path) == 1:
        name = path[0]
        return lambda record: record.get(name)

    def read(record: Record) -> object:
        value: object = record
        for name in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    return read


def counted(path: tuple[str, ...]) -> Value:
    """What counts a collection."""
    read = reader(path)
    return lambda record: len(values) if isinstance(values := read(record), list) else 0


def equal(value: object, wanted: object) -> bool:
    """Equality as Graph has it: texts without regard to case."""
    if isinstance(value, str):
        if isinstance(wanted, str):
            return value.casefold() == wanted.casefold()
        return isinstance(wanted, datetime) and order(value, wanted) == 0
    return type(value) is type(wanted) and value == wanted


def order(value: object, wanted: object) -> int | None:
    """-1, 0 or 1; None where the two cannot be compared."""
    if isinstance(value, str) and isinstance(wanted, datetime):
        try:
            moment = _moment(value)
        except ValueError:
            return None
        return (moment > wanted) - (moment < wanted)
    if isinstance(value, str) and isinstance(wanted, str):
        return (value.casefold() > wanted.casefold()) - (value.casefold() < wanted.casefold())
    if isinstance(value, int) and isinstance(wanted, int | float):
        return (value > wanted) - (value < wanted)
    return None
