"""Configurations made and removed, and both undone: whatever dies or is lost, the end is that of a calm run."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.approvals.part import with_mapping
from runbook_lib.change.approvals.plan import approve_plan, approved_changes, read_approvals
from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange, effects_beyond, effects_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.change.step import Effect
from runbook_lib.cloud_sync.configuration import Notification, expressions_of
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.applications import Application
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.jobs import CloudSync
from runbook_lib.graph.tenant.parts import GOVERNANCE_PLAN, Agents, Licence, Licences
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.actions import ReplaceSecrets, schema_digest, secrets_digest
from runbook_lib.routes.cloud_sync.applications.actions import RemoveConfiguration
from runbook_lib.routes.cloud_sync.applications.checks import TenantFacts
from runbook_lib.routes.cloud_sync.applications.plan_bring_back import plan_bring_back, removed_by, rest_refused
from runbook_lib.routes.cloud_sync.applications.plan_remove import plan_remove, require_only_its_job, require_own_scope
from runbook_lib.routes.cloud_sync.applications.steps import CreateJobStep
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.cloud_sync.planning import PlannedCloudSync
from runbook_lib.routes.cloud_sync.resume import (
    ResumeLimits,
    made_at,
    require_own_way,
    require_rest_allowed,
    require_same_target,
)
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from runbook_lib.routes.cloud_sync.steps import RequestContext
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Reply, graph_error
from tests.unit.routes_cloud_sync.runs import ROUTES, NoScopes, Runs
from tests.unit.routes_cloud_sync.tenant import (
    AGENTS,
    FACTS,
    P1,
    Tenant,
    application_of,
    client_of,
    default_schema,
    sides_now,
)
from tests.unit.routes_cloud_sync.world import CN, JOB, OU, PRINCIPAL, inventory, secrets, security, source

GROUPS = [security(f"G{number}") for number in range(3)]
IDS = [group.id for group in GROUPS]
PERSON = b.synced("P0")
READ = inventory(GROUPS, {"G0": [PERSON, GROUPS[1]]}, users=[b.ad_user("P0")])
NOTHING = DesiredSettings({})
WANTED = DesiredSettings(
    {"parentDistinguishedName": source(f'"{OU}"'), "sAMAccountName": source('Append([displayName],"_g")')},
    Notification(True, "ops@contoso.com", None),
    IDS[0],
)
LOSSES = st.lists(st.sampled_from(("ok", "ok", "ok", "before", "after", "throttled")), max_size=14)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


def making(tenant: Tenant, desired: DesiredSettings = WANTED) -> PlannedCloudSync:
    return plan_enable(sides_now(READ, tenant), b.policy("G*"), desired, FACTS)


def removing(tenant: Tenant, operation: Operation = Operation.DISABLE) -> PlannedCloudSync:
    application = Application(
        tenant.owner, client_of(tenant.owner), application_of(tenant.owner), TO_AD, tenant.principals[tenant.owner]
    )
    return plan_remove(sides_now(READ, tenant), b.policy(), NOTHING, application, operation)


def done(plan: Plan, chain: list[JournalFile]) -> DoneChange:
    return DoneChange(plan, effects_of(chain))


def established(kind: type[Tenant] = Tenant, **more: Any) -> Tenant:
    """A tenant with a configuration that writes two groups."""
    tenant = kind(
        secrets=secrets(), owner=PRINCIPAL, job=JOB, running=True, principals={PRINCIPAL: "contoso.com"}, **more
    )
    tenant.schema["synchronizationRules"][0]["name"] = "by hand"
    tenant.assigned = {one: f"old-{one}" for one in IDS[:2]}
    return tenant


@given(LOSSES, st.lists(st.integers(1, 60), max_size=4), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_a_configuration_is_made_once_whatever_dies_or_is_lost(losses: list[str], deaths: list[int], late: int) -> None:
    calm, rough = Tenant(), Tenant(losses=list(losses), late=late)
    plan = making(calm).plan
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        Runs(Path(one), plan, calm).finished()
        chain = Runs(Path(other), plan, rough).finished(deaths)
        assert chain[-1].carried_out
        assert rough.state() == calm.state()
        assert sorted(rough.took) == sorted(set(rough.took)) == sorted(calm.took), "nothing is sent twice"
        assert effects_beyond(plan, chain, CLOUD_SYNC_RULES) is None
    assert calm.running
    assert calm.secrets[0] == {"key": "Domain", "value": '{"domain":"contoso.com"}'}
    assert '"Enabled":true,"Recipients":"ops@contoso.com"' in calm.secrets[1]["value"]
    assert '"DeleteThresholdValue":500' in calm.secrets[1]["value"], "the documented default"
    mapped = expressions_of(calm.schema)
    assert mapped["parentdistinguishedname"] == f'"{OU}"'
    assert mapped["samaccountname"] == 'Append([displayName],"_g")'
    assert mapped["cn"] == CN
    assert sorted(calm.assigned) == sorted(IDS)


def test_the_plan_of_a_configuration_that_is_not_there_says_what_it_assumes() -> None:
    made = making(Tenant())
    assert [change.kind for change in made.plan.changes] == [
        *(ChangeKind.CREATE_CONFIGURATION, ChangeKind.CREATE_JOB, ChangeKind.SETTINGS, ChangeKind.MAP),
        *[ChangeKind.ASSIGN] * 3,
        *(ChangeKind.PROVISION, ChangeKind.START),
    ]
    assert made.plan.phrase == "ENABLE 3 GROUPS IN contoso.com"
    found = {finding.id: finding for finding in made.findings}
    assert found["cloud-sync-created"].values == {"assumed": ["cn"]}
    places = [group.dn.value for group in made.prediction.groups]
    assert places == [f"CN={g.display_name}_{g.id[-12:]},{OU}" for g in sorted(GROUPS, key=lambda g: g.id)]
    plan = plan_from_json(plan_to_json(made.plan), ROUTES)
    assert plan == made.plan
    assert plan.digest == making(Tenant()).plan.digest
    assert CLOUD_SYNC_RULES.beyond_target(plan) == ""
    assert {CLOUD_SYNC_RULES.beyond_kind(change, plan.operation) for change in plan.changes} == {""}


def test_without_any_wish_the_default_mapping_is_only_checked(tmp_path: Path) -> None:
    tenant = Tenant()
    plan = making(tenant, NOTHING).plan
    assert Runs(tmp_path, plan, tenant).finished()[-1].carried_out
    assert "schema" not in tenant.took
    assert '"Enabled":false,"Recipients":""' in tenant.secrets[1]["value"], "nobody is told unless somebody is named"


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("cn", "[displayName]"),
        ("msDS-ExternalDirectoryObjectId", '"Group_x"'),
        ("sAMAccountName", "[mailNickname]"),
        ("parentDistinguishedName", f'"OU=Elsewhere,{b.BASE}"'),
    ],
)
def test_another_default_mapping_than_documented_stops_before_a_group_is_in_scope(
    tmp_path: Path, name: str, expression: str
) -> None:
    tenant = Tenant()
    mapping = tenant.default["synchronizationRules"][0]["objectMappings"][0]
    rows = [one for one in mapping["attributeMappings"] if one["targetAttributeName"].lower() != name.lower()]
    mapping["attributeMappings"] = [*rows, {"targetAttributeName": name, "source": source(expression)}]
    first = Runs(tmp_path, making(tenant, NOTHING).plan, tenant).one([])
    assert first.closed
    assert not first.carried_out
    assert name.lower() in str(first.lines[-1])
    assert tenant.took == ["instantiate", "create job", "secrets"]
    assert tenant.assigned == {}


def test_what_the_plan_sets_itself_may_have_any_default(tmp_path: Path) -> None:
    tenant = Tenant(default=default_schema())
    mapping = tenant.default["synchronizationRules"][0]["objectMappings"][0]
    mapping["attributeMappings"].append({"targetAttributeName": "sAMAccountName", "source": source("[mailNickname]")})
    assert Runs(tmp_path, making(tenant).plan, tenant).finished()[-1].carried_out


def test_a_filter_that_is_no_documented_default_stops(tmp_path: Path) -> None:
    tenant = Tenant()
    mapping = tenant.default["synchronizationRules"][0]["objectMappings"][0]
    mapping["scope"]["groups"][0]["clauses"].append({"sourceOperandName": "displayName", "operatorName": "EQUALS"})
    first = Runs(tmp_path, making(tenant).plan, tenant).one([])
    assert not first.carried_out
    assert "scope: displayName" in str(first.lines[-1])


def test_two_configurations_where_one_was_begun_stop(tmp_path: Path) -> None:
    """One of both may be somebody else's; none is taken for ours."""
    tenant = Tenant(losses=["after"])
    begun = Runs(tmp_path, making(tenant).plan, tenant).one([], die_at=5)
    assert not begun.closed
    tenant.principals[b.guid("by somebody else")] = "contoso.com"
    second = Runs(tmp_path, making(Tenant()).plan, tenant).one([begun])
    assert second.closed
    assert not second.carried_out
    assert "2 configurations of that name were made" in str(second.lines[-1])
    assert tenant.took == ["instantiate"]


