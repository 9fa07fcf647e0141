"""What stands in the way of writing at all: an unfit OU, other tools' objects in it, Microsoft's own writers.

Plans refuse it and the pre-flight finds it, both from here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from runbook_lib.inventory.index import claimed_ids, writer_of
from runbook_lib.inventory.states import Writer
from runbook_lib.model.cloud import OtherWriters, Switch
from runbook_lib.model.directory import Container, DirectoryGroup
from runbook_lib.model.dn import is_below, normalize_dn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.model import Parameters, parse_day

_NAME_ONE = t("Name an OU that holds written-back groups and nothing else.")


@dataclass(frozen=True, slots=True)
class PlaceProblem:
    """Why nothing may be written there: a code, a sentence, what to do."""

    code: str
    message: Text
    hint: Text
    values: Mapping[str, object] = field(default_factory=dict)


def container_problem(
    container: Container, parameter: str, *, domain_root: str, protected_ous: Iterable[str]
) -> PlaceProblem | None:
    """The first thing that is wrong with a container; None where it is an ordinary OU that may be written to.

    Codes: ``ou-missing``, ``ou-domain-root``, ``ou-not-an-ou``, ``ou-special``, ``ou-protected``.
    """
    values: dict[str, object] = {"parameter": parameter, "dn": container.dn}
    if normalize_dn(container.dn) == normalize_dn(domain_root):
        return PlaceProblem(
            "ou-domain-root",
            t("{parameter} is the root of the domain: {container_dn}.", parameter=parameter, container_dn=container.dn),
            _NAME_ONE,
            values,
        )
    if not container.exists:
        message = t(
            "{parameter} does not exist: {container_dn}.",
            parameter=parameter,
            container_dn=container.dn or t("(empty)"),
        )
        return PlaceProblem(
            "ou-missing",
            message,
            t("Create that OU or correct the parameter {parameter}.", parameter=parameter),
            values,
        )
    if "organizationalunit" not in {name.casefold() for name in container.object_classes}:
        message = t(
            "{parameter} is not an organizational unit: {container_dn}.", parameter=parameter, container_dn=container.dn
        )
        return PlaceProblem("ou-not-an-ou", message, _NAME_ONE, values)
    if container.is_critical:
        message = t(
            "{parameter} is one of the domain's own containers: {container_dn}.",
            parameter=parameter,
            container_dn=container.dn,
        )
        return PlaceProblem("ou-special", message, _NAME_ONE, values)
    for ou in protected_ous:
        if is_below(container.dn, ou) or normalize_dn(container.dn) == normalize_dn(ou):
            message = t("{parameter} stands in the protected OU {ou}.", parameter=parameter, ou=ou)
            return PlaceProblem(
                "ou-protected", message, t("Correct protected_ous or the OU."), {**values, "protected": ou}
            )
    return None


def overlap_problem(target: Container, retired: Container) -> PlaceProblem | None:
    """``ous-overlap`` where the two OUs are the same or one holds the other."""
    same = normalize_dn(target.dn) == normalize_dn(retired.dn)
    if same or is_below(target.dn, retired.dn) or is_below(retired.dn, target.dn):
        return PlaceProblem(
            "ous-overlap",
            t(
                "target_ou and retired_ou overlap: {target_dn} and {retired_dn}.",
                target_dn=target.dn,
                retired_dn=retired.dn,
            ),
            t("Name two OUs of which neither stands in the other."),
            {"target_ou": target.dn, "retired_ou": retired.dn},
        )
    return None


def foreign_groups(groups: Iterable[DirectoryGroup], target: Container, tenant_id: str) -> list[str]:
    """DNs of groups below the target OU that another writer, or this program for another tenant, made; sorted."""
    return sorted(
        group.dn
        for group in groups
        if is_below(group.dn, target.dn)
        and any(writer_of(group, claim, tenant_id) is not Writer.OURS for claim in claimed_ids(group))
    )


def unproved_scope(target: Container) -> Finding:
    """That nobody has proved the target OU to be outside every synchronization: to be acknowledged."""
    return Finding(
        id="target-ou-sync-scope",
        severity=Severity.BLOCKING,
        seen=t(
            "Nothing that was read proves that {target_dn} is outside every Connect Sync and Cloud Sync scope.",
            target_dn=target.dn,
        ),
        expected=t(
            "The target OU is excluded from OU filtering in Connect Sync and from Cloud Sync's scoping filters."
        ),
        why=t("A synchronized copy of a written group would appear in the cloud a second time."),
        to_do=t("Look at both configurations, then acknowledge this finding with your name, a reason and an end date."),
        source="MicrosoftDocs/azure-docs issues 63471 and 95363; goodworkaround/AAD-Group-Writeback-Script issue 9",
        values={"target_ou": target.dn},
        acknowledgeable=True,
    )


def foreign_objects(target: Container, dns: Sequence[str]) -> Finding:
    """That another tool's objects are in the target OU."""
    return Finding(
        id="other-writer-in-target-ou",
        severity=Severity.BLOCKING,
        seen=t("1 object created by another tool is in the target OU: {dns}.", dns=dns[0])
        if len(dns) == 1
        else t(
            "{count} objects created by another tool are in the target OU: {dns}.",
            count=len(dns),
            dns="; ".join(dns[:5]),
        ),
        expected=t("The target OU holds only what this runbook writes."),
        why=t("Two writers in one OU overwrite or delete each other's groups."),
        to_do=t(
            "Choose another target OU than {target_dn}, or find out who wrote them and acknowledge this finding.",
            target_dn=target.dn,
        ),
        values={"dns": list(dns)},
        acknowledgeable=True,
    )


HOW_TO_ATTEST = t(
    "Look at Get-ADSyncAADCompanyFeature on the Connect server; if UnifiedGroupWriteback is False, set "
    "attest_connect_v1_off_by to your name and attest_connect_v1_off_until to a day in the near future. Or name "
    "the file of its collector (gwb connect collector) in connect_evidence."
)
NO_V2_PATCH = t(
    "Never switch V2 off by a PATCH of groupWriteBackEnabled: it cannot be switched on again, and Microsoft 365 groups "
    "then fall back to version 1, which writes all of them."
)


def connect_v1_of(parameters: Parameters, writers: OtherWriters, today: date) -> Switch:
    """What the tenant reports about Connect Sync writeback v1, or what a person attests where it cannot be read.

    An attestation never outweighs a reading.
    """
    if writers.connect_v1 is not Switch.UNKNOWN:
        return writers.connect_v1
    if not parameters.attest_connect_v1_off_by or not parameters.attest_connect_v1_off_until:
        return Switch.UNKNOWN
    return Switch.OFF if today <= parse_day(parameters.attest_connect_v1_off_until) else Switch.UNKNOWN


def connect_v2_on() -> Finding:
    """The finding where the tenant reports V2 as on."""
    return Finding(
        id="connect-v2-on",
        severity=Severity.BLOCKING,
        seen=t("The tenant reports group writeback V2 as on (features.groupWriteBackEnabled)."),
        expected=t("No other writer for the selected groups."),
        why=t(
            "V2 is out of support since 30 June 2024, may stop without notice, and may still "
            "write groups to its own OU. Since Connect 2.3.2.0 (12 December 2023) it can no "
            "longer be switched on."
        ),
        to_do=t(
            "Check on the Connect server that V2 does not write the selected groups, then acknowledge this finding. "
        )
        + NO_V2_PATCH,
        source='Microsoft Entra documentation, "Group writeback V2 deprecation", "Migrate group writeback V2 to Cloud '
        'Sync", "Connect version history"',
        acknowledgeable=True,
    )
