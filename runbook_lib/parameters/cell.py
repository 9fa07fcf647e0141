"""The parameters cell that all notebooks carry, generated from the model.

papermill infers parameters from this source line by line and gives up on a line with a second ``=`` and on any
annotation but a plain name, so defaults are literals, annotations are ``str``, ``int``, ``bool`` or ``list``, and no
comment holds ``=``.
"""

from __future__ import annotations

import json
import textwrap

from runbook_lib.parameters.fields import ParameterField, known_names, parameter_fields

__all__ = ["known_names", "parameters_cell"]

_LINE_LENGTH = 120
_HEADER = (
    "# Defaults, all harmless. Values come from a parameters file (parameters/example.yaml explains every name);",
    "# do not edit this cell.",
)


def parameters_cell() -> str:
    """Source of the parameters cell, without a final line break."""
    lines = list(_HEADER)
    for field in parameter_fields():
        if field.section:
            lines += ["", f"# {field.section}"]
        lines.append(_line(field))
    return "\n".join(lines)


def _line(field: ParameterField) -> str:
    code = f"{field.name}: {field.kind} = {_literal(field.default)}"
    room = _LINE_LENGTH - len(code) - len("  # ")
    comment = textwrap.shorten(field.description.replace("=", ":"), room, placeholder=" …")
    return f"{code}  # {comment}"


def _literal(default: object) -> str:
    """A literal as ruff formats it: JSON's double quotes, Python's True and False."""
    return str(default) if isinstance(default, bool) else json.dumps(default, ensure_ascii=False)
