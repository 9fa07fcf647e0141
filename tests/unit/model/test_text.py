"""Texts for people: template and values stay together, and every template of the product says what it needs."""

from __future__ import annotations

import ast
import pickle
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runbook_lib
from runbook_lib.model.text import NOTHING, Text, and_more, first_of, joined, t, verbatim, with_values

LIBRARY = Path(runbook_lib.__file__).parent
ANY = st.text()


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every ``t(…)`` of the product, with its place."""
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                yield f"{path.relative_to(LIBRARY).as_posix()}:{node.lineno}", node


def names_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def problem_of(call: ast.Call) -> str:
    """What is wrong with a call of ``t``; empty where nothing is."""
    if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant) or not isinstance(call.args[0].value, str):
        return "its template is no literal, so that no list of all can be made"
    given_ = {keyword.arg for keyword in call.keywords}
    if None in given_:
        return "its values are given as a mapping, so that nobody sees their names"
    named = names_in(call.args[0].value)
    if not all(name.isidentifier() for name in named):
        return f"a value has no name: {sorted(named)}"
    if named != given_:
        return f"it names {sorted(named)} and is given {sorted(map(str, given_))}"
    return ""


def test_every_template_names_its_values() -> None:
    found = list(calls())
    assert len(found) > 900
    assert not [f"{place}: {problem}" for place, call in found if (problem := problem_of(call))]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("t(f'{dn} is gone')", "no literal"),
        ("t('It is gone.' + dn)", "no literal"),
        ("t('{} is gone', dn)", "no literal"),
        ("t('{} is gone')", "no name"),
        ("t('{0} is gone')", "no name"),
        ("t('{dn} is gone')", "given []"),
        ("t('It is gone.', dn=dn)", "names []"),
        ("t('{dn} is gone', **values)", "mapping"),
    ],
)
def test_a_template_that_loses_a_value_is_found(source: str, said: str) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert said in problem_of(call)


@given(ANY, st.integers())
def test_a_text_is_its_english_and_keeps_what_it_was_made_from(dn: str, number: int) -> None:
    text = t("{dn} has {number:,} members {{sic}}", dn=dn, number=number)
    assert text == f"{dn} has {number:,} members {{sic}}"
    assert (text.template, dict(text.values)) == (
        "{dn} has {number:,} members {{sic}}",
        {"dn": dn, "number": number},
    )
    again = pickle.loads(pickle.dumps(text))  # noqa: S301 - our own bytes
    assert (again, again.template, dict(again.values)) == (text, text.template, dict(text.values))


@given(st.lists(ANY), st.sampled_from([" ", "", "; "]))
def test_joined_is_the_join_of_what_is_not_empty(parts: list[str], separator: str) -> None:
    text = joined(map(verbatim, parts), separator)
    assert text == separator.join(filter(None, parts))
    assert list(text.values.values()) == list(filter(None, parts))


@given(ANY)
def test_verbatim_is_what_was_given(words: str) -> None:
    assert verbatim(words) == words
    text = t("{words}", words=words)
    assert verbatim(text) is text


def test_two_texts_side_by_side_are_one_and_a_plain_text_is_not() -> None:
    one, two = t("{a} ends.", a="It"), t(" Then {b}.", b="more")
    both = one + two
    assert both == "It ends. Then more."
    assert [value for value in both.values.values() if isinstance(value, Text)] == [one, two]
    assert not isinstance(one + " plain", Text)
    assert not NOTHING


def test_values_are_changed_in_texts_inside_of_it_too() -> None:
    text = t("{why} {hint}", why=t("No."), hint=t("Run gwb approve {record}.", record="RECORD"))
    assert with_values(text, record="records/a/b") == "No. Run gwb approve records/a/b."
    assert text == "No. Run gwb approve RECORD."


def test_a_value_that_is_not_given_is_a_defect() -> None:
    with pytest.raises(KeyError):
        t("{dn} is gone.")


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (["a", "b", "c"], "a, b and 1 more"),
        (["x"] * 1202, "x, x and 1,200 more"),
    ],
)
def test_the_first_are_named_and_the_others_counted(texts: list[str], shown: str) -> None:
    assert first_of(texts, 2) == shown


def test_more_lines_than_are_shown_are_counted() -> None:
    assert and_more(1200) == "… and 1,200 more."
