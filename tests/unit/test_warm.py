"""A command that is forked from a warm process is the command that it would be by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import warm

pytestmark = pytest.mark.skipif(not warm.ABLE, reason="processes are forked on Linux only")
GWB = [sys.executable, "-m", "runbook_lib.runner"]


def parent_of(pid: int) -> bytes:
    """Command line of the process that started this one."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return Path(f"/proc/{fields[1]}/cmdline").read_bytes()


@pytest.mark.parametrize("words", [["--help"], ["nonsense"], ["parameters"], ["parameters", "--check", "none.yaml"]])
def test_streams_folder_and_exit_code_are_those_of_a_plain_start(tmp_path: Path, words: list[str]) -> None:
    def told() -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "GWB_PROJECT_ROOT": str(tmp_path), "COLUMNS": "90"}
        return subprocess.run([*GWB, *words], cwd=tmp_path, env=environment, capture_output=True, check=False)

    here = told()
    with warm.cold():
        there = told()
    assert (here.returncode, here.stdout, here.stderr) == (there.returncode, there.stdout, there.stderr)


def kernel(tmp_path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ipykernel_launcher", "-f", str(tmp_path / "connection.json")],
        env={**os.environ, "MARK": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_proc_shows_command_environment_and_session_and_the_signal_that_ended_it_is_told(tmp_path: Path) -> None:
    with kernel(tmp_path) as process:
        assert b"tests.support.nursery" in parent_of(process.pid)
        assert b"\0ipykernel_launcher\0" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert f"MARK={tmp_path}\0".encode() in Path(f"/proc/{process.pid}/environ").read_bytes()
        assert os.getsid(process.pid) == process.pid
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait(300) == -signal.SIGKILL


def test_what_an_order_cannot_tell_and_what_is_to_be_cold_starts_plainly(tmp_path: Path, cold: None) -> None:
    with kernel(tmp_path) as process:
        assert b"tests.support.nursery" not in parent_of(process.pid)
        process.kill()


def papermill(folder: Path, source: str) -> subprocess.Popen[bytes]:
    """Papermill on a notebook of one cell."""
    notebook = folder / "in.ipynb"
    cell: dict[str, object] = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": []}
    cell |= {"execution_count": None, "source": source}
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": [cell]}))
    command = [sys.executable, "-m", "papermill", str(notebook), str(folder / "out.ipynb"), "--no-progress-bar"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_what_a_process_does_at_its_end_is_done(tmp_path: Path) -> None:
    """A thread that still works is waited for, and what was registered for the end comes after it."""
    source = f"""
import atexit, pathlib, threading, time
out = pathlib.Path({str(tmp_path)!r}, "ends")
def at_work():
    time.sleep(1)
    with out.open("a") as file:
        file.write("thread, ")
def at_the_end():
    with out.open("a") as file:
        file.write("end")
atexit.register(at_the_end)
threading.Thread(target=at_work).start()
"""
    with papermill(tmp_path, source) as process:
        assert process.wait(300) == 0
    assert (tmp_path / "ends").read_text() == "thread, end"


def test_a_kernel_ends_with_the_command_that_started_it(tmp_path: Path) -> None:
    """A warm command is killed; its kernel has a parent that ends with it."""
    source = f"import os, time; open('{tmp_path}/pid', 'w').write(f'{{os.getpid()}}!'); time.sleep(600)"
    with papermill(tmp_path, source) as process:
        written = tmp_path / "pid"
        until = time.monotonic() + 300
        while not (written.exists() and written.read_text().endswith("!")) and time.monotonic() < until:
            time.sleep(0.05)
        pid = int(written.read_text().rstrip("!"))
        assert b"papermill" in parent_of(pid)
        process.kill()
    until = time.monotonic() + 300
    while Path(f"/proc/{pid}/fd").exists() and list(Path(f"/proc/{pid}/fd").iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
