"""The schemas themselves: well made, closed, described, and in step with the types they describe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, ValidationError

from runbook_lib.change.approvals.file import APPROVAL_SCHEMA as APPROVAL_SCHEMA
from runbook_lib.change.approvals.standing import Caps, standing_kinds_of
from runbook_lib.change.closing import CLOSING_SCHEMA as CLOSING_SCHEMA
from runbook_lib.change.closing import close_by_hand, closed_by_hand
from runbook_lib.change.plan_file import PLAN_SCHEMA as PLAN_SCHEMA
from runbook_lib.errors import Refused
from runbook_lib.files import MANIFEST_SCHEMA, RECORD_SCHEMA
from runbook_lib.model.change_kind import KINDS_OF_ROUTE, Operation
from runbook_lib.model.finding import Severity
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.target import Route
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.formats.approval import PlanApprovalFormat, StandingApprovalFormat
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
from runbook_lib.record.manifest import build_manifest, file_entries
from runbook_lib.record.run_record import run_facts_of
from runbook_lib.record.schema_files import SCHEMAS, schema_text
from runbook_lib.routes.direct.route import DIRECT_RULES
from runbook_lib.routes.direct.writes import WriteKind
from runbook_lib.rules.policy import Limits
from runbook_lib.runner.cli import cli
from tests.support.schemas import keys_of, parts_of, problems, schema_of
from tools import schemas

OPEN = {"parameters", "versions", "values", "before", "after", "schema", "assumed", "desired"}
"""Objects whose names are not fixed; the last five are documents of Microsoft Graph, and mappings by attribute."""


AT = "2026-11-22T10:00:00.000Z"
KINDS = [kind.value for kind in KINDS_OF_ROUTE[Route.DIRECT]]
GUID = "2f9d5a0c-0000-4000-8000-000000000000"
READING = {
    "source": "x", "at": AT, "complete": True, "proof": ["x"], "gaps": [], "seconds": 0.5, "requests": 3,
}  # fmt: skip
GIVEN = {
    "file": f"{'0' * 64}.json", "sha256": "0" * 64, "owner": None, "approver": "Kim", "approved": AT, "until": AT,
    "phrase": "ENABLE 1 GROUP IN contoso.com", "planning_manifest": None, "planning_record": "run",
}  # fmt: skip
STANDING = {
    **GIVEN, "kind": "standing", "groups": [GUID], "kinds": ["update"],
    "caps": {"changes": 1, "members_added": 2, "members_removed": 3},
    "target": {"tenant_id": GUID, "domain_guid": GUID, "target_ou_guid": GUID},
}  # fmt: skip
RECORD: dict[str, Any] = {
    "schema": RECORD_SCHEMA, "change_id": "CHG1", "run_id": "run",
    "notebook": {"name": "30-enable-writeback", "sha256": "0" * 64}, "mode": "record",
    "ran_by": {
        "account": "gwb", "host": "h",
        "cloud": {"kind": "app", "client_id": GUID, "object_id": None, "user_principal_name": None},
        "directory": {"method": "password", "identity": None},
    },
    "outcome": "done", "exit_code": 0, "started": AT, "ended": AT,
    "target": {"tenant": GUID, "domain": "x", "dc": "x", "ou": "x", "ds_service_name": "x", "invocation_id": GUID},
    "parameters": {"change_id": "CHG1", "select_ids": [GUID]},
    "snapshots": {"cloud": READING, "directory": READING},
    "plan": {
        "digest": "0" * 64, "phrase": "x", "operation": "enable", "route": "direct", "groups": 1,
        "counts": {**dict.fromkeys(KINDS, 0), "members-added": 1, "members-removed": 0},
        "members": [
            {"group_id": GUID, "group": "x", "in_cloud": 1, "already": 0, "added": 1, "removed": 0, "left_out": 0,
             "who": ["x"]}
        ],
    },
    "approval": {**GIVEN, "kind": "plan", "plan_digest": "0" * 64, "further": [STANDING]},
    "changes": {"planned": 1, "done": 1},
    "findings": [
        {"id": "x", "severity": "warning", "seen": "x", "expected": "", "why": "", "to_do": "", "source": "",
         "values": {"n": [1]}}
    ],
    "steps": [{"title": "Plan", "at": AT}], "versions": {"python": "3.11"}, "gaps": ["x"],
    "error": {"code": "x", "message": "x", "hint": ""},
}  # fmt: skip
APPROVAL = {
    "schema": APPROVAL_SCHEMA, "change_id": "CHG1", "names": [], "route": "direct", "approver": "Kim", "approved": AT,
    "until": AT, "phrase": "x", "planning_record": "run", "planning_manifest": "0" * 64, "digest": "0" * 64,
    "target": {
        "tenant_id": GUID, "domain_guid": GUID, "domain": "x", "target_ou": "x", "target_ou_guid": GUID,
        "retired_ou": "", "retired_ou_guid": "",
    },
}  # fmt: skip
PLAN_APPROVAL: dict[str, Any] = {
    **APPROVAL, "kind": "plan", "plan_digest": "0" * 64, "changes": ["0" * 64, "1" * 64], "members": ["2" * 64],
}  # fmt: skip
STANDING_APPROVAL: dict[str, Any] = {
    **APPROVAL, "kind": "standing", "groups": [GUID], "kinds": ["update"], "caps": STANDING["caps"],
}  # fmt: skip
PLACE_MEMBER = {"guid": GUID, "dn": "x", "group_id": ""}
DELTA = {"name": "description", "removed": ["x"], "added": []}
PLAN: dict[str, Any] = {
    "schema": PLAN_SCHEMA, "digest": "0" * 64, "operation": "enable", "route": "direct", "phrase": "x",
    "counts": {**dict.fromkeys(KINDS, 0), "members-added": 1, "members-removed": 0}, "groups": 1, "in_step": 0,
    "limits": Limits(1, 1, 1, 1, 1, 1).as_json(), "target": APPROVAL["target"],
    "changes": [
        {
            "digest": "0" * 64, "kind": "update", "group_id": GUID, "display_name": "x", "dn": "x", "object_guid": GUID,
            "rdn": "", "parent_guid": "", "attributes": [DELTA], "members_added": [PLACE_MEMBER],
            "members_removed": [PLACE_MEMBER],
            "move": {"from_guid": GUID, "to_guid": GUID, "from_dn": "x", "to_dn": "x"},
            "deletion": {
                "sid": "x", "security": True, "member_of": [PLACE_MEMBER], "recycle_bin": "on", "lifetime_days": 180,
                "lifetime_source": "default", "may_list": "on", "may_reanimate": "unknown", "days_left": 3,
            },
            "reason": "x", "why": "x",
        }
    ],
    "refusals": [{"group_id": GUID, "display_name": "x", "rule": "x", "why": "x", "to_do": ""}],
    "members": [
        {"group_id": GUID, "display_name": "x", "in_cloud": 1, "already": 0, "added": 1, "removed": 0,
         "left_out": [{"member_id": GUID, "name": "x", "type": "user", "code": "x", "why": "x"}]}
    ],
}  # fmt: skip
WRITE = {"at": AT, "previous": "0" * 64, "write": f"{'0' * 64}/1", "change": "0" * 64}
LINES: list[dict[str, Any]] = [
    {"entry": "open", "at": AT, "run": "run", "operation": "enable", "route": "direct", "plan_digest": "0" * 64,
     "approved": ["0" * 64], "approval": RECORD["approval"], "dc_host": "x", "ds_service_name": "x",
     "invocation_id": "x", "resumes": "earlier"},
    {**WRITE, "entry": "begin", "guid": GUID, "intent": {
        "operation": "members", "dn": "x", "attributes": [DELTA], "members_added": [f"group:{GUID}"],
        "members_removed": [GUID], "move": ["x", "y"]}},
    {**WRITE, "entry": "done", "guid": GUID, "effect": {}},
    {**WRITE, "entry": "done", "guid": GUID, "effect": {"created": "x"}},
    {**WRITE, "entry": "done", "guid": GUID, "effect": {"attributes": [DELTA], "moved": [GUID, GUID]}},
    {**WRITE, "entry": "done", "guid": GUID, "effect": {"members_added": [GUID], "members_removed": []}},
    {**WRITE, "entry": "done", "guid": GUID, "effect": {
        "members_added": [GUID], "members_removed": [], "refused": [{"member": GUID, "dn": "x", "cause": "x"}]}},
    {**WRITE, "entry": "lost", "why": "x"},
    {"entry": "stopped", "at": AT, "previous": "0" * 64, "why": "x"},
    {"entry": "closed", "at": AT, "previous": "0" * 64, "why": "x"},
]  # fmt: skip
LINE_FORMATS: dict[str, type[BaseModel]] = {
    "open": OpenFormat,
    "begin": BeginFormat,
    "done": DoneFormat,
    "lost": LostFormat,
    "stopped": StoppedFormat,
    "closed": ClosedFormat,
}
MANIFEST: dict[str, Any] = {
    "schema": MANIFEST_SCHEMA, "change_id": "CHG1", "run_id": "run", "sealed_at": AT,
    "previous": {"run_id": "earlier", "digest": "0" * 64},
    "files": [{"path": "a", "bytes": 1, "sha256": "0" * 64}], "digest": "0" * 64,
}  # fmt: skip


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part of a schema that describes an object, and where it stands."""
    if isinstance(schema, Mapping):
        if "object" in schema.get("type", ()) and "oneOf" not in schema:
            yield path, schema
        for name, part in schema.items():
            yield from objects(part, f"{path}/{name}")
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from objects(part, f"{path}/{number}")


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_schema(name: str) -> None:
    schema = schema_of(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_objects_are_closed_and_every_key_is_described(name: str) -> None:
    found = dict(objects(schema_of(name)))
    assert found
    left_open = {
        path.rsplit("/", 1)[1] for path, part in found.items() if part.get("additionalProperties") is not False
    }
    assert left_open <= OPEN
    undescribed = [
        key.path for part in parts_of(name).values() for key in keys_of(part, schema_of(name)) if not key.holds.strip()
    ]
    assert undescribed == []
    assert all(part["description"] for part in parts_of(name).values())


@pytest.mark.parametrize("name", schemas.TITLES)
def test_a_schema_is_made_from_its_model(name: str) -> None:
    assert schema_text(name) == schemas.schema_json(name), "make generate writes it"


def samples() -> Iterator[tuple[str, type[BaseModel], dict[str, Any]]]:
    """Files with something under every key."""
    yield "record", RecordFormat, RECORD
    yield "record", RecordFormat, {**RECORD, "approval": STANDING}
    yield "record", RecordFormat, {**RECORD, "plan": None, "approval": None, "error": None, "outcome": None}
    yield "manifest", ManifestFormat, MANIFEST
    yield "plan", PlanFormat, PLAN
    for line in LINES:
        yield "journal", LINE_FORMATS[str(line["entry"])], line
    yield "approval", PlanApprovalFormat, PLAN_APPROVAL
    yield "approval", StandingApprovalFormat, STANDING_APPROVAL


def changed(value: Any) -> Iterator[Any]:
    """Every value that differs in one place: another type, less, more, a key that nobody knows."""
    yield from (None, "", "x", -1, 3, True, [], {}, [1], ["x"], {"x": "y"}, "2026-11-22", "0" * 64)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield from ({**value, key: other} for other in changed(inner))
        yield {**value, "more": 1}
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in changed(inner))
        yield [*value, *value]


