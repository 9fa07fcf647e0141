"""What a Connect Sync server said about itself, as rows of subject and value: for a terminal and for a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from runbook_lib.connect.document import Connector, PendingExport
from runbook_lib.connect.evidence import AD, ConnectEvidence, collector_sha256
from runbook_lib.model.moment import moment_in, to_the_minute
from runbook_lib.model.text import NOTHING, Text, first_of, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.shown.html import View, banner_html, code_html, rows_html

_UNREAD = t("not read")


def connect_server_rows(read: ConnectEvidence) -> tuple[tuple[Text, Text], ...]:
    """One row for each thing that decides about writeback, in the order in which an operator asks."""
    return tuple(_rows(read))


def connect_server_view(read: ConnectEvidence) -> View:
    """The same as a table; what could not be read stands in its banner."""
    evidence = read.evidence
    text = t("Connect Sync on {server}, {at}", server=printable(evidence.server), at=to_the_minute(read.at))
    unread = joined(t("{part}: {why}", part=one.part, why=printable(one.why, limit=200)) for one in evidence.unread)
    banner = banner_html("attention" if unread else "neutral", text, unread)
    return View(banner + rows_html((t("Subject"), t("Value")), connect_server_rows(read), caption=text), text)


def collector_command(name: str) -> Text:
    """How the collector is run on the Connect server.

    Args:
        name: Its file name there.
    """
    return verbatim(" ".join(("powershell.exe", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File", f".\\{name}")))


def collector_view(path: Path, named: str) -> View:
    """Where the collector was written to, its digest, how it is run, and which evidence the run goes by now.

    Args:
        path: The collector.
        named: The file of evidence; empty where there is none.
    """
    text = t(
        "Collector for the Connect server: {path}. SHA-256, as Get-FileHash shows it there: {digest}.",
        path=path,
        digest=collector_sha256(),
    )
    now = (
        t("The run goes by {named}.", named=named)
        if named
        else t("The run has no evidence of the Connect server yet (connect_evidence is empty).")
    )
    command = code_html(f"{collector_command(path.name)}\n", t("On the Connect server, in Windows PowerShell"))
    return View(banner_html("neutral", text, now) + command, joined((text, now)))


def _rows(read: ConnectEvidence) -> Iterator[tuple[Text, Text]]:
    evidence = read.evidence
    yield t("Server"), verbatim(printable(evidence.server))
    yield t("Collected"), verbatim(to_the_minute(read.at))
    yield t("Collected by"), verbatim(printable(evidence.collected_by))
    yield (
        t("Collector"),
        t("of this version, unchanged") if read.collector_known else t("not the one of this version, or changed"),
    )
    yield t("SHA-256 of the evidence"), verbatim(read.sha256)
    yield t("Tenant's domains"), verbatim(", ".join(map(printable, read.tenant_domains))) or _UNREAD
    yield t("Build"), verbatim(printable(evidence.build)) if evidence.build else _UNREAD
    yield t("Mode"), _mode(read)
    yield t("Schedule"), _schedule(read)
    features = evidence.features
    yield t("Group writeback v1"), _switch(features.v1 if features else None)
    yield t("Group writeback V2"), _switch(features.v2 if features else None)
    for connector in evidence.connectors or ():
        if connector.kind == AD:
            yield from _forest(read, connector)
    if evidence.rules is not None:
        own = [rule.name for rule in evidence.rules if not rule.standard]
        yield (
            t("Rules for groups"),
            t("{count}, of them not Microsoft's: {own}", count=len(evidence.rules), own=_names(own)),
        )
        off = [rule.name for rule in evidence.rules if rule.disabled]
        yield t("Rules that are disabled"), _names(off)
    yield t("Deletion threshold"), _threshold(read)
    if evidence.pending_exports is not None:
        yield t("Groups that wait to be exported"), _pending_exports(evidence.pending_exports)
    for one in evidence.unread:
        yield t("Not read: {part}", part=printable(one.part)), verbatim(printable(one.why, limit=200))


def _forest(read: ConnectEvidence, connector: Connector) -> Iterator[tuple[Text, Text]]:
    name = printable(connector.name)
    yield t("Account of {connector}", connector=name), verbatim(printable(connector.account or "")) or _UNREAD
    container = connector.writeback_container
    yield t("Container of {connector}", connector=name), verbatim(printable(container or "")) or t("none")
    run = read.last_export(connector)
    if run is None:
        yield t("Last export to {connector}", connector=name), t("none is on record")
        return
    yield (
        t("Last export to {connector}", connector=name),
        t(
            "{result}, {at}: {added:,} added, {updated:,} updated, {deleted:,} deleted, {failed:,} failed",
            result=printable(run.result or ""),
            at=_at(run.ended),
            added=run.counted("ExportAdd"),
            updated=run.counted("ExportUpdate") + run.counted("ExportRename"),
            deleted=run.counted("ExportDelete"),
            failed=run.counted("ExportFailure"),
        ),
    )


def _pending_exports(waiting: Sequence[PendingExport]) -> Text:
    """How many groups below the container wait, by what is done to them."""
    counted = Counter(printable(one.operation.casefold(), limit=20) for one in waiting)
    return joined((t("{what} {number:,}", what=what, number=counted[what]) for what in sorted(counted)), ", ") or t(
        "none"
    )


def _mode(read: ConnectEvidence) -> Text:
    scheduler = read.evidence.scheduler
    if scheduler is None:
        return _UNREAD
    return t("staging: it exports nothing") if scheduler.staging else t("active")


def _schedule(read: ConnectEvidence) -> Text:
    scheduler = read.evidence.scheduler
    if scheduler is None:
        return _UNREAD
    if scheduler.suspended:
        return t("suspended, as while the wizard is open")
    if not scheduler.cycle_enabled:
        return t("off (SyncCycleEnabled is False)")
    return t("every {interval} (hh:mm:ss), next {at}", interval=scheduler.interval or _UNREAD, at=_at(scheduler.next))


def _threshold(read: ConnectEvidence) -> Text:
    on = read.setting("Microsoft.OptionalFeature.ExportDeletionThreshold")
    if on is None:
        return _UNREAD
    if on.casefold() != "true":
        return t("off")
    value = read.setting("Microsoft.OptionalFeature.ExportDeletionThresholdValue")
    return t("{value} deletions in one export", value=printable(value or "") or _UNREAD)


def _switch(value: bool | None) -> Text:
    return _UNREAD if value is None else t("on") if value else t("off")


def _names(names: list[str]) -> Text:
    return first_of([printable(name, limit=80) for name in names], 5) if names else t("none")


def _at(text: str | None) -> Text:
    at: datetime | None = moment_in(text)
    return verbatim(to_the_minute(at)) if at else NOTHING
