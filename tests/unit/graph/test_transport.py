"""One object, one collection, and everything that goes wrong on the way."""

from __future__ import annotations

import base64
import json

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.errors import GraphNotFound, GraphRejected, claims_demanded
from tests.unit.graph.fake_cloud import (
    GRAPH,
    START,
    Reply,
    client_with,
    graph_error,
    in_turn,
)

OK = Reply(body={"value": []})


def test_a_request_carries_what_graph_and_its_support_need() -> None:
    client, adapter, _ = client_with(in_turn(Reply(body={"id": "x"})))
    assert client.get("/organization", {"$select": "id", "$top": "999"}) == {"id": "x"}
    (request,) = adapter.sent
    assert request.url == f"{GRAPH}/v1.0/organization?%24select=id&%24top=999"
    assert request.headers["Authorization"] == "Bearer token-0"
    assert request.headers["client-request-id"] == "client-1"
    assert request.headers["return-client-request-id"] == "true"
    assert str(request.headers["User-Agent"]).startswith("group-writeback-runbook/")
    assert client.request_ids == ("request-1",)
    assert client.requests == 1


def test_beta_is_asked_for_by_name() -> None:
    client, adapter, _ = client_with(in_turn(Reply(body={})))
    client.get("/x", version="beta")
    assert adapter.sent[0].url == f"{GRAPH}/beta/x"


def test_next_links_are_followed_as_they_stand() -> None:
    link = f"{GRAPH}/v1.0/groups?$skiptoken=m~AQ%7e%2FnDs%20(x)'*!;=&$select=id"
    client, adapter, _ = client_with(
        in_turn(Reply(body={"value": [{"id": "a"}], "@odata.nextLink": link}), Reply(body={"value": [{"id": "b"}]}))
    )
    listing = client.listing("/groups")
    assert [row["id"] for row in listing.rows] == ["a", "b"]
    assert listing.pages == 2
    assert adapter.sent[1].url == link
    assert adapter.sent[1].headers["client-request-id"] == "client-2"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/groups",
        "https://graph.example.evil.example/v1.0/groups",
        "https://graph.example@evil.example/v1.0/groups",
        "https://graph.example:444/v1.0/groups",
        "http://graph.example/v1.0/groups",
        "https://evil.example\\@graph.example/v1.0/groups",
        "https://graph.example\\@evil.example/",
        "https://graph.example/\nHost: evil",
        "https://graph.example/ ",
        "https://[evil",
        "/v1.0/groups?$skiptoken=1",
        "",
        7,
        {"href": "https://graph.example/"},
    ],
)
def test_the_token_goes_to_no_other_host(link: object) -> None:
    client, adapter, _ = client_with(in_turn(Reply(body={"value": [], "@odata.nextLink": link})))
    with pytest.raises(ServiceFailed) as caught:
        client.listing("/groups")
    assert caught.value.code in ("graph-link-elsewhere", "graph-unexpected-answer")
    assert len(adapter.sent) == 1


def test_a_next_link_may_spell_the_host_in_capitals() -> None:
    link = "HTTPS://Graph.Example/v1.0/groups?$skiptoken=1"
    client, adapter, _ = client_with(in_turn(Reply(body={"value": [], "@odata.nextLink": link}), OK))
    assert client.listing("/groups").pages == 2
    assert adapter.sent[1].url == link


def test_links_in_a_circle_end_with_an_error() -> None:
    def handler(request: requests.PreparedRequest) -> Reply:
        here = int(str(request.url).partition("=")[2] or 0)
        return Reply(body={"value": [], "@odata.nextLink": f"{GRAPH}/v1.0/groups?$skiptoken={(here + 1) % 3}"})

    client, adapter, _ = client_with(handler)
    with pytest.raises(ServiceFailed, match="leads back to an earlier one"):
        client.listing("/groups")
    assert len(adapter.sent) == 4


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": [1]}, {"value": [{}, None]}])
def test_a_page_without_a_list_of_objects_is_no_page(body: object) -> None:
    client, _, _ = client_with(in_turn(Reply(body=body)))
    with pytest.raises(ServiceFailed) as caught:
        client.listing("/groups")
    assert caught.value.code == "graph-unexpected-answer"


