"""Names that the parameters pick: wildcards inside real names, escapes, case, and what nobody sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.inventory.naming import names_picked, spelled_out, visible

NAMES = ("Sales", "Sales [EU]", "Sales [E]", "Sales E", "What?*", "What now", "What?* else", "sales", "Größe", "a\nb")


@pytest.mark.parametrize(
    ("pattern", "picked"),
    [
        ("What?*", {"What?*"}),
        ("WHAT?*", {"What?*"}),
        ("What*", {"What?*", "What now", "What?* else"}),
        ("What[?][*]*", {"What?*", "What?* else"}),
        ("*[?]*", {"What?*", "What?* else"}),
        ("Sales [EU]", {"Sales [EU]"}),
        ("Sales [E]", {"Sales [E]"}),
        ("Sales [?*", {"Sales [EU]", "Sales [E]"}),
        ("Sales [[]*", {"Sales [EU]", "Sales [E]"}),
        ("Sales", {"Sales"}),
        ("sales", {"sales"}),
        ("SALES", {"Sales", "sales"}),
        ("SALES*", {"Sales", "sales", "Sales [EU]", "Sales [E]", "Sales E"}),
        ("Gro\u0308ße", {"Größe"}),
        ("GRÖSSE", {"Größe"}),
        ("a?b", {"a\nb"}),
        ("*", set(NAMES)),
        ("", set()),
        ("?", set()),
        ("Sale", set()),
        (r"What\?", set()),
        ("[", set()),
    ],
)
def test_what_a_pattern_picks(pattern: str, picked: set[str]) -> None:
    assert names_picked(pattern, NAMES) == picked


texts = st.text(st.sampled_from("ab*?[]\\ é"), max_size=6)


@given(st.lists(texts, max_size=6), texts)
def test_a_whole_name_means_itself_and_an_escaped_one_too(names: list[str], name: str) -> None:
    assert names_picked(name, [*names, name]) == {name}
    escaped = "".join(f"[{char}]" if char in "*?[" else char for char in name)
    assert names_picked(escaped, [*names, name]) <= {name, escaped}
    assert names_picked(escaped, [name]) == {name}


@given(st.lists(texts, max_size=6), texts)
def test_only_names_that_there_are_can_be_picked(names: list[str], pattern: str) -> None:
    assert names_picked(pattern, names) <= set(names)
    assert names_picked("*", names) == set(names) or "*" in names


@pytest.mark.parametrize(
    "twin",
    [
        "Sales\u00a0'EU'",
        "Sales \u2018EU\u2019",
        "Sales\u200b 'EU'",
        "Sales  'EU'",
        "Sales 'EU' ",
        "\ufeffSales 'EU'",
        "Sales\u202e 'EU'",
        "Sale\u00ads 'EU'",
        "Sales\t'EU'",
        "Ｓales 'EU'",
        "Sales\u3000'EU'",
    ],
)
def test_two_names_that_look_the_same_have_one_form_and_two_spellings(twin: str) -> None:
    name = "Sales 'EU'"
    assert visible(twin) == visible(name)
    assert spelled_out(twin) != spelled_out(name) == name
    assert spelled_out(twin).isascii()


@pytest.mark.parametrize("other", ["sales 'EU'", "Sales EU", 'Sales "EU"', "Sáles 'EU'", "Sales-'EU'"])
def test_what_shows_is_a_difference(other: str) -> None:
    assert visible(other) != visible("Sales 'EU'")


def test_composed_and_decomposed_letters_look_the_same() -> None:
    assert visible("Gro\u0308ße") == visible("Größe")
    assert "\\u0308" in spelled_out("Gro\u0308ße")
