"""How a sign-in by device code looks: as HTML in a cell, in words on a terminal, and as a notice between the two."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.model.untrusted import printable
from runbook_lib.shown.html import BOX, INK, SHADE, banner_html, text_html

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


def code_html(code: DeviceCode) -> str:
    """The code as static HTML."""
    address, shown = _link(code.address), text_html(code.code)
    minutes = f"{code.minutes} minute{'' if code.minutes == 1 else 's'}"
    frame = f"{BOX};margin:6px 0;padding:10px 14px;font-size:14px;line-height:1.6"
    large = f"color:{INK};background-color:{SHADE};font-size:22px;padding:4px 10px"
    return banner_html("neutral", "Sign in to Microsoft Entra ID") + (
        f'<p style="{frame}">Open {address} on any '
        f'device and type this code within {minutes}:<br><code style="{large}">{shown}</code><br>'
        "Interrupt the kernel to cancel.</p>"
    )


def _link(address: str) -> str:
    """A link that the browser opens outside; an address that is none is text."""
    shown = text_html(address)
    if not address.startswith("https://"):
        return shown
    return f'<a href="{html.escape(printable(address))}" target="_blank" rel="noopener noreferrer">{shown}</a>'
