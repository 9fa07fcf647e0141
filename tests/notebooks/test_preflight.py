"""Notebook 10 as a scheduler meets it: how it ends is about the routes that the parameters name."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.administrator import update_recipients
from rehearsal.contoso.names import CONNECT_OU
from rehearsal.process import RunningRehearsal
from runbook_lib.connect.evidence import KEPT_EVIDENCE
from runbook_lib.files import HYBRID
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.outcome import Outcome
from runbook_lib.runner.commands.check import check
from tests.notebooks.journey import latest_record
from tests.notebooks.runs import collected
from tests.support.connect_evidence import evidence, written
from tests.support.plain import run_plain

NOTEBOOK = "10-detect-exchange"


@pytest.mark.parametrize(
    ("given", "outcome", "finding"),
    [
        ({"groups_domain": "nowhere.example"}, Outcome.DONE, "mail-accepted-domain-missing:nowhere.example"),
        (
            {"groups_domain": "nowhere.example", "check_routes": '["direct", "connect-sync"]'},
            Outcome.REFUSED,
            "mail-accepted-domain-missing:nowhere.example",
        ),
        ({"dns_servers": '["127.0.0.1:9"]', "dns_timeout": "1"}, Outcome.DONE, "part-unreadable:dns"),
        (
            # Without the attestation that v1 is off: with it the route is not ready, whatever DNS says.
            {
                "dns_servers": '["127.0.0.1:9"]',
                "dns_timeout": "1",
                "check_routes": '["connect-sync"]',
                "attest_connect_v1_off_by": "",
                "attest_connect_v1_off_until": "",
            },
            Outcome.NO_ACCESS,
            "part-unreadable:dns",
        ),
        ({"dc_port": "1"}, Outcome.NO_ACCESS, "part-unreadable:exchange"),
    ],
)
def test_how_the_pre_flight_ends(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path, given: dict[str, str], outcome: Outcome, finding: str
) -> None:
    server = evidence(collected=iso_seconds(datetime.now(UTC)), features={"v1": False, "v2": False})
    brought = written(tmp_path, server, "from-connect01.json")
    asked_routes = "check_routes" in given
    named = {} if asked_routes else {"connect_evidence": str(brought)}
    told = {"records_dir": str(tmp_path), "change_id": "CHG-PF", **named, **given}
    run = run_plain(NOTEBOOK, fresh_rehearsal.parameters_file, told)
    assert run.record.outcome is outcome
    facts = json.loads((latest_record(tmp_path / "CHG-PF") / "record.json").read_text(encoding="utf-8"))
    ids = [one["id"] for one in facts["findings"]]
    asked = json.loads(given.get("check_routes", '["direct"]'))
    routes = sorted(("direct", "cloud-sync", "connect-sync"), key=lambda route: route not in asked)
    assert ids[:3] == [f"verdict:{route}" for route in routes], "those that were asked for come first"
    assert finding in ids
    assert facts["exit_code"] == outcome.exit_code
    kept = latest_record(tmp_path / "CHG-PF") / KEPT_EVIDENCE
    if not asked_routes:
        assert kept.read_bytes() == brought.read_bytes(), "what the Connect server said is part of the record"
    assert fresh_rehearsal.control.writes()["count"] == 0
    steps = (latest_record(tmp_path / "CHG-PF") / HYBRID).read_text(encoding="utf-8-sig").splitlines()
    assert steps[0].startswith("number,")
    with_steps = [line for line in steps if re.match(r"[1-8],", line)]
    assert len(with_steps) == 8
    if "groups_domain" in given:
        assert "missing" in with_steps[3], "the accepted domain"


def test_the_hybrid_procedure_goes_from_missing_to_done(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    """Each step as its operator takes it: the wizard, a cycle, Update-Recipient; looked at again after each."""
    control = fresh_rehearsal.control

    def looked_at() -> tuple[str, int | None, dict[int, str]]:
        file = collected(fresh_rehearsal, tmp_path / "evidence.json")
        parameters = fresh_rehearsal.folder.connect_sync_parameters
        result = CliRunner().invoke(
            check, [str(parameters), "--json", "-p", "connect_evidence", file], catch_exceptions=False
        )
        hybrid = json.loads(result.stdout)["hybrid"]
        return hybrid["state"], hybrid["next"], {step["number"]: step["state"] for step in hybrid["steps"]}

    state, following, steps = looked_at()
    assert (state, following, steps[1], steps[8]) == ("missing", 1, "missing", "missing")
    assert {steps[number] for number in (2, 3, 4, 5)} == {"done"}
    control.connect_sync("enable", container=CONNECT_OU, display_names=False)
    control.connect_sync("cycle")
    state, following, steps = looked_at()
    assert (state, following, steps[1]) == ("missing", 7, "done")
    assert update_recipients(fresh_rehearsal, CONNECT_OU)
    state, following, steps = looked_at()
    assert (state, following) == ("done", None)
    assert set(steps.values()) == {"done", "cannot-tell"}
    assert steps[6] == "cannot-tell", "no reading shows a policy of Exchange Online"
