"""What a fresh forest holds, and how further domains and controllers join it ([MS-ADTS], section 6.1.1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from rehearsal.directory import schema_objects
from rehearsal.directory.lifecycle import add_as_system as add
from rehearsal.directory.lifecycle import modify_as_system as modify
from rehearsal.directory.principals import add_foreign_principals
from rehearsal.directory.rights import SYSTEM, ObjectStore
from rehearsal.directory.state import SITE, Controller, Domain, sid_of
from rehearsal.directory.tree import Guid, Node
from rehearsal.directory.values import format_time
from runbook_lib.directory.search import sid_bytes

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
_PASSWORD_POLICY = {
    "maxPwdAge": (b"-36288000000000",),  # 42 days
    "minPwdAge": (b"-864000000000",),
    "minPwdLength": (b"7",),
    "pwdHistoryLength": (b"24",),
    "pwdProperties": (b"1",),
    "lockoutThreshold": (b"0",),
    "lockoutDuration": (b"-18000000000",),
    "lockOutObservationWindow": (b"-18000000000",),
    "forceLogoff": (b"-9223372036854775808",),
}
"""What a new domain has, as clients of AD expect it on its head (Samba provisions the same)."""


def populate(store: ObjectStore) -> None:
    """Fill an empty store."""
    domain = store.domains[0]
    _naming_contexts(store, domain)
    schema_objects.publish(store)
    add(store, f"CN=Aggregate,{store.schema_dn}", {"objectClass": ["subSchema"]})
    _containers(store, domain)
    for name, kind in _CONFIGURATION_CONTAINERS:
        guid = {"objectGUID": _RECYCLE_BIN_GUID} if name == RECYCLE_BIN else {}
        add(store, f"{name},{store.configuration_dn}", {"objectClass": [kind], **guid})
    modify(store, f"{_DIRECTORY_SERVICE},{store.configuration_dn}", {"tombstoneLifetime": "180"})
    _accounts(store, domain)
    _publish_controller(store, store.controllers[0])
    _cross_references(store)
    _well_known(store, domain)


def add_domain(store: ObjectStore, label: str, netbios: str, *, host: str, ahead: int = 0) -> Domain:
    """Add a child of the first domain, for example ``emea``, with one controller; its ``host`` label is unique too."""
    name = f"{label}.{store.domain}"
    domain = Domain(name, netbios, sid_of(name), f"DC={label},{store.base_dn}")
    store.domains = (*store.domains, domain)
    _domain_head(store, domain, store.tree.root)
    _deleted_objects(store, domain.base_dn)
    _containers(store, domain)
    _accounts(store, domain)
    add_controller(store, host, domain, ahead=ahead)
    values = {"nCName": domain.base_dn, "dnsRoot": [name], "nETBIOSName": netbios, "systemFlags": "3"}
    partitions = f"CN=Partitions,{store.configuration_dn}"
    parent = f"CN={store.netbios},{partitions}"
    add(store, f"CN={netbios},{partitions}", {"objectClass": ["crossRef"], "trustParent": parent, **values})
    _well_known(store, domain)
    return domain


def add_controller(
    store: ObjectStore, host: str, domain: Domain, *, read_only: bool = False, ahead: int = 0
) -> Controller:
    """Add a controller ``<host>.<domain>`` on the same database; it counts its updates ``ahead`` of the first one."""
    server_dn = f"CN={host.upper()},CN=Servers,CN={SITE},CN=Sites,{store.configuration_dn}"
    made = Controller(f"{host}.{domain.name}", domain, server_dn, read_only=read_only, ahead=ahead)
    store.controllers = (*store.controllers, made)
    _publish_controller(store, made)
    return made


def _naming_contexts(store: ObjectStore, domain: Domain) -> None:
    _domain_head(store, domain, None)
    for dn, kind in ((store.configuration_dn, "configuration"), (store.schema_dn, "dMD")):
        add(store, dn, {"objectClass": [kind], "instanceType": "13"})
        store.add_naming_context(store.node(dn).guid)
    for head in (store.base_dn, store.configuration_dn):
        _deleted_objects(store, head)
    modify(store, store.schema_dn, {"objectVersion": "87"})


def _domain_head(store: ObjectStore, domain: Domain, parent: Guid | None) -> None:
    label = domain.name.partition(".")[0]
    root = Node(store.guid_source().bytes_le, 0, parent, ("DC", label))
    root.attributes = {
        "objectClass": (b"top", b"domain", b"domainDNS"),
        "objectGUID": (root.guid,),
        "objectSid": (sid_bytes(domain.sid),),
        "whenCreated": (format_time(store.clock()),),
        "isCriticalSystemObject": (b"TRUE",),
        "instanceType": (b"5" if parent is None else b"13",),
        "msDS-Behavior-Version": (_LEVEL.encode(),),
        "ms-DS-MachineAccountQuota": (b"10",),
        "nTMixedDomain": (b"0",),
        **_PASSWORD_POLICY,
    }
    root.attributes |= {name: (label.encode(),) for name in ("dc", "name")}
    kind = store.category(store.tree.schema.structural(root.classes))
    root.links = {"objectCategory": {kind: None}} if kind is not None else {}
    store.descriptors.set_up(root, *store.rights.creator(SYSTEM, root.parent or root.guid))
    store.commit(root)
    store.add_naming_context(root.guid, domain)


def _deleted_objects(store: ObjectStore, head: str) -> None:
    dn = f"CN=Deleted Objects,{head}"
    add(store, dn, {"objectClass": ["container"], **_CRITICAL, "isDeleted": "TRUE"})
    store.set_deleted_objects(store.node(head).guid, store.node(dn).guid)


def _containers(store: ObjectStore, domain: Domain) -> None:
    for name, kind in _DOMAIN_CONTAINERS:
        add(store, f"{name},{domain.base_dn}", {"objectClass": [kind], "showInAdvancedViewOnly": "FALSE", **_CRITICAL})
    for name, kind in _PLAIN_CONTAINERS:
        add(store, f"{name},{domain.base_dn}", {"objectClass": [kind]})


def _well_known(store: ObjectStore, domain: Domain) -> None:
    head = store.node(domain.base_dn).copy()
    wanted = [f"B:32:{guid.upper()}:{name},{domain.base_dn}".encode() for name, guid in _WELL_KNOWN.items()]
    head.attributes["wellKnownObjects"] = tuple(wanted)
    store.commit(head)


def _accounts(store: ObjectStore, domain: Domain) -> None:
    users = f"CN=Users,{domain.base_dn}"
    forest_wide = domain == store.domains[0]
    for name, rid, control, protected in _DOMAIN_USERS:
        values = {"objectClass": ["user"], "sAMAccountName": name, "userAccountControl": control}
        _account(store, f"CN={name},{users}", values, f"{domain.sid}-{rid}", protected=protected)
    for name, rid, kind, protected in DOMAIN_GROUPS:
        if kind == UNIVERSAL and not forest_wide:
            continue  # Enterprise Admins and the like stand in the first domain only
        values = {"objectClass": ["group"], "sAMAccountName": name, "groupType": kind}
        _account(store, f"CN={name},{users}", values, f"{domain.sid}-{rid}", protected=protected)
    for name, rid, protected in BUILTIN_GROUPS:
        values = {"objectClass": ["group"], "sAMAccountName": name, "groupType": BUILTIN, "systemFlags": "-1946157056"}
        _account(store, f"CN={name},CN=Builtin,{domain.base_dn}", values, f"S-1-5-32-{rid}", protected=protected)
    for group, members in _MEMBERSHIPS:
        if forest_wide or store.tree.find(f"{group},{domain.base_dn}") is not None:
            root = [f"CN={name},CN=Users,{store.base_dn}" for name in members if name == "Enterprise Admins"]
            own = [f"CN={name},{users}" for name in members if name != "Enterprise Admins"]
            modify(store, f"{group},{domain.base_dn}", {"member": [*own, *root]})
    add_foreign_principals(store, domain.base_dn)


def _account(
    store: ObjectStore, dn: str, values: Mapping[str, str | Sequence[str]], sid: str, *, protected: bool
) -> None:
    guarded = {"adminCount": "1"} if protected else {}
    add(store, dn, {**values, "objectSid": sid, **guarded, **_CRITICAL})


def _publish_controller(store: ObjectStore, controller: Controller) -> None:
    """A domain controller's account, its server object and its NTDS Settings."""
    name, domain = controller.label.upper(), controller.domain
    computer = f"CN={name},OU=Domain Controllers,{domain.base_dn}"
    control, group = ("83890176", "521") if controller.read_only else ("532480", "516")
    account = {"sAMAccountName": f"{name}$", "userAccountControl": control, "primaryGroupID": group}
    add(store, computer, {"objectClass": ["computer"], **account, "dNSHostName": controller.host, **_CRITICAL})
    server = {"objectClass": ["server"], "dNSHostName": controller.host, "serverReference": computer}
    add(store, controller.server_dn, server)
    shared = [store.configuration_dn, store.schema_dn]
    contexts = [domain.base_dn, *shared]
    held = {"msDS-hasFullReplicaNCs": contexts} if controller.read_only else {"msDS-hasMasterNCs": contexts}
    if not controller.read_only:
        held["hasMasterNCs"] = contexts
    settings: dict[str, str | bytes | Sequence[str]] = {
        "objectClass": ["nTDSDSARO" if controller.read_only else "nTDSDSA"],
        "invocationId": uuid.UUID(bytes_le=store.guid_source().bytes_le).bytes_le,
        "options": "1",
        "dMDLocation": store.schema_dn,
        **held,
        "msDS-HasDomainNCs": [domain.base_dn],
        "msDS-Behavior-Version": _LEVEL,
    }
    add(store, controller.settings_dn, settings)
    if not store.node(domain.base_dn).links.get("fSMORoleOwner"):
        modify(store, domain.base_dn, {"fSMORoleOwner": controller.settings_dn})


def _cross_references(store: ObjectStore) -> None:
    partitions = f"CN=Partitions,{store.configuration_dn}"
    modify(store, partitions, {"msDS-Behavior-Version": _LEVEL})
    forest = {"dnsRoot": [store.domain], "systemFlags": "1"}
    domain = {**forest, "systemFlags": "3", "nETBIOSName": store.netbios}
    for name, head, values in (
        (store.netbios, store.base_dn, domain),
        ("Enterprise Configuration", store.configuration_dn, forest),
        ("Enterprise Schema", store.schema_dn, forest),
    ):
        add(store, f"CN={name},{partitions}", {"objectClass": ["crossRef"], "nCName": head, **values})
