"""The driver behind ``make test``: runs the test lanes and closes with a table.

=======  ==========================================================  ===========================================
lane     runs                                                        needs
=======  ==========================================================  ===========================================
python   unit, contract, notebook and documentation tests            what requirements-dev.lock brings
browser  tests marked ``browser``                                    Chromium
airflow  tests/airflow: a fleet on Airflow, which is set up in an    Linux, a Python that Airflow has, and what
         environment of its own                                      requirements-airflow.lock brings
samba    tests/samba, and the contract tests against a real          Linux, root, Samba, ldap-utils, iproute2
         Samba AD DC, in a network namespace of their own
=======  ==========================================================  ===========================================

A lane that this machine cannot run is named with the reason and left out. With ``CI=true`` what the lanes need is
installed first, and a lane that cannot run, runs no test or skips one (but for the lane python) is a failure.

Where the machine has room (``tools.lane_list.has_room``), the lanes that mostly wait run beside the lane python, in
queues; what they say comes when that has ended, what failed in them at once.

A test has a limit (``TEST_SECONDS``), a lane has none: a slow machine takes longer. Every result is kept as it finishes
(``tools.lane_results``), so whatever ends a lane, the table counts what had finished. How long the lanes will take is
said beforehand, how far they are while they run, which tests were the slowest at the end (``tools.lane_times``).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from tools.bootstrap import SetupError, add_kerberos
from tools.lane_list import LANES, QUICK, QUICK_SECONDS, QUICK_WHY, Lane, chromium, has_room
from tools.lane_plugin import STOP_REASON
from tools.lane_results import LaneRecord, read_record
from tools.lane_times import Expected, announcement, expected_from, read_figures
from tools.lane_watch import LOOK_SECONDS, Screen, Voice, Watched, run_to_end
from tools.packages import InstallError, install_missing

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "lanes"
TEST_SECONDS = 900
"""What a single test may take, its fixtures included (pytest-timeout). The slowest needs a twentieth of it."""
SLOWEST = 5
"""How many tests a lane names as its slowest."""
INTERRUPTED = 130
"""Exit code where a person or a signal ended the lanes."""


@dataclass(frozen=True)
class LaneResult:
    """How a lane ended. ``result`` is one of these; ``note`` says why.

    ``passed``, ``failed``, ``interrupted``, ``not run``, and ``unfinished``: what ran passed, the core among it, but
    the time was over.
    """

    name: str
    result: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""


def kept_arguments(name: str) -> list[str]:
    """Arguments of pytest: keep results, leave the progress to this driver, limit each test."""
    color = ["--color=yes"] if sys.stdout.isatty() else []
    report = [f"--lane-results={results_of(name)}", f"--junitxml={REPORTS / name}.xml"]
    plain = ["-q", "-o", "console_output_style=classic", *color]
    return ["-p", "tools.lane_plugin", *report, *plain, f"--timeout={TEST_SECONDS}"]


def results_of(name: str) -> Path:
    """Where a lane keeps its results."""
    return REPORTS / f"{name}.jsonl"


def last_results_of(name: str) -> Path:
    """Results of the last whole run of a lane."""
    return REPORTS / f"{name}.last.jsonl"


def expected_of(name: str) -> Expected:
    """What to expect of a lane."""
    return expected_from(read_record(last_results_of(name)), read_figures().get(name))


@dataclass(frozen=True)
class Told:
    """What all lanes of one run are told: further arguments of pytest, whether each lane is required, the environment,
    and the event that ends them all where one of them was interrupted."""

    more: Sequence[str]
    environment: Mapping[str, str]
    required: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


def run_lane(lane: Lane, told: Told, voice: Voice) -> LaneResult:
    """Run one lane.

    A KeyboardInterrupt (a person, or a signal to this process) ends the lane; what had finished is in the result.
    """
    lacking = lane.lacking()
    if lacking:
        return LaneResult(lane.name, "failed" if told.required else "not run", note=lacking)
    REPORTS.mkdir(parents=True, exist_ok=True)
    results = results_of(lane.name)
    results.unlink(missing_ok=True)
    voice.print_line(f"\n=== lane {lane.name} ===")
    command = [*lane.command(), *kept_arguments(lane.name), *told.more]
    watched = Watched(lane.name, results, expected_of(lane.name))
    begun = time.monotonic()
    code: int | None = None
    with contextlib.suppress(KeyboardInterrupt):
        code = run_to_end(command, watched, voice, told.ended, folder=ROOT, environment=told.environment)
    seconds = time.monotonic() - begun
    record = read_record(results)
    if code in (0, 1) and record.selected and not record.missing and not told.more:
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"ended": code, "seconds": round(seconds, 1)}) + "\n")
        shutil.copyfile(results, last_results_of(lane.name))
    for line in closing_lines(record, complete=code in (0, 1)):
        voice.print_line(line)
    return judged(lane, code, record, seconds, required=told.required)


def closing_lines(record: LaneRecord, *, complete: bool) -> Iterator[str]:
    """The slowest tests; of a lane that was broken off also what pytest could not say any more."""
    if not complete:
        for test in record.failed:
            yield f"\nFAILED {test.name}\n{test.text}"
        for name in record.running:
            yield f"running at the end: {name}"
    slowest = record.slowest(SLOWEST)
    if slowest:
        yield "slowest tests:"
    for test in slowest:
        yield f"{test.seconds:8.1f} s  {test.name}"


def judged(lane: Lane, code: int | None, record: LaneRecord, seconds: float, *, required: bool) -> LaneResult:
    """The result of a lane that ended with ``code``, or was interrupted (None)."""
    passed, failed, skipped = record.counts()
    result, notes = "passed", list[str]()
    core_missing = len(record.not_finished(lane.core)) if lane.core else 0
    late = record.stopped == STOP_REASON and record.missing
    if code == 0 and late and passed and not core_missing:
        result = "failed" if required else "unfinished"
    elif code is None:
        result, notes = "interrupted", ["interrupted"]
    elif code < 0:
        result, notes = "failed", [f"ended by {signal.Signals(-code).name}"]
    elif code:
        result = "failed"
        notes = ["no test"] if code == 5 else [] if failed and code == 1 else [f"exit code {code}"]
    elif required and skipped and not lane.may_skip:
        result, notes = "failed", ["skipped tests in a required lane"]
    if result == "unfinished":
        notes = [f"{record.missing} of {len(record.selected)} tests were not reached in {QUICK_SECONDS} s"]
        notes += ["its core passed"] if lane.core else []
    elif record.missing:
        result = "failed" if result == "passed" else result
        notes.append(f"{record.missing} of {len(record.selected)} tests did not finish")
        notes += [f"{core_missing} of them belong to its core"] if core_missing else []
    return LaneResult(lane.name, result, passed, failed, skipped, seconds, "; ".join(notes))


def table(results: Sequence[LaneResult]) -> str:
    """The closing table, and one line that a machine can read."""
    lines = [f"{'lane':<10}{'result':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}  note"]
    lines += [
        f"{r.name:<10}{r.result:<10}{r.passed:>8}{r.failed:>8}{r.skipped:>9}{r.seconds:>9.1f}  {r.note}".rstrip()
        for r in results
    ]
    failed = sum(r.failed for r in results)
    failed += sum(r.result in ("failed", "interrupted") and not r.failed for r in results)
    passed, skipped = sum(r.passed for r in results), sum(r.skipped for r in results)
    return "\n".join(lines) + f"\n\n{passed} passed, {failed} failed, {skipped} skipped"


def install(lanes: Sequence[Lane]) -> None:
    """Install the Debian packages of the lanes that lack something, and the extra of those that need it.

    Raises:
        InstallError: No apt-get, no rights, or apt-get or pip failed.
    """
    lacking = [lane for lane in lanes if lane.lacking()]
    packages = [name for lane in lacking for name in lane.packages]
    if packages:
        install_missing(packages)
    if any(lane.kerberos for lane in lacking):
        try:
            add_kerberos(Path(sys.executable))
        except SetupError as error:
            raise InstallError(str(error)) from None
        importlib.invalidate_caches()


def test(names: Sequence[str], more: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the named lanes (all without a name). Returns the exit code."""
    required = environment.get("CI", "").casefold() in ("1", "true", "yes")
    return run_lanes([lane for lane in LANES if not names or lane.name in names], more, environment, required=required)


