"""Tokens: how they are asked for, when they are renewed, and what refusals say."""

from __future__ import annotations

import base64
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.certificates import rsa_key
from tests.unit.graph.fake_cloud import GRAPH, START, TENANT, Reply, graph_error
from tests.unit.graph.fake_sign_in import (
    CLIENT,
    CLIENT_SECRET,
    LOGIN,
    FakeSignIn,
    access_token,
    client_certificate,
    refusal,
    token_source,
)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_client_secret_buys_a_token() -> None:
    service = FakeSignIn()
    source, adapter, _ = token_source(service)
    assert source.token().reveal() == access_token(1)
    (form,) = service.forms
    assert form["client_secret"] == CLIENT_SECRET
    assert form["client_id"] == CLIENT
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == f"{GRAPH}/.default"
    assert [str(request.url) for request in adapter.sent] == [
        f"{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration",
        f"{LOGIN}/{TENANT}/oauth2/v2.0/token",
    ]


def test_a_certificate_buys_a_token(tmp_path: Path) -> None:
    service, certificate = FakeSignIn(), client_certificate(tmp_path)
    source, _, _ = token_source(service, certificate)
    assert source.token().reveal() == access_token(1)
    (form,) = service.forms
    assert "client_secret" not in form
    header, claims, signature = form["client_assertion"].split(".")
    head, body = json.loads(decoded(header)), json.loads(decoded(claims))
    assert head["alg"] == "PS256"
    assert decoded(head["x5t#S256"]).hex().upper() == certificate.thumbprint_sha256
    assert body["aud"] == f"{LOGIN}/{TENANT}/oauth2/v2.0/token"
    assert body["iss"] == body["sub"] == CLIENT
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    rsa_key().public_key().verify(decoded(signature), f"{header}.{claims}".encode(), pss, hashes.SHA256())


def test_a_token_is_kept_until_five_minutes_before_its_end() -> None:
    service = FakeSignIn()
    source, _, clock = token_source(service)
    first = source.token()
    clock.move(3299)
    assert source.token() == first
    clock.move(1)
    assert source.token().reveal() == access_token(2)
    assert service.issued == 2


def test_a_short_lived_token_is_not_renewed_for_every_request() -> None:
    service = FakeSignIn(lifetime=60)
    source, _, clock = token_source(service)
    source.token()
    clock.move(44)
    source.token()
    assert service.issued == 1
    clock.move(1)
    source.token()
    assert service.issued == 2


@pytest.mark.parametrize("lifetime", [0, -5, "60", 10**30, True])
def test_odd_lifetimes_are_survived(lifetime: object) -> None:
    source, _, _ = token_source(FakeSignIn(lifetime=lifetime))
    assert source.token().reveal() == access_token(1)


def test_threads_that_were_refused_the_same_token_cause_one_renewal() -> None:
    service = FakeSignIn()
    source, _, _ = token_source(service)
    refused = source.token()
    with ThreadPoolExecutor(8) as pool:
        tokens = {token.reveal() for token in pool.map(lambda _: source.token(refused=refused), range(50))}
    assert tokens == {access_token(2)}
    assert service.issued == 2


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (7000215, "the client secret is wrong"),
        (7000222, "the client secret has expired"),
        (700016, "does not know the app"),
        (700027, "the certificate is not one that the app accepts"),
        (700024, "outside its time of validity"),
        (90002, "the tenant does not exist"),
        (53003, "Conditional Access blocks this sign-in"),
        (999999, "the service gave the reason below"),
    ],
)
@pytest.mark.parametrize("status", [400, 401])
def test_refusals_name_number_and_reason(number: int, words: str, status: int) -> None:
    source, _, _ = token_source(FakeSignIn(answers=[refusal(number, "In Microsoft's words.", status=status)]))
    with pytest.raises(NoAccess) as caught:
        source.token()
    error = caught.value
    assert error.code == "sign-in-refused"
    assert f"AADSTS{number}" in error.message
    assert words in error.message
    assert "In Microsoft's words." in error.message
    assert "Trace ID" not in error.message
    assert error.values["aadsts"] == number
    assert error.values["trace_id"] == "trace-1"
    assert error.hint


def test_an_unknown_tenant_is_found_at_discovery() -> None:
    unknown = refusal(90002, f"Tenant '{TENANT}' not found.", error="invalid_tenant")
    source, _, _ = token_source(FakeSignIn(discovery=unknown))
    with pytest.raises(NoAccess, match=r"AADSTS90002.*the tenant does not exist") as caught:
        source.token()
    assert caught.value.values["tenant_id"] == TENANT


def test_a_refusal_of_a_certificate_names_its_thumbprint(tmp_path: Path) -> None:
    certificate = client_certificate(tmp_path)
    source, _, _ = token_source(FakeSignIn(answers=[refusal(700027)]), certificate)
    with pytest.raises(NoAccess, match=certificate.thumbprint_sha1) as caught:
        source.token()
    assert caught.value.values["thumbprint"] == certificate.thumbprint_sha1


