"""Sign-in, used by msal and by PyJWT."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rehearsal.certificates import make_client_certificate
from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import pem_credential, plain_session, sign_in, signed_in


@pytest.fixture
def session(fresh_rehearsal: RunningRehearsal) -> Iterator[requests.Session]:
    with plain_session(fresh_rehearsal) as plain:
        yield plain


def test_a_certificate_signs_in(fresh_rehearsal: RunningRehearsal) -> None:
    answer = sign_in(fresh_rehearsal, pem_credential(fresh_rehearsal.folder.client.read_text(encoding="ascii")))
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600


def test_a_token_verifies_against_the_published_keys(
    fresh_rehearsal: RunningRehearsal, session: requests.Session
) -> None:
    secret = fresh_rehearsal.folder.client_secret.read_text(encoding="ascii").strip()
    token = sign_in(fresh_rehearsal, secret)["access_token"]
    base = str(fresh_rehearsal.state["graph_url"])
    discovery = session.get(f"{base}/{names.TENANT_ID}/v2.0/.well-known/openid-configuration", timeout=20).json()
    keys = jwt.PyJWKSet.from_json(json.dumps(session.get(discovery["jwks_uri"], timeout=20).json()))
    claims = jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=["RS256"], audience=base)
    assert claims["tid"] == names.TENANT_ID
    assert claims["appid"] == names.CLIENT_ID
    assert set(claims["roles"]) == set(names.APP_ROLES)


def test_a_wrong_secret(fresh_rehearsal: RunningRehearsal) -> None:
    answer = sign_in(fresh_rehearsal, "wrong")
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]
    assert answer["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(answer)


def test_an_unregistered_certificate(fresh_rehearsal: RunningRehearsal) -> None:
    _, pem = make_client_certificate("stranger", datetime.now(UTC))
    answer = sign_in(fresh_rehearsal, pem_credential(pem.decode("ascii")))
    assert answer["error_codes"] == [700027]


def test_a_registered_certificate_with_another_key(fresh_rehearsal: RunningRehearsal) -> None:
    own = pem_credential(fresh_rehearsal.folder.client.read_text(encoding="ascii"))
    _, pem = make_client_certificate("stranger", datetime.now(UTC))
    stolen = {**own, "private_key": pem_credential(pem.decode("ascii"))["private_key"]}
    answer = sign_in(fresh_rehearsal, stolen)
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])
    assert "verify the signature failed" in answer["error_description"]


def test_a_certificate_named_by_its_old_thumbprint(fresh_rehearsal: RunningRehearsal) -> None:
    own = pem_credential(fresh_rehearsal.folder.client.read_text(encoding="ascii"))
    certificate = x509.load_pem_x509_certificate(own["public_certificate"].encode())
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - what msal sends as x5t, with RS256
    assert sign_in(fresh_rehearsal, {"private_key": own["private_key"], "thumbprint": thumbprint})["access_token"]


@pytest.mark.parametrize(
    ("claims", "headers", "number"),
    [
        ({}, {}, None),
        ({"aud": "{base}/{tenant}/v2.0"}, {}, None),
        ({"aud": "https://login.microsoftonline.com/common"}, {}, 700023),
        ({"exp": -60}, {}, 700024),
        ({"nbf": 3600}, {}, 700024),
        ({"iss": "somebody"}, {}, 700030),
        ({}, {"x5t#S256": "AAAA"}, 700027),
    ],
)
def test_assertions_made_by_pyjwt_and_carried_by_msal(
    fresh_rehearsal: RunningRehearsal, claims: dict[str, object], headers: dict[str, str], number: int | None
) -> None:
    own = pem_credential(fresh_rehearsal.folder.client.read_text(encoding="ascii"))
    certificate = x509.load_pem_x509_certificate(own["public_certificate"].encode())
    print_of = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
    base, now = str(fresh_rehearsal.state["graph_url"]), int(time.time())
    stated: dict[str, object] = {
        "aud": f"{base}/{names.TENANT_ID}/oauth2/v2.0/token",
        "iss": names.CLIENT_ID,
        "sub": names.CLIENT_ID,
        "jti": str(now),
        "nbf": 0,
        "exp": 600,
        **claims,
    }
    stated["aud"] = str(stated["aud"]).format(base=base, tenant=names.TENANT_ID)
    stated |= {"nbf": now + int(str(stated["nbf"])), "exp": now + int(str(stated["exp"]))}
    named = {"x5t#S256": print_of, **headers}
    assertion = jwt.encode(stated, own["private_key"], algorithm="PS256", headers=named)
    answer = sign_in(fresh_rehearsal, {"client_assertion": lambda: assertion})
    assert answer.get("error_codes") == (None if number is None else [number])
    assert ("access_token" in answer) is (number is None)


def test_an_unknown_application(fresh_rehearsal: RunningRehearsal) -> None:
    answer = sign_in(fresh_rehearsal, "x", client_id="11111111-2222-3333-4444-555555555555")
    assert (answer["error"], answer["error_codes"]) == ("unauthorized_client", [700016])


def test_an_unknown_tenant(fresh_rehearsal: RunningRehearsal, session: requests.Session) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    base = fresh_rehearsal.state["graph_url"]
    answer = session.get(f"{base}/{other}/v2.0/.well-known/openid-configuration", timeout=20)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")
    token = session.post(f"{base}/{other}/oauth2/v2.0/token", data={"grant_type": "client_credentials"}, timeout=20)
    assert (token.status_code, token.json()["error_codes"]) == (400, [90002])
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        sign_in(fresh_rehearsal, "x", tenant_id=other)


def test_refusals_carry_their_status(fresh_rehearsal: RunningRehearsal, session: requests.Session) -> None:
    url = f"{fresh_rehearsal.state['graph_url']}/{names.TENANT_ID}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": names.CLIENT_ID, "scope": "x/.default"}
    assert session.post(url, data={**form, "client_secret": "wrong"}, timeout=20).status_code == 401
    assert session.post(url, data={}, timeout=20).status_code == 400


def test_instance_discovery(fresh_rehearsal: RunningRehearsal, session: requests.Session) -> None:
    base = str(fresh_rehearsal.state["graph_url"])
    url = f"{base}/common/discovery/instance?api-version=1.1&authorization_endpoint={base}/x/oauth2/v2.0/authorize"
    answer = session.get(url, timeout=20).json()
    assert base.removeprefix("https://") in answer["metadata"][0]["aliases"]


def test_tokens_end(fresh_rehearsal: RunningRehearsal) -> None:
    fresh_rehearsal.control.settings(token_lifetime=5)
    client = signed_in(fresh_rehearsal)
    assert client.get("/v1.0/organization").status_code == 200
    time.sleep(5.1)
    answer = client.get("/v1.0/organization")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert "expired" in answer.json()["error"]["message"]


def test_permissions_in_the_token_decide(fresh_rehearsal: RunningRehearsal) -> None:
    fresh_rehearsal.control.settings(roles=["GroupMember.Read.All"])
    client = signed_in(fresh_rehearsal)
    assert client.get("/v1.0/groups?$top=1").status_code == 200
    assert client.get("/v1.0/users?$top=1").status_code == 403
    assert client.get("/v1.0/organization").json()["error"]["code"] == "Authorization_RequestDenied"


def test_an_application_meets_a_claims_challenge(fresh_rehearsal: RunningRehearsal, session: requests.Session) -> None:
    base = str(fresh_rehearsal.state["graph_url"])
    application = msal.ConfidentialClientApplication(
        names.CLIENT_ID,
        authority=f"{base}/{names.TENANT_ID}",
        client_credential=fresh_rehearsal.folder.client_secret.read_text(encoding="ascii").strip(),
        client_capabilities=["CP1"],
        instance_discovery=False,
        http_client=session,
    )

    def ask(token: str) -> requests.Response:
        return session.get(f"{base}/v1.0/organization", headers={"Authorization": f"Bearer {token}"}, timeout=20)

    first = application.acquire_token_for_client([f"{base}/.default"])["access_token"]
    assert ask(first).status_code == 200
    fresh_rehearsal.control.revoke()
    refused = ask(first)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    found = re.search(r'error="insufficient_claims", claims="([^"]+)"', refused.headers["WWW-Authenticate"])
    assert found is not None
    claims = base64.b64decode(found[1]).decode()
    assert json.loads(claims)["access_token"]["nbf"]["essential"] is True
    again = application.acquire_token_for_client([f"{base}/.default"])["access_token"]
    assert again == first, "msal gives the old one as long as nobody tells it of the challenge"
    renewed = application.acquire_token_for_client([f"{base}/.default"], claims_challenge=claims)["access_token"]
    assert ask(renewed).status_code == 200


def test_a_disabled_application(fresh_rehearsal: RunningRehearsal) -> None:
    fresh_rehearsal.control.settings(enabled=False)
    secret = fresh_rehearsal.folder.client_secret.read_text(encoding="ascii").strip()
    assert sign_in(fresh_rehearsal, secret)["error_codes"] == [7000112]
