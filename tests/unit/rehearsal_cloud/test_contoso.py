"""Contoso holds what the product has to cope with, and both sides fit together."""

from __future__ import annotations

import base64
import unicodedata
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names
from rehearsal.contoso.cloud import populate_cloud
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.directory import DirectoryIndex, populate_directory
from rehearsal.contoso.exchange import install_exchange, version_number
from rehearsal.contoso.people import everyone
from rehearsal.contoso.registrations import registrations
from rehearsal.directory import DirectoryStore

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

Contoso = tuple[DirectoryStore, CloudStore, DirectoryIndex]


def build(*, exchange: bool) -> Contoso:
    directory = DirectoryStore(names.DOMAIN, names.NETBIOS, clock=lambda: NOW)
    if exchange:
        install_exchange(directory)
    index = populate_directory(directory, bind_password="b", administrator_password="a", exchange=exchange)
    cloud = CloudStore(clock=lambda: NOW)
    populate_cloud(cloud, index)
    return directory, cloud, index


@pytest.fixture(scope="module")
def contoso() -> Contoso:
    return build(exchange=True)


@pytest.fixture(scope="module")
def directory(contoso: Contoso) -> DirectoryStore:
    return contoso[0]


@pytest.fixture(scope="module")
def cloud(contoso: Contoso) -> CloudStore:
    return contoso[1]


def text(directory: DirectoryStore, dn: str, attribute: str) -> str:
    return directory.node(dn).text(attribute)


def user(cloud: CloudStore, key: str) -> Record:
    return cloud.users[names.user_id(key)]


def group_named(cloud: CloudStore, name: str) -> Record:
    return cloud.groups[cloud.find_group(name)]


def test_every_kind_of_group_is_there(cloud: CloudStore) -> None:
    def kind(group: Record) -> tuple[object, ...]:
        types = group["groupTypes"]
        assert isinstance(types, list)
        return "Unified" in types, "DynamicMembership" in types, group["mailEnabled"], group["securityEnabled"]

    kinds = {kind(group) for group in cloud.groups.values()}
    assert len(cloud.groups) >= 45
    assert {
        (True, False, True, False),
        (True, False, True, True),
        (True, True, True, False),
        (False, False, False, True),
        (False, True, False, True),
        (False, False, True, True),
        (False, False, True, False),
    } <= kinds
    assert {group["visibility"] for group in cloud.groups.values()} == {None, "Private", "Public", "HiddenMembership"}
    assert sum(bool(group["isAssignableToRole"]) for group in cloud.groups.values()) == 2
    assert sum(group.get("onPremisesSyncEnabled") is True for group in cloud.groups.values()) == 4
    assert len(cloud.deleted_groups) == 2


def test_names_that_break_careless_tools(cloud: CloudStore) -> None:
    shown = [str(group["displayName"]) for group in cloud.groups.values()]
    for wanted in (
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)",
        'The "Quoted" Team',
        "#hash first",
        "Back\\slash Team",
        "Semi;colon;Team",
    ):
        assert wanted in shown
    assert max(map(len, shown)) == 256
    assert any("\u202e" in name for name in shown)
    assert any(name != name.strip() for name in shown)
    assert any("🚀" in name for name in shown)
    assert any("\n" in str(group["description"]) for group in cloud.groups.values())
    composed = Counter(unicodedata.normalize("NFC", name) for name in shown)
    assert len(shown) - len(set(shown)) == 1, "two groups share one name"
    assert len(shown) - len(composed) == 2, "and two differ only in normalization"


def test_limits_of_the_service_are_kept(cloud: CloudStore) -> None:
    for group in (*cloud.groups.values(), *cloud.deleted_groups.values()):
        assert 1 <= len(str(group["displayName"])) <= 256
        assert len(str(group["description"] or "")) <= 1024
        nickname = str(group["mailNickname"])
        assert nickname.isascii()
        assert len(nickname) <= 64
    nicknames = Counter(group["mailNickname"] for group in cloud.groups.values())
    assert max(nicknames.values()) == 1


def test_members_exist_and_the_large_group_is_all_synchronized(cloud: CloudStore) -> None:
    for group_id in cloud.groups:
        for member in (*cloud.members(group_id), *cloud.owners(group_id)):
            assert cloud.principal(member) is not None
    members = cloud.members(cloud.find_group(names.LARGE_GROUP))
    assert len(members) == names.LARGE_GROUP_MEMBERS
    assert all(cloud.users[member]["onPremisesSyncEnabled"] for member in members)


