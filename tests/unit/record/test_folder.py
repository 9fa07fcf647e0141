"""The folder of a run: safe names, clear refusals, all or nothing on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import RunbookError, ServiceFailed, UsageError
from runbook_lib.files import safe_folder_name
from runbook_lib.model.text import verbatim
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord


@pytest.mark.parametrize("name", ["CHG0012345", "a", "2026-11-22_x.1", "com10", "a" * 80])
def test_safe_names(name: str) -> None:
    assert safe_folder_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a b", "a.", "-a", ".a", "CON", "nul.txt", "com1", "lpt0.log", "a:b", "é", "a" * 81,
     "approvals", "Approvals", "a\n", "a\x00"],
)  # fmt: skip
def test_unsafe_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        RecordFolder.create(tmp_path, name, "r1")
    assert caught.value.code == "change-id"
    assert list(tmp_path.iterdir()) == []


NAMES = st.one_of(
    st.text(alphabet="aA0._-/ \u00e9", max_size=6),
    st.sampled_from(
        ("approvals", "Approvals", "closings", "INDEX.html", "index.html", "con", "LPT1.x", "CHG1", "records")
    ),
    st.integers(60, 85).map(lambda length: "x" * length),
)


@given(NAMES)
def test_a_change_that_the_parameters_may_name_has_a_folder_and_no_other(name: str) -> None:
    """One rule: what the parameters take is never refused when the run begins, nor the other way."""
    with TemporaryDirectory() as root:
        try:
            RecordFolder.create(Path(root), name, "r1")
        except UsageError:
            made = False
        else:
            made = True
    try:
        parameters_from_values({"change_id": name}, source="test")
    except UsageError:
        taken = False
    else:
        taken = bool(name)
    assert taken is made


@pytest.mark.parametrize("name", ["approvals", "closings", "index.html"])
def test_no_run_is_called_like_what_stands_beside_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        RecordFolder.create(tmp_path, "CHG1", name)


def test_paths(tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "r1")
    assert (folder.change_id, folder.run_id) == ("CHG1", "r1")
    assert folder.path == tmp_path / "CHG1" / "r1"
    assert folder.approvals_folder == tmp_path / "CHG1" / "approvals"
    assert RecordFolder.open(folder.path).change_id == "CHG1"


def test_run_folder_is_never_used_twice(tmp_path: Path) -> None:
    RecordFolder.create(tmp_path, "CHG1", "r1")
    with pytest.raises(UsageError) as caught:
        RecordFolder.create(tmp_path, "CHG1", "r1")
    assert caught.value.code == "run-exists"


def test_records_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        RecordFolder.create(tmp_path / "file", "CHG1", "r1")
    assert caught.value.code == "records-folder"
    assert str(tmp_path / "file") in caught.value.message


def test_open_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        RecordFolder.open(tmp_path / "nothing")
    assert caught.value.code == "record-missing"


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "r1")
    folder.write_text("plan.json", "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ServiceFailed) as caught:
        folder.write_text("plan.json", "new")
    assert caught.value.code == "record-write"
    assert "No space left" in caught.value.message
    assert (folder.path / "plan.json").read_text() == "old"
    assert [p.name for p in folder.path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a\\b"])
def test_plain_file_names_only(tmp_path: Path, name: str) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "r1")
    with pytest.raises(ValueError, match="plain file name"):
        folder.write_text(name, "")


def test_json_round_trip_with_unpaired_surrogate(tmp_path: Path) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "r1")
    value: dict[str, object] = {"b": "É\ud800", "a": [1, None]}
    path = folder.write_json("plan.json", value)
    assert folder.read_json("plan.json") == value
    assert json.loads(path.read_bytes()) == value
    assert path.read_text("utf-8").index('"a"') < path.read_text("utf-8").index('"b"')


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_unreadable_json_is_one_error(tmp_path: Path, data: bytes) -> None:
    folder = RecordFolder.create(tmp_path, "CHG1", "r1")
    folder.write_bytes("record.json", data)
    with pytest.raises(UsageError) as caught:
        folder.read_json("record.json")
    assert caught.value.code == "record-unreadable"


def test_sealed_record_refuses_every_write(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    record.folder.write_text("MANIFEST.json", "{}")
    writes: list[Callable[[], object]] = [
        lambda: record.folder.write_text("a.txt", "a"),
        lambda: record.note_gaps(verbatim("something")),
    ]
    for write in writes:
        with pytest.raises(RunbookError) as caught:
            write()
        assert caught.value.code == "record-sealed"
