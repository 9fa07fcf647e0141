"""Plans of the route in files: read back as they were, held to their own OU, and what hand-overs say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.routes.connect_sync.actions import ComingGroup, LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.hand_over import NEVER, ServerFacts, hand_over_of, who_does_what
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.route import beyond_kind, beyond_target
from tests.support import builders as b
from tests.support.schemas import problems
from tests.unit.routes_connect_sync.world import ACCOUNT, FACTS, OU, ROUTES, change, coming, enabling, plan_of, target


def as_json(plan: Plan) -> dict[str, Any]:
    """As it stands in plan.json."""
    told: dict[str, Any] = json.loads(json.dumps(plan_to_json(plan)))
    return told


def test_a_plan_is_read_back_as_it_was_and_fits_its_schema() -> None:
    plan = enabling()
    told = as_json(plan)
    read = plan_from_json(told, ROUTES)
    assert (read.digest, read.changes, read.target) == (plan.digest, plan.changes, plan.target)
    assert problems("plan-connect-sync", told) == []
    assert told["groups"] == 2
    assert plan.phrase == "ENABLE 2 GROUPS IN contoso.com"
    assert plan_of(RunCycle()).phrase == "ENABLE WRITEBACK IN contoso.com"


def test_the_digest_covers_settings_and_groups_and_no_display_name() -> None:
    one, two = coming("One", "Two")
    digest = plan_of(SwitchOn(True, (one, two))).digest
    others = [
        SwitchOn(False, (one, two)),
        SwitchOn(True, (one,)),
        SwitchOn(True, (one, replace(two, cn="Two_0"))),
    ]
    assert len({digest, *(plan_of(other).digest for other in others)}) == 4
    assert plan_of(SwitchOn(True, (two, replace(one, display_name="Uno")))).digest == digest
    assert plan_of(LetConnectorWrite(ACCOUNT)).digest != plan_of(LetConnectorWrite("")).digest


@pytest.mark.parametrize(
    "path",
    [
        ("phrase",), ("groups",), ("digest",), ("target", "target_ou_guid"), ("changes", 1, "action", "display_names"),
        ("changes", 1, "action", "groups", 0, "cn"), ("changes", 0, "action", "account"), ("changes", 0, "object_guid"),
        ("changes", 2, "kind"), ("changes", 1, "of_group"),
    ],
)  # fmt: skip
def test_whatever_is_changed_in_the_file_it_is_not_believed(path: tuple[str | int, ...]) -> None:
    told = as_json(enabling())
    place: Any = told
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    place[path[-1]] = not old if isinstance(old, bool) else old + 1 if isinstance(old, int) else b.guid("other")
    with pytest.raises(UsageError) as caught:
        plan_from_json(told, ROUTES)
    assert caught.value.code == "plan-damaged"


def test_what_a_change_never_does_is_found() -> None:
    on = change(SwitchOn(True, coming("One")))
    assert beyond_kind(on, Operation.ENABLE) == ""
    assert "no part of a plan to disable" in beyond_kind(on, Operation.DISABLE)
    assert "another kind" in beyond_kind(replace(on, kind=ChangeKind.RUN_CYCLE), Operation.ENABLE)
    group = coming("One")[0].group_id
    assert "another group" in beyond_kind(replace(on, group_id=group), Operation.ENABLE)
    named = replace(on, group_id=group, payload=replace(on.payload, group_id=group))
    assert "another group" in beyond_kind(named, Operation.ENABLE)
    assert "twice" in beyond_kind(change(SwitchOn(True, coming("One") * 2)), Operation.ENABLE)


def test_a_plan_stays_in_its_own_ou_and_does_everything_once() -> None:
    plan = CONNECT_SYNC_TYPES.plan(enabling())
    assert beyond_target(plan) == ""
    elsewhere = CONNECT_SYNC_TYPES.change(change(RunCycle(), ou=f"OU=Elsewhere,{b.BASE}"))
    assert "another OU" in beyond_target(replace(plan, changes=(elsewhere,)))
    assert "twice" in beyond_target(replace(plan, changes=(*plan.changes, change(RunCycle()))))


def test_the_wizard_is_handed_over_with_this_tenants_values() -> None:
    text = hand_over_of(SwitchOn(True, coming("One", "Two")), target(), FACTS).text()
    assert "all Microsoft 365 groups, 2" in text
    for value in ("CONNECT01", "contoso.onmicrosoft.com", b.TENANT, OU, "Hybrid Identity Administrator"):
        assert value in text
    assert "[ ] 8. Tick 'Writeback group Distinguished Name with cloud Display Name'" in text
    assert all(f"- {one}" in text for one in NEVER)
    by_id = hand_over_of(SwitchOn(False, coming("One")), target(), ServerFacts()).text()
    assert "[ ] 8. Leave 'Writeback group" in by_id
    assert "the active one" in by_id


def test_what_changes_something_says_first_what_it_would_do() -> None:
    known = hand_over_of(LetConnectorWrite(ACCOUNT), target(), FACTS).text()
    unknown = hand_over_of(LetConnectorWrite(""), target(), FACTS).text()
    for text in (known, unknown):
        lines = [line for line in text.splitlines() if line.startswith("Set-ADSync")]
        assert lines
        assert all(line.endswith("-WhatIf") for line in lines)
        assert f"$ou = '{OU}'" in text
    assert f"$account = '{ACCOUNT}'" in known
    assert "$forest = 'contoso.com'" in unknown
    assert "Start-ADSyncSyncCycle -PolicyType Delta" in hand_over_of(RunCycle(), target(), FACTS).text()


def test_no_value_becomes_syntax_or_a_line_of_its_own() -> None:
    hostile = "OU=It's\nStart-Evil $(x)‮,DC=contoso,DC=com"
    here = replace(target(), ou_dn=hostile, domain_dns_name="x\ny")
    facts = ServerFacts("A\nB", "c\nd")
    for action in (LetConnectorWrite(""), LetConnectorWrite(hostile), SwitchOn(True, coming("x")), RunCycle()):
        text = hand_over_of(action, here, facts).text()
        assert not [line for line in text.splitlines() if line.startswith(("Start-Evil", "B", "d", "y"))]
        assert "‮" not in text


def test_a_group_is_named_as_it_was_read() -> None:
    group = ComingGroup(coming("One")[0].group_id, "One", "One_1")
    assert SwitchOn(True, (group,)).groups == {group.group_id}
    assert SwitchOn(True, (group,)).summary() == "group writeback is switched on for all: 1 group"


def test_the_numbers_of_a_hand_over_add_up_to_those_of_the_changes() -> None:
    handed = [hand_over_of(action, target(), FACTS) for action in (LetConnectorWrite(ACCOUNT), RunCycle())]
    assert who_does_what(handed, 0).startswith("Of 2 changes the run has carried out none itself, and handed 2 over.")
    assert who_does_what(handed, 62).startswith("Of 64 changes the run has carried out 62 itself, and handed 2 over.")
    assert who_does_what(handed, 62).endswith(f"in this order: {handed[0].title}; {handed[1].title}.")
