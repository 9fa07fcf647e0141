"""The whole cloud side: what is read, what proves it, and what is left unknown rather than guessed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import Request

from runbook_lib.errors import NoAccess, Refused, ServiceFailed
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.model.cloud import Authority, CloudKind, CloudSnapshot, OtherWriters, PrincipalType, Switch
from runbook_lib.model.ids import GroupId
from tests.unit.graph.fake_cloud import (
    GRAPH,
    START,
    TENANT,
    FixedTokens,
    Reply,
    client_with,
    graph_error,
    path_of,
    query_of,
)
from tests.unit.graph.fake_tenant import DELETED, ORGANIZATION, FakeTenant, group, identifier, link, user

FORBIDDEN = graph_error(403, "Authorization_RequestDenied")


def read(tenant: FakeTenant) -> CloudSnapshot:
    client, _, clock = client_with(tenant)
    return read_cloud(client, TENANT, clock=clock)


def small_tenant() -> FakeTenant:
    return FakeTenant(
        {
            "/groups": [group(2), group(1), group(3)],
            "/users": [user(11), user(12, userType="Guest"), user(13)],
            DELETED: [group(9, deletedDateTime="2026-11-01T00:00:00Z")],
            f"/groups/{identifier(1)}/members": [
                link(12),
                link(11),
                link(2, "group"),
                link(21, "device"),
                link(22, "servicePrincipal", displayName="Robot"),
            ],
            f"/groups/{identifier(3)}/members": [link(23, "orgContact"), link(24, "somethingNew")],
        }
    )


def test_everything_is_read_and_sorted() -> None:
    client, adapter, clock = client_with(small_tenant())
    snapshot = read_cloud(client, TENANT.upper(), clock=clock)
    one, two, three = identifier(1), identifier(2), identifier(3)
    assert [item.id for item in snapshot.groups] == [one, two, three]
    assert [item.id for item in snapshot.deleted_groups] == [identifier(9)]
    assert snapshot.deleted_groups[0].deleted == "2026-11-01T00:00:00Z"
    assert dict(snapshot.members) == {
        one: (two, identifier(11), identifier(12), identifier(21), identifier(22)),
        two: (),
        three: (identifier(23), identifier(24)),
    }
    assert list(snapshot.principals) == sorted(snapshot.principals)
    types = {key: principal.type for key, principal in snapshot.principals.items()}
    assert types == {
        two: PrincipalType.GROUP,
        identifier(11): PrincipalType.USER,
        identifier(12): PrincipalType.USER,
        identifier(13): PrincipalType.USER,
        identifier(21): PrincipalType.DEVICE,
        identifier(22): PrincipalType.SERVICE_PRINCIPAL,
        identifier(23): PrincipalType.CONTACT,
        identifier(24): PrincipalType.UNKNOWN,
    }
    assert snapshot.principals[identifier(12)].user_type == "Guest"
    assert snapshot.principals[identifier(22)].display_name == "Robot"
    assert snapshot.principals[two].display_name == "Group 2"
    reading = snapshot.reading
    assert reading.complete
    assert reading.gaps == ()
    assert reading.at == START
    assert reading.requests == len(adapter.sent) == 6  # members of all groups in one batch; nobody reads owners
    assert reading.source == f"graph.example, tenant Contoso ({TENANT})"
    assert reading.proof == (
        f"The token belongs to tenant {TENANT}, the one that the parameters name",
        "3 groups on 1 page, the last one without nextLink",
        "1 deleted groups on 1 page, the last one without nextLink",
        "Members of 3 of 3 groups on 3 pages, each list read until a page without nextLink: 7 in all",
        "3 users on 1 page, the last one without nextLink",
    )


def test_the_tenant_is_described_and_asked_for_first() -> None:
    client, adapter, clock = client_with(small_tenant())
    tenant = read_cloud(client, TENANT, clock=clock).tenant
    assert path_of(adapter.sent[0]) == "/organization"
    assert tenant.id == TENANT
    assert tenant.default_domain == "contoso.com"
    assert tenant.verified_domains == ("contoso.com", "contoso.onmicrosoft.com")
    assert tenant.on_premises_sync_enabled is True
    assert tenant.last_sync == "2026-11-20T11:30:00Z"


def test_another_tenant_is_refused_before_anything_else_is_read() -> None:
    tenant = FakeTenant({"/organization": [{**ORGANIZATION, "id": identifier(1)}]})
    client, adapter, clock = client_with(tenant)
    with pytest.raises(Refused) as caught:
        read_cloud(client, TENANT, clock=clock)
    assert caught.value.code == "tenant-mismatch"
    assert identifier(1) in caught.value.message
    assert len(adapter.sent) == 1


@pytest.mark.parametrize("rows", [[], [ORGANIZATION, {**ORGANIZATION, "id": identifier(1)}]])
def test_no_tenant_or_two_cannot_be_relied_on(rows: list[dict[str, object]]) -> None:
    with pytest.raises(ServiceFailed, match="tenants instead of one"):
        read(FakeTenant({"/organization": rows}))


def test_every_list_asks_for_full_pages_and_only_for_what_it_needs() -> None:
    client, adapter, clock = client_with(small_tenant())
    read_cloud(client, TENANT, clock=clock)
    parts = [
        Request("GET", f"{GRAPH}/v1.0{part['url']}").prepare()
        for request in adapter.sent
        if path_of(request) == "/$batch"
        for part in json.loads(str(request.body))["requests"]
    ]
    assert len(parts) == 3
    for request in [*parts, *(request for request in adapter.sent if path_of(request) != "/$batch")]:
        query = query_of(request)
        assert "$select" in query, request.url
        if path_of(request) not in ("/organization", "/directory/onPremisesSynchronization"):
            assert query["$top"] == "999", request.url


@pytest.mark.parametrize(
    ("types", "mail", "security", "kind", "dynamic"),
    [
        (["Unified"], True, False, CloudKind.MICROSOFT_365, False),
        (["Unified"], True, True, CloudKind.MICROSOFT_365, False),
        (["DynamicMembership", "Unified"], True, False, CloudKind.MICROSOFT_365, True),
        ([], False, True, CloudKind.SECURITY, False),
        (["DynamicMembership"], False, True, CloudKind.SECURITY, True),
        ([], True, True, CloudKind.MAIL_ENABLED_SECURITY, False),
        ([], True, False, CloudKind.DISTRIBUTION_LIST, False),
        (None, None, True, CloudKind.SECURITY, False),
    ],
)
def test_kinds(types: object, mail: object, security: object, kind: CloudKind, dynamic: bool) -> None:
    row = group(1, groupTypes=types, mailEnabled=mail, securityEnabled=security)
    (found,) = read(FakeTenant({"/groups": [row]})).groups
    assert found.kind is kind
    assert found.dynamic is dynamic
    assert found.security_enabled is (security is True)


def test_every_property_of_a_group_arrives() -> None:
    row = group(
        0xABC,
        id=identifier(0xABC).upper(),
        displayName="=cmd|' /C calc'!A0 <script> \u202e",
        description="d",
        mail="a@contoso.com",
        mailNickname="a",
        proxyAddresses=["smtp:b@contoso.com", "SMTP:a@contoso.com"],
        visibility="HiddenMembership",
        isAssignableToRole=True,
        membershipRule="rule",
        onPremisesSyncEnabled=False,
        onPremisesSecurityIdentifier="S-1-5-21-1",
        onPremisesSamAccountName="sam",
        createdDateTime="2026-01-01T00:00:00Z",
    )
    tenant = FakeTenant({"/groups": [row]})
    tenant.collections[f"/groups/{identifier(0xABC)}/members"] = []
    (found,) = read(tenant).groups
    assert found.id == identifier(0xABC)
    assert found.display_name == "=cmd|' /C calc'!A0 <script> \u202e"  # untouched: escaping is for the edges
    assert found.proxy_addresses == ("SMTP:a@contoso.com", "smtp:b@contoso.com")
    assert found.hidden_membership
    assert found.role_assignable
    assert found.on_premises_sync_enabled is False
    assert (found.mail, found.mail_nickname, found.description) == ("a@contoso.com", "a", "d")
    assert (found.on_premises_sid, found.on_premises_sam_account_name) == ("S-1-5-21-1", "sam")
    assert (found.membership_rule, found.created, found.deleted) == ("rule", "2026-01-01T00:00:00Z", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("id", "../users"),
        ("id", None),
        ("displayName", ["x"]),
        ("groupTypes", "Unified"),
        ("groupTypes", [1]),
        ("mailEnabled", "true"),
        ("proxyAddresses", {}),
        ("visibility", 0),
        ("onPremisesSyncEnabled", 1),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error_and_no_guess(name: str, value: object) -> None:
    tenant = FakeTenant({"/groups": [group(1)]})
    tenant.collections["/groups"] = [{**group(1), name: value}]
    with pytest.raises(ServiceFailed, match=name) as caught:
        read(tenant)
    assert caught.value.code == "graph-unexpected-answer"


@pytest.mark.parametrize("name", ["groupTypes", "mailEnabled", "securityEnabled"])
def test_a_group_without_what_makes_its_kind_is_an_error(name: str) -> None:
    tenant = FakeTenant({"/groups": [group(1)]})
    del tenant.collections["/groups"][0][name]
    with pytest.raises(ServiceFailed, match=name):
        read(tenant)


def test_nulls_are_not_set() -> None:
    nulls = dict.fromkeys(group(1), None)
    tenant = FakeTenant({"/groups": [group(1)], "/users": [{**dict.fromkeys(user(11)), "id": identifier(11)}]})
    tenant.collections["/groups"] = [{**nulls, "id": identifier(1)}]
    tenant.collections["/organization"] = [{"id": TENANT, "displayName": None, "verifiedDomains": None}]
    snapshot = read(tenant)
    assert snapshot.groups[0].display_name == ""
    assert snapshot.groups[0].proxy_addresses == ()
    assert snapshot.principals[identifier(11)].on_premises_sid is None
    assert snapshot.tenant.verified_domains == ()


def test_members_that_may_not_be_read_are_a_gap_and_not_an_empty_group() -> None:
    tenant = small_tenant()
    tenant.answers[f"/groups/{identifier(2)}/members"] = FORBIDDEN
    snapshot = read(tenant)
    assert identifier(2) not in snapshot.members
    assert not snapshot.reading.complete
    assert snapshot.reading.gaps == (f"The members of Group 2 ({identifier(2)}) could not be read: HTTP 403.",)
    assert "Members of 2 of 3 groups" in snapshot.reading.proof[3]


def test_nobody_asks_for_owners() -> None:
    client, adapter, clock = client_with(small_tenant())
    read_cloud(client, TENANT, clock=clock)
    assert not [sent for sent in adapter.sent if "owners" in f"{sent.url} {sent.body!s}"]


def deleted_while_members_are_read(*numbers: int, soft: bool = False, refused: bool = False) -> FakeTenant:
    """A tenant whose listed groups are gone, or deleted softly, when their members are asked for."""
    tenant = small_tenant()
    for number in numbers:
        key = identifier(number)
        tenant.answers[f"/groups/{key}/members"] = graph_error(404, "Request_ResourceNotFound")
        tenant.answers[f"/groups/{key}"] = FORBIDDEN if refused else graph_error(404, "Request_ResourceNotFound")
        if soft:
            tenant.collections[DELETED].append(group(number, deletedDateTime="2026-11-28T00:00:00Z"))
    return tenant


@pytest.mark.parametrize("soft", [False, True])
def test_a_group_deleted_meanwhile_is_looked_up_and_no_part_of_the_reading(soft: bool) -> None:
    snapshot = read(deleted_while_members_are_read(2, soft=soft))
    assert [item.id for item in snapshot.groups] == [identifier(1), identifier(3)]
    assert set(snapshot.members) == {identifier(1), identifier(3)}
    assert snapshot.reading.complete
    assert snapshot.reading.gaps == ()
    proof = "1 group deleted while their members were read: looked up by id, no part of this reading"
    assert proof in snapshot.reading.proof


def test_a_group_that_cannot_be_looked_up_makes_the_reading_incomplete() -> None:
    snapshot = read(deleted_while_members_are_read(2, refused=True))
    assert identifier(2) in {item.id for item in snapshot.groups}
    assert identifier(2) not in snapshot.members
    assert not snapshot.reading.complete
    assert snapshot.reading.gaps == (
        f"The members of Group 2 ({identifier(2)}) could not be read: HTTP 404, and the group could not be looked up.",
    )


def test_members_of_a_group_that_is_there_all_the_same_are_read_again() -> None:
    key = identifier(2)

    class Late(FakeTenant):
        """A replica that did not know the group yet when its members were asked for first."""

        asked = 0

        def __call__(self, request: requests.PreparedRequest) -> Reply:
            if path_of(request) == f"/groups/{key}/members":
                self.asked += 1
                if self.asked == 1:
                    return graph_error(404, "Request_ResourceNotFound")
            return super().__call__(request)

    tenant = Late(small_tenant().collections)
    tenant.collections[f"/groups/{key}/members"] = [link(11)]
    snapshot = read(tenant)
    assert (tenant.asked, snapshot.members[GroupId(key)]) == (2, (identifier(11),))
    assert snapshot.reading.complete
    assert snapshot.reading.gaps == ()


def test_no_list_of_members_at_all_is_a_missing_permission() -> None:
    tenant = small_tenant()
    for number in (1, 2, 3):
        tenant.answers[f"/groups/{identifier(number)}/members"] = FORBIDDEN
    with pytest.raises(NoAccess) as caught:
        read(tenant)
    assert caught.value.code == "graph-forbidden"


@pytest.mark.parametrize("answer", [FORBIDDEN, Reply(body={"value": []})])
def test_hidden_members_are_unknown_while_the_rest_stays_complete(answer: Reply) -> None:
    tenant = small_tenant()
    tenant.collections["/groups"][0]["visibility"] = "HiddenMembership"
    tenant.answers[f"/groups/{identifier(2)}/members"] = answer
    snapshot = read(tenant)
    assert identifier(2) not in snapshot.members
    assert snapshot.reading.complete
    assert len(snapshot.reading.gaps) == 1
    assert "hidden from this app" in snapshot.reading.gaps[0]


def test_hidden_members_that_are_shown_are_known() -> None:
    tenant = small_tenant()
    tenant.collections["/groups"][1]["visibility"] = "HiddenMembership"
    snapshot = read(tenant)
    assert len(snapshot.members[GroupId(identifier(1))]) == 5
    assert snapshot.reading.gaps == ()


def test_many_gaps_are_counted_after_the_first_twenty() -> None:
    tenant = FakeTenant({"/groups": [group(number) for number in range(1, 31)]})
    for number in range(1, 26):
        tenant.answers[f"/groups/{identifier(number)}/members"] = FORBIDDEN
    gaps = read(tenant).reading.gaps
    assert len(gaps) == 21
    assert gaps[-1] == "The same is true of the members of 5 further groups."


def test_a_member_that_the_list_of_users_lacks_is_looked_up() -> None:
    tenant = small_tenant()
    late = user(31, onPremisesSecurityIdentifier="S-1-5-21-9")
    tenant.collections[f"/groups/{identifier(2)}/members"] = [link(31), link(32)]
    tenant.answers[f"/users/{identifier(31)}"] = Reply(body=late)
    snapshot = read(tenant)
    assert snapshot.principals[identifier(31)].on_premises_sid == "S-1-5-21-9"
    assert snapshot.principals[identifier(32)].type is PrincipalType.UNKNOWN  # 404: deleted meanwhile
    assert snapshot.reading.complete
    assert snapshot.reading.gaps == ("1 members were deleted while reading (HTTP 404); what they were is unknown.",)


def test_users_are_listed_again_where_many_were_created_while_members_were_read() -> None:
    late = [user(number) for number in range(100, 160)]

    class Growing(FakeTenant):
        """A tenant whose list of users lacks sixty of them until it is asked for once more."""

        asked = 0

        def __call__(self, request: requests.PreparedRequest) -> Reply:
            if path_of(request) == "/users":
                self.asked += 1
                self.collections["/users"] = late[: len(late) * (self.asked - 1)]
            return super().__call__(request)

    tenant = Growing(small_tenant().collections)
    tenant.collections[f"/groups/{identifier(2)}/members"] = [link(number) for number in range(100, 160)]
    tenant.collections[f"/groups/{identifier(1)}/members"] = []
    snapshot = read(tenant)
    assert tenant.asked == 2
    assert snapshot.reading.complete
    assert snapshot.reading.gaps == ()
    assert {one.id for one in snapshot.principals.values() if one.user_type} == {one["id"] for one in late}


@settings(max_examples=50, deadline=None)
@given(
    members=st.lists(
        st.lists(st.tuples(st.integers(100, 130), st.sampled_from(["user", "device"])), max_size=8), max_size=50
    ),
    pages=st.lists(st.integers(0, 30), max_size=6),
    twice=st.lists(st.integers(0, 49), max_size=4),
)
def test_members_are_the_same_however_the_list_of_groups_is_cut(
    members: list[list[tuple[int, str]]], pages: list[int], twice: list[int]
) -> None:
    """Members are asked for while the list of groups still comes: of each group once, and nothing is left out."""
    rows = [group(number) for number in range(1, len(members) + 1)]
    rows += [rows[number] for number in twice if number < len(members)]
    lists = {
        f"/groups/{identifier(number)}/members": [
            link(one, kind, displayName=f"{kind} {one} in {number % 2}") for one, kind in listed
        ]
        for number, listed in enumerate(members, 1)
    }
    tenant = FakeTenant(
        {"/groups": rows, "/users": [user(number) for number in range(100, 116)], **lists}, {"/groups": pages}
    )
    client, adapter, clock = client_with(tenant)
    snapshot = read_cloud(client, TENANT, clock=clock)
    assert dict(snapshot.members) == {
        identifier(number): tuple(sorted({identifier(one) for one, _ in listed}))
        for number, listed in enumerate(members, 1)
    }
    assert list(snapshot.members) == sorted(snapshot.members)
    last = {
        one: (kind, f"{kind} {one} in {number % 2}") for number, some in enumerate(members, 1) for one, kind in some
    }
    for one, (kind, name) in last.items():
        if kind == "device" and one > 115:
            assert snapshot.principals[identifier(one)].display_name == name
    asked = [ask["url"] for sent in adapter.sent if sent.body for ask in json.loads(sent.body)["requests"]]
    asked += [str(sent.url) for sent in adapter.sent if "/members" in str(sent.url)]
    assert len(asked) == len(set(asked)) == len(members)
    assert snapshot.reading.complete


def test_users_that_cannot_be_known_make_the_reading_incomplete() -> None:
    tenant = small_tenant()
    tenant.collections[f"/groups/{identifier(2)}/members"] = [link(31)]
    tenant.answers[f"/users/{identifier(31)}"] = FORBIDDEN
    assert not read(tenant).reading.complete
    tenant = small_tenant()
    tenant.collections[f"/groups/{identifier(2)}/members"] = [link(number) for number in range(100, 160)]
    snapshot = read(tenant)
    assert not snapshot.reading.complete
    assert "10 users are members, but" in snapshot.reading.gaps[-1]


@pytest.mark.parametrize("path", ["/organization", "/groups", "/users", DELETED])
def test_what_everything_rests_on_must_be_readable(path: str) -> None:
    tenant = small_tenant()
    tenant.answers[path] = FORBIDDEN
    with pytest.raises(NoAccess) as caught:
        read(tenant)
    assert caught.value.code == "graph-forbidden"
    assert path in caught.value.message


def test_an_error_in_a_worker_is_the_error_of_the_reading() -> None:
    tenant = FakeTenant({"/groups": [group(number) for number in range(1, 200)]})
    tenant.answers[f"/groups/{identifier(3)}/members"] = Reply(429, {}, {"Retry-After": "7200"})
    client, adapter, clock = client_with(tenant)
    with pytest.raises(ServiceFailed) as caught:
        read_cloud(client, TENANT, clock=clock)
    assert caught.value.code == "cloud-throttled"
    assert len(adapter.sent) < 50


def test_after_an_error_or_ctrl_c_nobody_is_waited_for() -> None:
    def interrupted(what: str, *_: object) -> None:
        if what == "members":
            raise KeyboardInterrupt

    tokens = FixedTokens()
    client, _, clock = client_with(small_tenant(), tokens=tokens)
    read_cloud(client, TENANT, clock=clock)
    assert not tokens.abandoned
    with pytest.raises(KeyboardInterrupt):
        read_cloud(client, TENANT, clock=clock, progress=interrupted)
    assert tokens.abandoned


def test_progress_counts_up_to_the_end() -> None:
    tenant = FakeTenant({"/groups": [group(number) for number in range(1, 46)], "/users": [user(number=99)]})
    client, _, clock = client_with(tenant)
    told: list[tuple[str, int, int | None]] = []
    read_cloud(client, TENANT, clock=clock, progress=lambda *what: told.append(what))
    assert [what for what in told if what[0] == "members"] == [("members", n, 45) for n in (20, 40, 45)]
    assert ("groups", 45, 45) in told
    assert told[-1] == ("users", 1, 1)


def test_rows_that_come_twice_count_once() -> None:
    tenant = small_tenant()
    tenant.collections["/users"] += [user(11)]
    snapshot = read(tenant)
    assert snapshot.reading.proof[-1] == ("3 users on 1 page, the last one without nextLink (1 came more than once)")


SYNCHRONIZATION = "/directory/onPremisesSynchronization"


@pytest.mark.parametrize(
    ("answer", "v1", "v2", "why"),
    [
        (FORBIDDEN, Switch.UNKNOWN, Switch.UNKNOWN, "HTTP 403"),
        (graph_error(404, "Request_ResourceNotFound"), Switch.UNKNOWN, Switch.UNKNOWN, "HTTP 404"),
        (graph_error(400, "Request_BadRequest"), Switch.UNKNOWN, Switch.UNKNOWN, "HTTP 400"),
        (Reply(body={"value": []}), Switch.UNKNOWN, Switch.UNKNOWN, "no synchronization features"),
        (Reply(body={"value": [{"features": None}]}), Switch.UNKNOWN, Switch.UNKNOWN, "no synchronization features"),
        (Reply(body={"features": {}}), Switch.UNKNOWN, Switch.UNKNOWN, "v1 and v2"),
        (
            Reply(body={"value": [{"features": {"unifiedGroupWritebackEnabled": True, "groupWriteBackEnabled": 0}}]}),
            Switch.ON,
            Switch.UNKNOWN,
            "v2",
        ),
        (
            Reply(body={"features": {"unifiedGroupWritebackEnabled": False, "groupWriteBackEnabled": True}}),
            Switch.OFF,
            Switch.ON,
            "",
        ),
    ],
)
def test_other_writers(answer: Reply, v1: Switch, v2: Switch, why: str) -> None:
    tenant = FakeTenant(answers={SYNCHRONIZATION: answer})
    writers = read(tenant).writers
    assert (writers.connect_v1, writers.connect_v2) == (v1, v2)
    assert why in writers.why_unknown
    assert bool(why) == bool(writers.why_unknown)


def test_a_404_means_off_only_for_a_tenant_that_says_that_it_is_not_synchronized() -> None:
    gone = graph_error(404, "Request_ResourceNotFound")
    alone = FakeTenant(answers={SYNCHRONIZATION: gone})
    alone.collections["/organization"] = [{**ORGANIZATION, "onPremisesSyncEnabled": None}]
    assert read(alone).writers == OtherWriters(Switch.OFF, Switch.OFF)
    unclear = read(FakeTenant(answers={SYNCHRONIZATION: gone})).writers
    assert (unclear.connect_v1, unclear.connect_v2) == (Switch.UNKNOWN, Switch.UNKNOWN)


def test_a_group_that_came_from_ad_says_who_is_its_authority() -> None:
    row = group(1, onPremisesSecurityIdentifier="S-1-5-21-1-2-3-4711")
    behavior = f"/groups/{identifier(1)}/onPremisesSyncBehavior"
    told = FakeTenant(
        collections={"/groups": [row]}, answers={behavior: Reply(body={"value": {"isCloudManaged": False}})}
    )
    snapshot = read(told)
    assert snapshot.groups[0].authority is Authority.PENDING
    unread = read(FakeTenant(collections={"/groups": [row]}))
    assert unread.groups[0].authority is Authority.UNKNOWN
    assert unread.reading.complete, "the groups themselves were read"
    assert any("onPremisesSyncBehavior" in gap for gap in unread.reading.gaps)


PAGES = st.lists(st.integers(0, 4), max_size=5)


@settings(max_examples=40)
@given(groups=PAGES, users=PAGES, members=PAGES, order=st.permutations([0, 1, 2]))
def test_any_cut_into_pages_and_any_order_gives_the_same_snapshot(
    groups: list[int], users: list[int], members: list[int], order: list[int]
) -> None:
    plain, cut = small_tenant(), small_tenant()
    cut.pages = {"/groups": groups, "/users": users, f"/groups/{identifier(1)}/members": members, DELETED: groups}
    for path in ("/groups", "/users"):
        cut.collections[path] = [cut.collections[path][number] for number in order]
    first, second = read(plain), read(cut)
    assert replace(first, reading=second.reading) == second
    assert second.reading.complete
    assert list(first.principals) == list(second.principals)
    assert list(first.members) == list(second.members)


def test_a_page_that_links_elsewhere_ends_the_reading() -> None:
    tenant = small_tenant()
    tenant.answers["/users"] = Reply(body={"value": [], "@odata.nextLink": GRAPH.replace("graph", "evil") + "/x"})
    with pytest.raises(ServiceFailed) as caught:
        read(tenant)
    assert caught.value.code == "graph-link-elsewhere"
