"""Applications of the tenant's own, their directory extensions, and catalogs of entitlement management, over Graph."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.cloud.permissions import Caller
from rehearsal.contoso import names
from tests.unit.rehearsal_cloud.asking import Asking

URI = f"api://{names.TENANT_ID}/CloudSyncCustomExtensionsApp"
NEW = {"displayName": "CloudSyncCustomExtensionsApp", "identifierUris": [URI]}
PROPERTY = {"name": "GroupDN", "dataType": "String", "isMultiValued": False, "targetObjects": ["Group"]}
BAD = (400, "Request_BadRequest")
FINANCE = names.group_id("gg-finance-read")


def made(asking: Asking) -> tuple[dict[str, Any], str]:
    """The application, and the full name of its property."""
    application = asking.json("POST", "applications", NEW)
    asking.json("POST", "servicePrincipals", {"appId": application["appId"]})
    path = f"applications/{application['id']}/extensionProperties"
    return application, str(asking.json("POST", path, PROPERTY)["name"])


def test_an_extension_is_found_by_the_identifier_of_its_application_and_read_on_groups(asking: Asking) -> None:
    application, name = made(asking)
    assert name == f"extension_{application['appId'].replace('-', '')}_GroupDN"
    query = f"applications?$filter=identifierUris/any(u:u eq '{URI}')&$select=id,appId"
    assert [one["id"] for one in asking.get(query)["value"]] == [application["id"]]
    (principal,) = asking.get(f"servicePrincipals?$filter=appId eq '{application['appId']}'")["value"]
    assert principal["displayName"] == NEW["displayName"]
    asking.store.update_group(FINANCE, {name: "CN=a,DC=b"})
    assert asking.get(f"groups/{FINANCE}?$select=id,{name}")[name] == "CN=a,DC=b"
    listed = {one["id"]: one[name] for one in asking.get(f"groups?$select=id,{name}&$top=999")["value"]}
    assert {key for key, value in listed.items() if value} == {FINANCE}
    assert name not in asking.get(f"groups/{FINANCE}")


def test_what_was_never_made_or_is_gone_is_no_property(asking: Asking) -> None:
    application, name = made(asking)
    path = f"applications/{application['id']}/extensionProperties"
    other = f"extension_{'0' * 32}_GroupDN"
    assert asking.refused("GET", f"groups?$select=id,{other}") == (400, "BadRequest")
    asking.store.update_group(FINANCE, {name: "CN=a,DC=b"})
    (listed,) = asking.get(path)["value"]
    assert asking.send("DELETE", f"{path}/{listed['id']}").status == 204
    assert asking.refused("GET", f"groups?$select=id,{name}") == (400, "BadRequest")
    assert name not in asking.store.groups[FINANCE]
    asking.json("POST", path, PROPERTY)
    assert asking.send("DELETE", f"applications/{application['id']}").status == 204
    assert asking.refused("GET", f"groups?$select=id,{name}") == (400, "BadRequest")
    assert asking.get(f"servicePrincipals?$filter=appId eq '{application['appId']}'")["value"] == []


@pytest.mark.parametrize(
    "wrong", [{}, {**PROPERTY, "name": "a b"}, {**PROPERTY, "dataType": "Text"}, {**PROPERTY, "targetObjects": []}]
)
def test_a_property_needs_name_type_and_targets(asking: Asking, wrong: dict[str, Any]) -> None:
    application, _ = made(asking)
    assert asking.refused("POST", f"applications/{application['id']}/extensionProperties", wrong) == BAD


def test_nothing_is_made_twice(asking: Asking) -> None:
    application, _ = made(asking)
    assert asking.refused("POST", "applications", {**NEW, "identifierUris": [URI.upper()]}) == BAD
    assert asking.refused("POST", "servicePrincipals", {"appId": application["appId"]}) == BAD
    assert asking.refused("POST", "servicePrincipals", {"appId": names.TENANT_ID}) == BAD
    assert asking.refused("POST", f"applications/{application['id']}/extensionProperties", PROPERTY) == BAD


def test_an_application_may_make_its_own_with_the_permission_for_what_it_owns(asking: Asking) -> None:
    stranger, _ = made(asking)
    asking.caller = Caller("another client", frozenset({"Application.ReadWrite.OwnedBy"}))
    mine = asking.json("POST", "applications", {"displayName": "Mine"})
    assert asking.json("POST", f"applications/{mine['id']}/extensionProperties", PROPERTY)["dataType"] == "String"
    assert asking.refused("POST", f"applications/{stranger['id']}/extensionProperties", PROPERTY)[0] == 403
    asking.caller = Caller("a reader", frozenset({"Application.Read.All"}))
    assert asking.refused("POST", "applications", {"displayName": "Mine"})[0] == 403


def test_catalogs_name_the_groups_in_them(asking: Asking) -> None:
    path = "identityGovernance/entitlementManagement/catalogs"
    asking.caller = Caller("client", frozenset({"Group.Read.All"}))
    assert asking.refused("GET", path)[0] == 403
    asking.caller = Caller("client", frozenset({"EntitlementManagement.Read.All"}))
    asking.store.add("catalogs", {"id": names.TENANT_ID, "displayName": "Partners", "resources": [FINANCE]})
    (catalog,) = asking.get(path)["value"]
    assert catalog["displayName"] == "Partners"
    (resource,) = asking.get(f"{path}/{catalog['id']}/resources")["value"]
    assert (resource["originSystem"], resource["originId"]) == ("AadGroup", FINANCE)
    assert asking.refused("GET", f"{path}/{FINANCE}/resources")[0] == 404
