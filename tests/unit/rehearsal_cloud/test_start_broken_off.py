"""A start that fails or is broken off: it says at once why, in its own last lines, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from rehearsal import process as process_module
from rehearsal.certificates import make_certificates, utc_now
from rehearsal.folder import RehearsalFolder, new_passwords
from rehearsal.leftovers import SOCKETS, how_it_ended, last_lines, take_away
from rehearsal.options import StartOptions
from rehearsal.process import start_rehearsal
from rehearsal.samba import outside
from rehearsal.samba.outside import SambaDirectory
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.outcome import Outcome

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ROOT = Path(process_module.__file__).parents[1]
SOON = 20.0
"""Seconds: far from the minutes that a start may take, and far from what these ends take."""


def gone(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + SOON
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def files(tmp_path: Path) -> RehearsalFolder:
    made = RehearsalFolder(tmp_path / "world")
    made.create()
    return made


@pytest.fixture
def samba(files: RehearsalFolder) -> SambaDirectory:
    return SambaDirectory(make_certificates(utc_now()), new_passwords(), "se", files)


READ = "import sys; sys.stdin.readline(); "


@POSIX
@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            READ + "sys.stderr.write('one\\ntwo: no such thing\\n'); sys.exit(3)",
            "exit code 3): one / two: no such thing",
        ),
        ("import sys; sys.stderr.write('at once\\n'); sys.exit(4)", "exit code 4): at once"),
        (READ + "sys.exit(0)", "exit code 0) and printed nothing"),
        (READ + "import os; sys.stderr.write('x\\n'); sys.stderr.flush(); os.kill(os.getpid(), 9)", "SIGKILL): x"),
        (READ + "sys.stdout.write('{\"ident'); sys.stdout.flush(); sys.exit(5)", "exit code 5)"),
        (
            READ + "import json; print(json.dumps({'error': 'provision\\x1b failed'}), flush=True); sys.stdin.read()",
            "provision\\u001b failed",
        ),
        (READ + "print('Joined the domain', flush=True); sys.stdin.read()", "not an answer: Joined the domain"),
    ],
)
def test_a_samba_that_died_is_reported_after_its_end_with_its_own_last_lines(
    monkeypatch: pytest.MonkeyPatch, samba: SambaDirectory, files: RehearsalFolder, script: str, told: str
) -> None:
    files.log.write_text("of an earlier start\n", encoding="utf-8")
    monkeypatch.setattr(outside, "COMMAND", (sys.executable, "-c", script))
    begun = time.monotonic()
    with pytest.raises(ServiceFailed) as caught:
        samba._started({"much": "x" * 200_000})
    assert time.monotonic() - begun < SOON
    assert told in caught.value.message
    assert "did not answer" not in caught.value.message
    assert "earlier" not in caught.value.message
    assert str(files.log) in caught.value.hint
    assert not samba._sockets.exists()
    assert not files.samba.exists()


@POSIX
def test_a_samba_that_is_slow_is_told_from_one_that_died(
    monkeypatch: pytest.MonkeyPatch, samba: SambaDirectory
) -> None:
    monkeypatch.setattr(outside, "FILL_SECONDS", 0.5)
    script = READ + "sys.stderr.write('still provisioning\\n'); sys.stderr.flush(); sys.stdin.read()"
    monkeypatch.setattr(outside, "COMMAND", (sys.executable, "-c", script))
    with pytest.raises(ServiceFailed) as caught:
        samba._started({})
    assert "did not answer within 0.5 s" in caught.value.message


INSIDE = """
import time
from rehearsal.samba import controller, inside
controller.prepare_namespaces = lambda: time.sleep(300)
inside.main()
"""


@POSIX
def test_the_process_inside_ends_at_once_when_its_owner_has_gone(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    child = subprocess.Popen([sys.executable, "-c", INSIDE], stdin=subprocess.PIPE, cwd=ROOT, text=True)
    request.addfinalizer(child.kill)
    assert child.stdin is not None
    child.stdin.write(json.dumps({"ldaps_socket": str(sockets / "ldaps")}) + "\n")
    child.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1)
    child.stdin.close()
    assert child.wait(SOON) == 1
    assert not sockets.exists()


SERVE = """
import sys, time
from rehearsal import serve
def never(*_, **__):
    print("building", flush=True)
    time.sleep(300)
