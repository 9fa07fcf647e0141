"""Which change is undone, chosen in JupyterLab: the records that can be undone in a list, and a field to type a folder.

What is chosen counts for the run that begins then, and for none after it: nothing remembers it, so nobody undoes a
record that was meant another day.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.model.text import joined, t
from runbook_lib.notebook.front_end import ProgressLine, TextLine, show_widget
from runbook_lib.notebook.lab import StoppedHere
from runbook_lib.record.needs import Undoable

_MOST_ROWS = 12
"""Rows of the list that are seen at once."""


class UndoForm:
    """The list, the field and one button.

    Args:
        offered: Records that can be undone, the newest first.
        chosen: Told the folder; raises a ``RunbookError`` where it cannot be undone.
        line: Says what became of the form.
    """

    def __init__(self, offered: list[Undoable], *, chosen: Callable[[Path], None], line: TextLine) -> None:
        import ipywidgets

        self._chosen = chosen
        self._line = line
        self._answered = threading.Lock()
        wide = ipywidgets.Layout(width="auto", max_width="60em")
        labels = {"description_width": "8em"}
        self.records: Any = ipywidgets.Select(
            description=t("Record"),
            options=[(one.said, str(one.record)) for one in offered],
            rows=max(2, min(len(offered), _MOST_ROWS)),
            style=labels,
            layout=wide,
        )
        self.records.add_class("gwb-wraps")
        self.typed: Any = ipywidgets.Text(
            description=t("or its folder"),
            placeholder=t("typed here, it counts in the place of the list"),
            style=labels,
            layout=wide,
        )
        self.button: Any = ipywidgets.Button(description=t("Plan its way back"), layout=ipywidgets.Layout(width="16em"))
        self._stopped = StoppedHere()
        listed = [self.records] if offered else []
        self.box: Any = ipywidgets.VBox([*listed, self.typed, self.button, self._stopped.widget])
        self.button.on_click(self._clicked)
        line.show(
            t("{number} can be undone, the newest first. Nothing is undone before its plan is approved.", number=number)
            if (number := len(offered))
            else t("none that can be undone was found: its run has written something, is finished and sealed.")
        )

    def _clicked(self, _: object) -> None:
        if not self._answered.acquire(blocking=False):
            return
        try:
            named = self.typed.value.strip() or self.records.value
            if not named:
                self._line.show(t("Name a folder first."))
                return
            try:
                self._chosen(Path(named))
            except RunbookError as error:
                self._line.show(t("Not taken: {why}", why=joined((error.message, error.hint))))
                return
            for widget in (self.records, self.typed, self.button):
                widget.disabled = True
            self._line.show(
                t("Taken: {record}. This cell and those below it run now; where they do not, run them.", record=named)
            )
            self._stopped.go_on()
        finally:
            self._answered.release()


def offer_undo(offered: list[Undoable], chosen: Callable[[Path], None]) -> UndoForm:
    """Show the form in the cell that runs now."""
    form = UndoForm(offered, chosen=chosen, line=ProgressLine(t("Records")))
    show_widget(form.box)
    return form
