"""The token endpoint for applications: who gets a token, and how a refusal is worded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.certificates import make_client_certificate
from rehearsal.cloud.accounts import Application, TenantUsers
from rehearsal.cloud.assertions import ASSERTION_TYPE
from rehearsal.cloud.sign_in import Endpoint, SignIn
from rehearsal.cloud.sign_in_errors import SignInError
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.tokens import sign_token, thumbprints

TENANT = "8f2a6c1e-3b47-4d59-9e60-5c7d1b2a4f83"
CLIENT = "c4d1e0a7-96b2-4f3c-8a15-7e29d6b3f041"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BASE = "https://localhost:8443"
ENDPOINT = Endpoint(BASE, TENANT)
AUDIENCE = f"{BASE}/{TENANT}/oauth2/v2.0/token"
SCOPE = "https://localhost:8443/.default"

Assertion = Callable[..., dict[str, str]]


def load_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem[pem.index(b"-----BEGIN PRIVATE KEY") :], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def service(app: Application, *, now: datetime = NOW) -> SignIn:
    clock: Callable[[], datetime] = lambda: now  # noqa: E731
    users = TenantUsers(CloudStore(clock=clock), {})
    return SignIn(TENANT, (app,), users=users, clock=clock, domains=("contoso.com",))


@pytest.fixture(scope="module")
def client() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    certificate, pem = make_client_certificate("runbook", NOW)
    return certificate, load_key(pem)


@pytest.fixture
def sign_in(client: tuple[x509.Certificate, rsa.RSAPrivateKey]) -> SignIn:
    app = Application(CLIENT, "object-id", "Runbook", "s3cret", (client[0],), ("Group.Read.All",))
    return service(app)


@pytest.fixture
def assertion(client: tuple[x509.Certificate, rsa.RSAPrivateKey]) -> Assertion:
    certificate, key = client

    def form(
        *, header: dict[str, object] | None = None, signing_key: rsa.RSAPrivateKey | None = None, **claims: object
    ) -> dict[str, str]:
        stated = {
            "aud": AUDIENCE,
            "iss": CLIENT,
            "sub": CLIENT,
            "exp": NOW.timestamp() + 600,
            "nbf": NOW.timestamp(),
            **claims,
        }
        named = {"x5t#S256": thumbprints(certificate)[1]} if header is None else header
        return {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "scope": SCOPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": sign_token(named, stated, signing_key or key),
        }

    return form


def secret_form(**changes: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "scope": SCOPE, "client_secret": "s3cret"}
    return {name: value for name, value in {**form, **changes}.items() if value}


def refusal(sign_in: SignIn, form: dict[str, str]) -> SignInError:
    with pytest.raises(SignInError) as caught:
        sign_in.token_response(form, ENDPOINT)
    return caught.value


def test_a_secret_gets_a_token_with_the_granted_roles(sign_in: SignIn) -> None:
    answer = sign_in.token_response(secret_form(), ENDPOINT)
    claims = sign_in.issuer.signer.claims_of(str(answer["access_token"]))
    assert answer["expires_in"] == 3600
    assert claims["roles"] == ["Group.Read.All"]
    assert (claims["tid"], claims["appid"], claims["appidacr"]) == (TENANT, CLIENT, "1")
    assert claims["exp"] == int(NOW.timestamp()) + 3600


def test_the_lifetime_of_tokens_can_be_shortened_and_reset(sign_in: SignIn) -> None:
    sign_in.issuer.token_lifetime = 2
    assert sign_in.token_response(secret_form(), ENDPOINT)["expires_in"] == 2
    sign_in.reset()
    assert sign_in.issuer.token_lifetime == 3600


@pytest.mark.parametrize("which", [0, 1])
def test_an_assertion_names_its_certificate_by_either_thumbprint(
    sign_in: SignIn, assertion: Assertion, client: tuple[x509.Certificate, rsa.RSAPrivateKey], which: int
) -> None:
    name = ("x5t", "x5t#S256")[which]
    padded = thumbprints(client[0])[which] + "="  # as MSAL for Python sends it
    answer = sign_in.token_response(assertion(header={name: padded}), ENDPOINT)
    assert sign_in.issuer.signer.claims_of(str(answer["access_token"]))["appidacr"] == "2"


@pytest.mark.parametrize(
    ("changes", "number", "error", "status"),
    [
        ({"grant_type": ""}, 900144, "invalid_request", 400),
        ({"grant_type": "password"}, 70003, "unsupported_grant_type", 400),
        ({"client_id": ""}, 900144, "invalid_request", 400),
        ({"client_id": "11111111-2222-3333-4444-555555555555"}, 700016, "unauthorized_client", 400),
        ({"client_secret": "wrong"}, 7000215, "invalid_client", 401),
        ({"client_secret": ""}, 7000218, "invalid_client", 401),
        ({"scope": "User.Read"}, 1002012, "invalid_scope", 400),
        ({"scope": "https://elsewhere.example/.default"}, 500011, "invalid_resource", 400),
    ],
)
def test_refusals_with_a_secret(sign_in: SignIn, changes: dict[str, str], number: int, error: str, status: int) -> None:
    refused = refusal(sign_in, secret_form(**changes))
    assert (refused.number, refused.error, refused.status) == (number, error, status)
    assert str(refused).startswith(f"AADSTS{number}: ")


@pytest.mark.parametrize(
    ("claims", "number"),
    [
        ({"aud": "https://login.microsoftonline.com/common"}, 700023),
        ({"exp": NOW.timestamp() - 1}, 700024),
        ({"exp": "soon"}, 700024),
        ({"nbf": NOW.timestamp() + 600}, 700024),
        ({"iss": "somebody"}, 700030),
        ({"sub": "somebody"}, 700030),
    ],
)
def test_assertions_with_a_wrong_claim(
    sign_in: SignIn, assertion: Assertion, claims: dict[str, object], number: int
) -> None:
    assert refusal(sign_in, assertion(**claims)).number == number


def test_an_assertion_under_an_unknown_certificate(sign_in: SignIn, assertion: Assertion) -> None:
    stranger, pem = make_client_certificate("stranger", NOW)
    header: dict[str, object] = {"x5t#S256": thumbprints(stranger)[1]}
    refused = refusal(sign_in, assertion(header=header, signing_key=load_key(pem)))
    assert (refused.number, refused.status) == (700027, 401)
    assert "key was not found" in str(refused)


def test_a_known_thumbprint_with_another_key_does_not_help(sign_in: SignIn, assertion: Assertion) -> None:
    _, pem = make_client_certificate("stranger", NOW)
    refused = refusal(sign_in, assertion(signing_key=load_key(pem)))
    assert refused.number == 700027
    assert "verify the signature failed" in str(refused)


@pytest.mark.parametrize("header", [{}, {"x5t": "wrong"}])
def test_an_assertion_must_name_its_certificate(
    sign_in: SignIn, assertion: Assertion, header: dict[str, object]
) -> None:
    assert refusal(sign_in, assertion(header=header)).number == 700027


def test_a_broken_assertion(sign_in: SignIn, assertion: Assertion) -> None:
    assert refusal(sign_in, {**assertion(), "client_assertion": "not.a.token"}).number == 50027
    assert refusal(sign_in, {**assertion(), "client_assertion_type": "saml"}).number == 700021


def test_the_clock_decides(client: tuple[x509.Certificate, rsa.RSAPrivateKey], assertion: Assertion) -> None:
    app = Application(CLIENT, "object-id", "Runbook", "s3cret", (client[0],), ())
    later = service(app, now=NOW + timedelta(hours=1))
    assert refusal(later, assertion()).number == 700024


def test_an_expired_certificate_no_longer_signs_in(
    client: tuple[x509.Certificate, rsa.RSAPrivateKey], assertion: Assertion
) -> None:
    app = Application(CLIENT, "object-id", "Runbook", "s3cret", (client[0],), ())
    after = client[0].not_valid_after_utc + timedelta(seconds=1)
    refused = refusal(service(app, now=after), assertion(exp=after.timestamp() + 60))
    assert refused.number == 700027
    assert "expired" in str(refused)


@pytest.mark.parametrize("end", ["oauth2/v2.0/token", "oauth2/token", "v2.0"])
@pytest.mark.parametrize("tenant", [TENANT, "contoso.com"])
def test_audiences_that_entra_takes(sign_in: SignIn, assertion: Assertion, tenant: str, end: str) -> None:
    endpoint = Endpoint(BASE, "contoso.com")
    assert sign_in.token_response(assertion(aud=f"{BASE}/{tenant}/{end}"), endpoint)["access_token"]


def test_many_tenants_are_served_only_to_applications_of_many_tenants(sign_in: SignIn) -> None:
    common = Endpoint(BASE, "organizations")
    with pytest.raises(SignInError, match="AADSTS50194") as caught:
        sign_in.token_response(secret_form(), common)
    assert caught.value.error == "invalid_request"
    sign_in.registrations.change(CLIENT, multi_tenant=True)
    assert sign_in.token_response(secret_form(), common)["access_token"]


def test_a_disabled_application(sign_in: SignIn) -> None:
    sign_in.registrations.change(CLIENT, enabled=False)
    assert refusal(sign_in, secret_form()).number == 7000112
    sign_in.reset()
    assert sign_in.token_response(secret_form(), ENDPOINT)["access_token"]


def test_capabilities_arrive_in_the_token(sign_in: SignIn) -> None:
    claims = '{"access_token": {"xms_cc": {"values": ["CP1"]}}}'
    token = sign_in.token_response(secret_form(claims=claims), ENDPOINT)["access_token"]
    assert sign_in.issuer.signer.claims_of(str(token))["xms_cc"] == ["cp1"]


@pytest.mark.parametrize("claims", ["{", "[]", '{"access_token": 7}', '{"access_token": {"xms_cc": {"values": 7}}}'])
def test_claims_that_are_none(sign_in: SignIn, claims: str) -> None:
    assert refusal(sign_in, secret_form(claims=claims)).number == 9000022


def test_the_secret_stays_out_of_repr(sign_in: SignIn) -> None:
    app = Application(CLIENT, "object-id", "Runbook", "s3cret", (), ())
    assert "s3cret" not in repr(app)
