"""Cloud Sync's configurations over Graph: made from a template, told what to do, given groups, removed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from rehearsal.cloud.configurations import GROUPS_TO_AD
from rehearsal.cloud.documents import APP_ROLES, secret
from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID, TEMPLATE
from runbook_lib.cloud_sync.configuration import source_attributes
from tests.unit.rehearsal_cloud.asking import Asking, Clock

SYNCHRONIZATION = f"servicePrincipals/{PRINCIPAL_ID}/synchronization"
JOB = f"{SYNCHRONIZATION}/jobs/{JOB_ID}"
INSTANTIATE = f"applicationTemplates/{GROUPS_TO_AD}/instantiate"
MISSING = (404, "Request_ResourceNotFound")
BAD = (400, "Request_BadRequest")


def made(asking: Asking, name: str = "contoso.com") -> str:
    return str(asking.json("POST", INSTANTIATE, {"displayName": name})["servicePrincipal"]["id"])


def job_of(asking: Asking, principal: str) -> str:
    base = f"servicePrincipals/{principal}/synchronization"
    pairs = [secret("Domain", {"domain": "contoso.com"})]
    assert asking.send("PUT", f"{base}/secrets", {"value": pairs}).status == 204
    return f"{base}/jobs/{asking.json('POST', f'{base}/jobs', {'templateId': TEMPLATE})['id']}"


def container(schema: Any) -> str:
    rows = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    return str(next(row["source"]["expression"] for row in rows if row["targetAttributeName"].startswith("parent")))


def test_a_configuration_is_made_from_its_template(asking: Asking) -> None:
    answer = asking.send("POST", INSTANTIATE, {"displayName": "contoso.com"})
    assert answer.status == 201
    shown = json.loads(answer.body)
    principal, application = shown["servicePrincipal"], shown["application"]
    assert principal["applicationTemplateId"] == application["applicationTemplateId"] == GROUPS_TO_AD
    assert principal["appId"] == application["appId"]
    assert asking.get(f"applications/{application['id']}")["displayName"] == "contoso.com"
    base = f"servicePrincipals/{principal['id']}/synchronization"
    assert [one["id"] for one in asking.get(f"{base}/templates")["value"]] == [TEMPLATE]
    assert asking.get(f"{base}/jobs")["value"] == []
    beta = asking.json("POST", INSTANTIATE, {"displayName": "x"}, version="beta")
    assert "objectId" in beta["servicePrincipal"]
    assert "id" not in beta["servicePrincipal"]
    for wrong in ({}, {"displayName": ""}, {"displayName": " "}, {"displayName": "x" * 300}):
        assert asking.refused("POST", INSTANTIATE, wrong) == BAD
    assert (
        asking.refused("POST", f"applicationTemplates/{names.TENANT_ID}/instantiate", {"displayName": "x"}) == MISSING
    )


def test_what_was_just_made_is_not_found_at_once(asking: Asking, clock: Clock) -> None:
    asking.store.replication = timedelta(seconds=20)
    try:
        principal = made(asking)
        base = f"servicePrincipals/{principal}"
        listed = {one["id"] for one in asking.get("servicePrincipals?$top=999")["value"]}
        assert PRINCIPAL_ID in listed
        assert principal not in listed
        for method, path in (("GET", ""), ("GET", "/synchronization/jobs"), ("POST", "/synchronization/jobs")):
            assert asking.refused(method, base + path, {"templateId": TEMPLATE}) == MISSING
        clock.advance(seconds=20)
        assert asking.get(base)["id"] == principal
        assert job_of(asking, principal)
    finally:
        asking.store.replication = timedelta(0)


def test_a_new_job_waits_with_the_schema_of_its_template(asking: Asking) -> None:
    job = job_of(asking, made(asking))
    shown = asking.get(job)
    assert shown["id"].startswith(f"{TEMPLATE}.{names.TENANT_ID.replace('-', '')}.")
    assert (shown["status"]["code"], shown["schedule"]["state"]) == ("NotConfigured", "Disabled")
    assert shown["synchronizationJobSettings"][0] == {"name": "Domain", "value": "contoso.com"}
    assert container(asking.get(f"{job}/schema")) == '"CN=Users,DC=contoso,DC=com"'
    assert asking.send("POST", f"{job}/start").status == 204
    assert (asking.get(job)["status"]["code"], asking.get(job)["schedule"]["state"]) == ("Active", "Active")
    assert asking.send("DELETE", job).status == 204
    assert asking.refused("GET", job) == (404, "NotFound")
    base = job.rpartition("/")[0]
    for wrong in ({}, {"templateId": "AD2AADProvisioning"}):
        assert asking.refused("POST", base, wrong) == (400, "BadRequest")


def test_the_container_of_a_new_job_follows_its_domain_until_somebody_chooses_one(asking: Asking) -> None:
    principal = made(asking)
    job = job_of(asking, principal)
    path = f"servicePrincipals/{principal}/synchronization/secrets"
    asking.send("PUT", path, {"value": [secret("Domain", {"domain": "emea.contoso.com"})]})
    schema = asking.get(f"{job}/schema")
    assert container(schema) == '"CN=Users,DC=emea,DC=contoso,DC=com"'
    text = json.dumps(schema).replace("CN=Users,DC=emea", "OU=Chosen,DC=emea")
    assert asking.send("PUT", f"{job}/schema", json.loads(text)).status == 204
    asking.send("PUT", path, {"value": [secret("Domain", {"domain": "contoso.com"})]})
    assert container(asking.get(f"{job}/schema")) == '"OU=Chosen,DC=emea,DC=contoso,DC=com"'


def test_a_schema_is_replaced_whole_and_keeps_what_stands_there_twice(asking: Asking) -> None:
    schema = asking.get(f"{JOB}/schema")
    rows = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    rows.append(dict(rows[0]))
    schema["directories"] = [{"name": "Active Directory", "objects": []}]
    assert asking.send("PUT", f"{JOB}/schema", schema).status == 204
    again = asking.get(f"{JOB}/schema")
    assert again["synchronizationRules"] == schema["synchronizationRules"]
    assert (
        asking.get(f"{SYNCHRONIZATION}/templates/{TEMPLATE}/schema")["synchronizationRules"]
        != again["synchronizationRules"]
    )
    wrong: Any
    for wrong in ({}, {"synchronizationRules": None}, {"synchronizationRules": [7]}, {**schema, "id": "x"}, {"x": 1}):
        assert asking.refused("PUT", f"{JOB}/schema", wrong) == (400, "BadRequest")
    assert asking.get(f"{JOB}/schema") == again


def test_secrets_are_replaced_as_a_list_and_real_ones_come_back_masked(asking: Asking) -> None:
    path = f"{SYNCHRONIZATION}/secrets"
    before = asking.get(path)["value"]
    assert [one["key"] for one in before] == ["Domain", "SyncNotificationSettings"]
    told = secret(
        "SyncNotificationSettings", {"Enabled": True, "DeleteThresholdEnabled": True, "DeleteThresholdValue": 7}
    )
    pairs = [before[0], told, {"key": "SecretToken", "value": "abracadabra"}]
    assert asking.send("PUT", path, {"value": pairs}).status == 204
    after = asking.get(path)["value"]
    assert after[:2] == pairs[:2]
    assert "abracadabra" not in json.dumps(after)
    assert {"name": "QuarantineTooManyDeletesThreshold", "value": "7"} in asking.get(JOB)["synchronizationJobSettings"]
    asking.send("PUT", path, {"value": before[:1]})
    assert asking.get(path)["value"] == before[:1]
    wrong: Any
    for wrong in ({}, {"value": {}}, {"value": [{"key": "Spell", "value": "x"}]}, {"value": [before[0], before[0]]}):
        assert asking.refused("PUT", path, wrong) == (400, "BadRequest")


def test_an_expression_is_taken_apart_and_tried_as_documented(asking: Asking) -> None:
    """The example of "synchronizationSchema: parseExpression"."""
    expression = 'Replace([preferredLanguage], "-", , , "_", ,  )'
    body = {
        "expression": expression,
        "targetAttributeDefinition": None,
        "testInputObject": {"definition": None, "properties": [{"key": "preferredLanguage", "value": "EN-US"}]},
    }
    answer = asking.json("POST", f"{JOB}/schema/parseExpression", body)
    assert (answer["parsingSucceeded"], answer["evaluationSucceeded"]) == (True, True)
    assert answer["evaluationResult"] == ["EN_US"]
    parsed = answer["parsedExpression"]
    assert parsed["expression"].replace(" ", "") == expression.replace(" ", "")
    assert (parsed["name"], parsed["type"]) == ("Replace", "Function")
    shown = [(one["key"], one["value"]["name"], one["value"]["type"]) for one in parsed["parameters"]]
    assert shown == [
        ("source", "preferredLanguage", "Attribute"),
        ("Find", "-", "Constant"),
        ("Replacement", "_", "Constant"),
    ]
    untried = asking.json("POST", f"{JOB}/schema/parseExpression", {"expression": expression})
    assert (untried["evaluationSucceeded"], untried["evaluationResult"]) == (False, [])
    wrong = asking.json("POST", f"{JOB}/schema/parseExpression", {"expression": "Replac("})
    assert (wrong["parsingSucceeded"], wrong["parsedExpression"]) == (False, None)
    assert wrong["error"]["message"]
    assert asking.refused("POST", f"{JOB}/schema/parseExpression", {}) == (400, "BadRequest")


def test_groups_are_assigned_once_and_taken_away(asking: Asking) -> None:
    path, group = f"servicePrincipals/{PRINCIPAL_ID}/appRoleAssignedTo", names.group_id("vpn-admins")
    body = {"principalId": group, "resourceId": PRINCIPAL_ID, "appRoleId": APP_ROLES["global"]}
    answer = asking.send("POST", path, body)
    assert answer.status == 201
    assignment = json.loads(answer.body)
    assert (assignment["principalDisplayName"], assignment["principalType"]) == ("VPN Admins", "Group")
    assert asking.refused("POST", path, body) == BAD
    for name, value in (
        ("appRoleId", APP_ROLES["china"]),
        ("resourceId", names.CLIENT_OBJECT_ID),
        ("principalId", None),
    ):
        assert asking.refused("POST", path, {**body, name: value}) == BAD
    assert asking.refused("POST", path, {**body, "principalId": names.ORPHAN_GROUP_ID}) == MISSING
    assert group in {one["principalId"] for one in asking.get(f"{path}?$top=999")["value"]}
    assert asking.send("DELETE", f"{path}/{assignment['id']}").status == 204
    assert asking.refused("DELETE", f"{path}/{assignment['id']}") == MISSING
    assert group not in {one["principalId"] for one in asking.get(f"{path}?$top=999")["value"]}


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ({"AppRoleAssignment.ReadWrite.All"}, False),
        ({"Application.ReadWrite.All"}, False),
        ({"AppRoleAssignment.ReadWrite.All", "Application.Read.All"}, True),
        ({"AppRoleAssignment.ReadWrite.All", "Directory.Read.All"}, True),
    ],
)
def test_assigning_takes_two_permissions(asking: Asking, permissions: set[str], allowed: bool) -> None:
    body = {
        "principalId": names.group_id("vpn-admins"),
        "resourceId": PRINCIPAL_ID,
        "appRoleId": APP_ROLES["global"],
    }
    asking.caller = Caller("client", frozenset(permissions))
    status = asking.send("POST", f"servicePrincipals/{PRINCIPAL_ID}/appRoleAssignedTo", body).status
    assert status == (201 if allowed else 403)


def test_an_application_that_may_only_write_its_own_writes_nothing_else(asking: Asking) -> None:
    asking.caller = Caller("mine", frozenset({"Application.ReadWrite.OwnedBy"}))
    principal = made(asking)
    job = job_of(asking, principal)
    for method, path in (("POST", f"{JOB}/pause"), ("DELETE", f"servicePrincipals/{PRINCIPAL_ID}"), ("GET", JOB)):
        assert asking.refused(method, path) == (403, "Authorization_RequestDenied")
    asking.caller = Caller("another", frozenset({"Application.ReadWrite.OwnedBy"}))
    assert asking.refused("POST", f"{job}/start") == (403, "Authorization_RequestDenied")
    asking.caller = Caller("mine", frozenset({"Application.ReadWrite.OwnedBy"}))
    assert asking.send("POST", f"{job}/start").status == 204
    assert asking.send("DELETE", f"servicePrincipals/{principal}").status == 204


def test_removing_takes_job_secrets_and_assignments_along(asking: Asking) -> None:
    assert asking.send("DELETE", f"servicePrincipals/{PRINCIPAL_ID}").status == 204
    assert asking.refused("GET", JOB) == MISSING
    for table in ("jobs", "job_templates", "assignments", "secrets"):
        assert not asking.store.table(table)
    shown = asking.json("POST", INSTANTIATE, {"displayName": "contoso.com"})
    assert asking.send("DELETE", f"applications/{shown['application']['id']}").status == 204
    assert asking.refused("GET", f"servicePrincipals/{shown['servicePrincipal']['id']}") == MISSING
    assert asking.refused("GET", f"applications/{shown['application']['id']}") == MISSING


@pytest.mark.parametrize(
    ("domain", "status", "code"),
    [
        ("contoso.com", "active", ""),
        ("contoso.com", "inactive", "HybridIdentityServiceNoActiveAgents"),
        ("other.example", "active", "HybridIdentityServiceNoAgentsAssigned"),
        ("", "active", "HybridIdentityServiceInvalidResource"),
    ],
)
def test_credentials_are_good_where_an_active_agent_serves_the_domain(
    asking: Asking, domain: str, status: str, code: str
) -> None:
    (agent,) = asking.store.table("agents")
    asking.store.update("agents", agent, {"status": status})
    body = {"useSavedCredentials": False, "credentials": [secret("Domain", {"domain": domain})]}
    answer = asking.send("POST", f"{JOB}/validateCredentials", body)
    assert answer.status == (400 if code else 204)
    if code:
        assert json.loads(answer.body)["error"]["code"] == code
    saved = {"useSavedCredentials": True, "credentials": []}
    assert asking.send("POST", f"{JOB}/validateCredentials", saved).status == (204 if status == "active" else 400)


def test_an_empty_scope_restarts_as_the_portal_does(asking: Asking) -> None:
    quarantine = {"code": "Quarantine", "quarantine": None}
    asking.store.update("jobs", JOB_ID, {"status": {**asking.get(JOB)["status"], **quarantine}})
    assert asking.send("POST", f"{JOB}/restart", {"criteria": {"resetScope": ""}}).status == 204
    assert asking.get(JOB)["status"]["code"] == "Active"
    assert "restarted" not in asking.get(JOB)


def test_a_schema_lists_what_groups_of_the_source_have(asking: Asking) -> None:
    known = source_attributes(asking.get(f"{JOB}/schema"))
    assert {"displayName", "objectId", "members"} <= known
    assert "displayNam" not in known


def test_an_application_has_owners_whoever_made_it(asking: Asking) -> None:
    asking.caller = Caller("mine", frozenset({"Application.ReadWrite.All"}), object_id="my-principal")
    principal = made(asking)
    owners = asking.get(f"servicePrincipals/{principal}/owners")["value"]
    assert owners == [{"@odata.type": "#microsoft.graph.servicePrincipal", "id": "my-principal"}]
    assert asking.get(f"servicePrincipals/{PRINCIPAL_ID}/owners")["value"] == []
    asking.caller = Caller("mine", frozenset({"Group.Read.All"}))
    assert asking.refused("GET", f"servicePrincipals/{principal}/owners") == (403, "Authorization_RequestDenied")
