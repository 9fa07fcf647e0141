"""What must hold before a plan is made at all, and what must be acknowledged before one is applied."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.directory.names import is_below, normalize_dn
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import claimed_ids, writer_of
from runbook_lib.inventory.other_writers import HOW_TO_ATTEST, connect_v2_on
from runbook_lib.inventory.states import GroupRow, Writer
from runbook_lib.model.anchor import ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE
from runbook_lib.model.cloud import CloudKind, Switch
from runbook_lib.model.directory import Container, DirectorySnapshot
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.writeback.policy import Policy


def require_complete(inventory: Inventory) -> None:
    """Refuse to plan from a reading that is not proved complete, or from an empty one.

    Raises:
        Refused: ``incomplete-read`` or ``empty-source``.
    """
    for side, reading in (("Entra ID", inventory.cloud.reading), ("Active Directory", inventory.directory.reading)):
        if not reading.complete:
            raise Refused(
                f"The reading of {side} is not complete: {'; '.join(reading.gaps) or 'no proof of completeness'}.",
                code="incomplete-read",
                hint="Remove the cause and run again; an incomplete reading can be shown, never planned from.",
                values={"side": side, "gaps": list(reading.gaps)},
            )
    if not inventory.cloud.groups:
        raise Refused(
            "The tenant lists no group at all.",
            code="empty-source",
            hint="Check tenant_id and the permissions of the app registration.",
        )


def require_container(container: Container, parameter: str, snapshot: DirectorySnapshot, policy: Policy) -> None:
    """Refuse a container that is missing, is no ordinary OU, or is protected.

    Raises:
        Refused: ``ou-missing``, ``ou-domain-root``, ``ou-not-an-ou``, ``ou-special``, ``ou-protected``.
    """
    values = {"parameter": parameter, "dn": container.dn}
    if normalize_dn(container.dn) == normalize_dn(snapshot.controller.default_naming_context):
        raise Refused(
            f"{parameter} is the root of the domain: {container.dn}.",
            code="ou-domain-root",
            hint="Name an OU that holds written-back groups and nothing else.",
            values=values,
        )
    if not container.exists:
        raise Refused(
            f"{parameter} does not exist: {container.dn or '(empty)'}.",
            code="ou-missing",
            hint=f"Create that OU or correct the parameter {parameter}.",
            values=values,
        )
    if "organizationalunit" not in {name.casefold() for name in container.object_classes}:
        raise Refused(
            f"{parameter} is not an organizational unit: {container.dn}.",
            code="ou-not-an-ou",
            hint="Name an OU that holds written-back groups and nothing else.",
            values=values,
        )
    if container.is_critical:
        raise Refused(
            f"{parameter} is one of the domain's own containers: {container.dn}.",
            code="ou-special",
            hint="Name an OU that holds written-back groups and nothing else.",
            values=values,
        )
    for ou in policy.protected_ous:
        if is_below(container.dn, ou) or normalize_dn(container.dn) == normalize_dn(ou):
            raise Refused(
                f"{parameter} stands in the protected OU {ou}.",
                code="ou-protected",
                hint="Correct protected_ous or the OU.",
                values={**values, "protected": ou},
            )


def require_two_ous(snapshot: DirectorySnapshot) -> None:
    """Refuse target and retired OU where one holds the other.

    Raises:
        Refused: ``ous-overlap``.
    """
    target, retired = snapshot.target.dn, snapshot.retired.dn
    same = normalize_dn(target) == normalize_dn(retired)
    if same or is_below(target, retired) or is_below(retired, target):
        raise Refused(
            f"target_ou and retired_ou overlap: {target} and {retired}.",
            code="ous-overlap",
            hint="Name two OUs of which neither stands in the other.",
            values={"target_ou": target, "retired_ou": retired},
        )


def require_mark(snapshot: DirectorySnapshot) -> None:
    """Refuse a schema in which a group cannot carry anchor and mark.

    Raises:
        Refused: ``schema-lacks-mark``.
    """
    missing = sorted({ANCHOR_ATTRIBUTE, MARK_ATTRIBUTE} - snapshot.group_attributes)
    if missing:
        raise Refused(
            f"A group cannot carry {' and '.join(missing)} in this forest's schema.",
            code="schema-lacks-mark",
            hint="Without them nothing proves which objects are ours; this forest cannot be written to.",
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
            "Whether Connect Sync group writeback (v1) is on could not be read, and nobody attests that it is off.",
            code="other-writer-unknown",
            hint=HOW_TO_ATTEST,
        )


def findings_before_writing(inventory: Inventory) -> tuple[Finding, ...]:
    """What cannot be proved about the place where groups would be written: blocking until acknowledged."""
    snapshot = inventory.directory
    found = [_unproved_scope(snapshot.target)]
    foreign = sorted(
        group.dn
        for group in snapshot.groups
        if is_below(group.dn, snapshot.target.dn)
        and any(writer_of(group, claim, inventory.cloud.tenant.id) is not Writer.OURS for claim in claimed_ids(group))
    )
    if foreign:
        found.append(_foreign_objects(snapshot.target, foreign))
    if snapshot.controller.other_domains:
        found.append(_other_domains(snapshot.controller.other_domains))
    if inventory.cloud.writers.connect_v2 is Switch.ON:
        found.append(connect_v2_on())
    return tuple(found)


def _unproved_scope(target: Container) -> Finding:
    return Finding(
        id="target-ou-sync-scope",
        severity=Severity.BLOCKING,
        seen=f"Nothing that was read proves that {target.dn} is outside every Connect Sync and Cloud Sync scope.",
        expected="The target OU is excluded from OU filtering in Connect Sync and from Cloud Sync's scoping filters.",
        why="A synchronized copy of a written group would appear in the cloud a second time.",
        to_do="Look at both configurations, then acknowledge this finding with your name, a reason and an end date.",
        source="MicrosoftDocs/azure-docs issues 63471 and 95363; goodworkaround/AAD-Group-Writeback-Script issue 9",
        values={"target_ou": target.dn},
        acknowledgeable=True,
    )


def _foreign_objects(target: Container, dns: list[str]) -> Finding:
    return Finding(
        id="other-writer-in-target-ou",
        severity=Severity.BLOCKING,
        seen=f"{len(dns)} object(s) of another writer stand in the target OU: {'; '.join(dns[:5])}.",
        expected="The target OU holds only what this runbook writes.",
        why="Two writers in one OU overwrite or delete each other's groups.",
        to_do=f"Choose another target OU than {target.dn}, or find out who wrote them and acknowledge this finding.",
        values={"dns": dns},
        acknowledgeable=True,
    )


def _other_domains(domains: tuple[str, ...]) -> Finding:
    return Finding(
        id="forest-not-searched",
        severity=Severity.BLOCKING,
        seen=f"The forest has further domains that were not searched: {'; '.join(domains)}.",
        expected="No object anywhere in the forest claims the same group, name or address.",
        why="A second object for the same group could stand in another domain.",
        to_do="Search those domains by hand for the selected groups' addresses, then acknowledge this finding.",
        values={"domains": list(domains)},
        acknowledgeable=True,
    )
