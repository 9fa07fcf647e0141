"""Letter case and aliases: Graph does not mind, so a client that nobody here wrote must not learn it here."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID
from rehearsal.contoso.people import Origin, of_origin
from tests.unit.rehearsal_cloud.asking import ROOT, Asking

SALES, SECURITY = names.group_id("sales-team"), names.group_id("vpn-users")
PERSON = names.user_id(of_origin(Origin.SYNCHRONIZED)[600].key)
ASKED = (
    f"groups/{SALES}?$select=displayName,mailNickname",
    f"groups/{SALES}/members/microsoft.graph.user?$select=displayName&$top=5",
    f"groups/{SALES}/members/$count?$filter=startsWith(displayName,'a')",
    "groups?$filter=groupTypes/any(_:_ eq 'Unified')&$select=id,mail&$count=true",
    "groups?$orderby=displayName desc&$top=7&$expand=members($select=displayName)",
    'users?$search="displayName:a"&$count=true&$select=id',
    f"users/{PERSON}/memberOf",
    "directory/deletedItems/microsoft.graph.group?$select=id",
    f"servicePrincipals/{PRINCIPAL_ID}/synchronization/jobs/{JOB_ID}/schema",
    "auditLogs/provisioning?$top=2&$filter=jobId eq 'x'",
    "subscribedSkus?$select=skuPartNumber",
    "groups/delta()?$select=displayName,members",
)
"""Requests in Microsoft's spelling."""
WITHOUT_CASE = HealthCheck.function_scoped_fixture


_KEPT = re.compile(r"'[^']*'|\"[^\"]*\"|[\w.-]*\d[\w.-]*|[A-Za-z]")


def recased(text: str, seed: int) -> str:
    """The text with the case of its letters drawn anew; ids and quoted values stay."""

    def drawn(match: re.Match[str]) -> str:
        return match[0].swapcase() if len(match[0]) == 1 and seed >> (match.start() % 61) & 1 else match[0]

    return _KEPT.sub(drawn, text)


def answer(asking: Asking, address: str) -> object:
    path, _, options = address.partition("?")
    sent = asking.send("GET", f"{path}?{quote(options, safe='$&=')}", headers={"consistencylevel": "eventual"})
    body = sent.body.decode()
    if not body.startswith("{"):
        return sent.status, body
    shown = {name: value for name, value in json.loads(body).items() if name not in ("@odata.nextLink", "error")}
    return sent.status, {name: value for name, value in shown.items() if name != "@odata.deltaLink"}


@settings(max_examples=60, deadline=None, suppress_health_check=[WITHOUT_CASE])
@given(st.sampled_from(ASKED), st.integers(1, (1 << 61) - 1))
def test_letter_case_of_paths_options_and_properties_makes_no_difference(asking: Asking, asked: str, seed: int) -> None:
    expected = answer(asking, asked)
    assert answer(asking, recased(asked, seed)) == expected


@pytest.mark.parametrize("cast", ["graph.user", "GRAPH.User", "Microsoft.Graph.user", "microsoft.graph.USER"])
def test_a_cast_by_the_alias_is_the_same_cast(asking: Asking, cast: str) -> None:
    path = f"groups/{SALES}/transitiveMembers"
    assert asking.get(f"{path}/{cast}?$select=id") == asking.get(f"{path}/microsoft.graph.user?$select=id")
    assert asking.get(f"groups/{SALES}/members/graph.user/$count", eventual=True) > 0


@pytest.mark.parametrize("delta", ["delta", "graph.delta()", "Microsoft.Graph.Delta"])
def test_a_function_by_its_namespace(asking: Asking, delta: str) -> None:
    assert asking.get(f"groups/{delta}?$select=id")["value"]


def test_next_links_are_followed_whatever_the_case_of_the_first_request(asking: Asking) -> None:
    pages = asking.pages("Users?$SELECT=ID&$Top=300")
    assert len(pages) > 2
    assert {tuple(one) for page in pages for one in page["value"]} == {("id",)}


