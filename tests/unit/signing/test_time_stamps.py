"""Time stamps: asked for, checked offline, by ``openssl ts`` too, and whatever was altered is named."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.time_stamps import TimeStampAuthority
from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.record.attested import attested
from runbook_lib.record.checksums import checking_steps
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.signing.from_parameters import signing_of
from runbook_lib.signing.signature import Signing
from runbook_lib.signing.time_stamp import StampSource, read_stamp_roots, read_time_stamp
from runbook_lib.strict_file import Unfit
from tests.support.signing import new_key

NOW = datetime(2026, 11, 22, 10, 2, tzinfo=UTC)
AUTHORITY = TimeStampAuthority(lambda: NOW)
ROOTS = tuple(x509.load_pem_x509_certificates(AUTHORITY.ca_pem))


class Answering(BaseHTTPRequestHandler):
    """The authority of the rehearsal behind plain http; ``how`` lets it answer otherwise."""

    how: ClassVar[str] = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, kind, data = 200, "application/timestamp-reply", AUTHORITY.answer(body)
        if self.how == "503":
            status = 503
        elif self.how == "redirect":
            status = 302
        elif self.how == "page":
            kind = "text/html"
        elif self.how == "noise":
            data = b"\x30\x03\x02\x01\x00"
        elif self.how == "endless":
            data = b"\x00" * 2_000_000
        elif self.how == "replayed":
            data = _stamp(b"something else")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:  # whoever asked has had enough
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Nothing."""


def _stamp(data: bytes, authority: TimeStampAuthority = AUTHORITY) -> bytes:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    return authority.answer(request.as_bytes())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/time-stamp"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def source(url: str, tmp_path: Path) -> StampSource:
    path = tmp_path / "AUTHORITY.pem"
    path.write_bytes(AUTHORITY.ca_pem)
    return StampSource(url, read_stamp_roots(path, parameter="time_stamp_ca_file"), path)


def test_a_stamp_is_asked_for_and_checked(source: StampSource) -> None:
    found = read_time_stamp(source(b"data"), b"data", ROOTS)
    assert (found.at, found.authority) == (NOW, "CN=Contoso Rehearsal Time Stamp CA")
    assert read_time_stamp(_stamp(b"data"), b"data").authority is None


def test_openssl_accepts_what_the_rehearsal_stamps(source: StampSource, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / "tsr").write_bytes(source(b"data"))
    command = "openssl ts -verify -data data -in tsr -CAfile AUTHORITY.pem"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "data").write_bytes(b"other")
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_a_stamp_of_something_else_or_of_somebody_else_is_none() -> None:
    with pytest.raises(Unfit, match="of something else"):
        read_time_stamp(_stamp(b"data"), b"other", ROOTS)
    other = TimeStampAuthority(lambda: NOW)
    with pytest.raises(Unfit, match="not from the time stamp authority"):
        read_time_stamp(_stamp(b"data", other), b"data", ROOTS)
    # A certificate that had ended when it stamped.
    late = TimeStampAuthority(lambda: NOW)
    late._clock = lambda: NOW + timedelta(days=200)
    with pytest.raises(Unfit, match="not from the time stamp authority"):
        read_time_stamp(_stamp(b"data", late), b"data", x509.load_pem_x509_certificates(late.ca_pem))
    for garbage in (b"", b"{}", b"\x30\x03\x02\x01\x02"):
        with pytest.raises(Unfit):
            read_time_stamp(garbage, b"data", ROOTS)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("503", "HTTP 503"),
        ("redirect", "HTTP 302"),
        ("page", "no time stamp"),
        ("noise", "no time stamp that was granted"),
        ("endless", "too large"),
        ("replayed", "of something else"),
    ],
)
def test_an_answer_that_does_not_fit_is_one_error(
    source: StampSource, monkeypatch: pytest.MonkeyPatch, how: str, why: str
) -> None:
    monkeypatch.setattr(Answering, "how", how)
    with pytest.raises(ServiceFailed, match=why) as caught:
        source(b"data")
    assert caught.value.code == "time-stamp"


def test_an_authority_that_is_not_there_is_one_error(source: StampSource) -> None:
    with pytest.raises(ServiceFailed, match="does not answer"):
        StampSource("http://127.0.0.1:1/", source.roots, source.ca_file)(b"data")


