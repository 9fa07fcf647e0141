"""Choosing some Microsoft 365 groups under v1: staging first, its proof, and only then that the server writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.settings import WizardChoice, writeback_settings
from runbook_lib.errors import Refused
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import verbatim
from runbook_lib.routes.connect_sync.actions import ComingGroup, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.choosing_actions import ChooseInStaging, KeptOutGroup, LeaveStaging
from runbook_lib.routes.connect_sync.hand_over import hand_over_of
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.planning import ConnectSides, PlannedConnect
from runbook_lib.routes.connect_sync.route import beyond_kind, beyond_target
from runbook_lib.routes.connect_sync.watch import choice_not_proved
from runbook_lib.shown.connect_choice import choice_rows, choice_view
from tests.support import builders as b
from tests.support.schemas import problems
from tests.unit.connect.test_choosing import pending, staged
from tests.unit.routes_connect_sync.test_plan_enable import GROUPS, LATER, kinds, planned, sides_of
from tests.unit.routes_connect_sync.world import FACTS, OU, ROUTES, Runs, World, change, coming, plan_of, target

ONE, TWO, THREE = GROUPS
SECURITY = b.cloud_group("Sec", CloudKind.SECURITY)
STEPS = (ChangeKind.GRANT_RIGHTS, ChangeKind.LEAVE_STAGING, ChangeKind.RUN_CYCLE)
IDS = tuple(ComingGroup(one.id, one.display_name, f"{one.display_name}_{one.id[-12:]}") for one in GROUPS)
KEPT_OUT = tuple(KeptOutGroup(one.id, one.display_name) for one in (TWO, THREE))


def served(evidence: ConnectEvidence, *, before: bool = False, v1: Switch = Switch.ON) -> ConnectSides:
    """Both sides, v1 on, and a server with this evidence whose OU is the target OU."""
    sides = sides_of()
    settings = writeback_settings(
        evidence, v1=v1, v2=Switch.OFF, choice=WizardChoice(b.TARGET_OU, NamingMode.DISPLAY_NAME)
    )
    known = sides_of(v1=v1, container=b.TARGET_OU).settings
    return replace(
        sides,
        settings=replace(known, choosing=settings.choosing, naming=NamingMode.DISPLAY_NAME),
        evidence=evidence,
        before=before,
    )


def handed_over(made: PlannedConnect) -> EarlierHandOver:
    """The plan as an earlier run handed it over."""
    return EarlierHandOver(
        "run-1", LATER, CONNECT_SYNC_TYPES.plan(made.plan), CONNECT_SYNC_TYPES.changes(made.plan.changes)
    )


def chosen(*names: str) -> PlannedConnect:
    """The first plan of a choice."""
    return planned(sides_of([*GROUPS, SECURITY]), select_names=names)


def findings(made: PlannedConnect) -> dict[str, Severity]:
    """Findings by id."""
    return {one.id: one.severity for one in made.findings}


def test_rules_are_handed_over_first_and_the_prediction_is_of_the_chosen_groups_alone() -> None:
    made = chosen("One")
    (only,) = CONNECT_SYNC_TYPES.changes(made.plan.changes)
    action = only.payload.action
    assert isinstance(action, ChooseInStaging)
    assert [one.display_name for one in action.groups_coming] == ["One"]
    assert {one.group_id for one in action.kept_out} == {TWO.id, THREE.id}
    assert [group.display_name for group in made.prediction.groups] == ["One"]
    assert made.plan.phrase == "CHOOSE 1 GROUP IN contoso.com"
    found = findings(made)
    assert found["connect-choice-unconfirmed"] is Severity.BLOCKING
    assert {"connect-sync-chosen"} <= set(found)
    assert not {"connect-sync-all", "connect-sync-selection", "connect-sync-not-certain"} & set(found)


def test_all_groups_selected_are_no_choice() -> None:
    assert ChangeKind.SWITCH_ON in kinds(chosen("*"))
    assert not {"connect-choice-unconfirmed", "connect-sync-selection"} & set(findings(chosen("*")))


def test_a_typing_error_or_a_group_that_v1_never_writes_is_no_smaller_choice() -> None:
    with pytest.raises(Refused) as caught:
        chosen("One", "Onee")
    assert caught.value.code == "selection-matches-nothing"
    made = planned(sides_of([*GROUPS, SECURITY]), select_ids=(ONE.id, SECURITY.id))
    (refused,) = made.plan.refusals
    assert (refused.group_id, refused.rule) == (SECURITY.id, "not-written-by-v1")
    assert "security group" in refused.why
    alone = planned(sides_of([*GROUPS, SECURITY]), select_ids=(SECURITY.id,))
    assert (kinds(alone), len(alone.plan.refusals)) == ((), 1)


def test_the_limit_counts_the_chosen_groups() -> None:
    limits = replace(b.WIDE, creates=1)
    assert kinds(planned(sides_of(), select_names=("One",), limits=limits)) == (ChangeKind.CHOOSE_GROUPS,)
    with pytest.raises(Refused) as caught:
        planned(sides_of(), select_names=("One", "Two"), limits=limits)
    assert caught.value.code == "limit-creates"


def test_that_the_server_writes_is_planned_when_its_pending_exports_are_the_choice(tmp_path: Path) -> None:
    earlier = handed_over(chosen("One"))
    made = planned(served(staged(tmp_path, pending("add", ONE.id))), earlier, select_names=("One",))
    assert kinds(made) == STEPS
    assert made.plan.phrase == "ENABLE 1 GROUP IN contoso.com"
    assert findings(made)["connect-choice-proved"] is Severity.INFO
    assert not made.waits
    last = planned(served(staged(tmp_path, pending("add", ONE.id))), handed_over(made), select_names=("Two",))
    assert (kinds(last), last.waits) == ((), True)
    assert last.choice is not None
    assert last.choice.in_force
    assert last.choice.groups == {ONE.id}, "what was handed over counts, whatever is selected since"


@pytest.mark.parametrize(
    "exports",
    [
        [],
        [("add", TWO.id)],
        [("add", ONE.id), ("add", TWO.id)],
        [("add", ONE.id), ("delete", THREE.id)],
        [("add", ONE.id), ("add", "nobody")],
    ],
)
def test_nothing_but_the_choice_lets_the_server_leave_staging_mode(
    tmp_path: Path, exports: Sequence[tuple[str, str]]
) -> None:
    server = staged(tmp_path, *(pending(*one) for one in exports))
    made = planned(served(server), handed_over(chosen("One")), select_names=("One",))
    assert (kinds(made), made.waits) == ((), True)
    assert made.choice is not None
    assert not made.choice.proof.may_leave_staging
    assert choice_not_proved(made.choice.proof, {}).code == "choice-otherwise"
    assert kinds(planned(served(server), select_names=("One",))) == (ChangeKind.CHOOSE_GROUPS,)


def test_evidence_from_before_the_rules_were_handed_over_proves_nothing(tmp_path: Path) -> None:
    server = staged(tmp_path, pending("add", ONE.id))
    made = planned(served(server, before=True), handed_over(chosen("One")), select_names=("One",))
    assert kinds(made) == ()
    assert made.choice is not None
    assert choice_not_proved(made.choice.proof, {}).code == "choice-unproved"


def test_another_choice_is_another_hand_over(tmp_path: Path) -> None:
    server = staged(tmp_path, pending("add", ONE.id))
    made = planned(served(server), handed_over(chosen("One")), select_names=("Two",))
    assert kinds(made) == (ChangeKind.CHOOSE_GROUPS,)
    assert "connect-sync-handed-otherwise" in findings(made)
    kept = planned(served(server), handed_over(chosen("One")))
    assert kinds(kept) == STEPS, "no selection at all leaves the choice as it was handed over"


def test_groups_that_no_rule_names_are_named(tmp_path: Path) -> None:
    earlier = handed_over(planned(sides_of(GROUPS[:2]), select_names=("One",)))
    server = staged(tmp_path, pending("add", ONE.id), pending("add", THREE.id))
    made = planned(served(server), earlier, select_names=("One",))
    assert kinds(made) == ()
    (since,) = [one for one in made.findings if one.id == "connect-choice-groups-since"]
    assert since.values["groups"] == [THREE.id]
    assert [type(one.payload.action) for one in made.wanted] == [ChooseInStaging]


def test_a_choice_in_force_is_compared_and_nothing_is_planned(tmp_path: Path) -> None:
    active = {"cycle_enabled": True, "staging": False, "suspended": False, "maintenance": True, "in_progress": False}
    scheduler = {**active, "interval": "00:30:00", "next": None, "next_policy": "Delta"}
    made = planned(served(staged(tmp_path, scheduler=scheduler)), select_names=("One",))
    assert (kinds(made), made.choice is not None and made.choice.in_force) == ((), True)
    assert [group.display_name for group in made.prediction.groups] == ["One"]


def test_what_an_approval_covers_and_what_makes_another_one() -> None:
    base = ChooseInStaging(True, IDS[:1], KEPT_OUT)
    digest = plan_of_choice(base).digest
    renamed = replace(base, groups_coming=(replace(IDS[0], cn="Other_0"),))
    for other in (renamed, replace(base, display_names=False), replace(base, kept_out=KEPT_OUT[:1])):
        assert plan_of_choice(other).digest != digest
    assert plan_of_choice(replace(base, kept_out=KEPT_OUT[::-1])).digest == digest
    called = replace(base, kept_out=(replace(KEPT_OUT[0], display_name="Dos"), KEPT_OUT[1]))
    assert called.names_read() != base.names_read()
    assert LeaveStaging(True, IDS[:1]).settings() != LeaveStaging(True, IDS[1:2]).settings()


def plan_of_choice(action: ChooseInStaging | LeaveStaging) -> Any:
    """A plan with one of the two."""
    kind = ChangeKind.CHOOSE_GROUPS if isinstance(action, ChooseInStaging) else ChangeKind.LEAVE_STAGING
    made = CONNECT_SYNC_TYPES.plan(plan_of(RunCycle()))
    only = replace(made.changes[0], kind=kind, payload=replace(made.changes[0].payload, action=action))
    return replace(made, changes=(only,))


@pytest.mark.parametrize("action", [ChooseInStaging(True, IDS[:1], KEPT_OUT), LeaveStaging(False, IDS)])
def test_a_plan_is_read_back_as_it_was(action: ChooseInStaging | LeaveStaging) -> None:
    plan = plan_of_choice(action)
    told = json.loads(json.dumps(plan_to_json(plan)))
    read = plan_from_json(told, ROUTES)
    assert (read.digest, read.changes) == (plan.digest, plan.changes)
    assert problems("plan-connect-sync", told) == []


def test_a_choice_reaches_no_further_than_a_choice() -> None:
    (choice,) = map(CONNECT_SYNC_TYPES.change, plan_of_choice(ChooseInStaging(True, IDS[:1], KEPT_OUT)).changes)
    (leaving,) = map(CONNECT_SYNC_TYPES.change, plan_of_choice(LeaveStaging(True, IDS[:1])).changes)
    assert beyond_kind(choice, Operation.ENABLE) == beyond_kind(leaving, Operation.ENABLE) == ""
    for operation in (Operation.DISABLE, Operation.UNDO):
        assert "no part of a plan" in beyond_kind(choice, operation)
        assert "no part of a plan" in beyond_kind(leaving, operation)
    for kept_out, why in (((), "keeps no group out"), (KEPT_OUT * 2, "twice"), ((KeptOutGroup(ONE.id, "x"),), "twice")):
        action = ChooseInStaging(True, IDS[:1], kept_out)
        assert why in beyond_kind(replace(choice, payload=replace(choice.payload, action=action)), Operation.ENABLE)
    both = replace(CONNECT_SYNC_TYPES.plan(plan_of_choice(LeaveStaging(True, IDS[:1]))), changes=(choice, leaving))
    assert "in two ways" in beyond_target(both)
    on = replace(both, changes=(leaving, change(SwitchOn(True, coming("One")))))
    assert "in two ways" in beyond_target(on)


def test_what_is_handed_over_says_what_it_is() -> None:
    rules = hand_over_of(ChooseInStaging(True, IDS[:1], KEPT_OUT), target(), FACTS).text()
    for told in ("Unconfirmed", "Configure staging mode", OU, f"Group_{TWO.id}", "-PendingExports", "no password"):
        assert told in rules
    assert f"Group_{ONE.id}" not in rules
    leaving = hand_over_of(LeaveStaging(True, IDS[:1]), target(), FACTS).text()
    assert "Two active servers" in leaving
    assert "Clear the box for staging mode" in leaving


def test_the_server_leaves_staging_mode_only_while_that_is_proved(tmp_path: Path) -> None:
    made = plan_of_choice(LeaveStaging(True, IDS[:1]))
    proved = World(proof=ChoiceProof(exported=(ONE.id,)))
    assert Runs(tmp_path, made, proved).one([]).carried_out
    assert set(proved.kept) == {"hand-off-leave-staging.txt"}
    changed = World(proof=ChoiceProof(exported=(ONE.id,), deleted=(TWO.id,)))
    assert not Runs(tmp_path / "other", made, changed).one([]).carried_out
    assert not changed.kept


@pytest.mark.parametrize("moment", range(1, 9))
def test_wherever_a_run_dies_the_same_is_handed_over_and_once_begun_it_is_not_asked_for_again(
    tmp_path: Path, moment: int
) -> None:
    world = World(proof=ChoiceProof(exported=(ONE.id,)))
    runs = Runs(tmp_path, plan_of_choice(LeaveStaging(True, IDS[:1])), world)
    first = runs.one([], moment)
    if first.begun:
        world.proof = ChoiceProof(unproved=verbatim("The server is not in staging mode."))
    assert first.carried_out or runs.one([first]).carried_out
    assert set(world.kept) == {"hand-off-leave-staging.txt"}


def test_what_is_otherwise_stands_first_and_is_kept_whole() -> None:
    proof = ChoiceProof(exported=(ONE.id, TWO.id), deleted=(THREE.id,), unwanted=(TWO.id,), unnamed=("CN=odd",))
    names: dict[GroupId, str] = {one.id: one.display_name for one in GROUPS}
    shown = choice_view(proof, names)
    page = str(shown.html)
    assert page.index("CN=odd") < page.index(">Two<") < page.index(">One<")
    rows = {row[1]: row[2:] for row in choice_rows(proof, names)}
    assert rows == {
        "CN=odd": ("no", "writes"),
        "One": ("yes", "writes"),
        "Two": ("no", "writes"),
        "Three": ("no", "deletes"),
    }
    assert "was not read" in choice_view(ChoiceProof(unproved=verbatim("It was not read.")), names).text
