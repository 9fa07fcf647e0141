"""What a run of a job writes to AD, and what it leaves alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rehearsal.cloud_sync.cycle import AD_ERROR
from tests.unit.rehearsal_cloud_sync.world import BASE, OTHER_OU, OU, Contoso, failed


@pytest.fixture
def contoso() -> Contoso:
    return Contoso()


def test_a_group_arrives_with_anchor_name_and_place(contoso: Contoso) -> None:
    group = contoso.group("Sales", description=" Who sells ")
    assert contoso.results() == [("Sales", "create", "success")]
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (thing.cn, thing.container, thing.scope) == (f"Sales_{group[-12:]}", OU, "universal")
    assert thing.values["adminDescription"] == f"Group_{group}"
    assert (thing.values["displayName"], thing.values["description"]) == ("Sales", "Who sells")
    assert thing.values["sAMAccountName"].startswith("$")
    assert contoso.results() == []
    assert len(contoso.ad.writes) == 1


def test_where_nothing_changed_ad_is_not_even_asked(contoso: Contoso) -> None:
    gus = contoso.user("Gus")
    group = contoso.group("Sales", gus)
    contoso.run()
    asked = contoso.ad.asked
    asyncio.run(contoso.engine.run_jobs(looks_again=False))
    assert contoso.ad.asked == asked
    contoso.ad.put("Gus", **{"msDS-ExternalDirectoryObjectId": f"User_{gus}"})
    asyncio.run(contoso.engine.run_jobs(looks_again=False))
    assert contoso.held(group) == set()
    contoso.run()
    assert contoso.held(group) == {"Gus"}
    asked = contoso.ad.asked
    contoso.run()
    assert contoso.ad.asked == asked


def test_names_and_places_follow_the_schema(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    contoso.run()
    contoso.map(
        cn='Append("G-",[displayName])',
        sAMAccountName='Join("_",[displayName],"cloud")',
        parentDistinguishedName=f'Switch([displayName],"{OU}","Sales","{OTHER_OU}")',
    )
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (thing.cn, thing.container, thing.values["sAMAccountName"]) == ("G-Sales", OTHER_OU, "Sales_cloud")
    contoso.store.update_group(group, {"displayName": "Support", "description": None})
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (thing.dn, thing.values["sAMAccountName"]) == (f"CN=G-Support,{OU}", "Support_cloud")
    assert "description" not in thing.values


def test_another_place_alone_moves_what_is_there(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    contoso.run()
    before = contoso.ad.anchored_as(group)
    contoso.map(parentDistinguishedName=f'"{OTHER_OU}"')
    assert contoso.results() == [("Sales", "update", "success")]
    after = contoso.ad.anchored_as(group)
    assert before is not None
    assert after is not None
    assert (after.guid, after.dn) == (before.guid, f"CN=Sales_{group[-12:]},{OTHER_OU}")
    contoso.map(parentDistinguishedName=f'"{OTHER_OU.replace(",", ", ").lower()}"')
    assert contoso.results() == [], "another spelling is no other place"


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({}, True),
        ({"mailEnabled": True, "groupTypes": ["Unified"]}, False),
        ({"mailEnabled": True}, False),
        ({"securityEnabled": False}, False),
        ({"onPremisesSyncEnabled": True, "onPremisesSecurityIdentifier": "S-1-5-21-9"}, False),
    ],
)
def test_what_the_fixed_filter_takes(contoso: Contoso, more: dict[str, Any], written: bool) -> None:
    group = contoso.group("Sales", **more)
    contoso.run()
    assert (contoso.ad.anchored_as(group) is not None) is written


def test_selected_groups_are_the_assigned_ones(contoso: Contoso) -> None:
    chosen, other = contoso.group("Sales"), contoso.group("Support", assigned=False)
    contoso.run()
    assert contoso.ad.anchored_as(chosen)
    assert contoso.ad.anchored_as(other) is None


def test_nothing_chosen_and_no_filter_takes_nothing_and_a_filter_takes_what_it_says(contoso: Contoso) -> None:
    sales, support = contoso.group("Sales", assigned=False), contoso.group("Support", assigned=False)
    assert contoso.run().entitled == 0
    contoso.map(("displayName", "EQUALS", "Sales"))
    contoso.run()
    assert contoso.ad.anchored_as(sales)
    assert contoso.ad.anchored_as(support) is None


@pytest.mark.parametrize(
    ("operator", "value", "holds"),
    [
        ("EQUALS", "Sales", True),
        ("EQUALS", "sales", False),
        ("NOT EQUALS", "sales", True),
        ("IS NULL", "", False),
        ("IS NOT NULL", "", True),
        ("REGEX MATCH", "^S.*s$", True),
        ("NOT REGEX MATCH", "^S.*s$", False),
        ("REGEX MATCH", "(", False),
        ("NOT REGEX MATCH", "(", False),
        ("INCLUDES", "ale", True),
        ("GREATER_THAN", "1", False),
        ("Spell", "Sales", False),
    ],
)
def test_operators_of_the_filter(contoso: Contoso, operator: str, value: str, holds: bool) -> None:
    contoso.group("Sales")
    contoso.map(("displayName", operator, value))
    assert (contoso.run().entitled == 1) is holds


def test_people_of_ad_are_members_only_while_the_switch_is_on(contoso: Contoso) -> None:
    ann, bob = contoso.synchronized("Ann"), contoso.synchronized("Bob")
    group = contoso.group("Sales", ann)
    contoso.run()
    assert contoso.held(group) == set()
    contoso.engine.provision_users(on=True)
    contoso.store.add_member(group, bob)
    contoso.run()
    assert contoso.held(group) == {"Ann", "Bob"}
    contoso.store.remove_member(group, ann)
    contoso.run()
    assert contoso.held(group) == {"Bob"}
    contoso.store.remove_member(group, bob)
    contoso.run()
    assert contoso.held(group) == set()


def test_people_of_the_cloud_are_members_where_cloud_sync_made_their_account(contoso: Contoso) -> None:
    made, guest = contoso.user("Clara"), contoso.user("Gus")
    taken_over = contoso.user("Tom", onPremisesObjectIdentifier=contoso.ad.put("Tom").guid)
    contoso.ad.put("Clara", **{"msDS-ExternalDirectoryObjectId": f"User_{made}"})
    group = contoso.group("Sales", made, guest, taken_over)
    contoso.engine.provision_users(on=True)
    contoso.run()
    assert contoso.held(group) == {"Clara"}


def test_nested_groups_follow_microsoft_s_table(contoso: Contoso) -> None:
    inside, outside = contoso.group("Inside"), contoso.group("Outside", assigned=False)
    converted = contoso.converted("Converted", assigned=False)
    of_ad = contoso.ad.put("Of AD", scope="universal")
    synchronized = contoso.group("Of AD", onPremisesSyncEnabled=True, onPremisesSecurityIdentifier=of_ad.sid)
    mail = contoso.group("Mail", mailEnabled=True)
    members = (inside, outside, converted, synchronized, mail)
    for parent in (contoso.group("Parent", *members), contoso.converted("Taken over", *members)):
        contoso.store.add_member(parent, parent)
        contoso.run()
        assert contoso.held(parent) == {f"Inside_{inside[-12:]}", "Converted"}


def test_a_member_group_that_leaves_the_scope_leaves_its_parents(contoso: Contoso) -> None:
    child = contoso.group("Child", assigned=False)
    assignment = contoso.assign(child)
    parent = contoso.group("Parent", child)
    contoso.run()
    assert contoso.held(parent) == {f"Child_{child[-12:]}"}
    contoso.send("DELETE", f"servicePrincipals/{contoso.principal}/appRoleAssignedTo/{assignment}")
    results = contoso.results()
    assert ("Child", "other", "skipped") in results
    assert contoso.held(parent) == set()
    assert contoso.ad.anchored_as(child), "its AD object stays"
    assert contoso.results() == [], "said once"


def test_edits_by_hand_stay_until_that_value_changes_in_the_cloud(contoso: Contoso) -> None:
    ann, bob = contoso.synchronized("Ann"), contoso.synchronized("Bob")
    contoso.engine.provision_users(on=True)
    group = contoso.group("Sales", ann, description="Before")
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    thing.values["description"], thing.cn = "By hand", "By hand"
    thing.members = [contoso.ad.put("Eve").guid]
    contoso.run()
    assert (thing.values["description"], thing.cn, contoso.held(group)) == ("By hand", "By hand", {"Eve"})
    contoso.store.add_member(group, bob)
    contoso.store.update_group(group, {"description": "After"})
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (thing.values["description"], thing.cn, contoso.held(group)) == ("After", "By hand", {"Eve", "Bob"})


@pytest.mark.parametrize("scope", ["Full", "Watermark", ""])
def test_after_a_restart_everything_is_sent_again(contoso: Contoso, scope: str) -> None:
    ann = contoso.synchronized("Ann")
    contoso.engine.provision_users(on=True)
    group = contoso.group("Sales", ann)
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    thing.cn, thing.members = "By hand", [contoso.ad.put("Eve").guid]
    assert contoso.send("POST", f"{contoso.job}/restart", {"criteria": {"resetScope": scope}}).status == 204
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert (thing.cn, contoso.held(group)) == (f"Sales_{group[-12:]}", {"Ann", "Eve"})
    assert contoso.results() == [], "once, not with every run"


def test_a_deleted_group_loses_its_object(contoso: Contoso) -> None:
    group, other = contoso.group("Sales"), contoso.group("Support")
    contoso.run()
    contoso.store.delete_group(group)
    assert [one[1:] for one in contoso.results()] == [("delete", "success")]
    assert contoso.ad.anchored_as(group) is None
    assert contoso.ad.anchored_as(other)
    assert contoso.results() == []


def test_a_deleted_group_whose_object_is_gone_already_is_done(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    contoso.ad.delete(thing.guid)
    contoso.store.delete_group(group)
    assert [one[1:] for one in contoso.results()] == [("delete", "success")]


@pytest.mark.parametrize(("deletions", "quarantined"), [(2, False), (3, True), (4, True)])
def test_the_threshold_lets_one_less_pass(contoso: Contoso, deletions: int, quarantined: bool) -> None:
    groups = [contoso.group(f"Group {number}") for number in range(5)]
    contoso.run()
    contoso.threshold(3)
    for group in groups[:deletions]:
        contoso.store.delete_group(group)
    contoso.store.update_group(groups[4], {"displayName": "Renamed"})
    run = contoso.run()
    status = contoso.status()
    assert (status["code"] == "Quarantine") is quarantined
    gone = sum(contoso.ad.anchored_as(group) is None for group in groups)
    assert gone == (0 if quarantined else deletions)
    if not quarantined:
        return
    assert run.error is not None
    assert (status["quarantine"]["reason"], status["lastExecution"]["state"]) == ("TooManyDeletes", "Failed")
    assert not any("Renamed" in thing.cn for thing in contoso.ad.things.values())
    contoso.send("POST", f"{contoso.job}/restart", {"criteria": {"resetScope": "QuarantineState"}})
    assert contoso.run().error is not None, "the deletions are still there"
    contoso.send("POST", f"{contoso.job}/restart", {"criteria": {"resetScope": "ForceDeletes"}})
    contoso.run()
    assert contoso.status()["code"] == "Active"
    assert sum(contoso.ad.anchored_as(group) is None for group in groups) == deletions
    for group in groups[deletions:]:
        contoso.store.delete_group(group)
    contoso.threshold(1)
    assert contoso.run().error is not None, "forced once"


def test_a_quarantined_job_waits_for_a_restart(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    contoso.run()
    contoso.threshold(1)
    contoso.store.delete_group(group)
    contoso.run()
    contoso.threshold(5)
    with pytest.raises(KeyError):
        contoso.run()
    contoso.send("POST", f"{contoso.job}/start")
    contoso.run()
    assert contoso.ad.anchored_as(group) is None


def test_a_group_that_the_cloud_took_over_is_matched_by_sid_and_follows_the_mapping(contoso: Contoso) -> None:
    group = contoso.converted("Legal", description="Law")
    (before,) = contoso.ad.things.values()
    contoso.run()
    after = contoso.ad.anchored_as(group)
    assert after is not None
    assert (after.guid, after.sid) == (before.guid, before.sid)
    assert (after.dn, after.values["sAMAccountName"]) == (f"CN=Legal_{group[-12:]},{OU}", "Legal")
    contoso.store.table("rolled_back")[group] = {"id": group}
    contoso.store.update_group(group, {"displayName": "Back"})
    assert contoso.results() == [("Back", "other", "skipped")]
    assert contoso.ad.anchored_as(group) == after


def test_without_a_container_in_the_mapping_it_lands_in_users(contoso: Contoso) -> None:
    contoso = Contoso(container=f'"CN=Users,{BASE}"')
    group = contoso.converted("Legal")
    contoso.run()
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    assert thing.container == f"CN=Users,{BASE}"


def test_an_adopted_object_keeps_its_identity_and_members(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    thing = contoso.ad.put("Old name", scope="universal", **{"msDS-ExternalDirectoryObjectId": f"Group_{group}"})
    thing.members = [contoso.ad.put("Eve").guid]
    assert contoso.results() == [("Sales", "update", "success")]
    now = contoso.ad.anchored_as(group)
    assert now is not None
    assert (now.guid, now.container, contoso.held(group)) == (thing.guid, OU, {"Eve"})


@pytest.mark.parametrize("trouble", ["global", "twice", "name", "container", "mapping"])
def test_a_group_that_fails_leaves_the_others_alone(contoso: Contoso, trouble: str) -> None:
    good = contoso.group("Good")
    if trouble == "global":
        bad = contoso.converted("Bad", scope="global")
    else:
        bad = contoso.group("Bad", displayName="" if trouble == "mapping" else "Bad")
    if trouble == "twice":
        for name in ("one", "two"):
            contoso.ad.put(name, scope="universal", **{"msDS-ExternalDirectoryObjectId": f"Group_{bad}"})
    elif trouble == "name":
        contoso.ad.put(f"Bad_{bad[-12:]}", OU)
    elif trouble == "container":
        contoso.map(parentDistinguishedName=f'Switch([displayName],"{OU}","Bad","OU=Nowhere,{BASE}")')
    elif trouble == "mapping":
        contoso.map(cn="[displayName]")
    run = contoso.run()
    assert [one.group_id for one in failed(run)] == [bad]
    assert contoso.ad.anchored_as(good)
    assert contoso.status()["lastExecution"]["state"] == "EntryLevelErrors"
    assert contoso.status()["code"] == "Active"


def test_a_member_that_ad_refuses_keeps_out_no_other(contoso: Contoso) -> None:
    ann, bob = contoso.synchronized("Ann"), contoso.synchronized("Bob")
    contoso.engine.provision_users(on=True)
    contoso.ad.refused.add(next(one.guid for one in contoso.ad.things.values() if one.cn == "Bob"))
    group = contoso.group("Sales", ann, bob)
    (result,) = failed(contoso.run())
    assert (result.group_id, result.code) == (group, AD_ERROR)
    assert contoso.held(group) == {"Ann"}
    contoso.ad.refused.clear()
    contoso.run()
    assert contoso.held(group) == {"Ann", "Bob"}


def test_an_object_deleted_by_hand_is_made_anew_when_the_group_changes(contoso: Contoso) -> None:
    ann = contoso.synchronized("Ann")
    contoso.engine.provision_users(on=True)
    group, other = contoso.group("Sales"), contoso.group("Support")
    contoso.run()
    for one in (group, other):
        thing = contoso.ad.anchored_as(one)
        assert thing is not None
        contoso.ad.delete(thing.guid)
    assert contoso.results() == []
    contoso.store.update_group(group, {"description": "New"})
    contoso.store.add_member(other, ann)
    assert ("Sales", "create", "success") in contoso.results()
    assert ("Support", "create", "success") in contoso.results()
    assert contoso.held(other) == {"Ann"}


@pytest.mark.parametrize(
    ("agents", "code"),
    [
        ([], "HybridIdentityServiceNoAgentsAssigned"),
        (["inactive"], "HybridIdentityServiceNoActiveAgents"),
        (["inactive", "active"], ""),
    ],
)
def test_without_an_active_agent_the_job_waits_in_quarantine(contoso: Contoso, agents: list[str], code: str) -> None:
    group = contoso.group("Sales")
    contoso.store.table("agents").clear()
    for number, status in enumerate(agents):
        contoso.store.add("agents", {"id": str(number), "status": status, "domains": ["contoso.com"]})
    for _ in range(2):
        contoso.run()
    status = contoso.status()
    assert (contoso.ad.anchored_as(group) is None) is bool(code)
    if code:
        assert (status["code"], status["quarantine"]["error"]["code"]) == ("Quarantine", code)
        assert (status["countSuccessiveCompleteFailures"], status["quarantine"]["seriesCount"]) == (2, 2)
        contoso.store.add("agents", {"id": "new", "status": "active", "domains": ["contoso.com"]})
        contoso.run()
    assert (contoso.status()["code"], contoso.status()["quarantine"]) == ("Active", None)
    assert contoso.ad.anchored_as(group)


def test_a_directory_that_does_not_answer_is_the_run_s_error(contoso: Contoso) -> None:
    contoso.group("Sales")
    contoso.ad.down = True
    assert contoso.run().error == (AD_ERROR, "nobody answers")
    assert contoso.status()["quarantine"]["error"]["code"] == AD_ERROR


def test_what_the_secrets_say_of_all_groups_counts_more_than_what_is_assigned(contoso: Contoso) -> None:
    contoso.group("Sales")
    contoso.group("Support", assigned=False)
    pairs = contoso.get(f"{contoso.base}/secrets")["value"]
    for told, entitled in (("true", 2), ("false", 1)):
        value = [*pairs, {"key": "SyncAll", "value": told}]
        assert contoso.send("PUT", f"{contoso.base}/secrets", {"value": value}).status == 204
        assert contoso.run().entitled == entitled


def test_a_job_that_is_not_started_writes_nothing(contoso: Contoso) -> None:
    contoso.group("Sales")
    contoso.send("POST", f"{contoso.job}/pause")
    with pytest.raises(KeyError):
        contoso.run()
    contoso.send("POST", f"{contoso.job}/start")
    assert contoso.results() == [("Sales", "create", "success")]


def test_removing_the_configuration_leaves_ad_as_it_is(contoso: Contoso) -> None:
    group = contoso.group("Sales")
    contoso.run()
    contoso.send("DELETE", f"servicePrincipals/{contoso.principal}")
    with pytest.raises(KeyError):
        contoso.run()
    assert contoso.ad.anchored_as(group)


def test_job_and_log_tell_what_happened(contoso: Contoso) -> None:
    ann = contoso.synchronized("Ann")
    contoso.engine.provision_users(on=True)
    group, gone = contoso.group("Sales", ann), contoso.group("Support")
    contoso.run()
    contoso.store.delete_group(gone)
    contoso.run()
    status = contoso.status()
    assert status["synchronizedEntryCountByType"] == [{"key": "Group to group", "value": 1}]
    last = status["lastExecution"]
    assert (last["state"], last["countEntitled"], last["countExported"]) == ("Succeeded", 1, 1)
    assert status["lastSuccessfulExecutionWithExports"] == last
    rows = contoso.get("auditLogs/provisioning")["value"]
    assert {(row["sourceIdentity"]["id"], row["provisioningAction"]) for row in rows} == {
        (group, "create"),
        (gone, "create"),
        (gone, "delete"),
    }
    thing = contoso.ad.anchored_as(group)
    assert thing is not None
    (made,) = [row for row in rows if row["sourceIdentity"]["id"] == group]
    assert (made["jobId"], made["targetIdentity"]["id"]) == (contoso.job_id, thing.guid)
    assert {one["displayName"] for one in made["modifiedProperties"]} >= {"cn", "displayName", "member"}
