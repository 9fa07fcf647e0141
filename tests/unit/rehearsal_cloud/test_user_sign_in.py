"""Sign-in on behalf of a person: device codes, refresh tokens, id tokens, consent."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.cloud.accounts import EVERY_MEMBER, GLOBAL_READER, ROLE_TEMPLATES, Application, TenantUsers
from rehearsal.cloud.device_codes import DeviceCodeError
from rehearsal.cloud.sign_in import DEVICE_CODE, Endpoint, SignIn
from rehearsal.cloud.sign_in_errors import SignInError
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.tokens import decode_part, split_token, token_number

TENANT = "8f2a6c1e-3b47-4d59-9e60-5c7d1b2a4f83"
CLIENT = "c4d1e0a7-96b2-4f3c-8a15-7e29d6b3f041"
OTHER = "0d5d0c4e-6d11-4d5f-8a4b-2a0f3f6b9c10"
USER = "11111111-1111-4111-8111-111111111111"
UPN = "robin@contoso.com"
BASE = "https://localhost:8443"
ENDPOINT = Endpoint(BASE, TENANT)
SCOPE = f"{BASE}/.default openid profile offline_access"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass
class Stage:
    """A tenant with one user, two public applications and a clock that the test moves."""

    now: datetime = START
    store: CloudStore = field(init=False)
    sign_in: SignIn = field(init=False)

    def __post_init__(self) -> None:
        self.store = CloudStore(clock=lambda: self.now)
        self.store.add_user({"id": USER, "userPrincipalName": UPN, "displayName": "Robin Operator"})
        apps = [
            Application(client, "sp", "Runbook", "", (), (), ("Group.Read.All", "User.Read"), public=True)
            for client in (CLIENT, OTHER)
        ]
        users = TenantUsers(self.store, {USER: frozenset({GLOBAL_READER})})
        self.sign_in = SignIn(TENANT, apps, users=users, clock=lambda: self.now)

    def begin(self, scope: str = SCOPE) -> tuple[str, str]:
        """User code and device code."""
        answer = self.sign_in.device_response({"client_id": CLIENT, "scope": scope}, ENDPOINT)
        return str(answer["user_code"]), str(answer["device_code"])

    def approve(self, user_code: str, outcome: str = "approved") -> None:
        self.sign_in.devices.answer(user_code, outcome, self.sign_in.users.find(UPN))

    def poll(self, device_code: str, **form: str) -> dict[str, object]:
        whole = {"grant_type": DEVICE_CODE, "client_id": CLIENT, "device_code": device_code, "client_info": "1"}
        return self.sign_in.token_response({**whole, **form}, ENDPOINT)

    def signed_in(self) -> dict[str, object]:
        user_code, device_code = self.begin()
        self.approve(user_code)
        return self.poll(device_code)

    def refresh(self, token: object, **form: str) -> dict[str, object]:
        whole = {"grant_type": "refresh_token", "client_id": CLIENT, "scope": SCOPE, "refresh_token": str(token)}
        return self.sign_in.token_response({**whole, **form}, ENDPOINT)

    def access(self, answer: dict[str, object]) -> dict[str, object]:
        return self.sign_in.issuer.signer.claims_of(str(answer["access_token"]))


@pytest.fixture
def stage() -> Stage:
    return Stage()


SHARED = Stage()


def number(caught: pytest.ExceptionInfo[SignInError]) -> tuple[int, str]:
    return caught.value.number, caught.value.error


def test_an_approved_code_brings_every_token(stage: Stage) -> None:
    answer = stage.signed_in()
    claims = stage.access(answer)
    assert (claims["oid"], claims["tid"], claims["upn"], claims["idtyp"]) == (USER, TENANT, UPN, "user")
    assert claims["scp"] == "Group.Read.All User.Read"
    assert claims["wids"] == [ROLE_TEMPLATES[GLOBAL_READER], EVERY_MEMBER]
    assert "roles" not in claims
    identity = stage.sign_in.issuer.signer.claims_of(str(answer["id_token"]))
    assert (identity["aud"], identity["preferred_username"]) == (CLIENT, UPN)
    assert identity["iss"] == f"{BASE}/{TENANT}/v2.0"
    assert json.loads(decode_part(str(answer["client_info"]))) == {"uid": USER, "utid": TENANT}
    assert answer["refresh_token"]
    assert str(answer["scope"]).split() == [
        "openid",
        "profile",
        f"{BASE}/Group.Read.All",
        f"{BASE}/User.Read",
        f"{BASE}/.default",
    ]


def test_without_openid_and_offline_access_there_is_only_an_access_token(stage: Stage) -> None:
    user_code, device_code = stage.begin("Group.Read.All")
    stage.approve(user_code)
    answer = stage.poll(device_code)
    assert {"id_token", "refresh_token"}.isdisjoint(answer)
    assert answer["scope"] == "Group.Read.All User.Read"


def test_what_the_person_reads(stage: Stage) -> None:
    answer = stage.sign_in.device_response({"client_id": CLIENT, "scope": SCOPE}, ENDPOINT)
    assert answer["verification_uri"] == f"{BASE}/devicelogin"
    assert str(answer["user_code"]) in str(answer["message"])
    assert (answer["expires_in"], answer["interval"]) == (900, 5)
    assert len(str(answer["user_code"])) == 9


def test_the_life_of_a_code(stage: Stage) -> None:
    user_code, device_code = stage.begin()
    for _ in range(3):
        with pytest.raises(SignInError) as caught:
            stage.poll(device_code)
        assert number(caught) == (70016, "authorization_pending")
    assert [one.user_code for one in stage.sign_in.devices.waiting()] == [user_code]
    stage.approve(f" {user_code[:4].lower()}-{user_code[4:]} ")
    assert stage.sign_in.devices.waiting() == ()
    assert stage.poll(device_code)["access_token"]
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code)
    assert number(caught) == (70018, "bad_verification_code")


def test_the_short_name_of_the_grant_that_msal_for_javascript_sends(stage: Stage) -> None:
    user_code, device_code = stage.begin()
    stage.approve(user_code)
    assert stage.access(stage.poll(device_code, grant_type="device_code"))["oid"] == USER


@pytest.mark.parametrize("grant", ["password", "authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"])
def test_a_grant_of_entra_that_is_not_offered_says_whose_gap_it_is(stage: Stage, grant: str) -> None:
    with pytest.raises(SignInError, match="AADSTS70003: The rehearsal does not offer"):
        stage.poll("x", grant_type=grant)
    with pytest.raises(SignInError, match="AADSTS70003: The app requested"):
        stage.poll("x", grant_type="spaceship")


@pytest.mark.parametrize(
    ("outcome", "refused"),
    [("denied", (65004, "authorization_declined")), ("blocked", (53003, "invalid_grant"))],
)
def test_a_code_that_is_not_approved(stage: Stage, outcome: str, refused: tuple[int, str]) -> None:
    user_code, device_code = stage.begin()
    stage.approve(user_code, outcome)
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code)
    assert number(caught) == refused
    if outcome == "blocked":
        assert "capolids" in json.loads(caught.value.claims)["access_token"]
    with pytest.raises(DeviceCodeError, match=f"was {outcome} already"):
        stage.approve(user_code)


def test_a_code_expires(stage: Stage) -> None:
    user_code, device_code = stage.begin()
    stage.now += timedelta(seconds=900)
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code)
    assert number(caught) == (70020, "expired_token")
    with pytest.raises(DeviceCodeError, match="has expired"):
        stage.approve(user_code)


def test_a_code_belongs_to_its_application(stage: Stage) -> None:
    user_code, device_code = stage.begin()
    stage.approve(user_code)
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code, client_id=OTHER)
    assert number(caught) == (70018, "bad_verification_code")


def test_an_application_that_allows_no_public_client(stage: Stage) -> None:
    stage.sign_in.registrations.change(CLIENT, public=False)
    user_code, device_code = stage.begin()
    stage.approve(user_code)
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code)
    assert number(caught) == (7000218, "invalid_client")
    stage.sign_in.registrations.change(CLIENT, public=True)
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code, client_secret="x")
    assert number(caught) == (700025, "invalid_client")


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("", (900144, "invalid_request")),
        ("https://elsewhere.example/.default", (500011, "invalid_resource")),
        (f"{BASE}/.default {BASE}/User.Read", (70011, "invalid_scope")),
        (f"{BASE}/User.Read https://graph.microsoft.com/User.Read", (28000, "invalid_request")),
    ],
)
def test_scopes_that_make_no_sense(stage: Stage, scope: str, refused: tuple[int, str]) -> None:
    with pytest.raises(SignInError) as caught:
        stage.begin(scope)
    assert number(caught) == refused


def test_what_nobody_consented_to(stage: Stage) -> None:
    user_code, device_code = stage.begin("Group.ReadWrite.All")
    stage.approve(user_code)
    with pytest.raises(SignInError) as caught:
        stage.poll(device_code)
    assert number(caught) == (65001, "invalid_grant")
    assert caught.value.suberror == "consent_required"


def test_a_refresh_token_is_renewed_with_use(stage: Stage) -> None:
    first = stage.signed_in()
    second = stage.refresh(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert token_number(stage.access(second)) > token_number(stage.access(first))
    # Entra leaves a used one good until it ends; two processes that share a cache rely on it.
    assert stage.refresh(first["refresh_token"])["access_token"]


@pytest.mark.parametrize(
    ("age", "good"),
    [(timedelta(days=90) - timedelta(seconds=1), True), (timedelta(days=90), False)],
)
def test_a_refresh_token_ends_after_ninety_days(stage: Stage, age: timedelta, good: bool) -> None:
    token = stage.signed_in()["refresh_token"]
    stage.now += age
    if good:
        assert stage.refresh(token)["access_token"]
        return
    with pytest.raises(SignInError) as caught:
        stage.refresh(token)
    assert number(caught) == (700082, "invalid_grant")


def test_revoked_refresh_tokens(stage: Stage) -> None:
    token = stage.signed_in()["refresh_token"]
    stage.sign_in.refresh_tokens.revoke(USER)
    with pytest.raises(SignInError) as caught:
        stage.refresh(token)
    assert number(caught) == (50173, "invalid_grant")
    assert stage.refresh(stage.signed_in()["refresh_token"])["access_token"]


def test_refresh_tokens_that_are_none_or_another_applications(stage: Stage) -> None:
    with pytest.raises(SignInError) as caught:
        stage.refresh("")
    assert number(caught) == (900144, "invalid_request")
    with pytest.raises(SignInError) as caught:
        stage.refresh("nonsense")
    assert number(caught) == (9002313, "invalid_grant")
    token = stage.signed_in()["refresh_token"]
    with pytest.raises(SignInError) as caught:
        stage.refresh(token, client_id=OTHER)
    assert number(caught) == (70000, "invalid_grant")


def test_a_user_who_leaves_no_longer_refreshes(stage: Stage) -> None:
    token = stage.signed_in()["refresh_token"]
    stage.store.update_user(USER, {"accountEnabled": False})
    with pytest.raises(SignInError) as caught:
        stage.refresh(token)
    assert number(caught) == (50057, "invalid_grant")
    user_code, _ = stage.begin()
    with pytest.raises(DeviceCodeError, match="disabled"):
        stage.approve(user_code)
    stage.store.delete_user(USER)
    with pytest.raises(SignInError) as caught:
        stage.refresh(token)
    assert number(caught) == (50034, "invalid_grant")


def test_revoked_access_tokens_of_clients_that_can_deal_with_it(stage: Stage) -> None:
    capable = {"claims": '{"access_token": {"xms_cc": {"values": ["cp1"]}}}'}
    token = stage.signed_in()["refresh_token"]
    before, plain = stage.access(stage.refresh(token, **capable)), stage.access(stage.refresh(token))
    stage.sign_in.revocation.revoke(USER, stage.sign_in.issuer.issued)
    after = stage.access(stage.refresh(token, **capable))
    covers = stage.sign_in.revocation.covers
    assert [covers(claims) for claims in (before, plain, after)] == [True, False, False]
    stage.sign_in.revocation.refuse(plain)
    assert covers(plain)
    stage.sign_in.revocation.reset()
    assert not covers(before)


VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["client_credentials", "refresh_token", DEVICE_CODE, "password", CLIENT, CLIENT.upper(), OTHER]),
    st.sampled_from(
        [SCOPE, ".default", "/.default", "a/b c/d", "openid", f"{BASE}/.default", "{}", "[[]]", "..", "e30.e30."]
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "grant_type",
                "client_id",
                "client_secret",
                "client_assertion",
                "client_assertion_type",
                "scope",
                "claims",
                "device_code",
                "refresh_token",
                "client_info",
            ]
        ),
        VALUES,
    ),
    st.sampled_from([TENANT, "common", "organizations"]),
)
def test_forms_of_any_content_are_answered_or_refused(form: dict[str, str], tenant: str) -> None:
    sign_in = SHARED.sign_in
    for answer in (sign_in.token_response, sign_in.device_response):
        with contextlib.suppress(SignInError):
            # Only a device code is given away without proof; nobody here has a secret, a grant or an approved code.
            assert set(answer(form, Endpoint(BASE, tenant))) >= {"user_code", "device_code"}


def test_subjects_differ_by_audience(stage: Stage) -> None:
    answer = stage.signed_in()
    identity = split_token(cast("str", answer["id_token"]))[1]
    assert identity["sub"] != stage.access(answer)["sub"]
    assert identity["sub"] == split_token(str(stage.signed_in()["id_token"]))[1]["sub"]
