"""The schemas of a record's files: validating against them, and walking through their keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]

from runbook_lib.record.schema_files import schema_text

Schema = Mapping[str, Any]


class Key(NamedTuple):
    """One key of a file: ``target.dc``, ``findings[].id``, its schema and its description."""

    path: str
    schema: Schema
    holds: str


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
