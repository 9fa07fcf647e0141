"""Records, plans, approvals and all else that a change leaves are for their owner, unless it was told otherwise."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nbformat
import pandas as pd
import pytest

from rehearsal.folder import RehearsalFolder
from runbook_lib.files import file_mode, write_durably
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.index import build_index
from runbook_lib.record.seal import seal
from runbook_lib.runner.kernel.engine import TruthfulManager
from runbook_lib.runner.kernel.execution import Execution
from tests.support import builders as b
from tests.unit.notebook.cells import Cells, all_cells

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the folder's own access list decides there")
UMASKS = [0, 0o022, 0o077]


@pytest.fixture(params=UMASKS, ids=[f"umask {umask:03o}" for umask in UMASKS])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def left_by_a_change(root: Path, access: str) -> RecordFolder:
    """Two runs, an approval, a journal, a backup, a half-executed notebook; one run is sealed and listed."""
    cells = Cells(root, access)
    all_cells(cells, "begin", "read", "plan", "approve", "gate", "apply", "read back", "finish", "begin")
    folder = cells.runs[0].record.folder
    work_file = folder.change_folder / f".executing-{folder.run_id}.ipynb"
    manager = TruthfulManager(
        cast(Any, nbformat.v4).new_notebook(), cast(Execution, SimpleNamespace(work_file=work_file, mark={}))
    )
    manager.save()
    folder.write_csv("groups.csv", pd.DataFrame({"a": [1]}))
    seal(folder, work_file, clock=lambda: b.NOW)
    build_index(root)
    return folder


def modes(root: Path) -> dict[str, set[int]]:
    """Modes of folders and of files below ``root``, itself included."""
    found: dict[str, set[int]] = {"folders": set(), "files": set()}
    for path in (root, *root.rglob("*")):
        if path.name == "journal.jsonl" or (path.parent.name == "approvals" and path.is_file()):
            # What a run did and who approved is their own word: nobody else writes there, whoever may read it.
            found["files"].add(stat.S_IMODE(path.stat().st_mode) | (path.parent.stat().st_mode & 0o020))
            assert not path.stat().st_mode & 0o022
        elif path.name != "lock":
            found["folders" if path.is_dir() else "files"].add(stat.S_IMODE(path.stat().st_mode))
    return found


@pytest.mark.parametrize(
    ("access", "folder", "file"), [("owner", 0o700, 0o600), ("group", 0o2770, 0o660), ("everyone", 0o755, 0o644)]
)
def test_everything_that_a_change_leaves_is_for_whom_it_was_told(
    tmp_path: Path, umask: int, access: str, folder: int, file: int
) -> None:
    root = tmp_path / "records"
    left = left_by_a_change(root, access)
    names = {path.name for path in root.rglob("*")}
    assert {"approvals", "journal.jsonl", "backup.ldif", "plan.json", "index.html", "MANIFEST.json"} <= names
    assert f".executing-{left.run_id}.ipynb" in names
    assert modes(root) == {"folders": {folder}, "files": {file}}


def test_a_folder_that_was_open_is_closed_and_the_list_is_no_wider_than_what_it_lists(tmp_path: Path) -> None:
    root = tmp_path / "records"
    (root / "CHG1").mkdir(parents=True, mode=0o755)
    root.chmod(0o755)
    left_by_a_change(root, "owner")
    assert stat.S_IMODE((root / "CHG1").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "index.html").stat().st_mode) == 0o600
    assert stat.S_IMODE(root.stat().st_mode) == 0o755, "what the administrator made stays"


def test_in_a_folder_of_everybody_a_file_is_its_owners(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    write_durably(tmp_path / "a", b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    tmp_path.chmod(0o777)
    assert file_mode(tmp_path) == 0o664


def test_the_rehearsals_folder_is_its_owners(tmp_path: Path, umask: int) -> None:
    folder = RehearsalFolder(tmp_path / "rehearsal")
    folder.create()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
