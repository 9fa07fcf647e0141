"""What the tenant says about itself: settings, Connect's features, sources of authority, Cloud Sync, its log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import (
    APPLICATION_TEMPLATE,
    JOB_ID,
    KINDS,
    PRINCIPAL_ID,
    RULE_ID,
    TEMPLATE,
    add_configuration,
)
from rehearsal.contoso.cloud_tenant import GROUP_UNIFIED, GROUP_UNIFIED_GUEST, P1_PLAN, P2_PLAN, PLANS, PRODUCTS
from tests.unit.rehearsal_cloud.asking import Asking

BAD = (400, "Request_BadRequest")
DENIED = (403, "Authorization_RequestDenied")
SYNCHRONIZATION = "directory/onPremisesSynchronization"
JOB = f"servicePrincipals/{PRINCIPAL_ID}/synchronization/jobs/{JOB_ID}"


def values(setting: Any) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in setting["values"]}


def pairs(settings: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in settings.items()]


def test_licences_and_domains(asking: Asking) -> None:
    skus = asking.get("subscribedSkus?$select=skuPartNumber,capabilityStatus,servicePlans")["value"]
    plans = {
        plan["servicePlanId"] for sku in skus if sku["capabilityStatus"] == "Enabled" for plan in sku["servicePlans"]
    }
    assert {P1_PLAN, P2_PLAN} <= plans
    known = {identifier: name for name, identifier in PLANS.items()}
    for sku in asking.get("subscribedSkus")["value"]:
        assert sku["skuId"] == PRODUCTS[sku["skuPartNumber"]][0]
        assert {one["servicePlanName"] for one in sku["servicePlans"]} == {
            known[one["servicePlanId"]] for one in sku["servicePlans"]
        }
    (organization,) = asking.get("organization")["value"]
    assert {one["servicePlanId"] for one in organization["assignedPlans"]} == {P1_PLAN, P2_PLAN}
    domains = asking.get("domains")["value"]
    assert [one["id"] for one in domains if one["isDefault"]] == [names.INITIAL_DOMAIN]
    (organization,) = asking.get("organization")["value"]
    assert {one["id"] for one in domains} == {one["name"] for one in organization["verifiedDomains"]}
    assert asking.get(f"domains/{names.MAIL_DOMAIN}")["isVerified"] is True
    assert asking.refused("GET", "domains/nobody.example") == (404, "Request_ResourceNotFound")


def test_the_group_setting_changes_as_a_whole_only(asking: Asking) -> None:
    (setting,) = asking.get("groupSettings")["value"]
    assert (setting["templateId"], values(setting)["NewUnifiedGroupWritebackDefault"]) == (GROUP_UNIFIED, "true")
    path = f"groupSettings/{setting['id']}"
    changed = {**values(setting), "NewUnifiedGroupWritebackDefault": "false"}
    assert asking.refused("PATCH", path, {"values": pairs(changed)[:1]}) == BAD
    assert asking.refused("PATCH", path, {"values": [*pairs(changed), {"name": "Spaceship", "value": "x"}]}) == BAD
    assert asking.refused("PATCH", path, {"values": pairs({**changed, "EnableMIPLabels": None})}) == BAD  # type: ignore[dict-item]
    assert asking.refused("PATCH", path, {"templateId": GROUP_UNIFIED, "values": pairs(changed)}) == BAD
    assert asking.send("PATCH", path, {"values": pairs(changed)}).status == 204
    assert values(asking.get(path)) == changed


def test_a_setting_is_made_once_per_template(asking: Asking) -> None:
    body = {"templateId": GROUP_UNIFIED, "values": pairs({"NewUnifiedGroupWritebackDefault": "false"})}
    assert asking.refused("POST", "groupSettings", body) == BAD
    (setting,) = asking.get("groupSettings")["value"]
    assert asking.send("DELETE", f"groupSettings/{setting['id']}").status == 204
    made = asking.json("POST", "groupSettings", body)
    assert values(made)["NewUnifiedGroupWritebackDefault"] == "false"
    assert values(made).keys() == values(setting).keys()
    assert asking.refused("POST", "groupSettings", {**body, "templateId": names.ORPHAN_GROUP_ID}) == BAD
    assert asking.send("POST", "groupSettings", {"templateId": GROUP_UNIFIED_GUEST, "values": []}).status == 201


def test_settings_have_another_name_in_beta(asking: Asking) -> None:
    assert len(asking.get("settings", version="beta")["value"]) == 1
    for path, version in (("settings", "v1.0"), ("groupSettings", "beta"), ("groupSettingTemplates", "beta")):
        assert asking.refused("GET", path, version=version) == (400, "BadRequest")
    found = {one["displayName"] for one in asking.get("groupSettingTemplates")["value"]}
    assert found == {"Group.Unified", "Group.Unified.Guest"}
    for path in ("settings", "directorySettingTemplates"):
        listed = asking.get(path, version="beta")
        assert listed["@odata.context"].endswith(f"/beta/$metadata#{path}")
        one = asking.get(f"{path}/{listed['value'][0]['id']}", version="beta")
        assert one["@odata.context"].endswith(f"/beta/$metadata#{path}/$entity")
        assert f'<EntitySet Name="{path}"' in asking.send("GET", "$metadata", version="beta").body.decode()
    assert len(asking.get("directorySettingTemplates", version="beta")["value"]) == 2


def test_connect_s_features_are_for_people(asking: Asking) -> None:
    (shown,) = asking.get(SYNCHRONIZATION)["value"]
    assert shown["features"]["unifiedGroupWritebackEnabled"] is False
    assert shown["features"]["groupWriteBackEnabled"] is False
    assert "writebackConfiguration" not in shown["configuration"]
    everything = asking.caller.roles | {"Directory.ReadWrite.All"}
    asking.caller = Caller("client", everything)
    for path in (SYNCHRONIZATION, f"{SYNCHRONIZATION}/{names.TENANT_ID}"):
        assert asking.refused("GET", path) == DENIED
        assert asking.refused("GET", path, version="beta") == DENIED


def test_only_beta_names_the_writeback_container(asking: Asking) -> None:
    single = asking.get(f"{SYNCHRONIZATION}/{names.TENANT_ID}", version="beta")
    assert single["configuration"]["writebackConfiguration"] == {
        "unifiedGroupContainer": names.CONNECT_OU,
        "userContainer": None,
    }
    assert "writebackConfiguration" not in asking.get(f"{SYNCHRONIZATION}/{names.TENANT_ID}")["configuration"]


def test_features_and_thresholds_change_one_by_one(asking: Asking) -> None:
    path = f"{SYNCHRONIZATION}/{names.TENANT_ID}"
    before = asking.get(path)
    prevention = {"alertThreshold": 100}
    body = {
        "features": {"unifiedGroupWritebackEnabled": True},
        "configuration": {"accidentalDeletionPrevention": prevention},
    }
    assert asking.send("PATCH", path, body).status == 204
    after = asking.get(path)
    assert after["features"] == {**before["features"], "unifiedGroupWritebackEnabled": True}
    assert after["configuration"]["accidentalDeletionPrevention"] == {
        "synchronizationPreventionType": "enabledForCount",
        "alertThreshold": 100,
    }
    wrong: Any
    for wrong in (
        {"features": {"spaceshipEnabled": True}},
        {"features": {"unifiedGroupWritebackEnabled": "true"}},
        {"features": None},
        {"configuration": {"accidentalDeletionPrevention": {"synchronizationPreventionType": "sometimes"}}},
        {"configuration": {"writebackConfiguration": {"unifiedGroupContainer": "OU=x"}}},
    ):
        assert asking.refused("PATCH", path, wrong) == (400, "BadRequest")
    assert asking.refused("PATCH", path, {"id": "x"}) == BAD
    assert asking.refused("GET", f"{SYNCHRONIZATION}/x") == (404, "Request_ResourceNotFound")


def test_a_group_s_source_of_authority_moves(asking: Asking) -> None:
    group = names.group_id("gg-finance-read")
    path = f"groups/{group}/onPremisesSyncBehavior"

    def managed() -> bool:
        told = asking.get(path)["value"]
        assert (told["@odata.type"], told["id"]) == ("#microsoft.graph.onPremisesSyncBehavior", group)
        return bool(told["isCloudManaged"])

    def flag() -> bool | None:
        shown: bool | None = asking.get(f"groups/{group}?$select=onPremisesSyncEnabled")["onPremisesSyncEnabled"]
        return shown

    assert (managed(), flag()) == (False, True)
    assert asking.send("PATCH", path, {"isCloudManaged": True}).status == 204
    assert (managed(), flag()) == (True, None)
    asking.json("PATCH", path, {"isCloudManaged": False})
    assert (managed(), flag()) == (False, None), "pending, until a synchronization takes it over"
    asking.store.update_group(group, {"onPremisesSyncEnabled": True})
    assert (managed(), flag()) == (False, True)
    asking.json("PATCH", path, {"isCloudManaged": False})
    assert (managed(), flag()) == (False, True)
    other = f"groups/{names.group_id('sales-team')}/onPremisesSyncBehavior"
    assert asking.refused("PATCH", other, {"isCloudManaged": True}) == BAD
    assert asking.refused("PATCH", path, {}) == BAD
    assert asking.refused("PATCH", path, {"isCloudManaged": None}) == (400, "BadRequest")


def test_agents_come_with_the_domains_of_their_groups(asking: Asking) -> None:
    path = "onPremisesPublishingProfiles('provisioning')"
    told = asking.get(f"{path}?$expand=publishedResources,agents,agentGroups", version="beta")
    (agent,), (group,), (resource,) = told["agents"], told["agentGroups"], told["publishedResources"]
    assert (agent["status"], agent["machineName"]) == ("active", f"sync01.{names.DOMAIN}")
    assert agent["agentGroups"][0]["id"] == group["id"] == resource["agentGroups"][0]["id"]
    assert resource["resourceName"] == group["publishedResources"][0]["resourceName"] == names.DOMAIN
    assert group["agents"][0]["id"] == agent["id"]
    assert set(asking.get(path, version="beta")) == {"@odata.context", "id", "isEnabled"}
    assert asking.refused("GET", path) == (400, "BadRequest"), "v1.0 does not have it"
    other = asking.send("GET", "onPremisesPublishingProfiles('authentication')", version="beta")
    assert other.status == 404
    assert asking.send("GET", f"{path}?$expand=members", version="beta").status == 400


def test_what_connect_reported_is_beta_s_alone(asking: Asking) -> None:
    stable = asking.get("directory/onPremisesSynchronization")["value"][0]["configuration"]
    assert set(stable) == {"accidentalDeletionPrevention"}
    beta = asking.get("directory/onPremisesSynchronization", version="beta")["value"][0]["configuration"]
    assert beta["synchronizationClientVersion"] == "2.6.92.0"
    assert beta["currentExportData"]["pendingObjectsDeletion"] == 0


def test_further_configurations_of_every_kind_stand_beside_the_first(asking: Asking) -> None:
    added = {kind: add_configuration(asking.store, kind) for kind in KINDS}
    for kind, job_id in added.items():
        owner = KINDS[kind].principal_id
        base = f"servicePrincipals/{owner}/synchronization"
        (job,) = asking.get(f"{base}/jobs")["value"]
        assert (job["id"], job["templateId"]) == (job_id, KINDS[kind].template)
        assert job["synchronizationJobSettings"][0] == {"name": "Domain", "value": KINDS[kind].domain}
        rules = asking.get(f"{base}/jobs/{job_id}/schema")["synchronizationRules"]
        assert {rule["targetDirectoryName"] == "Active Directory" for rule in rules} <= {KINDS[kind].into_ad}
        assert rules or not KINDS[kind].into_ad
        (template,) = asking.get(f"{base}/templates")["value"]
        assert template["id"] == KINDS[kind].template
    assert asking.get(f"servicePrincipals/{PRINCIPAL_ID}/synchronization/templates")["value"][0]["id"] == TEMPLATE
    with pytest.raises(ValueError, match="two objects"):
        add_configuration(asking.store, "classic")


def test_cloud_sync_is_found_by_its_application_template(asking: Asking) -> None:
    query = f"servicePrincipals?$filter=applicationTemplateId eq '{APPLICATION_TEMPLATE}'&$select=id,displayName"
    assert asking.get(query)["value"] == [{"id": PRINCIPAL_ID, "displayName": names.DOMAIN}]
    base = f"servicePrincipals/{PRINCIPAL_ID}/synchronization"
    (job,) = asking.get(f"{base}/jobs")["value"]
    assert job["id"] == JOB_ID
    assert JOB_ID.startswith(f"AAD2ADGroupProvisioning.{names.TENANT_ID.replace('-', '')}.")
    assert job["status"]["lastSuccessfulExecution"]["timeEnded"] == "2026-11-22T09:40:00Z"
    assert asking.get(f"{base}/templates")["value"][0]["id"] == TEMPLATE
    assert "servicePrincipalId" not in job
    (mapping,) = asking.get(f"{JOB}/schema")["synchronizationRules"][0]["objectMappings"]
    assert {clause["sourceOperandName"] for clause in mapping["scope"]["groups"][0]["clauses"]} == {
        "securityEnabled",
        "dirSyncEnabled",
        "mailEnabled",
    }
    assigned = asking.get(f"servicePrincipals/{PRINCIPAL_ID}/appRoleAssignedTo?$top=999")["value"]
    assert names.group_id("app-developers") in {one["principalId"] for one in assigned}
    assert asking.get(f"servicePrincipals/{names.CLIENT_OBJECT_ID}/synchronization/jobs")["value"] == []
    assert asking.refused("GET", f"{base}/jobs/x") == (404, "NotFound")


def test_a_job_pauses_starts_and_restarts(asking: Asking) -> None:
    def state() -> tuple[str, str]:
        job = asking.get(JOB)
        return job["status"]["code"], job["schedule"]["state"]

    assert asking.send("POST", f"{JOB}/pause").status == 204
    assert state() == ("Paused", "Paused")
    assert asking.send("POST", f"{JOB}/start").status == 204
    assert state() == ("Active", "Active")
    quarantine = {
        "currentBegan": "2026-11-20T00:00:00Z",
        "nextAttempt": "2026-11-22T10:00:00Z",
        "reason": "TooManyDeletes",
        "seriesBegan": "2026-11-20T00:00:00Z",
        "seriesCount": 3,
        "error": None,
    }
    status = {**asking.get(JOB)["status"], "code": "Quarantine", "quarantine": quarantine}
    asking.store.update("jobs", JOB_ID, {"status": status})
    asking.json("POST", f"{JOB}/restart", {"criteria": {"resetScope": "Watermark, Escrows"}})
    assert state()[0] == "Quarantine"
    asking.json("POST", f"{JOB}/restart", {"criteria": {"resetScope": "Watermark,QuarantineState"}})
    assert state() == ("Active", "Active")
    assert asking.get(JOB)["status"]["quarantine"] is None
    wrong: Any
    for wrong in ({}, {"criteria": {}}, {"criteria": {"resetScope": "Everything"}}, {"criteria": None, "x": 1}):
        assert asking.refused("POST", f"{JOB}/restart", wrong) == (400, "BadRequest")


def on_demand(group: str, *members: str, **more: Any) -> dict[str, Any]:
    links = {"members": [{"objectId": member, "objectTypeName": "User"} for member in members]}
    subject = {"objectId": names.group_id(group), "objectTypeName": "Group", "links": links}
    return {"parameters": [{"ruleId": RULE_ID, "subjects": [subject], **more}]}


def test_provisioning_on_demand_answers_two_texts(asking: Asking) -> None:
    """A tenant that nothing stands beside; what the engine makes of it: tests/unit/rehearsal_cloud_sync."""
    answer = asking.json("POST", f"{JOB}/provisionOnDemand", on_demand("app-developers"))
    assert answer["@odata.context"].endswith("$metadata#microsoft.graph.stringKeyStringValuePair")
    key, value = json.loads(answer["key"]), json.loads(answer["value"])
    assert (key["result"], key["details"]["errorCode"]) == ("Failure", "HybridIdentityServiceNoActiveAgents")
    assert [step["type"] for step in value["provisioningSteps"]][:2] == ["Import", "Scoping"]
    assert value["provisioningSteps"][-1]["type"] == "Export"
    assert value["sourceIdentity"]["id"] == names.group_id("app-developers")


def test_what_cannot_be_provisioned_on_demand(asking: Asking) -> None:
    held = asking.store.members(names.group_id("app-developers"))
    asking.json("POST", f"{JOB}/provisionOnDemand", on_demand("app-developers", *held[:5]))
    wrong: Any
    for wrong in (
        {},
        {"parameters": []},
        {"parameters": [7]},
        on_demand("app-developers", *held[:6]),
        on_demand("app-developers", names.ORPHAN_GROUP_ID),
        on_demand("app-developers", ruleId="x"),
        on_demand("app-developers", ruleId=None),
        on_demand("app-developers", subjects=[]),
        on_demand("app-developers", subjects=[{}]),
        on_demand("app-developers", spaceships=[]),
        on_demand("project-condor"),
    ):
        assert asking.refused("POST", f"{JOB}/provisionOnDemand", wrong) == (400, "BadRequest")


def test_the_provisioning_log_is_filtered_and_sorted(asking: Asking) -> None:
    rows = asking.get("auditLogs/provisioning")["value"]
    assert len(rows) == 4
    failed = asking.get("auditLogs/provisioning?$filter=provisioningStatusInfo/status eq 'failure'")["value"]
    assert [row["sourceIdentity"]["displayName"] for row in failed] == ["VPN Users"]
    late = asking.get("auditLogs/provisioning?$filter=activityDateTime gt 2026-09-14T06:02:00Z")["value"]
    assert len(late) == 1
    some = asking.get("auditLogs/provisioning?$filter=contains(sourceIdentity/displayName,'Data')")["value"]
    assert len(some) == 1
    down = asking.get("auditLogs/provisioning?$orderby=activityDateTime desc&$top=2")
    assert [row["activityDateTime"] for row in down["value"]] == ["2026-09-14T06:03:00Z", "2026-09-14T06:02:00Z"]
    assert len(asking.get(down["@odata.nextLink"])["value"]) == 2
    assert asking.refused("GET", "auditLogs/provisioning?$filter=id ne 'x'") == (400, "Request_UnsupportedQuery")
    assert asking.refused("GET", "auditLogs/signIns") == (501, "NotImplemented")


def test_objects_by_their_ids(asking: Asking) -> None:
    sales, person = names.group_id("sales-team"), asking.store.members(names.group_id("sales-team"))[0]
    body = {"ids": [sales, person.upper(), names.ORPHAN_GROUP_ID]}
    found = asking.json("POST", "directoryObjects/getByIds", body)["value"]
    assert [(one["@odata.type"], one["id"]) for one in found] == [
        ("#microsoft.graph.group", sales),
        ("#microsoft.graph.user", person),
    ]
    only = asking.json("POST", "directoryObjects/microsoft.graph.getByIds", {**body, "types": ["user"]})["value"]
    assert [one["id"] for one in only] == [person]
    assert len(asking.json("POST", "directoryObjects/getByIds", {**body, "types": ["directoryObject"]})["value"]) == 2
    assert asking.get(f"directoryObjects/{person}?$select=id,displayName")["@odata.type"] == "#microsoft.graph.user"
    assert asking.refused("GET", f"directoryObjects/{names.ORPHAN_GROUP_ID}") == (404, "Request_ResourceNotFound")
    wrong: Any
    for wrong in ({}, {"ids": []}, {"ids": [7]}, {"ids": ["x"] * 1001}, {"ids": [sales], "types": "user"}):
        assert asking.refused("POST", "directoryObjects/getByIds", wrong) == BAD


def test_each_resource_needs_its_permission(asking: Asking) -> None:
    asking.caller = Caller("client", frozenset({"Group.Read.All"}), user_id=asking.caller.user_id)
    for path in (
        "domains",
        "subscribedSkus",
        "groupSettings",
        "groupSettingTemplates",
        SYNCHRONIZATION,
        f"groups/{names.group_id('sales-team')}/onPremisesSyncBehavior",
        "servicePrincipals",
        JOB,
        "auditLogs/provisioning",
    ):
        assert asking.refused("GET", path) == DENIED
    for path in (f"{JOB}/start", f"{JOB}/pause", f"{JOB}/restart", f"{JOB}/provisionOnDemand", "groupSettings"):
        assert asking.refused("POST", path, {}) == DENIED


def test_objects_by_id_of_types_that_the_caller_may_not_read(asking: Asking) -> None:
    sales, person = names.group_id("sales-team"), asking.store.members(names.group_id("sales-team"))[0]
    asking.caller = Caller("client", frozenset({"Group.Read.All"}))
    found = asking.json("POST", "directoryObjects/getByIds", {"ids": [sales, person]})["value"]
    assert [one["id"] for one in found] == [sales]
    assert asking.get(f"directoryObjects/{sales}")["id"] == sales
    assert asking.refused("GET", f"directoryObjects/{person}") == DENIED


@pytest.mark.parametrize("path", ["groups/getByIds", "directoryObjects/delta", "me", "directory"])
def test_what_graph_has_and_the_rehearsal_does_not(asking: Asking, path: str) -> None:
    assert asking.refused("GET", path) == (501, "NotImplemented")
