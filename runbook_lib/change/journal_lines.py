"""The lines of a journal, read strictly: a journal decides what is written and what an undo takes back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from runbook_lib.change.route import RouteRules, Routes, rules_in
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable, whole
from runbook_lib.strict_file import Unfit, strict_json


class DamagedLine(ValueError):  # noqa: N818 - becomes part of an error in words
    """A line that no run wrote; ``number`` counts from 1, ``why`` is the end of a sentence."""

    def __init__(self, number: int, why: Text) -> None:
        super().__init__(why)
        self.number, self.why = number, why


class _Line(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    at: str
    previous: str = ""


class _Open(_Line):
    entry: Literal["open"]
    run: str = ""
    operation: str = ""
    route: str = "direct"
    plan_digest: str = ""
    approved: list[str] = []
    approval: dict[str, Any] = {}
    resumes: str | None = None


class _Begin(_Line):
    entry: Literal["begin"]
    write: str
    change: str
    object_id: str = Field(alias="guid")
    intent: object


class _Done(_Line):
    entry: Literal["done"]
    write: str
    change: str
    object_id: str = Field(alias="guid")
    effect: object


class _Lost(_Line):
    entry: Literal["lost"]
    write: str
    change: str
    why: str


class _Stopped(_Line):
    entry: Literal["stopped"]
    why: str


class _Closed(_Line):
    entry: Literal["closed"]
    why: str


_HALF = rb"\ud"
"""How the escape of half a letter (U+D800 to U+DFFF) begins in a line of JSON, in lower case."""


@lru_cache
def line_of(rules: RouteRules) -> TypeAdapter[object]:
    """Any line of a journal of this route: what all have, with the intents, effects and places of the route."""
    place: dict[str, Any] = dict.fromkeys(rules.place, (str, ""))
    opened = create_model("OpenLine", __base__=_Open, **place)
    begin = create_model("BeginLine", __base__=_Begin, intent=(rules.intent_fields, ...))
    done = create_model("DoneLine", __base__=_Done, effect=(rules.effect_fields, ...))
    lines: Any = opened | begin | done | _Lost | _Stopped | _Closed
    return TypeAdapter(Annotated[lines, Field(discriminator="entry")])


def line_digest(line: bytes) -> str:
    """What the line after this one (without its line break) names it by."""
    return hashlib.sha256(line).hexdigest()


def lines_of(data: bytes, routes: Routes, run: str | None = None) -> list[Mapping[str, Any]]:
    """Every line of a journal; a torn last one, without its line break (power failure), is left out.

    Args:
        data: The bytes of the file.
        routes: The routes whose journals can be read.
        run: The run whose journal it is, where its lines have to prove that they follow each other. None for a sealed
            one: what sealing redacts changes lines, and its manifest proves it.

    Raises:
        DamagedLine: A line is not of a journal, stands where no run writes it, or does not follow the one before it.
    """
    *raw, rest = data.split(b"\n")
    try:
        rules = rules_in(_value(1, raw[0] if raw else rest), routes)
    except (Unfit, DamagedLine) as error:
        if not raw:
            return []
        raise DamagedLine(1, error.why) from None
    lines = [_line(number, line, rules) for number, line in enumerate(raw, start=1)]
    if rest:
        # Torn: nothing was sent after it, because a line is on disk before its write.
        with suppress(DamagedLine):
            lines.append(_line(len(raw) + 1, rest, rules))
    for number, line in enumerate(lines, start=1):
        if (line["entry"] == "open") is not (number == 1):
            raise DamagedLine(number, t("a journal has one line open, the first"))
        if number > 1 and lines[number - 2]["entry"] == "closed":
            raise DamagedLine(number, t("it stands after the line closed"))
    if run is not None:
        _follow(raw, lines, run)
    return lines


def broken_at(data: bytes) -> int:
    """Number of the first line that names another one before it than the one that stands there; 0: none does."""
    *raw, _ = data.split(b"\n")
    for number, line in enumerate(raw[1:], start=2):
        try:
            found = strict_json(line)
        except Unfit:
            continue
        if isinstance(found, dict) and found.get("previous", wanted := line_digest(raw[number - 2])) != wanted:
            return number
    return 0


def _follow(raw: Sequence[bytes], lines: Sequence[Mapping[str, Any]], run: str) -> None:
    for number, line in enumerate(lines, start=1):
        wanted = line_digest(raw[number - 2]) if number > 1 else ""
        if line.get("previous", "") != wanted:
            raise DamagedLine(number, t("it does not follow the line before it: one was changed, put in or taken out"))
        if number == 1 and line.get("run") != run:
            raise DamagedLine(number, t("it was written for another run"))


def _line(number: int, line: bytes, rules: RouteRules) -> Mapping[str, Any]:
    found = _value(number, line)
    try:
        # A key that is no UTF-8 stands in a line as half a letter, which pydantic takes for no text.
        line_of(rules).validate_python(_whole_keys(found) if _HALF in line.lower() else found)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ", ".join(str(part) for part in detail["loc"][1:])
        reason = verbatim(printable(detail["msg"].lower(), limit=200))
        why = t("{place}: {reason}", place=printable(place, limit=200), reason=reason) if place else reason
        raise DamagedLine(number, why) from None
    if not isinstance(found, dict):
        raise DamagedLine(number, t("it is not an object"))
    return found


def _value(number: int, line: bytes) -> Any:
    try:
        return strict_json(line)
    except Unfit as unfit:
        raise DamagedLine(number, unfit.why) from None


def _whole_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {whole(key): _whole_keys(item) for key, item in value.items()}
    return [_whole_keys(item) for item in value] if isinstance(value, list) else value
