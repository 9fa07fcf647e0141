"""Cloud Sync's jobs as frozen values: what each is for, its state, its scope.

Types follow Microsoft Graph's metadata (v1.0). Job templates: Microsoft Entra documentation, "How provisioning to
Active Directory works" (AAD2ADGroupProvisioning), "Configure cloud sync using Microsoft Graph" (AD2AADProvisioning,
AD2AADPasswordHash), "Exchange hybrid writeback with cloud sync" (AAD2ADExchangeHybridWriteback).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from runbook_lib.model.reading import Unreadable


class JobKind(Enum):
    """What a job's template says that it is for."""

    GROUPS_TO_AD = "groups-to-ad"
    """Microsoft Entra ID to Active Directory: groups, and users where they are in scope."""
    FROM_AD = "from-ad"
    """Active Directory to Microsoft Entra ID."""
    HASHES_FROM_AD = "hashes-from-ad"
    EXCHANGE_WRITEBACK = "exchange-writeback"
    """Exchange attributes of cloud-managed recipients, written to AD. Not this runbook's business."""
    OTHER = "other"


GROUPS_TO_AD = "AAD2ADGroupProvisioning"
"""Template of the jobs that write groups to AD."""
_KINDS = {
    "aad2adgroupprovisioning": JobKind.GROUPS_TO_AD,
    "ad2aadprovisioning": JobKind.FROM_AD,
    "ad2aadpasswordhash": JobKind.HASHES_FROM_AD,
    "aad2adexchangehybridwriteback": JobKind.EXCHANGE_WRITEBACK,
}


class JobState(Enum):
    """State of a Cloud Sync job: ``status.code``, or ``schedule.state`` where that says that it is stopped."""

    ACTIVE = "active"
    IN_PROGRESS = "in-progress"
    PAUSED = "paused"
    DISABLED = "disabled"
    QUARANTINE = "quarantine"
    NOT_RUN = "not-run"
    NOT_CONFIGURED = "not-configured"
    UNKNOWN = "unknown"


STOPPED = frozenset({JobState.PAUSED, JobState.DISABLED, JobState.NOT_RUN, JobState.NOT_CONFIGURED})
"""States of a job that does not run by itself until somebody starts it."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why and since when a job is in quarantine, as far as Graph says; ``code`` and ``message`` are its error's."""

    reason: str
    since: datetime | None
    next_attempt: datetime | None
    message: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class JobError:
    """What the last execution of a job ended with, as the service wrote it ("synchronizationError resource type")."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it is now.

    Attributes:
        state: Its state.
        quarantine: None unless it is in quarantine.
        error: Of the last execution; None where that succeeded, or where there was none.
        ran: End of the last execution, UTC; None where there was none.
    """

    state: JobState
    quarantine: Quarantine | None = None
    error: JobError | None = None
    ran: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScopeClause:
    """One comparison of a scoping filter, for example displayName, EqualTo, ("Sales",)."""

    attribute: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ObjectScope:
    """Scope of one kind of object in a job's schema.

    Attributes:
        source: Object in Microsoft Entra ID, for example ``Group``.
        target: Object in Active Directory, for example ``group``.
        enabled: Whether the mapping is on.
        alternatives: Filter groups: an object is in scope if every clause of one of them holds; none: no filter here.
        container: What the mapping gives parentDistinguishedName: a DN where it is constant, else an expression, or "".
        into_ad: Whether the rule's target is an Active Directory.
        mapped: Target attribute, lower case, to the expression that fills it.
    """

    source: str
    target: str
    enabled: bool
    alternatives: tuple[tuple[ScopeClause, ...], ...]
    container: str = ""
    into_ad: bool = False
    mapped: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_groups(self) -> bool:
        """Whether it maps groups of Microsoft Entra ID to groups of an Active Directory, switched on or not."""
        return self.into_ad and self.source.casefold() == self.target.casefold() == "group"


@dataclass(frozen=True, slots=True)
class CloudSyncJob:
    """One synchronization job of a Cloud Sync configuration.

    Attributes:
        id: For example ``AAD2ADGroupProvisioning.<tenant>.<guid>``.
        service_principal: Id of the configuration's service principal.
        configuration: Its display name, usually the AD domain.
        template: ``templateId``.
        state: Its state.
        quarantine: None unless it is in quarantine.
        last_success: End of the last successful execution.
        scope: From the schema; Unreadable where that could not be read.
        assigned: Ids of groups and users assigned to the service principal: what "Selected groups" in the portal is
            ("Microsoft Entra provisioning options", "Expanded group selection via API").
        domain: DNS name of the AD domain that its settings name; empty where they name none.
        counts: ``status.synchronizedEntryCountByType``: kind of entry to how many.
        error: Of the last execution; None where that succeeded.
    """

    id: str
    service_principal: str
    configuration: str
    template: str
    state: JobState
    quarantine: Quarantine | None
    last_success: datetime | None
    scope: tuple[ObjectScope, ...] | Unreadable
    assigned: tuple[str, ...] | Unreadable
    domain: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    error: JobError | None = None

    @property
    def kind(self) -> JobKind:
        """What its template says, or the beginning of its id, which is the template's name."""
        return kind_of(self.template, self.id)

    @property
    def of_groups(self) -> tuple[ObjectScope, ...]:
        """The mappings of groups to AD; none where the schema could not be read."""
        return () if isinstance(self.scope, Unreadable) else tuple(part for part in self.scope if part.of_groups)

    @property
    def writes_groups_to_ad(self) -> bool:
        """Whether it writes groups to AD, as far as one can tell.

        A job of the template for groups does, unless its schema shows that every mapping of groups is off (users
        alone). Any other job does where its schema maps groups to groups of an Active Directory; the writeback of
        Exchange attributes never does.
        """
        if self.kind is JobKind.GROUPS_TO_AD:
            return not self.of_groups or any(part.enabled for part in self.of_groups)
        return self.kind is JobKind.OTHER and any(part.enabled for part in self.of_groups)


def kind_of(template: str, job_id: str) -> JobKind:
    """The kind by ``templateId`` or by the beginning of the job's id."""
    names = (template.casefold(), job_id.casefold())
    return next((kind for name in names for known, kind in _KINDS.items() if name.startswith(known)), JobKind.OTHER)


@dataclass(frozen=True, slots=True)
class CloudSync:
    """What was found of Cloud Sync.

    Attributes:
        jobs: Every job of every configuration, sorted by id.
        searched: Service principals of another origin whose jobs were looked at as well.
        unread: How many of those could not be looked at; a configuration could be among them.
    """

    jobs: tuple[CloudSyncJob, ...] = ()
    searched: int = 0
    unread: int = 0

    @property
    def writing_groups(self) -> tuple[CloudSyncJob, ...]:
        """The jobs that write groups to Active Directory."""
        return tuple(job for job in self.jobs if job.writes_groups_to_ad)
