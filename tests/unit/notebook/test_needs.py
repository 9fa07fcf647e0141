"""What a notebook needs is asked for before anything is read, and only by the notebook that needs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_lib.errors import RunbookError
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.needs import DISABLE, ENABLE, require_needs
from runbook_lib.runner.cli import cli
from tests.notebooks.structure import NOTEBOOKS

EVERYTHING = {"group_type": "security", "select_names": ["Team"], "disable_names": ["Old"]}


def code_of(notebook: str, **given: object) -> str | None:
    try:
        require_needs(notebook, Parameters.model_validate(given))
    except RunbookError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("notebook", "left_out", "code"),
    [
        (ENABLE, "group_type", "group-type-missing"),
        (ENABLE, "select_names", "empty-selection"),
        (DISABLE, "disable_names", "empty-selection"),
    ],
)
def test_what_is_missing_is_missing_only_where_it_is_needed(notebook: str, left_out: str, code: str) -> None:
    given = {name: value for name, value in EVERYTHING.items() if name != left_out}
    for other in NOTEBOOKS:
        if not other.startswith("60"):
            assert code_of(other, **given) == (code if other == notebook else None)
    assert code_of(notebook, **EVERYTHING) is None


def test_what_the_route_connect_sync_needs() -> None:
    """All groups come, so none is selected; v1 writes distribution groups alone."""
    for notebook in NOTEBOOKS:
        if not notebook.startswith("60"):
            assert code_of(notebook, route="connect-sync") is None
    assert code_of(ENABLE, route="connect-sync", group_type="distribution") is None
    assert code_of(ENABLE, route="connect-sync", group_type="security") == "group-type-of-connect-sync"


def test_the_command_says_what_to_do_instead_before_it_begins(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text('change_id: "C"\ngroup_type: "security"\nroute: "connect-sync"\n', encoding="utf-8")
    result = CliRunner().invoke(cli, ["run", ENABLE, "-f", str(file), "--records", str(tmp_path / "records")])
    assert result.exit_code == 2
    assert "Connect Sync writes distribution groups alone" in result.output
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize(
    ("notebook", "given", "code"),
    [
        (ENABLE, {}, None),
        (ENABLE, {"group_type": ""}, None),
        (ENABLE, {"group_type": "distribution"}, "group-type-of-cloud-sync"),
        (ENABLE, {"select_names": []}, "empty-selection"),
        (ENABLE, {"cloud_sync_cn_expression": "left([displayName], 3)"}, "mapping-expression"),
        (ENABLE, {"cloud_sync_account_name_expression": 'Append([displayName], "_x"'}, "mapping-expression"),
        (ENABLE, {"cloud_sync_ou_expression": 'Switch([displayName], "OU=A,DC=x", "B", "OU=B,DC=x")'}, None),
        (DISABLE, {}, None),
        (DISABLE, {"disable_names": []}, "empty-selection"),
        (DISABLE, {"disable_names": [], "cloud_sync_disable": "pause"}, None),
    ],
)
def test_what_the_route_cloud_sync_needs(notebook: str, given: dict[str, object], code: str | None) -> None:
    assert code_of(notebook, route="cloud-sync", **{**EVERYTHING, **given}) == code


def test_ids_are_a_selection_too() -> None:
    some = ["11111111-2222-3333-4444-555555555555"]
    assert code_of(ENABLE, group_type="security", select_ids=some) is None
    assert code_of(DISABLE, disable_ids=some) is None


def test_the_command_says_so_before_it_starts_anything(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text('change_id: "C"\nselect_names: ["Team"]\n', encoding="utf-8")
    result = CliRunner().invoke(cli, ["run", ENABLE, "-f", str(file), "--records", str(tmp_path / "records")])
    assert result.exit_code == 2
    assert '\n  group_type: "security" ' in result.output
    assert '\n  group_type: "distribution" ' in result.output
    assert not (tmp_path / "records").exists()