def test_one_that_was_there_before_is_not_taken_for_ours(tmp_path: Path) -> None:
    tenant = Tenant(losses=["before", "before", "before", "before"])
    plan = making(Tenant()).plan
    tenant.principals[b.guid("older")] = "contoso.com"
    assert Runs(tmp_path, plan, tenant).finished()[-1].carried_out
    assert tenant.owner != b.guid("older")


def test_an_application_without_a_job_is_used_and_not_made_again(tmp_path: Path) -> None:
    tenant = Tenant(principals={PRINCIPAL: "contoso.com"})
    plan = making(tenant).plan
    assert ChangeKind.CREATE_CONFIGURATION not in {change.kind for change in plan.changes}
    assert Runs(tmp_path, plan, tenant).finished()[-1].carried_out
    assert list(tenant.principals) == [tenant.owner] == [PRINCIPAL]


@pytest.mark.parametrize("die_at", [11, 12])
def test_a_configuration_that_was_left_without_settings_gets_them_from_the_next_plan(
    tmp_path: Path, die_at: int
) -> None:
    """The run that made it stopped, and was closed by hand."""
    tenant = Tenant()
    Runs(tmp_path / "first", making(tenant).plan, tenant).one([], die_at=die_at)
    assert tenant.job
    assert not tenant.secrets
    sides = sides_now(READ, tenant)
    sides = replace(sides, job=replace(sides.job, domain=""))
    plan = plan_enable(sides, b.policy("G*"), WANTED).plan
    assert CLOUD_SYNC_RULES.beyond_target(plan) == ""
    assert {CLOUD_SYNC_RULES.beyond_kind(change, plan.operation) for change in plan.changes} == {""}
    assert Runs(tmp_path / "second", plan, tenant).finished()[-1].carried_out
    assert tenant.secrets[0]["value"] == '{"domain":"contoso.com"}'
    assert sorted(tenant.assigned) == sorted(IDS)
    other = replace(sides, job=replace(sides.job, configuration="somebody's"))
    with pytest.raises(Refused, match="The configuration somebody's names no domain"):
        plan_enable(other, b.policy("G*"), WANTED)


