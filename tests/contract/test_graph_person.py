"""Our client with a person in front of it, and the tenant as an app and as a person see it, against the rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NoReturn

import pytest
import yaml

from rehearsal.contoso import cloud_sync, names
from rehearsal.contoso.administrators import GLOBAL
from rehearsal.control import ControlError
from rehearsal.process import RunningRehearsal
from runbook_lib.errors import NoAccess
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.sign_in.cache import SignInCache
from runbook_lib.graph.sign_in.device_code import DeviceCode
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.graph.tenant.parts import GrantedPermissions, SynchronizationFeatures
from runbook_lib.graph.tenant.read import read_tenant_state
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import Switch
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.parameters.connections import addresses_of
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import Assessment, assess
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.parts import TENANT
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import Verdict


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Person:
    """Somebody who types the code at once, as ``answer`` says."""

    running: RunningRehearsal
    outcome: str = "approved"
    codes: list[DeviceCode] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def show(self, code: DeviceCode) -> None:
        self.codes.append(code)
        self.running.control.approve_device(code.code, user=GLOBAL.user_principal_name, outcome=self.outcome)

    def close(self, text: str) -> None:
        self.ended.append(text)


Open = Callable[..., GraphClient]


@pytest.fixture
def parameters(fresh_rehearsal: RunningRehearsal) -> Parameters:
    values = yaml.safe_load(fresh_rehearsal.parameters_file.read_text(encoding="utf-8"))
    return Parameters.model_validate(values)


@pytest.fixture
def opened(parameters: Parameters) -> Open:
    def opening(prompt: Person | None = None, cache: SignInCache | None = None, **given: object) -> GraphClient:
        told = parameters.model_copy(update={"sign_in": "device-code", "certificate_file": "", **given})
        return open_graph(told, environment={}, clock=utc_now, sleep=lambda _: None, prompt=prompt, cache=cache)

    return opening


def test_a_person_reads_the_whole_tenant(fresh_rehearsal: RunningRehearsal, opened: Open) -> None:
    person = Person(fresh_rehearsal)
    snapshot = read_cloud(opened(person), names.TENANT_ID, clock=utc_now)
    assert snapshot.reading.complete
    assert len(snapshot.groups) == fresh_rehearsal.control.status()["groups"]
    assert snapshot.writers.connect_v1 is Switch.OFF
    (code,) = person.codes
    assert code.address.endswith("/devicelogin")
    assert person.ended == [f"Sign-in: done, signed in as {GLOBAL.user_principal_name}"]


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [("denied", "sign-in-not-completed", "declined"), ("blocked", "sign-in-refused", "Conditional Access blocks")],
)
def test_no_is_an_answer(fresh_rehearsal: RunningRehearsal, opened: Open, outcome: str, code: str, words: str) -> None:
    person = Person(fresh_rehearsal, outcome)
    with pytest.raises(NoAccess, match=words) as caught:
        opened(person).get("/organization")
    assert caught.value.code == code
    assert person.ended == ["Sign-in: not completed"]
    assert person.codes[0].code not in str(caught.value) + repr(dict(caught.value.values))


def test_an_app_that_allows_no_device_codes(fresh_rehearsal: RunningRehearsal, opened: Open) -> None:
    fresh_rehearsal.control.settings(public=False)
    with pytest.raises(NoAccess, match="does not allow device codes"):
        opened(Person(fresh_rehearsal)).get("/organization")


def test_a_token_taken_back_in_the_middle_is_answered_without_asking(
    fresh_rehearsal: RunningRehearsal, opened: Open
) -> None:
    person = Person(fresh_rehearsal)
    client = opened(person)
    client.get("/organization")
    fresh_rehearsal.control.revoke(user=GLOBAL.user_principal_name, keep_refresh_tokens=True)
    assert client.get("/organization")["value"]
    fresh_rehearsal.control.fault("claims-challenge", path="/$batch")
    assert read_cloud(client, names.TENANT_ID, clock=utc_now).reading.complete
    assert len(person.codes) == 1


def test_a_sign_in_taken_back_in_the_middle_asks_again_or_says_so(
    fresh_rehearsal: RunningRehearsal, opened: Open
) -> None:
    person, cache = Person(fresh_rehearsal), SignInCache()
    client = opened(person, cache)
    client.get("/organization")
    silent = opened(None, cache)
    assert silent.get("/organization")["value"]
    fresh_rehearsal.control.revoke(user=GLOBAL.user_principal_name)
    with pytest.raises(NoAccess, match="nobody would see the code") as caught:
        silent.get("/organization")
    assert caught.value.code == "sign-in-needs-person"
    assert client.get("/organization")["value"]
    assert len(person.codes) == 2


@pytest.mark.parametrize("sign_in", ["certificate", "device-code"])
def test_a_claims_challenge_of_graph_is_answered(
    fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open, sign_in: str
) -> None:
    fresh_rehearsal.control.fault("claims-challenge", path="/organization")
    given = {"sign_in": sign_in, "certificate_file": parameters.certificate_file}
    client = opened(Person(fresh_rehearsal), **given)
    assert client.get("/organization")["value"]
    assert fresh_rehearsal.control.status()["faults_waiting"] == 0


def test_the_tenant_as_a_person_sees_it(
    fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open
) -> None:
    cloud = addresses_of(parameters).cloud
    reading = read_tenant_state(opened(Person(fresh_rehearsal)), names.TENANT_ID, cloud, clock=utc_now)
    assert isinstance(reading.permissions, GrantedPermissions)
    assert reading.permissions.delegated
    assert reading.permissions.account == GLOBAL.user_principal_name
    assert isinstance(reading.features, SynchronizationFeatures)
    assert reading.features.connect_v1 is reading.features.connect_v2 is Switch.OFF
    assert reading.features.deletion_prevention is not None
    assert not isinstance(reading.containers, Unreadable)
    assert reading.containers.unified_groups is not None
    assert not isinstance(reading.synchronization, Unreadable)
    assert reading.synchronization.enabled


def test_the_tenant_as_an_app_sees_it(fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open) -> None:
    roles = [
        *names.APP_ROLES,
        "Domain.Read.All",
        "LicenseAssignment.Read.All",
        "Synchronization.Read.All",
        "Application.Read.All",
        "Directory.Read.All",
    ]
    fresh_rehearsal.control.settings(roles=roles)
    client = opened(sign_in="certificate", certificate_file=parameters.certificate_file)
    reading = read_tenant_state(client, names.TENANT_ID, addresses_of(parameters).cloud, clock=utc_now)
    for part in (reading.features, reading.containers):
        assert isinstance(part, Unreadable)
        assert part.code == "app-only"
    assert not isinstance(reading.licences, Unreadable)
    assert reading.licences.p1
    assert not isinstance(reading.new_groups, Unreadable)
    assert not isinstance(reading.domains, Unreadable)
    assert names.INITIAL_DOMAIN in {domain.name for domain in reading.domains}
    assert not isinstance(reading.cloud_sync, Unreadable)
    assert reading.cloud_sync.writing_groups
    assert all(not isinstance(job.scope, Unreadable) for job in reading.cloud_sync.jobs)
    assert reading.permissions == GrantedPermissions(False, tuple(sorted(set(roles))), "")


def test_every_configuration_of_cloud_sync_is_found(
    fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open
) -> None:
    """Of either known template, of one that nobody knows, and the jobs that are not for groups."""
    control = fresh_rehearsal.control
    added = {kind: str(control.edit_cloud("add-configuration", kind=kind)["id"]) for kind in cloud_sync.KINDS}
    for wrong in ("classic", "something else"):
        with pytest.raises(ControlError, match=r"there already|kind is one of"):
            control.edit_cloud("add-configuration", kind=wrong)
    client = opened(sign_in="certificate", certificate_file=parameters.certificate_file)
    found = read_tenant_state(client, names.TENANT_ID, addresses_of(parameters).cloud, clock=utc_now).cloud_sync
    assert not isinstance(found, Unreadable)
    writing = {"classic", "other-template", "unknown-template"}
    expected = {cloud_sync.JOB_ID, *(job for kind, job in added.items() if kind in writing)}
    assert {job.id for job in found.writing_groups} == expected
    assert {job.id for job in found.jobs} == {cloud_sync.JOB_ID, *added.values()}
    assert (found.searched, found.unread) == (1, 0)


def no_directory() -> NoReturn:
    raise NoAccess(t("Not asked here."), code="dc-unreachable")


def judged(parameters: Parameters, client: GraphClient) -> Assessment:
    found = read_evidence(parameters, Reach(directory=no_directory, graph=lambda: client), clock=utc_now)
    checks = [check for check in CHECKS if all(part is TENANT or part.inside is TENANT for part in check.needs)]
    return assess(found, checks)


def test_the_pre_flight_of_the_tenant_as_an_app(
    fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open
) -> None:
    found = judged(parameters, opened(sign_in="certificate", certificate_file=parameters.certificate_file))
    assert {f.id: f.severity.value for f in found.findings if f.severity.value != "info"} == {
        "connect-v1-off": "blocking",
        "part-unreadable:tenant.features": "warning",
        "connect-server-unread": "warning",
        "cloud-sync-agent-unread": "warning",
    }
    assert "connect-v1-attested" in {finding.id for finding in found.findings}
    assert [one.verdict for one in found.verdicts] == [Verdict.WARNINGS, Verdict.UNKNOWN, Verdict.NOT_READY]
    unattested = parameters.model_copy(update={"attest_connect_v1_off_by": "", "attest_connect_v1_off_until": ""})
    again = assess(replace(found.evidence, parameters=unattested), [result.check for result in found.results])
    assert [one.verdict for one in again.verdicts] == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_the_pre_flight_finds_what_went_wrong_in_the_tenant(
    fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open
) -> None:
    told = {"code": "EncounteredQuarantineException", "message": "Too many deletes."}
    quarantine = {
        "currentBegan": "2026-11-20T08:00:00Z",
        "error": told,
        "reason": "EncounteredQuarantineException",
        "seriesCount": 1,
    }
    job = cloud_sync.JOB_ID
    status = {"code": "Quarantine", "quarantine": quarantine}
    fresh_rehearsal.control.edit_cloud("update-job", job=job, properties={"status": status})
    roles = [*(set(names.APP_ROLES) - {"User.Read.All"}), "Group.ReadWrite.All"]
    fresh_rehearsal.control.settings(roles=roles)
    client = opened(sign_in="certificate", certificate_file=parameters.certificate_file)
    target = parameters.model_copy(update={"target_ou": names.CLOUD_SYNC_OU, "cloud": "us-government-l4"})
    found = judged(target, client)
    ids = {finding.id: finding.severity.value for finding in found.findings}
    assert ids[f"cloud-sync-quarantine:{job}"] == "blocking"
    assert ids[f"cloud-sync-same-ou:{job}"] == "blocking"
    assert ids["cloud-lacks:cloud-sync-groups-to-ad"] == "blocking"
    assert ids["permissions-lacking:30-enable-writeback"] == ids["permissions-excess"] == "warning"
    assert "permissions-lacking:10-detect-exchange" not in ids
    assert {one.verdict for one in found.verdicts} == {Verdict.NOT_READY}


def test_the_pre_flight_of_the_tenant_as_a_person(
    fresh_rehearsal: RunningRehearsal, parameters: Parameters, opened: Open
) -> None:
    found = judged(parameters, opened(Person(fresh_rehearsal)))
    assert [part for part in found.evidence.all_unreadable if part.part.startswith("tenant")] == []
    assert {f.id: f.severity.value for f in found.findings} == {
        "connect-v1-off": "blocking",
        "connect-server-unread": "warning",
        "cloud-sync-agent-unread": "warning",
        "deletion-prevention-on": "info",
        "new-group-default:true": "info",
        f"cloud-sync-random-account-names:{cloud_sync.JOB_ID}": "info",
    }
    assert [one.verdict for one in found.verdicts] == [Verdict.READY, Verdict.WARNINGS, Verdict.NOT_READY]
