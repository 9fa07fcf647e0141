"""A configuration that a plan makes: what it is planned from while there is none, and what is sent. Pure.

Nothing of it can be read before it is there, so the plan is made from the documented default mapping
(``cloud_sync/default_mapping.py``), which is compared with the real one before any group comes into scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.cloud_sync.configuration import Document, Notification, with_domain, with_notification
from runbook_lib.cloud_sync.default_mapping import FIXED_FILTER, default_expressions, default_schema
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.configuration import ROLE_OF_CLOUD, ConfigurationAddress, ConfigurationDocuments
from runbook_lib.graph.tenant.jobs import GROUPS_TO_AD, CloudSyncJob, JobState, ObjectScope, ScopeClause
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import NO_GROUP
from runbook_lib.model.text import Text, t
from runbook_lib.routes.cloud_sync.actions import Action, ReplaceSecrets
from runbook_lib.routes.cloud_sync.applications.actions import CreateConfiguration, CreateJob, MapNewJob
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange, CloudSyncPlan
from runbook_lib.routes.cloud_sync.planning import Sides, action

DEFAULT_THRESHOLD = 500
"""Deletions in one run that stop a job by default ("Cloud Sync accidental deletes")."""


def documents_of_none(
    inventory: Inventory, cloud: str, service_principal: str = "", assignments: Mapping[str, str] | None = None
) -> tuple[CloudSyncJob, ConfigurationDocuments]:
    """Job and documents of a configuration that is still to be made, as Microsoft documents its beginning.

    Args:
        inventory: Both sides.
        cloud: Name of the cloud, by ``parameters/clouds.csv``.
        service_principal: Of the configuration, where only its job is still to be made.
        assignments: What is assigned to it already: id to that of its assignment.
    """
    controller = inventory.directory.controller
    domain, base = controller.domain_dns_name.lower(), controller.default_naming_context
    clauses = tuple(ScopeClause(name, operator, ()) for name, operator in FIXED_FILTER)
    mapped = default_expressions(base)
    scope = ObjectScope("Group", "group", True, (clauses,), f"CN=Users,{base}", into_ad=True, mapped=mapped)
    assigned = dict(assignments or {})
    job = CloudSyncJob(
        id="",
        service_principal=service_principal,
        configuration=domain,
        template=GROUPS_TO_AD,
        state=JobState.NOT_RUN,
        quarantine=None,
        last_success=None,
        scope=(scope,),
        assigned=tuple(sorted(assigned)),
        domain=domain,
    )
    documents = ConfigurationDocuments(
        address=ConfigurationAddress(service_principal, ""),
        schema=default_schema(base),
        secrets={"value": []},
        assignments=assigned,
        role_id=ROLE_OF_CLOUD.get(cloud, ""),
        state=JobState.NOT_RUN,
    )
    return job, documents


def creation(sides: Sides, desired: Mapping[str, str], notification: Notification | None) -> list[CloudSyncChange]:
    """The changes that make the configuration of a domain, up to its mapping.

    Args:
        sides: Both sides, and the beginning of a configuration.
        desired: Target attribute to the mapping expression that it shall have.
        notification: Who is told and the deletion threshold; None: nobody, and the documented default.
    """
    controller = sides.inventory.directory.controller
    domain = controller.domain_dns_name.lower()
    told = notification or Notification(False, "", None)
    threshold = told.threshold or DEFAULT_THRESHOLD
    secrets = with_notification(with_domain([], domain), Notification(told.enabled, told.recipients, threshold))
    why = t("No configuration writes groups to {domain}, and cloud_sync_create is true.", domain=domain)
    mapping = MapNewJob(default_expressions(controller.default_naming_context), dict(desired))
    return made_anew(sides, domain, secrets, mapping, reason="no-configuration", why=why)


def made_anew(
    sides: Sides, name: str, secrets: Sequence[Document], mapping: Action, *, reason: str, why: Text
) -> list[CloudSyncChange]:
    """The changes that make a configuration with its job, settings and mapping, in their order.

    Args:
        sides: Both sides; where the application is there already, it is not made again.
        name: Display name of the application.
        secrets: The settings that it gets, whole.
        mapping: What becomes of the mapping of its new job.
        reason: Why, a stable code.
        why: Why, in words.
    """
    there = bool(sides.documents.address.service_principal)
    actions: list[tuple[ChangeKind, Action]] = [
        *(() if there else ((ChangeKind.CREATE_CONFIGURATION, CreateConfiguration(TO_AD, name)),)),
        (ChangeKind.CREATE_JOB, CreateJob(GROUPS_TO_AD)),
        (ChangeKind.SETTINGS, ReplaceSecrets((), tuple(secrets))),
        (ChangeKind.MAP, mapping),
    ]
    return [CloudSyncChange(kind, NO_GROUP, "", action(sides, act), reason, why) for kind, act in actions]


def makes(plan: CloudSyncPlan) -> bool:
    """Whether a plan makes a configuration, or its job."""
    return any(isinstance(change.payload.action, (CreateConfiguration, CreateJob)) for change in plan.changes)