def test_a_creation_is_approved_whole_or_not_at_all(tmp_path: Path) -> None:
    plan = making(Tenant()).plan
    for left_out in plan.changes:
        kept = with_mapping(plan, tuple(change for change in plan.changes if change is not left_out))
        assert bool(kept) is bool(left_out.group_id), left_out.kind
    assert_can_be_approved(plan, tmp_path)


def assert_can_be_approved(plan: Plan, folder: Path) -> None:
    """By its phrase, and the approval's file is read back as one of the whole plan."""
    record = folder / "CHG" / "run"
    record.mkdir(parents=True)
    (record / "plan.json").write_text(json.dumps(plan_to_json(plan)))
    approve_plan(record, ROUTES, approver="Kim", phrase=plan.phrase, valid=timedelta(hours=1), clock=lambda: b.NOW)
    approvals = read_approvals(record.parent / "approvals", ROUTES)
    assert approved_changes(plan, approvals, b.NOW)[0] == plan.changes


@given(LOSSES, st.lists(st.integers(1, 40), max_size=3))
@settings(max_examples=12, deadline=None)
def test_the_undo_of_a_creation_leaves_nothing_of_it(losses: list[str], deaths: list[int]) -> None:
    tenant = Tenant()
    plan = making(tenant).plan
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder) / "do", plan, tenant).finished()
        assert made_at(CLOUD_SYNC_TYPES.plan(plan), effects_of(chain)) == tenant.owner
        require_own_scope(sides_now(READ, tenant), done(plan, chain))
        undo = removing(tenant, Operation.UNDO)
        assert [change.kind for change in undo.plan.changes] == [
            *(ChangeKind.PAUSE, ChangeKind.REMOVE_JOB, ChangeKind.REMOVE_CONFIGURATION)
        ]
        tenant.losses, tenant.took = list(losses), []
        back = Runs(Path(folder) / "undo", undo.plan, tenant).finished(deaths)
        assert back[-1].carried_out
    assert tenant.took == ["pause", "delete job", "delete application"]
    assert tenant.principals == {}
    assert tenant.deleted == [application_of(PRINCIPAL)]


