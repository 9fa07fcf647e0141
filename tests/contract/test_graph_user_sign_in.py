"""Sign-in of a person, by msal and on the page: device codes, accounts, silent renewal, claims challenges."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests

from rehearsal.contoso import names
from rehearsal.contoso.administrators import OPERATOR, READER
from rehearsal.contoso.registrations import COMMAND_LINE_CLIENT_ID
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import plain_session


@pytest.fixture
def session(fresh_rehearsal: RunningRehearsal) -> Iterator[requests.Session]:
    with plain_session(fresh_rehearsal) as plain:
        yield plain


class Person:
    """A public client of msal and somebody at another screen."""

    def __init__(self, running: RunningRehearsal, session: requests.Session, **options: Any) -> None:
        self.running = running
        self.session = session
        self.base = str(running.state["graph_url"])
        tenant = options.pop("tenant", names.TENANT_ID)
        self.application = msal.PublicClientApplication(
            options.pop("client_id", names.CLIENT_ID),
            authority=f"{self.base}/{tenant}",
            instance_discovery=False,
            http_client=session,
            **options,
        )

    def begin(self) -> dict[str, Any]:
        flow: dict[str, Any] = self.application.initiate_device_flow([f"{self.base}/.default"])
        return flow

    def poll(self, flow: dict[str, Any]) -> dict[str, Any]:
        flow.pop("latest_attempt_at", None)  # msal would warn of a second question within five seconds
        answer: dict[str, Any] = self.application.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)
        return answer

    def sign_in(self, user: str = OPERATOR.user_principal_name) -> dict[str, Any]:
        flow = self.begin()
        self.running.control.approve_device(flow["user_code"], user=user)
        return self.poll(flow)

    def silent(self, **options: Any) -> dict[str, Any] | None:
        (account,) = self.application.get_accounts()
        answer: dict[str, Any] | None = self.application.acquire_token_silent_with_error(
            [f"{self.base}/.default"], account, **options
        )
        return answer

    def ask_graph(self, token: str) -> requests.Response:
        return self.session.get(
            f"{self.base}/v1.0/groups?$top=1", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )


@pytest.fixture
def person(fresh_rehearsal: RunningRehearsal, session: requests.Session) -> Person:
    return Person(fresh_rehearsal, session)


def test_a_device_code_signs_a_person_in(person: Person) -> None:
    flow = person.begin()
    assert flow["verification_uri"] == f"{person.base}/devicelogin"
    assert person.poll(flow)["error"] == "authorization_pending"
    person.running.control.approve_device(flow["user_code"])
    answer = person.poll(flow)
    assert answer["id_token_claims"]["preferred_username"] == OPERATOR.user_principal_name
    assert person.ask_graph(answer["access_token"]).status_code == 200
    assert person.ask_graph(answer["id_token"]).status_code == 401, "it is for the client, not for Graph"
    (account,) = person.application.get_accounts()
    assert account["username"] == OPERATOR.user_principal_name
    assert account["home_account_id"] == f"{OPERATOR.id}.{names.TENANT_ID}"


@pytest.mark.parametrize(
    ("outcome", "error", "number"),
    [("denied", "authorization_declined", 65004), ("blocked", "invalid_grant", 53003)],
)
def test_a_device_code_that_is_not_approved(person: Person, outcome: str, error: str, number: int) -> None:
    flow = person.begin()
    person.running.control.approve_device(flow["user_code"], outcome=outcome)
    answer = person.poll(flow)
    assert (answer["error"], answer["error_codes"]) == (error, [number])


def test_a_device_code_that_expired(person: Person) -> None:
    person.running.control.settings(device_code_lifetime=1)
    flow = person.begin()
    assert flow["expires_in"] == 1
    answer = person.poll(flow)
    while answer["error"] == "authorization_pending":
        answer = person.poll(flow)
    assert (answer["error"], answer["error_codes"]) == ("expired_token", [70020])


def test_silence_renews_by_the_refresh_token(person: Person) -> None:
    first = person.sign_in()
    cached = person.silent()
    assert cached is not None
    assert cached["access_token"] == first["access_token"]
    renewed = person.silent(force_refresh=True)
    assert renewed is not None
    assert renewed["access_token"] != first["access_token"]
    assert person.ask_graph(renewed["access_token"]).status_code == 200


def test_revoked_sessions_end_the_silence(person: Person) -> None:
    person.sign_in()
    person.running.control.revoke(user=OPERATOR.user_principal_name)
    answer = person.silent(force_refresh=True)
    assert answer is not None
    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [50173])


def test_a_refresh_token_that_ended(person: Person) -> None:
    token = person.sign_in()["refresh_token"]
    person.running.control.settings(refresh_token_lifetime=1)
    url = f"{person.base}/{names.TENANT_ID}/oauth2/v2.0/token"
    form = {"grant_type": "refresh_token", "client_id": names.CLIENT_ID, "refresh_token": token, "scope": "User.Read"}
    answer = person.session.post(url, data=form, timeout=20).json()
    while "error" not in answer:
        answer = person.session.post(url, data=form, timeout=20).json()
    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [700082])


def test_a_claims_challenge_is_met_by_a_token_with_the_claims(
    fresh_rehearsal: RunningRehearsal, session: requests.Session
) -> None:
    person = Person(fresh_rehearsal, session, client_capabilities=["CP1"])
    token = person.sign_in()["access_token"]
    fresh_rehearsal.control.revoke(user=OPERATOR.user_principal_name, keep_refresh_tokens=True)
    refused = person.ask_graph(token)
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in challenge
    found = re.search(r'claims="([^"]+)"', challenge)
    assert found is not None
    claims = base64.b64decode(found[1]).decode()
    assert person.ask_graph(token).status_code == 401
    renewed = person.silent(claims_challenge=claims)
    assert renewed is not None
    assert person.ask_graph(renewed["access_token"]).status_code == 200


def test_a_client_without_the_capability_goes_on_until_its_token_ends(person: Person) -> None:
    token = person.sign_in()["access_token"]
    person.running.control.revoke(user=OPERATOR.user_principal_name)
    assert person.ask_graph(token).status_code == 200


def test_a_challenge_by_fault_takes_exactly_this_token_back(person: Person) -> None:
    token = person.sign_in()["access_token"]
    person.running.control.fault("claims-challenge")
    for _ in range(2):
        assert "insufficient_claims" in person.ask_graph(token).headers["WWW-Authenticate"]
    assert person.ask_graph(person.sign_in()["access_token"]).status_code == 200


def test_an_application_of_many_tenants_signs_in_through_organizations(
    fresh_rehearsal: RunningRehearsal, session: requests.Session
) -> None:
    person = Person(fresh_rehearsal, session, tenant="organizations", client_id=COMMAND_LINE_CLIENT_ID)
    assert person.sign_in(READER.user_principal_name)["access_token"]
    flow = Person(fresh_rehearsal, session, tenant="organizations").begin()
    assert flow["error_codes"] == [50194]


def test_passwords_are_not_offered(person: Person) -> None:
    # Plainly: on the way to a password, msal asks for the realm of the user and forgets the port of the authority.
    url = f"{person.base}/{names.TENANT_ID}/oauth2/v2.0/token"
    form = {"grant_type": "password", "client_id": names.CLIENT_ID, "username": "x", "password": "y", "scope": "openid"}
    answer = person.session.post(url, data=form, timeout=20)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert answer.json()["error_codes"] == [70003]


def test_discovery_names_every_tenant_or_one(person: Person, session: requests.Session) -> None:
    for tenant, issuer in (
        (names.TENANT_ID, names.TENANT_ID),
        (names.INITIAL_DOMAIN, names.TENANT_ID),
        ("common", "{tenantid}"),
        ("organizations", "{tenantid}"),
    ):
        document = session.get(f"{person.base}/{tenant}/v2.0/.well-known/openid-configuration", timeout=20).json()
        assert document["issuer"] == f"{person.base}/{issuer}/v2.0"
        assert session.get(document["jwks_uri"], timeout=20).json()["keys"]
    unknown = session.get(f"{person.base}/common/discovery/instance?api-version=1.1", timeout=20)
    assert unknown.status_code == 400


# The page


def page(person: Person, **form: str) -> requests.Response:
    return person.session.post(f"{person.base}/devicelogin", data=form, timeout=20)


def test_the_page_leads_from_the_code_to_the_sign_in(person: Person) -> None:
    flow = person.begin()
    start = person.session.get(flow["verification_uri"], timeout=20)
    assert 'name="code"' in start.text
    assert "<script" not in start.text
    assert "default-src 'none'" in start.headers["Content-Security-Policy"]
    choice = person.session.get(flow["verification_uri"], params={"code": flow["user_code"].lower()}, timeout=20)
    assert names.APP_NAME in choice.text
    for one in (OPERATOR, READER):
        assert one.user_principal_name in choice.text
    done = page(person, code=flow["user_code"], user=READER.user_principal_name, action="approve")
    assert "Rita Reader has signed in to Group writeback runbook" in done.text
    assert person.poll(flow)["id_token_claims"]["name"] == "Rita Reader"


@pytest.mark.parametrize(("action", "number"), [("deny", 65004), ("block", 53003)])
def test_the_page_can_say_no(person: Person, action: str, number: int) -> None:
    flow = person.begin()
    assert page(person, code=flow["user_code"], user=OPERATOR.user_principal_name, action=action).status_code == 200
    assert person.poll(flow)["error_codes"] == [number]


def test_the_page_says_what_is_wrong(person: Person) -> None:
    flow = person.begin()
    wrong = person.session.get(flow["verification_uri"], params={"code": "<b>nope"}, timeout=20)
    assert (wrong.status_code, "No sign-in waits under the code BNOPE" in wrong.text) == (400, True)
    assert "<b>nope" not in wrong.text
    nobody = page(person, code=flow["user_code"], other="<i>@contoso.com", action="approve")
    assert nobody.status_code == 400
    assert "&lt;i&gt;@contoso.com" in nobody.text
    assert page(person, code=flow["user_code"], action="no such thing").status_code == 400
    elsewhere = person.session.post(
        flow["verification_uri"],
        data={"code": flow["user_code"], "user": OPERATOR.user_principal_name, "action": "approve"},
        headers={"Origin": "https://evil.example"},
        timeout=20,
    )
    assert elsewhere.status_code == 403
    assert person.poll(flow)["error"] == "authorization_pending"
