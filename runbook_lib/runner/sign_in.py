"""A device code on a terminal, for commands that read the tenant without a notebook."""

from __future__ import annotations

import sys

from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.runner.console import warn
from runbook_lib.shown.notices import sign_in_words


class TerminalPrompt:
    """Shows a device code on standard error."""

    def show(self, code: DeviceCode) -> None:
        """What to do, in one line."""
        warn(sign_in_words(code))

    def close(self, text: str) -> None:
        """How it ended."""
        warn(text)


def terminal_prompt() -> TerminalPrompt | None:
    """A prompt if a person reads standard error, else None."""
    return TerminalPrompt() if sys.stderr.isatty() else None
