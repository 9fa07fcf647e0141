"""The reading of the pre-flight: every part in its order, each with its own error capture, within the time for all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runbook_lib.deadline import Allowance
from runbook_lib.errors import RunbookError, ServiceFailed
from runbook_lib.model.reading import Part, Unreadable
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import PARTS
from runbook_lib.preflight.reach import Reach, Source

PartProgress = Callable[[Text], None]
"""Told what is being read now, in a few words."""


def read_evidence(
    parameters: Parameters,
    reach: Reach,
    *,
    clock: Callable[[], datetime],
    progress: PartProgress | None = None,
    allowance: Allowance | None = None,
    parts: tuple[Part[Any, Any], ...] = PARTS,
) -> Evidence:
    """Read every part. Never fails because of what a side answers: a part without a value says why.

    Args:
        parameters: What the run is told.
        reach: The ways to both sides.
        clock: Now, UTC.
        progress: Told the title of each part before it is read, and how far a long one is.
        allowance: The time for all of it; what it does not reach is unreadable (code ``time-limit``).
        parts: What is read, in this order.
    """
    evidence = Evidence(clock(), parameters, parts)
    tell = progress or (lambda _: None)
    for part in parts:
        if part.inside is not None:
            continue
        tell(part.title)
        try:
            value = _read(Source(part, reach, evidence, clock, tell), allowance)
        except RunbookError as error:
            value = Unreadable.because(part.key, error)
        evidence = evidence.with_part(part, value)
    return evidence


def _read(source: Source, allowance: Allowance | None) -> object:
    if allowance is None:
        return source.part.read(source)
    try:
        return allowance.run(lambda: source.part.read(source))
    except TimeoutError:
        raise ServiceFailed(
            t("The time for the whole pre-flight ({seconds:,.0f} s) was over.", seconds=allowance.seconds),
            code="time-limit",
            hint=t("Give it more time with --timeout, or look at the service that it was reading last, which is slow."),
        ) from None
