"""``gwb connect``: the collector goes out whole, its file comes back with the answer that an operator asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_lib.connect.evidence import collector_script, collector_sha256
from runbook_lib.errors import NoAccess, ServiceFailed, UsageError
from runbook_lib.model.outcome import Outcome
from runbook_lib.runner.cli import cli
from runbook_lib.runner.commands.connect import connect
from tests.support.connect_evidence import evidence, file_of, written
from tests.support.psrp import FakePsrp


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


@pytest.fixture
def psrp(monkeypatch: pytest.MonkeyPatch) -> FakePsrp:
    fake = FakePsrp()
    fake.output = [base64.b64encode(file_of(evidence())).decode("ascii")]
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake


def test_the_collector_is_run_remotely_and_its_file_is_written(
    psrp: FakePsrp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GWB_WINRM_PASSWORD", "correct horse 9")
    path = tmp_path / "evidence.json"
    asked = ["collect", "connect01.contoso.com", "--output", str(path), "--user", "ops@contoso.com"]
    result = CliRunner().invoke(connect, asked)
    assert result.exit_code == 0, result.exception
    assert path.read_bytes() == file_of(evidence())
    assert "CONNECT01" in result.stdout
    assert "Name it in connect_evidence" in result.stdout
    assert "correct horse" not in result.stdout
    assert psrp.opened["username"] == "ops@contoso.com"
    assert len(psrp.scripts) == 1
    again = CliRunner().invoke(connect, asked)
    assert isinstance(again.exception, UsageError)
    assert again.exception.code == "connect-evidence-not-written"
    assert len(psrp.scripts) == 1, "nobody is asked for a file that cannot be written"


def test_a_password_comes_from_the_environment_alone(psrp: FakePsrp, tmp_path: Path) -> None:
    result = CliRunner(env={"GWB_WINRM_PASSWORD": None}).invoke(
        connect, ["collect", "c1", "--output", str(tmp_path / "e.json"), "--user", "ops"]
    )
    assert isinstance(result.exception, NoAccess)
    assert result.exception.code == "secret-missing"
    assert "GWB_WINRM_PASSWORD" in result.exception.message
    assert psrp.scripts == []
    assert not {option for one in connect.commands.values() for option in one.params if "password" in str(option.name)}


def test_nothing_is_written_where_the_collector_fails(psrp: FakePsrp, tmp_path: Path) -> None:
    psrp.output, psrp.errors = [], ["no such server role"]
    result = CliRunner().invoke(connect, ["collect", "c1", "--output", str(tmp_path / "e.json")])
    assert isinstance(result.exception, ServiceFailed)
    assert "no such server role" in result.exception.message
    assert list(tmp_path.iterdir()) == []


def test_groups_that_wait_to_be_exported_are_counted(tmp_path: Path) -> None:
    one = {"connector": "contoso.com", "operation": "add", "dn": "CN=x,OU=y,DC=z", "anchor": None}
    told = evidence(pending_exports=[one, one, {**one, "operation": "delete"}])
    result = CliRunner().invoke(connect, ["read", str(written(tmp_path, told))])
    assert "add 2, delete 1" in result.stdout
    assert "wait" not in CliRunner().invoke(connect, ["read", str(written(tmp_path, name="without.json"))]).stdout


EDITED = file_of(evidence()).replace(b'"CONNECT01"', b'"CONNECT02"')
BAD: dict[str, tuple[bytes | None, str]] = {
    "edited": (EDITED, "was changed after the collector wrote it"),
    "cut off": (file_of(evidence())[:-300], "it is cut off"),
    "not there": (None, "There is no file of evidence"),
    "newer": (file_of(evidence()).replace(b'"version": 1', b'"version": 7'), "version 7"),
    "no evidence": (b"{}", "it does not begin"),
    "a program": (b"\x7fELF\xff\xfe", "it is not UTF-8"),
    "unknown part": (
        file_of({**evidence(), "secrets": []}),
        "secrets: Extra inputs are not permitted",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_message_and_what_to_do(tmp_path: Path, name: str) -> None:
    """As a person meets it: through ``gwb``, with its exit code, and no traceback."""
    content, told = BAD[name]
    path = tmp_path / "evidence.json"
    if content is not None:
        path.write_bytes(content)
    ended = CliRunner().invoke(cli, ["connect", "read", str(path)])
    assert ended.exit_code == Outcome.USAGE.exit_code
    whole = " ".join(ended.output.split())
    assert told in whole
    assert "Traceback" not in whole
    assert "collector" in whole
