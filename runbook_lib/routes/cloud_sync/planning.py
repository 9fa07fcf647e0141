"""What every planner of the route cloud-sync shares: what was read, the prediction behind a plan, limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runbook_lib.cloud_sync.configuration import domain_of, expressions_of, secrets_of
from runbook_lib.cloud_sync.predicted import Prediction
from runbook_lib.cloud_sync.prediction import predict
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.configuration import ConfigurationDocuments
from runbook_lib.graph.tenant.jobs import CloudSync, CloudSyncJob, ObjectScope
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import GroupMembers, Plan, Refusal
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.cloud import PrincipalType
from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, counted, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import Action
from runbook_lib.routes.cloud_sync.desired import DesiredSettings
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange, CloudSyncPayload
from runbook_lib.routes.cloud_sync.requests import changes_in_order
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget
from runbook_lib.routes.predicted_members import accounts_of
from runbook_lib.rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides, and the configuration between them, as they were read."""

    inventory: Inventory
    job: CloudSyncJob
    documents: ConfigurationDocuments

    @property
    def target(self) -> CloudSyncTarget:
        """What a plan made from them is bound to."""
        controller = self.inventory.directory.controller
        return CloudSyncTarget(
            tenant_id=self.inventory.cloud.tenant.id,
            domain_guid=controller.domain_guid,
            domain_dns_name=controller.domain_dns_name,
            service_principal=self.documents.address.service_principal,
            job_id=self.documents.address.job_id,
            configuration=self.job.configuration,
        )

    @property
    def is_new(self) -> bool:
        """Whether the configuration, or at least its job, is still to be made."""
        return not self.documents.address.job_id

    @property
    def selected_groups(self) -> list[str]:
        """Ids of what is assigned in the role of selected groups, sorted, without people: these can be assigned too."""
        # A group that is a member of another one is among the principals as well.
        principals = self.inventory.cloud.principals.values()
        people = {one.id for one in principals if one.type is PrincipalType.USER}
        return sorted(self.documents.assignments.keys() - people)

    @property
    def mapping(self) -> ObjectScope:
        """The mapping of groups.

        Raises:
            Refused: There is none, or more than one (``no-mapping-of-groups``, ``several-mappings-of-groups``).
        """
        found = [part for part in self.job.of_groups if part.enabled]
        if len(found) != 1:
            expressions_of(self.documents.schema)
            raise Refused(
                t("The configuration maps groups to AD {count} times, not once.", count=len(found)),
                code="several-mappings-of-groups" if found else "no-mapping-of-groups",
                hint=t("Look at the attribute mapping of the configuration in the Entra admin center."),
            )
        return found[0]

    @property
    def users_in_scope(self) -> bool:
        """Whether the job provisions users as well."""
        parts = self.job.scope if isinstance(self.job.scope, tuple) else ()
        return any(part.enabled and part.into_ad and part.source.casefold() == "user" for part in parts)


@dataclass(frozen=True, slots=True)
class PlannedCloudSync:
    """A plan, what AD will look like when it is carried out, and what was found while making it."""

    plan: Plan
    findings: tuple[Finding, ...]
    prediction: Prediction
    chosen: tuple[str, ...] = ()
    """Ids of the groups that are, or come, into scope as selected."""
    others: tuple[str, ...] = ()
    """Ids of the groups with an AD object that nobody selected and that the new mapping renames or moves."""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """As ``places_of``: where the mapping leads, to be looked at in AD before the gate."""
    settled: frozenset[str] = frozenset()
    """As ``led_to``: where it led before."""
    stays: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Cloud group id to GUIDs of members that AD keeps although they are not predicted."""


def configuration_of(read: CloudSync, domain: str) -> CloudSyncJob:
    """The job that writes groups to a domain.

    Raises:
        Refused: There is none (``no-configuration``), or several (``several-configurations``).
    """
    found = [job for job in read.writing_groups if job.domain in ("", domain.lower())]
    if not found:
        raise Refused(
            t("No Cloud Sync configuration writes groups to {domain}.", domain=domain),
            code="no-configuration",
            hint=t(
                "Set cloud_sync_create to true and run 30-enable-writeback, which makes one; or make it in the Entra "
                "admin center (Entra Connect, Cloud sync): Microsoft Entra ID to AD sync."
            ),
            values={"domain": domain, "jobs": [job.id for job in read.jobs]},
        )
    if len(found) > 1:
        names = "; ".join(f"{printable(job.configuration, limit=60)} ({printable(job.id, limit=90)})" for job in found)
        raise Refused(
            t(
                "{count} Cloud Sync configurations write groups to {domain}: {names}.",
                count=len(found),
                domain=domain,
                names=names,
            ),
            code="several-configurations",
            hint=t(
                "A domain has one configuration: remove the others, or pause them and take them out of this domain."
            ),
            values={"domain": domain, "jobs": [job.id for job in found]},
        )
    return found[0]


def differing_parts(now: CloudSyncTarget, then: CloudSyncTarget) -> list[str]:
    """What of two targets is not the same, in words; what one of them has no id of yet, or no more, is not compared."""
    pairs = {
        "tenant": (now.tenant_id, then.tenant_id),
        "domain": (now.domain_guid, then.domain_guid),
        "configuration": (now.service_principal, then.service_principal),
        "job": (now.job_id, then.job_id),
    }
    return [name for name, (here, there) in pairs.items() if here and there and here.casefold() != there.casefold()]


def require_same_domain(sides: Sides, *, known_only: bool = False) -> None:
    """Refuse a configuration whose settings name another domain than the one that was read.

    Args:
        sides: Both sides and the configuration.
        known_only: As for ``secrets_of``.

    Raises:
        Refused: ``other-domain``, or ``configuration-without-domain`` where it is not named after it either; or its
            settings cannot be put back (``NotEditable``).
    """
    named = domain_of(secrets_of(sides.documents.secrets, known_only=known_only)) or sides.job.domain
    here = sides.inventory.directory.controller.domain_dns_name.lower()
    if not named and sides.job.configuration.casefold() != here:
        raise Refused(
            t(
                "The configuration {name} names no domain in its settings.",
                name=printable(sides.job.configuration, limit=80) or t("(without a name)"),
            ),
            code="configuration-without-domain",
            hint=t("Set its domain in the Entra admin center, or remove it, then run again."),
            values={"job": sides.job.id},
        )
    if named and named != here:
        raise Refused(
            t("The configuration writes to {named}; this run reads {here}.", named=printable(named), here=here),
            code="other-domain",
            hint=t("Name a domain controller of {named} in dc_host.", named=printable(named)),
            values={"named": named, "here": here},
        )


def objects_of_groups(directory: DirectorySnapshot) -> dict[str, str]:
    """Cloud group id to the GUID of the AD object with Cloud Sync's anchor of it, for those that have exactly one."""
    found: dict[str, list[str]] = {}
    for group in directory.groups:
        if owner := group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or ""):
            found.setdefault(owner, []).append(group.guid)
    return {owner: guids[0] for owner, guids in found.items() if len(guids) == 1}


