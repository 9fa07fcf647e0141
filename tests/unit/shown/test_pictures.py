"""Pictures: every name escaped, everything said in words, numbers that add up, styles that survive both sanitisers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from runbook_lib.inventory.states import GroupState
from runbook_lib.model.change import Plan
from runbook_lib.model.cloud import CloudKind
from runbook_lib.model.text import t, verbatim
from runbook_lib.record.sanitize import STYLES, safe_html
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.shown import flows
from runbook_lib.shown.flows import inventory_flow, plan_before_after, plan_flow
from runbook_lib.shown.pictures import Amount, BeforeAfter, Moment, Stream, before_after_html, flow_html, timeline_html
from runbook_lib.shown.timeline import timeline_of, timeline_view
from tests.support import builders as b
from tests.support import hostile
from tests.unit.record.markup import parsed

AT = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
BLOCKS = re.compile(r"<div style=\"width:(\d+)%")


def visible(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def _all(name: str) -> str:
    text = verbatim(name)
    stream = Stream(
        3, (Amount(text, 3), Amount(text, 2), Amount(text, 1)), text, text, (Amount(text, 1), Amount(text, 2))
    )
    return (
        flow_html([stream], caption=text)
        + before_after_html([BeforeAfter(name, text, text, 1, 2, 3, 4)], caption=text)
        + timeline_html([Moment(AT, text, text), Moment(None, text, text)], caption=text)
    )


@given(hostile.anything(min_size=1, max_size=40))
def test_names_never_become_markup(name: str) -> None:
    read, dull = parsed(_all(name)), parsed(_all("d"))
    ignored = {"bdi"}
    assert [tag for tag in read.tags if tag not in ignored] == [tag for tag in dull.tags if tag not in ignored]
    assert {attribute for _, attribute, _ in read.attributes} <= {"style", "dir"}


def test_a_record_keeps_every_style() -> None:
    html = _all("x")
    assert safe_html(html) == html
    assert {
        one.split(":")[0] for style in re.findall(r'style="([^"]*)"', html) for one in style.split(";") if one
    } <= STYLES


def test_thick_arrows_carry_many_groups_and_thin_ones_are_still_there() -> None:
    many, one = (
        Stream(number, (Amount(t("groups")),), t("direct"), t("more"), (Amount(t("in AD")),)) for number in (4000, 1)
    )
    heights = [
        int(height) for height in re.findall(r"height:(\d+)px;background-color", flow_html([many, one], caption=t("c")))
    ]
    assert heights == [18, 18, 2, 2]


def test_bars_of_a_side_are_as_long_as_its_members() -> None:
    one = BeforeAfter("Sales", t("in AD"), t("in AD"), 30, 10, 60, 2)
    html = before_after_html([one], caption=t("Groups"))
    assert BLOCKS.findall(html) == ["33", "67", "33", "11"]
    assert "90 members" in visible(html)
    assert "40 members : 10 enter, 60 leave, 2 left out" in visible(html).replace("members:", "members :")


def test_a_picture_of_many_groups_says_how_many_it_leaves_out() -> None:
    groups = [BeforeAfter(f"Group {n:03}", t("in AD"), t("in AD"), 1, 0, 0, 0) for n in range(45)]
    shown = visible(before_after_html(groups, caption=t("Groups")))
    assert "Groups: 20 of 45" in shown
    assert "Group 019" in shown
    assert "Group 020" not in shown


def test_who_cannot_say_how_many_members_says_none() -> None:
    shown = visible(before_after_html([BeforeAfter("Sales", t("in AD"), t("retired"), None, 0, 0, 0)], caption=t("c")))
    assert "member" not in shown


def test_every_state_has_words() -> None:
    assert set(flows._STATES) == set(GroupState)  # a state without them would break the inventory
    assert {one.value for one in CloudKind} <= set(flows._KINDS)


def test_the_flow_of_an_inventory_counts_every_group_once() -> None:
    kinds = [*[CloudKind.MICROSOFT_365] * 3, *[CloudKind.SECURITY] * 2, CloudKind.DISTRIBUTION_LIST]
    groups = [b.cloud_group(f"G{n}", kind) for n, kind in enumerate(kinds)]
    groups.append(b.cloud_group("Old", CloudKind.SECURITY, on_premises_sync_enabled=True))
    inventory = b.inventory_of(b.cloud_side(groups), b.directory_side((), [b.written(groups[0])]))
    shown = visible(inventory_flow(inventory))
    assert "From the cloud to AD: 7 groups" in shown
    assert [int(number) for number in re.findall(r"(\d+) groups?(?= \d)", shown)] == [7, 3, 2, 1, 1]
    for words in (
        "1 in AD, written by this runbook",
        "2 not in AD yet",
        "cloud-sync",
        "no route to AD",
        "AD is the source",
    ):
        assert words in shown


def test_an_inventory_of_nothing_has_no_picture() -> None:
    assert inventory_flow(b.inventory_of(b.cloud_side([]), b.directory_side())) == ""


def _enabling() -> Plan:
    groups = [b.cloud_group("Team"), b.cloud_group("Other"), b.cloud_group("Lists", CloudKind.DISTRIBUTION_LIST)]
    people = [b.person("kim"), b.synced("lee")]
    cloud = b.cloud_side(groups, {"Team": people})
    inventory = b.inventory_of(cloud, b.directory_side([b.ad_user("lee")]))
    kinds = ("microsoft-365", "distribution-list")
    return plan_enable(inventory, b.policy("Team", "Lists", select_kinds=kinds)).plan


def test_the_flow_of_a_plan_tells_what_changes_and_what_is_left_alone() -> None:
    shown = visible(plan_flow(_enabling()))
    assert "1 group 2 members 1 member left out" in shown
    assert "1 create" in shown
    assert "left alone" in shown


def test_a_group_that_is_made_was_not_there_before() -> None:
    shown = visible(plan_before_after(_enabling()))
    assert "Before: not in AD 0 members" in shown
    assert "After: create in AD" in shown
    assert "1 member: 1 enter, 1 left out" in shown


def test_a_group_that_is_retired_was_where_it_was() -> None:
    team = b.cloud_group("Team")
    inventory = b.inventory_of(b.cloud_side([team]), b.directory_side((), [b.written(team)]))
    shown = visible(plan_before_after(plan_disable(inventory, b.disable_policy("Team")).plan))
    assert "Before: CN=" in shown
    assert "After: retire, to " in shown


FACTS: dict[str, Any] = {
    "run_id": "20261130T101000Z-30-enable-writeback-aaaa",
    "started": "2026-11-30T10:10:00.000Z",
    "ended": "2026-11-30T10:10:30.500Z",
    "outcome": "done",
    "steps": [{"title": "Read both sides", "at": "2026-11-30T10:10:05.000Z"}],
    "approval": {
        "approver": "Kim", "approved": "2026-11-30T10:05:00Z",
        "planning_record": "20261130T100000Z-30-enable-writeback-bbbb",
    },
    "changes": {"planned": 1, "done": 1},
    "plan": {"operation": "enable"},
    "parameters": {},
}  # fmt: skip


def test_a_change_is_told_from_plan_to_way_back() -> None:
    shown = visible(timeline_of(FACTS))
    order = ["The run that planned it began", "Approved", "by Kim · 5 min later", "This run began", "Read both sides",
             "Done", "1 of 1 change carried out · 25.5 s later", "not yet", "Way back"]  # fmt: skip
    places = [shown.index(one) for one in order]
    assert places == sorted(places)
    assert timeline_view(FACTS).text == "Timeline: 30 s from the first cell to the last"


@pytest.mark.parametrize(
    ("change", "to_come"),
    [
        ({"outcome": "awaiting-approval", "changes": {"planned": 1, "done": 0}}, "Approval"),
        ({"outcome": "awaiting-handoff"}, "Somebody else acts"),
        ({"outcome": "refused", "changes": {"planned": 1, "done": 0}}, ""),
    ],
)
def test_what_may_follow_depends_on_how_it_ended(change: dict[str, Any], to_come: str) -> None:
    assert visible(timeline_of({**FACTS, **change})).partition("not yet")[2].strip(" ○").startswith(to_come)


def test_an_undo_begins_with_what_it_undoes() -> None:
    undo = {"undo_record": "records/CHG/20261129T090000Z-30-enable-writeback-cccc"}
    shown = visible(timeline_of({**FACTS, "parameters": undo}))
    assert shown.index("The run that is undone began") < shown.index("Approved")


@given(hostile.anything(max_size=40))
def test_whatever_stands_in_a_record_is_text(value: str) -> None:
    facts = dict.fromkeys(FACTS, value) | {
        "started": "2026-11-30T10:10:00Z",
        "steps": [value, {"title": value, "at": "2026-11-30T10:10:01Z"}],
    }
    assert "<script" not in timeline_of(facts).lower()
