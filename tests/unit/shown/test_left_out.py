"""Who is left out of a written group is said where people decide: plan, gate, terminal, record."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.change.plan_as_read import LEFT_OUT_COLUMNS, MOST_NAMED, plan_in_short, rows_of
from runbook_lib.model.change import GroupMembers, LeftOut, Plan
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import verbatim
from runbook_lib.record.page import record_html
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.target import plan_target
from runbook_lib.runner.commands.approve import plan_lines
from runbook_lib.shown.plan import left_out_view, plan_view
from tests.support import builders as b
from tests.support.hostile import TEXTS

TARGET = plan_target(b.inventory_of(b.cloud_side([b.cloud_group("Team")]), b.directory_side()))
WHY = "No AD account was found."
TEAM = b.cloud_group("Team")
PLAN = plan_enable(b.inventory_of(b.cloud_side([TEAM], {"Team": []}), b.directory_side()), b.policy("Team")).plan


def plan_of(*groups: GroupMembers) -> Plan:
    return Plan(Operation.ENABLE, TARGET, (), members=groups)


def members(name: str, *left_out: str, added: int = 10) -> GroupMembers:
    people = tuple(
        LeftOut(b.guid(f"member {n}"), p, "user", "cloud-only", verbatim(WHY)) for n, p in enumerate(left_out)
    )
    return GroupMembers(GroupId(b.guid("group")), name, added + len(people), 0, added, 0, people)


def visible(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


THREE = plan_of(members("Alone"), members("Sales Team", "Kim", "Lee", "Mo"))
MANY = plan_of(members("Big", *(f"P{number:02}" for number in range(17))))


def test_values_before_and_after_that_look_the_same_are_spelled_out() -> None:
    ad = b.written(TEAM, attributes={"displayName": ("Team\u00a0",)})
    plan = plan_enable(b.inventory_of(b.cloud_side([TEAM], {"Team": []}), b.directory_side((), [ad])), b.policy("Team"))
    html, _ = plan_view(plan.plan, ())
    assert r"displayName Team\u00a0 Team" in visible(html)


def test_thirteen_in_the_cloud_ten_added_names_the_three() -> None:
    html, _ = plan_view(THREE, ())
    assert "Sales Team 13 0 10 0 3" in visible(html)
    for name in ("Kim", "Lee", "Mo"):
        assert f"Sales Team {name} user {WHY}" in visible(html)
    gate, text = left_out_view(THREE)
    assert text == "3 members of 1 group are left out"
    assert "Sales Team 13 0 10 0 3" in visible(gate)
    assert all(f"{name} user {WHY}" in visible(gate) for name in ("Kim", "Lee", "Mo"))
    assert plan_lines(THREE)[4:] == [
        "  members of Sales Team: 13 in the cloud, 10 added, 3 left out",
        f"    left out: Kim (user): {WHY}",
        f"    left out: Lee (user): {WHY}",
        f"    left out: Mo (user): {WHY}",
        "  members of Alone: 10 in the cloud, 10 added, 0 left out",
    ]


def test_nobody_left_out_says_nothing_at_the_gate() -> None:
    assert left_out_view(plan_of(members("Alone"))) == ("", "")
    assert left_out_view(plan_of(members("A", "Kim")))[1] == "1 member of 1 group is left out"


def test_a_long_list_is_folded_and_the_file_has_all() -> None:
    said = "5 shown and 12 more, all in left-out.csv"
    html, _ = plan_view(MANY, ())
    assert said in visible(html)
    assert (html.count("P04"), html.count("P05")) == (1, 0)
    lines = plan_lines(MANY)
    assert lines[-1] == f"    left out: {said}"
    assert len(lines) == 4 + 1 + MOST_NAMED + 1
    assert [row[LEFT_OUT_COLUMNS.index("member")] for row in rows_of(MANY)] == [f"P{number:02}" for number in range(17)]
    said_in_record: dict[str, Any] = plan_in_short(MANY)
    (facts,) = said_in_record["members"]
    assert (facts["left_out"], len(facts["who"])) == (17, MOST_NAMED + 1)


@given(st.sampled_from(list(TEXTS)) | st.text(max_size=60))
def test_hostile_names_stay_text(name: str) -> None:
    for html in (plan_view(plan_of(members(name, name)), ())[0], left_out_view(plan_of(members(name, name)))[0]):
        assert "<script" not in html.casefold()
        assert not re.search(r"<(?!/?(?:div|table|caption|thead|tbody|tr|th|td|span|strong|bdi|br)\b)", html)


def test_the_record_page_has_the_table() -> None:
    plan = plan_of(members("<b>Team</b>", "<script>alert(1)</script>"))
    said: dict[str, Any] = {**json.loads(json.dumps(plan_in_short(plan))), "groups": 1}
    page = record_html(facts(said), None, files=(), sealed_at="2026-11-22T10:00:00Z", place="records/C/r")
    assert "Who is left out, and why" in page
    assert "11 0 10 0 1" in visible(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; (user): No AD account was found." in page
    assert "<script>alert" not in page
    older = record_html(
        facts({key: value for key, value in said.items() if key != "members"}),
        None,
        files=(),
        sealed_at="2026-11-22T10:00:00Z",
        place="records/C/r",
    )
    assert "Who is left out" not in older


def facts(plan: dict[str, Any]) -> dict[str, Any]:
    from runbook_lib.record.folder import RecordFolder
    from runbook_lib.record.run_record import run_facts_of as facts_in

    return facts_in(RecordFolder(Path("/nowhere/C/r"))) | {"plan": plan, "outcome": "awaiting-approval"}


def test_one_is_not_said_as_many() -> None:
    html, text = plan_view(PLAN, ())
    assert text.startswith("1 change to 1 group;")
    assert "In step already" not in visible(html)
    assert "In step already: 1 selected group." in visible(plan_view(replace(PLAN, changes=(), in_step=1), ())[0])
