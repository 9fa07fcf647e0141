"""A reading that goes on from a kept one: what Graph names as changed is read again, the rest is as it was.

What is read again is read as in a whole reading, by id: current values, whatever order or repetition the changes came
in. What delta queries do not tell is read as in a whole reading as well: the tenant, Microsoft's own writers, deleted
groups, groups that hide their members, and the source of authority.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from runbook_lib.bulk import in_parts
from runbook_lib.errors import RunbookError
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.everybody import everybody
from runbook_lib.graph.gone_groups import settle_members
from runbook_lib.graph.groups import is_not_in_tenant, with_sync_behavior
from runbook_lib.graph.kept.delta import GROUP_CHANGES, USER_CHANGES, CannotGoOn, Changed, DeltaLinks, changed_since
from runbook_lib.graph.kept.state import KeptReading
from runbook_lib.graph.links import Links, MembersReading, reading_threads
from runbook_lib.graph.rows import GROUP_PROPERTIES, USER_PROPERTIES, Row, group_of, user_of
from runbook_lib.graph.snapshot import read_deleted_groups, read_other_writers, read_tenant, source_of, tenant_proof
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, CloudSnapshot, PrincipalType
from runbook_lib.model.ids import GroupId, as_group_id
from runbook_lib.model.moment import iso_exact
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import Progress, Text, counted, t
from runbook_lib.model.untrusted import printable

_T = TypeVar("_T", CloudGroup, CloudPrincipal)
_FEW = 200
"""Groups, or users, that may be read by id in any tenant."""
_SHARE = 10
"""Of so many groups, or users, one may be read by id; where more changed, everything is read."""


def read_changes(
    client: GraphClient,
    tenant_id: str,
    kept: KeptReading,
    *,
    run: str,
    also: Iterable[GroupId],
    clock: Callable[[], datetime],
    progress: Progress | None,
) -> tuple[CloudSnapshot, KeptReading]:
    """The tenant as it is now, and what the next reading goes on from.

    Args:
        client: The client.
        tenant_id: The tenant that the parameters name.
        kept: What an earlier reading left, with this sign-in.
        run: Which run reads.
        also: Groups that are read again whether or not Graph names them as changed, which it may do late.
        clock: Now, UTC.
        progress: Told what is being read: ``members``, ``users``.

    Raises:
        CannotGoOn: Something is in doubt; a whole reading says how things are.
        Refused, NoAccess, ServiceFailed: As ``read_cloud``.
    """
    started, requests_before = clock(), client.requests
    tenant = read_tenant(client, tenant_id)
    with reading_threads(client) as pool:
        # Doubt is no failure: what waits for a sign-in in another thread is not to be given up because of it.
        try:
            writers = pool.submit(read_other_writers, client, tenant)
            deleted = pool.submit(read_deleted_groups, client)
            changed_users = pool.submit(changed_since, client, kept.links.users, USER_CHANGES)
            groups = _groups(client, pool, kept, also, progress)
            users = _users(client, pool, kept, changed_users.result(), progress)
            deleted_groups, deleted_proof = deleted.result()
            all_groups, authority_gap = with_sync_behavior(client, groups.groups)
            other_writers = writers.result()
            doubt = None
        except CannotGoOn as why:
            doubt = why
    if doubt is not None:
        raise doubt
    principals, unlisted_gaps, complete = everybody(client, all_groups, users.users, groups.linked(kept))
    if not (groups.links.complete and complete):
        raise CannotGoOn(t("not everything that changed could be read"))
    snapshot = CloudSnapshot(
        tenant=tenant,
        groups=all_groups,
        deleted_groups=deleted_groups,
        members=groups.members,
        principals=principals,
        writers=other_writers,
        reading=Reading(
            source=source_of(client, tenant),
            at=started,
            complete=True,
            proof=(
                tenant_proof(tenant),
                t("Everything was read at {at}: {proof}", at=iso_exact(kept.whole_at), proof="; ".join(kept.proof)),
                *_from(kept, run),
                groups.proof,
                users.proof,
                deleted_proof,
            ),
            gaps=(*filter(None, [authority_gap]), *groups.links.gaps, *unlisted_gaps),
            seconds=(clock() - started).total_seconds(),
            requests=client.requests - requests_before,
        ),
    )
    left = replace(
        kept,
        links=DeltaLinks(groups.link, users.link),
        readings=kept.readings + 1,
        groups=snapshot.groups,
        members=snapshot.members,
        principals=snapshot.principals,
        at=started,
        run=run,
    )
    return snapshot, left


def _from(kept: KeptReading, run: str) -> tuple[Text, ...]:
    """Which run the reading goes on from, where it is another one."""
    if kept.run == run:
        return ()
    return (t("This reading goes on from that of run {run} at {at}", run=printable(kept.run), at=iso_exact(kept.at)),)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Every group with its members, what was read again of them, and the link for the next time."""

    groups: tuple[CloudGroup, ...]
    members: dict[GroupId, tuple[str, ...]]
    links: Links
    proof: Text
    link: str

    def linked(self, kept: KeptReading) -> dict[str, CloudPrincipal]:
        """Every member as it was shown last."""
        known = {**kept.principals, **self.links.principals}
        return {key: known[key] for key in {one for ids in self.members.values() for one in ids}}


