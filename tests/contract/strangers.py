"""Clients that nobody here wrote, where they are not installed."""

from __future__ import annotations

import os

import pytest


def needed(there: bool, what: str) -> None:
    """Skip where a stranger is not installed; with CI=true that is a failure."""
    if there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")
