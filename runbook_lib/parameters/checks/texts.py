"""Characters that no parameter may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_lib.parameters.complaint import Complaint
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.yaml_text import Location

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PROSE_FIELDS = frozenset({"reason"})


def control_characters(parameters: Parameters) -> Iterator[Complaint]:
    """Control characters; line breaks and tabs are fine in prose."""
    for location, text in _all_texts(parameters.model_dump(), ()):
        allowed = "\n\t" if location[0] in _PROSE_FIELDS else ""
        if any(char not in allowed for char in _CONTROL.findall(text)):
            yield Complaint(location, "holds a control character", "control-character")


def _all_texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _all_texts(item, (*location, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _all_texts(item, (*location, number))
