"""A synchronization from AD: which extensions it fills, from what, for which groups."""

from __future__ import annotations

from rehearsal.cloud.documents import schema_from_ad
from rehearsal.cloud.hybrid import take_over
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.from_ad import filled_by_connect, filled_by_job, values_in_ad
from tests.unit.rehearsal_cloud.asking import NOW
from tests.unit.rehearsal_cloud_sync.world import BASE, Memory

APP = "1bbe7b5a0e6f4f3a9d5a0123456789ab"
NAME, FIFTEEN = f"extension_{APP}_GroupDN", f"extension_{APP}_extensionAttribute15"


def tenant(application: str) -> CloudStore:
    store = CloudStore(clock=lambda: NOW)
    store.add("applications", {"id": "a-1", "displayName": application})
    for number, name in enumerate((NAME, FIFTEEN)):
        store.add("extension_properties", {"id": f"p-{number}", "name": name, "application": "a-1"})
    return store


def test_a_job_fills_what_its_schema_maps_directly() -> None:
    store, schema = tenant("CloudSyncCustomExtensionsApp"), schema_from_ad("rule")
    rows = schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]  # type: ignore[index]
    rows.append({"targetAttributeName": NAME.lower(), "source": {"expression": "[distinguishedName]"}})
    rows.append({"targetAttributeName": FIFTEEN, "source": {"expression": "Left([cn],3)"}})
    store.add("schemas", {**schema, "id": "job"})
    assert filled_by_job(store, "job") == {NAME: "distinguishedName"}
    assert filled_by_connect(store) == {}


def test_connect_fills_those_of_its_own_application() -> None:
    fills = filled_by_connect(tenant("Tenant Schema Extension App"))
    assert fills[FIFTEEN] == "extensionAttribute15"


def test_only_synchronized_groups_of_the_domain_get_values_and_only_other_ones() -> None:
    memory = Memory()
    sales = memory.put("Sales", scope="global", extensionAttribute15="kept")
    fills = {NAME: "distinguishedName", FIFTEEN: "extensionAttribute15"}
    here = {
        "onPremisesSyncEnabled": True,
        "onPremisesDomainName": "contoso.com",
        "onPremisesSecurityIdentifier": sales.sid,
    }
    groups = {
        "here": here,
        "there": {**here, "onPremisesDomainName": "other.com"},
        "converted": {**here, "onPremisesSyncEnabled": None},
        "gone": {**here, "onPremisesSecurityIdentifier": "S-1-5-21-9-9-9-9"},
    }
    dn = f"CN=Sales,OU=Other,{BASE}"
    assert values_in_ad(groups, memory, fills, "contoso.com") == {"here": {NAME: dn, FIFTEEN: "kept"}}
    assert values_in_ad({"here": {**here, NAME: dn, FIFTEEN: "kept"}}, memory, fills, "contoso.com") == {}


def test_a_job_takes_over_the_groups_of_its_domain_alone() -> None:
    store = tenant("x")
    for name, domain in (("one", "contoso.com"), ("two", "other.com")):
        store.add_group({"id": name, "onPremisesDomainName": domain})
        store.add("rolled_back", {"id": name})
    assert take_over(store, "contoso.com") == ["one"]
    assert list(store.table("rolled_back")) == ["two"]
    assert take_over(store) == ["two"]
