"""Errors of Cloud Sync in words: what a code means and what to do about it. Unknown codes are shown as they came.

The table (``service_errors.csv``) says for every line where it comes from: Microsoft's lists of error codes of Cloud
Sync, of provisioning logs and of quarantines. What AD refuses comes inside the message, with a Windows error number in
eight hexadecimal digits ([MS-ADTS] 3.1.1.3.1.9, [MS-ERREF] 2.2), and says more than the code beside it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from runbook_lib.graph.tenant.jobs import Quarantine
from runbook_lib.model.text import NOTHING, Text, from_table, joined, t, verbatim
from runbook_lib.model.untrusted import printable

_WINDOWS_ERROR = re.compile(r"\b(0000[0-9A-Fa-f]{4})\b")
_SHOWN = 300
"""Characters of a service's message that are shown."""


@dataclass(frozen=True, slots=True)
class KnownError:
    """One line of the table.

    Attributes:
        code: As the service writes it, or a Windows error number in eight hexadecimal digits.
        cause: What is wrong, one sentence.
        to_do: What to do about it, one or two sentences.
        source: The public document that says so.
    """

    code: str
    cause: Text
    to_do: Text
    source: str


@dataclass(frozen=True, slots=True)
class ServiceError:
    """An error as Cloud Sync reports it; hostile text. Both may be empty."""

    code: str = ""
    message: str = ""

    def __bool__(self) -> bool:
        return bool(self.code or self.message)

    @property
    def known(self) -> KnownError | None:
        """What is known of it; the number of a Windows error in the message says more than the code."""
        table = known_errors()
        for number in _WINDOWS_ERROR.findall(f"{self.code} {self.message}"):
            if found := table.get(number.casefold()):
                return found
        return table.get(self.code.casefold())

    @property
    def as_reported(self) -> Text:
        """Code and message as they came, made printable."""
        parts = (printable(part.strip(), limit=_SHOWN) for part in (self.code, self.message))
        return joined((verbatim(part) for part in parts if part), ": ")

    @property
    def text(self) -> Text:
        """As it came, then the cause: sentences with their full stops; empty where there is none."""
        if not self:
            return NOTHING
        reported = self.as_reported
        whole = reported if reported.endswith((".", "!", "?")) else t("{reported}.", reported=reported)
        return joined((whole, self.known.cause)) if self.known else whole

    @property
    def to_do(self) -> Text:
        """What to do about it; empty where that is not known."""
        return self.known.to_do if self.known else NOTHING


def quarantine_text(quarantine: Quarantine | None) -> Text:
    """Why a job is in quarantine: its reason, then its error; empty where the service gives neither."""
    reason, error = _of_quarantine(quarantine)
    return joined((reason.text, error.text))


def quarantine_to_do(quarantine: Quarantine | None) -> Text:
    """What to do about it: about the error, which says more, else about the reason; empty where neither is known."""
    reason, error = _of_quarantine(quarantine)
    return error.to_do or reason.to_do


def _of_quarantine(quarantine: Quarantine | None) -> tuple[ServiceError, ServiceError]:
    if quarantine is None:
        return ServiceError(), ServiceError()
    error = ServiceError(quarantine.code, quarantine.message)
    # Where the error repeats the reason, one of the two is enough.
    return ServiceError("" if quarantine.code == quarantine.reason else quarantine.reason), error


@cache
def known_errors() -> Mapping[str, KnownError]:
    """Every line of the table by its code, case folded."""
    text = files("runbook_lib.cloud_sync").joinpath("service_errors.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["code"].casefold(): KnownError(
            row["code"], from_table(row["cause"]), from_table(row["to_do"]), row["source"]
        )
        for row in rows
    }
