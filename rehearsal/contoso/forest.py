"""What a domain has beside its people and groups: further controllers, accounts that may not log on, a child domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rehearsal.contoso import names
from rehearsal.directory.forest import GLOBAL, LOCAL, UNIVERSAL, add_controller, add_domain
from rehearsal.directory.store import DirectoryStore

_AHEAD = {names.SECOND_CONTROLLER: 4_000_000, names.READ_ONLY_CONTROLLER: 7_000_000, names.CHILD_CONTROLLER: 1_000_000}
"""Every controller counts updates for itself, so numbers of two of them must not be compared."""
_RESTRICTIONS: Mapping[str, Mapping[str, str | bytes]] = {
    "530": {"logonHours": bytes(21)},
    "531": {"userWorkstations": "FRONTDESK"},
    "532": {"pwdLastSet": "132223104000000000"},
    "533": {"userAccountControl": "66050"},
    "701": {"accountExpires": "132223104000000000"},
    "773": {"pwdLastSet": "0"},
    "775": {"lockoutTime": "132223104000000000"},
}
"""By Windows error; the times are 1 January 2020."""
_PEOPLE = ("Emil Berg", "Eva Lund", "Enzo Ricci", "Elif Kaya", "Edda Holm")


def add_controllers(store: DirectoryStore) -> None:
    """A second writable controller and a read-only one, on the same database."""
    domain = store.domains[0]
    add_controller(store, names.SECOND_CONTROLLER, domain, ahead=_AHEAD[names.SECOND_CONTROLLER])
    host = names.READ_ONLY_CONTROLLER
    add_controller(store, host, domain, read_only=True, ahead=_AHEAD[host])


def add_refused_accounts(store: DirectoryStore, password: str) -> None:
    """One account for every reason for which a bind with the right password is refused."""
    for name, reason in names.REFUSED_ACCOUNTS.items():
        dn = f"CN={name},{names.SERVICE_OU}"
        store.add(
            dn,
            {
                "objectClass": ["user"],
                "objectGUID": names.object_guid(name),
                "sAMAccountName": name,
                "userPrincipalName": f"{name}@{names.DOMAIN}",
                "description": f"Cannot log on: Windows error {reason}",
                "userAccountControl": "66048" if reason not in {"532", "773"} else "512",
            },
        )
        store.set_password(dn, password)
        store.modify(dn, _RESTRICTIONS[reason])


def add_engine_accounts(store: DirectoryStore, password: str) -> None:
    """Accounts of Cloud Sync's agent and of Connect, with the rights that their setup gives them.

    The agent writes groups anywhere in the domain; Connect's connector account below its own OU.
    """
    for dn, user, display_name, container in (
        (names.AGENT_DN, names.AGENT_USER, "Cloud Sync provisioning agent", names.BASE_DN),
        (names.CONNECTOR_DN, names.CONNECTOR_USER, "Connect Sync connector account", names.CONNECT_OU),
    ):
        account = user.partition("@")[0]
        store.add(
            dn,
            {
                "objectClass": ["user"],
                "objectGUID": names.object_guid(account),
                "sAMAccountName": account,
                "userPrincipalName": user,
                "displayName": display_name,
                "userAccountControl": "66048",
            },
        )
        store.set_password(dn, password)
        store.grant(dn, container)


def add_child_domain(store: DirectoryStore, *, exchange: bool) -> None:
    """A second domain, with people, groups of each scope, and members from the other domain in both directions."""
    host = names.CHILD_CONTROLLER
    domain = add_domain(store, names.CHILD_LABEL, names.CHILD_NETBIOS, host=host, ahead=_AHEAD[host])
    staff, groups = f"OU=Staff,{domain.base_dn}", f"OU=Groups,{domain.base_dn}"
    for ou in (staff, groups):
        store.add(ou, {"objectClass": ["organizationalUnit"]})
    people = [_add_person(store, name, staff) for name in _PEOPLE]
    here = store.node(f"CN=Domain Users,CN=Users,{names.BASE_DN}")
    for name, scope, members in (
        ("EMEA Universal", UNIVERSAL, [*people, store.tree.dn(here.guid)]),
        ("EMEA Global", GLOBAL, people[:3]),
        ("EMEA Local", LOCAL, people[3:]),
    ):
        _add_group(store, f"CN={name},{groups}", name, scope, members)
    _add_group(store, f"CN=Both Domains,{names.GROUPS_OU}", "Both Domains", UNIVERSAL, people[:2])
    if exchange:
        system = f"CN=Microsoft Exchange System Objects,{domain.base_dn}"
        store.add(system, {"objectClass": ["msExchSystemObjectsContainer"], "objectVersion": "13243"})


def _add_person(store: DirectoryStore, name: str, parent: str) -> str:
    given, surname = name.split()
    account = name.lower().replace(" ", ".")
    dn = f"CN={name},{parent}"
    values: dict[str, str | Sequence[str]] = {
        "objectClass": ["user"],
        "objectGUID": names.object_guid(f"{account} {names.CHILD_NETBIOS}"),
        "sAMAccountName": account,
        "userPrincipalName": f"{account}@{names.CHILD_DOMAIN}",
        "givenName": given,
        "sn": surname,
        "displayName": name,
        "mail": f"{account}@{names.MAIL_DOMAIN}",
    }
    store.add(dn, values)
    return dn


def _add_group(store: DirectoryStore, dn: str, name: str, scope: str, members: Sequence[str]) -> None:
    guid = names.object_guid(f"group {name}")
    values = {"objectGUID": guid, "sAMAccountName": name, "groupType": scope, "member": members}
    store.add(dn, {"objectClass": ["group"], **values})
