"""Who is the source of authority of groups that came from AD is asked for those alone, 20 at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.graph.groups import with_sync_behavior
from runbook_lib.model.cloud import Authority, CloudGroup, CloudKind
from runbook_lib.model.ids import GroupId
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error
from tests.unit.graph.fake_tenant import FakeTenant, identifier

SID = "S-1-5-21-1-2-3-4711"
DENIED = graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def group(number: int, *, sid: str | None = SID, synchronized: bool | None = None) -> CloudGroup:
    kind = CloudKind.SECURITY
    return CloudGroup(
        GroupId(identifier(number)), "G", kind, on_premises_sid=sid, on_premises_sync_enabled=synchronized
    )


def path(number: int) -> str:
    return f"/groups/{identifier(number)}/onPremisesSyncBehavior"


def wrapped(managed: object) -> Reply:
    return Reply(body={"value": {"@odata.type": "#microsoft.graph.onPremisesSyncBehavior", "isCloudManaged": managed}})


@pytest.mark.parametrize(
    ("answer", "authority"),
    [
        (wrapped(True), Authority.CONVERTED),
        (wrapped(False), Authority.PENDING),
        (Reply(body={"id": identifier(1), "isCloudManaged": True}), Authority.CONVERTED),
        (Reply(body={"id": identifier(1), "isCloudManaged": False}), Authority.PENDING),
        (wrapped(None), Authority.UNKNOWN),
        (Reply(body={}), Authority.UNKNOWN),
        (DENIED, Authority.UNKNOWN),
        (graph_error(404, "Request_ResourceNotFound"), Authority.UNKNOWN),
        (graph_error(400, "Request_BadRequest"), Authority.UNKNOWN),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_what_an_answer_means(answer: Reply, authority: Authority, beside: bool) -> None:
    tenant = FakeTenant(answers={path(1): answer, path(2): wrapped(True)})
    given = [group(1), *([group(2)] if beside else [])]
    found, gap = with_sync_behavior(client_with(tenant)[0], given)
    assert found[0].authority is authority
    assert bool(gap) is (authority is Authority.UNKNOWN)
    assert not beside or found[1].authority is Authority.CONVERTED, "one refusal takes no neighbour along"


def test_only_groups_that_may_be_converted_are_asked_about() -> None:
    tenant = FakeTenant(answers={path(3): wrapped(True)})
    client, adapter, _ = client_with(tenant)
    given = [group(1, synchronized=True), group(2, sid=None), group(3)]
    found, gap = with_sync_behavior(client, given)
    assert found == (given[0], given[1], replace(given[2], cloud_managed=True))
    assert gap == ""
    assert len(adapter.sent) == 1


def test_twenty_at_a_time_and_no_more_after_a_batch_that_is_refused_as_a_whole() -> None:
    answers = {path(number): wrapped(number % 2 == 0) for number in range(1, 46)}
    tenant = FakeTenant(answers=answers)
    found, gap = with_sync_behavior(client_with(tenant)[0], [group(number) for number in range(1, 46)])
    assert [one.cloud_managed for one in found] == [number % 2 == 0 for number in range(1, 46)]
    assert (gap, tenant.batch_sizes) == ("", [20, 20, 5])
    refusing = FakeTenant(answers=dict.fromkeys(answers, DENIED))
    found, gap = with_sync_behavior(client_with(refusing)[0], [group(number) for number in range(1, 46)])
    assert {one.cloud_managed for one in found} == {None}
    assert refusing.batch_sizes == [20]
    assert "of 45 groups that came from AD could not be read (HTTP 403)" in gap
    _, gap = with_sync_behavior(client_with(FakeTenant(answers={path(1): DENIED}))[0], [group(1)])
    assert "of 1 group that came from AD could not be read (HTTP 403)" in gap
