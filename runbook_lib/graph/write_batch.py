"""Several writes to Graph in one ``$batch``, each under the promises of ``writing`` and with an outcome of its own.

Source: Microsoft Graph documentation, "Combine multiple HTTP requests using JSON batching". Parts that wait for nothing
run at the same time and in any order; a part that waits for one that fails does not run (HTTP 424). The outer 200 says
nothing about them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed, WriteUnanswered
from runbook_lib.graph.batch import MOST_IN_BATCH, parts_of
from runbook_lib.graph.errors import GraphContradicts, GraphRejected, claims_challenge, refused_write
from runbook_lib.graph.retry import Attempts, FailedAttempt
from runbook_lib.graph.sender import Answer
from runbook_lib.graph.writing import (
    JSON_BODY,
    GraphWrite,
    GraphWriter,
    Unanswered,
    WriteOutcome,
    Written,
    as_json,
    hidden,
    not_known,
    write_outcome_of,
)
from runbook_lib.model.text import clause, t
from runbook_lib.secrets.sources import Secret, scrubbed

_BATCH = "/$batch"
OnOutcome = Callable[[int, WriteOutcome], None]
"""Hears of the outcome of a write, by its number in the list, as soon as it is known: a journal notes it then."""


class NotTried(ServiceFailed):
    """A write waits for another that was not done: it did not run, and nothing was changed by it."""


def write_all(
    writer: GraphWriter,
    writes: Sequence[GraphWrite],
    version: str = "v1.0",
    *,
    on_outcome: OnOutcome = lambda _, __: None,
) -> list[WriteOutcome]:
    """Send several writes; no error of Graph or of the connection is raised.

    A part that is throttled is sent again in a further batch when its own time has come. Where the service takes no
    batches, each write is sent by itself, in their order.

    Args:
        writer: What sends.
        writes: At most ``MOST_IN_BATCH``.
        version: ``v1.0`` or ``beta``, for all of them.
        on_outcome: Hears of each outcome.

    Returns:
        The outcomes in the order of ``writes``.

    Raises:
        ValueError: Too many, or one waits for itself or for one behind it.
    """
    if len(writes) > MOST_IN_BATCH:
        raise ValueError(f"{len(writes)} writes in one batch; {MOST_IN_BATCH} at most")
    if any(not 0 <= other < number for number, write in enumerate(writes) for other in write.after):
        raise ValueError("a write waits for one that does not stand before it")
    return _Run(writer, writes, version, on_outcome).outcomes()


@dataclass(slots=True, eq=False)
class _Part:
    """One write until its outcome is known."""

    number: int
    write: GraphWrite
    attempts: Attempts
    on_outcome: OnOutcome
    forerunners: list[_Part]
    """What it waits for."""
    wait: float = 0.0
    """Seconds until it may be sent again."""
    renewed: bool = False
    """Whether a new token was got for it once."""
    outcome: WriteOutcome | None = None

    @property
    def key(self) -> str:
        """Its id in a batch."""
        return str(self.number + 1)

    def end(self, outcome: WriteOutcome) -> None:
        """Note the outcome and tell of it."""
        self.outcome = outcome
        self.on_outcome(self.number, outcome)

    def request(self, ready: Sequence[_Part]) -> dict[str, object]:
        """The part of a batch of ``ready``: what it waits for and is done already is named no more."""
        waits = [one.key for one in self.forerunners if one in ready]
        headers = self.write.headers
        return {
            "id": self.key,
            "method": self.write.method,
            "url": self.write.path,
            **({"headers": headers} if headers else {}),
            **({} if self.write.body is None else {"body": self.write.body}),
            **({"dependsOn": waits} if waits else {}),
        }


class _Run:
    def __init__(self, writer: GraphWriter, writes: Sequence[GraphWrite], version: str, on_outcome: OnOutcome) -> None:
        self._writer = writer
        self._version = version
        self._parts: list[_Part] = []
        for number, write in enumerate(writes):
            forerunners = [self._parts[other] for other in write.after]
            self._parts.append(_Part(number, write, writer.attempts(), on_outcome, forerunners))
        self._batches = len(writes) > 1

    def outcomes(self) -> list[WriteOutcome]:
        """Send until every outcome is known."""
        while ready := self._ready():
            if self._batches:
                self._batch(ready)
            else:
                self._alone(ready[0])
        return [part.outcome for part in self._parts if part.outcome is not None]

    def _ready(self) -> list[_Part]:
        """What can be sent now, after waiting for it; parts whose forerunner was not done are ended."""
        for part in self._waiting():
            missed = [one for one in part.forerunners if isinstance(one.outcome, RunbookError)]
            if missed:
                part.end(_not_tried(part.write, missed[0].write))
        waiting = self._waiting()
        free = [part for part in waiting if all(one.outcome is not None for one in part.forerunners)]
        pause = min((part.wait for part in free), default=0.0)
        if pause > 0:
            self._writer.sender.wait(pause)
        ready: list[_Part] = []
        for part in waiting:
            part.wait = max(part.wait - pause, 0.0)
            if part.wait <= 0 and all(one.outcome is not None or one in ready for one in part.forerunners):
                ready.append(part)
        return ready

    def _waiting(self) -> list[_Part]:
        return [part for part in self._parts if part.outcome is None]

    def _alone(self, part: _Part) -> None:
        try:
            outcome: WriteOutcome = self._writer.write(part.write, self._version)
        except RunbookError as error:
            outcome = error
        part.end(outcome)
        if isinstance(outcome, RunbookError) and not _of_one_write(outcome):
            self._end_all(outcome)

    def _batch(self, ready: Sequence[_Part]) -> None:
        body = as_json({"requests": [part.request(ready) for part in ready]})
        address = self._writer.address(_BATCH, self._version)
        try:
            outer, token = self._writer.send("POST", address, JSON_BODY, body)
        except Unanswered as lost:
            _lose(ready, lost.trouble)
        except RunbookError as error:
            self._end_all(error)
        else:
            if outer.whole is None:
                self._refused(outer, token, ready)
            else:
                self._judge(outer, token, ready)

    def _refused(self, outer: Answer, token: Secret, ready: Sequence[_Part]) -> None:
        """The batch as such was answered with something else than its parts."""
        secrets = (token.reveal(), *(text for part in ready for text in hidden(part.write.body)))
        refusal = refused_write(outer, _BATCH, secrets=secrets)
        if isinstance(refusal, WriteUnanswered):
            what = t("A batch was answered with HTTP {status}, and not as Graph does", status=outer.status)
            _lose(ready, FailedAttempt("graph-unexpected-answer", what, values=outer.values))
        elif isinstance(refusal, NoAccess):
            self._end_all(refusal)
        else:
            self._batches = False  # refused as a batch, so nothing of it ran

    def _judge(self, outer: Answer, token: Secret, ready: Sequence[_Part]) -> None:
        try:
            answers = parts_of(outer, [part.key for part in ready])
        except ServiceFailed as broken:
            _lose(ready, FailedAttempt(broken.code, clause(broken.message), values=broken.values))
            return
        for part in ready:
            self._writer.sender.count_units(answers[part.key].headers)
            self._take(part, answers[part.key], token)

    def _take(self, part: _Part, answer: Answer, token: Secret) -> None:
        """Note the outcome of a part, or when it is sent again."""
        outcome: WriteOutcome | None = None
        try:
            if answer.status == 429:
                part.wait = part.attempts.delay(self._throttled(answer))
            elif answer.status == 401 and not part.renewed:
                part.renewed = True
                self._writer.tokens.token(refused=token, claims=claims_challenge(answer.headers))
            elif answer.status != 424:
                outcome = write_outcome_of(answer, part.write, token)
            elif all(isinstance(one.outcome, Written) for one in part.forerunners):
                outcome = not_known(_dependency(answer), part.write)
            # else it is sent again behind its forerunner, or ended with it
        except RunbookError as error:
            outcome = error
        if outcome is not None:
            part.end(outcome)

    def _throttled(self, answer: Answer) -> FailedAttempt:
        return self._writer.sender.trouble(answer.status, answer.headers, self._writer.host, answer.values)

    def _end_all(self, error: RunbookError) -> None:
        """The rest was not sent and will not be: the error is about more than one write."""
        for part in self._waiting():
            part.end(error)


def _of_one_write(error: RunbookError) -> bool:
    """Whether an error says nothing about the writes that follow."""
    own = isinstance(error, (WriteUnanswered, GraphContradicts, GraphRejected))
    return own or error.code == "graph-forbidden"


def _lose(parts: Sequence[_Part], trouble: FailedAttempt) -> None:
    for part in parts:
        part.end(not_known(trouble, part.write))


def _dependency(answer: Answer) -> FailedAttempt:
    what = t("Graph says that a write waited for another one, which was done")
    return FailedAttempt("graph-unexpected-answer", what, values=answer.values)


def _not_tried(write: GraphWrite, forerunner: GraphWrite) -> NotTried:
    path, other = scrubbed(write.path), scrubbed(forerunner.path)
    return NotTried(
        t("The write to {path} was not tried: the one to {other} before it was not done.", path=path, other=other),
        code="graph-not-tried",
        hint=t("Nothing was changed by it. Look at the one before it."),
        values={"path": path, "forerunner": other},
    )