def test_an_undo_leaves_a_configuration_that_others_use(tmp_path: Path) -> None:
    tenant = Tenant()
    plan = plan_enable(sides_now(READ, tenant), b.policy("G0"), NOTHING, FACTS).plan
    chain = Runs(tmp_path, plan, tenant).finished()
    tenant.assigned[IDS[1]] = "by somebody else"
    with pytest.raises(Refused, match="1 group came into its scope since the record made it: G1"):
        require_own_scope(sides_now(READ, tenant), done(plan, chain))


@given(LOSSES, st.lists(st.integers(1, 40), max_size=3), st.lists(st.integers(1, 60), max_size=3))
@settings(max_examples=15, deadline=None)
def test_a_configuration_is_removed_and_comes_back_byte_for_byte(
    losses: list[str], deaths: list[int], later: list[int]
) -> None:
    tenant = established()
    before = copy.deepcopy((tenant.schema, tenant.secrets, sorted(tenant.assigned), tenant.running))
    removal = removing(tenant).plan
    tenant.losses = list(losses)
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder) / "do", removal, tenant).finished(deaths)
        assert chain[-1].carried_out
        assert tenant.took == ["pause", "delete job", "delete application"]
        assert effects_beyond(removal, chain, CLOUD_SYNC_RULES) is None
        assert removed_by(done(removal, chain))
        tenant.losses = list(reversed(losses))
        back = plan_bring_back(sides_now(READ, tenant), b.policy(), NOTHING, done(removal, chain))
        assert {finding.id for finding in back.findings} == {"cloud-sync-new-ids"}
        undone = Runs(Path(folder) / "undo", back.plan, tenant).finished(later)
        assert undone[-1].carried_out
        assert effects_beyond(back.plan, undone, CLOUD_SYNC_RULES) is None
        again = plan_bring_back(sides_now(READ, tenant), b.policy(), NOTHING, done(removal, chain))
        assert (again.plan.changes, again.plan.in_step) == ((), 1)
    schema, settings_, assigned, running = before
    assert {**tenant.schema, "id": 0, "version": 0} == {**schema, "id": 0, "version": 0}
    assert tenant.secrets == settings_
    assert sorted(tenant.assigned) == assigned
    assert tenant.running is running
    assert list(tenant.principals) != [PRINCIPAL], "a new one"


