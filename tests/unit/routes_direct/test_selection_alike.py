"""A name that looks like a group's and is another one: the group is named, with the character and its place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from runbook_lib.errors import Refused
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.untrusted import appearance
from runbook_lib.routes.direct.selection import select


def row(name: str) -> GroupRow:
    return cast(GroupRow, SimpleNamespace(group_id=f"id of {name}", display_name=name))


def chosen(name: str, *patterns: str) -> tuple[GroupRow, ...]:
    return select([row("Other"), row(name)], (), patterns, by_name=lambda _: True, purpose="select")


@pytest.mark.parametrize(
    ("group", "named", "said"),
    [
        (
            "Men\u2019s Team",
            "Men's Team",
            "has U+2019 RIGHT SINGLE QUOTATION MARK at character 4, not U+0027",
        ),
        ("Men's Team", "Men\u2019s Team", "has U+0027 APOSTROPHE at character 4, not U+2019"),
        ("Project\u00a0X", "Project X", "has U+00A0 NO-BREAK SPACE at character 8, not U+0020 SPACE"),
        ("Project X ", "Project X", "has U+0020 SPACE at character 10, not its end"),
        ("Project  X", "Project X", "at character 9"),
        ("Pro\u200bject X", "Project X", "has U+200B ZERO WIDTH SPACE at character 4"),
        ("R\u2013D", "R-D", "U+2013 EN DASH"),
        ("\uff33ales", "Sales", "U+FF33 FULLWIDTH LATIN CAPITAL LETTER S"),
        ("\u201eVertrieb\u201c", '"Vertrieb"', "U+201E DOUBLE LOW-9 QUOTATION MARK"),
    ],
)
def test_the_group_that_looks_the_same_is_told(group: str, named: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        chosen(group, named)
    assert caught.value.code == "selection-matches-nothing"
    assert "looks the same" in caught.value.message
    assert said in caught.value.message
    assert appearance(group) == appearance(named)


def test_other_names_are_not_taken_for_it() -> None:
    with pytest.raises(Refused) as caught:
        chosen("Sales", "Salse")
    assert "looks the same" not in caught.value.message


def test_composed_and_decomposed_names_are_one_and_a_question_mark_stands_for_what_nobody_sees() -> None:
    assert len(chosen("Cafe\u0301", "Caf\u00e9")) == len(chosen("Project\u00a0X", "Project?X")) == 1