def quick(more: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the chosen few. Returns the exit code: 0 also where not all were reached, but all of the core passed."""
    print(QUICK_WHY)
    return run_lanes([QUICK], more, environment, required=False)


def run_lanes(lanes: Sequence[Lane], more: Sequence[str], environment: Mapping[str, str], *, required: bool) -> int:
    """Run lanes and close with the table. Returns the exit code."""
    if required:
        try:
            install(lanes)
        except InstallError as error:
            print(error, file=sys.stderr)  # the lanes that miss something fail below, by name
    queues = queued(lanes, room=has_room())
    if not more:
        able = [names for queue in queues if (names := [lane.name for lane in queue if not lane.lacking()])]
        print(announcement(able, {name: expected_of(name) for names in able for name in names}), flush=True)
    # Hundreds of kernels, commands and rehearsals start: each would compile every module again.
    passed_on = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    passed_on["GWB_CHROMIUM"] = chromium()
    results = run_queues(queues, Told(more, passed_on, required))
    print(f"\n{table(results)}", flush=True)
    if any(r.result == "interrupted" for r in results):
        return INTERRUPTED
    return 1 if any(r.result == "failed" for r in results) else 0


def queued(lanes: Sequence[Lane], *, room: bool) -> list[list[Lane]]:
    """The lanes in the order in which they run: in their queues where there is room, else in one."""
    if not room:
        return [list(lanes)]
    numbers = sorted({lane.queue for lane in lanes})
    return [[lane for lane in lanes if lane.queue == number] for number in numbers]


def run_queues(queues: Sequence[Sequence[Lane]], told: Told) -> list[LaneResult]:
    """Run the lanes of each queue one after the other, the queues at the same time. Returns the results in order.

    The reports come in order too. A KeyboardInterrupt ends every lane; those that had not begun are not run.
    """
    screen = Screen(sys.stdout)
    (first, *others), results = queues, dict[str, LaneResult]()
    voices = {lane.name: Voice(screen, lane.name, held=lane not in first) for queue in queues for lane in queue}

    def run(queue: Sequence[Lane]) -> None:
        for lane in queue:
            if told.ended.is_set():
                results[lane.name] = LaneResult(lane.name, "not run", note="interrupted before")
                continue
            results[lane.name] = run_lane(lane, told, voices[lane.name])
            if results[lane.name].result == "interrupted":
                told.ended.set()

    with ThreadPoolExecutor(max_workers=max(len(others), 1)) as pool:
        running = [pool.submit(run, queue) for queue in others]
        try:
            run(first)
            for voice in voices.values():
                voice.release()
            while wait(running, timeout=LOOK_SECONDS).not_done:
                pass  # a wait without end cannot be interrupted everywhere
        except KeyboardInterrupt:
            told.ended.set()
        except BaseException:
            told.ended.set()
            raise
        for ended in running:
            ended.result()
    for voice in voices.values():
        voice.release()
    broken_off = {name: LaneResult(name, "interrupted", note="interrupted") for name in voices}
    return list((broken_off | results).values())


def main(arguments: Sequence[str]) -> int:
    """``install``, or ``test [--lane NAME]… [arguments of pytest]``."""
    parser = argparse.ArgumentParser(prog="tools.lanes", description="Run the test lanes, or install what they need.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("install", help="install what the lanes need (Debian and Ubuntu, as root)")
    tests = verbs.add_parser("test", help="run the lanes; further arguments go to pytest")
    verbs.add_parser("quick", help="an answer in two minutes", description=QUICK_WHY)
    tests.add_argument("--lane", action="append", default=[], choices=[lane.name for lane in LANES])
    options, more = parser.parse_known_args(arguments)
    # A scheduler that ends this process ends the lanes with it, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.verb == "test":
            return test(options.lane, more, os.environ)
        if options.verb == "quick":
            return quick(more, os.environ)
        install(LANES)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    for lane in LANES:
        print(f"lane {lane.name}: {lane.lacking() or 'ready'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
