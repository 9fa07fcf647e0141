"""``gwb connect``: the collector goes out whole, its file comes back with the answer that an operator asks for."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_lib.connect.evidence import collector_script, collector_sha256
from runbook_lib.errors import UsageError
from runbook_lib.runner.commands.connect import connect
from tests.support.connect_evidence import evidence, written


def test_the_collector_is_written_out_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "collector.ps1"
    result = CliRunner().invoke(connect, ["collector", "--output", str(path)])
    assert result.exit_code == 0
    assert path.read_bytes() == collector_script()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == collector_sha256()
    assert collector_sha256() in result.stdout


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "collector.ps1"
    path.write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(connect, ["collector", "--output", str(path)])
    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "collector-not-written"
    assert path.read_text(encoding="utf-8") == "mine"


def test_evidence_is_shown_with_what_decides(tmp_path: Path) -> None:
    told = evidence(
        features={"v1": True, "v2": None},
        runs=None,
        unread=[{"part": "runs", "why": "Access is denied.\x1b[2J"}],
    )
    result = CliRunner().invoke(connect, ["read", str(written(tmp_path, told))])
    assert result.exit_code == 0
    lines = dict(line.split("  ", 1) for line in result.stdout.splitlines() if "  " in line.strip())
    shown = {key.strip(): value.strip() for key, value in lines.items()}
    assert shown["Server"] == "CONNECT01"
    assert shown["Build"] == "2.6.92.0"
    assert shown["Mode"] == "active"
    assert shown["Group writeback v1"] == "on"
    assert shown["Group writeback V2"] == "not read"
    assert shown["Last export to contoso.com"] == "none is on record"
    assert shown["Not read: runs"].startswith("Access is denied.")
    assert "\x1b" not in result.stdout


def test_a_server_in_staging_mode_is_called_one(tmp_path: Path) -> None:
    scheduler = {**evidence()["scheduler"], "staging": True}
    result = CliRunner().invoke(connect, ["read", str(written(tmp_path, evidence(scheduler=scheduler)))])
    assert "staging: it exports nothing" in result.stdout


def test_evidence_as_json_is_what_the_file_holds(tmp_path: Path) -> None:
    result = CliRunner().invoke(connect, ["read", "--json", str(written(tmp_path))])
    assert json.loads(result.stdout)["evidence"] == evidence()


@pytest.mark.parametrize("name", ["collector", "read"])
def test_help_says_what_it_does(name: str) -> None:
    assert CliRunner().invoke(connect, [name, "--help"]).exit_code == 0