@pytest.mark.parametrize("die_at", [13, 14, 15, 16])
def test_a_job_that_was_removed_alone_comes_back_to_its_application(tmp_path: Path, die_at: int) -> None:
    """The run stopped between both, and was closed by hand."""
    tenant = established()
    schema = copy.deepcopy(tenant.schema)
    removal = removing(tenant).plan
    first = Runs(tmp_path / "do", removal, tenant).one([], die_at=die_at)
    told = done(removal, [first])
    assert (tenant.job, list(tenant.principals)) == ("", [PRINCIPAL])
    assert removed_by(told)
    back = plan_bring_back(sides_now(READ, tenant), b.policy(), NOTHING, told).plan
    assert [c.kind for c in back.changes][:1] == [ChangeKind.CREATE_JOB]
    Runs(tmp_path / "undo", back, tenant).finished()
    assert list(tenant.principals) == [PRINCIPAL]
    assert schema_digest({**tenant.schema, "id": ""}) == schema_digest({**schema, "id": ""})
    assert sorted(tenant.assigned) == sorted(IDS[:2])
    assert tenant.running


def test_a_group_that_is_gone_since_does_not_come_back_into_scope(tmp_path: Path) -> None:
    tenant = established()
    removal = removing(tenant).plan
    chain = Runs(tmp_path, removal, tenant).finished()
    fewer = inventory(GROUPS[1:], {}, users=[])
    back = plan_bring_back(sides_now(fewer, tenant), b.policy(), NOTHING, done(removal, chain)).plan
    assert [(refusal.group_id, refusal.rule) for refusal in back.refusals] == [(IDS[0], "not-in-cloud")]
    assert back.refusals[0].display_name == IDS[0], "its name went with it"
    assert [change.group_id for change in back.changes if change.group_id] == [IDS[1]]


def test_a_bring_back_that_stopped_midway_is_refused_for_a_group_that_is_gone_and_planned_again(tmp_path: Path) -> None:
    tenant = established()
    removal = removing(tenant).plan
    chain = Runs(tmp_path / "do", removal, tenant).finished()
    back = CLOUD_SYNC_TYPES.plan(
        plan_bring_back(sides_now(READ, tenant), b.policy(), NOTHING, done(removal, chain)).plan
    )
    made = [one for one in back.changes if one.group_id != IDS[1] and one.kind is not ChangeKind.START]
    left = [one for one in back.changes if one not in made]
    assert Runs(tmp_path / "back", back, tenant, changes=made).finished()[-1].carried_out
    fewer = inventory(GROUPS[:1], {}, users=[])
    (refusal,) = rest_refused(sides_now(fewer, tenant), left)
    assert (refusal.group_id, refusal.display_name, refusal.rule) == (IDS[1], "G1", "not-in-cloud")
    assert rest_refused(sides_now(READ, tenant), left) == []

    rest = plan_bring_back(sides_now(READ, tenant), b.policy(), NOTHING, done(removal, chain)).plan
    assert [(one.kind, one.group_id) for one in rest.changes] == [(ChangeKind.ASSIGN, IDS[1]), (ChangeKind.START, "")]
    assert_can_be_approved(rest, tmp_path)
    assert Runs(tmp_path / "rest", rest, tenant).finished()[-1].carried_out
    assert sorted(tenant.assigned) == sorted(IDS[:2])
    assert tenant.running
    assert plan_bring_back(sides_now(READ, tenant), b.policy(), NOTHING, done(removal, chain)).plan.changes == ()


