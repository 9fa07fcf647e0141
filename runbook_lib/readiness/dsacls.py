"""Grants as lines for PowerShell or a command prompt on a domain controller or a management host.

``dsacls`` is a program, not a cmdlet: PowerShell hands it its arguments, and older releases lose quotation marks inside
them. A quotation mark in a DN is therefore written as the pair ``\\22`` (RFC 4514), which means the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook_lib.directory.rights.grants import Grant
from runbook_lib.directory.rights.needs import READ_ATTRIBUTES, Purpose
from runbook_lib.directory.rights.situation import Account, Holder, Place, Situation
from runbook_lib.directory.rights.table import needed_grants
from runbook_lib.readiness.powershell import quoted


def dsacls_lines(grant: Grant, account: str) -> tuple[str, ...]:
    """The line that writes the entry, after the one that takes the object over where that has to come first.

    Args:
        account: ``DOMAIN\\name`` or a SID.
    """
    return lines_of(facts_of(grant), account)


def facts_of(grant: Grant) -> dict[str, object]:
    """A grant as plain values for a hand-off: dn, rights, on_groups, take_ownership."""
    return {
        "dn": grant.dn,
        "rights": grant.rights(),
        "on_groups": grant.on_groups,
        "take_ownership": grant.take_ownership,
    }


def lines_of(facts: Mapping[str, object], account: str) -> tuple[str, ...]:
    """The lines of one grant, from what ``facts_of`` made of it."""
    dn = distinguished_name(facts)
    below = " /I:S" if facts["on_groups"] else ""
    entry = quoted(f"{account}:{facts['rights']}")
    line = f"dsacls {dn}{below} /G {entry}"
    return (f"dsacls {dn} /takeownership", line) if facts["take_ownership"] else (line,)


def distinguished_name(facts: Mapping[str, object]) -> str:
    """The object of one grant as dsacls's first argument."""
    return quoted(str(facts["dn"]).replace('\\"', "\\22"))


def dsacls_script(grants: Iterable[Grant], account: str) -> tuple[str, ...]:
    """All lines, in the order of the grants, each once."""
    return tuple(dict.fromkeys(line for grant in grants for line in dsacls_lines(grant, account)))


def least_rights(target_ou: str, retired_ou: str, domain: str, account: str) -> dict[Purpose, tuple[str, ...]]:
    """All lines for a dedicated account without any other right, by what they are for; none stands under two.

    Args:
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
        lines = dsacls_script(needed_grants(situation, purpose), account)
        found[purpose] = tuple(line for line in lines if line not in before)
    return found
