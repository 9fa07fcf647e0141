"""Requests of the route cloud-sync through the real loop: whatever dies or is lost, the end is that of a calm run."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.approvals.gate import refusal_finding
from runbook_lib.change.journal_check import DoneChange, effects_beyond, effects_of
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.cloud_sync.configuration import Notification
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.routes.cloud_sync.actions import schema_digest, secrets_digest
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.plan_undo import plan_undo
from runbook_lib.routes.cloud_sync.route import CLOUD_SYNC_RULES
from runbook_lib.routes.cloud_sync.scope.plan_disable import plan_disable
from runbook_lib.routes.cloud_sync.scope.plan_enable import plan_enable
from tests.support import builders as b
from tests.support.schemas import problems
from tests.unit.routes_cloud_sync.runs import ROUTES, Runs
from tests.unit.routes_cloud_sync.world import CN, Graph, inventory, security, sides_of, source

GROUPS = [security(f"G{number}") for number in range(4)]
PEOPLE = [b.synced(f"P{number}") for number in range(7)]
READ = inventory(GROUPS, {"G0": PEOPLE}, users=[b.ad_user(f"P{number}") for number in range(7)])
EVERYTHING = DesiredSettings(
    {"cn": source("[displayName]"), "samaccountname": source('Append([displayName],"_g")')},
    Notification(False, "x@contoso.com", 20),
    GROUPS[0].id,
)


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


def enabling(graph: Graph) -> Plan:
    return plan_enable(sides_of(READ, graph), b.policy("G*"), EVERYTHING).plan


@given(
    st.lists(st.sampled_from(("ok", "ok", "ok", "before", "after", "throttled")), max_size=14),
    st.lists(st.integers(1, 50), max_size=4),
    st.sets(st.integers(0, 3)),
)
@settings(max_examples=60, deadline=None)
def test_whatever_dies_or_is_lost_the_end_is_that_of_a_calm_run(
    losses: list[str], deaths: list[int], assigned: set[int]
) -> None:
    already: dict[str, str] = {GROUPS[number].id: f"old-{number}" for number in assigned}
    calm, rough = Graph(assigned=dict(already)), Graph(assigned=dict(already), losses=list(losses))
    plan = enabling(calm)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        Runs(Path(one), plan, calm).finished()
        chain = Runs(Path(other), plan, rough).finished(deaths)
        assert chain[-1].closed
        assert chain[-1].carried_out
        assert rough.state() == calm.state()
        assert sorted(rough.took) == sorted(set(rough.took)) == sorted(calm.took), "nothing is sent twice"
        assert effects_beyond(plan, chain, CLOUD_SYNC_RULES) is None


@given(st.lists(st.integers(1, 40), max_size=2), st.lists(st.sampled_from(("ok", "after", "before")), max_size=8))
@settings(max_examples=30, deadline=None)
def test_an_undo_brings_the_configuration_back_byte_for_byte(deaths: list[int], losses: list[str]) -> None:
    graph = Graph(assigned={GROUPS[3].id: "old-3"})
    schema, settings_, assigned = copy.deepcopy(graph.schema), copy.deepcopy(graph.secrets), dict(graph.assigned)
    plan = enabling(graph)
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder) / "do", plan, graph).finished()
        graph.losses = list(losses)
        undo = plan_undo(sides_of(READ, graph), b.policy(), DesiredSettings({}), DoneChange(plan, effects_of(chain)))
        assert [change.kind for change in undo.plan.changes] == [
            ChangeKind.PAUSE,
            ChangeKind.SETTINGS,
            ChangeKind.MAP,
            *[ChangeKind.UNASSIGN] * 3,
        ]
        back = Runs(Path(folder) / "undo", undo.plan, graph).finished(deaths)
        assert back[-1].carried_out
    assert schema_digest(graph.schema) == schema_digest(schema)
    assert {k: v for k, v in graph.schema.items() if k != "version"} == {
        k: v for k, v in schema.items() if k != "version"
    }
    assert secrets_digest(graph.secrets) == secrets_digest(settings_)
    assert graph.secrets == settings_
    assert graph.assigned == assigned
    assert not graph.running
    assert {finding.id for finding in undo.findings} == {"cloud-sync-ad-stays"}


def test_what_others_did_before_is_not_undone(tmp_path: Path) -> None:
    graph = Graph()
    plan = enabling(graph)
    graph.assigned[GROUPS[1].id] = "by somebody else"
    graph.running = True
    chain = Runs(tmp_path, plan, graph).finished()
    undo = plan_undo(sides_of(READ, graph), b.policy(), DesiredSettings({}), DoneChange(plan, effects_of(chain))).plan
    assert GROUPS[1].id not in {change.group_id for change in undo.changes}
    assert ChangeKind.PAUSE not in {change.kind for change in undo.changes}


def test_a_schema_that_somebody_changed_meanwhile_stops_the_run(tmp_path: Path) -> None:
    graph = Graph()
    plan = enabling(graph)
    graph.schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][0]["source"] = source("[mail]")
    changed = copy.deepcopy(graph.schema)
    chain = Runs(tmp_path, plan, graph).finished()
    assert chain[-1].closed
    assert not chain[-1].carried_out
    assert graph.schema == changed
    assert graph.took == ["secrets"]
    assert graph.assigned == {}


def test_what_somebody_changed_since_is_left_alone_by_an_undo(tmp_path: Path) -> None:
    graph = Graph()
    plan = enabling(graph)
    chain = Runs(tmp_path, plan, graph).finished()
    graph.schema["synchronizationRules"][0]["priority"] = 7
    graph.secrets[0]["value"] = '{"domain":"contoso.com","x":1}'
    graph.assigned[GROUPS[0].id] = "put back by hand"
    undo = plan_undo(sides_of(READ, graph), b.policy(), DesiredSettings({}), DoneChange(plan, effects_of(chain))).plan
    assert {refusal.rule for refusal in undo.refusals} == {"schema-changed", "settings-changed", "assigned-anew"}
    assert {change.kind for change in undo.changes} == {ChangeKind.PAUSE, ChangeKind.UNASSIGN}
    told = json.loads(json.dumps(plan_to_json(undo)))
    again = plan_from_json(told, ROUTES)
    assert (again.digest, again.refusals) == (undo.digest, undo.refusals), "whoever approves it reads it"
    assert problems("plan-cloud-sync", told) == []
    assert all(refusal.display_name for refusal in undo.refusals), "the configuration has a name too"
    assert len({refusal_finding(refusal).id for refusal in undo.refusals}) == 3


def test_a_refusal_in_the_middle_breaks_off_and_the_next_run_goes_on(tmp_path: Path) -> None:
    graph = Graph(losses=["ok", "ok", "ok", "forbidden"])
    plan = enabling(graph)
    runs = Runs(tmp_path, plan, graph)
    first = runs.one([])
    assert not first.closed
    assert len(graph.took) == 2 + 3, "the others of its batch are done and accounted for"
    assert len(first.effects) == 5
    second = runs.one([first])
    assert second.carried_out
    assert sorted(graph.took) == sorted(set(graph.took))


def test_the_journal_holds_what_was_there_before_and_the_id_of_each_request(tmp_path: Path) -> None:
    graph = Graph()
    before = copy.deepcopy(graph.schema)
    (journal,) = Runs(tmp_path, enabling(graph), graph).finished()
    begun = {intent["intent"]["action"]: intent["intent"] for intent in journal.begun.values()}
    assert begun["replace-schema"]["before"] == before
    assert begun["replace-secrets"]["before"] == Graph().secrets
    assert all(effect.data["request_id"].startswith("request-") for effect in journal.effects)


def test_an_assignment_that_plan_json_was_made_to_name_later_is_not_deleted(tmp_path: Path) -> None:
    """No digest covers the id of an assignment, so whoever can write to the records can put another group's there."""
    graph = Graph(assigned={group.id: f"a-{group.id}" for group in GROUPS})
    plan = plan_disable(sides_of(READ, graph), b.policy(disable_names=("G1",)), DesiredSettings({}), pause=False).plan
    begun = Runs(tmp_path / "run", plan, graph).one([], die_at=3)
    assert begun.begun
    assert len(graph.assigned) == 4
    edited = plan_to_json(plan)
    edited["changes"][0]["action"]["assignment_id"] = f"a-{GROUPS[2].id}"  # type: ignore[index]
    forged = plan_from_json(edited, ROUTES)
    assert forged.digest == plan.digest
    after = Runs(tmp_path / "run", forged, graph).one([begun])
    assert not after.carried_out
    assert GROUPS[2].id in graph.assigned
    assert graph.took == []


def test_groups_leave_the_scope_and_come_back(tmp_path: Path) -> None:
    graph = Graph(assigned={group.id: f"a-{group.id}" for group in GROUPS}, running=True)
    graph.schema = Graph().schema
    plan = plan_disable(
        sides_of(READ, graph), b.policy(disable_names=("G1", "G2")), DesiredSettings({}), pause=False
    ).plan
    chain = Runs(tmp_path / "do", plan, graph).finished()
    assert graph.assigned.keys() == {GROUPS[0].id, GROUPS[3].id}
    undo = plan_undo(sides_of(READ, graph), b.policy(), DesiredSettings({}), DoneChange(plan, effects_of(chain))).plan
    Runs(tmp_path / "undo", undo, graph).finished()
    assert graph.assigned.keys() == {group.id for group in GROUPS}
    assert CN in str(graph.schema)
