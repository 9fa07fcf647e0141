"""Microsoft Graph, read by plain requests."""

from __future__ import annotations

import http.client
import socket
import ssl
import uuid
from collections.abc import Iterator

import pytest
import requests

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import CloudClient, plain_session, signed_in


@pytest.fixture
def client(fresh_rehearsal: RunningRehearsal) -> Iterator[CloudClient]:
    made = signed_in(fresh_rehearsal)
    with made.session:
        yield made


def test_the_organization_is_the_tenant(client: CloudClient) -> None:
    body = client.get("/v1.0/organization?$select=id,verifiedDomains").json()
    assert body["@odata.context"] == f"{client.base}/v1.0/$metadata#organization(id,verifiedDomains)"
    assert body["value"][0]["id"] == names.TENANT_ID
    domains = {domain["name"]: domain["isDefault"] for domain in body["value"][0]["verifiedDomains"]}
    assert domains == {
        "contoso.onmicrosoft.com": True,
        "contoso.com": False,
        "groups.contoso.com": False,
        "contoso.mail.onmicrosoft.com": False,
    }


def test_small_pages_and_large_pages_hold_the_same_groups(client: CloudClient) -> None:
    small = list(client.pages("/v1.0/groups?$select=id,displayName&$top=7"))
    large = list(client.pages("/v1.0/groups?$select=id,displayName&$top=999"))
    assert [len(page) for page in small[:-1]] == [7] * (len(small) - 1)
    assert [group for page in small for group in page] == large[0]
    assert len(large) == 1


def test_names_arrive_as_they_are(client: CloudClient) -> None:
    shown = {group["displayName"] for page in client.pages("/v1.0/groups?$select=displayName") for group in page}
    assert {"<script>alert(1)</script>", "Ventes – équipe", "  Leading and trailing  "} <= shown
    assert any("\u202e" in name for name in shown)


def test_two_thousand_members_come_in_pages(client: CloudClient) -> None:
    group = names.group_id("all-staff")
    pages = list(client.pages(f"/v1.0/groups/{group}/members?$select=id,onPremisesImmutableId&$top=999"))
    assert [len(page) for page in pages] == [999, 999, 2]
    members = [member for page in pages for member in page]
    assert len({member["id"] for member in members}) == names.LARGE_GROUP_MEMBERS
    assert {member["@odata.type"] for member in members} == {"#microsoft.graph.user"}
    count = client.get(f"/v1.0/groups/{group}/members/$count", ConsistencyLevel="eventual")
    assert (count.text, count.headers["Content-Type"].split(";")[0]) == ("2000", "text/plain")


def test_a_filter_in_a_percent_encoded_query(client: CloudClient) -> None:
    answer = client.get("/v1.0/groups?%24filter=displayName%20eq%20%27Sales%20Team%27&%24select=id")
    assert answer.json()["value"] == [{"id": names.group_id("sales-team")}]


def test_every_answer_can_be_traced(client: CloudClient) -> None:
    mine = str(uuid.uuid4())
    answers = [client.get(path, **{"client-request-id": mine}) for path in ("/v1.0/groups?$top=1", "/v1.0/nothing")]
    for answer in answers:
        uuid.UUID(answer.headers["request-id"])
        assert answer.headers["client-request-id"] == mine
        assert "Date" in answer.headers
    assert answers[0].headers["request-id"] != answers[1].headers["request-id"]
    inner = answers[1].json()["error"]["innerError"]
    assert inner["request-id"] == answers[1].headers["request-id"]
    assert inner["client-request-id"] == mine
    assert set(inner) == {"date", "request-id", "client-request-id"}


def test_nothing_has_an_entity_tag(client: CloudClient) -> None:
    """So no condition is looked at, and a read is never answered with 304 or 412."""
    assert "ETag" not in client.get("/v1.0/groups?$top=1").headers
    for condition in ({"If-None-Match": "*"}, {"If-Match": '"another"'}):
        assert client.get("/v1.0/groups?$top=1", **condition).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/v1.0/groups/{names.ORPHAN_GROUP_ID}", 404, "Request_ResourceNotFound"),
        ("/v1.0/groups?$select=spaceship", 400, "BadRequest"),
        ("/v1.0/groups?$top=1000", 400, "Request_BadRequest"),
        ("/v1.0/groups?$top=1&$top=2", 400, "Request_BadRequest"),
        ("/v1.0/directory/onPremisesSynchronization", 403, "Authorization_RequestDenied"),
        ("/beta/directory/onPremisesSynchronization", 403, "Authorization_RequestDenied"),
        ("/v1.0/spaceships", 400, "BadRequest"),
        ("/v1.0/groups/%00", 400, "Request_BadRequest"),
        ("/v1.0/groups/%2e%2e%2fusers", 400, "Request_BadRequest"),
    ],
)
def test_refusals_have_graph_s_shape(client: CloudClient, path: str, status: int, code: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_methods_that_a_resource_does_not_have(client: CloudClient, method: str) -> None:
    answer = client.session.request(method, f"{client.base}/v1.0/organization", json={}, timeout=20)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
    assert answer.json()["error"]["code"] == "Request_BadRequest"


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Bearer", "Bearer not-a-token", "Bearer a.b.c"])
def test_without_a_token_nothing_is_said(fresh_rehearsal: RunningRehearsal, authorization: str) -> None:
    with plain_session(fresh_rehearsal) as session:
        url = f"{fresh_rehearsal.state['graph_url']}/v1.0/groups"
        answer = session.get(url, headers={"Authorization": authorization} if authorization else {}, timeout=20)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_a_forged_token_is_refused(client: CloudClient) -> None:
    token = str(client.session.headers["Authorization"])
    client.session.headers["Authorization"] = token[:-8] + (
        "AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB"
    )
    assert client.get("/v1.0/groups").status_code == 401


def test_an_unknown_ca_is_not_trusted(fresh_rehearsal: RunningRehearsal) -> None:
    session = requests.Session()
    session.trust_env = False
    with session, pytest.raises(requests.exceptions.SSLError):
        session.get(f"{fresh_rehearsal.state['graph_url']}/v1.0/groups", timeout=20)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /v1.0/groups\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"POST /v1.0/groups HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n",
        b"POST /v1.0/groups HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    ],
    ids=["no HTTP", "HTTP 0.9", "many headers", "large body", "negative body"],
)
def test_malformed_http_hurts_nobody_else(client: CloudClient, fresh_rehearsal: RunningRehearsal, raw: bytes) -> None:
    context = ssl.create_default_context(cafile=str(fresh_rehearsal.folder.ca))
    address = ("localhost", int(str(fresh_rehearsal.state["graph_port"])))
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        try:
            secure.sendall(raw)
            answer = secure.recv(200)
        except OSError:
            answer = b""  # closed while we were still sending
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 400"))
    assert client.get("/v1.0/groups?$top=1").status_code == 200


def test_ipv6_is_served_where_there_is_one(fresh_rehearsal: RunningRehearsal) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    context = ssl.create_default_context(cafile=str(fresh_rehearsal.folder.ca))
    connection = http.client.HTTPSConnection("::1", int(str(fresh_rehearsal.state["graph_port"])), context=context)
    connection.request("GET", "/v1.0/groups")
    assert connection.getresponse().status == 401
    connection.close()
