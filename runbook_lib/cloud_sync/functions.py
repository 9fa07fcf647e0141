"""The functions of mapping expressions: what each makes of its arguments, where that is certain.

Texts are measured in UTF-16 units, as .NET has them. Where the reference leaves open what happens, or the result is
random, dated or depends on AD, the function is ``NotPredictable``.

Source: Microsoft Entra documentation, "Reference for writing expressions for attribute mappings in Microsoft Entra ID";
for Trim "Writing expressions for attribute mappings in Microsoft Entra ID" (Cloud Sync).
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.model.text import Text, t

Value = str | int | bool | tuple[str, ...] | None
"""What an expression gives: text, number, truth value, several texts, or null."""
Argument = Callable[[], Value]
"""An argument, worked out only where the function wants it."""


class NotPredictable(Exception):  # noqa: N818 (no error of a run: a state of a prediction)
    """It cannot be known here what the service makes of an expression. ``why`` is the end of a sentence."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Function:
    """One function: how many arguments it takes (``most`` None: any number), and what it makes of them."""

    least: int
    most: int | None
    work_out: Callable[[Sequence[Argument]], Value]


def compared(left: Value, sign: str, right: Value) -> bool:
    """Compare two values as IIF does.

    Raises:
        NotPredictable: One of them is null or empty (a documented limitation: the check fails), has several values, or
            is a text that is compared by size.
    """
    if left in (None, "", ()) or right in (None, "", ()):
        raise NotPredictable(t("a comparison with an empty value fails in the provisioning service"))
    if isinstance(left, tuple) or isinstance(right, tuple):
        raise NotPredictable(t("a comparison with an attribute of several values is not documented"))
    if sign in ("=", "<>"):
        return (shown(left) == shown(right)) is (sign == "=")
    if isinstance(left, str) or isinstance(right, str):
        raise NotPredictable(t("a comparison of texts by size is not documented"))
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]


def shown(value: Value) -> str:
    """A value as text: null is empty, truth values are ``True`` and ``False``.

    Raises:
        NotPredictable: It has several values.
    """
    if value is None:
        return ""
    if isinstance(value, tuple):
        if len(value) == 1:
            return value[0]
        raise NotPredictable(t("an attribute with several values stands where one is expected"))
    return str(value)


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _length(text: str) -> int:
    return len(_units(text)) // 2


def _slice(text: str, begin: int, length: int) -> str:
    """``length`` UTF-16 units from ``begin`` (from 0)."""
    cut = _units(text)[2 * begin : 2 * (begin + length)]
    try:
        return cut.decode("utf-16-le")
    except UnicodeDecodeError:
        raise NotPredictable(t("a text is cut in the middle of a character")) from None


def _number(value: Value) -> int:
    if isinstance(value, bool) or value is None or isinstance(value, tuple):
        raise NotPredictable(t("a number is expected where there is none"))
    try:
        return int(value)
    except ValueError:
        raise NotPredictable(t("a number is expected where there is none")) from None


def _truth(value: Value) -> bool:
    match value:
        case bool():
            return value
        case "True" | "False":
            return value == "True"
    raise NotPredictable(t("a condition is neither true nor false"))


def _append(of: Sequence[Argument]) -> Value:
    return shown(of[0]()) + shown(of[1]())


def _left(of: Sequence[Argument]) -> Value:
    text, count = shown(of[0]()), _number(of[1]())
    return text if count < 0 else _slice(text, 0, count)


def _mid(of: Sequence[Argument]) -> Value:
    text, start, length = shown(of[0]()), _number(of[1]()), _number(of[2]())
    if start < 1 or length < 0:
        raise NotPredictable(t("Mid begins before the first character"))
    if start > _length(text) and text:
        raise NotPredictable(t("Mid begins behind the last character"))
    return _slice(text, start - 1, length)


