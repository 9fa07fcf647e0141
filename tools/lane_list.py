"""The test lanes: what each of them runs, what it needs of a machine, and whether that is there."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from rehearsal.samba.controller import NAMESPACE, PROGRAMS

QUICK_SECONDS = 100
"""After this ``quick`` starts no further test but those of its core, so that it answers in two minutes."""
CORE = ("tests/unit/change/", "tests/unit/rules/", "tests/unit/secrets/")
"""What ``quick`` runs first and to its end, however long that takes: what decides whether something is written
(approvals, gate, lock, journal, limits) and what keeps secrets. Without these it has no answer to give."""
QUICK_WHY = (
    f"In two minutes: unit and documentation tests that start no other process (no kernel, no rehearsal, no domain "
    f"controller), since these find most mistakes for the least time. First come those of approvals, journal, limits "
    f"and secrets, which always run to their end; of the others none is started after {QUICK_SECONDS} s: on a slow "
    "machine the table says how many were not reached. It is no substitute for all lanes."
)
WORKERS = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadscope", "--no-loadscope-reorder")
"""Most of the time goes into waiting for kernels; what a module sets up once stays with one worker."""
STARTS_PROCESSES = (
    *("runner", "tools", "rehearsal_cloud/test_process.py", "record/test_executed.py", "record/test_iri_grammar.py"),
    *("change/test_plan_digest.py", "record/test_browser.py", "test_warm.py"),
)
"""Below tests/unit: what ``quick`` leaves out."""
ROOM_BYTES = 5 * 1024**3
"""Memory that is free where lanes run beside others: Samba and a browser need 1 GiB each, Airflow with its tenants one
and a half, the lane python two."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_AIRFLOW_FROM = (3, 15)
"""The first Python that Airflow 3.3 refuses (its Requires-Python)."""
SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's, for which python3-ldap is installed; the contract's strangers use it in the lane python too."""


def chromium() -> str:
    """Path of the browser that the lane browser drives, or an empty text."""
    return next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), "")


def has_room() -> bool:
    """Whether lanes can run at the same time here: more than one core, and memory for it."""
    return (os.cpu_count() or 1) > 1 and psutil.virtual_memory().available >= ROOM_BYTES


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


def lacks_airflow() -> str:
    """What keeps this machine from running the lane airflow."""
    if platform.system() != "Linux":
        return "needs Linux"
    return "Airflow has no release for this Python" if sys.version_info[:2] >= NO_AIRFLOW_FROM else ""


@dataclass(frozen=True)
class Lane:
    """One lane: its command, which takes arguments of pytest, and what this machine lacks for it (or nothing)."""

    name: str
    command: Callable[[], list[str]]
    lacking: Callable[[], str]
    packages: tuple[str, ...] = ()
    may_skip: bool = False
    queue: int = 0
    """Lanes of one queue run one after the other. Those of another run at the same time where there is room: they wait
    more than they work, and share no port, no folder and no domain controller."""
    kerberos: bool = False
    """Whether it needs the extra [kerberos]."""
    core: tuple[str, ...] = ()
    """Paths of tests that run first, and without which it is no success."""


def pytest_command(*arguments: str) -> list[str]:
    """Pytest with this interpreter."""
    return [sys.executable, "-m", "pytest", *arguments]


LANES = (
    Lane(
        "python",
        lambda: pytest_command(
            *("tests", "--ignore=tests/samba", "--ignore=tests/airflow", "-m", "not browser and not samba"),
            *("--figures=python", *WORKERS),
        ),
        lambda: "",
        may_skip=True,
    ),
    Lane(
        "airflow",
        lambda: [sys.executable, "-m", "tests.airflow.lane"],
        lacks_airflow,
        queue=1,
    ),
    Lane(
        "browser",
        lambda: pytest_command("tests", "--ignore=tests/samba", "--ignore=tests/airflow", "-m", "browser"),
        lacks_browser,
        packages=("chromium",),
        queue=1,
    ),
    Lane(
        "samba",
        lambda: [*NAMESPACE, sys.executable, "-m", "tests.samba.lane"],
        lacks_samba,
        packages=(
            *("samba", "samba-ad-dc", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules", "winbind"),
            *("python3-samba", "python3-ldap", "ldap-utils", "krb5-user", "attr", "iproute2", "util-linux"),
            *("gcc", "libc6-dev", "libkrb5-dev"),  # gssapi is built here
        ),
        queue=2,
        kerberos=True,
    ),
)


QUICK = Lane(
    "quick",
    lambda: pytest_command(
        *("tests/unit", "tests/docs", "-m", "not browser and not samba"),
        *(f"--ignore=tests/unit/{name}" for name in STARTS_PROCESSES),
        *WORKERS,
        *(f"--core={path}" for path in CORE),
        f"--stop-at={time.time() + QUICK_SECONDS:.0f}",
    ),
    lambda: "",
    may_skip=True,
    core=CORE,
)
