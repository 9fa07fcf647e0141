"""Query options on groups, users and what they are related to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID
from tests.unit.rehearsal_cloud.asking import Asking

SALES, VPN, ADMINS, EDITORS, DEVELOPERS, COUNCIL = (
    names.group_id(key)
    for key in ("sales-team", "vpn-users", "vpn-admins", "intranet-editors", "app-developers", "works-council")
)
UNSUPPORTED = (400, "Request_UnsupportedQuery")


def found(asking: Asking, path: str, key: str = "displayName", **how: Any) -> list[Any]:
    return [one[key] for one in asking.get(path, **how)["value"]]


def test_expansion_stops_at_twenty(asking: Asking) -> None:
    group = names.group_id("all-staff")
    shown = asking.get(f"groups/{group}?$select=id&$expand=members($select=id)")
    assert shown["@odata.context"].endswith("$metadata#groups(id,members(id))/$entity")
    assert [one["id"] for one in shown["members"]] == list(asking.store.members(group)[:20])
    assert set(shown["members"][0]) == {"@odata.type", "id"}
    listed = asking.get("groups?$top=5&$expand=owners")["value"]
    assert all("owners" in one for one in listed)


def test_an_expanded_hidden_membership_stays_hidden(asking: Asking) -> None:
    path = f"groups/{COUNCIL}?$select=id&$expand=members"
    assert len(asking.get(path)["members"]) == 3
    asking.caller = Caller("client", frozenset({"Group.Read.All", "User.Read.All"}))
    assert asking.get(path)["members"] == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"groups/{SALES}?$expand=", (400, "Request_BadRequest")),
        (f"groups/{SALES}?$expand=members($levels=2)", (400, "Request_BadRequest")),
        (f"groups/{SALES}?$expand=members($select=spaceship)", (400, "BadRequest")),
        (f"groups/{SALES}?$expand=onPremisesSyncBehavior", (501, "NotImplemented")),
        ("organization?$expand=members", UNSUPPORTED),
        ("groups?$orderby=spaceship", (400, "BadRequest")),
        ("groups?$orderby=displayName sideways", (400, "BadRequest")),
        ("groups?$orderby=createdDateTime", UNSUPPORTED),
        ("groups?$orderby=displayName&$filter=mailEnabled eq true", UNSUPPORTED),
        ("groups?$count=perhaps", (400, "Request_BadRequest")),
        ('groups?$search="displayName:Sales"', UNSUPPORTED),
        ("groups?$filter=hideFromAddressLists eq true", UNSUPPORTED),
        ("groups?$filter=writebackConfiguration/isEnabled eq true", (400, "BadRequest")),
        ("groups?$skip=5", UNSUPPORTED),
        ("groups?$select=displayName&$top=1&$format=xml", UNSUPPORTED),
        (f"groups/{SALES}?$filter=id eq 'x'", UNSUPPORTED),
    ],
)
def test_what_is_refused(asking: Asking, path: str, expected: tuple[int, str]) -> None:
    assert asking.refused("GET", path) == expected


def test_sorting(asking: Asking) -> None:
    up = found(asking, "groups?$orderby=displayName&$select=displayName&$top=999")
    assert up == sorted(up, key=str.casefold)
    down = found(asking, "groups?$orderby=displayName desc&$select=displayName&$top=999")
    assert [name.casefold() for name in down] == [name.casefold() for name in reversed(up)]
    path = "groups?$orderby=mail desc,displayName&$count=true&$select=mail&$filter=mailEnabled eq true"
    mails = found(asking, path, "mail", eventual=True)
    assert mails == sorted(mails, reverse=True)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ('"displayName:sales"', {"Sales Team", "Sales + Marketing = Love"}),
        ('"displayName:sales team"', {"Sales Team"}),
        ('"displayName:ales"', set()),
        ('"displayName:sales" AND "displayName:love"', {"Sales + Marketing = Love"}),
        ('"displayName:vpn" OR "displayName:reception"', {"VPN Users", "VPN Admins", "Reception Desk"}),
        ('"displayName:vpn" OR "displayName:sales" AND "displayName:love"', {"VPN Users", "VPN Admins"}
         | {"Sales + Marketing = Love"}),
        ('"description:shared mailbox" AND "displayName:marketing"', {"Marketing"}),
    ],
)  # fmt: skip
def test_searching(asking: Asking, search: str, expected: set[str]) -> None:
    path = f"groups?$search={search.replace('+', '%2B')}&$select=displayName"
    assert set(found(asking, path, eventual=True)) == expected


@pytest.mark.parametrize(
    "search", ["", "sales", '"sales"', '"colour:red"', '"displayName:"', '"displayName:a" "displayName:b"',
               '"displayName:a" AND', '"displayName:a', "OR"],
)  # fmt: skip
def test_searches_that_are_none(asking: Asking, search: str) -> None:
    answer = asking.refused("GET", f"groups?$search={search}", headers={"consistencylevel": "eventual"})
    assert answer == (400, "Request_BadRequest")


def test_members_are_filtered_by_advanced_queries_only(asking: Asking) -> None:
    path = f"groups/{VPN}/members?$filter=startsWith(displayName,'LAPTOP')&$select=displayName"
    assert asking.refused("GET", path) == UNSUPPORTED
    assert found(asking, f"{path}&$count=true", eventual=True) == ["LAPTOP-0042"]
    cast = f"groups/{VPN}/members/microsoft.graph.device"
    assert found(asking, f"{cast}?$filter=displayName eq 'LAPTOP-0042'&$select=displayName") == ["LAPTOP-0042"]
    assert asking.send("GET", f"{cast}/$count", headers={"consistencylevel": "eventual"}).body == b"1"


def test_relations_in_every_direction(asking: Asking) -> None:
    assert DEVELOPERS in found(asking, f"groups/{EDITORS}/members", "id")
    through = found(asking, f"groups/{EDITORS}/transitiveMembers?$top=999", "id")
    held = (EDITORS, DEVELOPERS, names.group_id("gg-finance-read"))
    assert {member for group in held for member in asking.store.members(group)} == set(through)
    assert len(through) == len(set(through))
    assert EDITORS in found(asking, f"groups/{DEVELOPERS}/memberOf", "id")
    person = asking.store.members(ADMINS)[0]
    assert set(found(asking, f"users/{person}/memberOf", "id")) == {ADMINS, names.group_id("all-staff")}
    above = found(asking, f"users/{person}/transitiveMemberOf/microsoft.graph.group", "id")
    assert set(above) == {ADMINS, VPN, names.group_id("all-staff")}
    path = f"groups/{EDITORS}/transitiveMembers/microsoft.graph.group/$count"
    assert asking.send("GET", path, headers={"consistencylevel": "eventual"}).body == b"2"


def test_groups_that_hold_each_other_end_somewhere(asking: Asking) -> None:
    asking.store.add_member(ADMINS, VPN)
    through = found(asking, f"groups/{VPN}/transitiveMembers?$top=999", "id")
    assert len(through) == len(set(through))
    assert VPN not in through


def test_members_come_in_pages_that_are_followed(asking: Asking) -> None:
    group = names.group_id("all-staff")
    bodies = asking.pages(f"groups/{group}/members?$select=id&$top=700")
    assert [len(body["value"]) for body in bodies] == [700, 700, 600]
    assert [one["id"] for body in bodies for one in body["value"]] == list(asking.store.members(group))


def test_another_way_to_write_a_key_and_a_cast(asking: Asking) -> None:
    assert asking.get(f"groups('{SALES}')?$select=id")["id"] == SALES
    assert asking.get("groups/microsoft.graph.delta()?$select=id")["value"]
    assert asking.refused("GET", "groups/microsoft.graph.user") == (400, "BadRequest")


WORDS = st.sampled_from(
    ["displayName", "groupTypes", "createdDateTime", "mailEnabled", "spaceship", "eq", "ne", "and", "or", "not", "in",
     "(", ")", ",", ":", "'x'", "'", "true", "null", "7", "-1.5", "2024-01-01", "2024-99-99T00:00:00Z", "any(c:c eq",
     "groupTypes/any(c:c eq 'Unified')", "startsWith(displayName,'S')", "assignedLabels/any(l:l/labelId eq 'x')",
     "onPremisesExtensionAttributes/extensionAttribute1", "groupTypes/$count", "$count", "/", "members", "*", "desc",
     SALES, "\x00", "é", "²", '"displayName:x"', "AND", "OR"]
)  # fmt: skip
OPTION = st.sampled_from(["$filter", "$select", "$orderby", "$search", "$expand", "$top", "$count", "$skiptoken"])
VALUE = st.one_of(st.lists(WORDS, max_size=8).map(" ".join), st.text(max_size=20))
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(options=st.dictionaries(OPTION, VALUE, max_size=3), eventual=st.booleans())
def test_no_query_breaks_the_service(asking: Asking, options: dict[str, str], eventual: bool) -> None:
    headers = {"consistencylevel": "eventual"} if eventual else {}
    for path in ("groups", f"groups/{SALES}/members", "users", "auditLogs/provisioning", "groups/delta"):
        answer = asking.send("GET", f"{path}?{urlencode(options, errors='replace')}", headers=headers)
        assert answer.status in (200, 400, 501)


@QUIET
@given(
    position=st.integers(0, 10_000),
    character=st.characters(codec="utf-8"),
    kind=st.sampled_from(["groups", "groups/delta"]),
)
def test_no_link_that_was_changed_is_followed(asking: Asking, position: int, character: str, kind: str) -> None:
    link = asking.get(f"{kind}?$select=id{'&$top=5' if kind == 'groups' else ',members'}")["@odata.nextLink"]
    address, _, token = link.partition("$skiptoken=")
    at = position % len(token)
    changed = token[:at] + character + token[at + 1 :]
    answer = asking.send("GET", f"{address}$skiptoken={quote(changed, safe='')}")
    # The last character of base64 may carry bits that do not count.
    assert answer.status == 400 or changed == token or at == len(token) - 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["displayName", "groupTypes", "mailEnabled", "mailNickname", "securityEnabled", "members@odata.bind",
     "writebackConfiguration", "assignedLabels", "visibility", "membershipRule", "@odata.id", "requests", "values",
     "templateId", "features", "configuration", "ids", "types", "parameters", "criteria", "isCloudManaged", "id"]
)  # fmt: skip


@QUIET
@given(body=st.dictionaries(NAMES, JSON, max_size=4) | JSON, version=st.sampled_from(["v1.0", "beta"]))
def test_no_body_breaks_the_service(asking: Asking, body: Any, version: str) -> None:
    job = f"servicePrincipals/{PRINCIPAL_ID}/synchronization/jobs/{JOB_ID}"
    setting = next(iter(asking.store.table("settings")), "x")
    for method, path in (
        ("POST", "groups"),
        ("PATCH", f"groups/{SALES}"),
        ("POST", f"groups/{SALES}/members/$ref"),
        ("POST", "$batch"),
        ("POST", "groupSettings"),
        ("PATCH", f"groupSettings/{setting}"),
        ("PATCH", f"directory/onPremisesSynchronization/{names.TENANT_ID}"),
        ("PATCH", f"groups/{SALES}/onPremisesSyncBehavior"),
        ("POST", "directoryObjects/getByIds"),
        ("POST", f"{job}/provisionOnDemand"),
        ("POST", f"{job}/restart"),
    ):
        assert asking.send(method, path, body, version=version).status in (200, 201, 204, 400, 404, 501)
