"""What the collector wrote on a Connect Sync server: its format, and how it is read and believed.

The collector (``collector.ps1``) runs where this program cannot: on the server, in Windows PowerShell. Its file comes
back by hand, so it is read without guessing: the digest in it must be that of the evidence as it stands there, times
must have a zone, and every part is there or is named as unread. A digest without a key proves that nobody changed the
file by mistake; it does not prove who made it, and no text of this program says so.

Sources: Microsoft Entra documentation, "Microsoft Entra Connect: ADSync PowerShell Reference", "Connect Sync:
scheduler", "Admin audit logging".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from runbook_lib.errors import UsageError
from runbook_lib.model.dn import is_below, parse_dn, same_dn
from runbook_lib.model.moment import moment_in
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.strict_file import Unfit, read_plain, strict_json

COLLECTOR_NAME = "gwb-connect-collector.ps1"
"""File name under which the collector is written out."""
KEPT_EVIDENCE = "connect-evidence.json"
"""Name under which a record keeps the file."""
LARGEST_EVIDENCE = 32 * 1024 * 1024
"""Bytes of a file of evidence; one of a large server with 40 runs has about 200,000."""
FORMAT_VERSION = 1
AD, ENTRA = "AD", "Extensible2"
"""``ConnectorTypeName`` of the connectors of a forest and of the tenant."""
_HEAD = re.compile(
    r'\s*\{\s*"format"\s*:\s*"gwb-connect-evidence"\s*,\s*"version"\s*:\s*([0-9]{1,4})\s*,'
    r'\s*"sha256"\s*:\s*"([0-9a-f]{64})"\s*,\s*"evidence": (?=\{)'
)

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


class ExportError(_Read):
    """An object below the container of written groups that the last export could not write."""

    connector: _Line
    dn: _Line
    kind: _Line | None
    code: _Line | None


class AuditEvent(_Read):
    """An event of Connect's admin audit log; ``id`` is the Windows event id."""

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


@dataclass(frozen=True, slots=True)
class ConnectEvidence:
    """Evidence of one server, believed.

    Attributes:
        evidence: What the collector wrote.
        sha256: Digest of it, as it stands in the file.
        at: When it was collected.
        collector_known: Whether the collector that wrote it is the one of this version of the program, unchanged.
        file: The file as it was read, byte for byte: what a record keeps.
    """

    evidence: CollectedDocument
    sha256: str
    at: datetime
    collector_known: bool
    file: bytes = field(repr=False)

    @property
    def tenant_domains(self) -> tuple[str, ...]:
        """Domains after which the connector of the tenant is named (``contoso.onmicrosoft.com - AAD``), lower case."""
        connectors = self.evidence.connectors or ()
        names = (one.name for one in connectors if one.kind == ENTRA and one.name.casefold().endswith(" - aad"))
        return tuple(sorted({name[: -len(" - AAD")].strip().casefold() for name in names}))

    def setting(self, name: str) -> str | None:
        """A parameter of the global settings; None where it was not read or is not set."""
        return next((one.value for one in self.evidence.settings or () if one.name == name), None)

    def forest_of(self, dn: str) -> Connector | None:
        """The connector in whose partition a distinguished name lies; the innermost partition counts."""
        found = [
            (len(parse_dn(partition.name)), connector)
            for connector in self.evidence.connectors or ()
            if connector.kind == AD
            for partition in connector.partitions
            if _below(dn, partition.name)
        ]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def in_filter(self, dn: str) -> bool | None:
        """Whether Connect's OU filter holds a container; None where the filter was not read.

        The nearest container that is named decides; without a named one above it nothing is in the filter.
        """
        connector = self.forest_of(dn)
        if connector is None:
            return None
        named = [(one, True) for part in connector.partitions for one in part.included if _below(dn, one)]
        named += [(one, False) for part in connector.partitions for one in part.excluded if _below(dn, one)]
        if not any(part.included for part in connector.partitions):
            return None
        return max(named, key=lambda pair: (len(parse_dn(pair[0])), not pair[1]))[1] if named else False

    def last_export(self, connector: Connector) -> ProfileRun | None:
        """The newest finished export to a connector; None where no run says so."""
        runs = [run for run in self.evidence.runs or () if run.connector == connector.name and run.exports]
        return max((run for run in runs if run.complete and run.ended), key=lambda run: run.ended or "", default=None)


