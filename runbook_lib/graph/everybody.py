"""Everybody by id: users, and members of other types. Users who are members but not listed are looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook_lib.errors import NoAccess
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.rows import USER_PROPERTIES, principal_of_group, user_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, PrincipalType
from runbook_lib.model.text import Text, t

MOST_LOOKUPS = 50
"""Users that are read one by one because the list of users, read a moment later, does not hold them."""


def unlisted_users(
    groups: Iterable[CloudGroup], users: Iterable[CloudPrincipal], linked: Mapping[str, CloudPrincipal]
) -> list[str]:
    """Ids of users who are members and not in the list of users."""
    others = linked.keys() - {user.id for user in users} - {group.id for group in groups}
    return sorted(key for key in others if linked[key].type is PrincipalType.USER)


def everybody(
    client: GraphClient,
    groups: Iterable[CloudGroup],
    users: Iterable[CloudPrincipal],
    linked: Mapping[str, CloudPrincipal],
) -> tuple[dict[str, CloudPrincipal], tuple[Text, ...], bool]:
    """Everybody by id, the gaps, and whether every user among the members is known.

    Args:
        client: Looks up users who are not listed.
        groups: Every group.
        users: Every user that is listed.
        linked: The members, as lists of members show them, by id.
    """
    known = {user.id: user for user in users}
    as_members: dict[str, CloudPrincipal] = {one.id: principal_of_group(one) for one in groups if one.id in linked}
    others = {key: as_members.get(key, linked[key]) for key in linked.keys() - known.keys()}
    looked_up, gaps, complete = _look_up(client, unlisted_users(groups, users, linked))
    found = {**known, **others, **looked_up}
    return {key: found[key] for key in sorted(found)}, gaps, complete


def _look_up(client: GraphClient, ids: list[str]) -> tuple[dict[str, CloudPrincipal], tuple[Text, ...], bool]:
    """Users that are members but not in the list of users: deleted meanwhile, or not listed yet."""
    found: dict[str, CloudPrincipal] = {}
    gone = unread = 0
    for key in ids[:MOST_LOOKUPS]:
        try:
            found[key] = user_of(client.get(f"/users/{key}", {"$select": USER_PROPERTIES}))
        except GraphNotFound:
            gone += 1
            found[key] = CloudPrincipal(id=key, type=PrincipalType.UNKNOWN)
        except NoAccess as error:
            if error.code != "graph-forbidden":
                raise
            unread += 1
    unread += max(len(ids) - MOST_LOOKUPS, 0)
    gaps: list[Text] = []
    if gone:
        gaps.append(t("{gone} members were deleted while reading (HTTP 404); what they were is unknown.", gone=gone))
    if unread:
        gaps.append(t("{unread} users are members, but the list of users does not hold them.", unread=unread))
    return found, tuple(gaps), not unread
