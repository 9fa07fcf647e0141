"""What Graph costs a client: throttling and counters over https, permissions of the app registrations."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from rehearsal.commands import rehearsal
from rehearsal.contoso import names, registrations
from rehearsal.contoso.administrators import GLOBAL, OPERATOR
from rehearsal.process import RunningRehearsal
from tests.support.cloud_client import CloudClient, pem_credential, plain_session, sign_in, signed_in

SYNC = "/v1.0/directory/onPremisesSynchronization"


def as_application(running: RunningRehearsal, client_id: str) -> CloudClient:
    credential = pem_credential(running.folder.client.read_text(encoding="ascii"))
    session = plain_session(running)
    session.headers["Authorization"] = f"Bearer {sign_in(running, credential, client_id=client_id)['access_token']}"
    return CloudClient(str(running.state["graph_url"]), session)


def as_person(running: RunningRehearsal, user: str, client_id: str = names.CLIENT_ID) -> CloudClient:
    session, base = plain_session(running), str(running.state["graph_url"])
    url = f"{base}/{names.TENANT_ID}/oauth2/v2.0"
    begun = session.post(f"{url}/devicecode", data={"client_id": client_id, "scope": ".default"}, timeout=20).json()
    running.control.approve_device(begun["user_code"], user=user)
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": client_id,
        "device_code": begun["device_code"],
    }
    session.headers["Authorization"] = (
        f"Bearer {session.post(f'{url}/token', data=form, timeout=20).json()['access_token']}"
    )
    return CloudClient(base, session)


def counters(running: RunningRehearsal) -> dict[str, object]:
    arguments = ["status", "--json", "--name", running.folder.name]
    result = CliRunner().invoke(rehearsal, [*arguments, "--directory-folder", str(running.folder.path.parent)])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)["counters"]
    assert isinstance(found, dict)
    return found


def test_requests_units_sign_ins_and_connections_are_counted(fresh_rehearsal: RunningRehearsal) -> None:
    before = counters(fresh_rehearsal)
    client = signed_in(fresh_rehearsal)
    group = client.get("/v1.0/groups?$top=1").json()["value"][0]["id"]
    assert client.get(f"/v1.0/groups/{group}/members").headers["x-ms-resource-unit"] == "3"
    parts = [{"id": str(one), "method": "GET", "url": f"/groups/{group}/members?$select=id"} for one in range(5)]
    url = f"{client.base}/v1.0/$batch"
    assert client.session.post(url, json={"requests": parts}, timeout=20).status_code == 200
    after = counters(fresh_rehearsal)
    assert {name: after[name] for name in ("graph_requests", "resource_units", "sign_ins", "throttled")} == {
        "graph_requests": 3,
        "resource_units": 1 + 3 + 5 * 2,
        "sign_ins": 1,
        "throttled": 0,
    }
    assert int(str(after["connections"])) > int(str(before["connections"]))
    fresh_rehearsal.control.reset()
    assert counters(fresh_rehearsal)["resource_units"] == 0


def test_a_client_that_asks_too_much_is_throttled_until_it_waits(fresh_rehearsal: RunningRehearsal) -> None:
    # Provisioning logs allow five requests in ten seconds, so this needs no speed.
    fresh_rehearsal.control.pace(throttle="small")
    client = as_application(fresh_rehearsal, registrations.OPERATOR_CLIENT_ID)
    answers = [client.get("/v1.0/auditLogs/provisioning") for _ in range(5)]
    while answers[-1].status_code == 200 and len(answers) < 100:
        answers.append(client.get("/v1.0/auditLogs/provisioning"))
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "TooManyRequests"
    scope = f"Tenant_Application/Read/{registrations.OPERATOR_CLIENT_ID}/{names.TENANT_ID}"
    assert refused.headers["x-ms-throttle-scope"] == scope
    assert refused.headers["x-ms-throttle-information"] == "RequestLimitExceeded"
    assert counters(fresh_rehearsal)["throttled"] == 1
    assert client.get("/v1.0/organization").status_code == 200
    time.sleep(int(refused.headers["Retry-After"]))
    assert client.get("/v1.0/auditLogs/provisioning").status_code == 200
    fresh_rehearsal.control.reset()
    assert counters(fresh_rehearsal)["throttle"] == "off"


def test_latency_is_added_to_graph_and_to_nothing_else(fresh_rehearsal: RunningRehearsal) -> None:
    fresh_rehearsal.control.pace(latency_ms=300)
    began = time.monotonic()
    client = signed_in(fresh_rehearsal)
    assert time.monotonic() - began < 5
    began = time.monotonic()
    assert client.get("/v1.0/organization").status_code == 200
    assert time.monotonic() - began >= 0.3
    assert counters(fresh_rehearsal)["latency_ms"] == 300


@pytest.mark.parametrize(
    ("client_id", "reads_devices", "writes"),
    [
        (registrations.READER_CLIENT_ID, False, False),
        (names.CLIENT_ID, True, False),
        (registrations.OPERATOR_CLIENT_ID, True, True),
        (registrations.ADMINISTRATOR_CLIENT_ID, True, True),
    ],
)
def test_what_the_app_registrations_may(
    fresh_rehearsal: RunningRehearsal, client_id: str, reads_devices: bool, writes: bool
) -> None:
    client = as_application(fresh_rehearsal, client_id)
    group = client.get("/v1.0/groups?$filter=displayName eq 'Sales Team'").json()["value"][0]["id"]
    assert client.get("/v1.0/users?$top=1").status_code == 200
    assert (client.get("/v1.0/servicePrincipals").status_code == 200) is reads_devices
    url = f"{client.base}/v1.0/groups/{group}"
    change = client.session.patch(url, json={"description": "Changed"}, timeout=20)
    assert change.status_code == (204 if writes else 403)
    settings = client.session.post(f"{client.base}/v1.0/groupSettings", json={}, timeout=20)
    assert (settings.status_code != 403) is (client_id == registrations.ADMINISTRATOR_CLIENT_ID)
    assert client.get(SYNC).status_code == 403, "app-only is refused, whatever the application may"


def test_a_person_needs_the_role_as_well(fresh_rehearsal: RunningRehearsal) -> None:
    assert as_person(fresh_rehearsal, OPERATOR.user_principal_name).get(SYNC).status_code == 403
    assert as_person(fresh_rehearsal, GLOBAL.user_principal_name).get(SYNC).status_code == 200
    nobody = as_person(fresh_rehearsal, names.user_id(names.STALE_DN_USER), registrations.ADMINISTRATOR_CLIENT_ID)
    group = nobody.get("/v1.0/groups?$top=1").json()["value"][0]["id"]
    change = nobody.session.patch(f"{nobody.base}/v1.0/groups/{group}", json={"description": "x"}, timeout=20)
    assert change.status_code == 403


def test_metadata_needs_no_token(fresh_rehearsal: RunningRehearsal) -> None:
    base = fresh_rehearsal.state["graph_url"]
    with plain_session(fresh_rehearsal) as session:
        assert session.get(f"{base}/v1.0/$metadata", timeout=20).status_code == 200
        assert session.get(f"{base}/v1.0/groups", timeout=20).status_code == 401
