"""The error family: every error that a person meets says what was wrong, where, and what to do.

::

    RunbookError                  (never raised itself)
    ├── UsageError            2   parameters file, unknown key, secret in a parameter, malformed DN, records folder
    ├── AwaitingApproval      4   no approval, an expired one, or one of another plan
    ├── Refused               5   a rule, a limit, drift, an OU, an empty selection, a missing acknowledgement
    ├── BrokeOff              6   stopped after the first write: resume is possible
    ├── VerificationFailed    7   written, but the read-back differs
    ├── NoAccess              8   password, host, CA, certificate, 401 or 403
    ├── ServiceFailed         9   stopped before any write: the service or the network did not do its part
    ├── AwaitingHandoff      10   a person or another engine has to act first
    └── AwaitingWindow       11   outside of every change window, or during a blackout; nothing is written

Three of them mean the same whatever service they come from, because what carries out a change goes by them:
``Unavailable``, ``WriteUnanswered`` and ``ContradictsLook``.

An error carries a stable ``code`` and ``values`` beside its English text, so that it can be determined in another
language without parsing sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable


class RunbookError(Exception):
    """Base of the family.

    Args:
        message: What was wrong and where, one or two sentences, plain text. It may quote untrusted text: whoever
            writes it to HTML, a terminal or a file escapes it there. (``str`` of the error does: papermill, nbconvert
            and every traceback write that to a terminal.)
        code: Stable lower-case identifier with hyphens, for example ``"target-ou-missing"``.
        hint: What to do now.
        values: The facts inside the message, JSON-compatible.
    """

    outcome: ClassVar[Outcome]

    def __init__(
        self,
        message: Text,
        *,
        code: str,
        hint: Text = NOTHING,
        values: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.values: Mapping[str, object] = MappingProxyType(dict(values or {}))

    @property
    def choices(self) -> tuple[str, ...]:
        """What there is to choose from, a line each, to be shown below the hint (``values["choices"]``)."""
        found = self.values.get("choices")
        return tuple(str(line) for line in found) if isinstance(found, (list, tuple)) else ()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.code, self.hint, dict(self.values))

    def __str__(self) -> str:
        return "\n".join(printable(text) for text in (self.message, self.hint, *self.choices) if text)

    def _render_traceback_(self) -> list[str]:
        """One paragraph instead of a stack trace in JupyterLab and in executed notebooks."""
        lines = [f"{self.outcome.title}: {printable(self.message)}"]
        if self.hint:
            lines.append(t("What to do: {hint}", hint=printable(self.hint)))
        return lines + [f"  {printable(line)}" for line in self.choices]


def _rebuild(kind: type[RunbookError], message: Text, code: str, hint: Text, values: dict[str, object]) -> RunbookError:
    return kind(message, code=code, hint=hint, values=values)


class UsageError(RunbookError):
    """Wrong use: parameters file, unknown key, secret, malformed DN, records folder."""

    outcome = Outcome.USAGE


class AwaitingApproval(RunbookError):  # noqa: N818 - a closed gate is an outcome, not a defect
    """The gate is closed: no approval, an expired one, or one of another plan."""

    outcome = Outcome.AWAITING_APPROVAL


class Refused(RunbookError):  # noqa: N818
    """A rule, a limit, drift, an OU, an empty selection, an unknown id or a missing acknowledgement."""

    outcome = Outcome.REFUSED


class BrokeOff(RunbookError):  # noqa: N818
    """Stopped after the first write; the same change id resumes it."""

    outcome = Outcome.PARTIAL


class VerificationFailed(RunbookError):  # noqa: N818
    """Written, but what the directory answers afterwards differs from the plan."""

    outcome = Outcome.VERIFICATION_FAILED


class NoAccess(RunbookError):  # noqa: N818
    """Password, host, CA, certificate, HTTP 401 or 403."""

    outcome = Outcome.NO_ACCESS


class ServiceFailed(RunbookError):  # noqa: N818
    """A service or the network failed before anything was written."""

    outcome = Outcome.FAILED


class AwaitingHandoff(RunbookError):  # noqa: N818
    """Everything of ours is done, and a person or another engine has to act; the next run goes on from there."""

    outcome = Outcome.AWAITING_HANDOFF


class AwaitingWindow(RunbookError):  # noqa: N818
    """Nothing may be written at this time; the same run may at another, and goes on from there."""

    outcome = Outcome.AWAITING_WINDOW


class Unavailable(ServiceFailed):
    """The connection is lost or the service is busy: the same request may be answered a moment later."""


class WriteUnanswered(Unavailable):
    """A write got no answer, or a busy one: whether it took effect is unknown until its object is looked at."""


class ContradictsLook(Refused):
    """A write was refused because its object is not what a look right before it found; nothing took effect."""
