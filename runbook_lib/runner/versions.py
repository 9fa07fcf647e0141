"""Versions of everything that a record depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "group-writeback-runbook",
    "ipykernel",
    "jupyter-client",
    "ldap3",
    "msal",
    "nbclient",
    "nbconvert",
    "pandas",
    "papermill",
    "pydantic",
    "requests",
)


def versions() -> dict[str, str]:
    """Name to version: this product, Python, the operating system, the libraries that do the work."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