def collector_script() -> bytes:
    """The collector as it is written out: UTF-8 with a byte order mark, lines ended as Windows ends them.

    Windows PowerShell 5.1 reads a script without a mark in the code page of the system.
    """
    text = resources.files("runbook_lib.connect").joinpath("collector.ps1").read_text(encoding="utf-8")
    return b"\xef\xbb\xbf" + "\r\n".join(text.splitlines()).encode() + b"\r\n"


@cache
def collector_sha256() -> str:
    """SHA-256 of ``collector_script``, as ``Get-FileHash`` shows it."""
    return hashlib.sha256(collector_script()).hexdigest()


def read_connect_evidence(path: Path) -> ConnectEvidence:
    """Read a file that the collector wrote.

    Raises:
        UsageError: ``connect-evidence-missing``, ``connect-evidence-damaged`` (no file of the collector, or cut off),
            ``connect-evidence-edited`` (its digest is another's) or ``connect-evidence-version``.
    """
    try:
        data = read_plain(path, largest=LARGEST_EVIDENCE).data
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise UsageError(
            t("There is no file of evidence {path}.", path=path),
            code="connect-evidence-missing",
            hint=t("Run the collector on the Connect server (gwb connect collector), and name the file it wrote."),
            values={"path": str(path)},
        ) from None
    except UnicodeDecodeError:
        raise _damaged(path, t("it is not UTF-8")) from None
    except Unfit as unfit:
        raise _damaged(path, t("{why}", why=unfit)) from None
    head = _HEAD.match(text)
    if head is None:
        raise _damaged(path, t("it does not begin as the collector begins its files"))
    if int(head[1]) != FORMAT_VERSION:
        raise UsageError(
            t("The evidence {path} has version {version} of its format.", path=path, version=head[1]),
            code="connect-evidence-version",
            hint=t("Write the collector out anew with this version (gwb connect collector), and run it again."),
            values={"path": str(path), "version": int(head[1])},
        )
    body = _body(path, text, head.end())
    found = hashlib.sha256(body.encode()).hexdigest()
    if found != head[2]:
        raise UsageError(
            t("The evidence {path} was changed after the collector wrote it.", path=path),
            code="connect-evidence-edited",
            hint=t("Take the file from the server again, unchanged, or run the collector again."),
            values={"path": str(path), "sha256": found, "told": head[2]},
        )
    try:
        evidence = CollectedDocument.model_validate(strict_json(body.encode()))
    except Unfit as unfit:
        raise _damaged(path, t("{why}", why=unfit)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _damaged(path, t("{where}: {why}", where=printable(where, limit=120), why=first["msg"])) from None
    at = moment_in(evidence.collected)
    if at is None:
        raise _damaged(path, t("{collected} is no time", collected=evidence.collected))
    missing = [name for name in COLLECTED_PARTS if getattr(evidence, name) is None]
    if set(missing) - {one.part for one in evidence.unread}:
        raise _damaged(path, t("a part is missing without a reason: {parts}", parts=", ".join(missing)))
    return ConnectEvidence(evidence, found, at, evidence.script_sha256 == collector_sha256(), data)


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


def _body(path: Path, text: str, start: int) -> str:
    """The evidence as it stands in the file; nothing but the closing brace may follow it."""
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        raise _damaged(path, t("it is cut off, or no JSON")) from None
    if text[end:].strip() != "}":
        raise _damaged(path, t("something follows the evidence"))
    return text[start:end]


def _damaged(path: Path, why: Text) -> UsageError:
    return UsageError(
        t("{path} is no evidence of the collector: {why}.", path=path, why=why),
        code="connect-evidence-damaged",
        hint=t("Take the file from the server again, or run the collector again (gwb connect collector)."),
        values={"path": str(path)},
    )


def _below(dn: str, above: str) -> bool:
    try:
        return same_dn(dn, above) or is_below(dn, above)
    except ValueError:
        return False
