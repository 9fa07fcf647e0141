"""A record is checked with the tools of any Unix, by the lines that the record and the documentation give."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.record.checksums import checking_steps, sums_text
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import build_manifest, file_entries, verified_record
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.signing.keys import ShownKey, read_signing_key
from runbook_lib.signing.signature import Signing
from tests.support.signing import certificate_of, key_file

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum")
Change = Callable[[Path], object]


@pytest.fixture(params=["key", "certificate"])
def signing(request: pytest.FixtureRequest, tmp_path: Path) -> Signing:
    """A key, or one with a certificate; the auditor's own copy lies at home."""
    private = ec.generate_private_key(ec.SECP256R1())
    own = [certificate_of("Anna", private, datetime.now(UTC))] if request.param == "certificate" else []
    key = read_signing_key(key_file(tmp_path / "k.pem", private, *own), parameter="signing_key")
    (tmp_path / "KEY.pem").write_bytes(key.shown.as_pem())
    return Signing(key)


@pytest.fixture
def second(make_run: Callable[..., RunRecord], clock: Callable[[], object], signing: Signing) -> Path:
    """The second sealed run of a signed change."""
    for run_id in ("run-1", "run-2"):
        folder = make_run(run_id).folder
        folder.write_text("backup.ldif", "dn: CN=x\n")
        (folder.path / "below").mkdir()
        (folder.path / "below" / "a file.txt").write_text("deep")
        seal(folder, None, clock=clock, signing=signing)  # type: ignore[arg-type]
    return folder.path


def _other_key() -> bytes:
    return ShownKey(ec.generate_private_key(ec.SECP256R1()).public_key()).as_pem()


def _lines_of_page(run: Path) -> list[str]:
    text = (run / "record.html").read_text("utf-8")
    return [html.unescape(line) for line in re.findall(r'<pre class="check">(.*?)</pre>', text)]


def _lines_of_docs() -> list[str]:
    text = (ROOT / "docs" / "records.md").read_text("utf-8")
    block = re.search(r"### Without this program.*?```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def _statuses(run: Path, lines: list[str]) -> list[bool]:
    home = run.parents[2]
    named = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    done = [subprocess.run(["sh", "-c", line], cwd=run, env=named, capture_output=True, check=False) for line in lines]
    return [result.returncode == 0 for result in done]


def test_documentation_and_page_give_the_same_lines(second: Path, signing: Signing) -> None:
    lines = [str(line) for _, line in checking_steps(previous=True, signed_by=signing.key.shown)]
    assert lines == _lines_of_page(second)
    first = _lines_of_page(second.with_name("run-1"))
    assert [*first[:3], lines[3], *first[3:]] == lines
    kind = "-certin" if signing.key.shown.certificates else "-pubin"
    assert [line.replace("-pubin", kind) for line in _lines_of_docs()] == lines


def test_lines_as_written_accept_a_sealed_record(second: Path) -> None:
    assert _statuses(second, _lines_of_page(second)) == [True] * 9
    assert _statuses(second.with_name("run-1"), _lines_of_page(second.with_name("run-1"))) == [True] * 8


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (lambda run: (run / "backup.ldif").write_text("dn: CN=y\n"), 0),
        (lambda run: (run / "below" / "a file.txt").unlink(), 0),
        (lambda run: (run / "SHA256SUMS").write_text(sums_text(file_entries(run)[1:])), 1),
        (lambda run: (run / "below" / "added").touch(), 2),
        (lambda run: (run / "MANIFEST.txt").touch(), 2),
        (lambda run: (run / "below" / "MANIFEST.json").touch(), 2),
        (lambda run: (run / "below" / "SHA256SUMS").touch(), 2),
        (lambda run: (run / "link").symlink_to("backup.ldif"), 2),
        (lambda run: (run.with_name("run-1") / "MANIFEST.json").write_text("{}"), 3),
        (lambda run: shutil.rmtree(run.with_name("run-1")), 3),
        (lambda run: (run / "MANIFEST.json").write_text((run / "MANIFEST.json").read_text() + " "), 4),
        (lambda run: shutil.copy(run.with_name("run-1") / "MANIFEST.json", run), 7),
        (lambda run: (run / "MANIFEST.pem").write_bytes(_other_key()), 7),
        (lambda run: (run / "MANIFEST.pem").write_bytes(_other_key()), 8),
    ],
)
def test_lines_as_written_name_what_was_changed(second: Path, change: Change, refused: int) -> None:
    lines = _lines_of_page(second)
    change(second)
    assert _statuses(second, lines)[refused] is False
    assert not verified_record(RecordFolder(second)).ok


def test_a_record_without_a_signature_has_no_lines_for_one(make_run: Callable[..., RunRecord], clock: Any) -> None:
    folder = make_run("run-1").folder
    seal(folder, None, clock=clock)
    assert _statuses(folder.path, _lines_of_page(folder.path)) == [True] * 3


def test_a_file_with_the_name_of_standard_input_is_checked_too(make_run: Callable[..., RunRecord], clock: Any) -> None:
    folder = make_run("run-1").folder
    (folder.path / "-").write_text("x")
    seal(folder, None, clock=clock)
    lines = _lines_of_page(folder.path)
    assert _statuses(folder.path, lines) == [True] * 3
    (folder.path / "-").write_text("y")
    assert _statuses(folder.path, lines) == [False, True, True]


def test_sums_that_contradict_the_manifest_are_named(second: Path) -> None:
    facts = {"change_id": "CHG0012345", "run_id": "run-2", "sealed_at": "2026-11-22T10:00:00.000Z", "previous": None}
    (second / "SHA256SUMS").write_text("0" * 64 + "  backup.ldif\n")
    (second / "MANIFEST.json").write_bytes(build_manifest(file_entries(second), **facts))  # type: ignore[arg-type]
    assert verified_record(RecordFolder(second)).problems[:2] == (
        "SHA256SUMS: it does not say what MANIFEST.json says",
        "PREVIOUS.sha256: it does not say what MANIFEST.json says",
    )


_NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=20)


@example("-")
@given(_NAMES.filter(lambda name: name not in (".", "..")))
def test_any_name_of_a_file_is_read_back(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("names")
    try:
        (folder / name).write_text("x")
    except OSError:
        return
    sums = sums_text(file_entries(folder))
    done = subprocess.run(["sha256sum", "-c", "-"], input=sums.encode(), cwd=folder, capture_output=True, check=False)
    named = name in ("SHA256SUMS", "MANIFEST.json")
    assert named or done.returncode == 0, done.stderr
