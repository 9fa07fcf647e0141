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
from runbook_lib.graph.kept.state import KeptReading, about, kept_of
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Progress, Text, t


class ReadingKeeper(Protocol):
    """Where a reading is kept from one time to the next."""

    def load(self) -> KeptReading | None:
        """What was kept last, or None."""
        ...

    def keep(self, reading: KeptReading) -> None:
        """Keep this reading in the place of the one before."""
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

    def keep(self, reading: KeptReading) -> None:
        """Keep this reading in the place of the one before."""
        self._kept = reading

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
    """

    tenant_id: str
    place: ReadingKeeper | None
    clock: Callable[[], datetime]

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
        kept = place.load()
        now_about = about(client, self.tenant_id)
        if kept is None:
            return self._whole(client, place, now_about, None, progress)
        if kept.about != now_about:
            why = t("another sign-in, other permissions or another selection than that of the reading that is kept")
            return self._whole(client, place, now_about, why, progress)
        try:
            by_changes, left = read_changes(
                client, self.tenant_id, kept, also=also, clock=self.clock, progress=progress
            )
        except CannotGoOn as doubt:
            place.forget()
            return self._whole(client, place, now_about, doubt.why, progress)
        if not kept.whole_is_due(self.clock()):
            place.keep(left)
            return CloudRead(by_changes)
        why = t("everything is read every so often, and compared with what Graph had named as changed")
        whole = self._whole(client, place, now_about, why, progress)
        found = _difference(client, by_changes, whole.snapshot, left.links)
        return replace(whole, findings=(found,) if found is not None else ())

    def _whole(
        self, client: GraphClient, place: ReadingKeeper, now_about: str, why: Text | None, progress: Progress | None
    ) -> CloudRead:
        links = _links(client)
        snapshot = read_cloud(client, self.tenant_id, clock=self.clock, progress=progress)
        if links is not None and snapshot.reading.complete:
            place.keep(kept_of(snapshot, now_about, links))
        else:
            place.forget()
        if why is not None:
            told = t("Read as a whole: {why}", why=why)
            snapshot = replace(snapshot, reading=replace(snapshot.reading, proof=(*snapshot.reading.proof, told)))
        return CloudRead(snapshot)


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
