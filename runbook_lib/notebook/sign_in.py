"""A device code where the person is: in the notebook's output, or through ``gwb run`` on the terminal.

In the notebook the code stands in a display that is replaced as soon as sign-in has ended, however it ended, so that no
saved notebook and no record keeps it. Under ``gwb run`` it goes to the terminal alone. Where neither is read by anybody
there is no prompt, and sign-in says so.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from IPython.display import display

from runbook_lib.graph.sign_in.device_code import DeviceCode, SignInPrompt
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.face import ProgressLine
from runbook_lib.shown.html import BOX, INK, SHADE, banner_html, text_html
from runbook_lib.shown.notices import NOTICE_TYPE, NOTICES_VARIABLE, sign_in_words


def prompt_for(environment: Mapping[str, str], *, interactive: bool) -> SignInPrompt | None:
    """How a code is shown in this kernel; None where nobody would see it."""
    if interactive:
        return NotebookPrompt()
    return TerminalNotice() if environment.get(NOTICES_VARIABLE) else None


class NotebookPrompt:
    """Shows the code in the cell's output until sign-in has ended."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, code: DeviceCode) -> None:
        """Code and address, large enough to type from."""
        data = {"text/html": code_html(code), "text/plain": printable(sign_in_words(code))}
        # First the place, then the code: an interrupt in between must not leave a code that nothing replaces.
        self._handle = display({"text/plain": "Sign-in"}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._handle.update(data, raw=True)

    def close(self, text: str) -> None:
        """How it ended, in the place where the code was."""
        data = {"text/html": f'<p style="margin:2px 0">{text_html(text)}</p>', "text/plain": printable(text)}
        if self._handle is not None:
            self._handle.update(data, raw=True)
            self._handle = None


class TerminalNotice:
    """Sends the code to the terminal that ``gwb run`` runs in; the notebook only keeps how it ended."""

    def show(self, code: DeviceCode) -> None:
        """What to do, as a notice."""
        display({NOTICE_TYPE: {"text": sign_in_words(code)}}, raw=True)  # type: ignore[no-untyped-call]

    def close(self, text: str) -> None:
        """How it ended, to both."""
        display({NOTICE_TYPE: {"text": text}}, raw=True)  # type: ignore[no-untyped-call]
        title, _, rest = text.partition(": ")
        ProgressLine(title).say(rest)


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
