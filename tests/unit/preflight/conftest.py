"""The embedded directory of the directory tests."""

from __future__ import annotations

from tests.unit.directory.conftest import directory, embedded, started

__all__ = ["directory", "embedded", "started"]
