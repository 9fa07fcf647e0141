"""Whether a group is gone: only with both proofs."""

from __future__ import annotations

import pytest
import requests

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.groups import probe_groups
from runbook_lib.model.cloud import Presence
from runbook_lib.model.ids import GroupId, as_group_id
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error, path_of
from tests.unit.graph.fake_tenant import DELETED, FakeTenant, group, identifier

NOT_FOUND = graph_error(404, "Request_ResourceNotFound")
FORBIDDEN = graph_error(403, "Authorization_RequestDenied")
GONE = identifier(7)


def probed(tenant: FakeTenant, key: str = GONE) -> Presence:
    return probe_groups(client_with(tenant)[0], [GroupId(key)])[GroupId(key)]


def test_present_deleted_and_gone() -> None:
    tenant = FakeTenant({"/groups": [group(1)], DELETED: [group(8), group(9, id=identifier(9).upper())]})
    tenant.pages = {DELETED: [1]}
    client, adapter, _ = client_with(tenant)
    ids = [identifier(9), GONE, identifier(1).upper(), GONE, identifier(8)]
    assert probe_groups(client, map(as_group_id, ids)) == {
        identifier(1): Presence.PRESENT,
        GONE: Presence.GONE,
        identifier(8): Presence.SOFT_DELETED,
        identifier(9): Presence.SOFT_DELETED,
    }
    # Each id once, and the list of deleted groups afterwards: a group deleted in between is found there.
    assert [path_of(request).startswith("/groups/") for request in adapter.sent] == [True] * 4 + [False] * 2


def test_deleted_groups_are_not_listed_without_need() -> None:
    client, adapter, _ = client_with(FakeTenant({"/groups": [group(1)]}))
    assert probe_groups(client, [GroupId(identifier(1))]) == {identifier(1): Presence.PRESENT}
    assert probe_groups(client, []) == {}
    assert len(adapter.sent) == 1


@pytest.mark.parametrize(
    "answer",
    [
        FORBIDDEN,
        graph_error(400, "Request_BadRequest"),
        graph_error(404, "ResourceNotFound", "Resource not found for the segment 'groups'."),
        Reply(body={"id": identifier(8)}),
    ],
)
def test_any_other_answer_proves_nothing(answer: Reply) -> None:
    assert probed(FakeTenant(answers={f"/groups/{GONE}": answer})) is Presence.UNKNOWN


@pytest.mark.parametrize("answer", [FORBIDDEN, NOT_FOUND, graph_error(400, "Request_BadRequest")])
def test_without_the_deleted_groups_nothing_is_gone(answer: Reply) -> None:
    assert probed(FakeTenant(answers={DELETED: answer})) is Presence.UNKNOWN


def test_what_is_no_id_is_not_asked_for() -> None:
    client, adapter, _ = client_with(FakeTenant())
    assert probe_groups(client, [GroupId("../users")]) == {"../users": Presence.UNKNOWN}
    assert adapter.sent == []


def test_a_service_that_fails_is_an_error_and_not_an_answer() -> None:
    def html(request: requests.PreparedRequest) -> Reply:
        return Reply(404, raw=b"<html>Not found</html>")

    with pytest.raises(ServiceFailed):
        probe_groups(client_with(html)[0], [GroupId(GONE)])

    def refused(request: requests.PreparedRequest) -> Reply:
        return graph_error(401, "InvalidAuthenticationToken")

    with pytest.raises(NoAccess):
        probe_groups(client_with(refused)[0], [GroupId(GONE)])
