"""Fixtures of the lane samba. Outside the lane every test here is skipped, with the way to run it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.samba.lab import SambaLab, lab_from_json
from tests.samba.lane import LAB_VARIABLE

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and only those: the hook sees every collected test."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.samba)


@pytest.fixture(scope="session")
def samba() -> SambaLab:
    """The running Samba AD DC."""
    described = os.environ.get(LAB_VARIABLE, "")
    if not described:
        pytest.skip("needs the lane samba: make test ARGS='--lane samba'")
    return lab_from_json(Path(described).read_text(encoding="utf-8"))


@pytest.fixture
def no_secrets_in_environment() -> Mapping[str, str]:
    """The environment that the product's connections are given: passwords come from files here."""
    return {}
