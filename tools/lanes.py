"""The driver behind ``make test``: runs the test lanes one after the other and closes with a table.

=======  ==========================================================  ===========================================
lane     runs                                                        needs
=======  ==========================================================  ===========================================
python   unit, contract, notebook and documentation tests            what requirements-dev.lock brings
browser  tests marked ``browser``                                    Chromium
samba    tests/samba, and the contract tests against a real          Linux, root, Samba, ldap-utils, iproute2
         Samba AD DC, in a network namespace of their own
=======  ==========================================================  ===========================================

A lane that this machine cannot run is named with the reason and left out. With ``CI=true`` what the lanes need is
installed first, and a lane that cannot run, runs no test or skips one (but for the lane python) is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.samba.controller import NAMESPACE, PROGRAMS
from tools.bootstrap import SetupError, add_kerberos
from tools.packages import InstallError, install_missing

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "lanes"
LANE_SECONDS = 780
"""A lane that takes longer is ended: the whole of CI has 15 minutes."""
GRACE_SECONDS = 15
"""How long a lane that is ended may take to tidy up."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's, for which python3-ldap is installed; the contract's strangers use it in the lane python too."""


@dataclass(frozen=True)
class Lane:
    """One lane: its command, given the path of the JUnit report, and what this machine lacks for it (or nothing)."""

    name: str
    command: Callable[[Path], list[str]]
    lacking: Callable[[], str]
    packages: tuple[str, ...] = ()
    may_skip: bool = False
    kerberos: bool = False
    """Whether it needs the extra [kerberos]."""


@dataclass(frozen=True)
class LaneResult:
    """How a lane ended. ``result`` is ``passed``, ``failed`` or ``not run``; ``note`` says why."""

    name: str
    result: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""


def pytest_command(report: Path, *arguments: str) -> list[str]:
    """Pytest with this interpreter, writing its report where the driver reads it."""
    return [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]


def chromium() -> str:
    """Path of the browser that the lane browser drives, or an empty text."""
    return next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), "")


def lacks_browser() -> str:
    """What keeps this machine from running the lane browser."""
    return "" if chromium() else "Chromium is not installed"


def has_python_ldap() -> bool:
    """Whether Debian's Python has python-ldap."""
    probe = [SYSTEM_PYTHON, "-c", "import ldap"]
    return Path(SYSTEM_PYTHON).exists() and not subprocess.run(probe, capture_output=True, check=False).returncode


def lacks_samba() -> str:
    """What keeps this machine from running the lane samba."""
    if platform.system() != "Linux":
        return "needs Linux"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not missing and not has_python_ldap():
        missing.append("python3-ldap")
    if missing:
        return f"not installed: {', '.join(missing)}"
    if importlib.util.find_spec("gssapi") is None:
        return "not installed: the extra [kerberos] (make venv-kerberos)"
    if os.geteuid() != 0:
        return "needs root"
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    return f"no network namespace: {tried.stderr.strip()}" if tried.returncode else ""


