"""Sealing and verifying: final, complete, and every later change is found."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runbook_lib.errors import AwaitingApproval, Refused, UsageError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.record import manifest
from runbook_lib.record.checksums import sums_text
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import build_manifest, file_entries, manifest_digest, verified_record
from runbook_lib.record.run_record import RunRecord, standing_gaps
from runbook_lib.record.seal import Sealed, seal
from tests.unit.record.notebooks import broken_off, code, display, markdown, never_run, notebook, stop, stream

Make = Callable[..., RunRecord]
Clock = Callable[[], datetime]
CANARY = "canary-Zx81-secret"
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoIn0.c2lnbmF0dXJlLXBhcnQ"


def _saved(tmp_path: Path, *cells: dict[str, Any]) -> Path:
    path = tmp_path / "out.ipynb"
    path.write_text(json.dumps(notebook(*cells)))
    return path


def _facts(sealed: Sealed) -> dict[str, Any]:
    value = json.loads((sealed.folder.path / "record.json").read_text("utf-8"))
    assert isinstance(value, dict)
    return value


@pytest.fixture
def sealed(make_run: Make, clock: Clock, tmp_path: Path) -> Sealed:
    """A done run with tables, sealed."""
    record = make_run()
    record.folder.write_csv("groups.csv", pd.DataFrame({"name": ["Équipe"]}))
    record.folder.write_text("backup.ldif", "dn: CN=x\n")
    (record.folder.path / "empty.txt").touch()
    record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    return seal(record.folder, _saved(tmp_path, markdown("# x"), code("a", stream("b"))), clock=clock)


def test_sealed_record_is_complete(sealed: Sealed) -> None:
    names = {path.name for path in sealed.folder.path.iterdir()}
    assert names == {
        "30-enable-writeback.ipynb", "MANIFEST.json", "SHA256SUMS", "backup.ldif", "empty.txt", "groups.csv",
        "record.html", "record.json",
    }  # fmt: skip
    manifest = json.loads((sealed.folder.path / "MANIFEST.json").read_text())
    assert {entry["path"] for entry in manifest["files"]} == names - {"MANIFEST.json"}
    assert manifest["previous"] is None
    assert manifest["digest"] == sealed.digest == manifest_digest(sealed.folder.path)
    assert sealed.outcome is Outcome.DONE
    result = verified_record(sealed.folder)
    assert (result.sealed, result.ok, result.problems, result.files) == (True, True, (), 7)


def test_sealed_once_only(sealed: Sealed, clock: Clock) -> None:
    before = (sealed.folder.path / "MANIFEST.json").read_bytes()
    with pytest.raises(UsageError) as caught:
        seal(sealed.folder, None, clock=clock)
    assert caught.value.code == "record-sealed"
    assert (sealed.folder.path / "MANIFEST.json").read_bytes() == before


def test_every_changed_byte_is_found(sealed: Sealed) -> None:
    for path in sorted(sealed.folder.path.iterdir()):
        data = path.read_bytes()
        # Every byte of the small files, three hundred places in the others.
        for position in range(0, len(data), max(1, len(data) // 300)):
            path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
            assert not verified_record(sealed.folder).ok, f"{path.name} at {position}"
        for changed in (data + b"\n", data[:-1], b""):
            if changed != data:
                path.write_bytes(changed)
                assert not verified_record(sealed.folder).ok, path.name
        path.write_bytes(data)
    assert verified_record(sealed.folder).ok


def test_missing_and_added_files_are_found(sealed: Sealed) -> None:
    folder = sealed.folder.path
    (folder / "groups.csv").unlink()
    assert verified_record(sealed.folder).problems == ("groups.csv: missing",)
    (folder / "groups.csv").mkdir()
    (folder / "groups.csv" / "inner.txt").touch()
    assert set(verified_record(sealed.folder).problems) == {
        "groups.csv: missing", "groups.csv/inner.txt: added after sealing"
    }  # fmt: skip
    shutil.rmtree(folder / "groups.csv")
    (folder / "groups.csv").symlink_to(folder / "backup.ldif")
    assert verified_record(sealed.folder).problems == ("groups.csv: not a plain file any more",)
    (folder / "MANIFEST.json").unlink()
    result = verified_record(sealed.folder)
    assert (result.sealed, result.problems) == (False, ("open: not sealed yet",))


def test_changed_manifest_entries_are_found_even_if_it_stays_json(sealed: Sealed) -> None:
    path = sealed.folder.path / "MANIFEST.json"
    original = path.read_text()
    manifest = json.loads(original)
    for change in (
        {"sealed_at": "2020-01-01T00:00:00.000Z"},
        {"files": manifest["files"][1:]},
        {"previous": {"run_id": "x", "digest": "y"}},
        {"run_id": "run-9"},
        {"note": "added"},
    ):
        path.write_text(json.dumps(manifest | change, indent=2, sort_keys=True) + "\n")
        assert not verified_record(sealed.folder).ok
    path.write_text(json.dumps(manifest))
    assert verified_record(sealed.folder).problems == ("MANIFEST.json: it was rewritten",)
    for garbage in (
        "",
        "[]",
        "{",
        '{"schema": "gwb-manifest/1"}',
        "[" * 100_000,
        '{"schema": "gwb-manifest/1", "files": 1}',
    ):
        path.write_text(garbage)
        result = verified_record(sealed.folder)
        assert (result.sealed, result.ok) == (True, False)


def test_record_under_another_name_is_found(sealed: Sealed) -> None:
    moved = sealed.folder.path.rename(sealed.folder.path.with_name("run-9"))
    assert any("written for run run-1" in problem for problem in verified_record(RecordFolder(moved)).problems)


def test_runs_of_one_change_form_a_chain(make_run: Make, clock: Clock) -> None:
    sealed = [seal(make_run(f"run-{n}").folder, None, clock=clock) for n in (1, 2, 3)]
    last = sealed[2].folder
    manifest = json.loads((last.path / "MANIFEST.json").read_text())
    assert manifest["previous"] == {"run_id": "run-2", "digest": sealed[1].digest}
    assert verified_record(last).ok
    first = sealed[0].folder.path
    kept = first.with_name("kept")
    shutil.copytree(first, kept)
    shutil.rmtree(first)
    assert verified_record(last).problems == ("previous run run-1: not beside this one, the chain is broken",)
    shutil.copytree(kept, first)
    shutil.rmtree(kept)
    assert verified_record(last).ok
    # The first run sealed again with other contents, by hand: both ends of the chain tell.
    (first / "MANIFEST.json").unlink()
    (first / "backup.ldif").write_text("dn: CN=forged\n")
    with pytest.raises(Refused) as again:
        seal(RecordFolder(first), None, clock=clock)
    assert again.value.code == "record-altered"
    facts: dict[str, Any] = {
        "change_id": "CHG0012345",
        "run_id": "run-1",
        "sealed_at": "2026-11-22T10:00:00.000Z",
        "previous": None,
    }
    (first / "SHA256SUMS").write_text(sums_text(file_entries(first)))
    (first / "MANIFEST.json").write_bytes(build_manifest(file_entries(first), **facts))
    assert any("run-1: its manifest is not the one" in problem for problem in verified_record(last).problems)
    assert verified_record(RecordFolder(first)).problems == (
        "MANIFEST.json: run-2 was sealed after another one of this run",
    )


def test_every_file_is_hashed_once_however_often_it_is_listed(
    make_run: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: Counter[str] = Counter()

    def counted(path: Path) -> str:
        hashed[path.name] += 1
        return digest_of(path)

    digest_of = manifest.file_digest
    for run in ("run-1", "run-2"):
        record = make_run(run)
        record.folder.write_text("backup.ldif", "dn: CN=x\n")
        record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
        hashed.clear()
        monkeypatch.setattr(manifest, "file_digest", counted)
        made = seal(record.folder, None, clock=clock)
        monkeypatch.undo()
        assert verified_record(made.folder).ok
    assert {"backup.ldif", "record.json", "record.html", "SHA256SUMS", "PREVIOUS.sha256"} <= set(hashed)
    assert set(hashed.values()) == {1}


def test_gate_that_stayed_closed(make_run: Make, clock: Clock, tmp_path: Path) -> None:
    record = make_run()
    error = AwaitingApproval(t("Plan 9f is not approved."), code="not-approved", hint=t("gwb approve RECORD"))
    record.finish(Outcome.AWAITING_APPROVAL, ended=clock(), error=error)
    path = _saved(tmp_path, code("gate", *stop(Outcome.AWAITING_APPROVAL)), never_run("apply"))
    sealed = seal(record.folder, path, clock=clock)
    text = (sealed.folder.path / "30-enable-writeback.ipynb").read_text("utf-8")
    assert "Not run further: awaiting approval" in text
    assert "gwb approve RECORD" in text
    assert "Not run: awaiting approval." in text
    assert path.exists()


@pytest.mark.parametrize(
    ("journal", "interrupted", "outcome"),
    [
        (None, False, Outcome.FAILED),
        (None, True, Outcome.INTERRUPTED),
        ('{"entry": "open"}\n', False, Outcome.FAILED),
        ('{"entry": "open"}\n{"entry": "begin", "wri', False, Outcome.PARTIAL),
        ('{"entry": "open"}\n{"entry": "begin"}\n{"entry": "done"}\n', True, Outcome.PARTIAL),
    ],
)
def test_run_without_a_verdict_gets_one(
    make_run: Make, clock: Clock, tmp_path: Path, journal: str | None, interrupted: bool, outcome: Outcome
) -> None:
    record = make_run()
    if journal is not None:
        (record.folder.path / "journal.jsonl").write_text(journal)
    sealed = seal(record.folder, _saved(tmp_path, code("a"), broken_off("b")), clock=clock, interrupted=interrupted)
    facts = _facts(sealed)
    assert sealed.outcome is outcome
    assert (facts["outcome"], facts["exit_code"]) == (outcome.value, outcome.exit_code)
    assert facts["error"]["code"] == "no-verdict"
    assert facts["ended"].startswith("2026-11-22T10:01:")
    assert verified_record(sealed.folder).ok


@pytest.mark.parametrize(
    "data", [None, b"{", b"[]", b'{"schema": "gwb-record/1", "gaps": 1, "plan": 3, "steps": ["x"], "error": "e"}']
)
def test_damaged_facts_never_stop_the_sealing(make_run: Make, clock: Clock, data: bytes | None) -> None:
    folder = make_run().folder
    if data is None:
        (folder.path / "record.json").unlink()
    else:
        (folder.path / "record.json").write_bytes(data)
    sealed = seal(folder, None, clock=clock)
    assert sealed.outcome is Outcome.FAILED
    assert _facts(sealed)["gaps"][: len(standing_gaps())] == list(standing_gaps())
    assert verified_record(folder).ok
    if data in (b"{", b"[]"):
        assert (folder.path / "record.damaged.json").read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"{", b'{"nbformat": 3}', b'{"nbformat": 4, "cells": [1]}', b"\xff"])
def test_damaged_notebook_is_a_gap(make_run: Make, clock: Clock, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "out.ipynb"
    path.write_bytes(data)
    sealed = seal(make_run().folder, path, clock=clock)
    assert any("executed notebook could not be read" in gap for gap in _facts(sealed)["gaps"])
    assert not list(sealed.folder.path.glob("*.ipynb"))
    assert verified_record(sealed.folder).ok


def test_what_papermill_saved_inside_the_record_goes(make_run: Make, clock: Clock) -> None:
    folder = make_run().folder
    raw = folder.path / "work.ipynb"
    raw.write_text(json.dumps(notebook(code("a", stream(CANARY)))))
    (folder.path / ".record.json.x1y2.part").write_text("half")
    seal(folder, raw, clock=clock, known_secrets=[CANARY])
    assert {p.name for p in folder.path.iterdir()} == {
        "30-enable-writeback.ipynb", "MANIFEST.json", "SHA256SUMS", "record.html", "record.json"
    }  # fmt: skip


def test_planted_secrets_are_in_no_file(make_run: Make, clock: Clock, tmp_path: Path) -> None:
    record = make_run()
    frame = pd.DataFrame({"description": [CANARY, f"Bearer {JWT}"]})
    record.folder.write_csv("groups.csv", frame)
    record.folder.write_workbook("inventory.xlsx", {"groups": frame})
    record.folder.write_json("plan.json", {"changes": [{"why": CANARY}]})
    (record.folder.path / "journal.jsonl").write_text(json.dumps({"entry": "open", "x": JWT}) + "\n")
    record.set(snapshots={"cloud": {"note": f"token {JWT}"}}, parameters={"reason": CANARY})
    record.set(changes={"planned": 1, "done": 0})
    record.finish(Outcome.PARTIAL, ended=clock())
    cells = [
        markdown(f"say {CANARY}"),
        code(
            f"x = '{CANARY}'",
            stream(JWT),
            display(text_html=f"<b>{CANARY}</b>", text_plain=JWT),
            *stop(Outcome.REFUSED, JWT),
        ),
    ]
    sealed = seal(record.folder, _saved(tmp_path, *cells), clock=clock, known_secrets=[CANARY])
    assert verified_record(sealed.folder).ok
    for path in sealed.folder.path.iterdir():
        data = path.read_bytes()
        assert CANARY.encode() not in data, path.name
        assert JWT.encode() not in data, path.name
    places = {str(finding.values["place"]) for finding in sealed.findings}
    assert places == {
        "30-enable-writeback.ipynb",
        "groups.csv",
        "inventory.xlsx",
        "journal.jsonl",
        "plan.json",
        "record.json",
    }
    assert {f["id"] for f in _facts(sealed)["findings"]} == {finding.id for finding in sealed.findings}
    assert sealed.outcome is Outcome.PARTIAL


def test_digest_of_an_open_or_damaged_record(make_run: Make, clock: Clock) -> None:
    folder = make_run().folder
    with pytest.raises(UsageError) as caught:
        manifest_digest(folder.path)
    assert caught.value.code == "record-open"
    seal(folder, None, clock=clock)
    with (folder.path / "MANIFEST.json").open("a") as stream_:
        stream_.write(" ")
    with pytest.raises(UsageError) as caught:
        manifest_digest(folder.path)
    assert caught.value.code == "record-damaged"
