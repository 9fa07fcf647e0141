"""The tables of keys in docs/records.md, from the schemas. ``make generate`` writes them anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.docs.markdown import ROOT
from tests.support.schemas import keys_of, parts_of, schema_of

PAGE = ROOT / "docs" / "records.md"
HEADINGS = {
    "record": "## record.json",
    "plan": "## plan.json",
    "journal": "## journal.jsonl",
    "approval": "## Approvals",
    "closing": "## Closings",
    "manifest": "## MANIFEST.json",
    "record-cloud-sync": "## record.json of the route cloud-sync",
    "plan-cloud-sync": "## plan.json of the route cloud-sync",
    "journal-cloud-sync": "## journal.jsonl of the route cloud-sync",
    "approval-cloud-sync": "## Approvals of the route cloud-sync",
    "record-connect-sync": "## record.json of the route connect-sync",
    "plan-connect-sync": "## plan.json of the route connect-sync",
    "journal-connect-sync": "## journal.jsonl of the route connect-sync",
    "approval-connect-sync": "## Approvals of the route connect-sync",
}
_TYPES = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "yes or no",
    "array": "list",
    "object": "object",
}


def tables(name: str) -> str:
    """Every key of a file: its path, its form, what it holds."""
    whole = schema_of(name)
    parts = []
    for title, part in parts_of(name).items():
        rows = [f"| `{key.path}` | {form(key.schema)} | {key.holds} |" for key in keys_of(part, whole)]
        head = f"### `{title}`\n\n{part['description']}.\n\n" if title else ""
        parts.append(head + "\n".join(("| key | form | holds |", "| --- | --- | --- |", *rows)) + "\n")
    return "\n".join(parts)


def form(schema: Mapping[str, Any]) -> str:
    """The form of a value in words."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    pattern = schema.get("pattern", "")
    words = [_TYPES[kind] for kind in kinds if kind != "null"]
    if "{64}" in pattern and "/" not in pattern:
        words = ["SHA-256"]
    elif "T[0-9]" in pattern:
        words = ["time"]
    elif "{12}" in pattern:
        words = ["GUID, or empty" if pattern.startswith("^$") else "GUID"]
    return " or ".join([*words, "null"] if "null" in kinds else words)


def rewritten(page: str) -> str:
    """The page with the tables that the schemas say."""
    for name, heading in HEADINGS.items():
        pattern = rf"(?ms)(^{heading}\n.*?)(?:^###? |^\| key ).*?(?=^## |\Z)"
        page, count = re.subn(pattern, lambda found, name=name: found[1] + tables(name) + "\n", page)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"no table below {heading}")
    return page.rstrip("\n") + "\n"