def test_healthy_groups_are_private_microsoft_365_groups(cloud: CloudStore) -> None:
    assert len(names.HEALTHY_GROUPS) >= 8
    assert set(names.DEMO_GROUPS) <= set(names.HEALTHY_GROUPS)
    for name in names.HEALTHY_GROUPS:
        group = group_named(cloud, name)
        assert (group["groupTypes"], group["visibility"]) == (["Unified"], "Private")
        assert cloud.members(str(group["id"]))


def test_nesting_devices_and_services_are_members(cloud: CloudStore) -> None:
    kinds = Counter(
        found[0].name
        for member in cloud.members(cloud.find_group("VPN Users"))
        if (found := cloud.principal(member)) is not None
    )
    assert kinds == {"user": 6, "group": 1, "device": 1, "servicePrincipal": 1}


def test_every_synchronized_user_leads_to_the_right_account(contoso: Contoso) -> None:
    directory, cloud, index = contoso
    by_anchor = {
        node.attributes.get("mS-DS-ConsistencyGuid", (node.guid,))[0]: guid
        for guid, node in directory.tree.nodes.items()
        if "user" in node.classes
    }
    exceptions = {names.SID_ONLY_USER, names.VANISHED_USER}
    checked = 0
    for person in everyone():
        if not person.in_cloud or not user(cloud, person.key).get("onPremisesImmutableId") or person.key in exceptions:
            continue
        anchor = base64.b64decode(str(user(cloud, person.key)["onPremisesImmutableId"]))
        assert by_anchor[anchor] == uuid.UUID(index.people[person.key].guid).bytes_le
        assert user(cloud, person.key)["onPremisesSecurityIdentifier"] == index.people[person.key].sid
        checked += 1
    assert checked > 2100


def test_people_with_a_story(contoso: Contoso) -> None:
    directory, cloud, index = contoso
    stale = user(cloud, names.STALE_DN_USER)
    assert directory.tree.find(str(stale["onPremisesDistinguishedName"])) is None
    assert index.people[names.STALE_DN_USER].dn.endswith(names.LYON_OU)

    sid_only = user(cloud, names.SID_ONLY_USER)
    assert directory.tree.find(str(sid_only["onPremisesDistinguishedName"])) is None
    assert directory.tree.find(f"<SID={sid_only['onPremisesSecurityIdentifier']}>") is not None
    assert not directory.tree.indexed("sAMAccountName", str(sid_only["onPremisesSamAccountName"]))

    migrated = directory.node(index.people[names.MIGRATED_USER].dn)
    assert migrated.attributes["mS-DS-ConsistencyGuid"][0] != migrated.guid

    assert user(cloud, names.CONVERTED_USER).get("onPremisesSyncEnabled") is None
    provisioned = index.people[names.PROVISIONED_USER].dn
    assert text(directory, provisioned, "msDS-ExternalDirectoryObjectId") == (
        f"User_{names.user_id(names.PROVISIONED_USER)}"
    )
    assert names.VANISHED_USER not in index.people


def test_what_other_writers_left(contoso: Contoso) -> None:
    directory, cloud, _ = contoso
    anchored: dict[str, str] = {}
    for node in directory.tree.nodes.values():
        if (anchor := node.text("adminDescription")).startswith("Group_"):
            anchored[anchor.removeprefix("Group_")] = directory.tree.dn(node.guid)
        assert "extensionName" not in node.attributes, "nothing is ours before we write"
    assert names.ORPHAN_GROUP_ID in anchored
    assert names.ORPHAN_GROUP_ID not in cloud.groups
    assert names.ORPHAN_GROUP_ID not in cloud.deleted_groups
    connect = anchored[cloud.find_group("Facilities")]
    assert connect == f"CN=Group_{cloud.find_group('Facilities')},{names.CONNECT_OU}"
    assert text(directory, connect, "groupType") == "8"
    synced = anchored[cloud.find_group("App Developers")]
    assert synced.endswith(names.CLOUD_SYNC_OU)
    assert text(directory, synced, "msDS-ExternalDirectoryObjectId") == f"Group_{cloud.find_group('App Developers')}"
    assert anchored[cloud.find_group("Reception Desk")].endswith(names.TARGET_OU)
    heron = next(key for key, group in cloud.deleted_groups.items() if group["displayName"] == "Project Heron")
    assert anchored[heron].endswith(names.CONNECT_OU)
    assert directory.tree.find(f"CN=Printers Berlin,{names.TARGET_OU}") is not None


