"""Mapping expressions that leave a converted group where it is in AD and named as it is. Pure.

A group keeps its distinguished name in a directory extension, filled before its source of authority is converted; the
two expressions take OU and name out of it. A group without the value gets what the mapping gave before.

Source: Microsoft Entra documentation, "Preserve a group's organizational unit and name when you convert Source of
Authority", "Configure provisioning to Active Directory" (the expressions). Those of the page keep commas in names;
these keep everything that AD escapes in a distinguished name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.cloud_sync.expression import read_expression
from runbook_lib.cloud_sync.functions import NotPredictable, Value, shown
from runbook_lib.model.dn import parent_of, rdn_value, same_dn
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable

_WHOLE = 9999
"""A length that no distinguished name has, as the page writes it."""
_ESCAPED = ("+", '"', "<", ">", ";", "=", "#", " ")
"""What AD escapes with a backslash in a name, beside comma and backslash (RFC 4514, 2.4)."""
_COMMA, _BACKSLASH = "\\2C", "\\5C"
"""What stands for an escaped comma and an escaped backslash while the name is taken apart."""
_KEEPS = re.compile(r"IIF\(IsPresent\(\[(extension_\w+)\]\),")
_EXTENSION = re.compile(r"\[(extension_\w+)\]")


def ou_expression(extension: str, otherwise: str) -> str:
    """Expression for parentDistinguishedName.

    Args:
        extension: Full name of the extension property that holds distinguished names.
        otherwise: Expression for groups that have none.
    """
    taken = _taken_apart(extension)
    parent = f'Mid(Mid({taken},InStr({taken},",",,),{_WHOLE}),2,{_WHOLE})'
    parent = _replaced(_replaced(parent, _COMMA, "\\,"), _BACKSLASH, "\\\\")
    return f"IIF(IsPresent([{extension}]),{parent},{otherwise})"


def cn_expression(extension: str, otherwise: str) -> str:
    """Expression for cn; arguments as for ``ou_expression``."""
    name = f'Mid(Word({_taken_apart(extension)},1,","),4,{_WHOLE})'
    for character in _ESCAPED:
        name = _replaced(name, f"\\{character}", character)
    name = _replaced(_replaced(name, _COMMA, ","), _BACKSLASH, "\\")
    return f"IIF(IsPresent([{extension}]),{name},{otherwise})"


def keeps_place(expressions: Mapping[str, str], extension: str) -> bool:
    """Whether a mapping (target attribute, lower case, to expression) has both expressions for this extension."""
    begins = f"IIF(IsPresent([{extension}]),"
    return all(expressions.get(name, "").startswith(begins) for name in ("cn", "parentdistinguishedname"))


def still_keeping(present: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """Expressions that are asked for, for those groups alone that the mapping does not keep in their place.

    Args:
        present: Target attribute, lower case, to the expression that it has now.
        asked: Target attribute to the expression that it is to have.
    """
    makers = {"parentdistinguishedname": ou_expression, "cn": cn_expression}
    found = dict(asked)
    for name, text in asked.items():
        keeps = _KEEPS.match(present.get(name.casefold(), ""))
        if keeps and name.casefold() in makers and not text.startswith(keeps[0]):
            found[name] = makers[name.casefold()](keeps[1], text)
    return found


def extensions_in(expressions: Mapping[str, str]) -> list[str]:
    """Directory extensions that a mapping reads, by full name."""
    return sorted({name for text in expressions.values() for name in _EXTENSION.findall(text)})


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an AD object will be and how it will be named by two expressions; ``why`` says why that is not known."""

    dn: str
    container: str = ""
    cn: str = ""
    why: Text = NOTHING

    @property
    def same(self) -> bool:
        """Whether the object stays where it is and keeps its name, both to the letter."""
        return not self.why and same_dn(self.container, parent_of(self.dn)) and self.cn == rdn_value(self.dn)


def place_by(expressions: Mapping[str, str], dn: str, values: Mapping[str, Value]) -> Placement:
    """Work out where a mapping puts an AD object.

    Args:
        expressions: Target attribute, lower case, to expression.
        dn: Where it is now.
        values: Of its group, by the names that the mapping has for them.
    """
    found = []
    for name in ("parentdistinguishedname", "cn"):
        try:
            found.append(shown(read_expression(expressions.get(name, '""')).value(values)))
        except NotPredictable as unknown:
            return Placement(dn, why=t("It cannot be worked out: {why}.", why=unknown.why))
    if not found[0]:
        return Placement(dn, why=t("The mapping gives no OU: it would go to CN=Users."))
    return Placement(dn, found[0], found[1])


def moved(places: Mapping[str, Placement]) -> dict[str, Placement]:
    """Of places by group id, those that are not the present ones."""
    return {key: place for key, place in places.items() if not place.same}


def placement_lines(places: Sequence[Placement]) -> tuple[str, ...]:
    """Lines for people: from where to where."""
    return tuple(
        f"{printable(place.dn, limit=160)} -> "
        + (str(place.why) if place.why else printable(f"CN={place.cn},{place.container}", limit=160))
        for place in places
    )


def _taken_apart(extension: str) -> str:
    """The value with escaped backslashes and commas replaced, so that each comma left ends a part of the name."""
    return _replaced(_replaced(f"[{extension}]", "\\\\", _BACKSLASH), "\\,", _COMMA)


def _replaced(source: str, old: str, new: str) -> str:
    return f"Replace({source},{_text(old)},,,{_text(new)},,)"


def _text(value: str) -> str:
    """A constant of an expression: backslash and quotation mark are escaped in it (the reference of expressions)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
