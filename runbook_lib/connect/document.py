"""What the collector gathers on a Connect Sync server, part by part.

Sources: Microsoft Entra documentation, "Microsoft Entra Connect: ADSync PowerShell Reference", "Connect Sync:
scheduler", "Admin audit logging".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

COLLECTED_PARTS: Sequence[str] = (
    "build",
    "scheduler",
    "features",
    "settings",
    "connectors",
    "rules",
    "runs",
    "pending",
    "export_errors",
    "audit",
    "exported_settings",
)
"""Parts that the collector reads, each by itself."""

PART_ON_REQUEST = "pending_exports"
"""The part that the collector reads where it is told to."""

INSUFFICIENT_RIGHTS = "8344"
"""Code of an export error: ERROR_DS_INSUFF_ACCESS_RIGHTS ("System Error Codes (8200-8999)")."""
THRESHOLD_EXCEEDED = "stopped-deletion-threshold-exceeded"
"""Result of an export that the deletion threshold stopped ("Prevent accidental deletes")."""

_Moment = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
_Line = Annotated[str, StringConstraints(max_length=4096)]


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scheduler(_Read):
    """``Get-ADSyncScheduler``. ``interval`` is ``hh:mm:ss``; ``next`` is ISO 8601 UTC."""

    cycle_enabled: bool
    staging: bool
    suspended: bool
    maintenance: bool
    in_progress: bool
    interval: _Line | None
    next: _Moment | None
    next_policy: _Line | None


class Features(_Read):
    """``Get-ADSyncAADCompanyFeature``: UnifiedGroupWriteback and GroupWritebackV2; None: the server shows no value."""

    v1: bool | None
    v2: bool | None


class Setting(_Read):
    """One parameter of ``Get-ADSyncGlobalSettings``."""

    name: _Line
    value: _Line | None


class Partition(_Read):
    """A naming context of a connector and its OU filter: distinguished names."""

    name: _Line
    included: tuple[_Line, ...] = Field(strict=False)
    excluded: tuple[_Line, ...] = Field(strict=False)


class Connector(_Read):
    """One connector. ``kind`` is ``AD`` or ``Extensible2``; account, forest and container are a forest's alone."""

    name: _Line
    id: _Line
    kind: _Line | None
    account: _Line | None
    forest: _Line | None
    writeback_container: _Line | None
    partitions: tuple[Partition, ...] = Field(strict=False)


class Flow(_Read):
    """One attribute flow of a rule."""

    destination: _Line | None
    kind: _Line | None
    source: _Line
    expression: _Line | None


class Conditions(_Read):
    """One group of a rule's scoping filter; its conditions count together."""

    conditions: tuple[_Line, ...] = Field(strict=False)


class Rule(_Read):
    """One synchronization rule that writeback depends on, or a rule of somebody's own for groups.

    Attributes:
        standard: False for a rule that somebody made or cloned.
    """

    name: _Line
    id: _Line
    direction: _Line | None
    precedence: int
    disabled: bool
    standard: bool
    link_type: _Line | None
    connector: _Line
    source_type: _Line | None
    target_type: _Line | None
    flows: tuple[Flow, ...] = Field(strict=False)
    scope: tuple[Conditions, ...] = Field(strict=False)


class RunStep(_Read):
    """One step of a run; ``counters`` are numbers of objects, by ADSync's names (``ExportAdd``, ``ExportDelete`` …)."""

    number: int
    result: _Line | None
    counters: Mapping[str, int]


class ProfileRun(_Read):
    """One run of one connector. ``result`` is ADSync's: ``success``, ``stopped-deletion-threshold-exceeded`` …"""

    connector: _Line
    profile: _Line
    number: int
    complete: bool
    result: _Line | None
    started: _Moment | None
    ended: _Moment | None
    steps: tuple[RunStep, ...] = Field(strict=False)

    @property
    def exports(self) -> bool:
        """Whether it is an export."""
        return "export" in self.profile.casefold()

    def counted(self, counter: str) -> int:
        """Objects of all its steps under one of ADSync's counters."""
        return sum(step.counters.get(counter, 0) for step in self.steps)


class Pending(_Read):
    """Objects of one connector, counted by ``Get-ADSyncConnectorStatistics`` under its names."""

    connector: _Line
    counters: Mapping[str, int]


class PendingExport(_Read):
    """A group below the container of written groups that waits to be exported, as ``csexport`` lists it.

    Attributes:
        operation: ``add``, ``update``, ``replace``, ``delete`` …
        dn: Distinguished name that it gets, or has.
        anchor: adminDescription that it gets, or had; None where neither is listed.
    """

    connector: _Line
    operation: _Line
    dn: _Line
    anchor: _Line | None


class ExportError(_Read):
    """An object below the container of written groups that the last export could not write."""

    connector: _Line
    dn: _Line
    kind: _Line | None
    code: _Line | None


class AuditEvent(_Read):
    """An event of Connect's admin audit log; ``id`` is the number of the Windows event."""

    id: int
    at: _Moment | None
    message: _Line


class ExportedSettings(_Read):
    """A file of settings that the wizard wrote after a change."""

    name: _Line
    at: _Moment | None


class Unread(_Read):
    """A part that the collector could not read."""

    part: _Line
    why: _Line


class CollectedDocument(_Read):
    """All that the collector wrote. A part that is None is named in ``unread``."""

    collected: _Moment
    server: _Line
    collected_by: _Line
    script_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None
    build: _Line | None
    scheduler: Scheduler | None
    features: Features | None
    settings: tuple[Setting, ...] | None = Field(strict=False)
    connectors: tuple[Connector, ...] | None = Field(strict=False)
    rules: tuple[Rule, ...] | None = Field(strict=False)
    runs: tuple[ProfileRun, ...] | None = Field(strict=False)
    pending: tuple[Pending, ...] | None = Field(strict=False)
    export_errors: tuple[ExportError, ...] | None = Field(strict=False)
    audit: tuple[AuditEvent, ...] | None = Field(strict=False)
    exported_settings: tuple[ExportedSettings, ...] | None = Field(strict=False)
    unread: tuple[Unread, ...] = Field(strict=False)
    pending_exports: tuple[PendingExport, ...] | None = Field(default=None, strict=False)
    """None where they were not asked for (``-PendingExports``), or not read."""
