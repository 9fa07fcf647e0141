"""Standing approvals: what they cover, where they end, and what they never do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.gate import Grant, granted, read_all, waiting_findings
from runbook_lib.change.approvals.plan import approve_plan
from runbook_lib.change.approvals.standing import Caps, approve_in_advance, read_standing
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import AwaitingApproval, Refused, UsageError
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.ids import GroupId, ObjectGuid, as_object_guid
from runbook_lib.routes.direct.payload import (
    STANDING_KINDS,
    DirectChange,
    DirectPayload,
    ExistingMember,
    Move,
    NewGroupMember,
)
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support.approvals import rewrite
from tests.support.builders import rewritten

LAST_DAY = b.TODAY + timedelta(days=30)
TARGET = DirectTarget(
    b.TENANT,
    b.guid("domain"),
    "contoso.com",
    b.TARGET_OU,
    ObjectGuid(b.guid("target")),
    b.RETIRED_OU,
    ObjectGuid(b.guid("retired")),
)
FORBIDDEN = [kind for kind in ChangeKind if kind not in STANDING_KINDS]


def change(kind: ChangeKind, name: str = "Sales", *, added: int = 0, removed: int = 0, attribute: str = "") -> Change:
    return DirectChange(
        kind=kind,
        group_id=GroupId(b.guid(f"group {name}")),
        display_name=name,
        payload=DirectPayload(
            dn=f"CN={name},{b.TARGET_OU}",
            object_guid=ObjectGuid("" if kind is ChangeKind.CREATE else b.guid(f"object {name}")),
            attributes=(AttributeDelta(attribute, ("old",), ("new",)),) if attribute else (),
            members_added=tuple(
                ExistingMember(ObjectGuid(b.guid(f"in {n}")), b.user_dn(f"in {n}")) for n in range(added)
            ),
            members_removed=tuple(
                ExistingMember(ObjectGuid(b.guid(f"out {n}")), b.user_dn(f"out {n}")) for n in range(removed)
            ),
        ),
    )


def plan_of(*changes: Change, **more: Any) -> Plan:
    return replace(Plan(Operation.ENABLE, TARGET, changes), **more)


def record_of(tmp_path: Path, plan: Plan) -> Path:
    record = tmp_path / "CHG" / "run-1"
    record.mkdir(parents=True, exist_ok=True)
    (record / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    return record


def standing(tmp_path: Path, *names: str, when: Any = b.NOW, **more: Any) -> Path:
    """A standing approval of these groups; returns its file."""
    groups = names or ("Sales",)
    plan = plan_of(*(change(ChangeKind.CREATE, name) for name in groups))
    until = more.pop("until", LAST_DAY)
    phrase = standing_phrase(len(groups), "contoso.com", until)
    words = {"approver": "Kim", "phrase": phrase, "until": until, "clock": lambda: when} | more
    return approve_in_advance(record_of(tmp_path, plan), ROUTES, **words)


def decide(path: Path, plan: Plan, now: Any = b.NOW) -> Grant:
    return granted(plan, read_all(path.parent, ROUTES), now)


def closed(path: Path, plan: Plan, now: Any = b.NOW) -> AwaitingApproval:
    with pytest.raises(AwaitingApproval) as caught:
        decide(path, plan, now)
    return caught.value


EVERYDAY = (
    change(ChangeKind.UPDATE, attribute="displayName"),
    change(ChangeKind.ADD_MEMBERS, added=1),
    change(ChangeKind.REMOVE_MEMBERS, removed=1),
)


def test_members_and_attributes_of_the_named_groups_are_covered(tmp_path: Path) -> None:
    grant = decide(standing(tmp_path), plan_of(*EVERYDAY))
    assert grant.changes == EVERYDAY
    assert grant.waiting == ()
    told = grant.approval_json()
    assert (told["kind"], told["approver"], told["until"]) == ("standing", "Kim", "2026-12-22T23:59:59Z")
    assert told["phrase"] == "STAND 1 GROUP IN contoso.com UNTIL 2026-12-22"


@pytest.mark.parametrize("kind", FORBIDDEN, ids=lambda kind: kind.value)
def test_forbidden_kinds_wait_whatever_the_approval_says(tmp_path: Path, kind: ChangeKind) -> None:
    path = standing(tmp_path)
    read = read_all(path.parent, ROUTES)
    everything = frozenset(kind.value for kind in ChangeKind)
    wide = replace(read, standing=[replace(read.standing[0], kinds=everything)])
    forbidden = rewritten(change(kind), object_guid=b.guid("object Sales"))
    with pytest.raises(AwaitingApproval) as caught:
        granted(plan_of(forbidden), wide, b.NOW)
    assert caught.value.code == "standing-not-covered"
    assert f"never covers the kind {kind.value}" in caught.value.message
    grant = granted(plan_of(*EVERYDAY, forbidden), wide, b.NOW)
    assert grant.changes == EVERYDAY
    assert [item.change for item in grant.waiting] == [forbidden]
    rewrite(path, kinds=["update", kind.value])
    with pytest.raises(Refused, match="kinds"):
        read_all(path.parent, ROUTES)


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("groupType", "never covers a change of groupType"),
        ("GROUPTYPE", "never covers a change of groupType"),
        ("extensionName", "marks that say whose"),
        ("adminDescription", "marks that say whose"),
    ],
)
def test_type_and_marks_wait_even_as_an_update(tmp_path: Path, attribute: str, words: str) -> None:
    error = closed(standing(tmp_path), plan_of(change(ChangeKind.UPDATE, attribute=attribute)))
    assert error.code == "standing-not-covered"
    assert words in error.message


@pytest.mark.parametrize(
    "twist",
    [{"move": Move(ObjectGuid("a"), ObjectGuid("b"), b.TARGET_OU, b.RETIRED_OU)}, {"object_guid": ""}],
    ids=["moved", "not-there"],
)
def test_a_move_or_a_create_under_another_name_waits(tmp_path: Path, twist: Any) -> None:
    disguised = b.rewritten(change(ChangeKind.UPDATE, attribute="displayName"), **twist)
    assert "move or an object that does not exist" in closed(standing(tmp_path), plan_of(disguised)).message


def test_other_groups_and_other_kinds_wait_and_are_named(tmp_path: Path) -> None:
    path = standing(tmp_path, kinds=["add-members"])
    add, update = change(ChangeKind.ADD_MEMBERS, added=1), change(ChangeKind.UPDATE, attribute="description")
    other = change(ChangeKind.ADD_MEMBERS, "Board", added=1)
    grant = decide(path, plan_of(add, update, other))
    assert grant.changes == (add,)
    seen = {finding.seen: finding.why for finding in waiting_findings(grant.waiting)}
    assert seen == {
        "update 'Sales' waits for an approval.": "The standing approval by Kim does not allow the kind update.",
        "add-members 'Board' waits for an approval.": "The standing approval by Kim does not name this group.",
    }
    error = closed(path, plan_of(other))
    assert (error.code, "does not name this group" in error.message) == ("standing-not-covered", True)


def test_further_groups_are_named_by_id(tmp_path: Path) -> None:
    board = b.guid("group Board")
    path = standing(
        tmp_path, more_groups=[board.upper()], phrase=standing_phrase(2, "contoso.com", LAST_DAY), approver="Kim"
    )
    assert decide(path, plan_of(change(ChangeKind.ADD_MEMBERS, "Board", added=1))).waiting == ()


@pytest.mark.parametrize(
    ("caps", "name", "allowed", "number"),
    [
        (Caps(changes=2), "changes", 2, 3),
        (Caps(members_added=3), "members added", 3, 4),
        (Caps(members_removed=1), "members removed", 1, 2),
    ],
)
def test_a_cap_that_is_exceeded_stops_all_of_it(
    tmp_path: Path, caps: Caps, name: str, allowed: int, number: int
) -> None:
    work = (
        change(ChangeKind.UPDATE, attribute="description"),
        change(ChangeKind.ADD_MEMBERS, added=4),
        change(ChangeKind.REMOVE_MEMBERS, removed=2),
    )
    error = closed(standing(tmp_path, caps=caps), plan_of(*work))
    assert error.code == "standing-cap-exceeded"
    assert f"allows {allowed} {name} per run, and this run has {number}" in error.message
    assert f"--max-{name.replace(' ', '-')}" in error.hint
    exact = {"changes": Caps(changes=3), "members added": Caps(members_added=4), "members removed": Caps()}[name]
    assert decide(standing(tmp_path / "exact", caps=exact), plan_of(*work)).waiting == ()


def test_caps_count_only_what_the_approval_would_cover(tmp_path: Path) -> None:
    path = standing(tmp_path, caps=Caps(changes=1, members_added=1))
    add, other = change(ChangeKind.ADD_MEMBERS, added=1), change(ChangeKind.ADD_MEMBERS, "Board", added=9)
    assert decide(path, plan_of(add, other)).changes == (add,)


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (b.NOW + timedelta(days=31), "standing-expired"),
        (b.NOW - timedelta(seconds=1), "approval-from-the-future"),
    ],
)
def test_it_holds_only_in_its_time(tmp_path: Path, moment: Any, code: str) -> None:
    path = standing(tmp_path)
    assert closed(path, plan_of(*EVERYDAY), moment).code == code
    assert decide(path, plan_of(*EVERYDAY), b.NOW + timedelta(days=30, hours=13)).waiting == ()


@pytest.mark.parametrize(
    ("field", "word"), [("tenant_id", "tenant"), ("domain_guid", "domain"), ("target_ou_guid", "target OU")]
)
def test_it_is_bound_to_its_target(tmp_path: Path, field: str, word: str) -> None:
    elsewhere = plan_of(*EVERYDAY, target=replace(TARGET, **{field: as_object_guid(b.guid("elsewhere"))}))
    error = closed(standing(tmp_path), elsewhere)
    assert (error.code, f"for another {word}." in error.message) == ("standing-other-target", True)


@pytest.mark.parametrize("operation", [Operation.DISABLE, Operation.UNDO])
def test_it_is_for_enabling_alone(tmp_path: Path, operation: Operation) -> None:
    assert closed(standing(tmp_path), plan_of(*EVERYDAY, operation=operation)).code == "standing-operation"


def test_plan_approvals_come_first_and_standing_ones_take_the_rest(tmp_path: Path) -> None:
    create = change(ChangeKind.CREATE, "Board", added=2)
    plan = plan_of(EVERYDAY[1], create)
    only = plan_of(create)
    approve_plan(
        record_of(tmp_path, only),
        ROUTES,
        approver="Ada",
        phrase=only.phrase,
        valid=timedelta(hours=1),
        clock=lambda: b.NOW,
    )
    path = standing(tmp_path, caps=Caps(changes=1, members_added=1))
    grant = decide(path, plan)
    assert grant.changes == plan.changes
    told = grant.approval_json()
    assert (told["kind"], told["approver"]) == ("plan", "Ada")
    further = told["further"]
    assert isinstance(further, list)
    assert [(item["kind"], item["approver"]) for item in further] == [("standing", "Kim")]
    # What a plan approval names is no business of the caps, and stays approved when they are exceeded.
    grant = decide(path, plan_of(*EVERYDAY, create))
    assert grant.changes == (create,)
    assert "further" not in grant.approval_json()
    assert all("allows 1 changes per run, and this run has 3" in item.why for item in grant.waiting)


def test_a_member_whose_creation_waits_keeps_the_change_waiting(tmp_path: Path) -> None:
    create = change(ChangeKind.CREATE, "New")
    nested = rewritten(change(ChangeKind.ADD_MEMBERS), members_added=(NewGroupMember(create.group_id),))
    update = change(ChangeKind.UPDATE, attribute="description")
    grant = decide(standing(tmp_path), plan_of(update, create, nested))
    assert grant.changes == (update,)
    assert grant.waiting[1].why == "One of its members is a group whose creation is not approved."


def test_an_ended_one_does_not_stand_in_the_way_of_another(tmp_path: Path) -> None:
    standing(tmp_path, until=b.TODAY)
    later = b.NOW + timedelta(days=1)
    path = standing(tmp_path, when=later, approver="Bo")
    grant = decide(path, plan_of(*EVERYDAY), later)
    assert (grant.changes, grant.approval_json()["approver"]) == (EVERYDAY, "Bo")
    # What the open one does not name is told as that, not as the end of the other.
    error = closed(path, plan_of(change(ChangeKind.ADD_MEMBERS, "Board", added=1)), later)
    assert (error.code, "by Bo does not name this group" in error.message) == ("standing-not-covered", True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"phrase": "ENABLE 1 GROUP IN contoso.com"}, "phrase"),
        ({"approver": " "}, "approver-missing"),
        ({"until": b.TODAY + timedelta(days=91)}, "approval-period"),
        ({"until": b.TODAY - timedelta(days=1)}, "approval-period"),
        ({"kinds": ["add-members", "create"]}, "standing-kinds"),
        ({"kinds": []}, "standing-kinds"),
        ({"caps": Caps(members_removed=-1)}, "standing-caps"),
        ({"caps": Caps(changes=0)}, "standing-caps"),
        ({"more_groups": ["Board"]}, "standing-group"),
    ],
)
def test_what_cannot_be_approved_in_advance(tmp_path: Path, words: Any, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        standing(tmp_path, **words)
    assert caught.value.code == code
    assert caught.value.hint
    assert not (tmp_path / "CHG" / "approvals").exists()


def test_ninety_days_are_possible_and_no_edit_makes_them_more(tmp_path: Path) -> None:
    path = standing(tmp_path, until=b.TODAY + timedelta(days=90))
    assert len(read_standing(path.parent, ROUTES)) == 1
    rewrite(path, until="2027-02-21T00:00:00Z")
    with pytest.raises(Refused):
        read_standing(path.parent, ROUTES)


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (plan_of(), "standing-groups-missing"),
        (plan_of(change(ChangeKind.RETIRE), operation=Operation.DISABLE), "standing-operation"),
    ],
    ids=["nothing", "disable"],
)
def test_records_that_name_no_group_to_keep_in_step(tmp_path: Path, plan: Plan, code: str) -> None:
    words: dict[str, Any] = {"approver": "Kim", "phrase": "x", "until": date(2026, 12, 1), "clock": lambda: b.NOW}
    with pytest.raises(UsageError) as caught:
        approve_in_advance(record_of(tmp_path, plan), ROUTES, **words)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "damage",
    [
        {"schema": "another"},
        {"kind": "plan"},
        {"groups": "all"},
        {"groups": [1]},
        {"kinds": None},
        {"caps": {"changes": 1}},
        {"caps": {"changes": True, "members_added": 1, "members_removed": 1}},
        {"caps": {"changes": -1, "members_added": 1, "members_removed": 1}},
        {"target": {}},
        {"until": "2026-12-01T00:00:00"},
        {"until": "0001-01-01T00:00:00+23:00"},
        {"approved": 5},
        {"approver": None},
        {"planning_manifest": 1},
    ],
    ids=str,
)
def test_a_damaged_file_stops_everything(tmp_path: Path, damage: Any) -> None:
    path = standing(tmp_path)
    rewrite(path, **damage)
    with pytest.raises(Refused) as caught:
        read_all(path.parent, ROUTES)
    assert (caught.value.code, str(path) in caught.value.message) == ("approval-damaged", True)


def test_a_file_that_is_no_json_stops_everything_under_any_name(tmp_path: Path) -> None:
    path = standing(tmp_path)
    path.rename(path.with_name("renamed.json"))
    with pytest.raises(Refused):
        read_all(path.parent, ROUTES)
    path.with_name("renamed.json").unlink()
    path.write_bytes(b'{"schema"')
    with pytest.raises(Refused):
        read_all(path.parent, ROUTES)
