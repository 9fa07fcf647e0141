"""A reading by what changed shows what a whole one shows, or a whole one takes its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.cloud.changes import ChangeLog
from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names
from runbook_lib.errors import ServiceFailed
from runbook_lib.graph.kept.reader import CloudReader, InMemory
from runbook_lib.graph.kept.state import MOST_READINGS, OLDEST
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.model.ids import GroupId
from tests.unit.graph.fake_cloud import Reply, graph_error
from tests.unit.graph_kept.tenant import EDITS, Behind, chance_of, edit
from tests.unit.rehearsal_cloud.asking import Asking

SALES, CLUB = (GroupId(names.group_id(key)) for key in ("sales-team", "running-club"))


def tenant_id(asking: Asking) -> str:
    return str(asking.store.organization["id"])


def reader(behind: Behind) -> CloudReader:
    return CloudReader(tenant_id(behind.asking), InMemory(), behind.clock)


def plain(snapshot: CloudSnapshot) -> dict[str, object]:
    """All that a snapshot says of the tenant."""
    return {
        "groups": snapshot.groups,
        "members": dict(snapshot.members),
        "principals": dict(snapshot.principals),
        "deleted": snapshot.deleted_groups,
        "writers": snapshot.writers,
        "tenant": replace(snapshot.tenant, last_sync=None),
        "complete": snapshot.reading.complete,
    }


def whole(behind: Behind) -> CloudSnapshot:
    return read_cloud(behind.client(), tenant_id(behind.asking), clock=behind.clock)


def by_changes(snapshot: CloudSnapshot) -> bool:
    return any("Everything was read at" in sentence for sentence in snapshot.reading.proof)


def told(snapshot: CloudSnapshot) -> str:
    return " ".join(snapshot.reading.proof)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), rounds=st.lists(st.integers(0, 12), min_size=1, max_size=2), replays=st.booleans())
def test_whatever_changed_a_reading_by_changes_is_what_a_whole_one_is(
    asking: Asking, seed: int, rounds: list[int], *, replays: bool
) -> None:
    asking.store.reset()
    behind, chance = Behind(asking), chance_of(seed)
    read = reader(behind)
    read.read(behind.client())
    for edits in rounds:
        for _ in range(edits):
            edit(asking.store, chance)
        if replays:
            asking.store.log.replay()
            asking.store.user_log.replay()
        snapshot = read.read(behind.client()).snapshot
        assert by_changes(snapshot)
        assert plain(snapshot) == plain(whole(behind))


@pytest.mark.parametrize("kind", EDITS)
def test_each_kind_of_change_is_seen(asking: Asking, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    behind, chance = Behind(asking), chance_of(kind)
    read = reader(behind)
    asking.store.delete_group(CLUB)  # something to restore, and to purge
    before = read.read(behind.client()).snapshot
    monkeypatch.setattr("tests.unit.graph_kept.tenant.EDITS", (kind,))
    while plain(whole(behind)) == plain(before):
        edit(asking.store, chance)
    snapshot = read.read(behind.client()).snapshot
    assert by_changes(snapshot)
    assert plain(snapshot) == plain(whole(behind))


def test_nothing_changed_takes_a_twentieth_of_the_requests(asking: Asking) -> None:
    behind = Behind(asking)
    read = reader(behind)
    first = read.read(behind.client()).snapshot
    second = read.read(behind.client()).snapshot
    assert plain(first) == plain(second)
    untold = [group for group in first.groups if group.hidden_membership or group.may_be_converted]
    assert second.reading.requests <= 8 + len(untold)


def test_groups_named_besides_are_read_whatever_graph_says(asking: Asking) -> None:
    behind = Behind(asking)
    read = reader(behind)
    read.read(behind.client())
    record = asking.store.groups[SALES]
    asking.store.table("groups")[SALES] = {**record, "displayName": "Changed, and not told yet"}
    assert plain(read.read(behind.client()).snapshot) != plain(whole(behind))
    assert plain(read.read(behind.client(), also=[SALES]).snapshot) == plain(whole(behind))


def test_members_of_a_group_that_hides_them_are_read_whatever_graph_says(asking: Asking) -> None:
    behind = Behind(asking)
    asking.store.update_group(SALES, {"visibility": "HiddenMembership"})
    read = reader(behind)
    read.read(behind.client())
    log, asking.store.log = asking.store.log, ChangeLog()
    asking.store.remove_member(SALES, asking.store.members(SALES)[0])
    asking.store.log = log  # in which it is not told
    snapshot = read.read(behind.client()).snapshot
    assert by_changes(snapshot)
    assert plain(snapshot) == plain(whole(behind))


def test_a_source_of_authority_that_cannot_be_read_any_more_is_unknown(asking: Asking) -> None:
    behind = Behind(asking)
    read = reader(behind)
    converted = [group.id for group in read.read(behind.client()).snapshot.groups if group.cloud_managed is not None]
    behind.before = lambda _, path: (
        graph_error(403, "Authorization_RequestDenied") if path.endswith("/onPremisesSyncBehavior") else None
    )
    snapshot = read.read(behind.client()).snapshot
    assert converted
    assert by_changes(snapshot)
    assert plain(snapshot) == plain(whole(behind))


def test_without_a_place_every_reading_is_whole(asking: Asking) -> None:
    behind = Behind(asking)
    read = CloudReader(tenant_id(asking), None, behind.clock)
    for _ in range(2):
        assert not by_changes(read.read(behind.client()).snapshot)
    assert not any("delta" in path for path in behind.asked)


@pytest.mark.parametrize("action", ["expire", "begin_again"])
def test_a_link_that_serves_no_more_means_a_whole_reading(asking: Asking, action: str) -> None:
    behind = Behind(asking)
    read = reader(behind)
    read.read(behind.client())
    edit(asking.store, chance_of(1))
    for log in (asking.store.log, asking.store.user_log):
        getattr(log, action)()
    snapshot = read.read(behind.client()).snapshot
    assert not by_changes(snapshot)
    code, status = ("syncStateNotFound", 400) if action == "expire" else ("resyncRequired", 410)
    assert f"Read as a whole: Graph keeps no state for it any more (HTTP {status}, {code})" in told(snapshot)
    assert plain(snapshot) == plain(whole(behind))
    assert by_changes(read.read(behind.client()).snapshot)


DOUBTFUL = {
    "no link at the end": {"value": []},
    "both links": {"value": [], "@odata.nextLink": "https://localhost:8443/v1.0/x", "@odata.deltaLink": "y"},
    "a link elsewhere": {"value": [], "@odata.nextLink": "https://elsewhere.example/v1.0/groups/delta"},
    "no id": {"value": [{"displayName": "Sales"}], "@odata.deltaLink": "https://localhost:8443/v1.0/z"},
    "no list": {"value": {}, "@odata.deltaLink": "https://localhost:8443/v1.0/z"},
    "a link that is no text": {"value": [], "@odata.deltaLink": 7},
}


@pytest.mark.parametrize("what", [*DOUBTFUL, "refused", "not covered", "an unknown group that is refused"])
@pytest.mark.parametrize("path", ["/groups/delta", "/users/delta"])
def test_doubt_means_a_whole_reading(asking: Asking, what: str, path: str) -> None:
    behind = Behind(asking)
    read = reader(behind)
    read.read(behind.client())
    answers = {
        "refused": graph_error(403, "Authorization_RequestDenied"),
        "not covered": graph_error(501, "NotImplemented"),
        "an unknown group that is refused": Reply(
            body={"value": [{"id": SALES}], "@odata.deltaLink": "https://localhost:8443/v1.0/z"}
        ),
    }
    answer = answers.get(what) or Reply(body=DOUBTFUL[what])
    collection = path.removesuffix("/delta")

    def before(_: str, asked: str) -> Reply | None:
        if asked == path:
            return answer
        if what.startswith("an unknown") and asked == f"{collection}/{SALES}":
            return graph_error(403, "Authorization_RequestDenied")
        return None

    behind.before = before
    edit(asking.store, chance_of(2))
    snapshot = read.read(behind.client()).snapshot
    assert "Read as a whole: " in told(snapshot)
    assert plain(snapshot) == plain(whole(behind))


def test_a_404_that_is_not_graphs_own_for_an_object_is_doubt(asking: Asking) -> None:
    behind = Behind(asking)
    read = reader(behind)
    read.read(behind.client())
    asking.store.update_group(SALES, {"displayName": "Sales"})
    behind.before = lambda _, path: graph_error(404, "ResourceNotFound") if path == f"/groups/{SALES}" else None
    snapshot = read.read(behind.client()).snapshot
    assert f"Read as a whole: /groups/{SALES} could not be read (graph-not-found)" in told(snapshot)
    assert SALES in {group.id for group in snapshot.groups}


def test_where_much_changed_everything_is_read(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook_lib.graph.kept.again._FEW", 3)
    behind = Behind(asking)
    read = reader(behind)
    first = read.read(behind.client()).snapshot
    for group in list(asking.store.groups)[: len(first.groups) // 10 + 4]:
        asking.store.update_group(group, {"description": "changed"})
    snapshot = read.read(behind.client()).snapshot
    assert "groups changed since" in told(snapshot)
    assert not by_changes(snapshot)
    assert plain(snapshot) == plain(whole(behind))


def test_everything_is_read_every_so_often(asking: Asking) -> None:
    behind = Behind(asking)
    read = reader(behind)
    ways = [by_changes(read.read(behind.client()).snapshot) for _ in range(MOST_READINGS + 3)]
    assert ways == [False, *[True] * MOST_READINGS, False, True]
    behind.clock.move(OLDEST.total_seconds())
    assert by_changes(read.read(behind.client()).snapshot)
    behind.clock.move(1)
    assert not by_changes(read.read(behind.client()).snapshot)
    behind.clock.move(-timedelta(hours=1).total_seconds())
    assert not by_changes(read.read(behind.client()).snapshot)


def due(behind: Behind) -> CloudReader:
    read = reader(behind)
    read.read(behind.client())
    behind.clock.move(OLDEST.total_seconds() + 1)
    return read


def test_what_was_not_named_as_changed_is_a_finding(asking: Asking) -> None:
    behind = Behind(asking)
    read = due(behind)
    untold(asking.store)
    edit(asking.store, chance_of(3))  # named, therefore none
    found = read.read(behind.client())
    assert not by_changes(found.snapshot)
    (finding,) = found.findings
    assert (finding.id, finding.values) == ("changes-not-named", {"ids": [SALES]})
    assert f"differ from what was kept (1 object): Not Told ({SALES})" in finding.seen
    assert read.read(behind.client()).findings == ()


def untold(store: CloudStore) -> None:
    store.table("groups")[SALES] = {**store.groups[SALES], "displayName": "Not Told"}


def test_what_changes_during_the_comparison_is_no_finding(asking: Asking) -> None:
    behind = Behind(asking)
    read = due(behind)
    seen = 0

    def before(_: str, path: str) -> None:
        nonlocal seen
        seen += path == "/groups"
        if seen == 1 and path == "/groups":
            asking.store.update_group(SALES, {"displayName": "Changed meanwhile"})
            asking.store.delete_group(CLUB)

    behind.before = before
    found = read.read(behind.client())
    assert seen
    assert found.findings == ()
    assert plain(found.snapshot) == plain(whole(behind))


def test_a_reading_that_is_not_complete_is_not_gone_on_from(asking: Asking) -> None:
    behind = Behind(asking)
    behind.before = lambda _, path: (
        graph_error(403, "Authorization_RequestDenied") if path == f"/groups/{SALES}/members" else None
    )
    read = reader(behind)
    for _ in range(2):
        snapshot = read.read(behind.client()).snapshot
        assert not snapshot.reading.complete
        assert not by_changes(snapshot)


def test_a_service_that_fails_fails_the_reading(asking: Asking) -> None:
    behind = Behind(asking)
    read = reader(behind)
    read.read(behind.client())
    behind.before = lambda *_: Reply(503)
    with pytest.raises(ServiceFailed):
        read.read(behind.client())