@pytest.mark.parametrize(("name", "model", "sample"), list(samples()))
def test_model_and_schema_take_and_refuse_the_same(name: str, model: type[BaseModel], sample: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema_of(name))
    assert problems(name, sample) == []
    verdicts = set()
    for value in (sample, *changed(sample)):
        try:
            model.model_validate(value)
        except ValidationError:
            taken = False
        else:
            taken = True
        assert validator.is_valid(value) is taken, value
        verdicts.add(taken)
    assert verdicts == {True, False}


def test_what_two_schemas_share_is_the_same() -> None:
    seen: dict[str, object] = {}
    shared = 0
    for name in SCHEMAS:
        for part, schema in schema_of(name).get("$defs", {}).items():
            shared += part in seen
            assert seen.setdefault(part, schema) == schema, part
    assert shared >= 3


def test_values_are_those_of_the_code() -> None:
    record, plan, journal = schema_of("record"), schema_of("plan"), schema_of("journal")
    assert record["properties"]["outcome"]["enum"] == [*(outcome.value for outcome in Outcome), None]
    assert record["properties"]["exit_code"]["enum"] == [*sorted({outcome.exit_code for outcome in Outcome}), None]
    kinds = KINDS
    assert plan["$defs"]["change"]["properties"]["kind"]["enum"] == kinds
    assert list(plan["$defs"]["counts"]["properties"]) == [*kinds, "members-added", "members-removed"]
    operations = [operation.value for operation in Operation]
    assert plan["properties"]["operation"]["enum"] == operations
    assert journal["$defs"]["open"]["properties"]["operation"]["enum"] == operations
    assert journal["$defs"]["intent"]["properties"]["operation"]["enum"] == [kind.value for kind in WriteKind]
    severities = [severity.value for severity in Severity]
    assert record["$defs"]["finding"]["properties"]["severity"]["enum"] == severities
    standing = schema_of("approval")["$defs"]["standing"]["properties"]
    assert standing["kinds"]["items"]["enum"] == sorted(standing_kinds_of(DIRECT_RULES))
    assert set(schema_of("approval")["$defs"]["caps"]["properties"]) == set(Caps().as_json())
    assert set(plan["properties"]["limits"]["properties"]) == set(Limits(1, 1, 1, 1, 1, 1).as_json())


