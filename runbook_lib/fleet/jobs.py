"""Runs of a fleet, and which of them must never be under way together. Pure.

Two runs exclude each other where they share a tenant, a domain controller or a domain: requests of one tenant are
throttled together, and a domain has one writer. Whoever is connected by such keys, directly or through others, is one
set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.fleet.model import Fleet
from runbook_lib.model.dn import MalformedDnError, parse_dn
from runbook_lib.parameters.model import Parameters


@dataclass(frozen=True, slots=True)
class Job:
    """One notebook of one tenant.

    Attributes:
        tenant: Name of its entry.
        notebook: As the file names it.
        files: Parameters files, absolute.
        change_id: Of its runs; no two tenants of a fleet have the same.
        change_id_given: Whether the fleet's file names it, and not the parameters files.
        secrets_prefix: What the names of its variables with secrets begin with; empty: it has none.
        keys: What it shares with others.
        together: Name of its set: the first tenant of those that must not be under way together.
    """

    tenant: str
    notebook: str
    files: tuple[Path, ...]
    change_id: str
    change_id_given: bool
    secrets_prefix: str
    keys: frozenset[str]
    together: str

    @property
    def name(self) -> str:
        """Tenant and notebook, safe as a file name where both are."""
        return f"{self.tenant}.{Path(self.notebook).stem}"


@dataclass(frozen=True, slots=True)
class ReadFleet:
    """A fleet that was read and checked.

    Attributes:
        fleet: What the file says.
        file: The file.
        root: The project's root.
        records: Folder of the records, absolute.
        jobs: By tenant, in the file's order, each tenant's notebooks in theirs.
    """

    fleet: Fleet
    file: Path
    root: Path
    records: Path
    jobs: tuple[Job, ...]


def keys_of(parameters: Parameters) -> frozenset[str]:
    """What a tenant's runs share with others: tenant, domain controllers, domains of the two OUs.

    Args:
        parameters: Checked and normalized.
    """
    found = {f"tenant {parameters.tenant_id}"} if parameters.tenant_id else set[str]()
    found |= {f"host {host.casefold()}" for host in (parameters.dc_host, parameters.dc_host_fallback) if host}
    return frozenset(
        found | {f"domain {d}" for d in map(_domain_of, (parameters.target_ou, parameters.retired_ou)) if d}
    )


def _domain_of(dn: str) -> str:
    """``contoso.com`` for a DN below ``DC=contoso,DC=com``."""
    try:
        parts = parse_dn(dn) if dn else ()
    except MalformedDnError:
        return ""
    avas = [ava for rdn in parts for ava in rdn]
    return ".".join(value.casefold() for attribute, value in avas if attribute.casefold() == "dc")


def sets_of(keys: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Tenant to the name of its set.

    Args:
        keys: Tenant to what it shares with others.
    """
    first: dict[str, str] = {}
    names = {tenant: tenant for tenant in keys}

    def top(tenant: str) -> str:
        while names[tenant] != tenant:
            tenant = names[tenant]
        return tenant

    order = {tenant: number for number, tenant in enumerate(keys)}
    for tenant, own in keys.items():
        for key in sorted(own):
            one, other = top(first.setdefault(key, tenant)), top(tenant)
            older, younger = sorted((one, other), key=order.__getitem__)
            names[younger] = older
    return {tenant: top(tenant) for tenant in keys}


def startable(waiting: Sequence[Job], running: Iterable[Job]) -> Iterator[Job]:
    """Those of the waiting that may start beside the running: no two of a set, each tenant's notebooks in order."""
    taken = {job.together for job in running}
    for job in waiting:
        if job.together not in taken:
            taken.add(job.together)
            yield job
