"""A claims challenge is answered with one new token that carries the claims, or told in words."""

from __future__ import annotations

import base64
import json

import pytest

from runbook_lib.errors import NoAccess
from runbook_lib.graph.transport import GraphClient
from tests.unit.graph.fake_cloud import (
    GRAPH,
    Clock,
    FixedTokens,
    Reply,
    client_with,
    graph_error,
    in_turn,
    sender_with,
    session_with,
)
from tests.unit.graph.fake_sign_in import FakeSignIn, Prompt, person_source, refusal, token_source

DEMANDED = {"access_token": {"nbf": {"essential": True, "value": "1604106651"}}}


def challenged() -> Reply:
    text = base64.b64encode(json.dumps(DEMANDED).encode()).decode()
    header = f'Bearer realm="", error="insufficient_claims", claims="{text}"'
    return graph_error(401, "InvalidAuthenticationToken", headers={"WWW-Authenticate": header})


def client_of(service: FakeSignIn, *graph: Reply, person: bool = False) -> GraphClient:
    source, _, clock = person_source(service, Prompt()) if person else token_source(service, clock=Clock())
    answer = in_turn(*graph)
    session, _ = session_with(answer)
    return GraphClient(GRAPH, source, session, clock=clock, sleep=clock.sleep, sender=sender_with(session, clock))


def test_the_claims_are_handed_to_sign_in_once() -> None:
    tokens = FixedTokens()
    client, adapter, _ = client_with(in_turn(challenged(), Reply(body={"id": "x"})), tokens=tokens)
    assert client.get("/organization") == {"id": "x"}
    assert [json.loads(claims or "") for claims in tokens.claims] == [DEMANDED]
    assert [request.headers["Authorization"] for request in adapter.sent] == ["Bearer token-0", "Bearer token-1"]


@pytest.mark.parametrize("person", [False, True])
def test_an_app_and_a_person_answer_it(person: bool) -> None:
    service = FakeSignIn()
    client = client_of(service, challenged(), Reply(body={"id": "x"}), person=person)
    assert client.get("/organization") == {"id": "x"}
    first, *_, last = service.forms
    assert json.loads(last["claims"])["access_token"]["nbf"] == DEMANDED["access_token"]["nbf"]
    # What is said about this client from the beginning: without it Graph sends no challenge.
    assert json.loads(first["claims"])["access_token"]["xms_cc"] == {"values": ["CP1"]}


def test_one_that_cannot_be_answered_is_told_in_words() -> None:
    service = FakeSignIn()
    client = client_of(service, challenged())
    with pytest.raises(NoAccess, match="also after a new one, with the claims nbf") as caught:
        client.get("/organization")
    assert caught.value.code == "graph-claims-challenge"
    assert service.issued == 2


def test_sign_in_may_refuse_what_the_challenge_demands() -> None:
    service = FakeSignIn()
    client = client_of(service, challenged())
    client.token_claims()
    service.answers = [refusal(53003, error="interaction_required")]
    with pytest.raises(NoAccess, match=r"AADSTS53003.*Conditional Access blocks"):
        client.get("/organization")


def test_an_unreadable_challenge_is_still_a_refused_token() -> None:
    tokens = FixedTokens()
    odd = graph_error(401, "InvalidAuthenticationToken", headers={"WWW-Authenticate": 'Bearer claims="&&&"'})
    client, _, _ = client_with(in_turn(odd, Reply(body={"id": "x"})), tokens=tokens)
    assert client.get("/organization") == {"id": "x"}
    assert tokens.claims == [None]