def test_versions_are_those_of_the_code() -> None:
    found = {
        (name, kind): part["properties"]["schema"]["const"]
        for name in SCHEMAS
        if not name.startswith("journal")
        for kind, part in parts_of(name).items()
    }
    assert found == {
        ("record", ""): RECORD_SCHEMA,
        ("plan", ""): PLAN_SCHEMA,
        ("approval", "plan"): APPROVAL_SCHEMA,
        ("approval", "standing"): APPROVAL_SCHEMA,
        ("closing", ""): CLOSING_SCHEMA,
        ("manifest", ""): MANIFEST_SCHEMA,
        ("record-cloud-sync", ""): RECORD_SCHEMA,
        ("plan-cloud-sync", ""): PLAN_SCHEMA,
        ("approval-cloud-sync", "cloud-sync-plan"): APPROVAL_SCHEMA,
        ("approval-cloud-sync", "cloud-sync-standing"): APPROVAL_SCHEMA,
        ("record-connect-sync", ""): RECORD_SCHEMA,
        ("plan-connect-sync", ""): PLAN_SCHEMA,
        ("approval-connect-sync", ""): APPROVAL_SCHEMA,
    }


def test_a_closing_fits_and_its_reader_takes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "CHG1" / "run").mkdir(parents=True)
    (tmp_path / "CHG1" / "run" / "journal.jsonl").write_bytes(b"{}")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    (path,) = close_by_hand(tmp_path / "CHG1", ["run"], by=" Kim ", reason="lost", clock=lambda: now)
    content = json.loads(path.read_bytes())
    assert problems("closing", content) == []
    assert closed_by_hand(path.parents[1], "run") == content["journal_sha256"]
    for key in content:
        for changed in ({**content, key: ""}, {**content, key: 1}, {k: v for k, v in content.items() if k != key}):
            path.write_text(json.dumps(changed), encoding="utf-8")
            with pytest.raises(Refused):
                closed_by_hand(path.parents[1], "run")
    for changed in ({**content, "more": 1}, {**content, "schema_": content["schema"]}):
        path.write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(Refused):
            closed_by_hand(path.parents[1], "run")


