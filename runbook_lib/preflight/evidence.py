"""What was read before anything is judged: every part with its value, or why there is none, each reason once.

Many parts have no value because one connection did not come about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.reading import Part, Unreadable
from runbook_lib.model.text import Text, joined, t
from runbook_lib.parameters.check_change import with_acknowledgements
from runbook_lib.parameters.model import Parameters

_T = TypeVar("_T")


@dataclass(frozen=True)
class Evidence:
    """Everything that the checks look at, by the ``Part`` objects of ``preflight.parts``.

    ``evidence[EXCHANGE]`` is the value of a part that has one, of the type that its reader gives.

    Attributes:
        at: When reading began, UTC. Checks take "today" from here.
        parameters: What the operator asked for.
        parts: Every part there is, in the order in which it is shown.
        read: Part to its value, or why there is none; a part that is missing was not read. Parts that are inside
            another one are taken from that.
    """

    at: datetime
    parameters: Parameters
    parts: tuple[Part[Any, Any], ...]
    read: Mapping[Part[Any, Any], object] = field(default_factory=dict)
    _taken: dict[Part[Any, Any], object] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getitem__(self, part: Part[Any, _T]) -> _T:
        """The value of a part that a check has named in its ``needs``.

        Raises:
            LookupError: It has none: the check does not name it, which is a defect.
        """
        value = self._value(part)
        if isinstance(value, Unreadable):
            raise LookupError(f"a check looks at {part.key} without naming it in its needs: {value.sentence}")
        return value

    def get(self, part: Part[Any, _T]) -> _T | None:
        """The value of a part that a check can do without; None where it has none."""
        value = self._value(part)
        return None if isinstance(value, Unreadable) else value

    def unreadable(self, part: Part[Any, Any]) -> Unreadable | None:
        """Why a part has no value; None where it has one.

        Where a whole reading failed, that is why its parts have none: then ``part`` of the answer names the whole.
        """
        value = self._value(part)
        return value if isinstance(value, Unreadable) else None

    @property
    def all_unreadable(self) -> tuple[Unreadable, ...]:
        """Everything that has no value, in the order of ``parts``; of a reading that failed as a whole, the whole."""
        found = (self.unreadable(part) for part in self.parts)
        return tuple(dict.fromkeys(reason for reason in found if reason is not None))

    def with_part(self, part: Part[Any, _T], value: _T | Unreadable) -> Evidence:
        """The same evidence with one more part, or with another value of it."""
        return replace(self, read={**self.read, part: value})

    def _value(self, part: Part[Any, _T]) -> _T | Unreadable:
        if part.inside is None:
            value = self.read.get(part, Unreadable(part.key, "not-read", t("It was not read.")))
        elif (whole := self.unreadable(part.inside)) is not None:
            return whole
        else:
            if part not in self._taken:
                self._taken[part] = part.read(self)
            value = self._taken[part]
        return replace(value, part=part.key) if isinstance(value, Unreadable) else cast(_T, value)


_ONE_FOR_ALL = {
    "dc-unreachable": "dc-unreachable",
    "directory-unavailable": "directory-unavailable",
    "bind-refused": "bind-refused",
    "graph-unauthorized": "graph-unauthorized",
    "graph-claims-challenge": "graph-claims-challenge",
    "forbidden": "forbidden",
    "graph-forbidden": "forbidden",
}
"""Codes whose sentences differ from call to call although the reason is one; those of all others are the same."""
_CURES = {
    "app-only": t("Sign in as a person (sign_in: device-code)."),
    "forbidden": t(
        "Grant the app registration the permissions that docs/permissions.md names, with an administrator's "
        "consent, or give the person the role; findings permissions-lacking name those that the token does not carry."
    ),
}
"""What to do about codes of parts that bring no hint of their own."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, and the parts that could not be read for it, in the order of reading.

    Attributes:
        code: Code of the reason.
        parts: Each part with the reason as it met it.
        titles: What was not checked, in words: the title of each part.
    """

    code: str
    parts: tuple[Unreadable, ...]
    titles: tuple[Text, ...]

    @property
    def id(self) -> str:
        """Id of its finding: that of the first part."""
        return finding_id(self.parts[0])

    def as_finding(self) -> Finding:
        """The finding: the reason, the way to remove it, and everything that was not checked for it."""
        first = self.parts[0]
        reasons = tuple(dict.fromkeys(part.sentence for part in self.parts))
        alone = len(self.parts) == 1
        cure = _CURES.get(self.code) or first.hint or t("Fix the error above.")
        names = ", ".join(part.part for part in self.parts)
        return Finding(
            id=self.id,
            severity=Severity.UNKNOWN,
            seen=t("{titles} could not be read: {sentence}", titles=self.titles[0], sentence=first.sentence)
            if alone
            else t(
                "{parts} parts could not be read: {reasons}",
                parts=len(self.parts),
                reasons=joined(reasons),
            ),
            expected=t("Readable."),
            why=t("What depends on it is unknown; nothing else is affected.")
            if alone
            else t("Not checked because of it: {titles}.", titles=joined(self.titles, "; ")),
            to_do=t("{cure} Then run again", cure=cure)
            + (
                t(", or look by other means and acknowledge this finding.")
                if alone
                else t(
                    ". A part that somebody looked at by other means can be acknowledged alone, as "
                    "part-unreadable:NAME ({names}).",
                    names=names,
                )
            ),
            values={
                "part": first.part,
                "parts": [part.part for part in self.parts],
                "code": self.code,
            },
            acknowledgeable=alone,
        )


def finding_id(part: Unreadable) -> str:
    """Id of the finding about a part that has no value; a person who looked at the part acknowledges it by that."""
    return f"part-unreadable:{part.part}"


def _is_acknowledged(part: Unreadable, evidence: Evidence) -> bool:
    """Whether a person has looked at this part by other means."""
    finding = Finding(finding_id(part), Severity.UNKNOWN, part.sentence, acknowledgeable=True)
    return with_acknowledgements((finding,), evidence.parameters, evidence.at.date()) != (finding,)


def causes(evidence: Evidence) -> tuple[Cause, ...]:
    """Every reason, in the order of reading. A part that is acknowledged stands for itself."""
    titles = {part.key: part.title for part in evidence.parts}
    found: dict[tuple[str, str], list[Unreadable]] = {}
    for part in evidence.all_unreadable:
        one = _ONE_FOR_ALL.get(part.code)
        key = (one, "") if one else (part.code, part.sentence)
        if _is_acknowledged(part, evidence):
            key = (part.code, f"{part.part}: {part.sentence}")
        found.setdefault(key, []).append(part)
    return tuple(
        Cause(code, tuple(parts), tuple(titles[part.part] for part in parts)) for (code, _), parts in found.items()
    )
