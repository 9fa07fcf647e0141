"""How a run shows itself: static HTML that stays in the executed notebook, and one progress line that updates."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from runbook_lib.files import RUN_MIME
from runbook_lib.model.untrusted import printable
from runbook_lib.shown.html import text_html

_SECONDS_BETWEEN_UPDATES = 0.25


def show(html: str, text: str, mark: Mapping[str, str]) -> None:
    """Show HTML with a plain text for terminals and the mark of its run; nothing outside IPython."""
    if get_ipython() is not None:
        data = {"text/html": html, "text/plain": printable(text), RUN_MIME: dict(mark)}
        display(data, raw=True)  # type: ignore[no-untyped-call]


def show_mark(mark: Mapping[str, str]) -> None:
    """Mark a cell that ended with an error as one of this run; people see nothing of it."""
    if get_ipython() is not None:
        display({"text/plain": "", RUN_MIME: dict(mark)}, raw=True)  # type: ignore[no-untyped-call]


def show_widget(widget: Any) -> None:
    """Show a widget for people in front of JupyterLab; nothing outside IPython. It is missing from every record."""
    if get_ipython() is not None:
        display(widget)  # type: ignore[no-untyped-call]


class ProgressLine:
    """One line of progress. Its last text stays in the record, so it ends with what was reached."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._handle: Any = None
        self._shown_at = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Report ``done`` of ``total`` (None: unknown) of ``what``."""
        now = time.monotonic()
        if done != total and now - self._shown_at < _SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = now
        self.say(f"{what}: {done:,}" + (f" of {total:,}" if total is not None else ""))

    def say(self, text: str) -> None:
        """Show this text now."""
        if get_ipython() is None:
            return
        line = f"{self._title}: {text}"
        data = {"text/html": f'<p style="margin:2px 0">{text_html(line)}</p>', "text/plain": printable(line)}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(data, raw=True)