def test_an_expired_certificate_is_told_without_asking(tmp_path: Path) -> None:
    certificate = client_certificate(tmp_path)
    source, adapter, clock = token_source(FakeSignIn(), certificate)
    clock.now = certificate.not_after + timedelta(seconds=1)
    with pytest.raises(NoAccess) as caught:
        source.token()
    assert caught.value.code == "certificate-expired"
    assert adapter.sent == []


def test_a_failed_sign_in_can_be_repeated() -> None:
    source, _, _ = token_source(FakeSignIn(answers=[refusal(7000215)]))
    with pytest.raises(NoAccess):
        source.token()
    # msal itself remembers a 400 for a minute; asking again within it repeats the answer instead of the question.
    with pytest.raises(NoAccess, match="AADSTS7000215"):
        source.token()


def test_throttled_and_failing_sign_in_is_tried_again() -> None:
    answers: list[Reply | Exception] = [
        Reply(429, {}, {"Retry-After": "9"}),
        Reply(503, {}),
        requests.exceptions.ConnectionError("reset"),
        Reply(raw=b'{"access_token": "eyJ0eXAiOiJKV1QifQ.canary'),
    ]
    source, _, clock = token_source(FakeSignIn(answers=answers))
    assert source.token().reveal() == access_token(1)
    assert clock.slept == [9.0, 2.0, 4.0, 8.0]
    assert clock.now > START


def test_a_sign_in_service_that_stays_away_is_told() -> None:
    source, _, _ = token_source(FakeSignIn(discovery=Reply(503, {})))
    with pytest.raises(ServiceFailed) as caught:
        source.token()
    assert caught.value.code == "cloud-unavailable"
    assert "login.example" in caught.value.message


def test_an_unknown_ca_and_an_unreachable_host_are_no_access() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "unable to get local issuer certificate"
    untrusted = requests.exceptions.SSLError(cause)
    for failure, code in (
        (untrusted, "cloud-certificate"),
        (requests.exceptions.ConnectTimeout("late"), "cloud-unreachable"),
    ):
        source, adapter, _ = token_source(FakeSignIn())
        adapter.handler = lambda _, failure=failure: failure  # type: ignore[misc]
        with pytest.raises(NoAccess) as caught:
            source.token()
        assert caught.value.code == code
        assert "login.example" in caught.value.message


@pytest.mark.parametrize(
    "answer",
    [
        Reply(body={}),
        Reply(body={"access_token": ""}),
        Reply(body={"access_token": 7}),
        Reply(body={"access_token": None, "expires_in": "soon"}),
        Reply(body={"access_token": "x", "expires_in": None}),
        Reply(400, {"unexpected": True}),
        Reply(400, raw=b"<html>"),
        Reply(404, raw=b"<html>"),
        Reply(400, {"error": ["x"], "error_description": {"y": 1}, "error_codes": "z"}),
        graph_error(401, "InvalidAuthenticationToken"),
    ],
)
def test_answers_of_any_shape_end_in_one_of_our_errors(answer: Reply) -> None:
    source, _, _ = token_source(FakeSignIn(answers=[answer]))
    with pytest.raises((NoAccess, ServiceFailed)):
        source.token()


@pytest.mark.parametrize(
    "discovery", [Reply(body={}), Reply(404, raw=b"<html>"), Reply(body={"token_endpoint": 7}), Reply(302, {})]
)
def test_a_host_that_is_no_sign_in_service_is_told(discovery: Reply) -> None:
    source, _, _ = token_source(FakeSignIn(discovery=discovery))
    with pytest.raises((NoAccess, ServiceFailed)) as caught:
        source.token()
    assert caught.value.code in ("sign-in-garbled", "sign-in-refused")


@pytest.mark.parametrize("host", ["evil.example", "login.microsoftonline.com"])
def test_the_credential_goes_to_no_host_that_the_metadata_invents(host: str) -> None:
    service = FakeSignIn(login=f"https://{host}")
    source, adapter, _ = token_source(service)
    with pytest.raises(ServiceFailed) as caught:
        source.token()
    assert caught.value.code == "sign-in-elsewhere"
    assert host in caught.value.message
    assert service.forms == []
    assert all(str(request.url).startswith(LOGIN) for request in adapter.sent)


def test_microsofts_own_hosts_may_name_each_other() -> None:
    service = FakeSignIn(login="https://login.partner.microsoftonline.cn")
    source, _, _ = token_source(service, login="https://login.chinacloudapi.cn")
    assert source.token().reveal() == access_token(1)


def test_nothing_of_the_source_shows_the_credential(tmp_path: Path) -> None:
    for credential in (Secret(CLIENT_SECRET), client_certificate(tmp_path)):
        source, _, _ = token_source(FakeSignIn(), credential)
        source.token()
        assert "canary" not in repr(source)
        assert "PRIVATE" not in repr(source)
