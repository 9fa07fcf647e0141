"""The parts of a tenant reading, as frozen values. Types follow Microsoft Graph's own metadata (v1.0 unless said)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from runbook_lib.graph.sign_in.tokens import account_of
from runbook_lib.graph.tenant.jobs import CloudSync
from runbook_lib.model.cloud import Switch, Tenant
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.connections import Cloud


@dataclass(frozen=True, slots=True)
class Synchronization:
    """Synchronization from AD as ``/organization`` shows it; None where the tenant has no value."""

    enabled: bool | None
    last_sync: datetime | None

    def age(self, now: datetime) -> timedelta | None:
        """Time since the last synchronization, or None if there was none."""
        return None if self.last_sync is None else now - self.last_sync


@dataclass(frozen=True, slots=True)
class DeletionPrevention:
    """``configuration.accidentalDeletionPrevention``: ``disabled``, ``enabledForCount`` or ``enabledForPercentage``."""

    kind: str
    threshold: int | None
    """Objects, or percent of them, as ``kind`` says."""


@dataclass(frozen=True, slots=True)
class SynchronizationFeatures:
    """``/directory/onPremisesSynchronization``. It says what is switched on in the tenant, not what a server does.

    Attributes:
        connect_v1: ``unifiedGroupWritebackEnabled``: Microsoft 365 groups, written by Connect.
        connect_v2: ``groupWriteBackEnabled``: per-object writeback, which can no longer be switched on.
        flags: Every true-or-false feature under its own name.
        deletion_prevention: None if the answer does not hold it.
        configured: False where Graph has no synchronization for a tenant that says that it is not synchronized.
    """

    connect_v1: Switch
    connect_v2: Switch
    flags: Mapping[str, bool]
    deletion_prevention: DeletionPrevention | None
    configured: bool = True


@dataclass(frozen=True, slots=True)
class ConnectReport:
    """What Connect Sync reported about itself (beta); None: the answer does not hold it.

    Attributes:
        version: ``synchronizationClientVersion`` as it was sent.
        pending_additions: Objects that wait to be added to the cloud; likewise the next two.
        objects: Objects in the connector space of the cloud.
        deletion_prevention: As ``SynchronizationFeatures`` has it.
    """

    version: str | None = None
    pending_additions: int | None = None
    pending_updates: int | None = None
    pending_deletions: int | None = None
    objects: int | None = None
    deletion_prevention: DeletionPrevention | None = None

    @property
    def build(self) -> tuple[int, int, int, int] | None:
        """Its four numbers; None for anything that is not four numbers."""
        found = _BUILD.fullmatch(self.version or "")
        return None if found is None else (int(found[1]), int(found[2]), int(found[3]), int(found[4]))


_BUILD = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Agent:
    """A provisioning agent. ``status`` is Graph's, lower case: ``active`` or ``inactive``.

    ``domains`` are the AD domains that its agent groups serve, lower case.
    """

    machine: str
    status: str
    domains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Agents:
    """Provisioning agents of the tenant and the AD domains that they are published for (lower case).

    ``assigned`` is False where the answer does not say which agent serves which domain.
    """

    all: tuple[Agent, ...] = ()
    domains: frozenset[str] = frozenset()
    assigned: bool = True


@dataclass(frozen=True, slots=True)
class WritebackContainers:
    """``configuration.writebackConfiguration`` (beta): DNs of the containers that Connect reported; None: not set."""

    unified_groups: str | None
    users: str | None


@dataclass(frozen=True, slots=True)
class Licence:
    """One subscription (``subscribedSku``). ``status`` is Graph's: Enabled, Warning, Suspended, Deleted, LockedOut."""

    part_number: str
    status: str
    enabled_units: int | None
    """Licences that users may have."""
    consumed_units: int | None
    """Licences that users have."""
    plans: frozenset[str]
    """Ids of its service plans, lower case."""

    @property
    def in_force(self) -> bool:
        """Whether it can be used: enabled, or in the grace period after its end."""
        return self.status.casefold() in ("enabled", "warning")


