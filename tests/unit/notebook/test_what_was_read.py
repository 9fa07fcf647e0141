"""An approval counts for what its approver read: names in a plan.json that nobody sealed prove nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.approvals.file import standing_phrase
from runbook_lib.change.approvals.plan import planned
from runbook_lib.change.approvals.standing import approve_in_advance
from runbook_lib.change.plan_as_read import shown_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import AwaitingApproval, RunbookError
from runbook_lib.model.change import Change, GroupMembers, LeftOut, Plan
from runbook_lib.model.cloud import CloudKind
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.routes.direct.payload import DIRECT_TYPES, Deletion, ExistingMember, HoldingGroup
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.resume import rebound
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support.builders import rewritten
from tests.unit.notebook.field import DISABLE, ENABLE, Field

Lie = Callable[[Plan], Plan]


def each(plan: Plan, how: Callable[[Change], Change]) -> Plan:
    return replace(plan, changes=tuple(map(how, plan.changes)))


def members(plan: Plan, how: Callable[[GroupMembers], GroupMembers]) -> Plan:
    return replace(plan, members=tuple(map(how, plan.members)))


def other_people(change: Change) -> Change:
    refs = [ref for ref in DIRECT_TYPES.change(change).payload.members_added if isinstance(ref, ExistingMember)]
    names = [*refs[1:], *refs[:1]]
    return rewritten(change, members_added=tuple(replace(r, dn=n.dn) for r, n in zip(refs, names, strict=True)))


LIES: dict[str, Lie] = {
    "group": lambda plan: each(plan, lambda change: replace(change, display_name="Canteen")),
    "place of an object": lambda plan: each(plan, lambda change: rewritten(change, dn="CN=x,OU=Elsewhere,DC=c")),
    "members": lambda plan: each(plan, other_people),
    "domain": lambda plan: replace(
        plan, target=replace(DIRECT_TYPES.target(plan.target), domain_dns_name="lab.contoso.com")
    ),
    "target OU": lambda plan: replace(
        plan, target=replace(DIRECT_TYPES.target(plan.target), target_ou="OU=Lab,DC=contoso,DC=com")
    ),
    "retired OU": lambda plan: replace(
        plan, target=replace(DIRECT_TYPES.target(plan.target), retired_ou="OU=Lab,DC=contoso,DC=com")
    ),
    "numbers": lambda plan: members(plan, lambda group: replace(group, in_cloud=1, added=1)),
    "left out": lambda plan: members(
        plan, lambda group: replace(group, left_out=(LeftOut(b.guid("x"), "Ada", "user", "no-account", t("x")),))
    ),
    "no members": lambda plan: replace(plan, members=()),
}


def lie(record: Path, how: Lie) -> None:
    """Alter a plan.json in what its digest does not cover."""
    before = planned(record, ROUTES)
    after = how(before)
    assert after.digest == before.digest
    (record / "plan.json").write_text(json.dumps(plan_to_json(after)), encoding="utf-8")
    assert planned(record, ROUTES) == after


@pytest.mark.parametrize("what", LIES)
def test_what_an_approver_was_told_otherwise_is_not_approved(field: Field, what: str) -> None:
    run, _ = field.run()
    lie(run.record.folder.path, LIES[what])
    approval = field.approve()
    field.sent = 0
    later, error = field.run()
    assert isinstance(error, AwaitingApproval)
    codes = ("approval-shown-otherwise", "approval-other-phrase") if what == "domain" else ("approval-shown-otherwise",)
    assert error.code in codes
    assert (field.sent, later.record.outcome) == (0, Outcome.AWAITING_APPROVAL)
    approval.unlink()
    field.approve(later.record.folder.path)
    done, error = field.run()
    assert error is None, error
    assert done.record.outcome is Outcome.DONE


def test_one_change_that_was_told_otherwise_waits_and_says_why(field: Field) -> None:
    run, _ = field.run()
    lie(
        run.record.folder.path,
        lambda plan: each(plan, lambda c: replace(c, display_name="X") if c.display_name == "Sales" else c),
    )
    field.approve()
    later, error = field.run()
    assert error is None, error
    assert later.record.outcome is Outcome.AWAITING_APPROVAL
    findings: Any = later.record.facts["findings"]
    (waiting,) = (finding for finding in findings if finding["id"].startswith("awaiting-approval:"))
    assert "was given for other names" in waiting["why"]
    assert sorted(field.groups()) == ["Board"]


def test_the_form_approves_only_what_it_showed(field: Field) -> None:
    from runbook_lib.notebook.gate_form import GateForm

    class Line:
        said = ""

        def show(self, text: str) -> None:
            self.said = text

    run, _ = field.run()
    record, plan, line = run.record.folder.path, planned(run.record.folder.path, ROUTES), Line()
    form = GateForm(record, plan, preconditions=lambda: None, clock=lambda: field.now, line=line)
    lie(record, LIES["group"])
    form.approver.value, form.phrase.value = "Kim", plan.phrase
    form._clicked(None)
    assert "not the one that this form was shown for" in line.said
    assert not (field.folder / "approvals").exists()


@pytest.mark.parametrize("what", ["group", "place of an object", "members", "domain", "target OU", "retired OU"])
def test_who_approves_a_change_that_goes_on_reads_the_names_of_today(field: Field, what: str) -> None:
    broken = field.killed(2)
    field.now += timedelta(hours=5)
    right = planned(broken, ROUTES)
    lie(broken, LIES[what])
    asking, error = field.run()
    assert isinstance(error, AwaitingApproval)
    shown = planned(asking.record.folder.path, ROUTES)
    assert (shown.target, shown.changes) == (right.target, right.changes)
    field.approve(asking.record.folder.path)
    done, error = field.run()
    assert error is None, error
    assert done.record.outcome is Outcome.DONE


def test_an_approval_of_other_names_finishes_nothing_either(field: Field) -> None:
    """The way around the gate: an open journal beside a plan whose names were lies when it was approved."""
    run, _ = field.run()
    honest = (run.record.folder.path / "plan.json").read_bytes()
    lie(run.record.folder.path, LIES["group"])
    told = field.approve()
    (run.record.folder.path / "plan.json").write_bytes(honest)
    kept = told.read_bytes()
    field.approve()
    broken = field.dies(2)
    first, *rest = field.lines(broken)
    told.write_bytes(kept)
    import hashlib

    used = {**first["approval"], "sha256": hashlib.sha256(kept).hexdigest()}
    field.write_lines(broken, [{**first, "approval": used}, *rest])
    field.sent = 0
    _, error = field.run()
    assert isinstance(error, AwaitingApproval)
    assert field.sent == 0


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_half_moved_groups_go_on_under_their_approval(field: Field, at: int) -> None:
    """Names of today are not those of the plan where the change itself has moved an object."""
    field.planned()
    field.run()
    field.planned(DISABLE)
    field.dies(at, DISABLE)
    run, error = field.run(DISABLE)
    assert error is None, error
    assert run.record.outcome is Outcome.DONE


def test_names_of_today_are_those_of_an_honest_plan() -> None:
    """Also of a member that is a group of the same plan, and of what a deletion takes away."""
    parent, child = b.cloud_group("P", CloudKind.SECURITY), b.cloud_group("C", CloudKind.SECURITY)
    cloud = b.cloud_side([parent, child], {"P": [child], "C": []})
    plan = plan_enable(b.inventory_of(cloud, b.directory_side()), b.policy("P", "C")).plan
    assert any(ref.group_id for change in plan.changes for ref in change.payload.members_added)
    holder = HoldingGroup(ObjectGuid(b.guid("holder")), "CN=holder,DC=c")
    deletion = Deletion("S-1", True, (holder,), "on", 60, "default", "on", "on")
    plan = replace(
        plan, changes=(*plan.changes, rewritten(plan.changes[0], object_guid=b.guid("x"), deletion=deletion))
    )
    target = plan.target
    place = {target.target_ou_guid: target.target_ou, target.retired_ou_guid: target.retired_ou}
    liar = replace(deletion, member_of=(HoldingGroup(holder.guid, "CN=liar,DC=c"),))
    lied = replace(plan, changes=(*plan.changes[:-1], rewritten(plan.changes[-1], deletion=liar)))
    again = rebound(lied, place, target.domain_dns_name, {}, {holder.guid: holder.dn})
    assert shown_of(again) == shown_of(plan)


def test_a_standing_approval_counts_for_the_names_that_were_read(field: Field) -> None:
    field.planned()
    done, error = field.run()
    assert error is None, error
    record = done.record.folder.path
    until = (field.now + timedelta(days=9)).date()

    def standing_run(how: Lie) -> RunbookError | None:
        kept = (record / "plan.json").read_bytes()
        lie(record, how)
        plan = planned(record, ROUTES)
        phrase = standing_phrase(2, plan.target.title, until)
        path = approve_in_advance(record, ROUTES, approver="Kim", phrase=phrase, until=until, clock=lambda: field.now)
        (record / "plan.json").write_bytes(kept)
        try:
            return field.run(ENABLE)[1]
        finally:
            path.unlink()

    for path in (field.folder / "approvals").iterdir():
        path.unlink()
    tree = field.embedded.store.tree
    sales = next(tree.dn(node.guid) for node in tree.nodes.values() if tree.dn(node.guid).startswith("CN=Sales"))
    field.embedded.store.modify(sales, {"description": "by hand"})
    for name, code in {
        "group": "standing-not-covered", "domain": "standing-other-target", "target OU": "standing-other-target",
    }.items():  # fmt: skip
        error = standing_run(LIES[name])
        assert error is not None, name
        assert error.code == code
    assert standing_run(lambda plan: plan) is None
    assert plan_from_json(json.loads((record / "plan.json").read_bytes()), ROUTES) == planned(record, ROUTES)
