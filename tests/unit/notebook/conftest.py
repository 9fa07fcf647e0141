"""One directory for the tests of a module, put back for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.notebook.field import Field, standing_field


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with pytest.MonkeyPatch.context() as patched, standing_field(tmp_path_factory.mktemp("field"), patched) as field:
        yield field


@pytest.fixture
def field(standing: Field) -> Iterator[Field]:
    """The directory as it was started, and no records."""
    before = standing.embedded.store.snapshot()
    standing.clear()
    yield standing
    standing.embedded.store.restore(before)
