"""The gate's form without a browser: a widget fires its handlers in plain Python, also when it looks disabled."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.change.approvals.gate import granted, read_all
from runbook_lib.change.approvals.plan import approved_changes, read_approvals
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import Refused
from runbook_lib.model.change import Plan
from runbook_lib.model.text import t
from runbook_lib.notebook.gate_form import APPROVAL_HOLDS, FORM_OPEN, GateForm
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b


def a_plan(*names: str) -> Plan:
    groups = [b.cloud_group(name) for name in names]
    cloud = b.cloud_side(groups, {name: [] for name in names})
    return plan_enable(b.inventory_of(cloud, b.directory_side()), b.policy(*names)).plan


class Desk:
    """A form on a screen, with a clock and what its line said."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.plan = a_plan(*names)
        self.record = folder / "CHG" / "run-1"
        self.record.mkdir(parents=True)
        self.write(self.plan)
        self.now = b.NOW
        self.said: list[str] = []
        self.blocked: Refused | None = None
        self.form = self.another()

    def another(self) -> GateForm:
        return GateForm(self.record, self.plan, preconditions=self.check, clock=lambda: self.now, line=self)

    def write(self, plan: Plan) -> None:
        (self.record / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")

    def show(self, text: str) -> None:
        self.said.append(text)

    def check(self) -> None:
        if self.blocked is not None:
            raise self.blocked

    def fill(self, name: str = "Kim Abe", phrase: str | None = None) -> None:
        self.form.approver.value = name
        self.form.phrase.value = self.plan.phrase if phrase is None else phrase

    def tick(self, place: int, *, on: bool) -> None:
        assert self.form.groups is not None
        self.form.groups.told({"do": "tick", "keys": [self.plan.changes[place].group_id], "on": on})

    @property
    def approvals(self) -> list[Path]:
        folder = self.record.parent / "approvals"
        return sorted(folder.glob("*")) if folder.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, "A", "B")


def test_the_exact_phrase_and_a_name_approve_this_plan(desk: Desk) -> None:
    assert desk.form.button.disabled
    desk.fill()
    assert not desk.form.button.disabled
    desk.form.button.click()
    covered, approval = approved_changes(desk.plan, read_approvals(desk.record.parent / "approvals", ROUTES), desk.now)
    assert covered == desk.plan.changes
    assert (approval.approver, approval.until) == ("Kim Abe", desk.now + APPROVAL_HOLDS)
    assert "Kim Abe" in desk.said[-1]
    assert desk.plan.phrase in desk.said[-1]
    assert desk.said[-1].startswith("Recorded: ")


@pytest.mark.parametrize(
    ("name", "phrase", "words"),
    [
        ("", None, "No approver"),
        ("  ", None, "No approver"),
        ("Kim", "", "phrase does not fit"),
        ("Kim", "enable 2 groups in contoso.com", "phrase does not fit"),
        ("Kim", "ENABLE 3 GROUPS IN contoso.com", "phrase does not fit"),
    ],
)
def test_anything_else_denies_even_when_the_disabled_button_is_clicked(
    desk: Desk, name: str, phrase: str | None, words: str
) -> None:
    desk.fill(name, phrase)
    assert desk.form.button.disabled
    desk.form.button.click()
    assert desk.approvals == []
    assert words in desk.said[-1]
    assert desk.said[-1].startswith("Not approved: ")
    desk.fill()
    desk.form.button.click()
    assert len(desk.approvals) == 1


def test_nobody_answers_nothing_is_approved(desk: Desk) -> None:
    assert desk.approvals == []
    wakes = "The form says what its button still waits for."
    assert desk.said == [f"Open until 2026-11-22T10:30:00Z. Nothing is approved yet. {wakes}"]


@pytest.mark.parametrize(
    ("name", "phrase", "said"),
    [
        ("", "", "your name is missing; the phrase is to be typed: ENABLE 2 GROUPS IN contoso.com."),
        ("Kim", "ENABLE 2 GR", "grey: the phrase goes on: OUPS IN contoso.com."),
        (
            "Kim",
            "ENABLE 3 GROUPS",
            "grey: the phrase differs from character 8 on: it is ENABLE 2 GROUPS",
        ),
        ("Kim\u200b", None, "grey: The name of the approver has characters that nobody sees"),
        ("Kim", None, "Ready: the button approves the whole plan."),
    ],
)
def test_the_form_says_why_its_button_is_grey(desk: Desk, name: str, phrase: str | None, said: str) -> None:
    desk.fill(name, phrase)
    assert said in desk.form.state.value
    assert desk.form.button.disabled is not said.startswith("Ready")


def test_what_else_keeps_it_grey_is_said_while_a_person_types(desk: Desk) -> None:
    desk.blocked = Refused(t("The finding x is not acknowledged."), code="finding-not-acknowledged", hint=t("Do it."))
    desk.fill()
    assert "The finding x is not acknowledged. Do it." in desk.form.state.value
    assert desk.form.button.disabled


