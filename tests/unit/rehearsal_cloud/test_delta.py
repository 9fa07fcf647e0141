"""Delta queries: a full walk, what changed since, and tokens that no longer serve."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from rehearsal.cloud.delta import PAGE_MEMBERS
from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from rehearsal.contoso.people import Origin, of_origin
from tests.unit.rehearsal_cloud.asking import ROOT, Asking

SALES, CLUB, SECURITY, LARGE, COUNCIL = (
    names.group_id(key) for key in ("sales-team", "running-club", "vpn-users", "all-staff", "works-council")
)
OTHER = names.user_id(of_origin(Origin.SYNCHRONIZED)[600].key)
START = "groups/delta?$select=displayName,members"


def walk(asking: Asking, address: str) -> tuple[dict[str, list[Any]], str]:
    """Every entry by id, merged over the pages, and the delta link."""
    bodies = asking.pages(address)
    assert all("@odata.deltaLink" not in body for body in bodies[:-1])
    found: dict[str, list[Any]] = {}
    for body in bodies:
        for entry in body["value"]:
            found.setdefault(entry["id"], []).append(entry)
    return found, bodies[-1]["@odata.deltaLink"]


def told(entries: list[Any]) -> dict[str, str]:
    """Members of one group over all its entries: there, or why not."""
    members = [member for entry in entries for member in entry.get("members@delta", [])]
    return {member["id"]: member.get("@removed", {}).get("reason", "there") for member in members}


def test_the_first_walk_tells_everything_once(asking: Asking) -> None:
    found, _ = walk(asking, START)
    assert list(found) == list(asking.store.groups)
    for group, entries in found.items():
        assert list(told(entries)) == list(asking.store.members(group))
        assert {entry["displayName"] for entry in entries} == {asking.store.groups[group]["displayName"]}
    assert len(found[LARGE]) >= names.LARGE_GROUP_MEMBERS // PAGE_MEMBERS
    counts = Counter(member["id"] for entry in found[LARGE] for member in entry["members@delta"])
    assert max(counts.values()) == 1
    assert found[SALES][0]["members@delta"][0]["@odata.type"] == "#microsoft.graph.user"


def test_members_come_only_when_asked_for_or_when_nothing_is_selected(asking: Asking) -> None:
    found, _ = walk(asking, "groups/delta?$select=displayName")
    assert set(found[SALES][0]) == {"id", "displayName"}
    found, _ = walk(asking, "groups/delta")
    assert {"members@delta", "mailNickname"} <= set(found[SALES][0])
    found, _ = walk(asking, "groups/delta?$select=members")
    assert set(found[SALES][0]) == {"id", "members@delta"}


def test_nothing_new_is_an_empty_page_with_a_link(asking: Asking) -> None:
    _, link = walk(asking, START)
    assert link.startswith(f"{ROOT}/v1.0/groups/delta?$deltatoken=")
    assert walk(asking, link)[0] == {}


def test_what_changed_since_the_link(asking: Asking) -> None:
    _, link = walk(asking, START)
    store = asking.store
    store.update_group(SALES, {"displayName": "Sales"})
    gone = store.members(SALES)[0]
    store.remove_member(SALES, gone)
    store.add_member(SALES, OTHER)
    store.delete_group(CLUB)
    store.delete_group(SECURITY)
    found, later = walk(asking, link)
    assert found[SALES][0]["displayName"] == "Sales"
    assert told(found[SALES]) == {gone: "deleted", OTHER: "there"}
    assert found[CLUB] == [{"id": CLUB, "@removed": {"reason": "changed"}}]
    assert found[SECURITY] == [{"id": SECURITY, "@removed": {"reason": "deleted"}}]
    assert set(found) == {SALES, CLUB, SECURITY}
    assert walk(asking, later)[0] == {}
    store.restore_group(CLUB)
    found, _ = walk(asking, later)
    assert list(told(found[CLUB])) == list(store.members(CLUB))


def test_a_link_can_be_replayed(asking: Asking) -> None:
    _, link = walk(asking, START)
    asking.store.update_group(SALES, {"displayName": "Sales"})
    assert walk(asking, link)[0] == walk(asking, link)[0]


def test_what_happens_during_a_walk_is_told_after_it(asking: Asking) -> None:
    first = asking.get(START)
    asking.store.update_group(SALES, {"displayName": "Sales"})
    _, link = walk(asking, first["@odata.nextLink"])
    assert SALES in walk(asking, link)[0]


def test_a_deleted_user_leaves_the_groups(asking: Asking) -> None:
    _, link = walk(asking, START)
    person = asking.store.members(SALES)[0]
    asking.store.delete_user(person)
    found, _ = walk(asking, link)
    assert told(found[SALES]) == {person: "deleted"}


def test_the_last_member_that_leaves_is_told(asking: Asking) -> None:
    small = names.group_id("press")
    _, link = walk(asking, START)
    (contact,) = asking.store.members(small)
    asking.store.remove_member(small, contact)
    assert told(walk(asking, link)[0][small]) == {contact: "deleted"}


def test_from_now_on(asking: Asking) -> None:
    body = asking.get("groups/delta?$deltatoken=latest&$select=displayName")
    assert body["value"] == []
    asking.store.update_group(SALES, {"displayName": "Sales"})
    assert walk(asking, body["@odata.deltaLink"])[0] == {SALES: [{"displayName": "Sales", "id": SALES}]}


def test_only_what_was_selected_is_tracked(asking: Asking) -> None:
    _, names_only = walk(asking, "groups/delta?$select=displayName")
    _, both = walk(asking, START)
    _, everything = walk(asking, "groups/delta")
    asking.store.update_group(SALES, {"description": "x"})
    asking.store.add_member(CLUB, OTHER)
    asking.store.delete_group(SECURITY)
    assert set(walk(asking, names_only)[0]) == {SECURITY}
    assert set(walk(asking, both)[0]) == {CLUB, SECURITY}
    assert set(walk(asking, everything)[0]) == {SALES, CLUB, SECURITY}


def test_a_filter_names_ids_only(asking: Asking) -> None:
    found, link = walk(asking, f"{START}&$filter=id eq '{SALES}' or id eq '{CLUB}'")
    assert set(found) == {SALES, CLUB}
    asking.store.update_group(SALES, {"displayName": "x"})
    asking.store.update_group(SECURITY, {"displayName": "x"})
    assert set(walk(asking, link)[0]) == {SALES}
    assert asking.refused("GET", f"{START}&$filter=displayName eq 'x'") == (400, "Request_BadRequest")


def test_a_hidden_membership_stays_hidden(asking: Asking) -> None:
    asking.caller = Caller("client", frozenset({"Group.Read.All", "User.Read.All"}))
    assert told(walk(asking, START)[0][COUNCIL]) == {}


@pytest.mark.parametrize("option", ["$top=5", "$orderby=displayName", "$expand=members", "$count=true", "$search=x"])
def test_options_that_delta_does_not_take(asking: Asking, option: str) -> None:
    assert asking.refused("GET", f"groups/delta?{option}") == (400, "Request_UnsupportedQuery")


def test_tokens_live_seven_days(asking: Asking, clock: Any) -> None:
    first = asking.get(START)
    _, link = walk(asking, START)
    clock.advance(days=7)
    assert asking.get(link)["value"] == []
    clock.advance(seconds=1)
    assert asking.refused("GET", link) == (400, "syncStateNotFound")
    assert asking.refused("GET", first["@odata.nextLink"]) == (400, "syncStateNotFound")


def test_tokens_expire_on_request(asking: Asking) -> None:
    _, link = walk(asking, START)
    asking.store.log.expire()
    assert asking.refused("GET", link) == (400, "syncStateNotFound")


def test_a_service_reset_names_where_to_begin_again(asking: Asking) -> None:
    _, link = walk(asking, START)
    asking.store.log.begin_again()
    answer = asking.send("GET", link)
    assert answer.status == 410
    assert walk(asking, answer.headers["Location"])[0].keys() == asking.store.groups.keys()


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: "A" + t[1:], lambda _: "latest2", lambda t: t + "é"])
def test_a_token_that_was_tampered_with(asking: Asking, spoil: Any) -> None:
    _, link = walk(asking, START)
    address, _, token = link.partition("$deltatoken=")
    assert asking.refused("GET", f"{address}$deltatoken={spoil(token)}") == (400, "Directory_InvalidDeltaToken")
    assert asking.refused("GET", f"{address}$skiptoken={token}") == (400, "Directory_InvalidDeltaToken")
    assert asking.refused("GET", f"{link}&$select=id") == (400, "Request_BadRequest")


def test_users_are_tracked_by_what_was_selected(asking: Asking) -> None:
    link = asking.get("users/delta?$deltatoken=latest&$select=displayName,mail")["@odata.deltaLink"]
    assert link.startswith(f"{ROOT}/v1.0/users/delta?$deltatoken=")
    store = asking.store
    renamed, other, gone = list(store.users)[:3]
    store.update_user(renamed, {"displayName": "Somebody Else"})
    store.update_user(other, {"jobTitle": "Clerk"})
    store.delete_user(gone)
    found, later = walk(asking, link)
    assert found == {
        renamed: [{"displayName": "Somebody Else", "mail": store.users[renamed].get("mail"), "id": renamed}],
        gone: [{"id": gone, "@removed": {"reason": "changed"}}],
    }
    assert walk(asking, later)[0] == {}


def test_a_users_token_is_none_for_groups(asking: Asking) -> None:
    link = asking.get("users/delta?$deltatoken=latest")["@odata.deltaLink"]
    assert asking.refused("GET", link.replace("users/", "groups/")) == (400, "Directory_InvalidDeltaToken")


def test_what_was_told_can_come_again(asking: Asking) -> None:
    _, link = walk(asking, START)
    asking.store.update_group(SALES, {"displayName": "Sales"})
    found, later = walk(asking, link)
    assert set(found) == {SALES}
    asking.store.log.replay()
    again, last = walk(asking, later)
    assert again == found
    assert walk(asking, last)[0] == found