def _in_str(of: Sequence[Argument]) -> Value:
    text, wanted = shown(of[0]()), shown(of[1]())
    start, how = [argument() for argument in of[2:]] + [None] * (4 - len(of))
    # Both are optional, and Microsoft's own expressions leave them out between commas ("Preserve a group's original
    # organizational unit").
    start = 1 if start is None else _number(start)
    ignoring_case = how is not None and _number(how) == 1
    if not wanted or start < 1:
        raise NotPredictable(t("InStr searches for nothing, or before the first character"))
    if ignoring_case:
        text, wanted = text.casefold(), wanted.casefold()
    begin = len(_units(text)[: 2 * (start - 1)].decode("utf-16-le", "replace"))
    found = text.find(wanted, begin)
    return 0 if found < 0 else _length(text[:found]) + 1


def _iif(of: Sequence[Argument]) -> Value:
    return of[1]() if _truth(of[0]()) else of[2]()


def _switch(of: Sequence[Argument]) -> Value:
    source = shown(of[0]())
    if len(of) % 2:
        raise NotPredictable(t("a key of Switch has no value"))
    for key, value in zip(of[2::2], of[3::2], strict=True):
        if shown(key()) == source:
            return value()
    return of[1]()


def _join(of: Sequence[Argument]) -> Value:
    parts: list[str] = []
    for value in (argument() for argument in of[1:]):
        parts += value if isinstance(value, tuple) else [shown(value)]
    # The reference joins "", surname and given name with ", " to "Doe, John": empty parts are left out.
    return shown(of[0]()).join(part for part in parts if part)


def _replace(of: Sequence[Argument]) -> Value:
    source, old, pattern, group, new, attribute, template = [argument() for argument in of] + [None] * (7 - len(of))
    if pattern is not None or group is not None or attribute is not None:
        raise NotPredictable(t("Replace with a regular expression is not worked out here"))
    if not old:
        raise NotPredictable(t("Replace does not say what it replaces"))
    if template is not None:
        return shown(template).replace(shown(old), shown(source))
    return shown(source).replace(shown(old), shown(new))


def _coalesce(of: Sequence[Argument]) -> Value:
    return next((value for value in (argument() for argument in of) if value is not None), None)


def _item(of: Sequence[Argument]) -> Value:
    value, index = of[0](), _number(of[1]())
    values = value if isinstance(value, tuple) else (shown(value),)
    if not 1 <= index <= len(values):
        raise NotPredictable(t("Item names a value that is not there"))
    return values[index - 1]


def _split(of: Sequence[Argument]) -> Value:
    text, mark = shown(of[0]()), shown(of[1]())
    if len(mark) != 1:
        raise NotPredictable(t("Split takes one character"))
    return tuple(part.strip(" ") for part in text.split(mark))


def _word(of: Sequence[Argument]) -> Value:
    text, number, marks = shown(of[0]()), _number(of[1]()), shown(of[2]())
    parts = "".join("\0" if character in marks else character for character in text).split("\0")
    return parts[number - 1] if 1 <= number <= len(parts) else ""


def _cased(change: Callable[[str], str]) -> Callable[[Sequence[Argument]], Value]:
    def work_out(of: Sequence[Argument]) -> Value:
        if len(of) > 1 and shown(of[1]()):
            raise NotPredictable(t("upper and lower case of a certain language are not worked out here"))
        text = shown(of[0]())
        if any(len(change(character)) != 1 for character in text):
            raise NotPredictable(t("a character has no upper or lower case of its own"))
        return "".join(change(character) for character in text)

    return work_out


def _trim(of: Sequence[Argument]) -> Value:
    text = shown(of[0]())
    if text.strip(" ") != text.strip():
        raise NotPredictable(t("the text begins or ends with white space that is no plain space"))
    return text.strip(" ")


_LETTERS = {"æ": "ae", "ǣ": "ae", "ø": "oe", "œ": "oe", "ß": "ss", "ł": "l", "ı": "i"}


def _without_diacritics(of: Sequence[Argument]) -> Value:
    found = []
    for character in unicodedata.normalize("NFC", shown(of[0]())):
        base = "".join(part for part in unicodedata.normalize("NFD", character) if not unicodedata.combining(part))
        plain = _LETTERS.get(base.lower(), base)
        if not base.isascii() and base.lower() not in _LETTERS and base.isalpha():
            raise NotPredictable(t("the reference does not say what becomes of one of its letters"))
        found.append(plain.upper() if base != base.lower() and base.lower() in _LETTERS else plain)
    return "".join(found)


