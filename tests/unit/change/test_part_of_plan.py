"""A part of a plan that is approved by itself: what is in it, its phrase, and what its approval counts for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.change.approvals.gate import granted, read_all
from runbook_lib.change.approvals.part import left_out_by, part_of, phrase_of_part
from runbook_lib.change.approvals.plan import approve_plan
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import AwaitingApproval, UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.cloud import CloudPrincipal, PrincipalType
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support.approvals import rewrite

NAMES = ("Parent", "Child", "Alone")


def nested_plan() -> Plan:
    """Three groups that are created; Parent holds Child, so it cannot be made without it."""
    groups = [b.cloud_group(name) for name in NAMES]
    members: dict[str, list[CloudPrincipal]] = {name: [] for name in NAMES} | {
        "Parent": [CloudPrincipal(groups[1].id, PrincipalType.GROUP, "Child")]
    }
    return plan_enable(b.inventory_of(b.cloud_side(groups, members), b.directory_side()), b.policy(*NAMES)).plan


PLAN = nested_plan()
IDS = {change.display_name: change.group_id for change in PLAN.changes}


@pytest.mark.parametrize(
    ("only", "leave_out", "left_out"),
    [
        ((), (), ()),
        (("Alone",), (), ("Parent", "Child")),
        ((str(IDS["Alone"]).upper(), "Child"), (), ("Parent",)),
        ((), ("Child",), ("Child",)),
        (("Parent", "Alone"), ("Alone",), ("Child", "Alone")),
    ],
)
def test_groups_are_named_by_id_or_by_whole_name(
    only: tuple[str, ...], leave_out: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    assert left_out_by(PLAN, only, leave_out) == {IDS[name] for name in left_out}


@pytest.mark.parametrize("text", ["alone", "Al*", "", "99999999-9999-4999-8999-999999999999"])
def test_a_group_that_the_plan_is_not_about_is_an_error_that_names_those_that_it_is_about(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        left_out_by(PLAN, (), (text,))
    assert caught.value.code == "group-not-in-plan"
    assert {f"{IDS[name]}  {name}" for name in NAMES} == set(caught.value.choices)


def test_of_several_groups_of_a_name_one_is_named_by_its_id() -> None:
    twins = [replace(change, display_name="Twin") for change in PLAN.changes[:2]]
    with pytest.raises(UsageError, match="2 groups called Twin") as caught:
        left_out_by(replace(PLAN, changes=tuple(twins)), ("Twin",), ())
    assert len(caught.value.choices) == 2


@pytest.mark.parametrize(
    ("left_out", "kept"),
    [
        ((), {"Parent", "Child", "Alone"}),
        (("Alone",), {"Parent", "Child"}),
        (("Parent",), {"Child", "Alone"}),
        (("Child",), {"Alone"}),
        (("Child", "Alone"), set()),
    ],
)
def test_what_needs_a_group_that_is_left_out_is_left_out_with_it(left_out: tuple[str, ...], kept: set[str]) -> None:
    part = part_of(PLAN, [IDS[name] for name in left_out])
    assert {change.display_name for change in part.changes} == kept
    assert phrase_of_part(PLAN, {change.digest for change in part.changes}) == part.phrase


def record(folder: Path) -> Path:
    path = folder / "CHG" / "run-1"
    path.mkdir(parents=True)
    (path / "plan.json").write_text(json.dumps(plan_to_json(PLAN)), encoding="utf-8")
    return path


def approve(path: Path, phrase: str, *left_out: str) -> Path:
    return approve_plan(
        path,
        ROUTES,
        approver="Kim",
        phrase=phrase,
        valid=timedelta(hours=1),
        clock=lambda: b.NOW,
        left_out=[IDS[name] for name in left_out],
    )


def test_a_part_is_approved_with_its_own_phrase_alone(tmp_path: Path) -> None:
    path = record(tmp_path)
    with pytest.raises(UsageError, match="does not fit the plan"):
        approve(path, PLAN.phrase, "Alone")
    approve(path, "ENABLE 2 GROUPS IN contoso.com", "Alone")
    grant = granted(PLAN, read_all(path.parent / "approvals", ROUTES), b.NOW)
    assert {change.display_name for change in grant.changes} == {"Parent", "Child"}
    assert [waiting.change.display_name for waiting in grant.waiting] == ["Alone"]


def test_an_approval_whose_changes_were_added_to_by_hand_counts_for_none(tmp_path: Path) -> None:
    path = record(tmp_path)
    file = approve(path, "ENABLE 1 GROUP IN contoso.com", "Child")
    whole = json.loads(approve(record(tmp_path / "other"), PLAN.phrase).read_text(encoding="utf-8"))
    rewrite(file, **{name: whole[name] for name in ("changes", "names", "members")})
    with pytest.raises(AwaitingApproval) as caught:
        granted(PLAN, read_all(path.parent / "approvals", ROUTES), b.NOW)
    assert caught.value.code == "approval-other-phrase"


def test_nothing_cannot_be_approved(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        approve(record(tmp_path), "ENABLE 0 GROUPS IN contoso.com", *NAMES)
    assert caught.value.code == "nothing-to-approve"
