"""What every kind of hand-off is made of: where its lines are run, the template that they come from, its values.

Existing settings are read before they are changed; a change says what it would do before it does it (``-WhatIf``).
What has no such switch is called so in the text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import ClassVar

from runbook_lib.model.finding import Finding
from runbook_lib.model.text import Text, t
from runbook_lib.preflight.hand_off.templates import HAND_OFF_FOLDER, rendered_from

EXCHANGE_SHELL = t("Exchange Management Shell (on-premises)")
CONNECT_SHELL = t("Windows PowerShell on the Connect Sync server")
AGENT = t("Windows PowerShell on each server with a Cloud Sync agent")
EXCHANGE_ONLINE = t("Exchange Online PowerShell, then Exchange Management Shell (on-premises)")
EXCHANGE_ONLINE_ALONE = t("Exchange Online PowerShell")
MAILBOXES = t("Mailboxes on both sides, and Exchange Management Shell (on-premises)")
IN_SHELL = (EXCHANGE_SHELL, EXCHANGE_ONLINE, MAILBOXES)
"""Where lines run that need the Exchange Management Shell on premises."""
DNS_CONSOLE = t("DNS zone")
DIRECTORY = t("PowerShell or a command prompt, as an administrator of the domain")


@dataclass(frozen=True, slots=True)
class HandOffText:
    """Text to copy.

    Attributes:
        finding: Id of the finding that it answers.
        title: What it does.
        where: Where it is run.
        text: The lines, each with its end.
    """

    finding: str
    title: Text
    where: Text
    text: str

    def as_json(self) -> dict[str, str]:
        """JSON form."""
        return {"finding": self.finding, "title": self.title, "where": self.where, "text": self.text}


def hand_offs(findings: Iterable[Finding]) -> tuple[HandOffText, ...]:
    """The hand-offs of the findings that have one, in their order; one without lines is left out."""
    made = [
        HandOffText(finding.id, one.title, one.where, text)
        for finding in findings
        for one in finding.hand_offs
        if (text := one.text())
    ]
    # Several findings can have one answer; the first, the gravest, keeps it.
    return tuple({(offer.where, offer.text): offer for offer in reversed(made)}.values())[::-1]


class HandOffKind(ABC):
    """One kind: its values are the fields of its dataclass, and what its template takes (``<kind>.ps1.j2``).

    Attributes:
        kind: Stable name with hyphens.
        where: Where the lines are run.
        template: Name of the template.
        package: The package whose folder holds it.
    """

    __slots__ = ()
    kind: ClassVar[str]
    where: ClassVar[Text]
    template: ClassVar[str]
    package: ClassVar[str] = HAND_OFF_FOLDER

    @property
    @abstractmethod
    def title(self) -> Text:
        """What it does, in a few words."""

    @property
    def has_lines(self) -> bool:
        """Whether there is anything to do with these values."""
        return True

    def values(self) -> dict[str, object]:
        """What the template takes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def text(self) -> str:
        """The lines, each with its end; empty where there is nothing to do."""
        return rendered_from(self.package, self.template, **self.values()) if self.has_lines else ""

    def as_json(self) -> dict[str, object]:
        """The kind and the values, as a record has them."""
        return {"kind": self.kind, **{name: _json(value) for name, value in self.values().items()}}


def _json(value: object) -> object:
    return [_json(one) for one in value] if isinstance(value, tuple) else value