def test_bodies_in_another_case_write_the_properties_that_they_mean(asking: Asking) -> None:
    body = {"DisplayName": "New", "MailEnabled": False, "mailnickname": "new", "SecurityEnabled": True}
    bound = {"Members@odata.bind": [f"{ROOT}/v1.0/Users('{PERSON}')"]}
    made = asking.json("POST", "Groups", {**body, **bound})
    assert (made["displayName"], made["mailNickname"]) == ("New", "new")
    assert [one["id"] for one in asking.get(f"groups/{made['id']}/members")["value"]] == [PERSON]
    asking.json("PATCH", f"groups/{made['id']}", {"DESCRIPTION": "x"})
    change = {"writebackconfiguration": {"ISENABLED": True, "onpremisesGroupType": "universalSecurityGroup"}}
    asking.json("PATCH", f"groups/{made['id']}", change, version="beta")
    shown = asking.get(f"groups/{made['id']}", version="beta")
    assert shown["description"] == "x"
    assert shown["writebackConfiguration"] == {"isEnabled": True, "onPremisesGroupType": "universalSecurityGroup"}
    found = asking.json("POST", "DirectoryObjects/GetByIds", {"IDS": [PERSON], "Types": ["User"]})
    assert [one["id"] for one in found["value"]] == [PERSON]
    job = f"servicePrincipals/{PRINCIPAL_ID}/synchronization/jobs/{JOB_ID}"
    assert asking.send("POST", f"{job}/RESTART", {"Criteria": {"ResetScope": "Full"}}).status == 204


@pytest.mark.parametrize("body", [b'{"displayName":"x","DisplayName":"y"}', b'{"description":1,"Description":null}'])
def test_a_property_twice_in_another_case_is_refused(asking: Asking, body: bytes) -> None:
    assert asking.refused("PATCH", f"groups/{SALES}", body) == (400, "BadRequest")
    assert asking.refused("GET", "groups?$select=id&$Select=id") == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    ("path", "version", "status"),
    [
        (f"groups/{SALES}/Threads", "v1.0", 501),
        (f"groups/{SALES}/displayName", "v1.0", 501),
        (f"groups/{SALES}/checkMemberGroups", "v1.0", 501),
        (f"groups/{SALES}/endpoints", "v1.0", 400),
        (f"groups/{SALES}/endpoints", "beta", 501),
        (f"groups/{SALES}/spaceships", "beta", 400),
        (f"groups/{SALES}/members/microsoft.graph.application", "v1.0", 501),
        (f"groups/{SALES}/members/microsoft.graph.message", "v1.0", 400),
        ("groups/getByIds", "v1.0", 501),
        ("groups/microsoft.graph.user", "v1.0", 400),
        ("users/reminderView(StartDateTime='x')", "v1.0", 404),
        (f"users/{PERSON}/ownedObjects", "v1.0", 501),
        (f"users/{PERSON}/reminderView(startDateTime='a',endDateTime='b')", "v1.0", 501),
        (f"users/{PERSON}/joinedGroups", "beta", 501),
        ("servicePrincipals(appId='x')", "v1.0", 501),
        ("appCatalogs", "v1.0", 501),
        ("privilegedAccess", "v1.0", 400),
        ("privilegedAccess", "beta", 501),
        ("groupSettings", "beta", 400),
        ("settings", "v1.0", 400),
        (f"domains/{names.MAIL_DOMAIN}/verificationDnsRecords", "v1.0", 501),
        ("organization/x/branding", "v1.0", 501),
        ("groups?$select=membershipRuleProcessingStatus", "v1.0", 400),
        ("groups?$select=membershipRuleProcessingStatus", "beta", 501),
        ("users?$select=ABOUTME", "v1.0", 501),
        ("users?$filter=aboutMe eq 'x'", "v1.0", 501),
        ("users?$orderby=aboutMe", "v1.0", 501),
        ("users?$expand=manager", "v1.0", 501),
        ("users?$expand=spaceship", "v1.0", 400),
    ],
)
def test_what_graph_has_is_not_called_unknown(asking: Asking, path: str, version: str, status: int) -> None:
    assert asking.send("GET", path, version=version).status == status


def test_the_default_of_a_group_in_beta_has_what_beta_returns_by_default(asking: Asking) -> None:
    more = {"writebackConfiguration", "createdByAppId", "infoCatalogs"}
    for path in (f"groups/{SECURITY}", "groups?$top=1"):
        plain, beta = asking.get(path), asking.get(path, version="beta")
        plain, beta = plain.get("value", [plain])[0], beta.get("value", [beta])[0]
        assert beta.keys() - plain.keys() == more
    assert asking.get(f"groups/{SECURITY}", version="beta")["writebackConfiguration"]["isEnabled"] is None
