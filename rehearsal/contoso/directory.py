"""Contoso's Active Directory: OUs, accounts, groups, and what Microsoft's writers left there."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.crowd import NOBODY, Crowd
from rehearsal.contoso.people import Person
from rehearsal.contoso.specification import GroupSpecification, Kind, Writer
from rehearsal.directory.bulk import BulkLoad
from rehearsal.directory.names import format_rdn
from rehearsal.directory.store import DirectoryStore
from runbook_lib.directory.search import guid_text, sid_text

_UNIVERSAL_DISTRIBUTION, _UNIVERSAL_SECURITY, _GLOBAL_SECURITY = "8", "-2147483640", "-2147483646"
_GROUP_TYPES = {
    Kind.UNIFIED: _UNIVERSAL_DISTRIBUTION,
    Kind.SECURITY: _GLOBAL_SECURITY,
    Kind.MAIL_SECURITY: _UNIVERSAL_SECURITY,
    Kind.DISTRIBUTION: _UNIVERSAL_DISTRIBUTION,
}
CONTACT = "Press Agency"


@dataclass(frozen=True, slots=True)
class DirectoryIdentity:
    """What the cloud knows an AD object by."""

    guid: str
    sid: str
    dn: str

    @property
    def immutable_id(self) -> str:
        """Base64 of the sixteen little-endian bytes of the GUID, as Connect makes it."""
        return base64.b64encode(uuid.UUID(self.guid).bytes_le).decode("ascii")


@dataclass(slots=True)
class DirectoryIndex:
    """Identities of the AD objects that cloud objects come from or lead to, by key of person or group."""

    people: dict[str, DirectoryIdentity] = field(default_factory=dict)
    groups: dict[str, DirectoryIdentity] = field(default_factory=dict)


def populate_directory(
    store: DirectoryStore,
    *,
    bind_password: str,
    administrator_password: str,
    exchange: bool,
    crowd: Crowd = NOBODY,
) -> DirectoryIndex:
    """Fill a fresh store. ``exchange`` says whether schema and recipients carry Exchange's attributes."""
    load = BulkLoad(store)
    for ou in (
        names.STAFF_OU,
        names.LYON_OU,
        names.SERVICE_OU,
        names.GROUPS_OU,
        names.TARGET_OU,
        names.RETIRED_OU,
        names.CONNECT_OU,
        names.CLOUD_SYNC_OU,
    ):
        store.add(ou, {"objectClass": ["organizationalUnit"]})
    index = DirectoryIndex()
    for person in crowd.everybody():
        if person.has_account:
            index.people[person.key] = _add_person(store, load, person, exchange=exchange)
    _add_service_accounts(store, bind_password, administrator_password)
    store.add(
        f"{format_rdn('CN', CONTACT)},{names.GROUPS_OU}",
        {"objectClass": ["contact"], "displayName": CONTACT, "mail": "desk@press.example"},
    )
    for group in every_group():
        if group.writer is not Writer.NOBODY:
            index.groups[group.key] = _add_group(store, load, group, (), exchange=exchange)
    for group in every_group():
        members = _members(group, index)
        if group.key in index.groups and members:
            store.modify(index.groups[group.key].dn, {"member": members})
    _add_obstacles(store, index)
    for group in (*(one for one in crowd.groups if one.writer is not Writer.NOBODY), *crowd.local_groups):
        index.groups[group.key] = _add_group(store, load, group, _members(group, index), exchange=exchange)
    return index


def _add_person(store: DirectoryStore, load: BulkLoad, person: Person, *, exchange: bool) -> DirectoryIdentity:
    guid = names.object_guid(person.key)
    parent = names.LYON_OU if person.story == names.STALE_DN_USER else names.STAFF_OU
    attributes: dict[str, str | bytes | Sequence[str | bytes]] = {
        "objectClass": ["user"],
        "objectGUID": guid,
        "givenName": person.given_name,
        "sn": person.surname,
        "displayName": person.display_name,
        "sAMAccountName": person.key,
        "userPrincipalName": f"{person.key}@{names.DOMAIN}",
        "userAccountControl": "512",
        "mail": f"{person.key}@{names.MAIL_DOMAIN}",
        "proxyAddresses": [f"SMTP:{person.key}@{names.MAIL_DOMAIN}"],
        "department": person.department,
        "title": person.title,
        "l": person.city,
    }
    if person.story == names.PROVISIONED_USER:
        attributes["msDS-ExternalDirectoryObjectId"] = f"User_{names.user_id(person.key)}"
    elif person.story != names.SID_ONLY_USER:
        attributes["mS-DS-ConsistencyGuid"] = uuid.UUID(consistency_guid(person)).bytes_le
    if exchange:
        attributes["mailNickname"] = person.key
    return _added(store, load, f"{format_rdn('CN', person.display_name)},{parent}", attributes)


def consistency_guid(person: Person) -> str:
    """mS-DS-ConsistencyGuid: the objectGUID, unless the account came from another forest."""
    return names.object_guid(f"{person.key} elsewhere" if person.story == names.MIGRATED_USER else person.key)


def _added(
    store: DirectoryStore, load: BulkLoad, dn: str, attributes: Mapping[str, str | bytes | Sequence[str | bytes]]
) -> DirectoryIdentity:
    guid = load.add(dn, attributes)
    return DirectoryIdentity(guid_text(guid), sid_text(store.tree.nodes[guid].attributes["objectSid"][0]), dn)


