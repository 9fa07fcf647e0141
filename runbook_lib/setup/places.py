"""The OUs of the domain to choose from, and what is known against one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import equals
from runbook_lib.directory.two_ous import PlaceReading
from runbook_lib.errors import UsageError
from runbook_lib.graph.tenant.jobs import STOPPED, CloudSyncJob, JobKind
from runbook_lib.model.directory import Container
from runbook_lib.model.dn import MalformedDnError, is_below, normalize_dn
from runbook_lib.model.ids import MARK_ATTRIBUTE, owner_of_mark
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, first_of, t
from runbook_lib.model.untrusted import printable

MOST_LISTED = 5_000
"""OUs that are offered; of a domain with more the others are typed."""


def list_ous(directory: Directory) -> tuple[str, ...]:
    """DNs of the OUs of the domain that this account sees, each below its parent, at most ``MOST_LISTED``.

    Raises:
        RunbookError: The search failed.
    """
    root = directory.controller.default_naming_context
    found = sorted(
        (entry.dn for entry in directory.search(root, equals("objectClass", "organizationalUnit"), ("objectClass",))),
        key=lambda dn: normalize_dn(dn).split(",")[::-1],
    )
    return tuple(found[:MOST_LISTED])


def require_place(place: PlaceReading, parameter: str) -> None:
    """Insist on an OU of the domain that no part of Windows lives in.

    Raises:
        UsageError: ``ou-missing`` or ``ou-of-windows``.
    """
    container = place.target
    if not container.exists:
        raise UsageError(
            t("There is no {dn} that this account can see.", dn=container.dn),
            code="ou-missing",
            hint=t(
                "Make it (Active Directory Users and Computers, or New-ADOrganizationalUnit), wait until it is on this "
                "domain controller, and answer again."
            ),
            values={"parameter": parameter, "dn": container.dn},
        )
    if container.is_critical or "organizationalunit" not in {name.casefold() for name in container.object_classes}:
        raise UsageError(
            t("{dn} is no OU for groups alone: the domain itself needs it, or it is no OU.", dn=container.dn),
            code="ou-of-windows",
            hint=t("Make an OU for this runbook alone and name that."),
            values={"parameter": parameter, "dn": container.dn},
        )


def remarks(
    place: PlaceReading, evidence: ConnectEvidence | None, tenant_id: str, *, other_writer: bool
) -> Iterator[Text]:
    """What speaks against an OU, a sentence each.

    Args:
        place: The OU as ``target``, and what stands below it.
        evidence: Of the Connect server, where there is some.
        tenant_id: Whose groups are ours.
        other_writer: Whether one of Microsoft's engines is to write here: then its own groups are no remark.
    """
    target: Container = place.target
    others = [
        group.dn
        for group in place.groups
        if (owner_of_mark(group.attributes.get(MARK_ATTRIBUTE, ())) or ("",))[0] != tenant_id
    ]
    if others and not other_writer:
        yield t(
            "{dn} holds groups that this runbook did not write: {groups}.", dn=target.dn, groups=first_of(others, 3)
        )
    if place.others:
        yield t("{dn} holds objects that are no groups: {others}.", dn=target.dn, others=first_of(place.others, 3))
    inside = evidence.in_filter(target.dn) if evidence else None
    if inside and not other_writer:
        yield t("{dn} is in the scope of Connect Sync, as its server says: exclude it there first.", dn=target.dn)
    elif inside is None and not other_writer:
        yield t(
            "Whether {dn} is in the scope of Connect Sync is not known: look at its wizard (Domain and OU filtering), "
            "or run the collector on its server (gwb connect collector) and name its file: -p connect_evidence=FILE.",
            dn=target.dn,
        )


def cloud_sync_remarks(dn: str, jobs: Sequence[CloudSyncJob], domain: str) -> Iterator[Text]:
    """What Cloud Sync's jobs from AD say of an OU, a sentence each.

    How a job's schema holds the OUs that were chosen in the portal is documented nowhere: names of OUs in its filters
    are told as they stand there, and without any it is not known whether the OU is in scope.

    Args:
        dn: Of the OU.
        jobs: Every job of Cloud Sync.
        domain: DNS name of the OU's domain; jobs of others are about other OUs.
    """
    for job in jobs:
        of_another = job.domain and job.domain.casefold() != domain.casefold()
        if job.kind is not JobKind.FROM_AD or job.state in STOPPED or of_another:
            continue
        name = printable(job.configuration or job.id, limit=80)
        named = _filter_names(job)
        if not named:
            yield t(
                "Cloud Sync synchronizes from this domain ({name}); whether {dn} is in its scope is not known: look at "
                "the scoping filters of that configuration.",
                name=name,
                dn=dn,
            )
        elif holding := [one for one in named if normalize_dn(one) == normalize_dn(dn) or is_below(dn, one)]:
            yield t(
                "A filter of Cloud Sync ({name}) names {holding}, which holds {dn}: see that it is not in scope.",
                name=name,
                holding=printable(holding[0], limit=200),
                dn=dn,
            )


def _filter_names(job: CloudSyncJob) -> list[str]:
    """Values of a job's scoping filters that are names in a domain."""
    scopes = () if isinstance(job.scope, Unreadable) else job.scope
    values = {
        value
        for scope in scopes
        if scope.enabled
        for clauses in scope.alternatives
        for clause in clauses
        for value in clause.values
    }
    return sorted(value for value in values if _in_a_domain(value))


def _in_a_domain(text: str) -> bool:
    try:
        return normalize_dn(text).rpartition(",")[2].startswith("dc=")
    except MalformedDnError:
        return False
