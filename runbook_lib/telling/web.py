"""Webhooks and cards: one JSON message over https, signed where it can be, sent again where that may help.

A webhook is signed as Standard Webhooks has it (https://www.standardwebhooks.com, specification 1.0): HMAC-SHA256 of
``ID.TIMESTAMP.BODY``, so that a receiver proves who sent it and when; the same ID on each try tells it of repetitions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runbook_lib.deadline import within
from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.retry import NETWORK_ERRORS
from runbook_lib.graph.session import CloudSession
from runbook_lib.model.addresses import is_https
from runbook_lib.model.text import Text, t
from runbook_lib.secrets.sources import Secret

_PAUSES = (2.0, 8.0)
"""Seconds between tries; the run waits for them, so they are few."""
_TIMEOUT = 10.0
"""Seconds for a part of an answer; a whole one may take four times that."""
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_SHORTEST_KEY = 24
"""Bytes of a key, as the specification has it."""
_KEY_PREFIX = "whsec_"


def signed_headers(body: bytes, key: Secret, *, message_id: str, at: datetime) -> dict[str, str]:
    """The headers that sign a message.

    Args:
        body: As it is sent.
        key: ``whsec_`` and base64, or any text; of 24 bytes or more.
        message_id: The same on every try.
        at: Now, UTC.

    Raises:
        NoAccess: The key is too short, or no base64 after ``whsec_`` (``notification-key``).
    """
    text = key.reveal()
    try:
        secret = (
            base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
            if text.startswith(_KEY_PREFIX)
            else text.encode()
        )
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < _SHORTEST_KEY:
        raise NoAccess(
            t("The key that signs notifications has fewer than {least} bytes.", least=_SHORTEST_KEY),
            code="notification-key",
            hint=t("Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"),
        )
    seconds = str(int(at.timestamp()))
    signature = hmac.digest(secret, b".".join((message_id.encode(), seconds.encode(), body)), hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def require_allowed(url: str, hosts: list[str]) -> None:
    """Refuse an address that is no https address, or of a host that is not among those allowed.

    The address is not quoted: it may be the secret itself.

    Raises:
        NoAccess: ``notification-host``.
    """
    host = (urlsplit(url).hostname or "") if is_https(url, with_path=True) else ""
    if host.lower() in {one.lower() for one in hosts}:
        return
    raise NoAccess(
        t("The address names the host {host}, which is not among hosts.", host=host)
        if host
        else t("The address is no https address."),
        code="notification-host",
        hint=t("Nothing was sent. Check the secret that address_from names, and hosts."),
        values={"host": host},
    )


def send_json(
    url: str,
    content: Mapping[str, Any],
    *,
    ca_file: Path | None,
    headers: Callable[[bytes], Mapping[str, str]],
    sleep: Callable[[float], None],
) -> None:
    """Send a message until it is taken; a redirect is no answer, and nothing follows it.

    Args:
        url: https address.
        content: What is sent.
        ca_file: CA certificates to trust instead of the public ones.
        headers: Of the body, worked out anew for each try.
        sleep: Waits that many seconds.

    Raises:
        ServiceFailed: It was not taken (``notification-refused``, ``notification-unanswered``).
        UsageError: The CA file cannot be used.
    """
    body = json.dumps(content, ensure_ascii=False).encode()
    host = urlsplit(url).netloc
    session = CloudSession(ca_file=ca_file, timeout=_TIMEOUT)
    pauses = iter(_PAUSES)
    while True:
        status, why = _once(session, url, body, headers(body))
        if 200 <= status < 300:
            return
        pause = next(pauses, None) if status == 0 or status in _AGAIN else None
        if pause is not None:
            sleep(pause)
            continue
        raise ServiceFailed(
            t("{host} answers with HTTP {status}.", host=host, status=status)
            if status
            else t("{host} does not answer ({why}).", host=host, why=why),
            code="notification-refused" if status else "notification-unanswered",
            values={"host": host, "status": status},
        )


def _once(session: CloudSession, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Text | str]:
    """The status of one try, and why there is none (0). What an exception says may quote the address."""
    try:
        with within(session.longest_answer):
            answer = session.post(url, data=body, headers={"Content-Type": "application/json", **headers}, stream=True)
            answer.close()
    except NETWORK_ERRORS as error:
        return 0, type(error).__name__
    return answer.status_code, ""
