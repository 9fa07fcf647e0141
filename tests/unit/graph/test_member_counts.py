"""Members are counted without reading them, 20 groups at a time; synchronized users are seen, or not readable."""

from __future__ import annotations

import json

import pytest

from runbook_lib.errors import NoAccess
from runbook_lib.graph.groups import count_members, synchronized_members
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error
from tests.unit.graph.fake_tenant import FakeTenant, identifier

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
    assert unread == 2
    assert tenant.batch_sizes == [20, 20, 5]
    assert told == [(20, 45), (40, 45), (45, 45)]
    first = json.loads(str(adapter.sent[0].body))["requests"][0]
    assert first["headers"] == {"ConsistencyLevel": "eventual"}
    assert "$count=true" in first["url"]


@pytest.mark.parametrize("number", [1, 3])
def test_one_alone_counts_too_and_a_refusal_of_all_is_no_count(number: int) -> None:
    ids = [identifier(n) for n in range(1, number + 1)]
    client, adapter, _ = client_with(FakeTenant(answers=dict.fromkeys(map(members, range(1, number + 1)), counted(4))))
    assert count_members(client, ids, lambda *_: None) == (dict.fromkeys(ids, 4), 0)
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
        (GONE, None),
    ],
    ids=["synchronized", "cloud alone", "not to be seen", "nobody", "refused", "gone"],
)
def test_synchronized_users_among_the_members(answer: Reply, expected: bool | None) -> None:
    tenant = FakeTenant(answers={f"{members(1)}/microsoft.graph.user": answer})
    assert synchronized_members(client_with(tenant)[0], [identifier(1)]) == {identifier(1): expected}
