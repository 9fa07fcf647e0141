"""Everybody whom ``notify`` names is told how a run ended. Nothing that goes wrong here changes how it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runbook_lib.errors import RunbookError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import iso_milliseconds
from runbook_lib.model.text import t
from runbook_lib.parameters.model_notify import NotifyParameter
from runbook_lib.parameters.paths import resolve
from runbook_lib.secrets.reference import SecretStores
from runbook_lib.telling.decide import Told, to_be_told
from runbook_lib.telling.mail import mail_of, send_mail
from runbook_lib.telling.message import OWN_FINDING, RunMessage, mail_text, slack_card, teams_card
from runbook_lib.telling.web import require_allowed, send_json, signed_headers


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry of ``notify``.

    Attributes:
        error: Why it failed.
    """

    entry: NotifyParameter
    told: Told
    at: datetime
    state: str
    error: RunbookError | None = None

    def fact(self) -> dict[str, object]:
        """As record.json holds it."""
        return {
            "name": self.entry.name,
            "by": self.entry.by,
            "at": iso_milliseconds(self.at),
            "result": self.told.value,
            "state": self.state,
        }

    def finding(self) -> Finding | None:
        """What the record says of a failure."""
        if self.error is None:
            return None
        return Finding(
            id=f"{OWN_FINDING}-{hashlib.sha256(self.entry.name.encode()).hexdigest()[:8]}",
            severity=Severity.WARNING,
            seen=t("{name} was not told how this run ended: {why}", name=self.entry.name, why=self.error.message),
            expected=t("Everybody whom notify names is told."),
            why=t("The outcome does not depend on it, but somebody may wait for this message."),
            to_do=self.error.hint
            or t("Tell them, and check the entry of notify; the next run tells what is new then."),
            source="",
            values={"name": self.entry.name, "cause": self.error.code},
        )


def tell(
    entries: Sequence[NotifyParameter],
    message: RunMessage,
    *,
    last: Callable[[str], str | None],
    stores: SecretStores,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> list[Result]:
    """Tell each entry what it asked for, one after the other.

    Args:
        entries: The parameter ``notify``.
        message: From ``message_of``.
        last: State that the entry of a name was sent last; None: nothing yet.
        stores: Where secrets are looked up.
        clock: Now, UTC.
        sleep: Waits that many seconds.
    """
    results = []
    for entry in entries:
        told, error = to_be_told(entry, message, last=last(entry.name), now=clock()), None
        if told is Told.SENT:
            try:
                _send(entry, message, stores, clock, sleep)
            except RunbookError as failure:
                told, error = Told.FAILED, failure
        results.append(Result(entry, told, clock(), message.state, error))
    return results


def _send(
    entry: NotifyParameter,
    message: RunMessage,
    stores: SecretStores,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    ca_file = resolve(entry.ca_file, stores.project_root) if entry.ca_file else None
    # The same on every try, another one for each entry and run.
    message_id = hashlib.sha256(f"{message.change_id}/{message.run_id}/{entry.name}".encode()).hexdigest()[:32]
    if entry.by == "email":
        _mail(entry, message, stores, message_id, clock(), ca_file)
        return
    url = entry.address
    hosts = [urlsplit(url).hostname or ""]
    if entry.address_from:
        what = t("address that {name} is told at", name=entry.name)
        url = stores.get(entry.address_from, parameter="notify", what=what).reveal()
        hosts = entry.hosts
    require_allowed(url, hosts)
    key = (
        stores.get(entry.sign_with, parameter="notify", what=t("key that signs notifications"))
        if entry.sign_with
        else None
    )

    def headers(body: bytes) -> Mapping[str, str]:
        return {} if key is None else signed_headers(body, key, message_id=message_id, at=clock())

    content: dict[str, Any] = {"teams": teams_card, "slack": slack_card}.get(entry.by, RunMessage.json_object)(message)
    send_json(url, content, ca_file=ca_file, headers=headers, sleep=sleep)


def _mail(
    entry: NotifyParameter,
    message: RunMessage,
    stores: SecretStores,
    message_id: str,
    at: datetime,
    ca_file: Path | None,
) -> None:
    password = (
        stores.get(entry.password_from, parameter="notify", what=t("password of the mail account"))
        if entry.password_from
        else None
    )
    mail = mail_of(
        sender=entry.sender,
        recipients=entry.recipients,
        subject=message.title,
        text=mail_text(message),
        message_id=message_id,
        at=at,
    )
    send_mail(entry.address, mail, user=entry.user, password=password, ca_file=ca_file)