def _simple(work: Callable[[str], Value]) -> Callable[[Sequence[Argument]], Value]:
    return lambda of: work(shown(of[0]()))


def _empty(value: Value) -> bool:
    return value is None or value in ("", ())


def _unpredictable(why: Text) -> Callable[[Sequence[Argument]], Value]:
    def work_out(_: Sequence[Argument]) -> Value:
        raise NotPredictable(why)

    return work_out


_RANDOM = _unpredictable(t("its value is random"))
_DATED = _unpredictable(t("its value depends on a date"))
_IN_TARGET = _unpredictable(t("its value depends on what AD holds at that moment"))
_NOT_HERE = _unpredictable(t("one of its functions is not worked out here"))

FUNCTIONS: Mapping[str, Function] = {
    "Append": Function(2, 2, _append),
    "AppRoleAssignmentsComplex": Function(1, 1, _NOT_HERE),
    "BitAnd": Function(2, 2, lambda of: _number(of[0]()) & _number(of[1]())),
    "CBool": Function(1, 1, lambda of: _truth(of[0]()) if isinstance(of[0](), (bool, str)) else _number(of[0]()) != 0),
    "CDate": Function(1, 1, _DATED),
    "Coalesce": Function(1, None, _coalesce),
    "ConvertToBase64": Function(1, 1, _simple(lambda text: base64.b64encode(_units(text)).decode())),
    "ConvertToUTF8Hex": Function(1, 1, _simple(lambda text: text.encode().hex().upper())),
    "Count": Function(1, 1, lambda of: len(value) if isinstance(value := of[0](), tuple) else int(not _empty(value))),
    "CStr": Function(1, 1, lambda of: shown(of[0]())),
    "DateAdd": Function(3, 3, _DATED),
    "DateDiff": Function(3, 3, _DATED),
    "DateFromNum": Function(1, 1, _DATED),
    "FormatDateTime": Function(4, 4, _DATED),
    "Guid": Function(0, 0, _RANDOM),
    "IgnoreFlowIfNullOrEmpty": Function(1, 1, lambda of: None if _empty(value := of[0]()) else value),
    "IIF": Function(3, 3, _iif),
    "InStr": Function(2, 4, _in_str),
    "IsNull": Function(1, 1, lambda of: of[0]() is None),
    "IsNullOrEmpty": Function(1, 1, lambda of: _empty(of[0]())),
    "IsPresent": Function(1, 1, lambda of: not _empty(of[0]())),
    "IsString": Function(1, 1, lambda of: isinstance(of[0](), str)),
    "Item": Function(2, 2, _item),
    "Join": Function(2, None, _join),
    "Left": Function(2, 2, _left),
    "Mid": Function(3, 3, _mid),
    "NormalizeDiacritics": Function(1, 1, _without_diacritics),
    "Not": Function(1, 1, lambda of: shown(of[0]()) != "True"),
    "Now": Function(0, 0, _DATED),
    "NumFromDate": Function(1, 1, _DATED),
    "PCase": Function(1, 2, _NOT_HERE),
    "RandomString": Function(5, 6, _RANDOM),
    "Redact": Function(1, 1, _NOT_HERE),
    "RemoveDuplicates": Function(
        1, 1, lambda of: tuple(dict.fromkeys(value)) if isinstance(value := of[0](), tuple) else value
    ),
    "Replace": Function(2, 7, _replace),
    "SelectUniqueValue": Function(2, None, _IN_TARGET),
    "SingleAppRoleAssignment": Function(1, 1, _NOT_HERE),
    "Split": Function(2, 2, _split),
    "StripSpaces": Function(1, 1, _simple(lambda text: text.replace(" ", ""))),
    "Switch": Function(2, None, _switch),
    "ToLower": Function(1, 2, _cased(str.lower)),
    "ToUpper": Function(1, 2, _cased(str.upper)),
    "Trim": Function(1, 1, _trim),
    "Word": Function(3, 3, _word),
}
"""Every function that the reference lists, by its name; upper and lower case count."""