@dataclass(frozen=True, slots=True)
class Licences:
    """Subscriptions of the tenant, by part number."""

    all: tuple[Licence, ...]

    @property
    def p1(self) -> bool:
        """Whether Microsoft Entra ID P1 (service plan AAD_PREMIUM) is in force; P2 counts, it includes P1."""
        return self.p2 or self._holds(P1_PLAN)

    @property
    def p2(self) -> bool:
        """Whether Microsoft Entra ID P2 (service plan AAD_PREMIUM_P2) is in force."""
        return self._holds(P2_PLAN)

    @property
    def governance(self) -> bool:
        """Whether Microsoft Entra ID Governance (service plan Entra_Identity_Governance) is in force."""
        return self._holds(GOVERNANCE_PLAN)

    def _holds(self, plan: str) -> bool:
        return any(licence.in_force and plan in licence.plans for licence in self.all)


P1_PLAN = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
P2_PLAN = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
GOVERNANCE_PLAN = "e866a266-3cff-43a3-acca-0c90a7e00c8b"
"""Service plan ids (Microsoft Entra documentation, "Product names and service plan identifiers for licensing")."""


class WrittenByDefault(Enum):
    """Whether new Microsoft 365 groups are meant to be written back, and how that comes."""

    NO_SETTING = "no-setting"
    """The tenant has no Group.Unified setting: the default holds, written back."""
    NO_VALUE = "no-value"
    """The setting does not hold NewUnifiedGroupWritebackDefault, or holds an empty text: written back."""
    YES = "true"
    NO = "false"
    OTHER = "other"
    """A text that is neither true nor false; what it does is unknown."""


@dataclass(frozen=True, slots=True)
class NewGroupDefault:
    """``NewUnifiedGroupWritebackDefault`` of the Group.Unified setting; it decides only under Connect's version 2."""

    state: WrittenByDefault
    value: str = ""

    @property
    def text(self) -> Text:
        """The state in a sentence, without a full stop."""
        return {
            WrittenByDefault.NO_SETTING: t(
                "The tenant has no Group.Unified setting, so new groups count as written back"
            ),
            WrittenByDefault.NO_VALUE: t("The Group.Unified setting does not say, so new groups count as written back"),
            WrittenByDefault.YES: t("The Group.Unified setting says that new groups are written back"),
            WrittenByDefault.NO: t("The Group.Unified setting says that new groups are not written back"),
            WrittenByDefault.OTHER: t(
                "The Group.Unified setting holds {value!r}, and what that does is unknown", value=self.value
            ),
        }[self.state]

    @property
    def written(self) -> Switch:
        """On: written back by default."""
        if self.state is WrittenByDefault.OTHER:
            return Switch.UNKNOWN
        return Switch.OFF if self.state is WrittenByDefault.NO else Switch.ON


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of the tenant. ``authentication`` is Managed or Federated."""

    name: str
    verified: bool
    default: bool
    initial: bool
    authentication: str
    services: tuple[str, ...]
    """``supportedServices``: Email, OfficeCommunicationsOnline, …"""


@dataclass(frozen=True, slots=True)
class GrantedPermissions:
    """What the access token grants: ``roles`` of an app, ``scp`` of a person.

    Microsoft documents tokens for Graph as opaque to clients; reading one's own is common practice. Take it as
    evidence: what counts is what Graph answers.
    """

    delegated: bool
    names: tuple[str, ...]
    account: str
    """User principal name of the person, or empty."""


def permissions_in(claims: Mapping[str, object]) -> GrantedPermissions:
    """What the claims of a token say that it grants."""
    scopes, roles = claims.get("scp"), claims.get("roles")
    # A person's token may hold roles too (of the person), so scp decides.
    delegated = isinstance(scopes, str)
    granted = str(scopes).split() if delegated else [str(role) for role in roles] if isinstance(roles, list) else []
    return GrantedPermissions(delegated, tuple(sorted(set(granted))), account_of(claims) if delegated else "")


@dataclass(frozen=True, slots=True)
class TenantReading:
    """One reading of the tenant; each part is what was read, or why Graph did not tell.

    Attributes:
        at: When it began, UTC.
        cloud: The national cloud that was asked.
        tenant: ``/organization``.
        requests: How many requests it took.
        source: Who was asked, for people.
    """

    at: datetime
    cloud: Cloud
    tenant: Tenant
    synchronization: Synchronization | Unreadable
    features: SynchronizationFeatures | Unreadable
    containers: WritebackContainers | Unreadable
    licences: Licences | Unreadable
    new_groups: NewGroupDefault | Unreadable
    domains: tuple[Domain, ...] | Unreadable
    cloud_sync: CloudSync | Unreadable
    connect: ConnectReport | Unreadable
    agents: Agents | Unreadable
    permissions: GrantedPermissions | Unreadable
    requests: int = 0
    source: str = field(default="", compare=False)
