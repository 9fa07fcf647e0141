"""The JSON Schemas of a change's files, made from the pydantic models that say what they hold.

pydantic's own form is made plain: a part of its own name (``ConfigDict(title=...)``, in lower case) stands in
``$defs``, any other is written where it is used; a value or null has both types; no title repeats the name of a key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from runbook_lib.change.closing import ClosingFile
from runbook_lib.record import schema_files
from runbook_lib.record.formats.approval import PlanApprovalFormat, StandingApprovalFormat
from runbook_lib.record.formats.cloud_sync import (
    CloudSyncBeginFormat,
    CloudSyncDoneFormat,
    CloudSyncOpenFormat,
    CloudSyncPlanApprovalFormat,
    CloudSyncPlanFormat,
    CloudSyncRecordFormat,
    CloudSyncStandingApprovalFormat,
)
from runbook_lib.record.formats.connect_sync import (
    ConnectSyncBeginFormat,
    ConnectSyncDoneFormat,
    ConnectSyncOpenFormat,
    ConnectSyncPlanApprovalFormat,
    ConnectSyncPlanFormat,
    ConnectSyncRecordFormat,
)
from runbook_lib.record.formats.journal import (
    BeginFormat,
    ClosedFormat,
    DoneFormat,
    LostFormat,
    OpenFormat,
    StoppedFormat,
)
from runbook_lib.record.formats.plan import PlanFormat
from runbook_lib.record.formats.record import ManifestFormat, RecordFormat

FOLDER = Path(schema_files.__file__).parent / "schemas"
Schema = dict[str, Any]

TITLES: Mapping[str, tuple[str, Sequence[type[BaseModel]], str]] = {
    "record": ("record.json", (RecordFormat,), ""),
    "plan": ("plan.json", (PlanFormat,), ""),
    "journal": (
        "One line of journal.jsonl",
        (OpenFormat, BeginFormat, DoneFormat, LostFormat, StoppedFormat, ClosedFormat),
        "One line of a journal; `entry` says which kind",
    ),
    "manifest": ("MANIFEST.json", (ManifestFormat,), ""),
    "closing": ("closings/<run id>.json", (ClosingFile,), ""),
    "approval": (
        "An approval, approvals/*.json",
        (PlanApprovalFormat, StandingApprovalFormat),
        "An approval; `kind` says which",
    ),
    "record-cloud-sync": ("record.json, route cloud-sync", (CloudSyncRecordFormat,), ""),
    "plan-cloud-sync": ("plan.json, route cloud-sync", (CloudSyncPlanFormat,), ""),
    "journal-cloud-sync": (
        "One line of journal.jsonl, route cloud-sync",
        (CloudSyncOpenFormat, CloudSyncBeginFormat, CloudSyncDoneFormat, LostFormat, StoppedFormat, ClosedFormat),
        "One line of a journal; `entry` says which kind",
    ),
    "approval-cloud-sync": (
        "An approval, approvals/*.json, route cloud-sync",
        (CloudSyncPlanApprovalFormat, CloudSyncStandingApprovalFormat),
        "An approval; `kind` says which",
    ),
    "record-connect-sync": ("record.json, route connect-sync", (ConnectSyncRecordFormat,), ""),
    "plan-connect-sync": ("plan.json, route connect-sync", (ConnectSyncPlanFormat,), ""),
    "journal-connect-sync": (
        "One line of journal.jsonl, route connect-sync",
        (ConnectSyncOpenFormat, ConnectSyncBeginFormat, ConnectSyncDoneFormat, LostFormat, StoppedFormat, ClosedFormat),
        "One line of a journal; `entry` says which kind",
    ),
    "approval-connect-sync": (
        "An approval, approvals/*.json, route connect-sync",
        (ConnectSyncPlanApprovalFormat,),
        "",
    ),
}
"""Schema to what people call the file, the models that it can be, and its description where there are several."""


def schema_of(name: str) -> Schema:
    """One schema, draft 2020-12."""
    title, models, description = TITLES[name]
    raw = [_as_written(model) for model in models]
    made = _Made({key: part for one in raw for key, part in one.pop("$defs", {}).items()})
    head: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:group-writeback-runbook:schema:{name}",
        "title": title,
    }
    if len(raw) == 1:
        body = made.plain(raw[0])
        head["description"] = _sentence(raw[0])
        return {**head, **{key: value for key, value in body.items() if key != "description"}, **made.parts()}
    named = {part["title"]: made.plain(part) | {"description": _sentence(part)} for part in raw}
    either = {"type": "object", "oneOf": [{"$ref": f"#/$defs/{part}"} for part in named]}
    return {**head, "description": description, **either, "$defs": {**named, **made.parts()["$defs"]}}


def _as_written(model: type[BaseModel]) -> Schema:
    """pydantic's schema with its keys in the order of the file: what is of this kind alone after the change's id."""
    schema = model.model_json_schema()
    shared = {field.alias or name for name, field in getattr(model.__base__, "model_fields", {}).items()}
    keys = list(schema["properties"])
    own = [key for key in keys if key not in shared]
    if shared and own:
        first = ["schema", "kind", "change_id"]
        order = [*first, *(key for key in own if key not in first), *(key for key in keys if key not in (*first, *own))]
        schema["properties"] = {key: schema["properties"][key] for key in order}
        schema["required"] = [key for key in order if key in schema["required"]]
    return schema


def schema_json(name: str) -> str:
    """The file that holds it."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


