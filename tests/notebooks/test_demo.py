"""``gwb demo`` as a newcomer runs it: it ends well, three beside each other too, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.options import LEAST_STAFF
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from tests.docs.markdown import code_blocks
from tests.support.plain import ROOT

DEMO = [sys.executable, "-m", "runbook_lib.runner", "demo", "--quiet", "--records"]
FEW = ("--staff", str(LEAST_STAFF))
RUNS = 12
OTHERS = {"cloud-sync": 9, "connect-sync": 12}
"""Routes and the runs of their journeys."""
posix_only = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")


def start(records: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, str(records), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def left_behind(records: Path) -> list[str]:
    """Processes that still know these records: kernels by their environment, rehearsals by their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(records).encode() in text and folder.name != str(os.getpid()):
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def wait_until_gone(records: Path) -> list[str]:
    end = time.monotonic() + 120
    while (found := left_behind(records)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def rehearsals() -> set[str]:
    folder = ROOT / ".rehearsal"
    return {path.name for path in folder.glob("demo-*")} if folder.is_dir() else set()


@posix_only
def test_demos_beside_each_other_end_well_and_leave_only_records(tmp_path: Path) -> None:
    """The first with all people of Contoso on the direct route, the others with a tenth of them by the other routes."""
    before = rehearsals()
    places = [tmp_path / "one", tmp_path / "two", tmp_path / "three"]
    others = (start(place, *FEW, "--route", route) for place, route in zip(places[1:], OTHERS, strict=True))
    running = [start(places[0]), *others]
    told = []
    for process, place, runs in zip(running, places, (RUNS, *OTHERS.values()), strict=True):
        output, _ = process.communicate(timeout=800)
        assert process.returncode == 0, output
        assert f"{runs} records verify" in output
        assert "objectGUID, objectSid and" in output
        assert output.count("$ gwb run ") == runs
        steps = [line for line in output.splitlines() if line.startswith("Step ")]
        assert steps == [f"Step {number} of {runs}:" for number in range(1, runs + 1)]
        assert output.splitlines()[0].startswith(f"{runs} steps; together they take about ")
        records = [path.parent for path in place.glob("*/*/record.json")]
        assert len(records) == runs
        assert all(verified_record(RecordFolder.open(record)).ok for record in records)
        assert (place / "index.html").is_file()
        told.append((output, records))
        assert wait_until_gone(place) == []
    assert rehearsals() <= before
    direct, written = told[0]
    assert "Edited by hand" in direct
    assert "Jamal Costa is a member of Sales Team; IT Operations awaits approval (exit code 4)" in direct
    assert "3 of 4 changes were approved and applied; the others wait." in direct
    assert scheduled(written) == [("awaiting-approval", "Alex Approver", {"planned": 4, "done": 3})]
    assert drifted(written) == {"description", "member missing"}
    by_cloud_sync, watched = told[1]
    assert "1 object is as it was before" in by_cloud_sync, "out of scope"
    assert "2 objects are as they were before" in by_cloud_sync, "and back"
    assert "OU=Cloud Sync Groups,DC=contoso,DC=com, members: 7." in by_cloud_sync
    assert 0 < 4 * members_read(watched) < members_read(written)
    handed, _ = told[2]
    assert commands_of(handed, places[2]) == commands_of_the_page()
    outcomes = re.findall(r"^\d\d-[\w-]+ +([a-z-]+) +\d", handed, re.MULTILINE)
    assert [str(Outcome(one).exit_code) for one in outcomes] == re.findall(r"# (\d+)$", walk(), re.MULTILINE)
    assert "62 groups are in AD with the objectGUID, objectSid and members they had." in handed
    assert "62 deleted, 0 refused" in handed
    assert "Exported: 0 made, 0 changed, 0 renamed, 0 deleted" in handed, "v1 joins what came back"


def walk() -> str:
    """The route connect-sync step by step, as docs/rehearsal.md has it: what a newcomer types."""
    page = (ROOT / "docs" / "rehearsal.md").read_text("utf-8")
    return "".join(code_blocks(page.partition("<!-- walk: connect-sync -->")[2].partition("<!-- walk ends -->")[0]))


def commands_of_the_page() -> list[list[str]]:
    """Words of every command of the walk."""
    return [shlex.split(line, comments=True)[1:] for line in walk().splitlines()]


def commands_of(output: str, records: Path) -> list[list[str]]:
    """Words of every command that a demo has printed and done, with the names of the page."""
    found = []
    for line in re.findall(r"^\$ gwb (.*)$", output, re.MULTILINE):
        text = re.sub(rf"{re.escape(str(ROOT))}/\.rehearsal/demo-[\w-]+", ".rehearsal/default", line)
        text = re.sub(rf"{re.escape(str(records))}/([\w-]+)/[\w-]+", r"records/\1/RUN", text)
        text = text.replace(".rehearsal/default/connect-sync.yaml", "parameters/demo-connect-sync.yaml")
        text = re.sub(r"DEMO-\d{8}-\d{6}-[0-9A-F]{4}-", "CHG-V1-", text)
        found.append(shlex.split(re.sub(r" --name demo-[\w-]+", "", text)))
    return [words for words in found if words[0] != "verify-record"]


def members_read(records: list[Path]) -> int:
    """Lines of the longest table of members."""
    return max(
        len(path.read_text("utf-8-sig").splitlines()) for record in records for path in record.glob("members.csv")
    )


def scheduled(records: list[Path]) -> list[tuple[str, str, dict[str, int]]]:
    """Outcome, approver and changes of the runs under a standing approval."""
    every = [json.loads((record / "record.json").read_text("utf-8")) for record in records]
    return [
        (facts["outcome"], facts["approval"]["approver"], facts["changes"])
        for facts in every
        if facts["approval"] and facts["approval"]["kind"] == "standing"
    ]


def drifted(records: list[Path]) -> set[str]:
    """What the one run that found drift reported."""
    tables = [record / "drift.csv" for record in records if (record / "drift.csv").is_file()]
    lines = [line for table in tables for line in table.read_text("utf-8-sig").splitlines()[1:]]
    return {line.split(",")[2] for line in lines}


@posix_only
@pytest.mark.parametrize(("after", "how"), [("30-enable-writeback", signal.SIGINT), ("10-detect", signal.SIGTERM)])
def test_a_demo_that_is_stopped_leaves_no_process_and_no_rehearsal(
    tmp_path: Path, after: str, how: signal.Signals
) -> None:
    before = rehearsals()
    place = tmp_path / "stopped"
    process = start(place, *FEW)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if f"$ gwb run {after}" in line:
            break
    time.sleep(2)
    os.killpg(process.pid, how)
    output, _ = process.communicate(timeout=300)
    said.append(output)
    assert process.returncode == 130, "".join(said)
    assert "Traceback" not in "".join(said)
    assert wait_until_gone(place) == []
    assert rehearsals() <= before


@posix_only
def test_a_demo_that_fails_in_the_middle_says_so_and_cleans_up(tmp_path: Path) -> None:
    before = rehearsals()
    place = tmp_path / "failing"
    process = start(place, *FEW)
    assert process.stdout is not None
    for line in process.stdout:
        if "$ gwb run 20-inventory" in line:
            break
    (mine,) = rehearsals() - before
    state = json.loads((ROOT / ".rehearsal" / mine / "state.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode not in (0, 70), output
    assert "Traceback" not in output
    assert wait_until_gone(place) == []
    assert mine not in rehearsals()
