"""What every route brings for the loop that carries out changes: steps that can be looked at, sent and told of.

A step is the smallest thing that is sent, journaled and looked up by itself. Each stands in two forms: ``PlannedStep``
follows from the plan alone, so that a journal can be held to it without any connection; ``Step`` is the same one,
connected to the place where it takes effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar

from runbook_lib.errors import Refused, RunbookError
from runbook_lib.model.change import Change
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable

NOT_TAKEN = "refused"
"""Key of an effect that lists what of its step was refused, while everything else of it is done."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one write really changed: the values and members that left and entered.

    Attributes:
        write: Identifier of the write, ``<change digest>/<number>``.
        change: Digest of the change.
        object_id: The object that was written to, as its route knows it.
        data: As the step of its route tells it (``Step.effect``), JSON-compatible; empty where nothing was left to do.
    """

    write: str
    change: str
    object_id: str
    data: Mapping[str, Any]


class LiveState(Enum):
    """How what a step changes is right now, compared with its plan."""

    BEFORE = "before"
    """As it was planned from: something is left to be sent."""
    AFTER = "after"
    """As it is wanted: nothing is left to be sent."""
    OTHER = "other"
    """Neither: somebody else changed it since it was planned, and nothing is sent."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a step found. Where it is ``OTHER``, ``seen`` says what is there instead, as the end of a sentence."""

    state: LiveState
    seen: Text = NOTHING


class Drifted(Refused):
    """The live state is neither what the plan saw nor what it wants. Always code ``drift``."""


def drifted(change: Change, seen: Text) -> Drifted:
    """The error for a change whose object was changed since it was planned; ``seen`` is the end of a sentence."""
    return Drifted(
        t(
            "{display_name!r} changed since it was planned: {what}.",
            display_name=printable(change.display_name, limit=80),
            what=seen,
        ),
        code="drift",
        hint=t("Run the notebook again: it plans from what is there now and asks for an approval of that."),
        values={"group_id": change.group_id, "change": change.digest, "what": seen},
    )


class Patience(Protocol):
    """How long a service that does not answer is waited for."""

    @property
    def pauses(self) -> Sequence[float]:
        """Seconds before each new try."""

    @property
    def sleep(self) -> Callable[[float], None]:
        """Waits that many seconds."""


class PlannedStep(Protocol):
    """A step as its plan has it: what a journal may say of it, and no more. Pure."""

    @property
    def id(self) -> str:
        """``<change digest>/<number>``, the same on every machine."""

    @property
    def change(self) -> Change:
        """The change that it is part of."""

    @property
    def makes_object(self) -> bool:
        """Whether it makes the object of its change, whose id is known only afterwards."""

    @property
    def together(self) -> str:
        """Key of the steps that may be under way at the same time, if they follow each other; empty: alone."""

    def beyond_intent(self, object_id: str, intent: Mapping[str, Any], made: Mapping[str, str]) -> Text:
        """What a ``begin`` line says beyond this step, as the end of a sentence; empty where there is nothing.

        ``made``: cloud group id to the id of the object that an earlier step of the same plan made for it.
        """

    def beyond_effect(self, effect: Effect, made: Mapping[str, str]) -> Text:
        """What a ``done`` line says beyond this step, in the same form."""

    def not_begun(self, effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> Text:
        """What of an effect none of its ``begin`` lines (their intents) announced, in the same form."""


class Step(Protocol):
    """A step in the place where it takes effect. Its methods are called in the order in which they stand here."""

    @property
    def id(self) -> str:
        """As that of its ``PlannedStep``."""

    @property
    def change(self) -> Change:
        """The change that it is part of."""

    @property
    def object_id(self) -> str:
        """Id of the object that it changes; empty until the step that makes the object is done."""

    @property
    def together(self) -> str:
        """As that of its ``PlannedStep``."""

    @property
    def partly(self) -> bool:
        """Whether something of it took effect although it is not done: of steps that send more than once."""

    def recall(self, effect: Effect) -> None:
        """Take up what an earlier run of this change did, instead of everything below.

        Raises:
            Drifted: What that run made is not there any more.
        """

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """How things are now. ``begun`` is the last intent that this change noted of this step; None: none.

        Raises:
            RunbookError: They cannot be looked at.
        """

    def intent(self) -> Mapping[str, object]:
        """What the journal says before it is sent, in the light of the last look; JSON-compatible."""

    def send(self) -> None:
        """Send it, once.

        Raises:
            WriteUnanswered: Nothing tells whether it took effect: it is looked up.
            ContradictsLook: The answer does not fit what the last look found.
            RunbookError: It did not take effect, or not all of it (``partly``).
        """

    def effect(self, begun: Mapping[str, Any] | None) -> Mapping[str, object]:
        """What this change really changed by it; empty where others had done it before. ``begun`` as for ``look``."""


class Work(Protocol):
    """The steps of one run, and what they have in common."""

    @property
    def steps(self) -> Sequence[Step]:
        """In the order in which they are sent; each may rely on those before it."""

    @property
    def patience(self) -> Patience:
        """How long an answer is waited for."""

    def send_together(self, steps: Sequence[Step]) -> Sequence[RunbookError | None]:
        """Send several steps with one key at once: for each None where it is done, else what ``send`` would raise."""

    def forget(self) -> None:
        """Drop what earlier looks found: a step went without an answer."""

    def not_taken(self) -> RunbookError | None:
        """The error of a run in which parts of single steps were refused and everything else is done; None: none."""


StepT = TypeVar("StepT", PlannedStep, Step)


def in_batches(steps: Iterable[StepT]) -> list[list[StepT]]:
    """Steps that follow each other and have one key, together; every other by itself."""
    found: list[list[StepT]] = []
    for step in steps:
        if found and step.together and found[-1][0].together == step.together:
            found[-1].append(step)
        else:
            found.append([step])
    return found


def one_by_one(steps: Iterable[Step]) -> list[RunbookError | None]:
    """``Work.send_together`` of a route that sends nothing at the same time."""
    outcomes: list[RunbookError | None] = []
    for step in steps:
        try:
            step.send()
        except RunbookError as error:
            outcomes.append(error)
        else:
            outcomes.append(None)
    return outcomes
