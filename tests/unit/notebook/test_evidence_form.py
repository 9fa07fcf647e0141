"""The field for the collector's file, driven as a browser drives it: what it takes, what it refuses, what it keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.connect.evidence import (
    COLLECTOR_NAME,
    KEPT_EVIDENCE,
    ConnectEvidence,
    collector_script,
    collector_sha256,
)
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.model.text import t
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.evidence_form import LARGEST_UPLOAD, EvidenceForm
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from tests.support.connect_evidence import evidence, file_of

COLLECTED = datetime(2026, 11, 30, 8, tzinfo=UTC)


def uploaded(content: bytes, name: str = "evidence.json", size: int | None = None) -> tuple[dict[str, Any], ...]:
    """The value of the widget after a browser sent a file."""
    return (
        {
            "name": name,
            "type": "application/json",
            "size": len(content) if size is None else size,
            "content": memoryview(content),
            "last_modified": COLLECTED,
        },
    )


class Desk:
    """A field on a screen, with a clock, what its line said and what was kept."""

    def __init__(self) -> None:
        self.now = COLLECTED + timedelta(hours=1)
        self.said: list[str] = []
        self.kept: list[ConnectEvidence] = []
        self.closed: Refused | None = None
        self.form = EvidenceForm(
            keep=self.keep,
            preconditions=self.check,
            limit=timedelta(hours=24),
            clock=lambda: self.now,
            line=self,
            again=t("Run it again."),
        )

    def show(self, text: str) -> None:
        self.said.append(text)

    def keep(self, read: ConnectEvidence) -> Path:
        self.kept.append(read)
        return Path("records/CHG1/run-1/connect-evidence.json")

    def check(self) -> None:
        if self.closed is not None:
            raise self.closed

    def send(self, content: bytes, **told: Any) -> str:
        self.form.upload.value = uploaded(content, **told)
        return self.said[-1]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_whole_file_is_taken_once_and_its_digest_is_said(desk: Desk) -> None:
    said = desk.send(file_of(evidence()))
    (read,) = desk.kept
    assert read.file == file_of(evidence())
    assert said.startswith("Taken: evidence.json, collected on CONNECT01 2026-11-30 08:00")
    assert read.sha256 in said
    assert "kept as records/CHG1/run-1/connect-evidence.json, which other notebooks take" in said
    assert desk.form.upload.value == (), "the field is ready for another file"
    desk.send(file_of(evidence(server="CONNECT02")))
    assert [one.evidence.server for one in desk.kept] == ["CONNECT01", "CONNECT02"]


BAD: dict[str, tuple[bytes, str]] = {
    "no file of the collector": (b"{}", "it does not begin as the collector begins its files"),
    "not text": (b"\xff\xfe\x00", "it is not UTF-8"),
    "cut off": (file_of(evidence())[:-40], "it is cut off"),
    "edited": (file_of(evidence()).replace(b'"staging": false', b'"staging": true '), "was changed after"),
    "empty": (b"", "it does not begin"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_the_command_would_refuse_the_field_refuses_with_the_same_words(desk: Desk, name: str) -> None:
    content, why = BAD[name]
    said = desk.send(content)
    assert said.startswith("Not taken: ")
    assert why in said
    assert desk.kept == []
    assert desk.send(file_of(evidence())).startswith("Taken: "), "a corrected file is taken afterwards"


def test_old_evidence_and_evidence_from_the_future_are_refused(desk: Desk) -> None:
    desk.now = COLLECTED + timedelta(hours=25)
    assert "evidence counts for 24 hours" in desk.send(file_of(evidence()))
    desk.now = COLLECTED - timedelta(hours=1)
    assert desk.send(file_of(evidence())).startswith("Not taken: ")
    assert desk.kept == []


def test_a_file_that_is_too_large_is_refused_unread(desk: Desk) -> None:
    assert "the field takes 8,388,608" in desk.send(file_of(evidence()), size=LARGEST_UPLOAD + 1)
    assert "the field takes 8,388,608" in desk.send(b"x" * (LARGEST_UPLOAD + 1), size=7)
    assert desk.kept == []


def test_a_name_from_the_browser_is_shown_and_nothing_else(desk: Desk) -> None:
    said = desk.send(file_of(evidence()), name="../../etc/x\u202e<b>\n.json")
    assert said.isprintable()
    assert "\u202e" not in said


def test_a_run_that_is_over_takes_nothing(desk: Desk) -> None:
    desk.closed = Refused(t("This run is closed."), code="run-closed", hint=t("Begin another."))
    assert desk.send(file_of(evidence())) == "Not taken: This run is closed. Begin another."
    desk.closed = None
    desk.form.close()
    before = list(desk.said)
    desk.send(file_of(evidence()))
    assert (desk.kept, desk.said) == ([], before)


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    now = COLLECTED + timedelta(hours=1)
    told = {"change_id": "CHG1", "records_dir": str(tmp_path)}
    record = RunRecord.begin(
        RecordFolder.create(tmp_path, "CHG1", "run-1"),
        notebook_name="10-detect-exchange",
        notebook_sha256="",
        mode="interactive",
        started=now,
        parameters=told,
        versions={},
    )
    return RunContext(parameters=Parameters.model_validate(told), record=record, environment={}, clock=lambda: now)


def test_the_run_goes_by_what_was_uploaded_and_the_record_keeps_it(context: RunContext) -> None:
    context.interactive = True
    run = Run(context, "10-detect-exchange")
    run.connect_server()
    form = run._evidence
    assert form is not None
    content = file_of(evidence())
    form.upload.value = uploaded(content)
    folder = context.record.folder.path
    assert (folder / KEPT_EVIDENCE).read_bytes() == content
    assert context.parameters.connect_evidence == str(folder / KEPT_EVIDENCE)
    facts = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert "connect-evidence-uploaded" in {one["id"] for one in facts["findings"]}
    run.connect_server()
    assert form.upload.disabled, "the field of the cell that ran before takes nothing any more"


def test_without_a_person_there_is_the_collector_and_no_field(context: RunContext) -> None:
    run = Run(context, "10-detect-exchange")
    run.connect_server()
    assert run._evidence is None
    written = (context.record.folder.path / COLLECTOR_NAME).read_bytes()
    assert written == collector_script()
    assert len(collector_sha256()) == 64


@pytest.mark.parametrize(
    ("notebook", "route", "interactive", "offered"),
    [
        ("30-enable-writeback", "connect-sync", True, True),
        ("40-disable-writeback", "connect-sync", True, True),
        ("60-undo-change", "connect-sync", True, True),
        ("30-enable-writeback", "connect-sync", False, False),
        ("30-enable-writeback", "direct", True, False),
        ("20-inventory-groups", "connect-sync", True, False),
    ],
)
def test_what_is_planned_from_the_server_offers_the_field_before_anything_is_read(
    context: RunContext, notebook: str, route: str, interactive: bool, offered: bool
) -> None:
    context.interactive = interactive
    context.parameters = context.parameters.model_copy(update={"route": route})
    run = Run(context, notebook)
    with pytest.raises(RunbookError):
        run.read_inventory()
    form = run._evidence
    assert (form is not None) is offered
    if form is not None:
        form.upload.value = uploaded(file_of(evidence()))
        assert context.parameters.connect_evidence == str(context.record.folder.path / KEPT_EVIDENCE)
