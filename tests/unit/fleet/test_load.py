"""Everything that is wrong with a fleet is told in one round, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import UsageError
from runbook_lib.fleet.model import Fleet, TenantEntry
from tests.support.plain import ROOT
from tests.unit.fleet.conftest import FleetProject


def problems(project: FleetProject, tenants: str, head: str) -> list[tuple[str, str, str]]:
    """Place (without folder), key and code of everything that is wrong."""
    with pytest.raises(UsageError) as caught:
        project.read(tenants, head)
    told = caught.value.values["problems"]
    assert isinstance(told, list)
    return [(Path(one["where"]).name, one["parameter"], one["code"]) for one in told]


def test_everything_that_is_wrong_is_told_at_once(project: FleetProject) -> None:
    tenants = (
        project.tenant("a", 1)
        + '    change_id: "SAME"\n    secrets_prefix: "A_"\n'
        + project.tenant("b", 2, more='dc_port: "x"\nsign_in: "device-code"\n')
        + project.tenant("c", 3, more='sign_in: "device-code"\n')
        + '    change_id: "SAME"\n    secrets_prefix: "A_B_"\n'
        + '  - name: "no file"\n    files: ["missing.yaml"]\n    notebooks: ["99-unknown"]\n'
    )
    head = 'notebooks: ["20-inventory-groups"]\nschedule: "nightly"\ntime_zone: "Europe/Nowhere"\n'

    assert problems(project, tenants, head) == [
        ("fleet.yaml:3", "schedule", "bad-value"),
        ("fleet.yaml:4", "time_zone", "bad-value"),
        ("fleet.yaml:15", "tenants, item 3, secrets_prefix", "secrets-prefix-twice"),
        ("fleet.yaml:16", "tenants, item 4, name", "bad-value"),
        ("b.yaml:8", "dc_port", "bad-value"),
        ("fleet.yaml:13", "tenants, item 3, files", "fleet-needs-person"),
        ("fleet.yaml:17", "files", "parameters-file-missing"),
        ("fleet.yaml:14", "tenants, item 3, change_id", "change-id-twice"),
    ]


def test_keys_that_no_fleet_has_and_values_of_another_kind(project: FleetProject) -> None:
    entry = project.tenant("a", 1)

    assert problems(project, entry + '    chnage_id: "X"\n', 'notbooks: ["a"]\nconcurrency: 0\nretries: "3"\n') == [
        ("fleet.yaml:2", "notbooks", "unknown-key"),
        ("fleet.yaml:4", "retries", "bad-value"),
    ]
    assert problems(project, entry + '    chnage_id: "X"\n', 'notebooks: ["a"]\nconcurrency: 0\n') == [
        ("fleet.yaml:3", "concurrency", "bad-value"),
        ("fleet.yaml:7", "tenants, item 1, chnage_id", "unknown-key"),
    ]


def test_a_notebook_that_is_missing_for_all_is_told_once(project: FleetProject) -> None:
    tenants = project.tenant("a", 1) + project.tenant("b", 2)

    assert problems(project, tenants, 'notebooks: ["99-unknown"]\n') == [
        ("fleet.yaml:2", "notebooks", "notebook-missing")
    ]


def test_what_a_notebook_cannot_do_without_is_told_with_its_tenant(project: FleetProject) -> None:
    tenants = project.tenant("a", 1)
    (project.root / "a.yaml").write_text('change_id: "CHG-a"\n', encoding="utf-8")

    assert problems(project, tenants, 'notebooks: ["30-enable-writeback"]\n') == [
        ("fleet.yaml:4", "tenants, item 1", "group-type-missing")
    ]


def test_the_example_has_every_key_with_its_description() -> None:
    text = (ROOT / "parameters" / "fleet.yaml").read_text(encoding="utf-8")
    example = yaml.safe_load(text)
    said = " ".join(line.strip().removeprefix("##").strip() for line in text.splitlines() if "## " in line)

    assert list(example) == list(Fleet.model_fields)
    assert list(example["tenants"][0]) == list(TenantEntry.model_fields)
    for model in (Fleet, TenantEntry):
        for info in model.model_fields.values():
            assert str(info.description) in said
    assert Fleet.model_validate(example).concurrency == Fleet.model_fields["concurrency"].default
