"""What Graph answers agrees with the metadata that it publishes."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from rehearsal.cloud.bodies import fits
from rehearsal.cloud.metadata import MetadataType, types
from rehearsal.contoso import names
from rehearsal.contoso.cloud_sync import JOB_ID, PRINCIPAL_ID, TEMPLATE
from rehearsal.contoso.cloud_tenant import GROUP_UNIFIED
from rehearsal.contoso.people import everyone
from tests.unit.rehearsal_cloud.asking import Asking

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
SALES = names.group_id("sales-team")
SYNCHRONIZATION = f"servicePrincipals/{PRINCIPAL_ID}/synchronization"
V1 = {
    "groups?$top=999": "group",
    f"groups/{SALES}": "group",
    f"groups/{SALES}?$select=allowExternalSenders,hideFromAddressLists,assignedLabels,isArchived": "group",
    f"groups/{SALES}/members": None,
    f"groups/{names.group_id('vpn-users')}/members": None,
    f"groups/{SALES}/onPremisesSyncBehavior": "onPremisesSyncBehavior",
    "groups/delta?$select=displayName,members": "group",
    "users?$top=999": "user",
    f"users/{names.user_id(everyone()[0].key)}": "user",
    "organization": "organization",
    "domains": "domain",
    "subscribedSkus": "subscribedSku",
    "groupSettings": "groupSetting",
    "groupSettingTemplates": "groupSettingTemplate",
    f"groupSettingTemplates/{GROUP_UNIFIED}": "groupSettingTemplate",
    "directory/onPremisesSynchronization": "onPremisesDirectorySynchronization",
    f"directory/onPremisesSynchronization/{names.TENANT_ID}": "onPremisesDirectorySynchronization",
    "directory/deletedItems/microsoft.graph.group": "group",
    "servicePrincipals": "servicePrincipal",
    f"servicePrincipals/{PRINCIPAL_ID}": "servicePrincipal",
    f"servicePrincipals/{PRINCIPAL_ID}/appRoleAssignedTo": "appRoleAssignment",
    f"{SYNCHRONIZATION}/jobs": "synchronizationJob",
    f"{SYNCHRONIZATION}/jobs/{JOB_ID}": "synchronizationJob",
    f"{SYNCHRONIZATION}/jobs/{JOB_ID}/schema": "synchronizationSchema",
    f"{SYNCHRONIZATION}/templates": "synchronizationTemplate",
    f"{SYNCHRONIZATION}/templates/{TEMPLATE}/schema": "synchronizationSchema",
    "auditLogs/provisioning": "provisioningObjectSummary",
}
BETA = {
    "groups?$select=id,writebackConfiguration": "group",
    "organization?$select=onPremisesLastPasswordSyncDateTime": "organization",
    "users?$select=onPremisesObjectIdentifier": "user",
    "settings": "groupSetting",
    "directory/onPremisesSynchronization": "onPremisesDirectorySynchronization",
    "onPremisesPublishingProfiles('provisioning')": "onPremisesPublishingProfile",
}


def wrong(value: dict[str, Any], declared: MetadataType, version: str) -> list[str]:
    """Properties that the type does not declare, or whose value it does not allow."""
    named = value.get("@odata.type")
    if named is not None:
        declared = types(version)[named.removeprefix("#microsoft.graph.")]
    found = []
    for name, inner in value.items():
        if "@" in name or (declared.name, name) == ("synchronizationSchema", "directories"):
            continue  # contained, not declared as a property: the next test looks at it
        declaration = declared.properties.get(name)
        if declaration is None or not fits(declaration, inner, version):
            found.append(f"{declared.name}.{name} = {inner!r}")
    return found


@pytest.mark.parametrize(("version", "path"), [*(("v1.0", path) for path in V1), *(("beta", path) for path in BETA)])
def test_every_answer_fits_its_type(asking: Asking, version: str, path: str) -> None:
    body = asking.get(path, version=version)
    type_name = (V1 if version == "v1.0" else BETA)[path]
    declared = types(version)[type_name or "directoryObject"]
    inner = body.get("value")
    objects = inner if isinstance(inner, list) else [inner if isinstance(inner, dict) else body]
    assert objects
    assert [problem for one in objects for problem in wrong(one, declared, version)] == []


DEFINITIONS = {
    "directories": frozenset(
        {"id", "discoverabilities", "discoveryDateTime", "name", "objects", "readOnly", "version"}
    ),
    "objects": frozenset({"attributes", "metadata", "name", "supportedApis"}),
    "attributes": frozenset(
        {
            *("anchor", "apiExpressions", "caseExact", "defaultValue", "flowNullValues", "metadata", "multivalued"),
            *("mutability", "name", "referencedObjects", "required", "type"),
        }
    ),
}
"""directoryDefinition, objectDefinition and attributeDefinition of Graph's metadata, by what holds them."""