def test_its_certificates_have_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("x")
    for name, why in (("x.pem", "no certificate"), ("none.pem", "no such file")):
        with pytest.raises(UsageError, match=why) as caught:
            read_stamp_roots(tmp_path / name, parameter="time_stamp_ca_file")
        assert caught.value.code == "time-stamp-ca"


@pytest.fixture
def stamped(tmp_path: Path, source: StampSource, make_run: Callable[..., RunRecord]) -> RecordFolder:
    """A sealed run with a signature and a time stamp, by what parameters say."""
    new_key(tmp_path, "host")
    told = {"signing_key": "host.pem", "time_stamp_url": source.url, "time_stamp_ca_file": "AUTHORITY.pem"}
    signing = signing_of(parameters_from_values(told, source="test"), tmp_path)
    folder = make_run("run-1").folder
    seal(folder, None, clock=lambda: NOW, signing=signing)
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunRecord]:
    def make(run_id: str) -> RunRecord:
        folder = RecordFolder.create(tmp_path / "records", "CHG1", run_id)
        return RunRecord.begin(
            folder, notebook_name="x.ipynb", notebook_sha256="", mode="record", started=NOW, parameters={}, versions={}
        )

    return make


def test_a_record_is_stamped_and_says_by_whom(stamped: RecordFolder, tmp_path: Path) -> None:
    assert verified_record(stamped).ok
    found = attested(stamped, None, authority=ROOTS)
    assert found.problems == []
    assert any("there at 2026-11-22 10:02:00 UTC" in line for line in found.said)
    assert any("whose it is was not asked" in line for line in attested(stamped, None).said)
    other = x509.load_pem_x509_certificates(TimeStampAuthority(lambda: NOW).ca_pem)
    assert any(
        "not from the time stamp authority" in line for line in attested(stamped, None, authority=other).problems
    )
    # The line on the page, as written.
    lines = [str(line) for _, line in checking_steps(previous=False, signed_by=new_key(tmp_path).shown, stamped=True)]
    assert lines[-1] in (stamped.path / "record.html").read_text("utf-8")
    done = subprocess.run(
        ["sh", "-c", lines[-1]], cwd=stamped.path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_stamp_that_was_taken_away_or_exchanged_is_named(stamped: RecordFolder) -> None:
    path = stamped.path / "MANIFEST.tsr"
    kept = path.read_bytes()
    path.unlink()
    assert "MANIFEST.tsr: missing" in verified_record(stamped).problems
    assert any("no time stamp" in line for line in attested(stamped, None, authority=ROOTS).problems)
    path.write_bytes(_stamp((stamped.path / "MANIFEST.dsse").read_bytes()))
    assert any("MANIFEST.tsr: changed" in line for line in verified_record(stamped).problems)
    path.write_bytes(_stamp(b"another record"))
    assert any("of something else" in line for line in attested(stamped, None).problems)
    path.write_bytes(kept)
    assert verified_record(stamped).ok


@given(at=st.integers(0, 10_000), bits=st.integers(1, 255))
def test_any_altered_byte_of_a_stamp_is_named_or_changes_nothing_it_says(at: int, bits: int) -> None:
    """What a stamp leaves unsigned is in the signed list of sealed runs, by its SHA-256."""
    altered = bytearray(_GIVEN)
    altered[at % len(altered)] ^= bits
    try:
        found = read_time_stamp(bytes(altered), b"data", ROOTS)
    except Unfit:
        return
    assert (found.at, found.authority) == (NOW, "CN=Contoso Rehearsal Time Stamp CA")


_GIVEN = _stamp(b"data")


def test_a_record_without_its_stamp_stays_open(tmp_path: Path, make_run: Callable[..., RunRecord]) -> None:
    key = new_key(tmp_path)
    folder = make_run("run-1").folder
    with pytest.raises(ServiceFailed, match="does not answer"):
        seal(folder, None, clock=lambda: NOW, signing=Signing(key, StampSource("http://127.0.0.1:1/", ROOTS, tmp_path)))
    assert not folder.sealed
    seal(folder, None, clock=lambda: NOW, signing=Signing(key))
    assert verified_record(folder).ok
    assert json.loads((folder.path / "MANIFEST.json").read_bytes())["run_id"] == "run-1"
