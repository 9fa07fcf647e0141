"""How one side was read and what proves that nothing is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runbook_lib.model.text import Text


@dataclass(frozen=True, slots=True)
class Reading:
    """Provenance of a snapshot.

    Attributes:
        source: DC or Graph host and tenant, for people.
        at: When reading began, UTC.
        complete: Whether everything that was asked for arrived. An incomplete reading can be shown, never planned from.
        proof: One sentence per reason to believe it, with numbers ("45 groups on 1 page, last page without nextLink").
        gaps: One sentence per thing that could not be read.
        seconds: How long it took.
        requests: Round trips.
    """

    source: str
    at: datetime
    complete: bool
    proof: tuple[Text, ...] = ()
    gaps: tuple[Text, ...] = ()
    seconds: float = 0.0
    requests: int = 0

    def as_json(self) -> dict[str, object]:
        """JSON form for record.json."""
        return {
            "source": self.source,
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "complete": self.complete,
            "proof": list(self.proof),
            "gaps": list(self.gaps),
            # A clock that was set back while reading must not make a record that its own schema refuses.
            "seconds": max(round(self.seconds, 3), 0.0),
            "requests": self.requests,
        }