def prediction_of(
    sides: Sides, desired: DesiredSettings, assigned: Sequence[str], expressions: Mapping[str, str]
) -> Prediction:
    """What AD will look like with these groups assigned and these expressions in the mapping."""
    mapping = sides.mapping
    changed = replace(mapping, mapped={**mapping.mapped, **{k.casefold(): v for k, v in expressions.items()}})
    return predict(
        replace(sides.job, assigned=tuple(sorted(assigned))),
        changed,
        sides.inventory.cloud,
        sides.inventory.directory,
        accounts_of(sides.inventory),
        synchronized_users=desired.synchronized_users,
        users_in_scope=sides.users_in_scope,
    )


def action(sides: Sides, act: Action, group_id: str = "") -> CloudSyncPayload:
    """The payload of an action on this configuration."""
    address = sides.documents.address
    return CloudSyncPayload(address.service_principal, address.job_id, group_id, act)


def finished_plan(
    operation: Operation,
    sides: Sides,
    changes: Sequence[CloudSyncChange],
    refusals: Sequence[Refusal],
    limits: Mapping[str, int],
    in_step: int,
    members: Sequence[GroupMembers] = (),
) -> Plan:
    """Order the changes and bind them to the configuration."""
    ordered = tuple(changes_in_order(changes))
    return Plan(
        operation=operation,
        target=sides.target,
        changes=ordered,
        limits=dict(limits),
        refusals=tuple(sorted(refusals, key=lambda refusal: refusal.group_id)),
        in_step=in_step,
        members=tuple(sorted(members, key=lambda group: group.group_id)),
        route=Route.CLOUD_SYNC,
    )


def nothing_left(sides: Sides, policy: Policy, desired: DesiredSettings, operation: Operation) -> PlannedCloudSync:
    """A plan to remove what is not there, or to undo what has been undone already: it changes nothing."""
    plan = finished_plan(operation, sides, [], [], policy.limits.as_json(), 1)
    expressions = expressions_of(sides.documents.schema)
    return PlannedCloudSync(plan, (), prediction_of(sides, desired, sorted(sides.documents.assignments), expressions))


_HOW = {
    "creates": t("Select fewer groups, or raise max_creates."),
    "retirements": t("Name fewer groups, or raise max_retirements."),
    "conversions": t("Select fewer groups, or raise max_conversions."),
}


def require_within(limits: Mapping[str, int], name: str, seen: int, what: Text, hint: Text | None = None) -> None:
    """Refuse what reaches further than a limit.

    Args:
        limits: By parameter name without ``max_``.
        name: Which of them holds.
        seen: How many groups it concerns.
        what: What is done to how many, as the beginning of a sentence.
        hint: What to do; None: select fewer, or raise the limit.

    Raises:
        Refused: ``limit-creates``, ``limit-retirements`` or ``limit-conversions``.
    """
    limit = limits[name]
    if seen <= limit:
        return
    raise Refused(
        t("{what}, and max_{name} is {limit}.", what=what, name=name, limit=limit),
        code=f"limit-{name}",
        hint=hint or _HOW[name],
        values={"limit": limit, "seen": seen},
    )


def require_creates(limits: Mapping[str, int], seen: int) -> None:
    """Refuse a plan that lets Cloud Sync make more AD groups than one plan may; raises as ``require_within``."""
    require_within(
        limits, "creates", seen, t("The plan lets Cloud Sync create {groups}", groups=counted(seen, "group"))
    )


def require_retirements(limits: Mapping[str, int], seen: int) -> None:
    """Refuse a plan that takes more groups out of scope than one plan may; raises as ``require_within``."""
    what = t("The plan takes {groups} out of scope", groups=counted(seen, "group"))
    require_within(limits, "retirements", seen, what)
