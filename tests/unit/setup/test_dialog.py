"""Question, check, next: the course of setting up, over steps that ask nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.setup.dialog import SetupDialog, answered, matching
from runbook_lib.setup.questions import OfferedAnswer, SetupQuestion, SetupState, SetupStep, Surroundings, Taken


def step(key: str, *, when: str = "", secret: bool = False, optional: bool = False, default: str = "") -> SetupStep:
    """Asks for a reason of this name; refuses "bad"."""

    def ask(state: SetupState, _: Surroundings) -> SetupQuestion | None:
        if when and state.text(when) != "yes":
            return None
        return SetupQuestion(key, t("A question"), secret=secret, optional=optional, default=default)

    def take(text: str, state: SetupState, _: Surroundings) -> Taken:
        if text == "bad":
            raise UsageError(t("No."), code="bad")
        return Taken(state.with_parameters(**{key: text}), (t("Taken."),))

    return SetupStep(key, ask, take, secret=secret)


def dialog(*steps: SetupStep, kept: Mapping[str, str] | None = None) -> tuple[SetupDialog, list[dict[str, str]]]:
    seen: list[dict[str, str]] = []
    around = cast(Surroundings, None)
    made = SetupDialog(steps, around, given={}, kept=kept or {}, keep=lambda answers: seen.append(dict(answers)))
    return made, seen


def key(asked: SetupDialog) -> str:
    return asked.question.key if asked.question else ""


def test_an_answer_that_cannot_be_taken_leaves_the_question() -> None:
    asked, seen = dialog(step("one"), step("two", when="one"), step("three"))

    with pytest.raises(UsageError, match="No"):
        asked.answer("bad")
    with pytest.raises(UsageError, match="needed"):
        asked.answer("  ")
    assert key(asked) == "one"
    asked.answer(" no ")
    assert key(asked) == "three", "what an answer makes needless is not asked"
    asked.answer("x")
    assert not key(asked)
    assert asked.state.parameters == {"one": "no", "three": "x"}
    assert seen == [{"one": "no"}, {"one": "no", "three": "x"}]


def test_answers_of_an_earlier_time_are_the_defaults_and_secrets_are_kept_nowhere() -> None:
    asked, seen = dialog(step("one"), step("word", secret=True), kept={"one": "before", "word": "never"})

    assert asked.question is not None
    assert asked.question.default == "before"
    asked.answer("")
    assert asked.question is not None
    assert (asked.question.key, asked.question.default) == ("word", "")
    asked.answer(" pass word ")
    assert asked.state.parameters == {"one": "before", "word": " pass word "}
    assert "word" not in seen[-1] or seen[-1]["word"] == "never"
    assert not any(" pass word " in answers.values() for answers in seen)


def test_only_offered_answers_where_there_are_no_others() -> None:
    question = SetupQuestion("one", t("Which?"), offered=(OfferedAnswer("a"), OfferedAnswer("b")), only_offered=True)
    asked, _ = dialog(SetupStep("one", lambda *_: question, lambda _text, state, _: Taken(state)))

    with pytest.raises(UsageError) as caught:
        asked.answer("c")

    assert caught.value.hint == "Answer with one of: a, b."


def test_answers_that_were_written_down() -> None:
    asked, _ = dialog(step("one"), step("two", optional=True), step("three", default="3"), step("four"))

    with pytest.raises(UsageError, match="No question is called on, word"):
        list(answered(asked, {"on": "1", "word": "2"}))
    with pytest.raises(UsageError, match="none to four"):
        list(answered(asked, {"one": "1"}))
    assert asked.state.parameters == {"one": "1", "two": "", "three": "3"}


def test_a_secret_is_never_taken_from_answers() -> None:
    asked, _ = dialog(step("word", secret=True))

    with pytest.raises(UsageError, match="No question is called word"):
        list(answered(asked, {"word": "x"}))
    with pytest.raises(UsageError) as caught:
        list(answered(asked, {}))
    assert caught.value.code == "answer-missing"


@pytest.mark.parametrize(("text", "found"), [("cloud ou", [1]), ("GROUPS", [0, 1]), ("", [0, 1, 2]), ("none", [])])
def test_words_make_a_list_shorter(text: str, found: list[int]) -> None:
    ous = ["OU=Groups,DC=x", "OU=Cloud Groups,DC=x", "OU=People,DC=x"]

    assert matching(ous, text) == [ous[at] for at in found]
