"""The gate's form in JupyterLab: the groups of the plan to tick, a name, the phrase, one button.

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
from typing import Any

from runbook_lib.change.approvals.approvers import ANYBODY, Approvers, require_approver
from runbook_lib.change.approvals.part import part_of
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import AwaitingApproval, Refused, RunbookError
from runbook_lib.model.change import Plan
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t, with_values
from runbook_lib.model.untrusted import typed
from runbook_lib.notebook.front_end import TextLine
from runbook_lib.notebook.gate_groups import GROUP_COLUMNS, group_rows
from runbook_lib.notebook.lab import StoppedHere
from runbook_lib.notebook.ticking.table import TickTable
from runbook_lib.routes.registry import ROUTES
from runbook_lib.shown.html import line_html
from runbook_lib.signing.signature import Signing

FORM_OPEN = timedelta(minutes=30)
"""How long a form may be answered; a plan that was left on a screen over lunch is read again."""
APPROVAL_HOLDS = timedelta(hours=4)
"""How long its approval holds, as with ``gwb approve``."""
_MOST_NAMES = 5
"""Names of groups that a sentence of the form lists."""


class GateForm:
    """One form for one plan.

    Args:
        record: Record folder of the run that planned.
        plan: The plan that was shown.
        preconditions: Raises a ``RunbookError`` while something else keeps the plan from being approved.
        clock: Gives the present time, UTC.
        line: Says what became of the form.
        approvers: Who may approve.
        whole: Whether it is all or nothing: a change that broke off is finished as it was begun.
    """

    def __init__(
        self,
        record: Path,
        plan: Plan,
        *,
        preconditions: Callable[[], None],
        clock: Callable[[], datetime],
        line: TextLine,
        approvers: Approvers = ANYBODY,
        signing: Signing | None = None,
        whole: bool = False,
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
        rows = self._rows = group_rows(plan)
        self.groups: TickTable | None = None
        """The groups of the plan; None where there is nothing to choose among."""
        if len(rows) > 1 and not whole:
            self.groups = TickTable(
                t("Groups of this plan: those that are not ticked are left out, and wait"),
                GROUP_COLUMNS,
                rows,
                ticked=[row.key for row in rows],
                changed=self._typed,
            )
        # As wide as its place, and no wider: a width of 100 % and the margins of a field are more than that.
        wide = ipywidgets.Layout(width="auto", max_width="44em")
        labels = {"description_width": "8em"}
        self.approver: Any = ipywidgets.Text(
            description=t("Your name"), placeholder=t("is stored in every record"), style=labels, layout=wide
        )
        self.phrase: Any = ipywidgets.Text(
            description=t("Phrase"), placeholder=t("the phrase of the plan above"), style=labels, layout=wide
        )
        self.state: Any = ipywidgets.HTML()
        """Why the button is grey."""
        self.button: Any = ipywidgets.Button(
            description=t("Approve and go on"), disabled=True, layout=ipywidgets.Layout(width="16em")
        )
        table = [self.groups.widget] if self.groups is not None else []
        self._stopped = StoppedHere()
        self.box: Any = ipywidgets.VBox(
            [*table, self.approver, self.phrase, self.state, self.button, self._stopped.widget]
        )
        for field in (self.approver, self.phrase):
            field.observe(self._typed, names="value")
        self.button.on_click(self._clicked)
        self._typed(None)
        line.show(
            t(
                "Open until {ends}. Nothing is approved yet. The form says what its button still waits for.",
                ends=iso_seconds(self._ends),
            )
        )

    def close(self) -> None:
        """Answer nothing any more; a later form takes this one's place."""
        self._closed = True
        self._stopped.leave()
        for widget in (self.approver, self.phrase, self.button):
            widget.disabled = True
        if self.groups is not None:
            self.groups.close()
        self.state.value = ""

    @property
    def _left_out(self) -> frozenset[str]:
        """Ids of the groups that are not ticked."""
        return frozenset() if self.groups is None else frozenset(row.key for row in self._rows) - self.groups.ticked

    def _typed(self, _: object) -> None:
        if self._closed:
            return
        part = part_of(self._plan, self._left_out)
        waits_for = self._waits_for(part)
        self.button.disabled = bool(waits_for)
        ready = t("Ready: the button approves {what}.", what=_what(part, self._plan))
        said = joined((waits_for or ready, self._left_out_too(part)))
        self.state.value = str(line_html(said))

    def _left_out_too(self, part: Plan) -> Text:
        """Which ticked groups cannot be carried out without those that are not ticked."""
        kept = {change.group_id for change in part.changes}
        names = [str(row.cells[0]) for row in self._rows if row.key not in self._left_out and row.key not in kept]
        if not names:
            return NOTHING
        return t("Left out too, because they need what is not ticked: {names}.", names=first_of(names, _MOST_NAMES))

    def _waits_for(self, part: Plan) -> Text:
        """Why the button is grey; empty where it is not."""
        missing: list[Text] = []
        if not part.changes:
            missing.append(t("no group is ticked whose changes could be carried out"))
        try:
            self._preconditions()
            if self.approver.value.strip():
                key = self._signing.key.shown if self._signing else None
                name = self.approver.value.strip()
                require_approver(name, self._approvers, self._clock(), key, self._record.name)
            else:
                missing.append(t("your name is missing"))
        except RunbookError as error:
            missing.append(joined((error.message, error.hint)))
        given = _typed_phrase(self.phrase.value)
        if part.changes and given != part.phrase:
            missing.append(_phrase_missing(given, part.phrase))
        return t("The button is grey: {missing}.", missing=joined(missing, "; ")) if missing else NOTHING

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
        left_out = self._left_out
        part = part_of(self._plan, left_out)
        try:
            self._preconditions()
            path, until = self._approve(left_out)
        except RunbookError as error:
            self._line.show(t("Not approved: {why}", why=joined((error.message, error.hint))))
            return
        self.close()
        self._line.show(
            t(
                "Recorded: {approver} approved {what} ({digest}) with the phrase {phrase!r} until {until}, in "
                "{file}. The gate and the cells below it run now; where they do not, run them.",
                approver=self.approver.value.strip(),
                what=_what(part, self._plan),
                digest=self._plan.digest[:12],
                phrase=part.phrase,
                until=iso_seconds(until),
                file=f"{path.parent.name}/{path.name}",
            )
        )
        self._stopped.go_on()

    def _approve(self, left_out: frozenset[str]) -> tuple[Path, datetime]:
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
            left_out=left_out,
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
    form = t("Fill in the form at the gate, while this run is open.")
    hint = t("{form} In a terminal: {hint}", form=form, hint=closed.hint)
    return AwaitingApproval(closed.message, code=closed.code, hint=hint, values=closed.values)


def _typed_phrase(text: str) -> str:
    """The phrase as ``approve`` compares it."""
    return " ".join(text.split())


def _phrase_missing(given: str, wanted: str) -> Text:
    """What is wrong with a phrase, so that it can be mended."""
    if not given:
        return t("the phrase is to be typed: {wanted}", wanted=wanted)
    if wanted.startswith(given):
        return t("the phrase goes on: {rest}", rest=wanted[len(given) :].strip())
    same = next(
        (place for place, (one, other) in enumerate(zip(given, wanted, strict=False)) if one != other), len(wanted)
    )
    return t("the phrase differs from character {place} on: it is {wanted}", place=same + 1, wanted=wanted)


def _what(part: Plan, plan: Plan) -> Text:
    """``2 of 3 changes``, ``the whole plan``."""
    if len(part.changes) == len(plan.changes):
        return t("the whole plan")
    return t("{part} of {all}", part=len(part.changes), all=counted(len(plan.changes), "change"))