@given(sizes=st.lists(st.integers(0, 5), max_size=8))
def test_any_cut_into_pages_gives_the_same_rows(sizes: list[int]) -> None:
    rows = [{"id": str(number)} for number in range(20)]

    def handler(request: requests.PreparedRequest) -> Reply:
        number = int(str(request.url).partition("=")[2] or 0)
        begin = sum(sizes[:number])
        if number == len(sizes):
            return Reply(body={"value": rows[begin:]})
        link = f"{GRAPH}/v1.0/groups?$skiptoken={number + 1}"
        return Reply(body={"value": rows[begin : begin + sizes[number]], "@odata.nextLink": link})

    listing = client_with(handler)[0].listing("/groups")
    assert list(listing.rows) == rows[: sum(sizes)] + rows[sum(sizes) :]
    assert listing.pages == len(sizes) + 1
    assert list(client_with(handler)[0].rows("/groups")) == list(listing.rows)


def test_throttling_is_obeyed_and_forgotten() -> None:
    client, _, clock = client_with(
        in_turn(
            Reply(429, {}, {"Retry-After": "12"}),
            Reply(503, {}, {"Retry-After": "Fri, 20 Nov 2026 12:01:12 GMT"}),
            Reply(504, {}),
            OK,
        )
    )
    client.listing("/groups")
    assert clock.slept == [12.0, 60.0, 4.0]
    assert (clock.now - START).total_seconds() == 76
    assert client.requests == 4


def test_throttling_without_end_ends() -> None:
    client, adapter, _ = client_with(in_turn(Reply(429, {}, {"Retry-After": "5"})))
    with pytest.raises(ServiceFailed) as caught:
        client.get("/groups")
    error = caught.value
    assert error.code == "cloud-throttled"
    assert error.values["attempts"] == len(adapter.sent) == 8
    assert error.values["request-id"] == "request-8"
    assert error.values["client-request-id"] == "client-8"
    assert error.values["retry_after_seconds"] == 5.0


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (requests.exceptions.ConnectionError("reset"), "cloud-connection-lost"),
        (requests.exceptions.ReadTimeout("slow"), "cloud-no-answer"),
        (requests.exceptions.ChunkedEncodingError("cut"), "cloud-connection-lost"),
        (requests.exceptions.ContentDecodingError("gzip"), "cloud-connection-lost"),
        (ConnectionResetError("reset"), "cloud-connection-lost"),
        (Reply(raw=b'{"value": [{"id": "0'), "cloud-garbled"),
        (Reply(raw=b"<html>Sign in to the guest network</html>"), "cloud-garbled"),
        (Reply(raw=b"[1, 2]"), "cloud-garbled"),
        (Reply(raw=b""), "cloud-garbled"),
        (Reply(raw=b'{"a": "\xff"}'), "cloud-garbled"),
        (Reply(raw=b"[" * 100_000), "cloud-garbled"),
        (Reply(500, {}), "cloud-unavailable"),
        (Reply(502, raw=b"<html>"), "cloud-unavailable"),
        (Reply(503, {}), "cloud-unavailable"),
        (Reply(504, {}), "cloud-unavailable"),
    ],
)
def test_passing_trouble_is_overcome_and_lasting_trouble_is_told(trouble: Reply | Exception, code: str) -> None:
    client, _, clock = client_with(in_turn(trouble, trouble, OK))
    assert client.get("/groups") == {"value": []}
    assert clock.slept == [1.0, 2.0]
    client, adapter, _ = client_with(in_turn(trouble))
    with pytest.raises(ServiceFailed) as caught:
        client.get("/groups")
    assert caught.value.code == code
    # What comes damaged comes so again: few tries, and who may be to blame.
    assert len(adapter.sent) == (3 if code == "cloud-garbled" else 8)
    assert ("a proxy or a portal may do so" in caught.value.hint) is (code == "cloud-garbled")


def test_one_refused_token_is_replaced() -> None:
    refusal = graph_error(401, "InvalidAuthenticationToken")
    client, adapter, _ = client_with(in_turn(refusal, OK))
    client.get("/groups")
    assert [request.headers["Authorization"] for request in adapter.sent] == ["Bearer token-0", "Bearer token-1"]


