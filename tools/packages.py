"""Debian packages for the test lanes, installed without starting a single service."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian asks this program whether a package may start its service; exit code 101 means no (invoke-rc.d(8))."""
LOCK_SECONDS = 300


class InstallError(Exception):
    """The packages could not be installed; one line says why."""


@contextmanager
def no_services() -> Iterator[None]:
    """Keep packages from starting their services while they are installed; a policy that exists is left alone."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def apt_get(*arguments: str) -> None:
    """Run apt-get without questions, waiting for another apt-get that is at work.

    Raises:
        InstallError: It failed; its last lines are in the message.
    """
    done = subprocess.run(
        ["apt-get", "-q", "-y", f"-oDPkg::Lock::Timeout={LOCK_SECONDS}", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise InstallError(f"apt-get {' '.join(arguments[:2])} failed:\n{said}")


def install_missing(packages: Sequence[str]) -> None:
    """Install packages by name.

    Raises:
        InstallError: This is no Debian or Ubuntu, the rights are missing, or apt-get failed.
    """
    if shutil.which("apt-get") is None:
        raise InstallError(f"This machine has no apt-get. Install by hand: {' '.join(packages)}")
    if os.geteuid() != 0:
        raise InstallError(f"Needs root. Run: sudo apt-get install --no-install-recommends {' '.join(packages)}")
    print(f"Installing with apt-get: {' '.join(packages)}", flush=True)
    with no_services():
        apt_get("update")
        apt_get("install", "--no-install-recommends", *packages)
