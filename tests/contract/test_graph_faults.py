"""Faults on request, and what the control endpoint does otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from click.testing import CliRunner

from rehearsal.commands import rehearsal as commands
from rehearsal.contoso import names
from rehearsal.control import Control, ControlError, ControlRefusal
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import CloudClient, sign_in, signed_in

GROUPS = "/v1.0/groups?$top=1"


@pytest.fixture
def control(fresh_rehearsal: RunningRehearsal) -> Control:
    return fresh_rehearsal.control


@pytest.fixture
def client(fresh_rehearsal: RunningRehearsal) -> Iterator[CloudClient]:
    made = signed_in(fresh_rehearsal)
    with made.session:
        yield made


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("429", "TooManyRequests"),
        ("503", "ServiceUnavailable"),
        ("504", "GatewayTimeout"),
        ("401", "InvalidAuthenticationToken"),
        ("403", "Authorization_RequestDenied"),
    ],
)
def test_an_error_for_so_many_requests(client: CloudClient, control: Control, kind: str, code: str) -> None:
    control.fault(kind, count=2)
    for _ in range(2):
        answer = client.get(GROUPS)
        assert (answer.status_code, answer.json()["error"]["code"]) == (int(kind), code)
        assert "Retry-After" not in answer.headers
    assert client.get(GROUPS).status_code == 200
    assert control.status()["faults_answered"] == 2


def test_a_fault_by_command(client: CloudClient, fresh_rehearsal: RunningRehearsal) -> None:
    folder = fresh_rehearsal.folder
    where = ["--name", folder.name, "--directory-folder", str(folder.path.parent)]
    told = ["fault", "403", "--path", "/groups", "--skip", "1", *where]
    said = CliRunner().invoke(commands, told, catch_exceptions=False).output
    assert said == "Of the next requests whose path holds '/groups', 1 will meet 403, after 1 that pass.\n"
    answers = [client.get(path).status_code for path in (GROUPS, "/v1.0/users?$top=1", GROUPS, GROUPS)]
    assert answers == [200, 200, 403, 200]


def test_retry_after(client: CloudClient, control: Control) -> None:
    control.fault("429", retry_after=7)
    assert client.get(GROUPS).headers["Retry-After"] == "7"


def test_a_lost_connection(client: CloudClient, control: Control) -> None:
    control.fault("close")
    with pytest.raises(requests.exceptions.ConnectionError):
        client.get(GROUPS)
    assert client.get(GROUPS).status_code == 200


def test_a_proxy_s_page(client: CloudClient, control: Control) -> None:
    control.fault("502-html")
    answer = client.get(GROUPS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")


def test_a_slow_answer(client: CloudClient, control: Control) -> None:
    control.fault("slow", seconds=0.3)
    begun = time.monotonic()
    assert client.get(GROUPS).status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_a_fault_for_one_path_in_the_middle_of_paging(client: CloudClient, control: Control) -> None:
    control.fault("503", path="/members", skip=1)
    assert client.get(GROUPS).status_code == 200
    path = f"/v1.0/groups/{names.group_id('sales-team')}/members"
    assert [client.get(path).status_code for _ in range(3)] == [200, 503, 200]


def test_faults_of_sign_in(fresh_rehearsal: RunningRehearsal, control: Control) -> None:
    secret = fresh_rehearsal.folder.client_secret.read_text(encoding="ascii").strip()
    control.fault("401", service="sign-in")
    assert sign_in(fresh_rehearsal, secret)["error_codes"] == [7000222]
    assert "access_token" in sign_in(fresh_rehearsal, secret)


def test_reset_forgets_faults_edits_and_counters(client: CloudClient, control: Control) -> None:
    control.fault("503", count=99)
    control.edit_cloud("rename-group", group="Sales Team", name="Renamed")
    control.settings(token_lifetime=5)
    client.get(GROUPS)
    control.reset()
    status = control.status()
    assert (status["faults_waiting"], status["graph_requests"]) == (0, 0)
    sales = client.get(f"/v1.0/groups/{names.group_id('sales-team')}?$select=displayName").json()
    assert sales["displayName"] == "Sales Team"


def test_edits_of_the_tenant_show_in_graph(client: CloudClient, control: Control) -> None:
    group = names.group_id("sales-team")
    before = client.get(f"/v1.0/groups/{group}/members?$select=id").json()["value"]
    control.edit_cloud("remove-member", group="Sales Team", member=before[0]["id"])
    after = client.get(f"/v1.0/groups/{group}/members?$select=id").json()["value"]
    assert after == before[1:]
    control.edit_cloud("delete-group", group=group)
    assert client.get(f"/v1.0/groups/{group}").status_code == 404
    assert client.get(f"/v1.0/directory/deletedItems/{group}").status_code == 200


def test_the_directory_can_be_dumped_and_edited(control: Control) -> None:
    dn = f"CN=Printers Berlin,{names.TARGET_OU}"
    found = control.directory()[dn]
    assert found["objectGUID"] == [names.object_guid("obstacle Printers Berlin")]
    assert found["objectSid"][0].startswith("S-1-5-21-")
    assert len(found["member"]) == 4
    control.edit_directory("modify", dn, attributes={"description": ["edited"], "member": []})
    assert control.directory()[dn]["description"] == ["edited"]
    assert "member" not in control.directory()[dn]
    control.edit_directory("delete", dn)
    assert dn not in control.directory()
    control.edit_directory("add", dn, attributes={"objectClass": ["group"], "groupType": "8"})
    control.reset()
    assert control.directory()[dn] == found


def test_an_edit_that_ad_does_not_take_is_refused_with_its_words(control: Control) -> None:
    base = "OU=Groups,DC=contoso,DC=com"
    for name, kind in (("Local", "-2147483644"), ("Wide", "-2147483640")):
        control.edit_directory(
            "add",
            f"CN={name},{base}",
            attributes={"objectClass": ["top", "group"], "groupType": kind, "sAMAccountName": name},
        )
    with pytest.raises(ControlRefusal, match="the directory refuses"):
        control.edit_directory("modify", f"CN=Wide,{base}", attributes={"member": [f"CN=Local,{base}"]})


def test_requests_are_remembered(client: CloudClient, control: Control) -> None:
    client.get(GROUPS, **{"client-request-id": "mine"})
    assert control.requests() == [["GET", GROUPS, 200, "mine"]]


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [
        ("POST", "hold-write", {"number": 0}),
        ("POST", "hold-write", {"number": 1, "when": "during"}),
        ("POST", "wait-held", {"held": 1}),
        ("POST", "wait-held", {"seconds": "1"}),
        ("POST", "wait-held", {"seconds": -1}),
        ("POST", "wait-held", {"seconds": 61}),
        ("POST", "fault", {"kind": "418"}),
        ("POST", "fault", {"colour": "red"}),
        ("POST", "settings", {"token_lifetime": 0}),
        ("POST", "directory", {"action": "modify", "dn": "CN=Nobody,DC=contoso,DC=com", "attributes": {}}),
        ("POST", "directory", {}),
        ("POST", "cloud", {"action": "explode"}),
        ("GET", "reset", None),
        ("POST", "explode", {}),
    ],
)
def test_nonsense_is_refused_in_words(
    control: Control, method: str, action: str, body: dict[str, object] | None
) -> None:
    with pytest.raises(ControlError, match=r"4\d\d .*error"):
        control.call(method, action, body)


def test_the_control_endpoint_wants_its_token(fresh_rehearsal: RunningRehearsal) -> None:
    url = str(fresh_rehearsal.state["control_url"])
    for token in ("", "wrong"):
        with pytest.raises(ControlError, match="401"):
            Control(url, token, fresh_rehearsal.folder.ca).reset()


def test_a_write_that_is_not_held_is_not_waited_for(control: Control) -> None:
    control.hold_write(1, "after")
    assert control.writes() == {"count": 0, "held": False}
    with pytest.raises(ControlError, match="no write was held"):
        control.wait_until_held(timeout=0.1)
    control.wait_until_held(timeout=0.1, held=False)
    control.release()
