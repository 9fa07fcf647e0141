"""Everything that explains the parameters, generated from the model: cells, example file, table, JSON Schema.

``COMMENTS`` and ``USED`` are the one place that says which notebook uses which parameter; a test reads over real runs
what their steps look at, and another holds the cells to it.
"""

from __future__ import annotations

import difflib
import json
import textwrap
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
    ("Cloud Sync", "cloud_sync_ou_expression"),
    ("Connect Sync", "connect_evidence"),
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


_WIDTH = 116
"""Characters of a line of the example file."""
_EXAMPLES: dict[str, object] = {
    "change_id": "CHG0012345",
    "reason": "Write the project groups back for the file servers",
    "requested_by": "Kim Owner, file services",
    "tenant_id": "11111111-2222-3333-4444-555555555555",
    "client_id": "66666666-7777-8888-9999-aaaaaaaaaaaa",
    "certificate_file": "~/gwb/client.pem",
    "dc_host": "dc01.contoso.com",
    "bind_user": "svc-gwb@contoso.com",
    "target_ou": "OU=Cloud Groups,DC=contoso,DC=com",
    "retired_ou": "OU=Retired Cloud Groups,DC=contoso,DC=com",
    "select_names": ["Project *"],
    "group_type": "security",
}
"""Values for what has no useful default; everything else stands in the file as a comment with its default."""

_ACKNOWLEDGE_EXAMPLE = (
    "# acknowledge:",
    '#   - finding: "other-writers-unknown"',
    '#     by: "Name of the person"',
    '#     reason: "Why it is acceptable"',
    '#     until: "2027-01-31"',
)

_NOTIFY_EXAMPLE = (
    "# notify:",
    '#   - name: "operators"',
    '#     by: "teams"',
    '#     address_from: "env:GWB_TEAMS_ADDRESS"',
    '#     hosts: ["prod-12.westeurope.logic.azure.com"]',
    '#     quiet: "daily 22:00-07:00 Europe/Madrid"',
    '#   - name: "monitoring"',
    '#     by: "webhook"',
    '#     address: "https://monitoring.contoso.com/gwb"',
    '#     sign_with: "file:secrets/webhook.txt"',
    "#     only_when_changed: true",
    '#   - name: "team"',
    '#     by: "email"',
    '#     address: "smtp://mail.contoso.com:587"',
    '#     sender: "gwb@contoso.com"',
    '#     recipients: ["identity-team@contoso.com"]',
)

_EXAMPLES_OF_ENTRIES = {"acknowledge": _ACKNOWLEDGE_EXAMPLE, "notify": _NOTIFY_EXAMPLE}

_HEADER = """\
# Every parameter of the runbook. Generated from runbook_lib/parameters/model.py: copy this file, edit the copy.
#
# Text goes in double quotes. Paths resolve against the project's root. Dates are "YYYY-MM-DD".
# A line that begins with "# name:" shows the default; take the # away to change it.
# No secret belongs here: passwords and client secrets come from the environment or from a file that only its owner
# can read.
#
#   gwb parameters --check FILE        says what is wrong with a file
#   gwb run 20-inventory-groups -f FILE
"""


def example_yaml() -> str:
    """Text of ``parameters/example.yaml``: every parameter, explained, with a final line break."""
    blocks = [_HEADER]
    for field in parameter_fields():
        if field.section:
            blocks.append(f"\n# {'-' * 8} {field.section} {'-' * (90 - len(field.section))}\n")
        blocks.append("\n" + "\n".join(_example_lines(field)) + "\n")
    return "".join(blocks)


def reference_table_markdown() -> str:
    """The parameters as Markdown tables, one per part, with a final line break."""
    lines: list[str] = []
    for field in parameter_fields():
        if field.section:
            lines += [
                "",
                f"### {field.section}",
                "",
                "| parameter | type | default | meaning |",
                "| --- | --- | --- | --- |",
            ]
        default = f"`{_scalar(field.default)}`"
        cells = (f"`{field.name}`", _kind_text(field), default, field.description)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines[1:]) + "\n"


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of a parameters file."""
    schema: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Parameters.model_json_schema(),
    }
    schema["title"] = "Parameters of the group-writeback runbook"
    return schema


def _example_lines(field: ParameterField) -> list[str]:
    explained = textwrap.wrap(f"{field.description} [{_kind_text(field)}]", _WIDTH)
    lines = [f"## {line}" for line in explained]
    if field.name in _EXAMPLES_OF_ENTRIES:
        return [*lines, *_EXAMPLES_OF_ENTRIES[field.name]]
    if field.name in _EXAMPLES:
        return [*lines, f"{field.name}: {_scalar(_EXAMPLES[field.name])}"]
    return [*lines, f"# {field.name}: {_scalar(field.default)}"]


def _kind_text(field: ParameterField) -> str:
    """Type, choices and bounds in words."""
    kind = {"str": "text", "int": "whole number", "bool": "true or false", "list": "list"}[field.kind]
    if field.choices:
        one_of = " or ".join(field.choices)
        return f"list of {one_of}" if field.kind == "list" else one_of
    if field.minimum is not None and field.maximum is not None:
        return f"{kind}, {field.minimum} to {field.maximum}"
    return f"{kind}, {field.minimum} or more" if field.minimum is not None else kind


def _scalar(value: object) -> str:
    """A value as quoted YAML, which JSON is too."""
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    """Text inside a Markdown table cell."""
    escaped = text if text.startswith("`") else text.replace("<", "&lt;").replace("*", "\\*")
    return escaped.replace("|", "\\|")
