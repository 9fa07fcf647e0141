"""What a kernel tells the person at the terminal and nobody else: it is shown, and becomes no part of the notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.graph.sign_in.device_code import DeviceCode

NOTICE_TYPE = "application/vnd.gwb.notice+json"
"""MIME type of a display that is a notice: ``{"text": "..."}``."""
NOTICES_VARIABLE = "GWB_NOTICES"
"""Set in the kernel's environment where somebody reads notices."""


def notice_in(message: Mapping[str, Any]) -> str | None:
    """The text of a kernel's message that is a notice; None for any other message."""
    if message.get("msg_type") != "display_data":
        return None
    data = message["content"].get("data", {})
    body = data.get(NOTICE_TYPE)
    return str(body.get("text", "")) if isinstance(body, dict) else None


def sign_in_words(code: DeviceCode) -> str:
    """What a person has to do."""
    minutes = f"{code.minutes} minute{'' if code.minutes == 1 else 's'}"
    return f"To sign in, open {code.address} and type the code {code.code} within {minutes}. Ctrl-C cancels."
