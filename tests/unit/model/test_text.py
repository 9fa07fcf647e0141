"""Texts for people: template and values stay together, and every template of the product says what it needs."""

from __future__ import annotations

import ast
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.text import NOTHING, Text, and_more, first_of, joined, t, verbatim, with_values
from tests.docs.templates import CODE, PAGE, calls, catalogue, names_in, new_code, rewritten, templates, with_codes

ANY = st.text()


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


def test_every_template_has_a_code_of_its_own() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == rewritten(), "make generate"
    known = catalogue(text)
    assert sorted(known.values()) == templates()
    assert len(known) == text.count("\n") - 1 - sum(template.count("\n") for template in known.values())
    assert not [code for code in known if not CODE.fullmatch(code)]


def test_a_text_knows_its_code_and_words_of_others_have_none() -> None:
    (code,) = [
        code for code, template in catalogue(PAGE.read_text(encoding="utf-8")).items() if template == "it is empty"
    ]
    assert t("it is empty").code == code
    assert t("{dn} is no template of the product.", dn="x").code == ""
    assert verbatim("it is empty").code == joined([t("it is empty")]).code == ""


OLD = {
    "dn-is-gone-0001": "{dn} is gone.",
    "nothing-was-written-0002": "Nothing was written.",
    "read-it-again-0003": "Read it.",
}


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        (["{dn} is gone.", "Nothing was written.", "Read it."], set(OLD)),
        (["{dn} is no longer there: gone.", "Nothing has been written.", "Read it."], set(OLD)),
        (["{dn} is gone.", "Read it."], {"dn-is-gone-0001", "read-it-again-0003"}),
        (["{name} is gone."], {new_code("{name} is gone.", OLD)}),
        (["Start the agent on its server."], {new_code("Start the agent on its server.", OLD)}),
        (["{dn} is gone", "{dn} is gone!"], {"dn-is-gone-0001", new_code("{dn} is gone!", OLD)}),
    ],
)
def test_polished_english_keeps_its_code_and_a_new_sentence_gets_one(wanted: list[str], codes: set[str]) -> None:
    found = with_codes(OLD, wanted)
    assert (set(found), sorted(found.values())) == (codes, sorted(wanted))
    assert with_codes(found, wanted) == found


def test_codes_stay_apart_where_the_words_are_the_same() -> None:
    first = new_code("{a} is gone.", ())
    assert first == "is-gone-" + first[-4:]
    assert new_code("{a} is gone.", {first}) not in (first, "")
    assert CODE.fullmatch(new_code("{a}", ()))


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


def test_a_name_that_holds_the_separator_stands_in_quotation_marks() -> None:
    assert first_of(["Sales, EMEA", "Finance", "Board", "x"], 3) == '"Sales, EMEA", Finance, Board and 1 more'
    assert first_of(["CN=A,DC=x", "CN=B; C"], 2, "; ") == 'CN=A,DC=x; "CN=B; C"'
    assert first_of(["'a, b'"], 1) == "'a, b'", "one that is quoted already is one"