class _Made:
    """Turns pydantic's form of a schema into ours."""

    def __init__(self, parts: Mapping[str, Schema]) -> None:
        self._parts = parts
        self._shared: dict[str, Schema] = {}

    def parts(self) -> Schema:
        """The parts with names of their own that were met, as ``$defs``."""
        return {"$defs": self._shared} if self._shared else {}

    def plain(self, schema: Schema, *, optional: bool = False) -> Schema:
        """One schema and everything in it; ``optional``: the key may be absent, so null is no value of it."""
        if "$ref" in schema:
            return self._referred(schema)
        if "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
            return self._or_null(schema, optional=optional)
        if "oneOf" in schema:
            said = {"description": schema["description"]} if "description" in schema else {}
            return said | {"type": "object", "oneOf": [self.plain(part) for part in schema["oneOf"]]}
        made: Schema = {"description": schema["description"]} if "description" in schema else {}
        for key, value in schema.items():
            if key == "properties":
                required = schema.get("required", ())
                made[key] = {name: self.plain(part, optional=name not in required) for name, part in value.items()}
                made["required"] = list(required)
            elif key == "items":
                made[key] = self.plain(value)
            elif key == "patternProperties":
                ((pattern, _),) = value.items()
                made |= {"additionalProperties": True, "propertyNames": {"pattern": pattern}}
            elif key not in ("title", "default", "required", "description"):
                made[key] = value
        if "const" in made or "enum" in made:
            made.pop("type", None)
        made = {key: made[key] for key in sorted(made, key=_place)}
        if "items" not in made and made.get("type") == "array":
            raise ValueError(f"a list of anything: {schema}")
        return made

    def _referred(self, schema: Schema) -> Schema:
        part = self._parts[schema["$ref"].removeprefix("#/$defs/")]
        title = part["title"]
        if not title.islower():
            return self.plain(part) | {key: value for key, value in schema.items() if key == "description"}
        if title not in self._shared:
            self._shared[title] = {}
            self._shared[title] = {"description": _sentence(part)} | {
                key: value for key, value in self.plain(part).items() if key != "description"
            }
        return {key: value for key, value in schema.items() if key == "description"} | {"$ref": f"#/$defs/{title}"}

    def _or_null(self, schema: Schema, *, optional: bool) -> Schema:
        parts = [one for one in schema["anyOf"] if one != {"type": "null"}]
        if len(parts) > 1:  # documents of the service: which kinds of JSON value, and no more
            said = {"description": schema["description"]} if "description" in schema else {}
            return said | {"type": [*(one["type"] for one in parts), "null"]}
        (part,) = parts
        said = {"description": schema["description"]} if "description" in schema else {}
        made = self.plain(part)
        if optional:
            return said | {key: value for key, value in made.items() if key not in said}
        if "$ref" in made:
            return said | {"anyOf": [made, {"type": "null"}]}
        made = said | {key: value for key, value in made.items() if key not in said}
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
        else:
            made["type"] = [made["type"], "null"]
        return made


_FIRST = ("description", "type", "properties", "required", "items")
_LAST = ("additionalProperties", "propertyNames", "if", "then", "else", "$defs")


def _place(key: str) -> int:
    """Where a keyword stands in a schema that people read."""
    if key in _FIRST:
        return _FIRST.index(key)
    return len(_FIRST) + (1 + _LAST.index(key) if key in _LAST else 0)


def _sentence(part: Schema) -> str:
    """What a model's docstring says, without the full stop."""
    return " ".join(str(part["description"]).split()).removesuffix(".")
