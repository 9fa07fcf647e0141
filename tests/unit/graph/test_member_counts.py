"""Members are counted without reading them, 20 groups at a time; synchronized users are seen, or not readable."""

from __future__ import annotations

import json

import pytest

from runbook_lib.errors import NoAccess
from runbook_lib.graph.groups import (
    cloud_sync_starts_from,
    count_members,
    count_tenant,
    security_groups,
    synchronized_members,
)
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error
from tests.unit.graph.fake_tenant import FakeTenant, group, identifier

DENIED = graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
GONE = graph_error(404, "Request_ResourceNotFound")


def members(number: int) -> str:
    return f"/groups/{identifier(number)}/members"


def counted(number: int) -> Reply:
    return Reply(body={"@odata.count": number, "value": []})


def test_counts_come_from_graph_and_what_is_no_group_is_left_out() -> None:
    answers = {members(n): counted(n * 10) for n in range(1, 46)}
    answers |= {members(7): GONE, members(8): DENIED, members(9): Reply(body={"value": []})}
    tenant = FakeTenant(answers=answers)
    client, adapter, _ = client_with(tenant)
    told: list[tuple[int, int]] = []
    ids = [identifier(n) for n in range(1, 46)]
    counts, unread = count_members(client, ids, lambda done, total: told.append((done, total)))
    assert counts == {identifier(n): n * 10 for n in range(1, 46) if n not in (7, 8, 9)}
    assert unread == {identifier(8), identifier(9)}
    assert tenant.batch_sizes == [20, 20, 5]
    assert told == [(20, 45), (40, 45), (45, 45)]
    first = json.loads(str(adapter.sent[0].body))["requests"][0]
    assert first["headers"] == {"ConsistencyLevel": "eventual"}
    assert "$count=true" in first["url"]


@pytest.mark.parametrize("number", [1, 3])
def test_one_alone_counts_too_and_a_refusal_of_all_is_no_count(number: int) -> None:
    ids = [identifier(n) for n in range(1, number + 1)]
    client, adapter, _ = client_with(FakeTenant(answers=dict.fromkeys(map(members, range(1, number + 1)), counted(4))))
    assert count_members(client, ids, lambda *_: None) == (dict.fromkeys(ids, 4), frozenset())
    if number == 1:
        assert adapter.sent[0].headers["ConsistencyLevel"] == "eventual"
    refusing = FakeTenant(answers=dict.fromkeys(map(members, range(1, number + 1)), DENIED))
    with pytest.raises(NoAccess):
        count_members(client_with(refusing)[0], ids, lambda *_: None)


def user(name: str | None, flag: object) -> dict[str, object]:
    return {"id": identifier(90), "userPrincipalName": name, "onPremisesSyncEnabled": flag}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Reply(body={"value": [user("a@x", None), user("b@x", True)]}), True),
        (Reply(body={"value": [user("a@x", None), user("b@x", False)]}), False),
        (Reply(body={"value": [user(None, None), user(None, None)]}), None),
        (Reply(body={"value": []}), False),
        (DENIED, None),
        (Reply(body={"value": [user("a@x", None)], "@odata.nextLink": "https://more"}), None),
        (Reply(body={"value": [user("a@x", True)], "@odata.nextLink": "https://more"}), True),
    ],
    ids=["synchronized", "cloud alone", "not to be seen", "nobody", "refused", "more of them", "one is enough"],
)
def test_synchronized_users_among_the_members(answer: Reply, expected: bool | None) -> None:
    tenant = FakeTenant(answers={f"{members(1)}/microsoft.graph.user": answer})
    assert synchronized_members(client_with(tenant)[0], [identifier(1)]) == {identifier(1): expected}


def test_a_group_that_is_gone_is_no_empty_group() -> None:
    tenant = FakeTenant(answers={f"{members(1)}/microsoft.graph.user": GONE})
    assert synchronized_members(client_with(tenant)[0], [identifier(1)]) == {}


def test_what_cloud_sync_starts_from_is_listed_to_the_end() -> None:
    plain: dict[str, object] = {"groupTypes": [], "securityEnabled": True, "mailEnabled": False}
    rows = [
        group(1),
        group(2, **plain),
        group(3, **plain, onPremisesSyncEnabled=True),
        group(4, **plain, onPremisesSyncEnabled=None),
        group(5, securityEnabled=True, mailEnabled=True),
    ]
    client, adapter, _ = client_with(FakeTenant({"/groups": rows}, pages={"/groups": [2, 2]}))
    assert cloud_sync_starts_from(security_groups(client)) == (identifier(2), identifier(4))
    assert "securityEnabled+eq+true" in str(adapter.sent[0].url)


@pytest.mark.parametrize(
    ("users", "groups", "expected"),
    [
        (counted(5), counted(7), (5, 7)),
        (DENIED, counted(7), (None, 7)),
        (counted(5), Reply(body={"value": []}), (5, None)),
    ],
)
def test_the_tenant_is_counted_as_far_as_it_may_be(users: Reply, groups: Reply, expected: object) -> None:
    assert count_tenant(client_with(FakeTenant(answers={"/users": users, "/groups": groups}))[0]) == expected
