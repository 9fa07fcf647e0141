"""The schemas of a record's files: validating against them, and walking through their keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]

from runbook_lib.record.schema_files import SCHEMAS, schema_text

Schema = Mapping[str, Any]


class Key(NamedTuple):
    """One key of a file: ``target.dc``, ``findings[].id``, its schema and its description."""

    path: str
    schema: Schema
    holds: str


def schema_for(name: str, document: Mapping[str, Any], route: str) -> str:
    """Which schema a file of a run on a route is of: that of the route where it has one of its own."""
    own = f"{name}-{route}"
    return own if own in SCHEMAS and (name != "record" or document["plan"] is not None) else name


def documents(record: Path) -> Iterator[tuple[str, Any]]:
    """Kind and content of every file of a run, and of the approvals of its change."""
    for name, file in (("record", "record.json"), ("plan", "plan.json"), ("manifest", "MANIFEST.json")):
        if (record / file).exists():
            yield name, json.loads((record / file).read_text(encoding="utf-8"))
    if (record / "journal.jsonl").exists():
        for line in (record / "journal.jsonl").read_text(encoding="utf-8").splitlines():
            yield "journal", json.loads(line)
    for path in sorted((record.parent / "approvals").glob("*.json")):
        yield "approval", json.loads(path.read_text(encoding="utf-8"))


def misfits(records: Iterable[Path]) -> dict[str, list[str]]:
    """File of a run to what it has against the schema of its route; files that fit are left out."""
    found = {}
    for record in records:
        route = json.loads((record / "record.json").read_bytes())["parameters"].get("route", "direct")
        for name, document in documents(record):
            if wrong := problems(schema_for(name, document, route), document):
                found[f"{record.name}: {name}"] = wrong
    return found


def schema_of(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_text(name))
    return loaded


def problems(name: str, value: object) -> list[str]:
    """Everything that ``value`` has against the schema, with its place."""
    validator = jsonschema.Draft202012Validator(schema_of(name))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(value)]


def parts_of(name: str) -> dict[str, Schema]:
    """The schema under an empty title; the journal's under the kinds of its lines."""
    whole = schema_of(name)
    if "oneOf" in whole:
        return {_name(item): resolved(item, whole) for item in whole["oneOf"]}
    return {"": whole}


def keys_of(schema: Schema, whole: Schema, prefix: str = "") -> Iterator[Key]:
    """Every key below ``schema``, depth first, in the order of the file."""
    for name, item in schema.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        inner = resolved(item, whole)
        yield Key(path, inner, item.get("description", ""))
        if "items" in inner:
            path, inner = f"{path}[]", resolved(inner["items"], whole)
        yield from keys_of(inner, whole, path)


def resolved(schema: Schema, whole: Schema) -> Schema:
    """The schema behind a reference; ``anyOf`` is something or null."""
    if "anyOf" in schema:
        (part,) = [part for part in schema["anyOf"] if part != {"type": "null"}]
        return {**resolved(part, whole), "type": ["object", "null"]}
    if "$ref" in schema:
        found: Schema = whole["$defs"][_name(schema)]
        return found
    return schema


def _name(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix("#/$defs/")
