"""What the collector wrote on a Connect Sync server: its format, and how it is read and believed.

The collector (``collector.ps1``) runs where this program cannot: on the server, in Windows PowerShell. Its file comes
back by hand, so it is read without guessing: the digest in it must be that of the evidence as it stands there, times
must have a zone, and every part is there or is named as unread. A digest without a key proves that nobody changed the
file by mistake; it does not prove who made it, and no text of this program says so.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from runbook_lib.connect.document import COLLECTED_PARTS, CollectedDocument, Connector, ProfileRun
from runbook_lib.errors import Refused, UsageError
from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import is_below, parse_dn, same_dn
from runbook_lib.model.moment import iso_seconds, moment_in, to_the_minute
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
"""Version of the file's format."""
CLOCKS_DIFFER = timedelta(minutes=10)
"""Our threshold: evidence from further ahead than this has a wrong clock."""
AD, ENTRA = "AD", "Extensible2"
"""``ConnectorTypeName`` of the connectors of a forest and of the tenant."""
_HEAD = re.compile(
    r'\s*\{\s*"format"\s*:\s*"gwb-connect-evidence"\s*,\s*"version"\s*:\s*([0-9]{1,4})\s*,'
    r'\s*"sha256"\s*:\s*"([0-9a-f]{64})"\s*,\s*"evidence": (?=\{)'
)


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

    @property
    def v1(self) -> Switch:
        """Whether group writeback v1 is on, as the server says."""
        told = self.evidence.features.v1 if self.evidence.features else None
        return Switch.UNKNOWN if told is None else Switch.ON if told else Switch.OFF

    def setting(self, name: str) -> str | None:
        """A parameter of the global settings; None where it was not read or is not set."""
        return next((one.value for one in self.evidence.settings or () if one.name == name), None)

    @property
    def deletion_threshold(self) -> int | None:
        """Deleted objects at which the server stops an export; 0: it never does; None: its settings do not say."""
        on = self.setting("Microsoft.OptionalFeature.ExportDeletionThreshold")
        value = self.setting("Microsoft.OptionalFeature.ExportDeletionThresholdValue")
        if on is None:
            return None
        if on.casefold() != "true":
            return 0
        return int(value) if value and value.isascii() and value.isdecimal() else None

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
    except FileNotFoundError:
        raise UsageError(
            t("There is no file of evidence {path}.", path=path),
            code="connect-evidence-missing",
            hint=t("Run the collector on the Connect server (gwb connect collector), and name the file it wrote."),
            values={"path": str(path)},
        ) from None
    except Unfit as unfit:
        raise _damaged(path, t("{why}", why=unfit)) from None
    return evidence_in(data, path)


def evidence_in(data: bytes, path: Path) -> ConnectEvidence:
    """What the collector wrote, from the bytes of its file; the checks are those of ``read_connect_evidence``.

    Args:
        data: The whole file.
        path: What the file is called, for errors; it is not opened.

    Raises:
        UsageError: As ``read_connect_evidence``, but for ``connect-evidence-missing``.
    """
    if len(data) > LARGEST_EVIDENCE:
        raise _damaged(path, t("it has more than {largest:,} bytes", largest=LARGEST_EVIDENCE))
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _damaged(path, t("it is not UTF-8")) from None
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


def evidence_that_counts(path: Path, limit: timedelta, domains: Collection[str], now: datetime) -> ConnectEvidence:
    """Read a file of evidence that counts today, for this tenant.

    Args:
        path: The file.
        limit: How old it may be.
        domains: Verified domains of the tenant.
        now: The time of the run.

    Raises:
        UsageError: As ``read_connect_evidence``.
        Refused: ``connect-evidence-old`` or ``connect-evidence-other-tenant``.
    """
    read = read_connect_evidence(path)
    require_recent(read, limit, now)
    if not {name.casefold() for name in domains}.intersection(read.tenant_domains):
        raise Refused(
            t(
                "The evidence of {server} is of another tenant: its connector is named after {domains}.",
                server=printable(read.evidence.server, limit=80),
                domains=", ".join(printable(name, limit=80) for name in read.tenant_domains) or t("no domain"),
            ),
            code="connect-evidence-other-tenant",
            hint=t("Name the file of the Connect server that synchronizes this tenant."),
            values={"domains": list(read.tenant_domains)},
        )
    return read


def require_recent(read: ConnectEvidence, limit: timedelta, now: datetime) -> None:
    """Refuse evidence that no longer counts.

    Args:
        read: The evidence.
        limit: How old it may be.
        now: The time of the run.

    Raises:
        Refused: ``connect-evidence-old``.
    """
    age = now - read.at
    if age > limit or age < -CLOCKS_DIFFER:
        raise Refused(
            t(
                "The evidence of {server} was collected {at}; evidence counts for {hours} hours.",
                server=printable(read.evidence.server, limit=80),
                at=to_the_minute(read.at),
                hours=limit // timedelta(hours=1),
            ),
            code="connect-evidence-old",
            hint=t("Run the collector again on the Connect server, and name its new file in connect_evidence."),
            values={"collected": iso_seconds(read.at)},
        )


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
