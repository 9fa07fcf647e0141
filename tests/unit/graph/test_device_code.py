"""A person signs in with a code: shown, typed, declined, late, cancelled, and never asked twice without need."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import requests

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.graph.sign_in.cache import SignInCache
from tests.unit.graph.fake_cloud import GRAPH, START, TENANT, Clock, Reply
from tests.unit.graph.fake_sign_in import (
    CLIENT,
    DEVICE_FLOW,
    LOGIN,
    REFRESH_TOKEN,
    USER_CODE,
    FakeSignIn,
    Prompt,
    access_token,
    pending,
    person_source,
    refusal,
)

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def test_the_code_is_shown_and_typed() -> None:
    service, prompt = FakeSignIn(answers=[pending(), pending()]), Prompt()
    source, _, clock = person_source(service, prompt)
    assert source.token().reveal() == access_token(1)
    first, *polls = service.forms
    assert first["client_id"] == CLIENT
    assert f"{GRAPH}/.default" in first["scope"].split()
    assert [form["grant_type"] for form in polls] == [DEVICE_GRANT] * 3
    assert all("client_secret" not in form for form in service.forms)
    assert prompt.seen == [
        f"{USER_CODE} at https://login.example/device",
        "Sign-in: done, signed in as ada@contoso.com",
    ]
    (code,) = prompt.codes
    assert (code.minutes, code.expires) == (15, START + timedelta(minutes=15))
    assert sum(clock.slept) == 15  # three questions, five seconds before each


def test_slow_down_is_obeyed() -> None:
    slow = Reply(400, {"error": "slow_down"})
    source, _, clock = person_source(FakeSignIn(answers=[slow, pending()]), Prompt())
    source.token()
    assert sum(clock.slept) == 5 + 10 + 10


def test_the_token_is_renewed_without_asking_again() -> None:
    service, prompt = FakeSignIn(), Prompt()
    source, _, clock = person_source(service, prompt)
    first = source.token()
    assert source.token() == first
    clock.move(3300)
    assert source.token().reveal() == access_token(2)
    assert source.token(refused=source.token()).reveal() == access_token(3)
    assert [form["grant_type"] for form in service.forms[2:]] == ["refresh_token"] * 2
    assert service.forms[2]["refresh_token"] == f"{REFRESH_TOKEN}1"
    assert len(prompt.codes) == 1


def test_two_connections_of_one_run_ask_once() -> None:
    service, prompt, cache = FakeSignIn(), Prompt(), SignInCache()
    person_source(service, prompt, cache)[0].token()
    second, _, _ = person_source(service, prompt, cache)
    second.token()
    assert len(prompt.codes) == 1


@pytest.mark.parametrize("number", [50173, 700082, 50076])
def test_a_sign_in_that_does_not_hold_any_more_asks_again(number: int) -> None:
    service, prompt = FakeSignIn(), Prompt()
    source, _, clock = person_source(service, prompt)
    source.token()
    clock.move(3300)
    service.answers = [refusal(number, error="invalid_grant")]
    assert source.token().reveal() == access_token(2)
    assert len(prompt.codes) == 2


def test_a_claims_challenge_goes_along_first_silently_then_to_the_person() -> None:
    service, prompt = FakeSignIn(), Prompt()
    source, _, _ = person_source(service, prompt)
    refused = source.token()
    challenge = '{"access_token": {"nbf": {"essential": true, "value": "1"}}}'
    source.token(refused=refused, claims=challenge)
    assert '"nbf"' in service.forms[-1]["claims"]
    assert service.forms[-1]["grant_type"] == "refresh_token"
    service.answers = [refusal(50076, error="interaction_required")]
    source.token(refused=source.token(), claims=challenge)
    *_, asked, bought = service.forms
    assert '"nbf"' in asked["claims"]
    assert '"nbf"' in bought["claims"]
    assert bought["grant_type"] == DEVICE_GRANT
    assert '"xms_cc"' in service.forms[0]["claims"]


def test_nobody_there_is_one_clear_error_and_asks_the_service_for_no_code() -> None:
    service = FakeSignIn()
    source, _, _ = person_source(service, None)
    with pytest.raises(NoAccess, match="nobody would see the code") as caught:
        source.token()
    assert caught.value.code == "sign-in-needs-person"
    assert "certificate" in caught.value.hint
    assert service.forms == []


def test_nobody_there_and_the_sign_in_revoked_says_both() -> None:
    service, cache = FakeSignIn(), SignInCache()
    person_source(service, Prompt(), cache)[0].token()
    source, _, clock = person_source(service, None, cache)
    source.token()  # silently
    clock.move(3300)
    service.answers = [refusal(50173, error="invalid_grant")]
    with pytest.raises(NoAccess, match=r"not accepted any more \(AADSTS50173\)") as caught:
        source.token()
    assert caught.value.code == "sign-in-needs-person"


@pytest.mark.parametrize(
    ("number", "words", "to_do"),
    [
        (53003, "Conditional Access blocks this sign-in, or device codes as such", "certificate"),
        (50199, "confirm that this sign-in is meant", "confirm"),
        (50076, "a second factor is demanded", "second factor"),
        (50105, "not assigned to the app", "Users and groups"),
        (65001, "nobody has consented", "administrator"),
        (7000218, "does not allow device codes", "public client flows"),
        (50020, "belongs to another tenant", "tenant_id"),
        (700016, "this tenant does not know the app", "client_id"),
        (424242, "the service gave the reason below", "sign-in log"),
    ],
)
def test_refusals_of_a_person_in_words(number: int, words: str, to_do: str) -> None:
    prompt = Prompt()
    source, _, _ = person_source(FakeSignIn(answers=[pending(), refusal(number, error="invalid_grant")]), prompt)
    with pytest.raises(NoAccess) as caught:
        source.token()
    assert caught.value.code == "sign-in-refused"
    assert words in caught.value.message
    assert f"AADSTS{number}" in caught.value.message
    assert to_do in caught.value.hint
    assert prompt.seen[-1] == "Sign-in: not completed"


def test_a_refusal_before_there_is_a_code() -> None:
    prompt = Prompt()
    source, _, _ = person_source(FakeSignIn(device_flow=refusal(7000218)), prompt)
    with pytest.raises(NoAccess, match="does not allow device codes"):
        source.token()
    assert prompt.seen == []


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([Reply(400, {"error": "authorization_declined"})], "it was declined"),
        ([Reply(400, {"error": "access_denied"})], "it was declined"),
        ([Reply(400, {"error": "expired_token"})], "within its 15 minutes"),
        ([pending()] * 200, "within its 15 minutes"),
    ],
)
def test_declined_or_late(answers: list[Reply | Exception], why: str) -> None:
    service, prompt = FakeSignIn(answers=answers), Prompt()
    source, _, clock = person_source(service, prompt)
    with pytest.raises(NoAccess, match=why) as caught:
        source.token()
    assert caught.value.code == "sign-in-not-completed"
    assert prompt.seen[-1] == "Sign-in: not completed"
    assert clock.now <= START + timedelta(minutes=15)


def test_ctrl_c_ends_it_tidily_and_a_new_attempt_gets_a_new_code() -> None:
    service, prompt = FakeSignIn(answers=[pending()]), Prompt()
    clock = Clock()
    source, _, _ = person_source(service, prompt, clock=clock)
    real, naps = clock.sleep, []

    def interrupted(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 7:
            raise KeyboardInterrupt
        real(seconds)

    source._method._sleep = interrupted  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        source.token()
    assert prompt.seen[-1] == "Sign-in: cancelled"
    assert source.token().reveal() == access_token(1)
    assert len(prompt.codes) == 2


def test_abandoning_ends_the_wait_of_another_thread() -> None:
    service, prompt = FakeSignIn(answers=[pending()] * 1000), Prompt()
    clock, waiting, ended = Clock(), threading.Event(), []
    source, _, _ = person_source(service, prompt, clock=clock)

    def nap(seconds: float) -> None:
        clock.sleep(seconds / 100)
        waiting.set()
        threading.Event().wait(0.001)

    source._method._sleep = nap  # type: ignore[attr-defined]

    def sign_in() -> None:
        try:
            source.token()
        except NoAccess as error:
            ended.append(error)

    thread = threading.Thread(target=sign_in)
    thread.start()
    assert waiting.wait(10)
    source.abandon()
    thread.join(10)
    assert not thread.is_alive()
    assert [error.code for error in ended] == ["sign-in-not-completed"]
    assert "cancelled" in ended[0].message
    with pytest.raises(NoAccess, match="cancelled"):
        source.token()  # a thread that stood in line asks nobody
    assert len(prompt.codes) == 1


@pytest.mark.parametrize(
    "flow",
    [
        {"odd": True},
        {**DEVICE_FLOW, "user_code": ""},
        {**DEVICE_FLOW, "user_code": "x" * 41},
        {**DEVICE_FLOW, "user_code": 7},
        {**DEVICE_FLOW, "verification_uri": "http://login.example/device"},
        {**DEVICE_FLOW, "verification_uri": "javascript:alert(1)"},
        {**DEVICE_FLOW, "verification_uri": "https://user@evil.example/"},
        {**DEVICE_FLOW, "verification_uri": "https://x.example/ and more"},
        {**DEVICE_FLOW, "device_code": None},
        {**DEVICE_FLOW, "expires_in": "soon"},
        {**DEVICE_FLOW, "interval": "often"},
    ],
)
def test_a_code_that_nobody_could_type_is_no_code(flow: dict[str, object]) -> None:
    prompt = Prompt()
    source, _, _ = person_source(FakeSignIn(device_flow=Reply(body=flow)), prompt)
    with pytest.raises(ServiceFailed) as caught:
        source.token()
    assert caught.value.code == "sign-in-garbled"
    assert prompt.seen == []


@pytest.mark.parametrize("interval", [0, -3, 10**9])
def test_odd_intervals_are_survived(interval: int) -> None:
    flow = {**DEVICE_FLOW, "interval": interval}
    source, _, clock = person_source(FakeSignIn(device_flow=Reply(body=flow)), Prompt())
    source.token()
    assert 1 <= sum(clock.slept) <= 60


def test_polling_goes_on_through_failures_of_the_service() -> None:
    answers: list[Reply | Exception] = [
        Reply(503, {}, {"Retry-After": "2"}),
        requests.exceptions.ConnectionError("reset"),
        pending(),
    ]
    source, _, _ = person_source(FakeSignIn(answers=answers), Prompt())
    assert source.token().reveal() == access_token(1)


def test_a_refusal_quotes_neither_code_nor_token() -> None:
    said = f"{USER_CODE} {DEVICE_FLOW['device_code']} {access_token(9)}"
    source, adapter, _ = person_source(FakeSignIn(answers=[refusal(53003, said)]), Prompt())
    with pytest.raises(RunbookError) as caught:
        source.token()
    shown = str(caught.value) + repr(dict(caught.value.values)) + repr(source)
    for secret in (USER_CODE, str(DEVICE_FLOW["device_code"]), "canary"):
        assert secret not in shown
    assert all(str(request.url).startswith(f"{LOGIN}/{TENANT}/") for request in adapter.sent)


def test_another_person_replaces_the_one_before() -> None:
    service, prompt, cache = FakeSignIn(), Prompt(), SignInCache()
    source, _, clock = person_source(service, prompt, cache)
    source.token()
    clock.move(3300)
    service.answers = [refusal(50173, error="invalid_grant")]
    service.upn = "grace@contoso.com"
    source.token()
    clock.move(3300)
    source.token()
    assert len(prompt.codes) == 2  # the third token was Grace's, silently: Ada's account is forgotten
    assert prompt.seen[-1].endswith("grace@contoso.com")
