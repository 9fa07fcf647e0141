"""The course of setting up: question, check, next. Nothing is asked twice, and every answer is kept at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.setup.questions import SetupQuestion, SetupState, SetupStep, Surroundings, Taken, ToShow


class SetupDialog:
    """Asks step by step.

    Args:
        steps: In order.
        around: What they ask and change.
        given: Parameters that were given beforehand; nobody is asked for them.
        kept: Answers of an earlier time: what is offered when nothing is typed.
        keep: Takes every answer that was taken, secrets left out.
    """

    def __init__(
        self,
        steps: Sequence[SetupStep],
        around: Surroundings,
        *,
        given: Mapping[str, object],
        kept: Mapping[str, str],
        keep: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._steps = steps
        self._around = around
        self._keep = keep
        self._kept = dict(kept)
        self._at = 0
        self._question: SetupQuestion | None = None
        self.state = SetupState(parameters=dict(given), given=frozenset(given))

    @property
    def question(self) -> SetupQuestion | None:
        """What is to be answered now; None: everything was."""
        if self._question is not None:
            return self._question
        for at in range(self._at, len(self._steps)):
            question = self._steps[at].ask(self.state, self._around)
            if question is not None:
                self._at = at
                kept = self._kept.get(question.key, "")
                self._question = replace(question, default=kept) if kept and not question.secret else question
                return self._question
        self._at = len(self._steps)
        return None

    @property
    def keys(self) -> frozenset[str]:
        """Names of all questions whose answers may be written down."""
        return frozenset(step.key for step in self._steps if not step.secret)

    @property
    def done(self) -> tuple[int, int]:
        """Steps that are behind, and all of them."""
        return self._at, len(self._steps)

    def answer(self, text: str) -> tuple[ToShow, ...]:
        """Take an answer to the present question; an empty one means its default.

        Raises:
            UsageError: There is none, or it is none of those that are offered; the question stays.
            RunbookError: It cannot be taken, and why; the question stays.
        """
        question = self.question
        if question is None:
            raise RuntimeError("nothing is asked any more")
        meant = (text if question.secret else text.strip()) or question.default
        if not meant and not question.optional:
            raise UsageError(t("An answer is needed."), code="answer-missing", values={"answer": question.key})
        offered = tuple(one.value for one in question.offered)
        if question.only_offered and meant not in offered:
            raise UsageError(
                t("{answer} is none of the answers.", answer=printable(meant, limit=80)),
                code="answer-unknown",
                hint=t("Answer with one of: {offered}.", offered=", ".join(offered)),
                values={"answer": question.key},
            )
        step = self._steps[self._at]
        taken: Taken = step.take(meant, self.state, self._around)
        self.state = taken.state
        self._at += 1
        self._question = None
        if not question.secret:
            self._kept[question.key] = meant
            self._keep(self._kept)
        return taken.shown


def answered(dialog: SetupDialog, answers: Mapping[str, str]) -> Iterator[tuple[SetupQuestion, tuple[ToShow, ...]]]:
    """Every question that is left, with what its answer showed, from answers that were written down.

    Raises:
        UsageError: ``answer-missing`` with the question's name, ``answer-unknown``: no question has that name.
        RunbookError: An answer cannot be taken.
    """
    if unknown := sorted(answers.keys() - dialog.keys):
        raise UsageError(
            t(
                "No question is called {unknown}.",
                unknown=", ".join(printable(name, limit=40) for name in unknown[:10]),
            ),
            code="answer-unknown",
            hint=t("Questions: {known}.", known=", ".join(sorted(dialog.keys))),
            values={"answers": unknown},
        )
    while (question := dialog.question) is not None:
        given = answers.get(question.key, "")
        if not given and (question.secret or not (question.default or question.optional)):
            raise UsageError(
                t("The answers hold none to {key}: {title}", key=question.key, title=question.title),
                code="answer-missing",
                hint=question.explanation if question.secret else t("Add a line with it to the file of answers."),
                values={"answer": question.key},
            )
        yield question, dialog.answer(given)


def matching(offered: Sequence[str], text: str) -> list[str]:
    """Those of the offered answers that hold every word of ``text``, whatever its case."""
    words = text.casefold().split()
    return [one for one in offered if all(word in one.casefold() for word in words)]
