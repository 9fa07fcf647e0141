"""Why parts could not be read, each reason once: many parts have none because one connection did not come about."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.parameters.check_change import with_acknowledgements
from runbook_lib.preflight.evidence import TITLES, Evidence, Unreadable

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
    "app-only": "Sign in as a person (sign_in: device-code).",
    "forbidden": "Grant the app registration the permissions that docs/permissions.md names, with an administrator's "
    "consent, or give the person the role; findings permissions-lacking name those that the token does not carry.",
}
"""What to do about codes of parts that bring no hint of their own."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason, and the parts that could not be read for it, in the order of reading."""

    code: str
    parts: tuple[Unreadable, ...]

    @property
    def id(self) -> str:
        """Id of its finding: that of the first part."""
        return f"part-unreadable:{self.parts[0].part}"

    @property
    def titles(self) -> tuple[str, ...]:
        """What was not checked, in words."""
        return tuple(TITLES[part.part] for part in self.parts)

    def as_finding(self) -> Finding:
        """The finding: the reason, the way to remove it, and everything that was not checked for it."""
        first = self.parts[0]
        reasons = tuple(dict.fromkeys(part.why for part in self.parts))
        alone = len(self.parts) == 1
        cure = _CURES.get(self.code) or first.hint or "Fix the error above."
        names = ", ".join(part.part for part in self.parts)
        return Finding(
            id=self.id,
            severity=Severity.UNKNOWN,
            seen=f"{self.titles[0]} could not be read: {first.why}"
            if alone
            else f"{len(self.parts)} parts could not be read: {' '.join(reasons)}",
            expected="Readable.",
            why="What depends on it is unknown; nothing else is affected."
            if alone
            else f"Not checked because of it: {'; '.join(self.titles)}.",
            to_do=f"{cure} Then run again"
            + (
                ", or look by other means and acknowledge this finding."
                if alone
                else f". A part that somebody looked at by other means can be acknowledged alone, as "
                f"part-unreadable:NAME ({names})."
            ),
            values={
                "part": first.part,
                "parts": [part.part for part in self.parts],
                "code": self.code,
            },
            acknowledgeable=alone,
        )


def finding_of_part(part: Unreadable) -> Finding:
    """What a part says that failed alone."""
    return Cause(part.code, (part,)).as_finding()


def is_acknowledged(part: Unreadable, evidence: Evidence) -> bool:
    """Whether a person has looked at this part by other means."""
    finding = finding_of_part(part)
    return with_acknowledgements((finding,), evidence.parameters, evidence.at.date()) != (finding,)


def causes(evidence: Evidence) -> tuple[Cause, ...]:
    """Every reason, in the order of reading. A part that is acknowledged stands for itself."""
    found: dict[tuple[str, str], list[Unreadable]] = {}
    for part in evidence.all_unreadable:
        one = _ONE_FOR_ALL.get(part.code)
        key = (one, "") if one else (part.code, part.why)
        if is_acknowledged(part, evidence):
            key = (part.code, f"{part.part}: {part.why}")
        found.setdefault(key, []).append(part)
    return tuple(Cause(code, tuple(parts)) for (code, _), parts in found.items())
