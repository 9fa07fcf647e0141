"""Where Cloud Sync and this runbook would write the same: groups, kinds of groups, OUs."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.graph.tenant import CloudSyncJob
from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.part import Unreadable
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Check, on
from runbook_lib.preflight.checks.cloud_sync import job_name, jobs_for_groups
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CLOUD_SYNC, GROUPS

_B, _U = Severity.BLOCKING, Severity.UNKNOWN


def same_groups(evidence: Evidence) -> Iterator[Finding]:
    """No group that is selected by its id is assigned to a configuration."""
    chosen = {group_id.lower() for group_id in evidence.parameters.select_ids}
    if groups := evidence.get(GROUPS):
        # A Microsoft 365 group is mail-enabled, and the fixed filter keeps those out.
        chosen -= {group.id for group in groups.groups}
    for job in jobs_for_groups(evidence):
        if not chosen or isinstance(job.assigned, Unreadable):
            continue
        both = sorted(chosen & set(job.assigned))
        if both:
            yield _overlap(
                job,
                "group",
                _B,
                t(
                    "{both_count} selected groups are assigned to a configuration: {both}. {job_name}.",
                    both_count=len(both),
                    both=", ".join(both[:5]),
                    job_name=job_name(job),
                ),
                {"groups": both},
            )


def same_kinds(evidence: Evidence) -> Iterator[Finding]:
    """No configuration may write the security groups that are selected by name."""
    parameters = evidence.parameters
    if not parameters.select_names or "security" not in parameters.select_kinds:
        return
    for job in jobs_for_groups(evidence):
        count = "not readable" if isinstance(job.assigned, Unreadable) else str(len(job.assigned))
        yield _overlap(
            job,
            "kind",
            _U,
            t(
                "Security groups are selected by name, and a configuration writes such groups too "
                "(assigned: {count}). {job_name}.",
                count=count,
                job_name=job_name(job),
            ),
            {"assigned": count},
        )


def same_container(evidence: Evidence) -> Iterator[Finding]:
    """No configuration writes into the target OU or the retired OU."""
    ours = {}
    for name in ("target_ou", "retired_ou"):
        key = normalize_foreign_dn(getattr(evidence.parameters, name))
        if key:
            ours[name] = key
    for job in jobs_for_groups(evidence):
        for container in _containers(job):
            theirs = normalize_foreign_dn(container) or ""
            hit = [name for name, key in ours.items() if theirs and _meet(theirs, key)]
            if hit:
                yield _overlap(
                    job,
                    "ou",
                    _B,
                    t(
                        "A configuration writes into {container}, which meets {hit}. {job_name}.",
                        container=printable(container),
                        hit=" and ".join(hit),
                        job_name=job_name(job),
                    ),
                    {"container": container, "parameters": hit},
                )


def _containers(job: CloudSyncJob) -> list[str]:
    """Where it writes groups, as far as that is the same for all of them."""
    if isinstance(job.scope, Unreadable):
        return []
    return sorted({part.container for part in job.scope if part.enabled and part.source.casefold() == "group"})


def _meet(first: str, second: str) -> bool:
    return first == second or first.endswith(f",{second}") or second.endswith(f",{first}")


def _overlap(job: CloudSyncJob, what: str, severity: Severity, seen: Text, values: dict[str, object]) -> Finding:
    return Finding(
        id=f"cloud-sync-same-{what}:{job.id}",
        severity=severity,
        seen=seen,
        expected=t("One writer for each group, in an OU of its own."),
        why=t(
            "Cloud Sync finds its groups by msDS-ExternalDirectoryObjectId alone: one that this "
            "runbook wrote is adopted or made a second time."
        ),
        to_do=t(
            "Take the groups out of one of the two scopes or choose another OU; acknowledge this "
            "finding where that is done or cannot be."
        ),
        source='Microsoft Entra documentation, "How provisioning to Active Directory works"',
        values={"job": job.id, **values},
        acknowledgeable=True,
    )


_NEEDS = (CLOUD_SYNC,)

CHECKS: tuple[Check, ...] = (
    Check("cloud-sync-groups", "Cloud Sync has none of the selected groups", _NEEDS, on(direct=_B), same_groups),
    Check("cloud-sync-kinds", "Cloud Sync writes no selected kind", _NEEDS, on(direct=_U), same_kinds),
    Check("cloud-sync-target", "Cloud Sync writes into neither OU", _NEEDS, on(direct=_B), same_container),
)