serve.World = never
sys.exit(serve.main(sys.argv[1:]))
"""


@POSIX
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "parent gone"])
def test_a_rehearsal_that_is_being_made_ends_at_once(
    tmp_path: Path, how: str, fresh: bool, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "world"
    command = [sys.executable, "-c", SERVE, "--folder", str(folder), "--watch-parent", *(["--fresh"] if fresh else [])]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    request.addfinalizer(child.kill)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"building\n"
    if how == "parent gone":
        child.stdin.close()
    else:
        child.send_signal(signal.Signals[how])
    assert child.wait(SOON) == Outcome.INTERRUPTED.exit_code
    child.stdout.close()
    child.stdin.close()
    assert folder.exists() is not fresh
    assert not RehearsalFolder(folder).state.exists()


@pytest.fixture
def fake_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let ``start_rehearsal`` start a process that does something else."""
    package = tmp_path / "fake" / "rehearsal"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONSAFEPATH": "1"}
    monkeypatch.setattr(process_module, "_environment", lambda: environment)

    def write(script: str) -> None:
        (package / "serve.py").write_text(script, encoding="utf-8")

    return write


@pytest.mark.parametrize("directory", ["embedded", "samba"])
def test_a_process_that_ended_early_is_reported_with_its_own_last_lines(
    fake_serve: Callable[[str], None], tmp_path: Path, directory: str
) -> None:
    fake_serve("import sys; sys.stderr.write('first\\nImportError: no module named x\\n'); sys.exit(7)")
    begun = time.monotonic()
    with pytest.raises(ServiceFailed) as caught:
        start_rehearsal(tmp_path / "world", StartOptions(directory=directory))
    assert time.monotonic() - begun < SOON
    assert caught.value.message == ("The rehearsal world ended (exit code 7): first / ImportError: no module named x")
    assert (tmp_path / "world" / "rehearsal.log").exists(), "somebody is told to look at it"


@pytest.mark.parametrize("existed", [True, False])
def test_an_interrupted_start_leaves_no_process_and_no_folder(
    fake_serve: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, existed: bool
) -> None:
    fake_serve("import os, sys; print(os.getpid(), flush=True); sys.stdin.read()")
    folder, started = tmp_path / "world", list[int]()
    if existed:
        folder.mkdir()

    def interrupted(*_: object) -> NoReturn:
        log = folder / "rehearsal.log"
        assert gone(lambda: log.read_text(encoding="utf-8").endswith("\n"))
        started.append(int(log.read_text(encoding="utf-8")))
        raise KeyboardInterrupt

    monkeypatch.setattr(process_module, "_wait_until_started", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_rehearsal(folder)
    assert folder.exists() is existed
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(started[0], 0)


def test_a_second_start_takes_away_what_was_left(files: RehearsalFolder) -> None:
    sockets = Path(tempfile.mkdtemp(prefix=SOCKETS))
    (sockets / "ldaps").touch()
    files.write_json(files.state, {"pid": 1})
    files.write_json(files.failure, {})
    partial = files.path / "state.json.4711"
    partial.touch()
    # The number of a process that is another one by now: ours.
    files.samba.write_text(f"{os.getpid()} {sockets}\n", encoding="utf-8")
    take_away(files)
    assert not sockets.exists()
    assert [path.name for path in files.path.iterdir()] == []
    take_away(files)


@pytest.mark.parametrize("text", ["", "x y", "12", "99999999 /etc", "99999999 {here}"])
def test_what_is_no_folder_of_sockets_is_left_alone(files: RehearsalFolder, tmp_path: Path, text: str) -> None:
    here = tmp_path / "gwb-samba-mine"
    here.mkdir()
    files.samba.write_text(text.format(here=here), encoding="utf-8")
    take_away(files)
    assert here.exists()
    assert not files.samba.exists()


def test_last_lines_and_ends_in_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == ""
    log.write_bytes(b"old\n" + b"".join(b"%d\n" % n for n in range(9)) + b"\xff\n\n")
    assert last_lines(log, 4) == "5 / 6 / 7 / 8 / \ufffd"
    assert (how_it_ended(3), how_it_ended(None)) == ("exit code 3", "without an exit code")
    assert how_it_ended(-250) == "signal 250"
