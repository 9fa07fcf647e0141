"""Names that the parameters pick: wildcards inside real names, escapes, case, and what nobody sees."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.inventory.naming import DisplayNames, spelled_out, visible
from runbook_lib.model.untrusted import is_shown

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
    assert DisplayNames(NAMES).picked(pattern) == picked


def test_many_stars_and_many_patterns_take_no_time() -> None:
    assert not DisplayNames(["a" * 256]).picked("*a" * 40 + "*b")
    assert DisplayNames(["a" * 256]).picked("*a" * 40 + "?*") == {"a" * 256}
    many = DisplayNames(f"Group {number}" for number in range(50_000))
    assert all(many.picked(f"Group {number}") for number in range(50_000))


@given(st.lists(st.text(st.sampled_from("ab"), max_size=8), max_size=8), st.text(st.sampled_from("ab*?"), max_size=8))
def test_wildcards_pick_what_a_shell_would(names: list[str], pattern: str) -> None:
    assert DisplayNames(names).picked(pattern) == {name for name in names if fnmatchcase(name, pattern)}


texts = st.text(st.sampled_from("ab*?[]\\ é"), max_size=6)


@given(st.lists(texts, max_size=6), texts)
def test_a_whole_name_means_itself_and_an_escaped_one_too(names: list[str], name: str) -> None:
    assert DisplayNames([*names, name]).picked(name) == {name}
    escaped = "".join(f"[{char}]" if char in "*?[" else char for char in name)
    assert DisplayNames([*names, name]).picked(escaped) <= {name, escaped}
    assert DisplayNames([name]).picked(escaped) == {name}


@given(st.lists(texts, max_size=6), texts)
def test_only_names_that_there_are_can_be_picked(names: list[str], pattern: str) -> None:
    assert DisplayNames(names).picked(pattern) <= set(names)
    assert DisplayNames(names).picked("*") == set(names) or "*" in names


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


@given(st.text(st.sampled_from("ab \t\u200b\u2028\x85\u00ad\x1c\u3164")))
def test_a_blank_is_one_before_it_is_left_out(name: str) -> None:
    kept = "".join(" " if char.isspace() else char for char in name if char.isspace() or is_shown(char))
    assert visible(f"{name}x") == " ".join(f"{kept}x".split())


def test_composed_and_decomposed_letters_look_the_same() -> None:
    assert visible("Gro\u0308ße") == visible("Größe")
    assert "\\u0308" in spelled_out("Gro\u0308ße")
