"""What a fresh forest of one domain holds before anybody adds anything ([MS-ADTS], section 6.1.1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rehearsal.directory import schema_objects
from rehearsal.directory.tree import Node
from rehearsal.directory.values import format_time
from runbook_lib.directory.decode import sid_bytes

if TYPE_CHECKING:
    from rehearsal.directory.store import DirectoryStore

SITE = "Default-First-Site-Name"
_DIRECTORY_SERVICE = "CN=Directory Service,CN=Windows NT,CN=Services"
RECYCLE_BIN = f"CN=Recycle Bin Feature,CN=Optional Features,{_DIRECTORY_SERVICE}"
"""Relative to the configuration naming context."""
_RECYCLE_BIN_GUID = "766ddcd8-acd0-445e-f3b9-a7f9b6744f2a"
_LEVEL = "7"
"""Functional level of Windows Server 2016."""

GLOBAL, LOCAL, UNIVERSAL, BUILTIN = "-2147483646", "-2147483644", "-2147483640", "-2147483643"

_WELL_KNOWN = {
    "CN=Users": "a9d1ca15768811d1aded00c04fd8d5cd",
    "CN=Computers": "aa312825768811d1aded00c04fd8d5cd",
    "OU=Domain Controllers": "a361b2ffffd211d1aa4b00c04fd7d83a",
    "CN=System": "ab1d30f3768811d1aded00c04fd8d5cd",
    "CN=LostAndFound": "ab8153b7768811d1aded00c04fd8d5cd",
    "CN=Infrastructure": "2fbac1870ade11d297c400c04fd8d5cd",
    "CN=Deleted Objects": "18e2ea80684f11d2b9aa00c04f79f805",
    "CN=ForeignSecurityPrincipals": "22b70c67d56e4efb91e9300fca3dc1aa",
    "CN=Program Data": "09460c08ae1e4a4ea0f64aee7daa1e5a",
    "CN=NTDS Quotas": "6227f0af1fc2410d8e3bb10615bb5b0f",
    "CN=Managed Service Accounts": "1eb93889e40c45df9f0c64d23bbb6237",
}

_DOMAIN_CONTAINERS = (
    ("CN=Users", "container"),
    ("CN=Computers", "container"),
    ("OU=Domain Controllers", "organizationalUnit"),
    ("CN=System", "container"),
    ("CN=LostAndFound", "lostAndFound"),
    ("CN=Infrastructure", "infrastructureUpdate"),
    ("CN=ForeignSecurityPrincipals", "container"),
    ("CN=Builtin", "builtinDomain"),
    ("CN=AdminSDHolder,CN=System", "container"),
)
_PLAIN_CONTAINERS = (
    ("CN=Program Data", "container"),
    ("CN=NTDS Quotas", "msDS-QuotaContainer"),
    ("CN=Managed Service Accounts", "container"),
)
_CONFIGURATION_CONTAINERS = (
    ("CN=Sites", "sitesContainer"),
    (f"CN={SITE},CN=Sites", "site"),
    (f"CN=Servers,CN={SITE},CN=Sites", "serversContainer"),
    ("CN=Services", "container"),
    ("CN=Windows NT,CN=Services", "container"),
    (_DIRECTORY_SERVICE, "nTDSService"),
    (f"CN=Optional Features,{_DIRECTORY_SERVICE}", "container"),
    (RECYCLE_BIN, "msDS-OptionalFeature"),
    ("CN=Partitions", "crossRefContainer"),
)

BUILTIN_GROUPS = (
    ("Administrators", 544, True),
    ("Users", 545, False),
    ("Guests", 546, False),
    ("Account Operators", 548, True),
    ("Server Operators", 549, True),
    ("Print Operators", 550, True),
    ("Backup Operators", 551, True),
    ("Replicator", 552, True),
    ("Pre-Windows 2000 Compatible Access", 554, False),
    ("Remote Desktop Users", 555, False),
    ("Network Configuration Operators", 556, False),
    ("Performance Monitor Users", 558, False),
    ("Event Log Readers", 573, False),
    ("Remote Management Users", 580, False),
)
"""Name, RID below S-1-5-32, protected by AdminSDHolder."""
DOMAIN_GROUPS = (
    ("Enterprise Read-only Domain Controllers", 498, UNIVERSAL, False),
    ("Domain Admins", 512, GLOBAL, True),
    ("Domain Users", 513, GLOBAL, False),
    ("Domain Guests", 514, GLOBAL, False),
    ("Domain Computers", 515, GLOBAL, False),
    ("Domain Controllers", 516, GLOBAL, True),
    ("Cert Publishers", 517, LOCAL, False),
    ("Schema Admins", 518, UNIVERSAL, True),
    ("Enterprise Admins", 519, UNIVERSAL, True),
    ("Group Policy Creator Owners", 520, GLOBAL, False),
    ("Read-only Domain Controllers", 521, GLOBAL, True),
    ("Cloneable Domain Controllers", 522, GLOBAL, False),
    ("Protected Users", 525, GLOBAL, False),
    ("Key Admins", 526, GLOBAL, True),
    ("Enterprise Key Admins", 527, UNIVERSAL, True),
    ("RAS and IAS Servers", 553, LOCAL, False),
)
_DOMAIN_USERS = (("Administrator", 500, "66048", True), ("Guest", 501, "66082", False), ("krbtgt", 502, "514", True))
_MEMBERSHIPS = (
    ("CN=Administrators,CN=Builtin", ("Administrator", "Domain Admins", "Enterprise Admins")),
    ("CN=Users,CN=Builtin", ("Domain Users",)),
    ("CN=Guests,CN=Builtin", ("Domain Guests", "Guest")),
    ("CN=Domain Admins,CN=Users", ("Administrator",)),
    ("CN=Enterprise Admins,CN=Users", ("Administrator",)),
    ("CN=Schema Admins,CN=Users", ("Administrator",)),
    ("CN=Group Policy Creator Owners,CN=Users", ("Administrator",)),
)
_CRITICAL = {"isCriticalSystemObject": "TRUE"}


def populate(store: DirectoryStore) -> None:
    """Fill an empty store."""
    _naming_contexts(store)
    schema_objects.publish(store)
    store.add(f"CN=Aggregate,{store.schema_dn}", {"objectClass": ["subSchema"]})
    for name, kind in _DOMAIN_CONTAINERS:
        store.add(f"{name},{store.base_dn}", {"objectClass": [kind], "showInAdvancedViewOnly": "FALSE", **_CRITICAL})
    for name, kind in _PLAIN_CONTAINERS:
        store.add(f"{name},{store.base_dn}", {"objectClass": [kind]})
    for name, kind in _CONFIGURATION_CONTAINERS:
        guid = {"objectGUID": _RECYCLE_BIN_GUID} if name == RECYCLE_BIN else {}
        store.add(f"{name},{store.configuration_dn}", {"objectClass": [kind], **guid})
    store.modify(f"{_DIRECTORY_SERVICE},{store.configuration_dn}", {"tombstoneLifetime": "180"})
    _accounts(store)
    _controller(store)
    _cross_references(store)
    domain = store.node(store.base_dn).copy()
    wanted = [f"B:32:{guid.upper()}:{name},{store.base_dn}".encode() for name, guid in _WELL_KNOWN.items()]
    domain.attributes["wellKnownObjects"] = tuple(wanted)
    store.commit(domain)


def _naming_contexts(store: DirectoryStore) -> None:
    label = store.domain.split(".")[0]
    root = Node(store.guid_source().bytes_le, 0, None, ("DC", label))
    root.attributes = {
        "objectClass": (b"top", b"domain", b"domainDNS"),
        "objectGUID": (root.guid,),
        "objectSid": (sid_bytes(store.domain_sid),),
        "whenCreated": (format_time(store.clock()),),
        "isCriticalSystemObject": (b"TRUE",),
        "instanceType": (b"5",),
        "msDS-Behavior-Version": (_LEVEL.encode(),),
        "ms-DS-MachineAccountQuota": (b"10",),
        "nTMixedDomain": (b"0",),
    }
    root.attributes |= {name: (label.encode(),) for name in ("dc", "name")}
    store.commit(root)
    store.add_naming_context(root.guid)
    for dn, kind in ((store.configuration_dn, "configuration"), (store.schema_dn, "dMD")):
        store.add(dn, {"objectClass": [kind], "instanceType": "13"})
        store.add_naming_context(store.node(dn).guid)
    for head in (store.base_dn, store.configuration_dn):
        deleted = f"CN=Deleted Objects,{head}"
        store.add(deleted, {"objectClass": ["container"], **_CRITICAL, "isDeleted": "TRUE"})
    store.deleted_objects = store.node(f"CN=Deleted Objects,{store.base_dn}").guid
    store.modify(store.schema_dn, {"objectVersion": "87"})


def _accounts(store: DirectoryStore) -> None:
    users = f"CN=Users,{store.base_dn}"
    for name, rid, control, protected in _DOMAIN_USERS:
        values = {"objectClass": ["user"], "sAMAccountName": name, "userAccountControl": control}
        _account(store, f"CN={name},{users}", values, f"{store.domain_sid}-{rid}", protected=protected)
    for name, rid, kind, protected in DOMAIN_GROUPS:
        values = {"objectClass": ["group"], "sAMAccountName": name, "groupType": kind}
        _account(store, f"CN={name},{users}", values, f"{store.domain_sid}-{rid}", protected=protected)
    for name, rid, protected in BUILTIN_GROUPS:
        values = {"objectClass": ["group"], "sAMAccountName": name, "groupType": BUILTIN, "systemFlags": "-1946157056"}
        _account(store, f"CN={name},CN=Builtin,{store.base_dn}", values, f"S-1-5-32-{rid}", protected=protected)
    for group, members in _MEMBERSHIPS:
        store.modify(f"{group},{store.base_dn}", {"member": [f"CN={member},{users}" for member in members]})


def _account(
    store: DirectoryStore, dn: str, values: Mapping[str, str | Sequence[str]], sid: str, *, protected: bool
) -> None:
    guarded = {"adminCount": "1"} if protected else {}
    store.add(dn, {**values, "objectSid": sid, **guarded, **_CRITICAL})


def _controller(store: DirectoryStore) -> None:
    """The one domain controller: its account, its server object and its NTDS Settings."""
    name = store.host.split(".")[0].upper()
    computer = f"CN={name},OU=Domain Controllers,{store.base_dn}"
    account = {"sAMAccountName": f"{name}$", "userAccountControl": "532480", "primaryGroupID": "516"}
    store.add(computer, {"objectClass": ["computer"], **account, "dNSHostName": store.host, **_CRITICAL})
    store.add(store.server_dn, {"objectClass": ["server"], "dNSHostName": store.host, "serverReference": computer})
    contexts = list(store.naming_contexts)
    settings: dict[str, str | bytes | Sequence[str]] = {
        "objectClass": ["nTDSDSA"],
        "invocationId": uuid.UUID(bytes_le=store.guid_source().bytes_le).bytes_le,
        "options": "1",
        "dMDLocation": store.schema_dn,
        "hasMasterNCs": contexts,
        "msDS-hasMasterNCs": contexts,
        "msDS-HasDomainNCs": [store.base_dn],
        "msDS-Behavior-Version": _LEVEL,
    }
    store.add(f"CN=NTDS Settings,{store.server_dn}", settings)
    store.modify(store.base_dn, {"fSMORoleOwner": f"CN=NTDS Settings,{store.server_dn}"})


def _cross_references(store: DirectoryStore) -> None:
    partitions = f"CN=Partitions,{store.configuration_dn}"
    store.modify(partitions, {"msDS-Behavior-Version": _LEVEL})
    forest = {"dnsRoot": [store.domain], "systemFlags": "1"}
    domain = {**forest, "systemFlags": "3", "nETBIOSName": store.netbios}
    for name, head, values in (
        (store.netbios, store.base_dn, domain),
        ("Enterprise Configuration", store.configuration_dn, forest),
        ("Enterprise Schema", store.schema_dn, forest),
    ):
        store.add(f"CN={name},{partitions}", {"objectClass": ["crossRef"], "nCName": head, **values})