def test_another_configuration_in_its_place_is_left_alone(tmp_path: Path) -> None:
    tenant = established()
    removal = removing(tenant).plan
    chain = Runs(tmp_path, removal, tenant).finished()
    other = established()
    other.schema["synchronizationRules"][0]["name"] = "another"
    with pytest.raises(Refused, match=r"Another configuration writes groups to contoso\.com now"):
        plan_bring_back(sides_now(READ, other), b.policy(), NOTHING, done(removal, chain))


def test_the_plan_of_a_removal_says_what_it_means(tmp_path: Path) -> None:
    tenant = established()
    tenant.secrets = [*tenant.secrets, {"key": "Password", "value": "*****"}]
    tenant.assigned[PERSON.id] = "a person, who is no group"
    made = removing(tenant)
    assert made.plan.phrase == "DELETE CONFIGURATION IN contoso.com"
    found = {finding.id: finding for finding in made.findings}
    assert found.keys() == {"cloud-sync-configuration-deleted", "cloud-sync-secrets-not-kept"}
    assert found["cloud-sync-secrets-not-kept"].severity is Severity.BLOCKING
    assert "Password" in found["cloud-sync-secrets-not-kept"].seen
    assert "with its job and 2 groups in scope" in found["cloud-sync-configuration-deleted"].seen
    plan = plan_from_json(plan_to_json(made.plan), ROUTES)
    assert plan == made.plan
    assert_can_be_approved(made.plan, tmp_path)
    assert secrets_digest(secrets()) == secrets_digest(CLOUD_SYNC_TYPES.plan(plan).changes[1].payload.action.secrets)  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="takes 2 groups out of scope, and max_retirements is 1"):
        plan_remove(
            sides_now(READ, tenant),
            b.policy(limits=replace(b.policy().limits, retirements=1)),
            NOTHING,
            Application(PRINCIPAL, "", "", TO_AD, "x"),
            Operation.DISABLE,
        )


def test_something_that_came_into_scope_meanwhile_stops_the_removal(tmp_path: Path) -> None:
    tenant = established()
    removal = removing(tenant).plan
    tenant.assigned[IDS[2]] = "by somebody else"
    chain = Runs(tmp_path, removal, tenant).finished()
    assert not chain[-1].carried_out
    assert tenant.principals
    assert "delete application" not in tenant.took


def test_further_jobs_of_the_application_would_go_with_it() -> None:
    jobs = [replace(sides_now(READ, established()).job, id=one) for one in (JOB, "AD2AADPasswordHash.1.2")]
    with pytest.raises(Refused, match="further jobs, which would be deleted with it"):
        require_only_its_job(CloudSync(tuple(jobs)), PRINCIPAL, JOB)
    require_only_its_job(CloudSync(tuple(jobs[:1])), PRINCIPAL, JOB)


GOVERNANCE = Licence("Microsoft_Entra_ID_Governance", "Enabled", 10, 1, frozenset({GOVERNANCE_PLAN}))
UNREAD = Unreadable("agents", "app-only", t("Available with delegated permission only"))
FULL = CloudSync(
    tuple(replace(sides_now(READ, established()).job, id=f"j{n}", service_principal=f"p{n}") for n in range(20))
)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"template_known": False}, "template-unknown"),
        ({"licences": Licences(())}, "no-licence"),
        ({"agents": Agents()}, "no-agent"),
        (
            {"agents": Agents((replace(AGENTS.all[0], domains=frozenset({"x.org"})),))},
            "agent-for-another-domain",
        ),
        ({"agents": Agents((replace(AGENTS.all[0], status="inactive"),))}, "no-active-agent"),
        ({"read": FULL}, "too-many-configurations"),
    ],
)
def test_what_can_be_known_not_to_work_is_refused_before_anything_is_made(
    changed: dict[str, object], code: str
) -> None:
    facts: TenantFacts = replace(FACTS, **changed)  # type: ignore[arg-type]
    with pytest.raises(Refused) as caught:
        plan_enable(sides_now(READ, Tenant()), b.policy("G*"), WANTED, facts)
    assert caught.value.code == code
    assert "Nothing was changed." in str(caught.value.hint)


