"""How a sign-in by device code looks: as HTML in a cell, in words on a terminal, and as a notice between the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.model.addresses import is_https
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.shown.html import BOX, INK, SHADE, banner_html, sentence_html, text_html

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


def minutes_text(code: DeviceCode) -> Text:
    """How long the code can be typed."""
    return t("1 minute") if code.minutes == 1 else t("{minutes} minutes", minutes=code.minutes)


def sign_in_text(code: DeviceCode) -> Text:
    """What a person has to do."""
    return t(
        "To sign in, open {address} and type the code {code} within {minutes}. Ctrl-C cancels.",
        address=code.address,
        code=code.code,
        minutes=minutes_text(code),
    )


def sign_in_code_html(code: DeviceCode) -> Markup:
    """The code as static HTML."""
    frame = f"{BOX};margin:6px 0;padding:10px 14px;font-size:14px;line-height:1.6"
    large = f"color:{INK};background-color:{SHADE};font-size:22px;padding:4px 10px"
    return banner_html("neutral", t("Sign in to Microsoft Entra ID")) + Markup(
        '<p style="{}">{}<br><code style="{}">{}</code><br>{}</p>'
    ).format(
        frame,
        sentence_html(
            t(
                "Open {address} on any device and type this code within {minutes}:",
                address=_link(code.address),
                minutes=minutes_text(code),
            )
        ),
        large,
        text_html(code.code),
        t("Interrupt the kernel to cancel."),
    )


def _link(address: str) -> Markup:
    """A link that the browser opens outside; an address that is none is text."""
    shown = text_html(address)
    if not is_https(address, with_path=True):
        return shown
    link = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
    return link.format(printable(address), shown)
