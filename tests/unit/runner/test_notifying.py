"""What a run does with ``notify``: after its verdict, before its seal, and whatever happens the verdict stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.runner.notifying import last_told, link_of
from tests.unit.runner.conftest import Project


def test_a_failure_of_telling_is_in_the_sealed_record_and_changes_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GWB_HOOK_KEY", raising=False)
    hook = {"name": "ops", "by": "webhook", "address": "https://hook.test/x", "sign_with": "env:GWB_HOOK_KEY"}
    entries = [{**hook, "outcomes": ["done"]}, {**hook, "name": "night", "outcomes": ["bug"]}]
    result = project.run(project.notebook("finish(Outcome.DONE)"), {"notify": json.dumps(entries)})
    assert (result.outcome, result.exit_code, result.sealed) == (Outcome.DONE, 0, True)
    assert result.record is not None
    facts: dict[str, Any] = json.loads((result.record / "record.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["result"]) for one in facts["told"]] == [("ops", "failed"), ("night", "not-asked")]
    (finding,) = facts["findings"]
    assert "GWB_HOOK_KEY" in finding["seen"]
    assert finding["id"].startswith("notification-failed-")


def folder(
    tmp_path: Path, run: str, told: list[dict[str, str]] | None, notebook: str = "50-check-drift"
) -> RecordFolder:
    made = RecordFolder.create(tmp_path, "CHG1", run)
    facts = {"notebook": {"name": notebook}, **({"told": told} if told is not None else {})}
    made.write_json("record.json", facts)
    return made


def test_what_was_told_last_is_that_of_the_newest_run_that_sent_it(tmp_path: Path) -> None:
    def entry(result: str, state: str, name: str = "ops") -> dict[str, str]:
        return {"name": name, "result": result, "state": state}

    folder(tmp_path, "20261201T000000-a", [entry("sent", "first")])
    folder(tmp_path, "20261202T000000-a", [entry("sent", "second"), entry("sent", "x", "other")])
    folder(tmp_path, "20261203T000000-a", [entry("quiet", "third")])
    folder(tmp_path, "20261204T000000-a", None)
    folder(tmp_path, "20261205T000000-a", [entry("sent", "elsewhere")], notebook="30-enable-writeback")
    now = folder(tmp_path, "20261206T000000-a", [entry("sent", "own")])
    (tmp_path / "CHG1" / "20261203T000001-b").mkdir()
    assert last_told(now, "50-check-drift", "ops") == "second"
    assert last_told(now, "50-check-drift", "nobody") is None


def test_a_link_is_an_address_or_the_path(tmp_path: Path) -> None:
    made = folder(tmp_path, "20261201T000000-a", None)
    assert link_of(made, "") == str(made.path / "record.html")
    assert link_of(made, "https://records.test/gwb/") == "https://records.test/gwb/CHG1/20261201T000000-a/record.html"
