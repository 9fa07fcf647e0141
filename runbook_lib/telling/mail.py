"""A mail over SMTP (RFC 5321), always inside TLS whose certificate names the server: STARTTLS, or TLS at once."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit

from runbook_lib.errors import ServiceFailed
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import Secret, scrubbed

_TIMEOUT = 20.0
"""Seconds for one answer of the server."""
_PORTS = {"smtp": 587, "smtps": 465}


def mail_of(
    *, sender: str, recipients: list[str], subject: Text, text: Text, message_id: str, at: datetime
) -> EmailMessage:
    """A mail of plain text; it says that nobody is expected to answer it (RFC 3834)."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = printable(subject, limit=200)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{text}\n")
    return mail


def send_mail(address: str, mail: EmailMessage, *, user: str, password: Secret | None, ca_file: Path | None) -> None:
    """Send a mail. It is tried once: after a lost answer nobody knows whether the server took it.

    Args:
        address: ``smtp://HOST:587`` (STARTTLS, which is insisted on) or ``smtps://HOST:465``.
        mail: From ``mail_of``.
        user: Account at the server; empty: none.
        password: Of that account.
        ca_file: CA certificates to trust instead of those of the system.

    Raises:
        ServiceFailed: It was not taken (``notification-refused``, ``notification-unanswered``).
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        context = ssl.create_default_context(cafile=ca_file)
        with (
            smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=context)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=_TIMEOUT)
        ) as server:
            if parts.scheme == "smtp":
                server.starttls(context=context)
            if user and password is not None:
                server.login(user, password.reveal())
            refused = server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        secrets = () if password is None else (password.reveal(),)
        raise ServiceFailed(
            t(
                "The mail server {host} answers {code} ({said}).",
                host=host,
                code=error.smtp_code,
                said=scrubbed(said, secrets),
            ),
            code="notification-refused",
            values={"host": host, "status": error.smtp_code},
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ServiceFailed(
            t("The mail server {host} does not take it ({why}).", host=host, why=printable(why, limit=120)),
            code="notification-unanswered",
            values={"host": host},
        ) from None
    if refused:
        raise ServiceFailed(
            t("The mail server {host} refuses some of the recipients: {number}.", host=host, number=len(refused)),
            code="notification-refused",
            values={"host": host},
        )
