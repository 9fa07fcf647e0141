"""Plans of the route cloud-sync: what is asked of a configuration, what is said before the gate, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.approvals.plan import approve_plan, approved_changes, read_approvals
from runbook_lib.change.journal_check import DoneChange, effects_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.cloud_sync.configuration import Notification, expressions_of, notification_of
from runbook_lib.errors import AwaitingApproval, Refused
from runbook_lib.graph.tenant.configuration import SELECTED_ROLES
from runbook_lib.graph.tenant.jobs import CloudSync, JobState, Quarantine
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.routes.cloud_sync.actions import Assign, Provision, ReplaceSchema, ReplaceSecrets
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncPlan
from runbook_lib.routes.cloud_sync.plan_undo import plan_undo
from runbook_lib.routes.cloud_sync.planning import configuration_of
from runbook_lib.routes.cloud_sync.resume import ResumeLimits, require_rest_allowed, watched_again
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.cloud_sync.scope.plan_disable import plan_disable
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.routes.registry import ROUTES
from runbook_lib.shown.plan import plan_view
from tests.support import builders as b
from tests.unit.routes_cloud_sync.runs import Runs
from tests.unit.routes_cloud_sync.world import (
    OU,
    ROLE,
    Graph,
    inventory,
    schema,
    secrets,
    security,
    sides_of,
    source,
    with_job,
)

NOTHING = DesiredSettings({})
ON = DesiredSettings({}, synchronized_users=Switch.ON)
SALES, OPS = security("Sales"), security("Ops")
ANA, CY = b.synced("Ana"), b.person("Cy")
READ = inventory([SALES, OPS, b.cloud_group("Team")], {"Sales": [ANA, CY], "Ops": []}, users=[b.ad_user("Ana")])


def kinds(plan: Plan) -> list[ChangeKind]:
    return [change.kind for change in plan.changes]


def test_a_selected_group_comes_into_scope_and_the_job_starts() -> None:
    made = plan_enable(sides_of(READ, Graph()), b.policy("Sales"), ON)
    assert kinds(made.plan) == [ChangeKind.ASSIGN, ChangeKind.START]
    assert made.plan.changes[0].group_id == SALES.id
    assert made.plan.phrase == "ENABLE 1 GROUP IN contoso.com"
    (members,) = made.plan.members
    assert (members.in_cloud, members.added, members.already) == (2, 1, 0)
    assert [(one.name, one.code) for one in members.left_out] == [("Cy", "cloud-only")]
    assert [group.dn.value for group in made.prediction.groups] == [f"CN=Sales_{SALES.id[-12:]},{OU}"]
    assert {finding.id for finding in made.findings} == {"cloud-sync-random-names"}
    desired = replace(ON, sources={"samaccountname": source('Append([displayNam],"_g")')})
    made = plan_enable(sides_of(READ, Graph()), b.policy("Sales"), desired)
    assert {finding.id for finding in made.findings} == {"cloud-sync-place-unknown"}, "mapped, and not random"


def test_a_plan_that_is_taken_up_again_is_watched_as_on_its_first_run() -> None:
    """Whether its requests are sent already or not: AD is to come out the same."""
    graph = Graph()
    desired = DesiredSettings({"cn": source("[displayName]")}, synchronized_users=Switch.ON)
    first = plan_enable(sides_of(READ, graph), b.policy("Sales"), desired)
    before = watched_again(CLOUD_SYNC_TYPES.plan(first.plan), sides_of(READ, graph), ON)
    actions = [change.payload.action for change in CLOUD_SYNC_TYPES.plan(first.plan).changes]
    (mapped,) = [one for one in actions if isinstance(one, ReplaceSchema)]
    graph.schema = dict(mapped.after)
    graph.assigned = {SALES.id: "a-1"}
    after = watched_again(CLOUD_SYNC_TYPES.plan(first.plan), sides_of(READ, graph), ON)
    assert before.chosen == after.chosen == first.chosen == (SALES.id,)
    assert before.prediction.groups == after.prediction.groups == first.prediction.groups
    assert first.prediction.groups[0].dn.value == f"CN=Sales,{OU}"


def test_what_is_in_scope_and_running_needs_nothing() -> None:
    graph = Graph(assigned={SALES.id: "a-1"}, running=True)
    made = plan_enable(sides_of(READ, graph), b.policy("Sales"), ON)
    assert made.plan.changes == ()
    assert made.plan.in_step == 1


def test_names_and_ou_change_as_one_schema() -> None:
    desired = DesiredSettings({"cn": source("[displayName]"), "samaccountname": source('Append([displayName],"_g")')})
    made = plan_enable(sides_of(READ, Graph(running=True)), b.policy("Sales"), desired)
    assert kinds(made.plan) == [ChangeKind.MAP, ChangeKind.ASSIGN]
    replaced = made.plan.changes[0].payload.action  # type: ignore[attr-defined]
    assert isinstance(replaced, ReplaceSchema)
    assert replaced.before == schema()
    assert expressions_of(replaced.after)["cn"] == "[displayName]"
    assert [(one.name, one.before, one.after) for one in made.plan.changes[0].payload.value_differences()][1] == (
        "samaccountname",
        (),
        ('Append([displayName],"_g")',),
    )
    assert [group.cn.value for group in made.prediction.groups] == ["Sales"]


def test_groups_that_nobody_selected_and_the_new_mapping_renames_are_named_before_the_gate() -> None:
    anchor = {"msDS-ExternalDirectoryObjectId": (f"Group_{OPS.id}",), "groupType": ("-2147483640",)}
    there = b.ad_group("Ops", {**anchor, "sAMAccountName": ("$CHOSEN-BY-AD",)}, parent=OU)
    read = inventory([SALES, OPS], {"Sales": [], "Ops": []}, [there])
    graph = Graph(assigned={OPS.id: "a-1"}, running=True)

    def found(*selected: str, **sources: str) -> tuple[tuple[str, ...], list[Any]]:
        desired = DesiredSettings({name: source(text) for name, text in sources.items()})
        made = plan_enable(sides_of(read, graph), b.policy(*selected), desired)
        return made.others, [one for one in made.findings if one.id == "cloud-sync-others-change"]

    others, (finding,) = found("Sales", samaccountname='Append([displayName],"_g")')
    assert others == (OPS.id,)
    assert finding.values["groups"] == [f"Ops ({there.dn}, sAMAccountName $CHOSEN-BY-AD)"]
    assert found("Sales", parentdistinguishedname='"OU=Elsewhere,DC=contoso,DC=com"')[0] == (OPS.id,)
    assert found("Sales") == ((), [])
    assert found("Sales", "Ops", samaccountname='Append([displayName],"_g")') == ((), []), "it is selected"
    assert found("Sales", cn=expressions_of(schema())["cn"]) == ((), []), "the mapping stays"


def test_an_undo_of_a_mapping_names_whose_account_name_does_not_come_back(tmp_path: Path) -> None:
    anchor = {"msDS-ExternalDirectoryObjectId": (f"Group_{SALES.id}",), "groupType": ("-2147483640",)}
    there = b.ad_group("Sales", {**anchor, "sAMAccountName": ("Sales_g",)}, parent=OU)
    read = inventory([SALES], {}, [there])
    graph = Graph(assigned={SALES.id: "a-1"}, running=True)
    for name, said in (("samaccountname", True), ("cn", False)):
        desired = DesiredSettings({name: source('Append([displayName],"_g")')})
        made = plan_enable(sides_of(read, graph), b.policy("Sales"), desired)
        chain = Runs(tmp_path / name, made.plan, graph).finished()
        back = plan_undo(
            sides_of(read, graph), b.policy(), DesiredSettings({}), DoneChange(made.plan, effects_of(chain))
        )
        found = [one for one in back.findings if one.id == "cloud-sync-names-stay"]
        assert bool(found) is said
        assert not found or "1 group: Sales (Sales_g)." in found[0].seen
        Runs(tmp_path / f"{name} back", back.plan, graph).finished()


def test_a_schema_that_is_as_desired_is_not_sent() -> None:
    desired = DesiredSettings({"cn": source(expressions_of(schema())["cn"])})
    assert kinds(plan_enable(sides_of(READ, Graph(running=True)), b.policy("Sales"), desired).plan) == [
        ChangeKind.ASSIGN
    ]


def test_the_notification_changes_as_one_list_of_settings() -> None:
    desired = DesiredSettings({}, notification=Notification(True, "other@contoso.com", 20))
    made = plan_enable(sides_of(READ, Graph(running=True)), b.policy("Sales"), desired)
    assert kinds(made.plan) == [ChangeKind.SETTINGS, ChangeKind.ASSIGN]
    assert {one.name for one in made.plan.changes[0].payload.value_differences()} == {
        "notification",
        "deletion threshold",
    }


def test_the_pilot_is_provisioned_before_the_job_starts_with_five_members_at_most() -> None:
    people = [b.synced(f"P{n}") for n in range(9)]
    read = inventory([SALES], {"Sales": people}, users=[b.ad_user(f"P{n}") for n in range(9)])
    made = plan_enable(sides_of(read, Graph()), b.policy("Sales"), DesiredSettings({}, pilot=SALES.id))
    assert kinds(made.plan) == [ChangeKind.ASSIGN, ChangeKind.PROVISION, ChangeKind.START]
    call = made.plan.changes[1].payload.action  # type: ignore[attr-defined]
    assert isinstance(call, Provision)
    assert (call.rule_id, len(call.members)) == ("rule-1", 5)
    shown = [one.name for one in made.plan.changes[1].payload.member_differences()]
    assert sorted(shown) == [f"P{n}" for n in range(9) if b.synced(f"P{n}").id in call.members]
    renamed = replace(call, names=("Other",) * 5)
    assert renamed.identity() == call.identity(), "names are no part of what is approved"
    assert replace(call, names=()).members_shown() == call.members
    there = b.ad_group("Sales", {"msDS-ExternalDirectoryObjectId": (f"Group_{SALES.id}",)}, parent=OU)
    there = replace(there, attributes={**there.attributes, "groupType": ("-2147483640",)})
    again = plan_enable(
        sides_of(inventory([SALES], {}, [there]), Graph()), b.policy("Sales"), DesiredSettings({}, pilot=SALES.id)
    )
    assert kinds(again.plan) == [ChangeKind.ASSIGN, ChangeKind.START], "it is in AD already"
    (said,) = [one for one in again.findings if one.id == "cloud-sync-pilot-in-ad"]
    assert f"The pilot group Sales is not tried first: its AD object is there already ({there.dn})." in said.seen
    assert "cloud-sync-pilot-in-ad" not in {one.id for one in made.findings}
    with pytest.raises(Refused) as caught:
        plan_enable(sides_of(read, Graph()), b.policy("Sales"), DesiredSettings({}, pilot=OPS.id))
    assert caught.value.code == "pilot-not-selected"


@pytest.mark.parametrize(
    ("group", "rule"),
    [
        (b.cloud_group("X"), "microsoft-365"),
        (security("X", on_premises_sync_enabled=True), "synchronized"),
        (security("X", on_premises_sid="S-1-5-9", cloud_managed=True), "no-object"),
    ],
)
def test_groups_that_can_never_arrive_are_refused_one_by_one(group: Any, rule: str) -> None:
    read = inventory([group, SALES], {})
    made = plan_enable(sides_of(read, Graph(running=True)), b.policy(select_ids=(group.id, SALES.id)), NOTHING)
    assert [(one.group_id, one.rule) for one in made.plan.refusals] == [(group.id, rule)]
    assert [change.group_id for change in made.plan.changes] == [SALES.id]


def test_a_name_that_picks_only_groups_which_can_never_arrive_says_why() -> None:
    with pytest.raises(Refused) as caught:
        plan_enable(sides_of(READ, Graph()), b.policy("Team"), NOTHING)
    assert caught.value.code == "selection-matches-nothing"
    assert caught.value.message == (
        "The selection 'Team' matches no group that can be taken: "
        "Microsoft 365 groups are mail-enabled: Cloud Sync never writes them."
    )
    with pytest.raises(Refused) as caught:
        plan_enable(sides_of(READ, Graph()), b.policy("Teem"), NOTHING)
    assert "can be taken" not in caught.value.message


def test_where_every_group_is_refused_the_configuration_stays_as_it_is() -> None:
    group = b.cloud_group("X")
    desired = DesiredSettings({"cn": source("[displayName]")}, Notification(True, "x", 3))
    made = plan_enable(sides_of(inventory([group], {}), Graph()), b.policy(select_ids=(group.id,)), desired)
    assert made.plan.changes == ()
    assert [one.rule for one in made.plan.refusals] == ["microsoft-365"]


def test_a_name_that_is_taken_keeps_the_group_out() -> None:
    taken = b.ad_group(f"Sales_{SALES.id[-12:]}", parent=OU)
    made = plan_enable(sides_of(inventory([SALES], {}, [taken]), Graph(running=True)), b.policy("Sales"), NOTHING)
    assert made.plan.changes == ()
    assert [one.rule for one in made.plan.refusals] == ["cn-taken"]


def test_what_cannot_be_known_is_a_finding_before_the_gate() -> None:
    read = inventory([SALES, OPS], {"Sales": [ANA], "Ops": [CY]}, users=[b.ad_user("Ana")])
    desired = DesiredSettings({"cn": source("Guid()")})
    made = plan_enable(sides_of(read, Graph(running=True)), b.policy("Sales", "Ops"), desired)
    assert {finding.id for finding in made.findings} == {
        "cloud-sync-arrives-empty",
        "cloud-sync-members-unknown",
        "cloud-sync-random-names",
        "cloud-sync-place-unknown",
    }
    assert all(finding.seen and finding.to_do for finding in made.findings)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": JobState.QUARANTINE, "quarantine": Quarantine("TooManyDeletes", None, None, "")}, "in-quarantine"),
        ({"scope": ()}, "no-mapping-of-groups"),
    ],
)
def test_a_configuration_that_does_not_answer_is_refused(change: dict[str, Any], code: str) -> None:
    graph = Graph()
    if code == "no-mapping-of-groups":
        graph.schema["synchronizationRules"] = []
        sides = with_job(sides_of(READ, Graph()), **change)
        sides = type(sides)(sides.inventory, sides.job, sides_of_documents(graph))
    else:
        sides = with_job(sides_of(READ, graph), **change)
    with pytest.raises(Refused) as caught:
        plan_enable(sides, b.policy("Sales"), NOTHING)
    assert caught.value.code == code
    if code == "in-quarantine":
        assert "as many objects as the deletion threshold" in caught.value.message
        assert "ForceDeletes" in caught.value.hint


def sides_of_documents(graph: Graph) -> Any:
    """Documents of a schema that no job can be read from."""
    whole = sides_of(READ, Graph()).documents
    return type(whole)(whole.address, graph.schema, whole.secrets, whole.assignments, whole.role_id, whole.state)


def test_a_configuration_of_another_domain_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        plan_enable(sides_of(READ, Graph(secrets=secrets("fabrikam.com"))), b.policy("Sales"), NOTHING)
    assert caught.value.code == "other-domain"


def test_which_configuration_it_is() -> None:
    job = sides_of(READ, Graph()).job
    other = with_job(sides_of(READ, Graph()), id="other", domain="fabrikam.com").job
    assert configuration_of(CloudSync((job, other)), "Contoso.com") is job
    for jobs, code in (((other,), "no-configuration"), ((job, job), "several-configurations")):
        with pytest.raises(Refused) as caught:
            configuration_of(CloudSync(jobs), "contoso.com")
        assert caught.value.code == code


def test_more_new_groups_than_the_limit() -> None:
    limits = b.policy().limits
    many = [security(f"G{n}") for n in range(limits.creates + 1)]
    with pytest.raises(Refused) as caught:
        plan_enable(sides_of(inventory(many, {}), Graph()), b.policy("G*"), NOTHING)
    assert caught.value.code == "limit-creates"


def test_named_groups_leave_the_scope_and_what_nobody_knows_is_said() -> None:
    written = b.ad_group("Sales", {"msDS-ExternalDirectoryObjectId": (f"Group_{SALES.id}",)}, parent=OU)
    read = inventory([SALES, OPS], {}, [written])
    graph = Graph(assigned={SALES.id: "a-1"}, running=True)
    made = plan_disable(sides_of(read, graph), b.policy(disable_names=("Sales",)), NOTHING, pause=False)
    assert kinds(made.plan) == [ChangeKind.UNASSIGN]
    assert {finding.id for finding in made.findings} == {"cloud-sync-out-of-scope", "cloud-sync-scope-empty"}
    with pytest.raises(Refused) as caught:
        plan_disable(sides_of(read, graph), b.policy(disable_names=("Ops",)), NOTHING, pause=False)
    assert caught.value.code == "selection-matches-nothing"
    made = plan_disable(sides_of(read, graph), b.policy(disable_ids=(OPS.id,)), NOTHING, pause=False)
    assert [one.rule for one in made.plan.refusals] == ["not-assigned"]


def test_a_job_is_paused_once() -> None:
    graph = Graph(running=True)
    made = plan_disable(sides_of(READ, graph), b.policy(), NOTHING, pause=True)
    assert kinds(made.plan) == [ChangeKind.PAUSE]
    assert made.plan.phrase == "DISABLE CONFIGURATION IN contoso.com"
    graph.running = False
    assert plan_disable(sides_of(READ, graph), b.policy(), NOTHING, pause=True).plan.changes == ()


def test_the_table_of_changes_names_the_job_as_what_is_changed() -> None:
    html, _ = plan_view(plan_enable(sides_of(READ, Graph()), b.policy("Sales"), ON).plan, ())
    assert "Cloud Sync job" in html
    assert "AD object" not in html


def test_a_plan_is_read_back_from_its_file_and_held_to_its_kinds() -> None:
    desired = DesiredSettings({"cn": source("[displayName]")}, Notification(False, "x", None), SALES.id)
    plan = plan_enable(sides_of(READ, Graph()), b.policy("Sales"), desired).plan
    told = json.loads(json.dumps(plan_to_json(plan)))
    again = plan_from_json(told, {CLOUD_SYNC_RULES.route: CLOUD_SYNC_RULES})
    assert again.digest == plan.digest
    assert [change.digest for change in again.changes] == [change.digest for change in plan.changes]
    assert all(CLOUD_SYNC_RULES.beyond_kind(change, Operation.ENABLE) == "" for change in plan.changes)
    assert CLOUD_SYNC_RULES.beyond_target(plan) == ""
    assert {CLOUD_SYNC_RULES.beyond_kind(change, Operation.DISABLE) for change in plan.changes} == {
        "is no part of a plan to disable"
    }


def test_an_app_role_of_a_file_is_held_to_those_that_select_groups_and_to_the_configuration_s() -> None:
    plan = CLOUD_SYNC_TYPES.plan(plan_enable(sides_of(READ, Graph()), b.policy("Sales"), ON).plan)
    (at,) = [n for n, change in enumerate(plan.changes) if isinstance(change.payload.action, Assign)]

    def forged(role: str) -> CloudSyncPlan:
        change = plan.changes[at]
        payload = replace(change.payload, action=Assign(role))
        return replace(plan, changes=(*plan.changes[:at], replace(change, payload=payload), *plan.changes[at + 1 :]))

    other = next(role for role in sorted(SELECTED_ROLES) if role != ROLE)
    assert "another app role" in CLOUD_SYNC_RULES.beyond_kind(forged(b.guid("role")).changes[at], Operation.ENABLE)
    assert CLOUD_SYNC_RULES.beyond_kind(forged(other).changes[at], Operation.ENABLE) == ""
    sides, limits = sides_of(READ, Graph()), ResumeLimits(9, 9, 9)
    require_rest_allowed(plan, (), sides, limits, ())
    with pytest.raises(Refused) as caught:
        require_rest_allowed(forged(other), (), sides, limits, ())
    assert caught.value.code == "role-of-another"


def test_groups_do_not_come_into_scope_under_another_mapping_than_was_approved(tmp_path: Path) -> None:
    desired = DesiredSettings({"cn": source("[displayName]")})
    graph = Graph(running=True)
    plan = plan_enable(sides_of(READ, graph), b.policy("Sales"), desired).plan
    record = tmp_path / "CHG" / "run-1"
    record.mkdir(parents=True)
    (record / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    hour = timedelta(hours=1)
    path = approve_plan(record, ROUTES, approver="Kim", phrase=plan.phrase, valid=hour, clock=lambda: b.NOW)
    given = read_approvals(path.parent, ROUTES)
    assert len(approved_changes(plan, given, b.NOW)[0]) == 2
    graph.schema = schema(samaccountname='Append([displayName],"_else")')
    now = plan_enable(sides_of(READ, graph), b.policy("Sales"), desired).plan
    assert {change.digest for change in now.changes} & {change.digest for change in plan.changes}, "the assignment"
    with pytest.raises(AwaitingApproval) as caught:
        approved_changes(now, given, b.NOW)
    assert caught.value.code == "approval-of-another-plan"


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        (Notification(True, "new@contoso.com", None), (True, "new@contoso.com", 500)),
        (Notification(False, "", 20), (True, "ops@contoso.com", 20)),
    ],
)
def test_a_setting_that_nothing_is_said_of_stays_as_it_is(asked: Notification, then: tuple[bool, str, int]) -> None:
    made = plan_enable(sides_of(READ, Graph()), b.policy("Sales"), replace(ON, notification=asked))
    (settings,) = [change for change in CLOUD_SYNC_TYPES.plan(made.plan).changes if change.kind is ChangeKind.SETTINGS]
    assert isinstance(settings.payload.action, ReplaceSecrets)
    found = notification_of(settings.payload.action.after)
    assert found is not None
    assert (found.enabled, found.recipients, found.threshold) == then
