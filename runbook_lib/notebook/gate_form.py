"""The gate's form in JupyterLab: a name, the plan's phrase, one button.

A form can only ask. What it approves is an approval file like that of ``gwb approve``, and the gate cell still raises
until that file is there: *Run All* stops, and a form that nobody touches denies. A disabled button can be clicked from
Python and by a stale front end, and a callback may run twice or on another thread (ipywidgets, ipykernel), so the
callback trusts nothing that was true when the form was shown. Widgets are missing from a record; what was accepted is
said in a static line as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from runbook_lib.change.approvals.approvers import ANYBODY, Approvers
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import AwaitingApproval, Refused, RunbookError
from runbook_lib.model.change import Plan
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import Text, joined, t, with_values
from runbook_lib.model.untrusted import typed
from runbook_lib.routes.registry import ROUTES
from runbook_lib.signing.signature import Signing

FORM_OPEN = timedelta(minutes=30)
"""How long a form may be answered; a plan that was left on a screen over lunch is read again."""
APPROVAL_HOLDS = timedelta(hours=4)
"""How long its approval holds, as with ``gwb approve``."""


class FormLine(Protocol):
    """Where the form says in static text what became of it."""

    def show(self, text: Text) -> None:
        """Replace what was said before."""


class GateForm:
    """One form for one plan.

    Args:
        record: Record folder of the run that planned.
        plan: The plan that was shown.
        preconditions: Raises a ``RunbookError`` while something else keeps the plan from being approved.
        clock: Gives the present time, UTC.
        line: Says what became of the form.
        approvers: Who may approve.
    """

    def __init__(
        self,
        record: Path,
        plan: Plan,
        *,
        preconditions: Callable[[], None],
        clock: Callable[[], datetime],
        line: FormLine,
        approvers: Approvers = ANYBODY,
        signing: Signing | None = None,
    ) -> None:
        import ipywidgets

        self._record = record
        self._plan = plan
        self._preconditions = preconditions
        self._clock = clock
        self._line = line
        self._approvers = approvers
        self._signing = signing
        self._ends = clock() + FORM_OPEN
        self._answered = threading.Lock()
        self._closed = False
        wide = ipywidgets.Layout(width="34em")
        labels = {"description_width": "8em"}
        self.approver: Any = ipywidgets.Text(
            description=t("Your name"), placeholder=t("is stored in every record"), style=labels, layout=wide
        )
        self.phrase: Any = ipywidgets.Text(
            description=t("Phrase"), placeholder=t("the phrase of the plan above"), style=labels, layout=wide
        )
        self.button: Any = ipywidgets.Button(description=t("Approve this plan"), disabled=True)
        self.box: Any = ipywidgets.VBox([self.approver, self.phrase, self.button])
        for field in (self.approver, self.phrase):
            field.observe(self._typed, names="value")
        self.button.on_click(self._clicked)
        line.show(
            t(
                "Open until {ends}. Nothing is approved yet. The button wakes when there is a name and the phrase is "
                "the plan's.",
                ends=iso_seconds(self._ends),
            )
        )

    def close(self) -> None:
        """Answer nothing any more; a later form takes this one's place."""
        self._closed = True
        for widget in (self.approver, self.phrase, self.button):
            widget.disabled = True

    def _typed(self, _: object) -> None:
        fits = _typed_phrase(self.phrase.value) == self._plan.phrase and bool(self.approver.value.strip())
        self.button.disabled = self._closed or not fits

    def _clicked(self, _: object) -> None:
        # A second click while the first is at work finds the lock taken and changes nothing.
        if not self._answered.acquire(blocking=False):
            return
        try:
            self._answer()
        finally:
            self._answered.release()

    def _answer(self) -> None:
        if self._closed:
            return
        if self._clock() > self._ends:
            self.close()
            ended = iso_seconds(self._ends)
            self._line.show(t("Not approved: the form ended at {ended}. Run the gate cell again.", ended=ended))
            return
        try:
            self._preconditions()
            path, until = self._approve()
        except RunbookError as error:
            self._line.show(t("Not approved: {why}", why=joined((error.message, error.hint))))
            return
        self.close()
        self._line.show(
            t(
                "Recorded: {approver} approved plan {digest} with the phrase {phrase!r} until {until}, in {file}. "
                "Run the gate cell again, then the cells below it.",
                approver=self.approver.value.strip(),
                digest=self._plan.digest[:12],
                phrase=self._plan.phrase,
                until=iso_seconds(until),
                file=f"{path.parent.name}/{path.name}",
            )
        )

    def _approve(self) -> tuple[Path, datetime]:
        """Write the approval of the plan that was shown, if that is still the plan of the record."""
        if plan_to_json(planned(self._record, ROUTES)) != plan_to_json(self._plan):
            raise Refused(
                t("The plan in the record is not the one that this form was shown for."),
                code="plan-changed",
                hint=t("Run the notebook from its plan cell again."),
            )
        path = approve_plan(
            self._record,
            ROUTES,
            approver=self.approver.value,
            phrase=self.phrase.value,
            valid=APPROVAL_HOLDS,
            clock=self._clock,
            approvers=self._approvers,
            signing=self._signing,
        )
        return path, self._clock() + APPROVAL_HOLDS


def with_place(closed: AwaitingApproval, record: Path) -> AwaitingApproval:
    """The same error with the record's path in its hint, ready to be typed."""
    hint = with_values(closed.hint, record=typed(str(record)))
    values = {**closed.values, "record": str(record)}
    return AwaitingApproval(closed.message, code=closed.code, hint=hint, values=values)


def with_form(closed: AwaitingApproval) -> AwaitingApproval:
    """The same error whose hint names the form first.

    It is also said below the gate, by the last cell and in the record: "the form above" would be wrong there.
    """
    form = t("Fill in the form at the gate and run the gate cell again, while this run is open.")
    hint = t("{form} In a terminal: {hint}", form=form, hint=closed.hint)
    return AwaitingApproval(closed.message, code=closed.code, hint=hint, values=closed.values)


def _typed_phrase(text: str) -> str:
    """The phrase as ``approve`` compares it."""
    return " ".join(text.split())
