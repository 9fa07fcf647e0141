"""With this folder on its path, Python tells every text of the product in another language: letters of templates are
others (ROT13), names of values stay. Nothing of the product knows it."""

from __future__ import annotations

import codecs
import string
from collections.abc import Mapping
from types import MappingProxyType

from runbook_lib.model.text import Text


def told(template: str) -> str:
    """The template in the other language."""
    parts = []
    for words, name, spec, conversion in string.Formatter().parse(template):
        parts.append(codecs.encode(words, "rot13").replace("{", "{{").replace("}", "}}"))
        if name is not None:
            parts.append(f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}")
    return "".join(parts)


def _new(cls: type[Text], template: str, values: Mapping[str, object] | None = None) -> Text:
    held = MappingProxyType(dict(values or {}))
    self = str.__new__(cls, told(template).format_map(held))
    self.template = template
    self.values = held
    return self


Text.__new__ = _new  # type: ignore[assignment, method-assign]
