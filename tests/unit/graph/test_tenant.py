"""What the tenant says about itself: every part alone, readable or not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.errors import NoAccess, Refused
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobState, ScopeClause
from runbook_lib.graph.tenant.parts import (
    P1_PLAN,
    P2_PLAN,
    Agent,
    Agents,
    ConnectReport,
    DeletionPrevention,
    GrantedPermissions,
    Licences,
    NewGroupDefault,
    Synchronization,
    SynchronizationFeatures,
    TenantReading,
    WritebackContainers,
    WrittenByDefault,
)
from runbook_lib.graph.tenant.read import read_tenant_state
from runbook_lib.model.cloud import Switch
from runbook_lib.model.reading import Unreadable
from runbook_lib.parameters.connections import clouds
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.fake_cloud import START, TENANT, FixedTokens, Reply, client_with, graph_error, path_of
from tests.unit.graph.fake_tenant import ORGANIZATION, identifier

PRINCIPAL = identifier(7)
JOB = f"AAD2ADGroupProvisioning.{TENANT}.1"
JOBS = f"/servicePrincipals/{PRINCIPAL}/synchronization/jobs"
SYNCHRONIZATION = "/directory/onPremisesSynchronization"
DENIED = graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

SCHEMA = {
    "synchronizationRules": [
        {
            "objectMappings": [
                {
                    "sourceObjectName": "Group",
                    "targetObjectName": "group",
                    "enabled": True,
                    "scope": {
                        "groups": [
                            {
                                "clauses": [
                                    {
                                        "sourceOperandName": "isWritebackEnabled",
                                        "operatorName": "IS TRUE",
                                        "targetOperand": {"values": []},
                                    },
                                    {
                                        "sourceOperandName": "displayName",
                                        "operatorName": "EQUALS",
                                        "targetOperand": {"values": ["Sales"]},
                                    },
                                ]
                            }
                        ]
                    },
                },
                {"sourceObjectName": "User", "targetObjectName": "user", "enabled": False, "scope": None},
            ]
        }
    ]
}


CONFIGURATION = {
    "synchronizationClientVersion": "2.6.92.0",
    "currentExportData": {
        "clientMachineName": "CANARY-HOST",
        "serviceAccount": "CANARY-ACCOUNT",
        "pendingObjectsAddition": 1,
        "pendingObjectsUpdate": 2,
        "pendingObjectsDeletion": 3,
        "totalConnectorSpaceObjects": 600,
    },
    "writebackConfiguration": {"unifiedGroupContainer": "OU=G,DC=x"},
    "accidentalDeletionPrevention": {"synchronizationPreventionType": "disabled", "alertThreshold": 7},
}
AGENTS = "beta /onPremisesPublishingProfiles('provisioning')"
PROFILE = {
    "publishedResources": [{"resourceName": "Contoso.com", "agentGroups": [{"id": "G1"}]}],
    "agents": [
        {
            "id": "A1",
            "status": "Active",
            "machineName": "sync1",
            "externalIp": "CANARY-IP",
            "agentGroups": [{"id": "g1"}],
        },
        {"id": "A2", "status": "inactive", "machineName": "sync2"},
    ],
    "agentGroups": [
        {"id": "g2", "agents": [{"id": "a2"}], "publishedResources": [{"resourceName": "emea.contoso.com"}]}
    ],
}


def collection(*rows: object) -> Reply:
    return Reply(body={"value": list(rows)})


def full() -> dict[str, Reply]:
    """A tenant in which everything can be read."""
    beta = {"id": TENANT, "configuration": CONFIGURATION}
    features = {"unifiedGroupWritebackEnabled": True, "groupWriteBackEnabled": False, "passwordSyncEnabled": True}
    prevention = {"synchronizationPreventionType": "enabledForCount", "alertThreshold": 500}
    return {
        "/organization": collection(ORGANIZATION),
        SYNCHRONIZATION: collection(
            {"id": TENANT, "features": features, "configuration": {"accidentalDeletionPrevention": prevention}}
        ),
        f"beta {SYNCHRONIZATION}": collection(beta),
        AGENTS: Reply(body=PROFILE),
        "/subscribedSkus": collection(
            {
                "skuPartNumber": "EMSPREMIUM",
                "capabilityStatus": "Enabled",
                "consumedUnits": 3,
                "prepaidUnits": {"enabled": 25},
                "servicePlans": [{"servicePlanId": P1_PLAN.upper(), "servicePlanName": "AAD_PREMIUM"}],
            }
        ),
        "/groupSettings": collection(
            {
                "templateId": "62375ab9-6b52-47ed-826b-58e47e0e304b",
                "values": [{"name": "NewUnifiedGroupWritebackDefault", "value": "false"}],
            }
        ),
        "/domains": collection({"id": "Contoso.com", "isVerified": True, "supportedServices": ["Email"]}),
        "/servicePrincipals": collection(
            {"id": PRINCIPAL, "displayName": "contoso.com", "applicationTemplateId": TO_AD},
            {"id": identifier(8), "displayName": "Ours", "applicationTemplateId": None},
        ),
        JOBS: collection(job()),
        f"{JOBS}/{JOB}/schema": Reply(body=SCHEMA),
        f"/servicePrincipals/{PRINCIPAL}/appRoleAssignedTo": collection({"principalId": identifier(9).upper()}),
    }


def job(code: str = "Active", schedule: str = "Active", **status: object) -> dict[str, object]:
    return {
        "id": JOB,
        "templateId": "AAD2ADGroupProvisioning",
        "schedule": {"state": schedule},
        "status": {"code": code, "lastSuccessfulExecution": {"timeEnded": "2026-11-20T11:00:00.1234567Z"}, **status},
    }


def token(**claims: object) -> Secret:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return Secret(f"eyJhbGciOiJub25lIn0.{body}.canary")


APP = token(roles=["Group.Read.All", "Organization.Read.All"], tid=TENANT)
PERSON = token(scp="User.Read.All Group.Read.All", roles=["x"], upn="ada@contoso.com")


class _Tokens(FixedTokens):
    def __init__(self, held: Secret) -> None:
        super().__init__()
        self._held = held

    def token(self, **_: object) -> Secret:
        return self._held


def read(answers: dict[str, Reply], held: Secret = PERSON) -> TenantReading:
    def answer(request: object) -> Reply:
        path = path_of(request)  # type: ignore[arg-type]
        if path.startswith("/beta"):
            path = f"beta {path.removeprefix('/beta')}"
        return answers.get(path, DENIED)

    client, _, clock = client_with(answer, tokens=_Tokens(held))
    return read_tenant_state(client, TENANT, clouds()[0], clock=clock)


def jobs_of(answers: dict[str, Reply]) -> tuple[CloudSyncJob, ...]:
    found = read(answers).cloud_sync
    assert not isinstance(found, Unreadable)
    return found.jobs


def test_everything_that_can_be_read_is_read() -> None:
    reading = read(full())
    assert reading.tenant.id == TENANT
    assert reading.at == START
    assert reading.requests == 11
    moment = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
    assert reading.synchronization == Synchronization(True, moment)
    assert isinstance(reading.synchronization, Synchronization)
    assert reading.synchronization.age(START) == timedelta(minutes=30)
    assert reading.features == SynchronizationFeatures(
        Switch.ON,
        Switch.OFF,
        {"groupWriteBackEnabled": False, "passwordSyncEnabled": True, "unifiedGroupWritebackEnabled": True},
        DeletionPrevention("enabledForCount", 500),
    )
    assert reading.containers == WritebackContainers("OU=G,DC=x", None)
    assert reading.connect == ConnectReport("2.6.92.0", 1, 2, 3, 600, DeletionPrevention("disabled", 7))
    assert reading.agents == Agents(
        (
            Agent("sync1", "active", frozenset({"contoso.com"})),
            Agent("sync2", "inactive", frozenset({"emea.contoso.com"})),
        ),
        frozenset({"contoso.com"}),
    )
    assert "CANARY" not in repr(reading), "names of hosts and accounts, and addresses, are not taken"
    assert isinstance(reading.licences, Licences)
    assert (reading.licences.p1, reading.licences.p2) == (True, False)
    assert reading.licences.all[0].enabled_units == 25
    assert reading.new_groups == NewGroupDefault(WrittenByDefault.NO, "false")
    assert not isinstance(reading.domains, Unreadable)
    assert [(domain.name, domain.verified, domain.services) for domain in reading.domains] == [
        ("contoso.com", True, ("Email",))
    ]
    assert reading.permissions == GrantedPermissions(True, ("Group.Read.All", "User.Read.All"), "ada@contoso.com")


@pytest.mark.parametrize(
    ("told", "last"),
    [(None, None), ("0001-01-01T00:00:00Z", None), ("2026-11-20T13:30:00+02:00", "2026-11-20T11:30:00Z")],
)
def test_the_last_synchronization(told: str | None, last: str | None) -> None:
    row = {**ORGANIZATION, "onPremisesLastSyncDateTime": told}
    found = read({**full(), "/organization": collection(row)}).synchronization
    assert found == Synchronization(True, datetime.fromisoformat(last) if last else None)
    if last is None:
        assert isinstance(found, Synchronization)
        assert found.age(START) is None


@pytest.mark.parametrize("told", ["yesterday", "2026-11-20T11:30:00"])
def test_a_time_that_is_none_is_unreadable(told: str) -> None:
    row = {**ORGANIZATION, "onPremisesLastSyncDateTime": told}
    assert isinstance(read({**full(), "/organization": collection(row)}).synchronization, Unreadable)


def test_progress_counts_every_part() -> None:
    told: list[tuple[str, int, int | None]] = []
    client, _, clock = client_with(lambda request: full().get(path_of(request), DENIED), tokens=_Tokens(PERSON))
    read_tenant_state(client, TENANT, clouds()[0], clock=clock, progress=lambda *what: told.append(what))
    assert told == [("parts of the tenant", number, 8) for number in range(1, 9)]


@pytest.mark.parametrize(
    ("expression", "container"),
    [
        ('"OU=Groups,DC=contoso,DC=com"', "OU=Groups,DC=contoso,DC=com"),
        ("OU=Groups,DC=contoso,DC=com", "OU=Groups,DC=contoso,DC=com"),
        ('IIF([x]="a", "OU=A", "OU=B")', 'IIF([x]="a", "OU=A", "OU=B")'),
        ('"OU=A" & "OU=B"', '"OU=A" & "OU=B"'),
        ('"', '"'),
        (None, ""),
    ],
)
def test_the_container_that_a_mapping_writes_into(expression: str | None, container: str) -> None:
    attributes = [
        {"targetAttributeName": "cn", "source": {"expression": '"x"'}},
        {"targetAttributeName": "parentDistinguishedName", "source": {"expression": expression}},
    ]
    mapping = {"sourceObjectName": "Group", "targetObjectName": "group", "attributeMappings": attributes}
    schema = Reply(body={"synchronizationRules": [{"objectMappings": [mapping]}]})
    jobs = jobs_of(full() | {f"{JOBS}/{JOB}/schema": schema})
    (scope,) = [part.scope for part in jobs]
    assert not isinstance(scope, Unreadable)
    assert [part.container for part in scope] == [container]


def test_a_cloud_sync_job_with_its_scope() -> None:
    jobs = jobs_of(full())
    (found,) = jobs
    assert (found.id, found.configuration, found.service_principal) == (JOB, "contoso.com", PRINCIPAL)
    assert found.state is JobState.ACTIVE
    assert found.quarantine is None
    assert found.last_success == datetime(2026, 11, 20, 11, 0, 0, 123456, tzinfo=UTC)
    assert found.assigned == (identifier(9),)
    assert found.writes_groups_to_ad
    assert not isinstance(found.scope, Unreadable)
    groups, users = found.scope
    assert groups.alternatives == (
        (ScopeClause("isWritebackEnabled", "IS TRUE", ()), ScopeClause("displayName", "EQUALS", ("Sales",))),
    )
    assert (users.enabled, users.alternatives) == (False, ())


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (job("Active", "Active"), JobState.ACTIVE),
        (job("InProgress", "Active"), JobState.IN_PROGRESS),
        (job("NotRun", "Active"), JobState.NOT_RUN),
        (job("NotConfigured", "Active"), JobState.NOT_CONFIGURED),
        (job("Active", "Paused"), JobState.PAUSED),
        (job("Paused", "Active"), JobState.PAUSED),
        (job("Active", "Disabled"), JobState.DISABLED),
        (job("Quarantine", "Paused"), JobState.QUARANTINE),
        (job("SomethingNew", "Active"), JobState.UNKNOWN),
    ],
)
def test_states_of_a_job(told: dict[str, object], state: JobState) -> None:
    jobs = jobs_of({**full(), JOBS: collection(told)})
    assert jobs[0].state is state
    assert (jobs[0].quarantine is not None) == (state is JobState.QUARANTINE)


def test_quarantine_says_why_and_since_when() -> None:
    told = job(
        "Quarantine",
        quarantine={
            "reason": "EncounteredEscrowProportionThreshold",
            "currentBegan": "2026-11-19T00:00:00Z",
            "error": {"code": "x", "message": "Too many deletions."},
        },
    )
    jobs = jobs_of({**full(), JOBS: collection(told)})
    quarantine = jobs[0].quarantine
    assert quarantine is not None
    assert quarantine.reason == "EncounteredEscrowProportionThreshold"
    assert quarantine.since == datetime(2026, 11, 19, tzinfo=UTC)
    assert quarantine.next_attempt is None
    assert quarantine.message == "Too many deletions."


PARTS = {
    SYNCHRONIZATION: "features",
    f"beta {SYNCHRONIZATION}": "connect",
    AGENTS: "agents",
    "/subscribedSkus": "licences",
    "/groupSettings": "new_groups",
    "/domains": "domains",
    "/servicePrincipals": "cloud_sync",
}


@pytest.mark.parametrize("path", PARTS)
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (DENIED, "forbidden"),
        (graph_error(404, "Request_ResourceNotFound"), "not-found"),
        (graph_error(400, "Request_BadRequest"), "rejected"),
        (Reply(503, {}, {"Retry-After": "1"}), "failed"),
        (Reply(404, raw=b"<html>"), "failed"),
    ],
)
def test_what_cannot_be_read_spoils_nothing_else(path: str, answer: Reply, code: str) -> None:
    whole, reading = read(full()), read({**full(), path: answer})
    unread = getattr(reading, PARTS[path])
    assert isinstance(unread, Unreadable)
    assert unread.code == code
    assert unread.text
    assert not unread.text.endswith(".")
    for name in set(PARTS.values()) - {PARTS[path]}:
        assert getattr(reading, name) == getattr(whole, name), name


@pytest.mark.parametrize("path", [f"{JOBS}/{JOB}/schema", f"/servicePrincipals/{PRINCIPAL}/appRoleAssignedTo"])
def test_a_job_without_its_scope_is_still_a_job(path: str) -> None:
    jobs = jobs_of({**full(), path: DENIED})
    unread = jobs[0].scope if path.endswith("schema") else jobs[0].assigned
    assert isinstance(unread, Unreadable)
    assert unread.code == "forbidden"
    assert jobs[0].state is JobState.ACTIVE


def test_an_app_is_told_that_features_are_for_people_never_that_they_are_off() -> None:
    reading = read({**full(), SYNCHRONIZATION: DENIED, f"beta {SYNCHRONIZATION}": DENIED}, APP)
    assert isinstance(reading.permissions, GrantedPermissions)
    assert not reading.permissions.delegated
    for unread in (reading.features, reading.containers, reading.connect):
        assert isinstance(unread, Unreadable)
        assert unread.code == "app-only"
        assert "delegated permission only" in unread.text


def test_the_tenant_s_own_entry_counts_and_no_other() -> None:
    other = {"id": identifier(5), "features": {"unifiedGroupWritebackEnabled": False}, "configuration": {}}
    ours = {"id": TENANT.upper(), "features": {"unifiedGroupWritebackEnabled": True}, "configuration": {}}
    found = read({**full(), SYNCHRONIZATION: collection(other, ours)}).features
    assert isinstance(found, SynchronizationFeatures)
    assert found.connect_v1 is Switch.ON
    found = read({**full(), SYNCHRONIZATION: collection(other)}).features
    assert isinstance(found, SynchronizationFeatures)
    assert found.connect_v1 is Switch.UNKNOWN
    foreign = {"id": identifier(5), "configuration": CONFIGURATION}
    assert read({**full(), f"beta {SYNCHRONIZATION}": collection(foreign)}).connect == ConnectReport()


def test_without_synchronization_a_404_says_that_connect_is_not_configured() -> None:
    gone = graph_error(404, "Request_ResourceNotFound")
    absent = {**full(), SYNCHRONIZATION: gone, f"beta {SYNCHRONIZATION}": gone}
    alone = {**absent, "/organization": collection({**ORGANIZATION, "onPremisesSyncEnabled": None})}
    reading = read(alone)
    assert reading.features == SynchronizationFeatures(Switch.OFF, Switch.OFF, {}, None, configured=False)
    assert (reading.connect, reading.containers) == (ConnectReport(), WritebackContainers(None, None))
    for unread in (read(absent).features, read(absent).connect):
        assert isinstance(unread, Unreadable), "a tenant that says that it is synchronized contradicts it"
        assert unread.code == "not-found"


def test_one_wrong_value_of_what_connect_reported_leaves_the_rest() -> None:
    odd = {**CONFIGURATION, "currentExportData": {"pendingObjectsDeletion": "three"}}
    reading = read({**full(), f"beta {SYNCHRONIZATION}": collection({"id": TENANT, "configuration": odd})})
    assert isinstance(reading.connect, Unreadable)
    assert reading.connect.code == "failed"
    assert reading.containers == WritebackContainers("OU=G,DC=x", None)


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("2.5.79.0", (2, 5, 79, 0)),
        ("2.10.0.1", (2, 10, 0, 1)),
        (None, None),
        ("", None),
        ("2.5.79", None),
        ("2.5.79.0-beta", None),
        (" 2.5.79.0", None),
        ("2.5.79.0\n", None),
        ("٢.5.79.0", None),
        ("2.5.79.999999", None),
    ],
)
def test_a_build_is_four_numbers_and_nothing_else(version: str | None, build: object) -> None:
    assert ConnectReport(version).build == build


def test_an_answer_that_does_not_say_who_serves_what() -> None:
    bare = [{"id": "a1", "status": "active", "machineName": "sync1"}]
    reading = read({**full(), AGENTS: Reply(body={"agents": bare})})
    assert reading.agents == Agents((Agent("sync1", "active"),), frozenset(), assigned=False)
    assert read({**full(), AGENTS: Reply(body={"id": "provisioning"})}).agents == Agents()


def test_features_that_the_answer_does_not_hold_are_unknown() -> None:
    reading = read({**full(), SYNCHRONIZATION: Reply(body={"id": TENANT, "features": None})})
    assert reading.features == SynchronizationFeatures(Switch.UNKNOWN, Switch.UNKNOWN, {}, None)


@pytest.mark.parametrize(
    ("values", "state", "written"),
    [
        ([], WrittenByDefault.NO_VALUE, Switch.ON),
        ([{"name": "NewUnifiedGroupWritebackDefault", "value": ""}], WrittenByDefault.NO_VALUE, Switch.ON),
        ([{"name": "NewUnifiedGroupWritebackDefault", "value": "True"}], WrittenByDefault.YES, Switch.ON),
        ([{"name": "NewUnifiedGroupWritebackDefault", "value": "FALSE"}], WrittenByDefault.NO, Switch.OFF),
        ([{"name": "NewUnifiedGroupWritebackDefault", "value": "no"}], WrittenByDefault.OTHER, Switch.UNKNOWN),
        (None, WrittenByDefault.NO_SETTING, Switch.ON),
    ],
)
def test_every_state_of_the_default_for_new_groups(
    values: list[dict[str, str]] | None, state: WrittenByDefault, written: Switch
) -> None:
    other = {"templateId": identifier(3), "values": [{"name": "NewUnifiedGroupWritebackDefault", "value": "false"}]}
    rows: list[object] = [other]
    if values is not None:
        rows.append({"templateId": "62375AB9-6B52-47ED-826B-58E47E0E304B", "values": values})
    default = read({**full(), "/groupSettings": collection(*rows)}).new_groups
    assert isinstance(default, NewGroupDefault)
    assert (default.state, default.written) == (state, written)
    assert "new groups" in default.text or "unknown" in default.text


@pytest.mark.parametrize(
    ("status", "plan", "p1", "p2"),
    [
        ("Enabled", P1_PLAN, True, False),
        ("Warning", P2_PLAN, True, True),
        ("Suspended", P2_PLAN, False, False),
        ("Enabled", identifier(1), False, False),
    ],
)
def test_licences_in_force(status: str, plan: str, p1: bool, p2: bool) -> None:
    row = {"skuPartNumber": "X", "capabilityStatus": status, "servicePlans": [{"servicePlanId": plan}]}
    licences = read({**full(), "/subscribedSkus": collection(row)}).licences
    assert isinstance(licences, Licences)
    assert (licences.p1, licences.p2) == (p1, p2)


@pytest.mark.parametrize("held", [Secret("opaque"), Secret("a.!.c"), Secret("a.W10.c")])
def test_a_token_that_says_nothing_is_unreadable(held: Secret) -> None:
    assert isinstance(read(full(), held).permissions, Unreadable)


def test_another_tenant_is_refused_and_a_refused_organization_is_no_access() -> None:
    with pytest.raises(Refused):
        read({**full(), "/organization": collection({**ORGANIZATION, "id": identifier(5)})})
    with pytest.raises(NoAccess):
        read({**full(), "/organization": DENIED})


def test_a_token_that_is_not_accepted_ends_the_reading() -> None:
    with pytest.raises(NoAccess) as caught:
        read({**full(), "/domains": graph_error(401, "InvalidAuthenticationToken")})
    assert caught.value.code == "graph-unauthorized"
