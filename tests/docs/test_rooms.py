"""docs/rooms.md names every module of the product; docs/architecture.md leads to it, says where to add
what, and follows three values through them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import rooms
from tests.docs.markdown import section, table_rows
from tests.unit.test_floors import imports_of

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


FOLLOW = section(ARCHITECTURE, "## Follow a value")
TRIPS = dict(re.findall(r"^### (.+)\n\n((?:.+\n)+)", FOLLOW, re.MULTILINE))
"""Heading of each trip to its numbered list."""


def rooms_of(trip: str) -> list[Path]:
    """The rooms of a trip in their order: what each numbered line begins with."""
    lines = re.findall(r"^(\d+)\. `(\S+)`", TRIPS[trip], re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, TRIPS[trip].count("\n") + 1))[: len(lines)]
    assert len(lines) == len(re.findall(r"^\d+\. ", TRIPS[trip], re.MULTILINE))
    return [rooms.ROOT / room for _, room in lines]


def test_three_values_can_be_followed() -> None:
    assert len(TRIPS) == 3
    named = re.findall(r"`(runbook_lib/[^`]+)`", FOLLOW)
    assert len(named) > len(TRIPS) * 8
    assert [room for room in named if not (rooms.ROOT / room).is_file()] == []


@pytest.mark.parametrize("trip", TRIPS)
def test_a_trip_leads_from_room_to_room(trip: str) -> None:
    """Each room imports another of the trip or is imported by it, and no part of the trip stands alone."""
    path = rooms_of(trip)
    assert len(set(path)) == len(path) > 8
    names = {room: ".".join(room.relative_to(rooms.ROOT).with_suffix("").parts) for room in path}
    ways = {room: {other for other in path if names[other] in imports_of(room)} for room in path}
    reached, ahead = set[Path](), [path[0]]
    while ahead:
        here = ahead.pop()
        reached.add(here)
        ahead += [room for room in path if room not in reached and (room in ways[here] or here in ways[room])]
    assert [room.relative_to(rooms.ROOT).as_posix() for room in path if room not in reached] == []
