"""What one reading leaves for the next: groups, members, everybody, and the links that tell what changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.graph.kept.delta import TRACKED, DeltaLinks
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, CloudSnapshot
from runbook_lib.model.ids import GroupId

_WHO = ("appid", "azp", "oid", "tid")
"""Claims of a token that say which app, which account and which tenant it is for."""
MOST_READINGS = 10
"""Times that what changed is read before everything is, and compared."""
OLDEST = timedelta(hours=24)
"""So long after everything was read, it is again. Graph keeps a link for seven days."""


@dataclass(frozen=True, slots=True)
class KeptReading:
    """A complete reading, for the next one to go on from.

    Attributes:
        about: Tenant, Graph, who signed in with which permissions, and what is selected: ``about`` of then.
        links: Where Graph tells what changed since.
        whole_at: When everything was read, UTC.
        readings: How many readings by what changed followed.
        proof: What proved that whole reading complete, a sentence each.
        groups: Every group, sorted by id.
        members: Ids of the members by group, as ``CloudSnapshot.members``.
        principals: Everybody by id.
        at: When it was read, whole or by what changed, UTC.
        run: Which run read it, as its record names it; empty where none did.
    """

    about: str
    links: DeltaLinks
    whole_at: datetime
    readings: int
    proof: tuple[str, ...]
    groups: tuple[CloudGroup, ...]
    members: Mapping[GroupId, tuple[str, ...]]
    principals: Mapping[str, CloudPrincipal]
    at: datetime
    run: str

    def whole_is_due(self, now: datetime) -> bool:
        """Whether everything is to be read again; also where the clock was set back."""
        return self.readings >= MOST_READINGS or not timedelta() <= now - self.whole_at <= OLDEST


def kept_of(snapshot: CloudSnapshot, about_: str, links: DeltaLinks, run: str) -> KeptReading:
    """What a whole reading leaves. ``links`` are from before it began, so that nothing falls between them."""
    return KeptReading(
        about=about_,
        links=links,
        whole_at=snapshot.reading.at,
        readings=0,
        proof=tuple(map(str, snapshot.reading.proof)),
        groups=snapshot.groups,
        members=snapshot.members,
        principals=snapshot.principals,
        at=snapshot.reading.at,
        run=run,
    )


def about(client: GraphClient, tenant_id: str) -> str:
    """What a kept reading depends on besides time, as a digest: another permission shows other members.

    Raises:
        NoAccess: Sign-in fails.
        ServiceFailed: The sign-in service does not work.
    """
    claims = client.token_claims() or {}
    who = {name: claims.get(name) for name in _WHO}
    granted = [sorted(_words(claims.get(name))) for name in ("roles", "scp", "wids")]
    told = json.dumps([tenant_id.lower(), client.host, who, granted, dict(TRACKED)], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def says_who(client: GraphClient) -> bool:
    """Whether the token says who signed in, to which tenant; else ``about`` cannot tell two sign-ins apart.

    Raises:
        NoAccess, ServiceFailed: As ``about``.
    """
    claims = client.token_claims() or {}
    return bool(claims.get("oid") and claims.get("tid"))


def _words(value: object) -> list[str]:
    return list(map(str, value)) if isinstance(value, list) else str(value or "").split()
