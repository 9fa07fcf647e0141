"""What must hold before a plan is made at all, and what must be acknowledged before one is applied."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.change import Refusal
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.directory import Container, DirectorySnapshot
from runbook_lib.model.enforcement import Leave
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.text import joined, t
from runbook_lib.routes.direct.payload import DirectChange
from runbook_lib.rules.obstacles import (
    HOW_TO_ATTEST,
    PlaceProblem,
    connect_v2_on,
    container_problem,
    foreign_groups,
    foreign_objects,
    overlap_problem,
    unproved_scope,
)
from runbook_lib.rules.policy import Policy

PASSES = frozenset({ChangeKind.CREATE, ChangeKind.DELETE})
"""An LDAP add and a delete are permitted; every other kind is a modify, a modify DN or a restore."""


def refuse_enforced(changes: Sequence[DirectChange], inventory: Inventory) -> tuple[list[DirectChange], list[Refusal]]:
    """The changes that a domain controller lets through, and a refusal for each group that it does not.

    Only where it is known that this account may not change marked objects; where that is unknown the pre-flight says
    so, and the controller decides.
    """
    snapshot = inventory.directory
    if snapshot.enforcement.leave is not Leave.REFUSED:
        return list(changes), []
    marked = {group.guid for group in snapshot.groups if group.governed_by_cloud}
    marked |= {item.guid for item in snapshot.deleted.objects if item.governed_by_cloud}
    passing = [change for change in changes if change.kind in PASSES or change.payload.object_guid not in marked]
    refused = {change.group_id: change for change in changes if change not in passing}
    policies = "; ".join(policy.dn for policy in snapshot.enforcement.policies)
    return passing, [
        Refusal(
            group_id,
            change.display_name,
            "object-enforced",
            t(
                "{change_dn} carries msDS-ObjectSoa, and a policy of this domain ({policies}) lets "
                "this account neither modify, move nor restore such objects: {kind} would be refused.",
                change_dn=change.payload.dn,
                policies=policies,
                kind=change.kind.title,
            ),
            t(
                "Change it in the cloud, or have the account's SID put into msDS-Settings of the "
                "policy. Creating and deleting are not restricted."
            ),
        )
        for group_id, change in refused.items()
    ]


def require_complete(inventory: Inventory) -> None:
    """Refuse to plan from a reading that is not proved complete, or from an empty one.

    Raises:
        Refused: ``incomplete-read`` or ``empty-source``.
    """
    for side, reading in (
        (t("Entra ID"), inventory.cloud.reading),
        (t("Active Directory"), inventory.directory.reading),
    ):
        if not reading.complete:
            raise Refused(
                t(
                    "The reading of {side} is not complete: {gaps}.",
                    side=side,
                    gaps=joined(reading.gaps, "; ") or t("no proof of completeness"),
                ),
                code="incomplete-read",
                hint=t("Fix the error above and run again; an incomplete reading can be shown, never planned from."),
                values={"side": side, "gaps": list(reading.gaps)},
            )
    if not inventory.cloud.groups:
        raise Refused(
            t("The tenant lists no group at all."),
            code="empty-source",
            hint=t("Check tenant_id and the permissions of the app registration."),
        )


def require_container(container: Container, parameter: str, snapshot: DirectorySnapshot, policy: Policy) -> None:
    """Refuse a container that is missing, is no ordinary OU, or is protected.

    Raises:
        Refused: ``ou-missing``, ``ou-domain-root``, ``ou-not-an-ou``, ``ou-special``, ``ou-protected``.
    """
    root = snapshot.controller.default_naming_context
    _refuse(container_problem(container, parameter, domain_root=root, protected_ous=policy.protected_ous))


def require_two_ous(snapshot: DirectorySnapshot) -> None:
    """Refuse target and retired OU where one holds the other.

    Raises:
        Refused: ``ous-overlap``.
    """
    _refuse(overlap_problem(snapshot.target, snapshot.retired))


def _refuse(problem: PlaceProblem | None) -> None:
    if problem is not None:
        raise Refused(problem.message, code=problem.code, hint=problem.hint, values=dict(problem.values))


def require_plannable(inventory: Inventory, policy: Policy, *, retires: bool) -> None:
    """What every planner and every resumed change insists on: both readings, both OUs, the schema.

    Args:
        inventory: Both sides as they were read.
        policy: Names the protected OUs.
        retires: Whether the retired OU has to be there; else it is looked at where there is one.

    Raises:
        Refused: As ``require_complete``, ``require_container``, ``require_two_ous`` and ``require_mark``.
    """
    snapshot = inventory.directory
    require_complete(inventory)
    require_container(snapshot.target, "target_ou", snapshot, policy)
    if retires or snapshot.retired.dn:
        require_container(snapshot.retired, "retired_ou", snapshot, policy)
        require_two_ous(snapshot)
    require_mark(snapshot)


def require_mark(snapshot: DirectorySnapshot) -> None:
    """Refuse a schema in which a group cannot carry anchor and mark.

    Raises:
        Refused: ``schema-lacks-mark``.
    """
    missing = sorted({ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE} - snapshot.group_attributes)
    if missing:
        raise Refused(
            t("A group cannot carry {missing} in this forest's schema.", missing=joined(missing, t(" and "))),
            code="schema-lacks-mark",
            hint=t("Without them nothing proves which objects are ours; this forest cannot be written to."),
            values={"attributes": missing},
        )


def require_writers_known(rows: Sequence[GroupRow], policy: Policy) -> None:
    """Refuse Microsoft 365 groups while nobody knows whether Connect Sync writes them too.

    Raises:
        Refused: ``other-writer-unknown``.
    """
    selected = any(row.cloud and row.cloud.kind is CloudKind.MICROSOFT_365 for row in rows)
    if selected and policy.connect_v1 is Switch.UNKNOWN:
        raise Refused(
            t("Whether Connect Sync group writeback (v1) is on could not be read, and nobody attests that it is off."),
            code="other-writer-unknown",
            hint=HOW_TO_ATTEST,
        )


def findings_before_writing(inventory: Inventory) -> tuple[Finding, ...]:
    """What cannot be proved about the place where groups would be written: blocking until acknowledged."""
    snapshot = inventory.directory
    found = [unproved_scope(snapshot.target)]
    foreign = foreign_groups(snapshot.groups, snapshot.target, inventory.cloud.tenant.id)
    if foreign:
        found.append(foreign_objects(snapshot.target, foreign))
    if snapshot.controller.other_domains:
        found.append(_other_domains(snapshot.controller.other_domains))
    if inventory.cloud.writers.connect_v2 is Switch.ON:
        found.append(connect_v2_on())
    return tuple(found)


def _other_domains(domains: tuple[str, ...]) -> Finding:
    return Finding(
        id="forest-not-searched",
        severity=Severity.BLOCKING,
        seen=t("The forest has further domains that were not searched: {domains}.", domains="; ".join(domains)),
        expected=t("No object anywhere in the forest claims the same group, name or address."),
        why=t("A second object for the same group could stand in another domain."),
        to_do=t("Search those domains by hand for the selected groups' addresses, then acknowledge this finding."),
        values={"domains": list(domains)},
        acknowledgeable=True,
    )
