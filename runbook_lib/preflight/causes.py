"""Why parts could not be read, each reason once: many parts have none because one connection did not come about."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.part import Unreadable
from runbook_lib.model.text import t
from runbook_lib.parameters.check_change import with_acknowledgements
from runbook_lib.preflight.evidence import Evidence

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
    """One reason, and the parts that could not be read for it, in the order of reading.

    Attributes:
        code: Code of the reason.
        parts: Each part with the reason as it met it.
        titles: What was not checked, in words: the title of each part.
    """

    code: str
    parts: tuple[Unreadable, ...]
    titles: tuple[str, ...]

    @property
    def id(self) -> str:
        """Id of its finding: that of the first part."""
        return finding_id(self.parts[0])

    def as_finding(self) -> Finding:
        """The finding: the reason, the way to remove it, and everything that was not checked for it."""
        first = self.parts[0]
        reasons = tuple(dict.fromkeys(part.sentence for part in self.parts))
        alone = len(self.parts) == 1
        cure = _CURES.get(self.code) or first.hint or "Fix the error above."
        names = ", ".join(part.part for part in self.parts)
        return Finding(
            id=self.id,
            severity=Severity.UNKNOWN,
            seen=t("{titles} could not be read: {sentence}", titles=self.titles[0], sentence=first.sentence)
            if alone
            else t(
                "{parts} parts could not be read: {reasons}",
                parts=len(self.parts),
                reasons=" ".join(reasons),
            ),
            expected=t("Readable."),
            why=t("What depends on it is unknown; nothing else is affected.")
            if alone
            else t("Not checked because of it: {titles}.", titles="; ".join(self.titles)),
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
