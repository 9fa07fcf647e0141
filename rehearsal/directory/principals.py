"""Principals of no domain, and the groups that a fresh domain puts them in ([MS-ADTS], section 6.1.1.4.10)."""

from __future__ import annotations

from rehearsal.directory.lifecycle import add_as_system, modify_as_system
from rehearsal.directory.rights import ObjectStore
from runbook_lib.directory.rights.constants import WellKnownSid

_MEMBERS = {
    "CN=Users": (WellKnownSid.AUTHENTICATED_USERS,),
    "CN=Pre-Windows 2000 Compatible Access": (WellKnownSid.AUTHENTICATED_USERS,),
}


def add_foreign_principals(store: ObjectStore, base_dn: str) -> None:
    """Let every account that has signed in read accounts and groups, as Windows does unless it is told not to."""
    for group, sids in _MEMBERS.items():
        members = [f"CN={sid},CN=ForeignSecurityPrincipals,{base_dn}" for sid in sids]
        for sid, dn in zip(sids, members, strict=True):
            if store.tree.find(dn) is None:
                add_as_system(store, dn, {"objectClass": ["foreignSecurityPrincipal"], "objectSid": sid})
        target = store.node(f"{group},CN=Builtin,{base_dn}")
        known = [store.tree.dn(guid) for guid in target.links.get("member", {})]
        modify_as_system(store, store.tree.dn(target.guid), {"member": [*known, *members]})