def test_a_cloud_without_a_documented_role_is_refused() -> None:
    sides = sides_now(READ, Tenant())
    sides = replace(sides, documents=replace(sides.documents, role_id=""))
    with pytest.raises(Refused) as caught:
        plan_enable(sides, b.policy("G*"), WANTED, FACTS)
    assert caught.value.code == "cloud-without-cloud-sync"


def test_what_cannot_be_known_is_said_before_the_gate() -> None:
    two = CloudSync(FULL.jobs[:2])
    facts = TenantFacts(two, UNREAD, replace(UNREAD, part="licences"), None, "china")
    made = plan_enable(sides_now(READ, Tenant()), b.policy("G*"), NOTHING, facts)
    assert {finding.id: finding.severity for finding in made.findings} == {
        "cloud-sync-created": Severity.INFO,
        "cloud-sync-agent-unknown": Severity.UNKNOWN,
        "cloud-sync-licence-unknown": Severity.UNKNOWN,
        "cloud-sync-needs-governance": Severity.WARNING,
        "cloud-sync-template-unknown": Severity.UNKNOWN,
        "cloud-sync-scopes-overlap": Severity.WARNING,
        "cloud-sync-members-unknown": Severity.UNKNOWN,
        "cloud-sync-random-names": Severity.INFO,
    }


@pytest.mark.parametrize(
    ("licences", "found", "severity", "said"),
    [
        (Licences((P1,)), "cloud-sync-needs-governance", Severity.WARNING, "No subscription that holds it"),
        (Licences((P1, GOVERNANCE)), "cloud-sync-governance", Severity.INFO, "A subscription that holds it"),
        (UNREAD, "cloud-sync-needs-governance", Severity.WARNING, "Whether that licence is there is not known"),
    ],
)
def test_the_licence_of_a_third_configuration_is_looked_for(
    licences: Any, found: str, severity: Severity, said: str
) -> None:
    facts = replace(FACTS, read=CloudSync(FULL.jobs[:2]), licences=licences)
    made = plan_enable(sides_now(READ, Tenant()), b.policy("G*"), NOTHING, facts)
    (one,) = [finding for finding in made.findings if "governance" in finding.id]
    assert (one.id, one.severity) == (found, severity)
    assert said in one.seen
    first = plan_enable(sides_now(READ, Tenant()), b.policy("G*"), NOTHING, replace(FACTS, licences=licences))
    assert not [finding for finding in first.findings if "governance" in finding.id]


def test_a_plan_that_makes_a_configuration_goes_on_where_it_made_one() -> None:
    plan = CLOUD_SYNC_TYPES.plan(making(Tenant()).plan)
    require_same_target(plan, sides_now(READ, established()))
    other = replace(plan, target=replace(plan.target, domain_guid=b.guid("another domain")))
    with pytest.raises(Refused, match="another domain"):
        require_same_target(other, sides_now(READ, established()))


def test_the_application_of_something_else_is_not_deleted_whatever_the_plan_says(tmp_path: Path) -> None:
    tenant = established()
    plan = CLOUD_SYNC_TYPES.plan(removing(tenant).plan)
    payroll = b.guid("payroll")
    tenant.principals[payroll] = "Payroll"
    ends = plan.changes[-1]
    assert isinstance(ends.payload.action, RemoveConfiguration)
    action = replace(ends.payload.action, application=application_of(payroll))
    forged = replace(plan, changes=(*plan.changes[:-1], replace(ends, payload=replace(ends.payload, action=action))))
    chain = Runs(tmp_path, forged, tenant).finished()
    assert not chain[-1].carried_out
    assert "belongs to something else" in str(chain[-1].lines[-1])
    assert tenant.deleted == []