def _add_service_accounts(store: DirectoryStore, bind_password: str, administrator_password: str) -> None:
    store.add(
        names.BIND_DN,
        {
            "objectClass": ["user"],
            "sAMAccountName": "svc-gwb",
            "userPrincipalName": names.BIND_USER,
            "displayName": "Group writeback runbook",
            "description": "Writes cloud groups; rights on the target and retired OU only",
            "userAccountControl": "66048",
        },
    )
    store.set_password(names.BIND_DN, bind_password)
    store.grant(names.BIND_DN, names.TARGET_OU)
    store.grant(names.BIND_DN, names.RETIRED_OU)
    store.grant_reanimation(names.BIND_DN)
    store.set_password(f"CN=Administrator,CN=Users,{names.BASE_DN}", administrator_password)


def _add_group(
    store: DirectoryStore, load: BulkLoad, group: GroupSpecification, members: Sequence[str], *, exchange: bool
) -> DirectoryIdentity:
    attributes: dict[str, str | bytes | Sequence[str | bytes]] = {
        "objectClass": ["group"],
        "objectGUID": names.object_guid(f"group {group.key}"),
        "displayName": group.name,
        "groupType": _GROUP_TYPES[group.kind],
        **({"description": group.description} if group.description else {}),
        **({"member": members} if members else {}),
    }
    anchor = f"Group_{group.id}"
    short = f"{group.name[:51]}_{group.id[-12:]}"
    if group.writer is Writer.CONNECT:
        rdn, parent = anchor, names.CONNECT_OU
        attributes |= {"adminDescription": anchor, **_connect_mail(group, exchange=exchange)}
    elif group.writer is Writer.CLOUD_SYNC:
        rdn, parent = short, names.CLOUD_SYNC_OU
        attributes |= {"adminDescription": anchor, "msDS-ExternalDirectoryObjectId": anchor}
        attributes["groupType"] = _UNIVERSAL_SECURITY
    elif group.writer is Writer.SOMEBODY:
        rdn, parent = short, names.TARGET_OU
        attributes |= {"adminDescription": anchor, "sAMAccountName": "reception-by-hand"}
    else:
        rdn, parent = group.name, names.GROUPS_OU
        attributes["sAMAccountName"] = group.name
        if group.mail:
            attributes |= {"mail": group.mail, "proxyAddresses": [f"SMTP:{group.mail}"]}
        if group.writer is Writer.CONVERTED:
            attributes["groupType"] = _UNIVERSAL_SECURITY
    return _added(store, load, f"{format_rdn('CN', rdn)},{parent}", attributes)


def _connect_mail(group: GroupSpecification, *, exchange: bool) -> dict[str, str | Sequence[str | bytes]]:
    """Connect writes mail attributes only where AD has Exchange's, and only the primary address arrives."""
    if not exchange or group.mail is None:
        return {}
    return {
        "mail": group.mail,
        "mailNickname": group.key,
        "proxyAddresses": [f"SMTP:{group.mail}"],
        "msExchRequireAuthToSendTo": "TRUE",
    }


def _members(group: GroupSpecification, index: DirectoryIndex) -> list[str]:
    """DNs of those members that AD has."""
    held = []
    for member in group.members:
        kind, _, key = member.rpartition(":")
        found = index.groups.get(key) if kind == "group" else index.people.get(key)
        if found is not None:
            held.append(found.dn)
    return held


def _add_obstacles(store: DirectoryStore, index: DirectoryIndex) -> None:
    """Objects that a careless writer stumbles over."""
    accounts = list(index.people.values())
    first = min(600, len(accounts) // 2)
    some = [identity.dn for identity in accounts[first : first + 4]]
    account_collision = names.group_id("account-collision")
    mail_collision = "mail-collision@" + names.GROUP_MAIL_DOMAIN
    orphan = f"Group_{names.ORPHAN_GROUP_ID}"
    finance = index.groups["gg-finance-read"].dn
    for name, parent, attributes in (
        ("Legacy Mailers", names.GROUPS_OU, {"sAMAccountName": f"Group_{account_collision[-12:]}"}),
        ("Old Mail Group", names.GROUPS_OU, {"mail": mail_collision, "proxyAddresses": [f"SMTP:{mail_collision}"]}),
        ("Parking Permits", names.GROUPS_OU, {"sAMAccountName": "Parking Permits", "member": [*some, finance]}),
        # Operators also hide groups from synchronization with this prefix; it is no anchor.
        ("Kept From The Cloud", names.GROUPS_OU, {"adminDescription": "Group_not-for-the-cloud", "member": some}),
        ("Printers Berlin", names.TARGET_OU, {"sAMAccountName": "Printers Berlin", "member": some}),
        (orphan, names.CONNECT_OU, {"adminDescription": orphan, "displayName": "Gone For Good", "member": some}),
    ):
        store.add(
            f"{format_rdn('CN', name)},{parent}",
            {
                "objectClass": ["group"],
                "objectGUID": names.object_guid(f"obstacle {name}"),
                "groupType": _UNIVERSAL_DISTRIBUTION,
                **attributes,
            },
        )
    tier_zero = f"CN=Tier Zero Delegates,{names.GROUPS_OU}"
    store.add(
        tier_zero,
        {
            "objectClass": ["group"],
            "objectGUID": names.object_guid("obstacle Tier Zero Delegates"),
            "sAMAccountName": "Tier Zero Delegates",
            "groupType": _UNIVERSAL_SECURITY,
            "member": some[:1],
        },
    )
    # A global group such as Domain Admins takes no universal one.
    administrators = store.node(f"CN=Administrators,CN=Builtin,{names.BASE_DN}")
    held = [store.tree.dn(guid) for guid in administrators.links.get("member", ())]
    store.modify(store.tree.dn(administrators.guid), {"member": [*held, tier_zero]})
