"""What JupyterLab itself is asked to do: come to the cell that a run stopped at, and run it and the cells below.

Both are conveniences. The second needs a JupyterLab that lets a page command it (``LabApp.expose_app_in_browser``, as
this project's configuration does); in another one, or another front end, nothing happens, and the texts say what to do
by hand.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


class StoppedHere:
    """Stands in a cell that a run stopped at.

    Its ``widget`` is shown in that cell: JupyterLab comes back to it from the end of the notebook, where *Run All*
    leaves a reader. It brings the style sheet of the form beside it: the class ``gwb-wraps`` wraps a list's lines.
    """

    def __init__(self) -> None:
        self.widget: Any = _widget_class()(stopped=True)

    def go_on(self) -> None:
        """Run this cell again and all below it."""
        self.leave()
        self.widget.send({"do": "go-on"})

    def leave(self) -> None:
        """The run has gone on, or another form took this one's place: nobody is brought here any more."""
        self.widget.stopped = False


@cache
def _widget_class() -> type[Any]:
    # Loaded where it is shown: no headless run needs widgets.
    import anywidget
    import traitlets

    files = {"_esm": Path(__file__).with_name("lab.js"), "_css": Path(__file__).with_name("lab.css")}
    members = {**files, "stopped": traitlets.Bool().tag(sync=True)}
    return type("StoppedHereWidget", (anywidget.AnyWidget,), members)
