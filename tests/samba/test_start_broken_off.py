"""A start with a real Samba that is broken off leaves no namespace, no process and no folder behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.leftovers import SOCKETS
from tests.docs.markdown import ROOT

_SOON = 30.0


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def namespaces_of(marker: str) -> set[str]:
    """Network namespaces of processes whose command line or environment names the marker."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if marker.encode() in told:
                found.add(str((process / "ns" / "net").readlink()))
        except OSError:
            continue
    return found


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{SOCKETS}*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_start_that_is_broken_off_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    marker = f"gwb-broken-off-{os.getpid()}-{number.name}"
    before, own = folders(), str(Path("/proc/self/ns/net").readlink())
    command = [sys.executable, "-m", "runbook_lib.runner", "rehearsal", "start", "--directory", "samba", "--free-ports"]
    started = subprocess.Popen(
        [*command, "--directory-folder", str(tmp_path), "--name", "x"],
        cwd=ROOT,
        env={**os.environ, "GWB_TEST_MARKER": marker},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert within(120, lambda: bool(namespaces_of(marker) - {own})), "Samba's namespace is there"
        time.sleep(1)
        assert started.poll() is None, "the start goes on"
    finally:
        started.send_signal(number)
        started.wait(_SOON)
    assert within(_SOON, lambda: not namespaces_of(marker)), "no process, and with it no namespace and no mount"
    assert within(_SOON, lambda: folders() <= before)
    assert within(_SOON, lambda: not (tmp_path / "x").exists())
