"""Fixtures of the lane samba. Outside the lane every test here is skipped, with the way to run it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.parameters.load import parameters_from_values
from tests.samba.cloud import SambaCloud, running_cloud
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
def open_lab(samba: SambaLab) -> Callable[..., Directory]:
    """``open_lab(**parameters)`` opens a connection as the product does, as the writing account unless told."""

    def opened(**parameters: object) -> Directory:
        told = parameters_from_values({**samba.parameters(), **parameters}, source="the Samba lab")
        return open_directory(told, environment={}, clock=lambda: datetime.now(UTC))

    return opened


@pytest.fixture
def directory(open_lab: Callable[..., Directory]) -> Iterator[Directory]:
    """A connection of the product to the lab, as the writing account."""
    with open_lab() as opened:
        yield opened


@pytest.fixture
def samba_cloud(samba: SambaLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaCloud]:
    """A tenant whose synchronized users are the lab's people, running for one test."""
    with running_cloud(samba, tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def write_parameters(samba: SambaLab, tmp_path: Path) -> Callable[..., Path]:
    """``write_parameters(**more)`` writes a parameters file of the lab; ``more`` brings the cloud half."""

    def written(**more: object) -> Path:
        path = tmp_path / "parameters.yaml"
        # JSON is YAML, and its quoted texts are what the loader asks for.
        lines = [f"{name}: {json.dumps(value)}\n" for name, value in {**samba.parameters(), **more}.items()]
        path.write_text("".join(lines), encoding="utf-8")
        return path

    return written
