"""Graph's answers, without a server in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from rehearsal.cloud.graph_handler import dispatch
from rehearsal.cloud.messages import GraphAnswer, GraphRequest
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.throttling import Throttle
from rehearsal.contoso import names
from tests.unit.rehearsal_cloud.asking import answered

ALL_ROLES = frozenset(names.APP_ROLES)
ROOT = "https://localhost:8443"


def an_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


UNIFIED, SECURITY, HIDDEN, DELETED = an_id(1), an_id(2), an_id(3), an_id(4)
USERS = [an_id(100 + number) for number in range(150)]
DEVICE = an_id(900)


@pytest.fixture
def store() -> CloudStore:
    store = CloudStore(clock=lambda: datetime(2026, 11, 22, 9, 47, 11, tzinfo=UTC))
    store.set_organization({"id": names.TENANT_ID, "displayName": "Contoso", "onPremisesSyncEnabled": True})
    for number, user in enumerate(USERS):
        store.add_user({"id": user, "displayName": f"User {number}", "userPrincipalName": f"u{number}@contoso.com"})
    store.add_device({"id": DEVICE, "displayName": "LAPTOP"})
    unified = {"groupTypes": ["Unified"], "allowExternalSenders": True}
    store.add_group({"id": UNIFIED, "displayName": "Unified", **unified}, members=tuple(USERS), owners=(USERS[0],))
    store.add_group({"id": SECURITY, "displayName": "Security"}, members=(USERS[0], UNIFIED, DEVICE))
    hidden = {"visibility": "HiddenMembership", **unified}
    store.add_group({"id": HIDDEN, "displayName": "Hidden", **hidden}, members=(USERS[0],), owners=(USERS[1],))
    store.add_group({"id": DELETED, "displayName": "Deleted", **unified}, members=(USERS[0],))
    store.delete_group(DELETED)
    store.keep_as_seed()
    return store


@pytest.fixture
def graph(store: CloudStore) -> Graph:
    return Graph(store)


def request(
    path: str, *, roles: frozenset[str] = ALL_ROLES, eventual: bool = False, version: str = "v1.0", method: str = "GET"
) -> GraphRequest:
    parts = urlsplit(path)
    segments = tuple(part for part in parts.path.split("/") if part)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    headers = {"consistencylevel": "eventual"} if eventual else {}
    caller = Caller("client", roles)
    return GraphRequest(method, f"{ROOT}/{version}", version, segments, options, headers, b"", caller, an_id(5555))


def answer_to(graph: Graph, path: str, **how: object) -> GraphAnswer:
    asked = request(path, **how)  # type: ignore[arg-type]
    clock: Callable[[], datetime] = lambda: datetime(2026, 11, 22, 9, 47, 11, tzinfo=UTC)  # noqa: E731
    return answered(dispatch(graph, asked, clock=clock, throttle=Throttle(names.TENANT_ID, clock=clock)))


def body(graph: Graph, path: str, **how: object) -> Mapping[str, object]:
    answer = answer_to(graph, path, **how)
    assert answer.status == 200, answer.body
    shown = json.loads(answer.body)
    assert isinstance(shown, dict)
    return shown


def count(graph: Graph, path: str) -> int:
    return int(answer_to(graph, path, eventual=True).body)


def values(graph: Graph, path: str, **how: object) -> list[dict[str, object]]:
    found = body(graph, path, **how)["value"]
    assert isinstance(found, list)
    return found


def refusal(graph: Graph, path: str, **how: object) -> tuple[int, str]:
    answer = answer_to(graph, path, **how)
    return answer.status, json.loads(answer.body)["error"]["code"]


def test_a_list_has_context_and_only_what_was_selected(graph: Graph) -> None:
    answer = body(graph, "groups?$select=displayName,id")
    assert answer["@odata.context"] == f"{ROOT}/v1.0/$metadata#groups(displayName,id)"
    assert list(answer) == ["@odata.context", "value"]
    assert answer["value"][0] == {"displayName": "Unified", "id": UNIFIED}  # type: ignore[index]


def test_defaults_hold_null_and_empty_lists(graph: Graph) -> None:
    group = body(graph, f"groups/{SECURITY}")
    assert group["proxyAddresses"] == []
    assert group["mail"] is None
    assert "allowExternalSenders" not in group


def test_some_properties_come_only_with_a_single_group(graph: Graph) -> None:
    assert values(graph, "groups?$select=allowExternalSenders")[0] == {"allowExternalSenders": None}
    single = body(graph, f"groups/{UNIFIED}?$select=allowExternalSenders")
    assert single["allowExternalSenders"] is True
    assert single["@odata.context"] == f"{ROOT}/v1.0/$metadata#groups(allowExternalSenders)/$entity"


def test_pages_default_to_100_and_follow_opaque_links(graph: Graph) -> None:
    first = body(graph, "users?$select=id")
    assert len(first["value"]) == 100  # type: ignore[arg-type]
    link = str(first["@odata.nextLink"])
    assert link.startswith(f"{ROOT}/v1.0/users?$select=id&$skiptoken=")
    second = body(graph, link.removeprefix(f"{ROOT}/v1.0/"))
    assert "@odata.nextLink" not in second
    seen = [one["id"] for page in (first, second) for one in page["value"]]  # type: ignore[attr-defined]
    assert seen == USERS


@pytest.mark.parametrize("change", [("$select=id", "$select=id,displayName"), ("skiptoken=", "skiptoken=A")])
def test_a_rebuilt_link_is_refused(graph: Graph, change: tuple[str, str]) -> None:
    link = str(body(graph, "users?$select=id")["@odata.nextLink"]).removeprefix(f"{ROOT}/v1.0/")
    assert refusal(graph, link.replace(*change)) == (400, "Directory_ExpiredPageToken")


def test_a_link_of_another_list_is_refused(graph: Graph) -> None:
    link = str(body(graph, "users?$select=id")["@odata.nextLink"])
    other = f"groups/{UNIFIED}/members?" + urlsplit(link).query
    assert refusal(graph, other) == (400, "Directory_ExpiredPageToken")


@pytest.mark.parametrize("top", ["0", "1000", "-1", "ten", "", "²"])
def test_page_sizes_have_limits(graph: Graph, top: str) -> None:
    assert refusal(graph, f"groups?$top={top}") == (400, "Request_BadRequest")


def test_members_of_every_type_carry_their_type(graph: Graph) -> None:
    answer = body(graph, f"groups/{SECURITY}/members?$select=id,displayName,userPrincipalName")
    assert answer["@odata.context"] == f"{ROOT}/v1.0/$metadata#directoryObjects(id,displayName,userPrincipalName)"
    assert answer["value"] == [
        {
            "@odata.type": "#microsoft.graph.user",
            "id": USERS[0],
            "displayName": "User 0",
            "userPrincipalName": "u0@contoso.com",
        },
        {"@odata.type": "#microsoft.graph.group", "id": UNIFIED, "displayName": "Unified"},
        {"@odata.type": "#microsoft.graph.device", "id": DEVICE, "displayName": "LAPTOP"},
    ]


def test_a_cast_picks_one_type(graph: Graph) -> None:
    path = f"groups/{SECURITY}/members/microsoft.graph.user"
    assert values(graph, f"{path}?$select=id") == [{"id": USERS[0]}]
    assert refusal(graph, f"groups/{SECURITY}/members/microsoft.graph.spaceship") == (400, "BadRequest")
    assert refusal(graph, f"{path}?$select=membershipRule") == (400, "BadRequest")


def test_counts_need_the_consistency_header(graph: Graph) -> None:
    assert refusal(graph, "groups/$count") == (400, "Request_BadRequest")
    assert count(graph, "groups/$count") == 3
    assert count(graph, f"groups/{UNIFIED}/members/$count") == 150
    assert body(graph, "groups?$count=true", eventual=True)["@odata.count"] == 3
    assert "@odata.count" not in body(graph, "groups?$count=true")


def test_advanced_filters_need_header_and_count(graph: Graph) -> None:
    path = "groups?$filter=displayName ne 'Unified'&$select=id"
    assert refusal(graph, path) == (400, "Request_UnsupportedQuery")
    assert refusal(graph, path, eventual=True) == (400, "Request_UnsupportedQuery")
    assert values(graph, f"{path}&$count=true", eventual=True) == [{"id": SECURITY}, {"id": HIDDEN}]
    assert count(graph, "groups/$count?$filter=displayName ne 'Unified'") == 2


def test_a_hidden_membership_needs_its_own_permission(graph: Graph) -> None:
    path = f"groups/{HIDDEN}/members?$select=id"
    assert [one["id"] for one in values(graph, path)] == [USERS[0]]
    without = ALL_ROLES - {"Member.Read.Hidden"}
    assert values(graph, path, roles=without) == []
    assert len(values(graph, f"groups/{HIDDEN}/owners?$select=id", roles=without)) == 1


def test_members_that_the_caller_may_not_read_keep_only_type_and_id(graph: Graph) -> None:
    roles = frozenset({"GroupMember.Read.All"})
    found = values(graph, f"groups/{SECURITY}/members?$select=id,displayName", roles=roles)
    assert found[0] == {"@odata.type": "#microsoft.graph.user", "id": USERS[0], "displayName": None}
    assert found[1]["displayName"] == "Unified"


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("groups", "Group.Read.All"),
        (f"groups/{UNIFIED}/members", "GroupMember.Read.All"),
        (f"groups/{UNIFIED}/owners", "GroupMember.Read.All"),
        ("users", "User.Read.All"),
        ("organization", "Organization.Read.All"),
        ("directory/deletedItems/microsoft.graph.group", "Group.Read.All"),
    ],
)
def test_each_read_needs_its_permission(graph: Graph, path: str, role: str) -> None:
    assert refusal(graph, path, roles=frozenset({"Mail.Read"})) == (403, "Authorization_RequestDenied")
    assert values(graph, path, roles=frozenset({role}))


def test_synchronization_features_are_refused_to_apps(graph: Graph) -> None:
    roles = ALL_ROLES | {"Directory.Read.All", "OnPremDirectorySynchronization.Read.All"}
    assert refusal(graph, "directory/onPremisesSynchronization", roles=roles) == (403, "Authorization_RequestDenied")


def test_deleted_items(graph: Graph) -> None:
    cast = "directory/deletedItems/microsoft.graph.group"
    assert values(graph, f"{cast}?$select=id,deletedDateTime") == [
        {"id": DELETED, "deletedDateTime": "2026-11-22T09:47:11Z"}
    ]
    assert refusal(graph, f"groups/{DELETED}") == (404, "Request_ResourceNotFound")
    single = body(graph, f"directory/deletedItems/{DELETED}")
    assert (single["@odata.type"], single["id"]) == ("#microsoft.graph.group", DELETED)
    for path in (f"{cast}/{DELETED}", f"directory/deletedItems/{DELETED}/microsoft.graph.group"):
        assert body(graph, path)["id"] == DELETED
    assert refusal(graph, f"directory/deletedItems/{UNIFIED}") == (404, "Request_ResourceNotFound")


def test_organization_says_when_it_last_synchronized(graph: Graph) -> None:
    assert values(graph, "organization?$select=id,onPremisesLastSyncDateTime") == [
        {"id": names.TENANT_ID, "onPremisesLastSyncDateTime": "2026-11-22T09:30:00Z"}
    ]
    assert body(graph, f"organization/{names.TENANT_ID}")["displayName"] == "Contoso"


def test_users_by_id_and_by_name(graph: Graph) -> None:
    assert body(graph, f"users/{USERS[3]}?$select=displayName")["displayName"] == "User 3"
    assert body(graph, "users/U3@contoso.com")["id"] == USERS[3]
    assert refusal(graph, "users/nobody@contoso.com") == (404, "Request_ResourceNotFound")
    assert refusal(graph, "users/nobody") == (404, "Request_ResourceNotFound")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("groups/not-a-guid", (400, "Request_BadRequest")),
        (f"groups/{an_id(77)}", (404, "Request_ResourceNotFound")),
        (f"groups/{an_id(77)}/members", (404, "Request_ResourceNotFound")),
        (f"groups/{UNIFIED}/spaceships", (400, "BadRequest")),
        (f"groups/{UNIFIED}/photos", (501, "NotImplemented")),
        ("users?$select=aboutMe", (501, "NotImplemented")),
        ("directory", (501, "NotImplemented")),
        ("spaceships", (400, "BadRequest")),
        ("directory/spaceships", (400, "BadRequest")),
        ("", (400, "BadRequest")),
        ("groups?$select=spaceship", (400, "BadRequest")),
        ("groups?$expand=spaceships", (400, "BadRequest")),
        ("groups?$expand=members,owners", (400, "Request_BadRequest")),
        (f"groups/{UNIFIED}?$top=5", (400, "Request_UnsupportedQuery")),
        (f"groups/{UNIFIED}/members?$filter=displayName eq 'x'", (400, "Request_UnsupportedQuery")),
    ],
)
def test_refusals(graph: Graph, path: str, expected: tuple[int, str]) -> None:
    assert refusal(graph, path) == expected


def test_methods_that_a_resource_does_not_have(graph: Graph) -> None:
    answer = answer_to(graph, "organization", method="DELETE")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    answer = answer_to(graph, f"groups/{UNIFIED}", method="PUT")
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, PATCH")


def test_the_writeback_property_exists_only_in_beta(graph: Graph, store: CloudStore) -> None:
    store.update_group(UNIFIED, {"writebackConfiguration": {"isEnabled": None, "onPremisesGroupType": None}})
    path = f"groups/{UNIFIED}?$select=writebackConfiguration"
    assert refusal(graph, path) == (400, "BadRequest")
    assert "writebackConfiguration" in body(graph, path, version="beta")
