"""The model's fields as plain facts, for everything that is generated from it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from runbook_lib.parameters.model import Parameters

SECTIONS: tuple[tuple[str, str], ...] = (
    ("The change", "change_id"),
    ("Microsoft Entra ID", "tenant_id"),
    ("Active Directory", "dc_host"),
    ("Which groups", "select_ids"),
    ("How a group looks in AD", "group_type"),
    ("Other writers, findings", "attest_connect_v1_off_by"),
    ("Pre-flight", "check_routes"),
    ("Limits of one plan", "max_creates"),
    ("Undo", "undo_record"),
)
"""Title of each part of the model and the field it begins with; a test keeps it in step with model.py."""


@dataclass(frozen=True, slots=True)
class ParameterField:
    """One parameter.

    Attributes:
        kind: ``str``, ``int``, ``bool`` or ``list``.
        section: Title of its part, for the first field of a part; else empty.
        choices: The only values allowed (of the items, for a list), or empty; the default "" is not among them.
        minimum: Smallest number allowed, or None.
        maximum: Largest number allowed, or None.
    """

    name: str
    kind: str
    default: object
    description: str
    section: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


@cache
def parameter_fields() -> tuple[ParameterField, ...]:
    """Every parameter, in the model's order."""
    sections = {first: title for title, first in SECTIONS}
    return tuple(_field(name, info, sections.get(name, "")) for name, info in Parameters.model_fields.items())


def known_names() -> tuple[str, ...]:
    """Names of all parameters, in the model's order."""
    return tuple(Parameters.model_fields)


def nearest_name(name: str) -> str | None:
    """The known parameter that ``name`` probably means, or None."""
    found = difflib.get_close_matches(name.casefold().replace("-", "_"), known_names(), n=1, cutoff=0.6)
    return found[0] if found else None


def _field(name: str, info: FieldInfo, section: str) -> ParameterField:
    kind, choices = _kind(info.annotation)
    return ParameterField(
        name=name,
        kind=kind,
        default=info.default,
        description=info.description or "",
        section=section,
        choices=choices,
        minimum=next((int(str(m.ge)) for m in info.metadata if isinstance(m, Ge)), None),
        maximum=next((int(str(m.le)) for m in info.metadata if isinstance(m, Le)), None),
    )


def _kind(annotation: Any) -> tuple[str, tuple[str, ...]]:
    """Simple kind and allowed values of a field's annotation."""
    if get_origin(annotation) is Literal:
        return "str", tuple(choice for choice in get_args(annotation) if choice != "")
    if get_origin(annotation) is list:
        return "list", _kind(get_args(annotation)[0])[1]
    return (annotation.__name__ if annotation in (str, int, bool) else "mapping"), ()