LANES = (
    Lane(
        "python",
        lambda report: pytest_command(
            *(report, "tests", "--ignore=tests/samba", "-m", "not browser and not samba"),
            # Most of the time goes into waiting for kernels; what a module sets up once stays with one worker.
            *("--numprocesses=auto", "--maxprocesses=4", "--dist=loadscope"),
        ),
        lambda: "",
        may_skip=True,
    ),
    Lane(
        "browser",
        lambda report: pytest_command(report, "tests", "--ignore=tests/samba", "-m", "browser"),
        lacks_browser,
        packages=("chromium",),
    ),
    Lane(
        "samba",
        lambda report: [*NAMESPACE, sys.executable, "-m", "tests.samba.lane", f"--junitxml={report}"],
        lacks_samba,
        packages=(
            *("samba", "samba-ad-dc", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules", "winbind"),
            *("python3-samba", "python3-ldap", "ldap-utils", "krb5-user", "attr", "iproute2", "util-linux"),
            *("gcc", "libc6-dev", "libkrb5-dev"),  # gssapi is built here
        ),
        kerberos=True,
    ),
)


def counted(report: Path) -> tuple[int, int, int]:
    """Tests passed, failed and skipped in a JUnit report (written by our own pytest); zeros where there is none."""
    if not report.is_file():
        return 0, 0, 0
    total = failed = skipped = 0
    for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - our own pytest wrote it
        total += int(suite.get("tests", "0"))
        failed += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
        skipped += int(suite.get("skipped", "0"))
    return total - failed - skipped, failed, skipped


def run_to_end(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code of ``command``, and a note where it was ended. Nothing that it started outlives this call."""
    process = subprocess.Popen(command, cwd=ROOT, env=dict(environment), start_new_session=True)
    try:
        return process.wait(timeout=LANE_SECONDS), ""
    except subprocess.TimeoutExpired:
        return 1, f"ended after {LANE_SECONDS} seconds"
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and what is left of its session: kindly first if it still runs itself."""
    if os.name == "nt":
        process.kill()
        process.wait()
        return
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_lane(lane: Lane, more: Sequence[str], *, required: bool, environment: Mapping[str, str]) -> LaneResult:
    """Run one lane, its output going straight to the terminal."""
    lacking = lane.lacking()
    if lacking:
        return LaneResult(lane.name, "failed" if required else "not run", note=lacking)
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{lane.name}.xml"
    report.unlink(missing_ok=True)
    print(f"\n=== lane {lane.name} ===", flush=True)
    begun = time.monotonic()
    code, note = run_to_end([*lane.command(report), *more], environment)
    seconds = time.monotonic() - begun
    passed, failed, skipped = counted(report)
    if code and not note:
        note = "no test" if code == 5 else "" if failed else f"exit code {code}"
    elif required and skipped and not lane.may_skip:
        code, note = 1, "skipped tests in a required lane"
    return LaneResult(lane.name, "failed" if code else "passed", passed, failed, skipped, seconds, note)


def table(results: Sequence[LaneResult]) -> str:
    """The closing table, and one line that a machine can read."""
    lines = [f"{'lane':<10}{'result':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}  note"]
    lines += [
        f"{r.name:<10}{r.result:<10}{r.passed:>8}{r.failed:>8}{r.skipped:>9}{r.seconds:>9.1f}  {r.note}".rstrip()
        for r in results
    ]
    failed = sum(r.failed for r in results) + sum(r.result == "failed" and not r.failed for r in results)
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
    lanes = [lane for lane in LANES if not names or lane.name in names]
    if required:
        try:
            install(lanes)
        except InstallError as error:
            print(error, file=sys.stderr)  # the lanes that miss something fail below, by name
    passed_on = {**environment, "GWB_CHROMIUM": chromium(), "PYTHONDONTWRITEBYTECODE": "1"}
    results = [run_lane(lane, more, required=required, environment=passed_on) for lane in lanes]
    print(f"\n{table(results)}", flush=True)
    return 1 if any(r.result == "failed" for r in results) else 0


def main(arguments: Sequence[str]) -> int:
    """``install``, or ``test [--lane NAME]… [arguments of pytest]``."""
    parser = argparse.ArgumentParser(prog="tools.lanes", description="Run the test lanes, or install what they need.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("install", help="install what the lanes need (Debian and Ubuntu, as root)")
    tests = verbs.add_parser("test", help="run the lanes; further arguments go to pytest")
    tests.add_argument("--lane", action="append", default=[], choices=[lane.name for lane in LANES])
    options, more = parser.parse_known_args(arguments)
    # A scheduler that ends this process ends the lanes with it, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.verb == "test":
            return test(options.lane, more, os.environ)
        install(LANES)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for lane in LANES:
        print(f"lane {lane.name}: {lane.lacking() or 'ready'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