def test_groups_that_are_not_ticked_are_not_approved(desk: Desk) -> None:
    desk.tick(1, on=False)
    desk.fill()
    assert "differs from character 8 on: it is ENABLE 1 GROUP IN contoso.com" in desk.form.state.value
    desk.form.button.click()
    assert desk.approvals == [], "the phrase of the whole plan approves no part of it"
    desk.fill(phrase="ENABLE 1 GROUP IN contoso.com")
    assert "Ready: the button approves 1 of 2 changes." in desk.form.state.value
    desk.form.button.click()
    grant = granted(desk.plan, read_all(desk.record.parent / "approvals", ROUTES), desk.now)
    assert grant.changes == desk.plan.changes[:1]
    assert [waiting.change for waiting in grant.waiting] == [desk.plan.changes[1]]
    assert "approved 1 of 2 changes" in desk.said[-1]


def test_with_no_group_ticked_nothing_can_be_approved(desk: Desk) -> None:
    for place in (0, 1):
        desk.tick(place, on=False)
    desk.fill(phrase="ENABLE 0 GROUPS IN contoso.com")
    assert "no group is ticked" in desk.form.state.value
    desk.form.button.disabled = False
    desk.form.button.click()
    assert desk.approvals == []
    assert desk.said[-1].startswith("Not approved: Of that plan nothing is left to approve.")


def test_a_change_that_broke_off_is_approved_as_a_whole(desk: Desk) -> None:
    form = GateForm(desk.record, desk.plan, preconditions=desk.check, clock=lambda: desk.now, line=desk, whole=True)
    assert form.groups is None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What pages of the form were asked to do."""
    asked: list[object] = []
    monkeypatch.setattr("ipywidgets.Widget.send", lambda _, content: asked.append(content))
    return asked


def test_when_it_is_approved_the_browser_is_asked_to_go_on(desk: Desk, asked: list[object]) -> None:
    (page,) = desk.form._stopped.widget.children
    page.hears = True
    desk.form.button.click()
    assert asked == []
    desk.fill()
    desk.form.button.click()
    assert (asked, page.stopped) == ([{"do": "go-on"}], False)
    assert desk.form._stopped.widget.children == (page,)


def test_a_page_that_hears_nothing_gets_a_successor_that_is_asked_once(desk: Desk, asked: list[object]) -> None:
    (dropped,) = desk.form._stopped.widget.children
    dropped._handle_custom_msg({"there": True}, [])
    assert asked == [{"do": "answer"}]
    asked.clear()
    desk.fill()
    desk.form.button.click()
    assert (asked, dropped.stopped) == ([], False)
    (page,) = desk.form._stopped.widget.children
    assert page is not dropped
    assert not page.stopped
    for hears in (True, False, True):  # as when the tab is loaded anew
        page.hears = hears
    assert asked == [{"do": "go-on"}]


def test_a_form_ends(desk: Desk) -> None:
    desk.fill()
    desk.now += FORM_OPEN + timedelta(seconds=1)
    desk.form.button.click()
    assert desk.approvals == []
    assert "ended" in desk.said[-1]
    desk.now -= timedelta(minutes=10)
    desk.form.button.click()
    assert desk.approvals == []


def test_a_second_click_changes_nothing(desk: Desk) -> None:
    desk.fill()
    desk.form.button.click()
    (path,) = desk.approvals
    first, said = path.read_bytes(), list(desk.said)
    desk.now += timedelta(minutes=1)
    desk.form.button.disabled = False
    desk.form.button.click()
    assert path.read_bytes() == first
    assert desk.said == said


def test_two_clicks_at_once_approve_once(desk: Desk) -> None:
    desk.fill()
    inside, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        inside.set()
        assert go_on.wait(10)

    first = threading.Thread(target=desk.form.button.click)
    desk.form._preconditions = slowly
    first.start()
    assert inside.wait(10)
    desk.form.button.click()
    assert desk.approvals == []
    go_on.set()
    first.join(10)
    assert len(desk.approvals) == 1
    assert len([text for text in desk.said if text.startswith("Recorded")]) == 1


def test_preconditions_are_asked_at_the_click(desk: Desk) -> None:
    desk.fill()
    desk.blocked = Refused(t("The finding x is not acknowledged."), code="finding-not-acknowledged", hint=t("Do it."))
    desk.form.button.click()
    assert desk.approvals == []
    assert desk.said[-1] == "Not approved: The finding x is not acknowledged. Do it."


def test_another_plan_in_the_record_denies(desk: Desk) -> None:
    desk.fill()
    desk.write(a_plan("A", "C"))
    desk.form.button.click()
    assert desk.approvals == []
    assert "not the one that this form was shown for" in desk.said[-1]


def test_a_later_form_takes_the_place_of_an_earlier_one(desk: Desk) -> None:
    desk.fill()
    old = desk.form
    old.close()
    desk.form = desk.another()
    old.button.disabled = False
    old.button.click()
    assert desk.approvals == []


def test_a_folder_that_cannot_be_written_denies_in_words(desk: Desk) -> None:
    (desk.record.parent / "approvals").write_text("in the way", encoding="utf-8")
    desk.fill()
    desk.form.button.click()
    assert desk.said[-1].startswith("Not approved: The approval ")
    assert "cannot be written" in desk.said[-1]
    assert not desk.form.button.disabled
