"""Setting up for one's own tenant as a form in JupyterLab: the questions of ``gwb init``, one at a time.

The form asks and the same steps check (``runbook_lib/setup``); nothing is decided here. Widgets are missing from a
record, so a static line says what was written. A button can be clicked twice and from elsewhere: a click while another
is at work does nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from runbook_lib.errors import RunbookError
from runbook_lib.files import RECORD_VARIABLE
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.notebook.front_end import ProgressLine, TextLine, show_widget
from runbook_lib.notebook.opening import PARAMETERS_VARIABLE, utc_now
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.paths import absolute_paths, project_root, resolve
from runbook_lib.preflight.whole import whole_preflight
from runbook_lib.setup.dialog import matching
from runbook_lib.setup.files import written_path
from runbook_lib.setup.questions import SetupQuestion, ToShow
from runbook_lib.setup.session import SetupSession
from runbook_lib.setup.steps import SETUP_STEPS
from runbook_lib.shown.html import broken_html, text_html
from runbook_lib.shown.preflight import findings_view, verdicts_view

FOLDER = "my-tenant"
_MOST_LINES = 12
"""Lines of the list of offered answers that are seen at once."""


class SetupForm:
    """One form.

    Args:
        root: What relative paths resolve against.
        environment: Environment variables; ``GWB_PARAMETERS`` is set in it when the files are written.
        clock: Gives the present time, UTC.
        line: Says what was written.
        given: Parameters that are not asked for.
    """

    def __init__(
        self,
        root: Path,
        *,
        environment: MutableMapping[str, str],
        clock: Callable[[], datetime],
        line: TextLine,
        given: Mapping[str, object] | None = None,
    ) -> None:
        import ipywidgets

        self._root = root
        self._environment = environment
        self._clock = clock
        self._line = line
        self._given = dict(given or {})
        self._session: SetupSession | None = None
        self._question: SetupQuestion | None = None
        self._answering = threading.Lock()
        self.title: Any = ipywidgets.HTML()
        self.answer: Any = ipywidgets.Text(layout={"width": "48em"})
        self.secret: Any = ipywidgets.Password(layout={"width": "48em"})
        self.offered: Any = ipywidgets.Select(layout={"width": "48em"})
        self.replace: Any = ipywidgets.Checkbox(description=t("Replace what is there"), indent=False)
        self.button: Any = ipywidgets.Button(description=t("Begin"), button_style="primary")
        self.said: Any = ipywidgets.HTML()
        self.box: Any = ipywidgets.VBox(
            [self.title, self.answer, self.secret, self.offered, self.replace, self.button, self.said]
        )
        self.answer.observe(self._typed, names="value")
        self.offered.observe(self._chosen, names="value")
        self.button.on_click(self._clicked)
        self._ask_for_folder()

    def _ask_for_folder(self) -> None:
        self.title.value = _heading(
            t("Folder for the files of your tenant"),
            t("Answers are kept there for the next time, passwords and the app's key in files of their own."),
        )
        self.answer.value = FOLDER
        self._show_fields(answer=True)

    def _show_fields(
        self, *, answer: bool = False, secret: bool = False, offered: bool = False, replace: bool = False
    ) -> None:
        wanted = (
            (self.answer, answer),
            (self.secret, secret),
            (self.offered, offered),
            (self.replace, replace),
        )
        for widget, shown in wanted:
            widget.layout.display = None if shown else "none"

    def _typed(self, _: object) -> None:
        """Make the list shorter by what is typed."""
        question = self._question
        if question is None or not question.offered or question.only_offered:
            return
        values = [one.value for one in question.offered]
        if self.answer.value not in values:
            self._offer(question, matching(values, self.answer.value))

    def _chosen(self, change: Mapping[str, object]) -> None:
        if change["new"] and self._question is not None and not self._question.only_offered:
            self.answer.value = str(change["new"])

    def _offer(self, question: SetupQuestion, values: list[str]) -> None:
        titles = {one.value: joined((one.value, one.title), "  ") for one in question.offered}
        self.offered.unobserve(self._chosen, names="value")
        self.offered.options = [(str(titles[value]), value) for value in values]
        self.offered.value = question.default if question.default in values and question.only_offered else None
        self.offered.rows = max(2, min(len(values), _MOST_LINES))
        self.offered.observe(self._chosen, names="value")

    def _clicked(self, _: object) -> None:
        if not self._answering.acquire(blocking=False):
            return
        try:
            self.button.disabled = True
            self._step()
        except RunbookError as error:
            self._say((joined((error.message, error.hint)),), wrong=True)
        finally:
            self.button.disabled = self.button.description == t("Done")
            self._answering.release()

    def _step(self) -> None:
        if self._session is None:
            self._begin()
        elif self._question is None:
            self._finish(self._session)
        else:
            self._say(self._session.dialog.answer(self._value(self._question)))
            self._next(self._session)

    def _begin(self) -> None:
        folder = resolve(self.answer.value.strip() or FOLDER, self._root)
        self._session = SetupSession(
            folder,
            self._root,
            SETUP_STEPS,
            given=self._given,
            environment=self._environment,
            clock=self._clock,
        )
        self._say(())
        self._next(self._session)

    def _value(self, question: SetupQuestion) -> str:
        if question.secret:
            typed, self.secret.value = self.secret.value, ""
            return str(typed)
        return str(self.offered.value or "") if question.only_offered else str(self.answer.value)

    def _next(self, session: SetupSession) -> None:
        self._question = None
        question = session.dialog.question
        if question is None:
            self._ask_to_write(session)
            return
        behind, steps = session.dialog.done
        number = t("[{number}/{steps}] {title}", number=behind + 1, steps=steps, title=question.title)
        self.title.value = _heading(number, question.explanation)
        self.button.description = t("Next")
        self.answer.value = question.default
        self._question = question
        if question.offered:
            self._offer(question, [one.value for one in question.offered])
        listed = bool(question.offered)
        self._show_fields(
            answer=not question.secret and not question.only_offered, secret=question.secret, offered=listed
        )

    def _ask_to_write(self, session: SetupSession) -> None:
        differing = session.differing
        names = ", ".join(written_path(path, self._root) for path in differing)
        self.title.value = _heading(
            t("Everything is answered."),
            t("{names} is there and differs.", names=names) if differing else NOTHING,
        )
        self.button.description = t("Write the files")
        self._show_fields(replace=bool(differing))

    def _finish(self, session: SetupSession) -> None:
        if session.dialog.question is not None:  # a question that could not be asked before
            self._next(session)
            return
        files = session.write(replace=bool(self.replace.value))
        session.close()
        named = os.pathsep.join(written_path(path, self._root) for path in files)
        self._environment[PARAMETERS_VARIABLE] = named
        self.title.value = _heading(t("Written."), NOTHING)
        self.button.description = t("Done")
        self._show_fields()
        self._line.show(
            t(
                "Written: {names}. The cells below use them. For the other notebooks start JupyterLab with "
                "{variable}={named}, then run 10-detect-exchange.",
                names=", ".join(written_path(path, self._root) for path in files),
                variable=PARAMETERS_VARIABLE,
                named=named,
            )
        )
        if session.dialog.state.pre_flight:
            self._pre_flight(files)

    def _pre_flight(self, files: Sequence[Path]) -> None:
        """Run the pre-flight with what was written, and show what it found; it writes nothing."""
        parameters = load_parameters(files, {}, project_root=self._root).parameters
        if parameters.sign_in == "device-code":
            self._say((t("The pre-flight is 10-detect-exchange: it shows the code that you sign in with."),))
            return
        judged = tuple(parameters.check_routes)
        self.title.value = _heading(t("Written. The pre-flight reads both sides …"), NOTHING)
        try:
            assessment = whole_preflight(
                absolute_paths(parameters, self._root),
                environment=self._environment,
                clock=self._clock,
                sleep=time.sleep,
                judged=judged,
                progress=lambda what: self._say((t("Reading: {what}", what=what),)),
            )
        except KeyboardInterrupt:
            self._say((t("The pre-flight was stopped; the files are written. 10-detect-exchange runs it again."),))
            return
        self.title.value = _heading(t("Written, and the pre-flight was run."), NOTHING)
        self.said.value = str(verdicts_view(assessment).html + findings_view(assessment).html)

    def _say(self, shown: tuple[ToShow, ...], *, wrong: bool = False) -> None:
        parts = [
            Markup("<p{}>{}</p>").format(Markup(' role="alert"') if wrong else "", text_html(one))
            if isinstance(one, Text)
            else Markup("<details><summary>{}</summary><pre>{}</pre></details>").format(
                text_html(one.title), broken_html(one.lines)
            )
            for one in shown
        ]
        self.said.value = str(Markup("").join(parts))


def offer_setup() -> None:
    """Show the form, folded, where a person sits in front of a notebook (JupyterLab); elsewhere say what to do."""
    line = ProgressLine(t("Set-up"))
    if "JPY_SESSION_NAME" not in os.environ or RECORD_VARIABLE in os.environ:
        line.show(t("In JupyterLab a form stands here; gwb init asks the same in a terminal."))
        return
    import ipywidgets

    form = SetupForm(project_root(), environment=os.environ, clock=utc_now, line=line)
    show_widget(ipywidgets.Accordion([form.box], titles=(t("Set up for your own tenant"),)))
    line.show(t("Open the form if there is no parameters file for your tenant yet."))


def _heading(title: Text, explanation: Text) -> str:
    return str(Markup("<b>{}</b><br>{}").format(text_html(title), text_html(explanation)))
