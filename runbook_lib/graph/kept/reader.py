"""Reads the tenant: whole, or by what changed since the last reading, whichever is sure to be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.kept.again import read_changes
from runbook_lib.graph.kept.compared import difference_of
from runbook_lib.graph.kept.delta import (
    GROUP_CHANGES,
    USER_CHANGES,
    CannotGoOn,
    DeltaLinks,
    changed_since,
    links_from_now,
)
from runbook_lib.graph.kept.state import KeptReading, about, kept_of, says_who
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import NOTHING, Progress, Text, t


class ReadingKeeper(Protocol):
    """Where a reading is kept from one time to the next."""

    def load(self) -> KeptReading | None:
        """What was kept last, or None.

        Raises:
            CannotGoOn: Something was kept and does not serve.
        """
        ...

    def keep(self, reading: KeptReading) -> Text:
        """Keep this reading in the place of the one before; why it is not kept as it should be, mostly empty."""
        ...

    def forget(self) -> None:
        """Keep nothing."""
        ...


class InMemory:
    """Keeps a reading as long as this object lives."""

    def __init__(self) -> None:
        self._kept: KeptReading | None = None

    def load(self) -> KeptReading | None:
        """What was kept last, or None."""
        return self._kept

    def keep(self, reading: KeptReading) -> Text:
        """Keep this reading in the place of the one before."""
        self._kept = reading
        return NOTHING

    def forget(self) -> None:
        """Keep nothing."""
        self._kept = None


@dataclass(frozen=True, slots=True)
class CloudRead:
    """A reading, and what a person should know about how it came about."""

    snapshot: CloudSnapshot
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudReader:
    """Reads one tenant, again and again.

    Attributes:
        tenant_id: The tenant that the parameters name.
        place: Where readings are kept; None: every reading is whole, and nothing is kept.
        clock: Now, UTC.
        run: Which run reads, as its record names it: what is kept says so.
    """

    tenant_id: str
    place: ReadingKeeper | None
    clock: Callable[[], datetime]
    run: str = ""

    def read(self, client: GraphClient, *, also: Iterable[GroupId] = (), progress: Progress | None = None) -> CloudRead:
        """The tenant as it is now.

        Where a reading is kept, only what Graph names as changed since is read again. Everything is read where nothing
        serves that is kept, where anything is in doubt, and every so often; then the two are compared.

        Args:
            client: The client.
            also: Groups that are read again whether or not Graph names them as changed.
            progress: Told what is being read.

        Raises:
            Refused, NoAccess, ServiceFailed: As ``read_cloud``.
        """
        place = self.place
        if place is None:
            return CloudRead(read_cloud(client, self.tenant_id, clock=self.clock, progress=progress))
        now_about = about(client, self.tenant_id)
        try:
            kept = place.load()
        except CannotGoOn as doubt:
            return self._whole(client, place, now_about, doubt.why, progress)
        if kept is None:
            return self._whole(client, place, now_about, None, progress)
        if kept.run != self.run and not says_who(client):
            why = t("the token does not say who signed in, and the reading that is kept is of another run")
            return self._whole(client, place, now_about, why, progress)
        if kept.about != now_about:
            why = t("another sign-in, other permissions or another selection than that of the reading that is kept")
            return self._whole(client, place, now_about, why, progress)
        try:
            by_changes, left = read_changes(
                client, self.tenant_id, kept, run=self.run, also=also, clock=self.clock, progress=progress
            )
        except CannotGoOn as doubt:
            place.forget()
            return self._whole(client, place, now_about, doubt.why, progress)
        if not kept.whole_is_due(self.clock()):
            return CloudRead(by_changes, _not_kept(place.keep(left)))
        why = t("everything is read every so often, and compared with what Graph had named as changed")
        whole = self._whole(client, place, now_about, why, progress)
        found = _difference(client, by_changes, whole.snapshot, left.links)
        return replace(whole, findings=(*whole.findings, *filter(None, [found])))

    def _whole(
        self, client: GraphClient, place: ReadingKeeper, now_about: str, why: Text | None, progress: Progress | None
    ) -> CloudRead:
        links = _links(client)
        snapshot = read_cloud(client, self.tenant_id, clock=self.clock, progress=progress)
        trouble = NOTHING
        if links is not None and snapshot.reading.complete:
            trouble = place.keep(kept_of(snapshot, now_about, links, self.run))
        else:
            place.forget()
        if why is not None:
            told = t("Read as a whole: {why}", why=why)
            snapshot = replace(snapshot, reading=replace(snapshot.reading, proof=(*snapshot.reading.proof, told)))
        return CloudRead(snapshot, _not_kept(trouble))


def _not_kept(why: Text) -> tuple[Finding, ...]:
    """The finding that later runs will not have this reading; none where they will."""
    if not why:
        return ()
    return (
        Finding(
            id="reading-not-kept",
            severity=Severity.WARNING,
            seen=t("What was read of the tenant is not kept for later runs: {why}.", why=why),
            expected=t("keep_cloud_reading: encrypted, and plain, keep it."),
            why=t("The next run reads everything, which takes longer. Nothing that this run does depends on it."),
            to_do=t(
                "Provide what is missing, or set keep_cloud_reading to run: each run then begins with a whole reading."
            ),
        ),
    )


def _links(client: GraphClient) -> DeltaLinks | None:
    """Links for the next time; a service that gives none, or refuses, is read whole the next time as well."""
    try:
        return links_from_now(client)
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return None
    except ServiceFailed:
        return None


def _difference(
    client: GraphClient, by_changes: CloudSnapshot, whole: CloudSnapshot, since: DeltaLinks
) -> Finding | None:
    """What differs though it was not named, neither before the whole reading nor meanwhile."""
    if not whole.reading.complete:
        return None
    try:
        groups = changed_since(client, since.groups, GROUP_CHANGES).ids
        users = changed_since(client, since.users, USER_CHANGES).ids
    except CannotGoOn:
        return None  # what changed meanwhile is not known, so no difference proves anything
    return difference_of(by_changes, whole, groups | users)
