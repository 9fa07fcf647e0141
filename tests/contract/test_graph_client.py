"""The Graph client against the rehearsal's Graph and sign-in, over https."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from rehearsal.certificates import make_client_certificate, write_private
from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.errors import NoAccess, Refused, ServiceFailed
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.groups import cloud_sync_starts_from, count_members, count_tenant, probe_groups, security_groups
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudKind, CloudSnapshot, Presence, PrincipalType, Switch
from runbook_lib.model.ids import GroupId, as_group_id
from runbook_lib.parameters.model import Parameters
from tests.unit.graph.certificates import server_files


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRehearsal]:
    with start_rehearsal(tmp_path_factory.mktemp("graph")) as running:
        yield running


@pytest.fixture(autouse=True)
def as_seeded(rehearsal: RunningRehearsal) -> None:
    rehearsal.control.reset()


class Opened:
    """Opens clients of the rehearsal and notes what they would have waited."""

    def __init__(self, rehearsal: RunningRehearsal) -> None:
        self._rehearsal = rehearsal
        values = yaml.safe_load(rehearsal.parameters_file.read_text(encoding="utf-8"))
        self.parameters = Parameters.model_validate(values)
        self.slept: list[float] = []

    def client(self, **parameters: object) -> GraphClient:
        told = self.parameters.model_copy(update=parameters)
        secret = self._rehearsal.folder.client_secret.read_text(encoding="utf-8").strip()
        environment = {"GWB_CLIENT_SECRET": secret}
        return open_graph(told, environment=environment, clock=utc_now, sleep=self.slept.append)

    def snapshot(self, **parameters: object) -> CloudSnapshot:
        return read_cloud(self.client(**parameters), self.parameters.tenant_id, clock=utc_now)


@pytest.fixture
def opened(rehearsal: RunningRehearsal) -> Opened:
    return Opened(rehearsal)


@pytest.mark.parametrize("sign_in", ["certificate", "secret"])
def test_contoso_is_read_to_the_end(opened: Opened, rehearsal: RunningRehearsal, sign_in: str) -> None:
    snapshot = opened.snapshot(sign_in=sign_in)
    status = rehearsal.control.status()
    assert len(snapshot.groups) == status["groups"]
    users = [p for p in snapshot.principals.values() if p.type is PrincipalType.USER]
    assert len(users) == status["users"]
    assert snapshot.tenant.id == names.TENANT_ID
    assert snapshot.tenant.default_domain == names.INITIAL_DOMAIN
    assert snapshot.reading.complete, snapshot.reading.gaps
    assert set(snapshot.members) == {group.id for group in snapshot.groups}
    assert {group.kind for group in snapshot.groups} == set(CloudKind)
    assert max(map(len, snapshot.members.values())) >= 2000
    assert {principal.type for principal in snapshot.principals.values()} >= set(PrincipalType) - {
        PrincipalType.UNKNOWN
    }
    assert snapshot.deleted_groups
    assert snapshot.writers.connect_v1 is Switch.UNKNOWN
    assert "403" in snapshot.writers.why_unknown
    assert snapshot.reading.requests == status["graph_requests"]
    assert opened.slept == []


def test_faults_on_the_way_change_nothing_but_the_time(opened: Opened, rehearsal: RunningRehearsal) -> None:
    undisturbed = opened.snapshot()
    control = rehearsal.control
    control.fault("429", retry_after=7, path="/members", skip=5, count=3)
    control.fault("503", retry_after=2, path="/members", skip=25, count=2)
    control.fault("504", path="/users", skip=1)
    control.fault("502-html", path="/groups?", count=1)
    control.fault("close", path="/$batch", skip=2, count=2)
    control.fault("429", retry_after=5, path="/$batch", skip=3)
    control.fault("close", path="/organization")
    control.fault("401", path="/members", skip=30)
    control.fault("slow", path="/$batch", seconds=0.2)
    control.fault("503", service="sign-in", retry_after=3)
    control.fault("close", service="sign-in", skip=1)
    disturbed = opened.snapshot()
    assert replace(disturbed, reading=undisturbed.reading) == undisturbed
    assert disturbed.reading.complete
    assert rehearsal.control.status()["faults_waiting"] == 0
    assert disturbed.reading.requests > undisturbed.reading.requests
    assert {7.0, 2.0, 3.0, 5.0} <= set(opened.slept)


def test_a_token_that_ends_in_the_middle_is_renewed(opened: Opened, rehearsal: RunningRehearsal) -> None:
    rehearsal.control.settings(token_lifetime=1)
    before = int(str(rehearsal.control.status()["tokens_issued"]))
    client = opened.client()
    client.get("/organization")
    tokens = int(str(rehearsal.control.status()["tokens_issued"])) - before
    while tokens < 3:  # a second is enough for it, and the next request of any kind is what renews
        client.get("/organization")
        tokens = int(str(rehearsal.control.status()["tokens_issued"])) - before
    assert client.requests < 5000


def test_throttling_without_end_is_told_with_the_request_ids(opened: Opened, rehearsal: RunningRehearsal) -> None:
    rehearsal.control.fault("429", retry_after=3600, path="/users")
    with pytest.raises(ServiceFailed, match="3600 seconds") as caught:
        opened.snapshot()
    assert caught.value.code == "cloud-throttled"
    asked = [entry for entry in rehearsal.control.requests() if entry[2] == 429]
    assert [entry[3] for entry in asked] == [caught.value.values["client-request-id"]]


def test_refused_tokens_are_no_access(opened: Opened, rehearsal: RunningRehearsal) -> None:
    rehearsal.control.fault("401", path="/groups", count=2)
    with pytest.raises(NoAccess) as caught:
        opened.snapshot()
    assert caught.value.code == "graph-unauthorized"


def test_without_member_read_hidden_those_members_are_unknown(opened: Opened, rehearsal: RunningRehearsal) -> None:
    full = opened.snapshot()
    hidden = {group.id for group in full.groups if group.hidden_membership}
    assert hidden
    assert all(full.members[key] for key in hidden)
    rehearsal.control.settings(roles=[role for role in names.APP_ROLES if role != "Member.Read.Hidden"])
    snapshot = opened.snapshot()
    assert set(full.members) - set(snapshot.members) == hidden
    assert snapshot.reading.complete
    assert set(full.reading.gaps) < set(snapshot.reading.gaps), "what cannot be read either way"
    more = set(snapshot.reading.gaps) - set(full.reading.gaps)
    assert len(more) == len(hidden)
    assert all(any(key in gap for gap in more) for key in hidden)


@pytest.mark.parametrize("missing", ["Group.Read.All", "User.Read.All", "Organization.Read.All"])
def test_a_missing_permission_is_no_access(opened: Opened, rehearsal: RunningRehearsal, missing: str) -> None:
    rehearsal.control.settings(roles=[role for role in names.APP_ROLES if role != missing])
    with pytest.raises(NoAccess) as caught:
        opened.snapshot()
    assert caught.value.code == "graph-forbidden"
    assert "Authorization_RequestDenied" in caught.value.message


def test_probing(opened: Opened) -> None:
    snapshot = opened.snapshot()
    present, deleted = snapshot.groups[0].id, snapshot.deleted_groups[0].id
    gone = names.guid("no group at all")
    assert probe_groups(opened.client(), [present, deleted, GroupId(gone)]) == {
        present: Presence.PRESENT,
        deleted: Presence.SOFT_DELETED,
        gone: Presence.GONE,
    }


@pytest.mark.parametrize(
    ("parameters", "number"),
    [
        ({"client_id": names.guid("another app")}, 700016),
        ({"tenant_id": names.guid("another tenant")}, 90002),
    ],
)
def test_wrong_ids_are_told_by_number(opened: Opened, parameters: dict[str, object], number: int) -> None:
    with pytest.raises(NoAccess, match=f"AADSTS{number}") as caught:
        opened.client(**parameters).get("/organization")
    assert caught.value.values["aadsts"] == number


def test_a_wrong_secret_is_told_and_not_shown(opened: Opened) -> None:
    told = opened.parameters.model_copy(update={"sign_in": "secret"})
    environment = {"GWB_CLIENT_SECRET": "canary-secret"}
    client = open_graph(told, environment=environment, clock=utc_now, sleep=opened.slept.append)
    with pytest.raises(NoAccess, match="AADSTS7000215") as caught:
        client.get("/organization")
    assert "canary" not in str(caught.value) + repr(dict(caught.value.values))


def test_a_certificate_that_the_app_does_not_know(opened: Opened, tmp_path: Path) -> None:
    _, pem = make_client_certificate("Somebody else", utc_now())
    write_private(tmp_path / "other.pem", pem)
    with pytest.raises(NoAccess, match="AADSTS700027") as caught:
        opened.client(certificate_file=str(tmp_path / "other.pem")).get("/organization")
    assert str(caught.value.values["thumbprint"]) in caught.value.message


def test_a_ca_that_did_not_issue_the_certificate(opened: Opened, tmp_path: Path) -> None:
    with pytest.raises(NoAccess) as caught:
        opened.client(cloud_ca_file=str(server_files(tmp_path).ca)).get("/organization")
    assert caught.value.code == "cloud-certificate"
    assert opened.slept == []


def test_the_named_ca_wins_over_the_environment(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server_files(tmp_path).ca))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(server_files(tmp_path).ca))
    assert opened.client().get("/organization")["value"]  # sign-in included: msal uses the same session


def test_the_parameters_name_another_tenant(opened: Opened) -> None:
    with pytest.raises(Refused) as caught:
        read_cloud(opened.client(), names.guid("another tenant"), clock=utc_now)
    assert caught.value.code == "tenant-mismatch"


def test_what_a_filter_of_cloud_sync_can_take_is_counted(opened: Opened) -> None:
    client = opened.client()
    ids = cloud_sync_starts_from(security_groups(client))
    counts, unread = count_members(client, ids, lambda *_: None)
    snapshot = opened.snapshot()
    found = {group.id: group for group in snapshot.groups}
    assert ids
    assert (set(counts), unread) == (set(ids), frozenset())
    for one in map(as_group_id, ids):
        assert found[one].kind is CloudKind.SECURITY
        assert counts[one] == len(snapshot.members[one])
    users, groups = count_tenant(client)
    assert users is not None
    assert users > 2_000
    assert groups == len(found)