def test_collisions_and_a_converted_group(contoso: Contoso) -> None:
    directory, cloud, _ = contoso
    account = cloud.find_group("Account Collision")
    assert text(directory, f"CN=Legacy Mailers,{names.GROUPS_OU}", "sAMAccountName") == f"Group_{account[-12:]}"
    mail = group_named(cloud, "Mail Collision")["mail"]
    assert text(directory, f"CN=Old Mail Group,{names.GROUPS_OU}", "mail") == mail
    converted = group_named(cloud, "Legal Archive")
    assert converted["onPremisesSyncEnabled"] is None
    original = directory.tree.find(f"<SID={converted['onPremisesSecurityIdentifier']}>")
    assert original is not None
    assert directory.tree.dn(original.guid) == f"CN=Legal Archive,{names.GROUPS_OU}"


def test_accounts_and_rights(directory: DirectoryStore) -> None:
    assert sum("user" in node.classes for node in directory.tree.nodes.values()) > 2150
    bind = directory.authenticate(names.BIND_USER, "b")
    administrator = directory.authenticate(names.ADMINISTRATOR, "a")

    def may(account: bytes, ou: str) -> bool:
        kind = directory.tree.schema.object_class("group")
        assert kind is not None
        return directory.rights.may_create(account, directory.node(ou), kind)

    assert [ou for ou in (names.TARGET_OU, names.RETIRED_OU) if may(bind, ou)] == [names.TARGET_OU, names.RETIRED_OU]
    assert not any(may(bind, ou) for ou in (names.CONNECT_OU, names.CLOUD_SYNC_OU, names.GROUPS_OU, names.BASE_DN))
    assert may(administrator, names.GROUPS_OU)


def test_exchange_numbers(directory: DirectoryStore) -> None:
    root = f"CN=Microsoft Exchange,CN=Services,{directory.configuration_dn}"
    organization = f"CN={names.EXCHANGE_ORGANIZATION},{root}"
    schema = f"CN=ms-Exch-Schema-Version-Pt,{directory.schema_dn}"
    objects = f"CN=Microsoft Exchange System Objects,{names.BASE_DN}"
    servers = f"CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,{organization}"
    assert text(directory, schema, "rangeUpper") == "17003"
    assert text(directory, organization, "objectVersion") == "16763"
    assert text(directory, objects, "objectVersion") == "13243"
    assert text(directory, f"CN=EX01,{servers}", "serialNumber") == "Version 15.2 (Build 32562.017)"


def test_version_number_is_packed_as_exchange_packs_it() -> None:
    assert version_number(14, 1, 218) == 0x738180DA


def test_without_exchange_no_attribute_of_it_is_written() -> None:
    directory, _, _ = build(exchange=False)
    assert directory.tree.find(f"CN=Microsoft Exchange,CN=Services,{directory.configuration_dn}") is None
    for node in directory.tree.nodes.values():
        assert not [name for name in node.attributes if name.startswith("msExch") or name == "mailNickname"]


def test_contoso_is_the_same_every_time(contoso: Contoso) -> None:
    directory, cloud, index = contoso
    again_directory, again_cloud, again_index = build(exchange=True)
    assert again_index == index
    assert again_cloud.groups == cloud.groups
    assert again_cloud.users == cloud.users
    first, second = directory.dump(), again_directory.dump()
    staff = [dn for dn in first if dn.startswith("CN=") and dn.endswith(names.STAFF_OU)]
    assert len(staff) > 2100
    assert [second[dn]["objectSid"] for dn in staff] == [first[dn]["objectSid"] for dn in staff]


def test_keys_are_unique() -> None:
    assert len({group.id for group in every_group()}) == len(every_group())
    assert len({group.id[-12:] for group in every_group()}) == len(every_group())
    assert len({person.key for person in everyone()}) == len(everyone())
    assert max(len(person.key) for person in everyone()) <= 20


def test_whoever_can_sign_in_has_a_service_principal(contoso: Contoso) -> None:
    """azure-cli looks the application up that it signed in as."""
    _, cloud, _ = contoso
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    applications = registrations(made.sign(key, hashes.SHA256()), "secret")
    shown = {str(row["appId"]): row["id"] for row in cloud.table("service_principals").values()}
    assert len(applications) == 7, "a managed identity and a federated one among them"
    for application in applications:
        assert shown[application.client_id] == application.object_id


def test_the_domain_s_head_has_the_policy_of_a_new_domain(contoso: Contoso) -> None:
    """msldap reckons with it for every account."""
    directory, _, _ = contoso
    head = directory.node(directory.base_dn).attributes
    assert (head["minPwdAge"], head["minPwdLength"], head["lockoutThreshold"]) == (
        (b"-864000000000",),
        (b"7",),
        (b"0",),
    )
