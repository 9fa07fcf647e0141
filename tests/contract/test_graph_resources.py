"""Microsoft Graph's resources, by plain requests: writes, batches, deltas, jobs, metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID
from rehearsal.contoso.people import Origin, of_origin
from rehearsal.contoso.registrations import ADMINISTRATOR_CLIENT_ID
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import CloudClient, pem_credential, plain_session, sign_in

SALES = names.group_id("sales-team")
OTHER = names.user_id(of_origin(Origin.SYNCHRONIZED)[600].key)
JOB = f"/v1.0/servicePrincipals/{PRINCIPAL_ID}/synchronization/jobs/{JOB_ID}"


@pytest.fixture
def client(fresh_rehearsal: RunningRehearsal) -> Iterator[CloudClient]:
    """The registration that may write."""
    credential = pem_credential(fresh_rehearsal.folder.client.read_text(encoding="ascii"))
    token = sign_in(fresh_rehearsal, credential, client_id=ADMINISTRATOR_CLIENT_ID)["access_token"]
    with plain_session(fresh_rehearsal) as session:
        session.headers["Authorization"] = f"Bearer {token}"
        yield CloudClient(str(fresh_rehearsal.state["graph_url"]), session)


Send = Callable[..., requests.Response]


@pytest.fixture
def send(client: CloudClient) -> Send:
    def sent(method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        return client.session.request(method, f"{client.base}{path}", json=body, headers=headers, timeout=20)

    return sent


def test_a_group_from_its_making_to_its_return(client: CloudClient, send: Send) -> None:
    body = {
        "displayName": "Nouveau — <b>groupe</b>",
        "mailEnabled": True,
        "mailNickname": "nouveau",
        "securityEnabled": False,
        "groupTypes": ["Unified"],
        "members@odata.bind": [f"{client.base}/v1.0/users/{OTHER}"],
    }
    made = send("POST", "/v1.0/groups", body)
    assert made.status_code == 201
    assert client.get(made.headers["Location"]).json()["displayName"] == body["displayName"]
    path = f"/v1.0/groups/{made.json()['id']}"
    assert send("PATCH", path, {"description": "x"}).status_code == 204
    state = {"writebackConfiguration": {"isEnabled": False}}
    assert send("PATCH", path, state).status_code == 400
    assert send("PATCH", path.replace("v1.0", "beta"), state).status_code == 204
    assert send("DELETE", path).content == b""
    assert client.get(path).status_code == 404
    item = path.replace("groups", "directory/deletedItems")
    assert client.get(item).json()["@odata.type"] == "#microsoft.graph.group"
    assert send("POST", f"{item}/restore").status_code == 200
    assert [one["id"] for one in client.get(f"{path}/members").json()["value"]] == [OTHER]


def test_members_by_reference(client: CloudClient, send: Send) -> None:
    path = f"/v1.0/groups/{SALES}/members"
    reference = {"@odata.id": f"{client.base}/v1.0/directoryObjects/{OTHER}"}
    before = client.get(f"{path}/$ref").json()
    assert before["@odata.context"] == f"{client.base}/v1.0/$metadata#Collection($ref)"
    held = [member["id"] for member in client.get(f"{path}?$select=id").json()["value"]]
    assert [client.get(one["@odata.id"]).json()["id"] for one in before["value"]] == held
    assert reference not in before["value"]
    assert send("POST", f"{path}/$ref", reference).status_code == 204
    pages = list(client.pages(f"{path}/$ref?$top=4"))
    assert [len(page) for page in pages[:-1]] == [4] * (len(pages) - 1)
    assert reference in [one for page in pages for one in page]
    assert client.get(f"{path}/$ref?$select=id").status_code == 400
    again = send("POST", f"{path}/%24ref", reference)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "Request_BadRequest")
    assert send("DELETE", f"{path}/{OTHER}/$ref").status_code == 204
    assert send("DELETE", f"{path}/{OTHER}/$ref").status_code == 404


def test_a_batch(client: CloudClient, send: Send) -> None:
    requests_: list[dict[str, Any]] = [
        {"id": "a", "method": "GET", "url": f"/groups/{SALES}?$select=displayName"},
        {"id": "b", "method": "GET", "url": f"/groups/{names.ORPHAN_GROUP_ID}"},
        {"id": "c", "method": "GET", "url": "/groups/$count", "headers": {"ConsistencyLevel": "eventual"}},
    ]
    answer = send("POST", "/v1.0/$batch", {"requests": requests_}, **{"client-request-id": "mine"})
    parts = {part["id"]: part for part in answer.json()["responses"]}
    assert [parts[key]["status"] for key in "abc"] == [200, 404, 200]
    assert parts["a"]["body"]["displayName"] == "Sales Team"
    inner = parts["b"]["body"]["error"]["innerError"]
    assert inner["client-request-id"] == "mine"
    assert inner["request-id"] != answer.headers["request-id"]
    too_many = [{**requests_[0], "id": str(number)} for number in range(21)]
    assert send("POST", "/v1.0/$batch", {"requests": too_many}).status_code == 400
    assert client.get("/v1.0/$batch").status_code == 405


def delta(client: CloudClient, address: str) -> tuple[list[dict[str, Any]], str]:
    entries: list[dict[str, Any]] = []
    while True:
        body = client.get(address).json()
        entries += body["value"]
        if "@odata.deltaLink" in body:
            return entries, body["@odata.deltaLink"]
        address = body["@odata.nextLink"]


def test_changes_since_a_token(client: CloudClient, send: Send, fresh_rehearsal: RunningRehearsal) -> None:
    entries, link = delta(client, "/v1.0/groups/delta?$select=displayName,members")
    large = [entry for entry in entries if entry["id"] == names.group_id("all-staff")]
    assert len(large) > 1
    assert sum(len(entry["members@delta"]) for entry in large) == names.LARGE_GROUP_MEMBERS
    send("PATCH", f"/v1.0/groups/{SALES}", {"displayName": "Sales"})
    send("DELETE", f"/v1.0/groups/{names.group_id('running-club')}")
    fresh_rehearsal.control.edit_cloud(action="delete-group", group="VPN Admins")
    entries, link = delta(client, link)
    told = {entry["id"]: entry.get("@removed", {}).get("reason") for entry in entries}
    assert told == {
        SALES: None,
        names.group_id("running-club"): "changed",
        names.group_id("vpn-admins"): "deleted",
        names.group_id("vpn-users"): None,
    }
    fresh_rehearsal.control.edit_cloud(action="expire-delta-tokens")
    expired = client.get(link)
    assert (expired.status_code, expired.json()["error"]["code"]) == (400, "syncStateNotFound")
    _, link = delta(client, "/v1.0/groups/delta?$select=displayName")
    fresh_rehearsal.control.edit_cloud(action="reset-delta")
    gone = client.get(link)
    assert gone.status_code == 410
    assert delta(client, gone.headers["Location"])[0]


def test_a_cloud_sync_job(client: CloudClient, send: Send) -> None:
    assert client.get(JOB).json()["status"]["code"] == "Active"
    assert send("POST", f"{JOB}/pause").status_code == 204
    assert client.get(JOB).json()["schedule"]["state"] == "Paused"
    assert send("POST", f"{JOB}/start").status_code == 204
    assert client.get(f"{JOB}/schema").json()["synchronizationRules"]
    assert client.get("/v1.0/auditLogs/provisioning?$top=2").json()["@odata.nextLink"]


def test_the_tenant_s_own_data(client: CloudClient) -> None:
    plans = [sku["skuPartNumber"] for sku in client.get("/v1.0/subscribedSkus").json()["value"]]
    assert "EMSPREMIUM" in plans
    assert client.get("/v1.0/groupSettings").json()["value"][0]["displayName"] == "Group.Unified"
    assert client.get("/beta/settings").status_code == 200
    assert client.get(f"/v1.0/domains/{names.MAIL_DOMAIN}").json()["isVerified"]
    denied = client.get("/v1.0/directory/onPremisesSynchronization")
    assert (denied.status_code, denied.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1.0/me", 501, "NotImplemented"),
        (f"/v1.0/groups/{SALES}/photo", 501, "NotImplemented"),
        ("/v1.0/groups?$filter=securityEnabled eq 1", 400, "BadRequest"),
        ("/v1.0/groups?$filter=displayName ne 'x'", 400, "Request_UnsupportedQuery"),
        ("/v1.0/groups/delta?$deltatoken=x", 400, "Directory_InvalidDeltaToken"),
        ("/v1.0/groups?$skiptoken=x", 400, "Directory_ExpiredPageToken"),
        ("/v1.0/settings", 400, "BadRequest"),
    ],
)
def test_refusals(client: CloudClient, path: str, status: int, code: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_change_for_an_entity_tag_is_refused_because_nothing_has_one(client: CloudClient, send: Send) -> None:
    path = f"/v1.0/groups/{SALES}"
    headers = {"If-Match": 'W/"another"'}
    for method, body in (("PATCH", {"description": "changed"}), ("DELETE", None)):
        refused = send(method, path, body, **headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (412, "PreconditionFailed")
        assert refused.headers["request-id"] == refused.json()["error"]["innerError"]["request-id"]
    assert client.get(path).json()["description"] != "changed"
    assert send("PATCH", path, {"description": "changed"}, **{"If-Match": "*"}).status_code == 204
    part = {"id": "1", "method": "PATCH", "url": f"/groups/{SALES}", "body": {"description": "x"}}
    headers_of_part = {"Content-Type": "application/json", "If-Match": '"another"'}
    batch = send("POST", "/v1.0/$batch", {"requests": [{**part, "headers": headers_of_part}]})
    assert [one["status"] for one in batch.json()["responses"]] == [412]