def test_settings_of_another_domain_are_beyond_a_plan() -> None:
    plan = CLOUD_SYNC_TYPES.plan(making(Tenant()).plan)
    changes = [*plan.changes]
    settings_ = changes[2]
    assert isinstance(settings_.payload.action, ReplaceSecrets)
    action = replace(settings_.payload.action, after=tuple(secrets("fabrikam.com")))
    changes[2] = replace(settings_, payload=replace(settings_.payload, action=action))
    assert "another domain" in CLOUD_SYNC_RULES.beyond_target(replace(plan, changes=tuple(changes)))


def test_a_job_that_is_made_without_an_id_is_looked_up(tmp_path: Path) -> None:
    tenant = Tenant(nameless_jobs=True)
    assert Runs(tmp_path, making(tenant).plan, tenant).finished()[-1].carried_out
    assert tenant.took.count("create job") == 1
    step = CreateJobStep.__new__(CreateJobStep)
    step.context = RequestContext(
        Tenant().client(), sides_now(READ, Tenant()).target, tenant, NoScopes(), lambda _: None
    )
    step.context.service_principal = PRINCIPAL
    with patch.object(CreateJobStep, "_present", lambda _: []):
        step.recall(Effect("w", "c", PRINCIPAL, {}))
    with pytest.raises(Refused, match="is to be made first"):
        _ = step.context.address


def test_what_is_left_of_scopes_is_held_to_today_s_limits() -> None:
    plan = CLOUD_SYNC_TYPES.plan(making(Tenant()).plan)
    sides = sides_now(READ, Tenant())
    require_rest_allowed(plan, (), sides, ResumeLimits(3, 0, 0), IDS)
    require_rest_allowed(plan, (), sides, ResumeLimits(0, 0, 0), ())
    with pytest.raises(Refused, match="makes AD objects of 3 groups, and max_creates is 2"):
        require_rest_allowed(plan, (), sides, ResumeLimits(2, 0, 0), IDS)
    with pytest.raises(Refused, match="begun with another cloud_sync_enable"):
        require_own_way(plan, of_authority=True, told="scope")
    require_own_way(plan, of_authority=False, told="scope")
    with pytest.raises(Refused, match="begun with another cloud_sync_enable"):
        require_own_way(plan, of_authority=False, told="move")
    removal = CLOUD_SYNC_TYPES.plan(removing(established()).plan)
    with pytest.raises(Refused, match="takes 2 groups out of scope, and max_retirements is 1"):
        require_rest_allowed(removal, (), sides, ResumeLimits(0, 1, 0), ())
    require_own_way(removal, of_authority=False, told="remove")
    with pytest.raises(Refused, match="begun with another cloud_sync_enable"):
        require_own_way(removal, of_authority=False, told="scope")
    require_rest_allowed(replace(removal, operation=Operation.UNDO), (), sides, ResumeLimits(0, 0, 0), ())


@dataclass
class Forgetful(Tenant):
    """Graph that does not find some things which are there."""

    forgets: str = ""

    def _get(self, path: str) -> Reply:
        if self.forgets and path.endswith(self.forgets):
            return graph_error(404, "Request_ResourceNotFound")
        return super()._get(path)


@pytest.mark.parametrize(
    ("forgets", "took"),
    [
        ("/schema", ["pause"]),
        ("/synchronization/jobs", ["pause", "delete job", "delete application"]),
        (f"/applications/{application_of(PRINCIPAL)}", ["pause", "delete job"]),
    ],
)
def test_one_answer_that_something_is_not_there_is_not_enough_to_call_it_removed(
    tmp_path: Path, forgets: str, took: list[str]
) -> None:
    removal = removing(established()).plan
    tenant = established(Forgetful, forgets=forgets)
    journal = Runs(tmp_path, removal, tenant).one([])
    assert tenant.took == took
    assert journal.carried_out is (took[-1] == "delete application")