def test_two_refused_tokens_are_no_access() -> None:
    client, adapter, _ = client_with(in_turn(graph_error(401, "InvalidAuthenticationToken", "token-1 is no good")))
    with pytest.raises(NoAccess) as caught:
        client.get("/groups")
    assert caught.value.code == "graph-unauthorized"
    assert len(adapter.sent) == 2
    assert "token-1" not in str(caught.value)


def challenge(claims: object) -> str:
    text = claims if isinstance(claims, str) else base64.b64encode(json.dumps(claims).encode()).decode()
    return f'Bearer realm="", authorization_uri="https://login.example/", error="insufficient_claims", claims="{text}"'


def test_a_claims_challenge_is_told_in_words() -> None:
    header = challenge({"access_token": {"nbf": {"essential": True, "value": "1604106651"}, "acrs": {}}})
    reply = graph_error(401, "InvalidAuthenticationToken", headers={"WWW-Authenticate": header})
    with pytest.raises(NoAccess) as caught:
        client_with(in_turn(reply))[0].get("/groups")
    assert caught.value.code == "graph-claims-challenge"
    assert caught.value.values["claims"] == ["acrs", "nbf"]
    assert "acrs, nbf" in caught.value.message


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (challenge("bm90IGpzb24="), ("not readable",)),
        (challenge("&&&&"), ("not readable",)),
        (challenge({}), ()),
        (challenge([1]), ()),
        (challenge({"access_token": None}), ()),
        ("Bearer", ()),
    ],
)
def test_odd_claims_challenges(header: str, names: tuple[str, ...]) -> None:
    assert claims_demanded({"WWW-Authenticate": header}) == names


def test_forbidden_names_the_path_and_the_code() -> None:
    client, _, _ = client_with(in_turn(graph_error(403, "Authorization_RequestDenied", "Insufficient privileges")))
    with pytest.raises(NoAccess) as caught:
        client.get("/groups/7/members")
    error = caught.value
    assert error.code == "graph-forbidden"
    assert "/groups/7/members" in error.message
    assert "Authorization_RequestDenied: Insufficient privileges" in error.message
    assert error.values["request-id"] == "request-1"
    assert error.values["client-request-id"] == "client-1"
    assert error.values["status"] == 403


def test_not_found_needs_graphs_own_word() -> None:
    client, _, _ = client_with(in_turn(graph_error(404, "Request_ResourceNotFound")))
    with pytest.raises(GraphNotFound) as caught:
        client.get("/groups/7")
    assert caught.value.values["graph_code"] == "Request_ResourceNotFound"
    client, _, _ = client_with(in_turn(Reply(404, raw=b"<html>No such page</html>")))
    with pytest.raises(ServiceFailed) as other:
        client.get("/groups/7")
    assert not isinstance(other.value, GraphNotFound)
    assert other.value.code == "graph-unexpected-answer"


def test_other_refusals_quote_untrusted_text_on_one_short_line() -> None:
    hostile = "\x1b[2Jfirst\r\nsecond\u202e" + "x" * 5000
    client, _, _ = client_with(in_turn(graph_error(400, "Request_\nBadRequest", hostile)))
    with pytest.raises(GraphRejected) as caught:
        client.get("/groups")
    message = caught.value.message
    assert len(message) < 600
    assert not {"\x1b", "\n", "\r", "\u202e"} & set(message)
    assert "\\u001b[2Jfirst" in message


@pytest.mark.parametrize("body", [None, [], {"error": "text"}, {"error": {"code": 7, "message": []}}])
def test_error_bodies_of_the_wrong_shape(body: object) -> None:
    client, _, _ = client_with(in_turn(Reply(400, body)))
    with pytest.raises(ServiceFailed) as caught:
        client.get("/groups")
    assert caught.value.code == "graph-unexpected-answer"


def test_a_redirect_is_not_followed() -> None:
    client, adapter, _ = client_with(in_turn(Reply(302, {}, {"Location": "https://evil.example/"})))
    with pytest.raises(ServiceFailed) as caught:
        client.get("/groups")
    assert caught.value.code == "graph-unexpected-answer"
    assert [request.url for request in adapter.sent] == [f"{GRAPH}/v1.0/groups"]
