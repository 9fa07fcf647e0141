"""Owners of groups are read when a person in JupyterLab asks for them: a button that says what it costs.

The callback may run twice or on another thread (ipywidgets, ipykernel), also after the run is finished; it reads and
writes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from runbook_lib.errors import RunbookError
from runbook_lib.graph.owners import batches_for
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import Owner
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import counted, joined, t
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine, show_widget
from runbook_lib.notebook.reading import owners_now, owners_of


def offer_owners(
    context: RunContext, inventory: Inventory, told: Callable[[Mapping[GroupId, tuple[Owner, ...]]], None]
) -> None:
    """Show the button; ``told`` is called with the owners once they are read.

    Args:
        context: Of the run; its connection to Graph is opened again where it was closed.
        inventory: Whose groups are meant.
        told: Shows the owners.
    """
    import ipywidgets

    number = len(owners_of(inventory))
    if not number:
        return
    button: Any = ipywidgets.Button(
        description=t(
            "Read the owners of {groups} ({batches})",
            groups=counted(number, "group"),
            batches=counted(batches_for(number), "batch"),
        ),
        tooltip=t("One more request for each group, twenty in a batch. The table can then be searched by owner."),
        layout=ipywidgets.Layout(width="max-content"),
    )
    line = ProgressLine(t("Owners"))
    at_work = threading.Lock()

    def clicked(_: object) -> None:
        if not at_work.acquire(blocking=False):
            return
        button.disabled = True
        try:
            told(owners_now(context, inventory, line))
        except KeyboardInterrupt:
            line.show(t("Stopped: no owner is shown. Nothing was changed; the button reads them again."))
            button.disabled = False
        except RunbookError as error:
            line.show(t("Not read: {why}", why=joined((error.message, error.hint))))
            button.disabled = False
        finally:
            at_work.release()

    button.on_click(clicked)
    show_widget(button)
    # JupyterLab puts what a callback displays into its log; what stands in the cell already, a callback may replace.
    line.show(t("not read yet. The button reads them, also when the run is finished."))