def test_what_is_left_of_a_broken_record_fits_too(tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "run")
    assert problems("record", run_facts_of(folder)) == []
    folder.file("record.json").write_bytes(b"{")
    assert problems("record", run_facts_of(folder)) == []
    assert run_facts_of(folder)["gaps"][-1].startswith("record.json was not readable")


def test_the_chain_of_manifests_fits(tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "run")
    folder.write_text("a.txt", "a")
    at = datetime(2026, 11, 22, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    for previous in (None, {"run_id": "earlier", "digest": "0" * 64}):
        value = json.loads(
            build_manifest(file_entries(folder.path), change_id="CHG1", run_id="run", sealed_at=at, previous=previous)
        )
        assert problems("manifest", value) == []
        assert problems("manifest", {**value, "files": []})


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_command_prints_the_schema_and_needs_no_records(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["records", "--schema", name], env={"GWB_PROJECT_ROOT": str(tmp_path)})
    assert (done.exit_code, done.output) == (0, schema_text(name))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [("--schema", "backup"), ("--schema", "plan", "--records", ".")])
def test_a_schema_that_there_is_not(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["records", *arguments])
    assert done.exit_code == 2
    assert "--schema" in done.output
    with pytest.raises(ValueError, match="backup"):
        schema_text("backup")
