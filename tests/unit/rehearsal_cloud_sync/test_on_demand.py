"""Provisioning on demand: one group at once, with the members that are named and no others."""

from __future__ import annotations

import json

import pytest

from tests.unit.rehearsal_cloud_sync.world import Contoso


@pytest.fixture
def contoso() -> Contoso:
    found = Contoso()
    found.engine.provision_users(on=True)
    return found


def test_a_group_is_made_with_the_named_members_alone(contoso: Contoso) -> None:
    people = [contoso.synchronized(name) for name in ("Ann", "Bob", "Cid")]
    group = contoso.group("Sales", *people)
    assert contoso.on_demand(group, people[0]) == ("Success", "")
    assert contoso.held(group) == {"Ann"}
    assert contoso.on_demand(group, people[0]) == ("Skipped", "RedundantExport")
    assert contoso.on_demand(group, people[1]) == ("Success", "")
    assert contoso.held(group) == {"Ann", "Bob"}
    contoso.run()
    assert contoso.held(group) == {"Ann", "Bob", "Cid"}


def test_it_mends_what_somebody_changed_by_hand(contoso: Contoso) -> None:
    ann = contoso.synchronized("Ann")
    group = contoso.group("Sales", ann)
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    thing.values["displayName"], thing.members = "By hand", [contoso.ad.put("Eve").guid]
    assert contoso.on_demand(group, ann) == ("Success", "")
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (thing.values["displayName"], contoso.held(group)) == ("Sales", {"Ann", "Eve"})


def test_members_that_are_never_written_are_not_written_on_demand_either(contoso: Contoso) -> None:
    guest, outside = contoso.user("Gus"), contoso.group("Outside", assigned=False)
    group = contoso.group("Sales", guest, outside)
    assert contoso.on_demand(group, guest, outside) == ("Success", "")
    assert contoso.held(group) == set()
    contoso.engine.provision_users(on=False)
    ann = contoso.synchronized("Ann")
    contoso.store.add_member(group, ann)
    assert contoso.on_demand(group, ann) == ("Skipped", "RedundantExport")


def test_the_job_need_not_be_started(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    contoso.send("POST", f"{contoso.job}/pause")
    assert contoso.on_demand(group) == ("Success", "")
    assert contoso.ad.anchored_as(group)


def test_what_is_not_in_scope_is_skipped_and_no_agent_is_a_failure(contoso: Contoso) -> None:
    contoso.group("Another")
    outside = contoso.group("Outside", assigned=False)
    assert contoso.on_demand(outside) == ("Skipped", "NotEffectivelyEntitled")
    contoso.engine.set_agents("inactive")
    assert contoso.on_demand(outside) == ("Failure", "HybridIdentityServiceNoActiveAgents")
    assert not contoso.ad.writes


def test_the_log_has_a_row_and_the_answer_the_object(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    body = {"parameters": [{"ruleId": contoso.rule_id, "subjects": [{"objectId": group, "objectTypeName": "Group"}]}]}
    value = json.loads(contoso.json("POST", f"{contoso.job}/provisionOnDemand", body)["value"])
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (value["action"], value["targetIdentity"]["id"]) == ("Create", thing.guid)
    assert [step["type"] for step in value["provisioningSteps"]] == ["Import", "Scoping", "Matching", "Export"]
    (row,) = contoso.get("auditLogs/provisioning")["value"]
    assert row["sourceIdentity"]["id"] == group


def test_inside_of_a_batch_it_is_waited_for(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    body = {"parameters": [{"ruleId": contoso.rule_id, "subjects": [{"objectId": group, "objectTypeName": "Group"}]}]}
    part = {"id": "1", "method": "POST", "url": f"/{contoso.job}/provisionOnDemand", "body": body}
    part["headers"] = {"Content-Type": "application/json"}
    after = {"id": "2", "method": "GET", "url": "/auditLogs/provisioning", "dependsOn": ["1"]}
    answers = contoso.json("POST", "$batch", {"requests": [part, after]})["responses"]
    assert {one["id"]: one["status"] for one in answers} == {"1": 200, "2": 200}
    assert contoso.ad.anchored_as(group)
