"""Lines of dsacls that give rights, from the grants that are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from runbook_lib.directory.rights.evaluate import Account, Holder, Place, Situation
from runbook_lib.directory.rights.needs import READ_ATTRIBUTES, Grant, Purpose
from runbook_lib.directory.rights.table import needed_grants
from runbook_lib.preflight.hand_off.templates import rendered


def each_once(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """The grants in their order, each once; an object is taken over once, before its first entry."""
    found: dict[Grant, Grant] = {}
    taken: set[str] = set()
    for grant in grants:
        entry = replace(grant, take_ownership=False)
        if entry not in found:
            takes = grant.take_ownership and grant.dn not in taken
            found[entry] = replace(entry, take_ownership=takes)
            taken |= {grant.dn} if takes else set()
    return tuple(found.values())


def dsacls_lines(grants: Iterable[Grant], account: str) -> tuple[str, ...]:
    """The lines that write the entries, in the order of the grants, each once; an object that has to be taken over is
    taken over first.

    Args:
        grants: The entries.
        account: ``DOMAIN\\name`` or a SID.
    """
    return tuple(rendered("dsacls.ps1.j2", account=account, grants=each_once(grants)).split("\n")[:-1])


def least_rights(target_ou: str, retired_ou: str, domain: str, account: str) -> dict[Purpose, tuple[str, ...]]:
    """All lines for a dedicated account without any other right, by what they are for; none stands under two.

    Args:
        target_ou: DN.
        retired_ou: DN.
        domain: DN of the domain.
        account: ``DOMAIN\\name`` or a SID.
    """
    dns = {
        Place.TARGET: target_ou,
        Place.RETIRED: retired_ou,
        Place.DOMAIN: domain,
        Place.DELETED_OBJECTS: f"CN=Deleted Objects,{domain}",
    }
    situation = Situation(
        account=Account(account, account, frozenset(), account),
        places={place: Holder(dn) for place, dn in dns.items()},
        group_default=None,
        types=dict.fromkeys(READ_ATTRIBUTES, ("",)),
    )
    found: dict[Purpose, tuple[str, ...]] = {}
    for purpose in Purpose:
        before = {line for lines in found.values() for line in lines}
        lines = dsacls_lines(needed_grants(situation, purpose), account)
        found[purpose] = tuple(line for line in lines if line not in before)
    return found
