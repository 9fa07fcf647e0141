"""docs/rooms.md names every module of the product; docs/architecture.md leads to it and says where to add what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import rooms
from tests.docs.markdown import section, table_rows

ARCHITECTURE = (rooms.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_modules_say() -> None:
    assert rooms.PAGE.read_text(encoding="utf-8") == rooms.page()


@pytest.mark.parametrize(
    "path", sorted(rooms.LIBRARY.rglob("*.py")), ids=lambda path: path.relative_to(rooms.ROOT).as_posix()
)
def test_a_module_says_what_it_holds_in_a_sentence(path: Path) -> None:
    sentence = rooms.first_sentence(path)
    assert len(sentence.split()) >= 3, sentence
    assert sentence.endswith((".", "?", ")")), sentence


@pytest.mark.parametrize("folder", ["runbook_lib", "rehearsal", "tools", "benchmarks"])
def test_no_module_is_longer_than_contributing_says(folder: str) -> None:
    said = re.search(r"at most (\d+)\s+lines", (rooms.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert said
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (rooms.ROOT / folder).rglob("*.py")}
    assert lines
    assert {path.as_posix(): count for path, count in lines.items() if count > int(said[1])} == {}


def test_where_to_add_what_names_places_that_exist() -> None:
    rows = table_rows(section(ARCHITECTURE, "## Where to add"))
    assert {row[0] for row in rows} >= {"a check", "a step", "a route", "a parameter", "a language", "a notebook"}
    for row in rows:
        places = re.findall(r"(?:runbook_lib|parameters|notebooks|tests|docs|tools)/[\w/]*(?:\.\w+)?", row[1])
        assert places, row
        for place in places:
            assert (rooms.ROOT / place).exists(), place