@dataclass(frozen=True, slots=True)
class _Users:
    """Every user, what was read again of them, and the link for the next time."""

    users: list[CloudPrincipal]
    proof: Text
    link: str


def _groups(
    client: GraphClient,
    pool: ThreadPoolExecutor,
    kept: KeptReading,
    also: Iterable[GroupId],
    progress: Progress | None,
) -> _Groups:
    """The groups as they are now.

    Raises:
        CannotGoOn: So many changed that reading everything is cheaper, or one of them is in doubt.
    """
    changed = changed_since(client, kept.links.groups, GROUP_CHANGES)
    if len(changed.ids) > max(_FEW, len(kept.groups) // _SHARE):
        raise CannotGoOn(t("{groups} changed since", groups=counted(len(changed.ids), "group")))
    untold = {group.id for group in kept.groups if group.hidden_membership or group.id not in kept.members}
    asked = frozenset(map(as_group_id, changed.ids)) | untold | frozenset(also)
    there = _by_id(client, pool, "/groups", GROUP_PROPERTIES, sorted(asked), group_of)
    again = tuple(there[key] for key in sorted(there))
    again, links, _ = settle_members(client, pool, again, MembersReading(client, pool).finish(again, progress))
    # The source of authority is read anew; where that fails, it is unknown, not what it was.
    groups = {group.id: replace(group, cloud_managed=None) for group in kept.groups if group.id not in asked}
    groups |= {group.id: group for group in again}
    members = {key: ids for key, ids in kept.members.items() if key in groups and key not in asked} | links.ids
    proof = t(
        "{changed} that changed since ({pages}, the last one with deltaLink); {asked} read again by id with their "
        "members: {there} there, {gone} gone",
        changed=counted(len(changed.ids), "group"),
        pages=counted(changed.pages, "page"),
        asked=counted(len(asked), "group"),
        there=len(again),
        gone=len(asked) - len(again),
    )
    return _Groups(
        tuple(groups[key] for key in sorted(groups)),
        {key: members[key] for key in sorted(members)},
        links,
        proof,
        changed.link,
    )


def _by_id(
    client: GraphClient,
    pool: ThreadPoolExecutor,
    path: str,
    properties: str,
    ids: Sequence[str],
    decode: Callable[[Row], _T],
) -> dict[str, _T]:
    """What is there of these objects; what Graph says does not exist is left out.

    Raises:
        CannotGoOn: One of them is refused, or answers as another.
    """

    def read(some: Sequence[str]) -> list[tuple[str, Row | RunbookError]]:
        answers = client.objects([f"{path}/{key}" for key in some], {"$select": properties})
        return list(zip(some, answers, strict=True))

    found: dict[str, _T] = {}
    for pairs in pool.map(read, in_parts(ids, MOST_IN_BATCH)):
        for key, answer in pairs:
            if isinstance(answer, RunbookError):
                if is_not_in_tenant(answer):
                    continue
                raise CannotGoOn(t("{path} could not be read ({code})", path=f"{path}/{key}", code=answer.code))
            decoded = decode(answer)
            if decoded.id != key:
                raise CannotGoOn(t("{path} answers as another object", path=f"{path}/{key}"))
            found[key] = decoded
    return found


def _users(
    client: GraphClient, pool: ThreadPoolExecutor, kept: KeptReading, changed: Changed, progress: Progress | None
) -> _Users:
    """The users as they are now.

    Raises:
        CannotGoOn: So many changed that reading everything is cheaper, or one of them is in doubt.
    """
    users = {key: one for key, one in kept.principals.items() if one.type is PrincipalType.USER}
    if len(changed.ids) > max(_FEW, len(users) // _SHARE):
        raise CannotGoOn(t("{users} changed since", users=counted(len(changed.ids), "user")))
    again = _by_id(client, pool, "/users", USER_PROPERTIES, sorted(changed.ids), user_of)
    for key in changed.ids:
        users.pop(key, None)
    users |= again
    if progress is not None:
        progress(t("users"), len(users), len(users))
    proof = t(
        "{changed} that changed since ({pages}, the last one with deltaLink), read again by id: {there} there, "
        "{gone} gone",
        changed=counted(len(changed.ids), "user"),
        pages=counted(changed.pages, "page"),
        there=len(again),
        gone=len(changed.ids) - len(again),
    )
    return _Users(list(users.values()), proof, changed.link)
