"""record.json: on the disk after every change, and only known facts in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord, standing_gaps

KEYS = {
    "ran_by",
    "schema", "change_id", "run_id", "notebook", "mode", "outcome", "exit_code", "started", "ended", "target", "told",
    "parameters", "snapshots", "plan", "approval", "changes", "findings", "steps", "versions", "gaps", "error",
}  # fmt: skip
AT = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)


def _disk(record: RunRecord) -> dict[str, Any]:
    value = json.loads((record.folder.path / "record.json").read_text("utf-8"))
    assert isinstance(value, dict)
    return value


def test_begin(make_run: Callable[..., RunRecord]) -> None:
    facts = _disk(make_run())
    assert facts.keys() == KEYS
    assert facts["outcome"] is None
    assert facts["notebook"] == {"name": "30-enable-writeback", "sha256": "ab" * 32}
    assert facts["started"] == "2026-11-22T10:00:00.000Z"
    assert facts["gaps"] == list(standing_gaps())
    assert "does not support writing Exchange attributes by hand" in " ".join(facts["gaps"])
    assert "not on Windows domain controllers" in " ".join(facts["gaps"])
    assert "Pilot with one group first" in " ".join(facts["gaps"])


def test_what_a_record_does_not_prove_depends_on_its_route(make_run: Callable[..., RunRecord]) -> None:
    gaps = " ".join(_disk(make_run(route="cloud-sync"))["gaps"])
    assert "Cloud Sync writes to AD by itself" in gaps
    assert "by hand" not in gaps
    assert "Pilot with one group first" in gaps
    assert _disk(make_run("run-2", route="direct"))["gaps"] == list(standing_gaps())
    assert len(standing_gaps("none")) == len(standing_gaps(["x"])) == len(standing_gaps()) - 1
    of_people = " ".join(standing_gaps("connect-sync"))
    assert "People act on the Connect server" in of_people
    assert "Pilot" not in of_people, "all groups come, or none"


def test_every_change_is_on_the_disk_at_once(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    record.set(changes={"planned": 3, "done": 0}, plan={"digest": "d"})
    assert _disk(record)["changes"] == {"planned": 3, "done": 0}
    record.note_step(verbatim("Read"), AT)
    record.note_gaps(verbatim("Not read: x"))
    record.note_gaps(verbatim("Not read: x"))
    record.note_findings(Finding("a", Severity.WARNING, t("first")))
    record.note_findings(Finding("a", Severity.WARNING, t("second")))
    facts = _disk(record)
    assert facts["steps"] == [{"title": "Read", "at": "2026-11-22T10:05:00.000Z"}]
    assert facts["gaps"][-1] == "Not read: x"
    assert facts["gaps"].count("Not read: x") == 1
    assert [f["seen"] for f in facts["findings"]] == ["second"]
    assert RunRecord.load(record.folder).facts == facts


def test_finish(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    error = NoAccess(t("Wrong password."), code="bind-refused", hint=t("Check it."))
    record.finish(Outcome.NO_ACCESS, ended=AT, error=error)
    facts = _disk(record)
    assert (facts["outcome"], facts["exit_code"], facts["ended"]) == ("no-access", 8, "2026-11-22T10:05:00.000Z")
    assert facts["error"] == {"code": "bind-refused", "message": "Wrong password.", "hint": "Check it."}
    assert RunRecord.load(record.folder).outcome is Outcome.NO_ACCESS
    record.finish(Outcome.DONE, ended=AT)
    assert _disk(record)["error"] is None


def test_unknown_facts_are_refused(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    for name in ("outcome", "plann"):
        with pytest.raises(KeyError):
            record.set(**{name: "x"})


def test_facts_are_a_copy(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    changes = {"planned": 1, "done": 0}
    record.set(changes=changes)
    changes["done"] = 1
    record.facts["gaps"] = []
    assert record.facts["changes"] == {"planned": 1, "done": 0}
    assert record.facts["gaps"] == list(standing_gaps())


def test_load_refuses_another_schema(tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "r1")
    folder.write_json("record.json", {"schema": "else/1"})
    with pytest.raises(UsageError) as caught:
        RunRecord.load(folder)
    assert caught.value.code == "record-schema"


def test_stamp_is_utc_and_wants_a_zone() -> None:
    assert iso_milliseconds(AT.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-22T10:05:00.000Z"
    with pytest.raises(ValueError, match="zone"):
        iso_milliseconds(datetime(2026, 1, 1))  # noqa: DTZ001


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the disk was waited for, from now on."""
    flushed: list[int] = []
    monkeypatch.setattr("os.fsync", flushed.append)
    return flushed


def test_many_findings_are_one_write(make_run: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    record = make_run()
    flushed = _counted(monkeypatch)
    record.note_step(verbatim("Plan"), AT)
    one_write = len(flushed)
    assert one_write >= 1
    record.note_findings(*(Finding(f"refused:{n}", Severity.WARNING, t("{n} is refused", n=n)) for n in range(1_000)))
    assert len(flushed) == 2 * one_write
    record.note_gaps(*(verbatim(f"Not read: {n}") for n in range(1_000)))
    assert len(flushed) == 3 * one_write
    facts = _disk(record)
    assert [item["id"] for item in facts["findings"]] == [f"refused:{n}" for n in range(1_000)]
    assert facts["gaps"][-1] == "Not read: 999"
    assert RunRecord.load(record.folder).facts == facts


def test_what_is_known_already_is_not_written_again(
    make_run: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_run()
    found = [Finding("a", Severity.WARNING, t("first")), Finding("b", Severity.INFO, t("second"))]
    record.note_findings(*found)
    record.note_gaps(verbatim("Not read: x"))
    flushed = _counted(monkeypatch)
    record.note_findings(*found)
    record.note_findings()
    record.note_gaps(verbatim("Not read: x"))
    assert flushed == []
    record.note_findings(Finding("a", Severity.WARNING, t("third")), found[1])
    assert [item["seen"] for item in _disk(record)["findings"]] == ["second", "third"]


def test_findings_that_no_version_wrote_are_kept_as_they_are(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    path = record.folder.path / "record.json"
    strange = [{"id": ["a"]}, "text", {"seen": "no id"}, {"id": "a", "seen": "one"}, None]
    path.write_text(json.dumps(_disk(record) | {"findings": strange, "gaps": [{"x": 1}]}))
    again = RunRecord.load(record.folder)
    again.note_findings(Finding("b", Severity.INFO, t("two")))
    again.note_gaps(verbatim("Not read: x"))
    assert _disk(again)["findings"][:-1] == strange
    assert _disk(again)["gaps"] == [{"x": 1}, "Not read: x"]
