"""Everything that explains the parameters, generated from the model: example file, reference table, JSON Schema."""

from __future__ import annotations

import json
import textwrap

from runbook_lib.parameters.fields import ParameterField, parameter_fields
from runbook_lib.parameters.model import Parameters

_WIDTH = 116
_EXAMPLES: dict[str, object] = {
    "change_id": "CHG0012345",
    "reason": "Write the project groups back for the file servers",
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
        cells = (f"`{field.name}`", _kind_words(field), default, field.description)
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
    explained = textwrap.wrap(f"{field.description} [{_kind_words(field)}]", _WIDTH)
    lines = [f"## {line}" for line in explained]
    if field.name == "acknowledge":
        return [*lines, *_ACKNOWLEDGE_EXAMPLE]
    if field.name in _EXAMPLES:
        return [*lines, f"{field.name}: {_scalar(_EXAMPLES[field.name])}"]
    return [*lines, f"# {field.name}: {_scalar(field.default)}"]


def _kind_words(field: ParameterField) -> str:
    """Type, choices and bounds in words."""
    words = {"str": "text", "int": "whole number", "bool": "true or false", "list": "list"}[field.kind]
    if field.choices:
        one_of = " or ".join(field.choices)
        return f"list of {one_of}" if field.kind == "list" else one_of
    if field.minimum is not None and field.maximum is not None:
        return f"{words}, {field.minimum} to {field.maximum}"
    return f"{words}, {field.minimum} or more" if field.minimum is not None else words


def _scalar(value: object) -> str:
    """A value as quoted YAML, which JSON is too."""
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    """Text inside a Markdown table cell."""
    escaped = text if text.startswith("`") else text.replace("<", "&lt;").replace("*", "\\*")
    return escaped.replace("|", "\\|")