def test_a_schema_contains_directories_of_the_documented_form(asking: Asking) -> None:
    level = asking.get(f"{SYNCHRONIZATION}/jobs/{JOB_ID}/schema")["directories"]
    for name, inner in (("directories", "objects"), ("objects", "attributes"), ("attributes", "")):
        assert level
        assert not {key for one in level for key in one} - DEFINITIONS[name]
        level = [found for one in level for found in one.get(inner, ())]


def test_without_selection_every_declared_property_comes_unless_a_default_is_known(asking: Asking) -> None:
    for path, name in (("domains", "domain"), ("subscribedSkus", "subscribedSku"), ("groupSettings", "groupSetting")):
        assert set(asking.get(path)["value"][0]) == set(types("v1.0")[name].properties)


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_the_published_document_is_complete_in_itself(asking: Asking, version: str) -> None:
    answer = asking.send("GET", "$metadata", version=version)
    assert answer.headers["Content-Type"] == "application/xml"
    schema = ElementTree.fromstring(answer.body)[0][0]  # noqa: S314 - our own document
    known = {child.get("Name") for child in schema}
    for element in schema.iter():
        for key in ("Type", "BaseType", "EntityType"):
            for referred in re.findall(r"(?:microsoft\.graph|graph)\.(\w+)", element.get(key, "")):
                assert referred in known, (element.get("Name"), referred)
    sets = {child.get("Name") for child in schema.iter(f"{EDM}EntitySet")}
    assert {"groups", "users", "organization", "domains", "subscribedSkus", "servicePrincipals"} <= sets


def test_beta_adds_the_writeback_state_and_nothing_is_lost() -> None:
    stable, beta = types("v1.0"), types("beta")
    assert "writebackConfiguration" not in stable["group"].properties
    assert list(beta["groupWritebackConfiguration"].properties) == ["isEnabled", "onPremisesGroupType"]
    for name, declared in stable.items():
        assert set(declared.properties) <= set(beta[name].properties)


def test_nullability_is_microsoft_s() -> None:
    group = types("v1.0")["group"].properties
    assert not group["id"].nullable
    assert not group["groupTypes"].nullable
    assert group["displayName"].nullable
    assert group["createdDateTime"].type == "Edm.DateTimeOffset"
    assert types("v1.0")["synchronizationStatus"].properties["code"].type == "synchronizationStatusCode"


def test_the_walk_notices_what_does_not_fit(asking: Asking) -> None:
    asking.store.update_group(SALES, {"displayName": 7, "groupTypes": None, "mailEnabled": "yes"})
    shown = json.loads(asking.send("GET", f"groups/{SALES}?$select=id,displayName,mailEnabled").body)
    assert len(wrong(shown, types("v1.0")["group"], "v1.0")) == 2


def test_provisioning_agents_are_as_in_microsoft_s_beta_metadata() -> None:
    """schemas/beta-USSec.csdl of microsoftgraph/msgraph-metadata (August 2026)."""
    kinds = types("beta")
    agent, group = kinds["onPremisesAgent"], kinds["onPremisesAgentGroup"]
    assert [name for name, one in agent.properties.items() if one.nullable] == []
    assert [name for name, one in group.properties.items() if one.nullable] == []
    assert kinds["publishedResource"].properties["displayName"].nullable
    assert "oflineDomainJoin" in kinds["onPremisesPublishingType"].members
    assert "adAdministration" not in kinds["onPremisesPublishingType"].members
