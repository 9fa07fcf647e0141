"""What an operator can get wrong: one clear message, the right exit code, nothing written."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.certificates import make_certificates
from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.errors import RunbookError
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.cli import cli
from tests.notebooks.journey import latest_record, plan_and_approve
from tests.support.plain import run_plain

ENABLE = "30-enable-writeback"


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Parameters over those of the rehearsal."""
    return {"records_dir": str(tmp_path / "records"), "change_id": "CHG-BAD", "select_names": '["Sales Team"]'}


def refused(rehearsal: RunningRehearsal, given: dict[str, str]) -> RunbookError:
    """The one error of a run; nothing may have been written."""
    with pytest.raises(RunbookError) as caught:
        run_plain(ENABLE, rehearsal.parameters_file, given)
    assert rehearsal.control.writes()["count"] == 0
    # A parameter's message says by itself what it should be.
    assert caught.value.hint or caught.value.outcome.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("change", "code", "exit_code"),
    [
        ({"target_ou": "OU=Nowhere,DC=contoso,DC=com"}, "ou-missing", 5),
        ({"target_ou": "DC=contoso,DC=com"}, "ou-domain-root", 5),
        ({"target_ou": "CN=Users,DC=contoso,DC=com"}, "ou-not-an-ou", 5),
        ({"target_ou": "OU=Domain Controllers,DC=contoso,DC=com"}, "ou-special", 5),
        ({"target_ou": "OU=Retired Cloud Groups,DC=contoso,DC=com"}, None, 2),
        ({"attest_connect_v1_off_by": ""}, None, 2),
        ({"select_names": '["Salse Team"]'}, "selection-matches-nothing", 5),
        ({"select_names": "[]"}, "empty-selection", 5),
        ({"select_ids": '["11111111-1111-1111-1111-111111111111"]'}, "unknown-group", 5),
        ({"attest_connect_v1_off_by": "", "attest_connect_v1_off_until": ""}, "other-writer-unknown", 5),
        ({"attest_connect_v1_off_until": "2020-01-01"}, "other-writer-unknown", 5),
        ({"acknowledge": "[]"}, "finding-not-acknowledged", 5),
        ({"max_creates": "0"}, "limit-creates", 5),
        ({"tenant_id": "11111111-1111-1111-1111-111111111111"}, None, 8),
        ({"dc_port": "1"}, "dc-unreachable", 8),
        ({"bind_user": "nobody@contoso.com"}, "bind-refused", 8),
    ],
)
def test_parameters_that_lead_nowhere(
    fresh_rehearsal: RunningRehearsal, given: dict[str, str], change: dict[str, str], code: str | None, exit_code: int
) -> None:
    error = refused(fresh_rehearsal, given | change)
    assert error.outcome.exit_code == exit_code
    if code:
        assert error.code == code


def test_a_wrong_password(fresh_rehearsal: RunningRehearsal, given: dict[str, str], tmp_path: Path) -> None:
    wrong = tmp_path / "password.txt"
    wrong.write_text("CanaryWrongPassword-1\n", encoding="utf-8")
    wrong.chmod(0o600)
    error = refused(fresh_rehearsal, given | {"bind_password_file": str(wrong)})
    assert (error.code, error.outcome.exit_code) == ("bind-refused", 8)
    assert "Canary" not in f"{error}{error.values}"


@pytest.mark.parametrize(
    ("parameter", "code"), [("dc_ca_file", "dc-certificate"), ("cloud_ca_file", "cloud-certificate")]
)
def test_a_certificate_of_an_unknown_ca(
    fresh_rehearsal: RunningRehearsal, given: dict[str, str], tmp_path: Path, parameter: str, code: str
) -> None:
    other = tmp_path / "other-ca.pem"
    other.write_bytes(make_certificates(datetime.now(UTC)).ca_pem)
    error = refused(fresh_rehearsal, given | {parameter: str(other)})
    assert (error.code, error.outcome.exit_code) == (code, 8)


def test_a_tenant_that_answers_401(fresh_rehearsal: RunningRehearsal, given: dict[str, str]) -> None:
    fresh_rehearsal.control.fault("401", count=50)
    assert refused(fresh_rehearsal, given).outcome.exit_code == 8


def test_an_approval_of_another_plan_and_one_that_ended(
    fresh_rehearsal: RunningRehearsal, given: dict[str, str], tmp_path: Path
) -> None:
    plan_and_approve(fresh_rehearsal, ENABLE, given)
    error = refused(fresh_rehearsal, given | {"select_names": '["Marketing"]'})
    assert (error.code, error.outcome.exit_code) == ("approval-of-another-plan", 4)
    record = latest_record(tmp_path / "records" / "CHG-BAD")
    long_ago = datetime.now(UTC) - timedelta(days=2)
    hour = timedelta(hours=1)
    approve_plan(
        record, ROUTES, approver="T", phrase=planned(record, ROUTES).phrase, valid=hour, clock=lambda: long_ago
    )
    error = refused(fresh_rehearsal, given | {"select_names": '["Marketing"]'})
    assert (error.code, error.outcome.exit_code) == ("approval-expired", 4)


def test_a_records_folder_that_cannot_be_written(fresh_rehearsal: RunningRehearsal, given: dict[str, str]) -> None:
    file = Path(given["records_dir"])
    file.write_text("a file, not a folder", encoding="utf-8")
    error = refused(fresh_rehearsal, given)
    assert (error.code, error.outcome.exit_code) == ("records-folder", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('change_id: "C"\nselct_names: ["x"]\n', ("line 2", "selct_names", "select_names")),
        ('change_id: "C"\nbind_password: "CanarySecret99"\n', ("line 2", "bind_password")),
        ('change_id: "C"\nreason: "Password=CanarySecret99;"\n', ("line 2", "reason")),
        ('change_id: "C"\n\ntarget_ou: "OU=Groups DC"\n', ("line 3", "target_ou")),
        ('change_id: "C"\nchange_id: "D"\n', ("line 2", "change_id")),
        ("change_id: 0123\n", ("line 1", "quotes")),
        ("- a list\n", ("line 1",)),
    ],
)
def test_parameters_files_are_told_by_file_and_line(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(cli, ["run", ENABLE, "-f", str(file), "--records", str(tmp_path / "records")])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert all(word in said.replace("my.yaml:", "my.yaml line ") for word in (*words, "my.yaml")), said
    assert "Canary" not in said
    assert "Traceback" not in said
    assert not (tmp_path / "records").exists()


def test_a_missing_parameters_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["run", ENABLE, "-f", str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "none.yaml" in result.output.replace("\n", "")


def test_a_refused_run_under_papermill_leaves_a_sealed_record_without_a_stack_trace(
    fresh_rehearsal: RunningRehearsal, given: dict[str, str], tmp_path: Path
) -> None:
    words = [word for pair in given.items() for word in ("-p", *pair)]
    command = ["run", ENABLE, "-f", str(fresh_rehearsal.parameters_file), *words, "-p", "target_ou"]
    result = CliRunner().invoke(cli, [*command, "OU=Nowhere,DC=contoso,DC=com"])
    assert result.exit_code == 5, result.output
    record = latest_record(tmp_path / "records" / "CHG-BAD")
    assert verified_record(RecordFolder.open(record)).ok
    assert json.loads((record / "record.json").read_text())["error"]["code"] == "ou-missing"
    page = (record / "record.html").read_text(encoding="utf-8")
    assert "OU=Nowhere" in page
    assert not re.search(r"Traceback|site-packages", page)
    assert fresh_rehearsal.control.writes()["count"] == 0
