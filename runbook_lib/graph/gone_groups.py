"""Groups whose members answered HTTP 404: deleted meanwhile, or there all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from runbook_lib.graph.groups import probe_groups
from runbook_lib.graph.links import Links, MembersReading
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudGroup, Presence
from runbook_lib.model.text import Text, counted, t
from runbook_lib.model.untrusted import printable


def settle_members(
    client: GraphClient, pool: ThreadPoolExecutor, groups: tuple[CloudGroup, ...], members: Links
) -> tuple[tuple[CloudGroup, ...], Links, tuple[Text, ...]]:
    """The groups that are still there when their members have been read, the members, and a proof of what went.

    Reading a large tenant takes minutes, and groups are deleted meanwhile. One whose list of members answers 404 is
    looked up by its id: deleted, it is no group of this reading, and its AD object is looked up like that of any other
    group that the tenant does not list. One that is there all the same is read once more.
    """
    if not members.gone:
        return groups, members, ()
    presence = probe_groups(client, members.gone)
    deleted = frozenset(key for key, one in presence.items() if one in (Presence.GONE, Presence.SOFT_DELETED))
    there = tuple(group for group in groups if group.id in members.gone and presence[group.id] is Presence.PRESENT)
    again = MembersReading(client, pool).finish(there, None) if there else None
    unread = [group for group in groups if group.id in members.gone and group.id not in deleted]
    if again is not None:
        unread = [group for group in unread if group not in there or group.id in again.gone]
        members = replace(
            members,
            ids={**members.ids, **again.ids},
            principals={**members.principals, **again.principals},
            complete=members.complete and again.complete,
            gaps=(*members.gaps, *again.gaps),
        )
    members = replace(members, complete=members.complete and not unread, gaps=(*members.gaps, *map(_unread, unread)))
    proof = t(
        "{deleted} deleted while their members were read: looked up by id, no part of this reading",
        deleted=counted(len(deleted), "group"),
    )
    return tuple(group for group in groups if group.id not in deleted), members, (proof,) if deleted else ()


def _unread(group: CloudGroup) -> Text:
    name = f"{printable(group.display_name, limit=80)} ({group.id})"
    return t("The members of {name} could not be read: HTTP 404, and the group could not be looked up.", name=name)
