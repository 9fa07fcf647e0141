"""What the test lanes need of a machine, and whether it is there."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path

from rehearsal.samba.controller import NAMESPACE, PROGRAMS

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's, for which python3-ldap is installed; the contract's strangers use it in the lane python too."""


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
