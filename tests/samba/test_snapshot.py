"""Both sides read whole, with a real Active Directory as one of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rehearsal.samba.schema import EXCHANGE_SCHEMA_VERSION
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.exchange.detect import detect
from runbook_lib.exchange.read import read_exchange
from runbook_lib.exchange.versions import load_versions
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.inventory.index import index_directory
from runbook_lib.inventory.members import resolve_principals
from runbook_lib.parameters.load import parameters_from_values
from tests.samba.cloud import GROUPS, GUEST, TENANT_ID, SambaCloud, identifier
from tests.samba.content import ORGANIZATION_VERSION, PEOPLE, SYSTEM_OBJECTS_VERSION
from tests.samba.lab import SambaLab


def now() -> datetime:
    return datetime.now(UTC)


def test_directory_snapshot(directory: Directory, samba: SambaLab) -> None:
    snapshot = read_directory(directory, samba.target_ou, samba.retired_ou, clock=now)
    assert snapshot.reading.complete
    assert (snapshot.target.exists, snapshot.retired.exists) == (True, True)
    assert {"mailNickname", "msDS-ExternalDirectoryObjectId", "extensionName"} <= snapshot.group_attributes
    people = {entry.display_name for entry in snapshot.objects}
    assert {display for display, _ in PEOPLE} <= people
    listed = samba.tools.search(samba.base_dn, "(objectClass=group)", "cn")
    assert {group.dn for group in snapshot.groups} == {entry.dn for entry in listed}


def test_exchange_is_detected(directory: Directory) -> None:
    found = detect(read_exchange(directory), load_versions())
    assert (found.schema_extended, found.organization_present, found.servers_present) == (True, True, False)
    numbers = (found.schema_version, found.organization_version, found.domain_version)
    assert numbers == (EXCHANGE_SCHEMA_VERSION, ORGANIZATION_VERSION, SYSTEM_OBJECTS_VERSION)
    assert "Exchange Server SE RTM" in found.product


def test_people_are_mapped_by_the_keys_that_connect_writes(
    directory: Directory, samba: SambaLab, samba_cloud: SambaCloud
) -> None:
    told = parameters_from_values({**samba.parameters(), **samba_cloud.parameters()}, source="the lane samba")
    client = open_graph(told, environment={}, clock=now, sleep=time.sleep)
    cloud = read_cloud(client, TENANT_ID, clock=now)
    client.close()
    assert {group.display_name for group in cloud.groups} == set(GROUPS)
    snapshot = read_directory(directory, samba.target_ou, samba.retired_ou, clock=now)
    found = resolve_principals(cloud, snapshot, index_directory(snapshot))
    for entry in samba.tools.search(samba.staff_ou, "(objectClass=user)", "sAMAccountName"):
        assert found[identifier(entry.text("sAMAccountName") or "")].dn == entry.dn
    assert found[identifier(GUEST)].code == "guest"
