"""What JupyterLab itself is asked to do: come to the cell that a run stopped at, and run it and the cells below.

Both are conveniences. The second needs a JupyterLab that lets a page command it (``LabApp.expose_app_in_browser``, as
this project's configuration does); in another one, or another front end, nothing happens, and the texts say what to do
by hand.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

_GO_ON = {"do": "go-on"}


class StoppedHere:
    """Stands in a cell that a run stopped at.

    Its ``widget`` is shown in that cell: JupyterLab comes back to it from the end of the notebook, where *Run All*
    leaves a reader. It brings the style sheet of the form beside it: the class ``gwb-wraps`` wraps a list's lines.
    """

    def __init__(self) -> None:
        import ipywidgets

        self._page = _page(stopped=True)
        self.widget: Any = ipywidgets.Box([self._page])

    def go_on(self) -> None:
        """Run this cell again and all below it; once, also where the page has to be made anew for that.

        A page whose script takes more than anywidget's two seconds to load, on a busy machine for one, hears nothing
        from the kernel any more, although it is shown and the kernel hears it. One that never answered gets a
        successor, which is told when it has.
        """
        self.leave()
        if self._page.hears:
            self._page.send(_GO_ON)
            return
        self._page = _page(stopped=False)
        self._page.observe(_told_to_go_on, names="hears")
        self.widget.children = (self._page,)

    def leave(self) -> None:
        """The run has gone on, or another form took this one's place: nobody is brought here any more."""
        self._page.stopped = False


def _page(*, stopped: bool) -> Any:
    page = _widget_class()(stopped=stopped)
    page.on_msg(_asked_to_answer)
    return page


def _asked_to_answer(page: Any, _content: object, _buffers: object) -> None:
    """A page said that it is there; what it makes of this shows whether it hears."""
    page.send({"do": "answer"})


def _told_to_go_on(hears: Any) -> None:
    hears.owner.unobserve(_told_to_go_on, names="hears")
    hears.owner.send(_GO_ON)


@cache
def _widget_class() -> type[Any]:
    # Loaded where it is shown: no headless run needs widgets.
    import anywidget
    import traitlets

    files = {"_esm": Path(__file__).with_name("lab.js"), "_css": Path(__file__).with_name("lab.css")}
    states = {name: traitlets.Bool().tag(sync=True) for name in ("stopped", "hears")}
    return type("StoppedHereWidget", (anywidget.AnyWidget,), {**files, **states})
