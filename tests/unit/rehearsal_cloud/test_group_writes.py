"""Writes to groups: what Graph takes, what it refuses, and what is then there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from rehearsal.contoso.people import Origin, of_origin
from tests.unit.rehearsal_cloud.asking import ROOT, Asking

SALES, CLUB, COUNCIL = (names.group_id(key) for key in ("sales-team", "running-club", "works-council"))
SECURITY, DYNAMIC, MAIL_SECURITY, SYNCHRONIZED = (
    names.group_id(key) for key in ("vpn-users", "berlin-office", "finance-approvers", "gg-finance-read")
)
OTHER, ANOTHER = (names.user_id(person.key) for person in of_origin(Origin.SYNCHRONIZED)[600:602])
DELETED = names.group_id("project-condor")
NEW = {"displayName": "New", "mailEnabled": False, "mailNickname": "new", "securityEnabled": True}
NEW_UNIFIED = {**NEW, "groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False}
BAD = (400, "Request_BadRequest")


def link(identifier: str) -> dict[str, str]:
    return {"@odata.id": f"{ROOT}/v1.0/directoryObjects/{identifier}"}


def members(asking: Asking, group: str) -> list[str]:
    return [one["id"] for one in asking.get(f"groups/{group}/members?$select=id&$top=999")["value"]]


def test_a_security_group_is_created_and_stays(asking: Asking) -> None:
    answer = asking.send("POST", "groups", {**NEW, "description": "x"})
    made = asking.json("POST", "groups", {**NEW, "mailNickname": "newer"})
    assert answer.status == 201
    assert answer.headers["Location"].startswith(f"{ROOT}/v1.0/groups/")
    assert made["@odata.context"] == f"{ROOT}/v1.0/$metadata#groups/$entity"
    assert made["createdDateTime"] == "2026-11-22T09:47:11Z"
    assert asking.get(f"groups/{made['id']}?$select=displayName,mail,groupTypes") == {
        "@odata.context": f"{ROOT}/v1.0/$metadata#groups(displayName,mail,groupTypes)/$entity",
        "displayName": "New",
        "mail": None,
        "groupTypes": [],
    }


def test_a_microsoft_365_group_gets_an_address_and_its_members(asking: Asking) -> None:
    bound = [link(one)["@odata.id"] for one in (OTHER, ANOTHER)]
    made = asking.json("POST", "groups", {**NEW_UNIFIED, "members@odata.bind": bound, "owners@odata.bind": bound[:1]})
    assert (made["mail"], made["proxyAddresses"]) == (
        "new@contoso.onmicrosoft.com",
        ["SMTP:new@contoso.onmicrosoft.com"],
    )
    assert made["visibility"] == "Public"
    assert members(asking, made["id"]) == [OTHER, ANOTHER]
    assert [one["id"] for one in asking.get(f"groups/{made['id']}/owners")["value"]] == [OTHER]


def test_a_person_who_makes_a_microsoft_365_group_owns_it(asking: Asking) -> None:
    def owners(body: dict[str, Any]) -> list[str]:
        made = asking.json("POST", "groups", body)
        return [one["id"] for one in asking.get(f"groups/{made['id']}/owners")["value"]]

    asking.caller = replace(asking.caller, user_id=OTHER)
    assert owners(NEW_UNIFIED) == [OTHER]
    assert owners({**NEW, "mailNickname": "other"}) == []
    asking.caller = replace(asking.caller, user_id="")
    assert owners({**NEW_UNIFIED, "mailNickname": "newer"}) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**NEW, "displayName": ""},
        {name: value for name, value in NEW.items() if name != "mailNickname"},
        {**NEW, "mailEnabled": True},
        {**NEW, "securityEnabled": False},
        {**NEW_UNIFIED, "mailEnabled": False},
        {**NEW, "groupTypes": ["DynamicMembership"]},
        {**NEW, "membershipRule": "user.city -eq 'Berlin'"},
        {**NEW, "groupTypes": ["Spaceship"]},
        {**NEW, "id": OTHER},
        {**NEW, "onPremisesSyncEnabled": True},
        {**NEW_UNIFIED, "mailNickname": "SALES-TEAM"},
        {**NEW, "members@odata.bind": ["https://localhost/v1.0/spaceships/1"]},
        {**NEW, "members@odata.bind": [link(OTHER)["@odata.id"].replace(OTHER[-4:], f"{n:04}") for n in range(21)]},
    ],
)
def test_what_cannot_be_created(asking: Asking, body: dict[str, Any]) -> None:
    before = len(asking.store.groups)
    assert asking.refused("POST", "groups", body) == BAD
    assert len(asking.store.groups) == before


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"[]", {}),
        (b"[" * 100_000, {}),
        (b"{}", {"content-type": "text/plain"}),
        (b"{}", {"content-type": ""}),
        (b'{"displayName": 7}', {}),
        (b'{"spaceship": "x"}', {}),
        (b'{"writebackConfiguration": {"isEnabled": true}}', {}),
    ],
)
def test_bodies_that_are_none(asking: Asking, body: bytes, headers: dict[str, str]) -> None:
    for method, path in (("POST", "groups"), ("PATCH", f"groups/{SALES}")):
        assert asking.refused(method, path, body, headers=headers) == (400, "BadRequest")


def test_a_group_changes(asking: Asking) -> None:
    assert asking.send("PATCH", f"groups/{SALES}", {"displayName": "Sales", "description": None}).status == 204
    shown = asking.get(f"groups/{SALES}?$select=displayName,description")
    assert (shown["displayName"], shown["description"]) == ("Sales", None)
    asking.json("PATCH", f"groups/{SALES}", {"hideFromAddressLists": True})
    assert asking.get(f"groups/{SALES}?$select=hideFromAddressLists")["hideFromAddressLists"] is True


@pytest.mark.parametrize(
    ("group", "body"),
    [
        (SALES, {"hideFromAddressLists": True, "displayName": "x"}),
        (SECURITY, {"allowExternalSenders": True}),
        (SALES, {"mail": "x@contoso.com"}),
        (SALES, {"isAssignableToRole": True}),
        (SALES, {"displayName": ""}),
        (SALES, {"mailNickname": "running-club"}),
        (SALES, {"visibility": "HiddenMembership"}),
        (COUNCIL, {"visibility": "Private"}),
        (SYNCHRONIZED, {"displayName": "x"}),
        (MAIL_SECURITY, {"displayName": "x"}),
    ],
)
def test_what_cannot_be_changed(asking: Asking, group: str, body: dict[str, Any]) -> None:
    before = asking.store.groups[group]
    assert asking.refused("PATCH", f"groups/{group}", body) == BAD
    assert asking.store.groups[group] == before


def test_the_writeback_state_has_three_values_and_its_type_is_never_unset(asking: Asking) -> None:
    def state(**change: Any) -> Any:
        asking.json("PATCH", f"groups/{SALES}", {"writebackConfiguration": change}, version="beta")
        path = f"groups/{SALES}?$select=writebackConfiguration"
        return asking.get(path, version="beta")["writebackConfiguration"]

    path = f"groups/{SALES}?$select=writebackConfiguration"
    unset = {"isEnabled": None, "onPremisesGroupType": None}
    assert asking.get(path, version="beta")["writebackConfiguration"] == unset
    assert state(isEnabled=True) == {"isEnabled": True, "onPremisesGroupType": None}
    assert state(isEnabled=False, onPremisesGroupType="universalDistributionGroup") == {
        "isEnabled": False,
        "onPremisesGroupType": "universalDistributionGroup",
    }
    assert state(isEnabled=None)["isEnabled"] is None
    assert state(isEnabled=None)["onPremisesGroupType"] == "universalDistributionGroup"
    for change in ({"onPremisesGroupType": None}, {"onPremisesGroupType": ""}, {"onPremisesGroupType": "global"}):
        body = {"writebackConfiguration": change}
        assert asking.refused("PATCH", f"groups/{SALES}", body, version="beta") == BAD
    assert asking.refused(
        "PATCH",
        f"groups/{SECURITY}",
        {"writebackConfiguration": {"onPremisesGroupType": "universalDistributionGroup"}},
        version="beta",
    ) == (400, "Request_BadRequest")
    body = {"writebackConfiguration": {"isEnabled": "true"}}
    assert asking.refused("PATCH", f"groups/{SALES}", body, version="beta") == (400, "BadRequest")


def test_members_come_and_go(asking: Asking) -> None:
    before = members(asking, SALES)
    path = f"groups/{SALES}/members"
    assert asking.send("POST", f"{path}/$ref", link(OTHER)).status == 204
    assert asking.refused("POST", f"{path}/$ref", link(OTHER)) == BAD
    assert members(asking, SALES) == [*before, OTHER]
    assert asking.send("DELETE", f"{path}/{OTHER.upper()}/$ref").status == 204
    assert asking.refused("DELETE", f"{path}/{OTHER}/$ref") == (404, "Request_ResourceNotFound")
    assert members(asking, SALES) == before


def test_twenty_members_at_once(asking: Asking) -> None:
    people = [names.user_id(person.key) for person in of_origin(Origin.SYNCHRONIZED)[600:621]]
    bind = [f"https://graph.microsoft.com/v1.0/users/{person}" for person in people]
    body: dict[str, Any] = {"members@odata.bind": bind}
    assert asking.refused("PATCH", f"groups/{SALES}", body) == BAD
    before = members(asking, SALES)
    assert asking.send("PATCH", f"groups/{SALES}", {"members@odata.bind": bind[:20]}).status == 204
    assert members(asking, SALES) == [*before, *people[:20]]
    assert asking.refused("PATCH", f"groups/{SALES}", {"members@odata.bind": bind[19:]}) == BAD
    assert people[20] not in members(asking, SALES)


@pytest.mark.parametrize(
    ("group", "body", "expected"),
    [
        (SALES, link(SECURITY), BAD),
        (SECURITY, link(SECURITY), BAD),
        (SALES, link(names.ORPHAN_GROUP_ID), (404, "Request_ResourceNotFound")),
        (SALES, {}, BAD),
        (SALES, {"@odata.id": 7}, BAD),
        (SALES, {"@odata.id": "http://[x"}, BAD),
        (SALES, {"@odata.id": f"{ROOT}/v1.0/directoryObjects/me"}, BAD),
        (DYNAMIC, link(OTHER), BAD),
        (SYNCHRONIZED, link(OTHER), BAD),
        (MAIL_SECURITY, link(OTHER), BAD),
        (names.ORPHAN_GROUP_ID, link(OTHER), (404, "Request_ResourceNotFound")),
    ],
)
def test_who_cannot_become_a_member(
    asking: Asking, group: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    before = asking.store.members(group)
    assert asking.refused("POST", f"groups/{group}/members/$ref", body) == expected
    assert asking.store.members(group) == before


def test_owners_and_the_last_of_them(asking: Asking) -> None:
    path = f"groups/{SALES}/owners"
    (first,) = [one["id"] for one in asking.get(path)["value"]]
    assert asking.refused("DELETE", f"{path}/{first}/$ref") == BAD
    asking.json("POST", f"{path}/$ref", link(OTHER))
    assert asking.refused("POST", f"{path}/$ref", link(OTHER)) == BAD
    asking.json("DELETE", f"{path}/{first}/$ref")
    assert [one["id"] for one in asking.get(path)["value"]] == [OTHER]


def test_a_deleted_microsoft_365_group_comes_back_with_its_members(asking: Asking) -> None:
    before = members(asking, CLUB)
    assert asking.send("DELETE", f"groups/{CLUB}").status == 204
    assert asking.refused("GET", f"groups/{CLUB}") == (404, "Request_ResourceNotFound")
    assert asking.get(f"directory/deletedItems/{CLUB}")["deletedDateTime"] == "2026-11-22T09:47:11Z"
    restored = asking.json("POST", f"directory/deletedItems/{CLUB}/restore")
    assert (restored["@odata.type"], restored["deletedDateTime"]) == ("#microsoft.graph.group", None)
    assert members(asking, CLUB) == before


def test_a_nickname_that_was_taken_meanwhile_stands_in_the_way_of_a_restore(asking: Asking) -> None:
    asking.json("DELETE", f"groups/{CLUB}")
    asking.json("POST", "groups", {**NEW_UNIFIED, "mailNickname": "running-club"})
    answer = asking.refused("POST", f"directory/deletedItems/{CLUB}/restore")
    assert answer == (409, "Request_MultipleObjectsWithSameKeyValue")


def test_a_security_group_is_gone_at_once(asking: Asking) -> None:
    asking.json("DELETE", f"groups/{SECURITY}")
    assert asking.refused("GET", f"directory/deletedItems/{SECURITY}") == (404, "Request_ResourceNotFound")
    assert asking.refused("DELETE", f"groups/{SYNCHRONIZED}") == BAD


def test_deleted_items_are_kept_for_thirty_days_or_until_purged(asking: Asking, clock: Any) -> None:
    asking.json("DELETE", f"groups/{CLUB}")
    path = "directory/deletedItems/microsoft.graph.group"
    clock.advance(days=30)
    assert CLUB in [one["id"] for one in asking.get(path)["value"]]
    clock.advance(seconds=1)
    assert CLUB not in [one["id"] for one in asking.get(path)["value"]]
    asking.store.reset()
    clock.now = clock.now.replace(year=2026, month=11, day=22)
    assert asking.send("DELETE", f"directory/deletedItems/{DELETED}").status == 204
    assert asking.refused("GET", f"directory/deletedItems/{DELETED}") == (404, "Request_ResourceNotFound")


def test_writing_needs_a_permission_to_write(asking: Asking) -> None:
    asking.caller = Caller("client", frozenset({"Group.Read.All", "User.Read.All", "Member.Read.Hidden"}))
    denied = (403, "Authorization_RequestDenied")
    for method, path, body in (
        ("POST", "groups", NEW),
        ("PATCH", f"groups/{SALES}", {"displayName": "x"}),
        ("DELETE", f"groups/{SALES}", None),
        ("POST", f"groups/{SALES}/members/$ref", link(OTHER)),
        ("DELETE", f"groups/{SALES}/members/{OTHER}/$ref", None),
        ("POST", f"directory/deletedItems/{DELETED}/restore", None),
    ):
        assert asking.refused(method, path, body) == denied
    asking.caller = Caller("client", frozenset({"GroupMember.ReadWrite.All"}))
    assert asking.send("POST", f"groups/{SALES}/members/$ref", link(OTHER)).status == 204
    assert asking.refused("PATCH", f"groups/{SALES}", {"displayName": "x"}) == denied


@pytest.mark.parametrize(
    ("name", "longest"), [("displayName", 256), ("mailNickname", 64), ("description", 1024), ("membershipRule", 3072)]
)
def test_the_longest_value_passes_and_a_longer_one_does_not(asking: Asking, name: str, longest: int) -> None:
    dynamic = {"groupTypes": ["DynamicMembership"]} if name == "membershipRule" else {}
    assert asking.send("POST", "groups", {**NEW, **dynamic, name: "x" * longest}).status == 201
    answer = asking.send("POST", "groups", {**NEW, **dynamic, name: "x" * (longest + 1)})
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == BAD
    assert error["message"] == f"Invalid value specified for property '{name}' of resource 'Group'."
    assert error["details"] == [{"code": "InvalidValue", "target": name}]
    assert asking.refused("PATCH", f"groups/{SECURITY}", {name: "x" * (longest + 1)}) == BAD


@pytest.mark.parametrize("char", '@()\\[]";:<>, \u00fc\u55b6')
def test_characters_that_a_nickname_cannot_have(asking: Asking, char: str) -> None:
    assert asking.refused("POST", "groups", {**NEW, "mailNickname": f"a{char}b"}) == BAD
    assert asking.refused("PATCH", f"groups/{SALES}", {"mailNickname": f"a{char}b"}) == BAD


@pytest.mark.parametrize(
    "body",
    [
        {**NEW, "visibility": "Secret"},
        {**NEW, "visibility": "HiddenMembership"},
        {**NEW_UNIFIED, "theme": "Mauve"},
        {**NEW_UNIFIED, "resourceBehaviorOptions": ["FlyToTheMoon"]},
        {**NEW_UNIFIED, "resourceProvisioningOptions": ["Team", "Rocket"]},
        {
            **NEW,
            "groupTypes": ["DynamicMembership"],
            "membershipRule": "user.city -eq 'Berlin'",
            "membershipRuleProcessingState": "Maybe",
        },
        {
            **NEW,
            "groupTypes": ["DynamicMembership"],
            "membershipRule": "user.city -eq 'Berlin'",
            "isAssignableToRole": True,
        },
        {**NEW_UNIFIED, "isAssignableToRole": True},
        {**NEW, "owners@odata.bind": [link(SECURITY)["@odata.id"]]},
        {**NEW, "members@odata.bind": [link(SALES)["@odata.id"]]},
        {**NEW, "isAssignableToRole": True, "members@odata.bind": [link(SECURITY)["@odata.id"]]},
    ],
)
def test_what_graph_documents_that_it_refuses(asking: Asking, body: dict[str, Any]) -> None:
    before = len(asking.store.groups)
    assert asking.refused("POST", "groups", body) == BAD
    assert len(asking.store.groups) == before


def test_values_with_a_choice_are_kept_in_graphs_spelling(asking: Asking) -> None:
    made = asking.json("POST", "groups", {**NEW_UNIFIED, "visibility": "hiddenmembership", "theme": "teal"})
    assert (made["visibility"], made["theme"]) == ("HiddenMembership", "Teal")
    made = asking.json("POST", "groups", {**NEW, "isAssignableToRole": True, "mailNickname": "roles"})
    assert asking.refused("PATCH", f"groups/{made['id']}", {"groupTypes": ["DynamicMembership"]}) == BAD


def test_only_users_and_service_principals_own_groups(asking: Asking) -> None:
    path = f"groups/{SECURITY}/owners/$ref"
    assert asking.refused("POST", path, link(SALES)) == BAD
    assert asking.refused("POST", path, link(names.ORPHAN_GROUP_ID)) == (404, "Request_ResourceNotFound")
    (principal,) = [one["id"] for one in asking.get("servicePrincipals?$select=id&$top=1")["value"]]
    assert asking.send("POST", path, link(principal)).status == 204
    people = [names.user_id(person.key) for person in of_origin(Origin.SYNCHRONIZED)[500:601]]
    held = len(asking.store.owners(SECURITY))
    assert [asking.send("POST", path, link(one)).status for one in people] == [204] * (100 - held) + [400] * (1 + held)


@pytest.mark.parametrize("name", ["displayName", "mailNickname"])
def test_what_a_group_needs_cannot_be_cleared(asking: Asking, name: str) -> None:
    assert asking.refused("PATCH", f"groups/{SALES}", {name: None}) == BAD
