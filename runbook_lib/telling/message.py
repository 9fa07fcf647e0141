"""What is told of a run: how it ended, counts, and where its record is. Nobody's name is in it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.model.finding import Severity
from runbook_lib.model.outcome import Outcome, ending_of_facts
from runbook_lib.model.text import Text, joined, t, verbatim
from runbook_lib.model.untrusted import printable

NOTIFICATION_SCHEMA = "gwb-notification/1"
OWN_FINDING = "notification-failed"
"""Begins the identifier of findings about telling itself, which are told to nobody."""


@dataclass(frozen=True, slots=True)
class RunMessage:
    """What is told of one run.

    Attributes:
        code: Stable code of why it ended; empty where it ended as asked.
        planned: Changes of its plan.
        done: Changes that were carried out.
        findings: Severity to number of findings.
        record: Link to its record, or its path.
        state: Digest of end and findings: the same while nothing changed.
    """

    change_id: str
    run_id: str
    notebook: str
    outcome: Outcome
    code: str
    ended: str
    planned: int
    done: int
    findings: Mapping[str, int]
    record: str
    state: str

    @property
    def title(self) -> Text:
        """One line."""
        return t(
            "{title}: {notebook}, {change_id}", title=self._ending, notebook=self.notebook, change_id=self.change_id
        )

    @property
    def lines(self) -> tuple[Text, ...]:
        """The counts, for people."""
        severities = joined(
            (
                t("{number} {severity}", number=self.findings[one.value], severity=one.value)
                for one in reversed(Severity)
            ),
            ", ",
        )
        return (
            t(
                "Outcome: {outcome} (exit code {exit_code})",
                outcome=self.outcome.value,
                exit_code=self.outcome.exit_code,
            ),
            *((t("Reason: {code}", code=self.code),) if self.code else ()),
            t("Changes: {done} of {planned} carried out", done=self.done, planned=self.planned),
            t("Findings: {severities}", severities=severities),
        )

    @property
    def _ending(self) -> Text:
        return ending_of_facts(self.outcome, {"code": self.code}).title

    @property
    def linked(self) -> bool:
        """Whether the record has an address that can be opened from elsewhere."""
        return self.record.startswith("https://")

    def json_object(self) -> dict[str, Any]:
        """What a webhook is sent."""
        return {
            "schema": NOTIFICATION_SCHEMA,
            "change_id": self.change_id,
            "run_id": self.run_id,
            "notebook": self.notebook,
            "outcome": self.outcome.value,
            "exit_code": self.outcome.exit_code,
            "title": str(self._ending),
            "code": self.code,
            "ended": self.ended,
            "changes": {"planned": self.planned, "done": self.done},
            "findings": dict(self.findings),
            "record": self.record,
        }


def message_of(facts: Mapping[str, Any], *, record: str) -> RunMessage:
    """What is told of the run with these facts (record.json); it has given a verdict.

    Raises:
        ValueError: It has given none.
    """
    findings = [one for one in _list(facts.get("findings")) if not str(one.get("id")).startswith(OWN_FINDING)]
    counts = Counter(str(one.get("severity")) for one in findings)
    error = facts.get("error")
    code = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    outcome = Outcome(facts.get("outcome"))
    changes = facts.get("changes")
    planned, done = (changes.get(name) if isinstance(changes, Mapping) else 0 for name in ("planned", "done"))
    notebook = facts.get("notebook")
    seen = sorted({(str(one.get("id")), str(one.get("severity"))) for one in findings})
    state = hashlib.sha256(json.dumps([outcome.value, code, seen]).encode()).hexdigest()[:32]
    return RunMessage(
        change_id=printable(str(facts.get("change_id")), limit=100),
        run_id=printable(str(facts.get("run_id")), limit=100),
        notebook=printable(str(notebook.get("name") if isinstance(notebook, Mapping) else ""), limit=100),
        outcome=outcome,
        code=printable(code, limit=100),
        ended=str(facts.get("ended") or ""),
        planned=planned if isinstance(planned, int) else 0,
        done=done if isinstance(done, int) else 0,
        findings={one.value: counts[one.value] for one in Severity},
        record=record,
        state=state,
    )


def teams_card(message: RunMessage) -> dict[str, Any]:
    """A message with one Adaptive Card, as a workflow "when a Teams webhook request is received" takes it.

    Microsoft documentation, "Create incoming webhooks with Workflows for Microsoft Teams"; Adaptive Cards schema 1.4.
    """
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _plain(message.title), "weight": "Bolder", "size": "Medium", "wrap": True},
        *({"type": "TextBlock", "text": _plain(line), "wrap": True, "spacing": "Small"} for line in message.lines),
    ]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if message.linked:
        card["actions"] = [{"type": "Action.OpenUrl", "title": t("Open the record"), "url": message.record}]
    else:
        body.append({"type": "TextBlock", "text": _plain(_where(message)), "wrap": True})
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def slack_card(message: RunMessage) -> dict[str, Any]:
    """A message of Slack's incoming webhooks (Slack documentation, "Block Kit")."""
    text = "\n".join(_slack(line) for line in message.lines)
    begin = verbatim(f"<{_slack(message.record).replace('|', '%7C')}|")
    link = joined((begin, t("Open the record"), verbatim(">")), "")
    where = link if message.linked else _slack(_where(message))
    return {
        "text": _slack(message.title),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": message.title[:150]}},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"{text}\n{where}"[:3000]}},
        ],
    }


def mail_text(message: RunMessage) -> Text:
    """The text of a mail."""
    return joined((*message.lines, _where(message)), "\n")


def _where(message: RunMessage) -> Text:
    return t("Record: {record}", record=message.record)


def _plain(text: Text) -> Text:
    """Text of a card's TextBlock, in which Markdown means nothing."""
    return verbatim("".join(f"\\{char}" if char in "\\`*_[]()#!<>~|" else char for char in text))


def _slack(text: str) -> str:
    """Text in which Slack's own marks mean nothing (Slack documentation, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _list(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
