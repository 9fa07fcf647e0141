"""What single groups are asked beside the inventory: existence, addresses, members, authority, writeback under V2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from runbook_lib.bulk import in_parts
from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.errors import GraphNotFound, GraphRejected
from runbook_lib.graph.rows import (
    GROUP_PROPERTIES,
    flag_of,
    group_of,
    number_of,
    object_of,
    objects_of,
    row_id,
    text_of,
)
from runbook_lib.graph.transport import NEXT_LINK, GraphClient
from runbook_lib.graph.writing import GraphWrite
from runbook_lib.model.cloud import CloudGroup, CloudKind, Presence
from runbook_lib.model.ids import GroupId, is_guid
from runbook_lib.model.text import NOTHING, Text, counted, t

_NOT_IN_TENANT = "request_resourcenotfound"
"""Graph's code for an object that does not exist; other codes with 404 say that an address does not."""


def probe_groups(client: GraphClient, ids: Iterable[GroupId]) -> dict[GroupId, Presence]:
    """State of each group, by id, in the order of the ids.

    Gone needs two proofs: GET by id answers 404 with Graph's code for it, and the complete list of deleted groups,
    read afterwards, does not hold the id. A refusal, 403 above all, makes the state unknown.

    Raises:
        NoAccess: Sign-in, or the connection, fails as such.
        ServiceFailed: Graph does not answer.
    """
    found = {key: _by_id(client, key) for key in sorted(set(ids))}
    if Presence.GONE not in found.values():
        return found
    deleted = _deleted(client)
    for key, presence in found.items():
        if presence is Presence.GONE and deleted is None:
            found[key] = Presence.UNKNOWN
        elif presence is Presence.GONE and deleted is not None and key in deleted:
            found[key] = Presence.SOFT_DELETED
    return found


def is_not_in_tenant(error: RunbookError) -> bool:
    """Whether Graph says of an object that it does not exist, and not of an address."""
    code = str(error.values.get("graph_code", "")).lower()
    return isinstance(error, GraphNotFound) and code == _NOT_IN_TENANT


def _by_id(client: GraphClient, key: GroupId) -> Presence:
    if not is_guid(key):
        return Presence.UNKNOWN
    try:
        row = client.get(f"/groups/{key}", {"$select": "id"})
    except GraphNotFound as error:
        return Presence.GONE if is_not_in_tenant(error) else Presence.UNKNOWN
    except GraphRejected:
        return Presence.UNKNOWN
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return Presence.UNKNOWN
    return Presence.PRESENT if row_id(row) == key else Presence.UNKNOWN


def _deleted(client: GraphClient) -> frozenset[str] | None:
    """Ids of all deleted groups, or None if they may not be listed."""
    parameters = {"$select": "id", "$top": "999"}
    try:
        rows = client.listing("/directory/deletedItems/microsoft.graph.group", parameters).rows
    except (GraphNotFound, GraphRejected):
        return None
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return None
    return frozenset(row_id(row) for row in rows)


_UNIFIED = "groupTypes/any(c:c eq 'Unified')"


def read_mail_groups(client: GraphClient, progress: Callable[[int], None] | None = None) -> tuple[CloudGroup, ...]:
    """Every Microsoft 365 group of the tenant, sorted by id.

    Raises:
        NoAccess: Groups may not be read.
        ServiceFailed: Graph does not answer, or not in a form to rely on.
    """
    found: dict[str, CloudGroup] = {}
    for page in client.pages("/groups", {"$select": GROUP_PROPERTIES, "$filter": _UNIFIED, "$top": "999"}):
        rows = page["value"]
        groups = [group_of(row) for row in rows] if isinstance(rows, list) else []
        found |= {group.id: group for group in groups if group.kind is CloudKind.MICROSOFT_365}
        if progress is not None:
            progress(len(found))
    return tuple(found[key] for key in sorted(found))


GroupsProgress = Callable[[int, int], None]
"""How many groups are done, of how many."""
_COUNT = {"$count": "true", "$top": "1", "$select": "id"}
_USERS = {"$select": "id,userPrincipalName,onPremisesSyncEnabled", "$top": "999"}


def count_members(
    client: GraphClient, ids: Sequence[str], progress: GroupsProgress
) -> tuple[dict[str, int], frozenset[str]]:
    """Direct members by group id, and the groups that could not be counted; what is no group is in neither.

    Raises:
        NoAccess: Not one may be counted.
        ServiceFailed: Graph does not answer.
    """
    counts: dict[str, int] = {}
    unread: set[str] = set()
    for begin in range(0, len(ids), MOST_IN_BATCH):
        some = ids[begin : begin + MOST_IN_BATCH]
        answers = client.objects([f"/groups/{one}/members" for one in some], _COUNT, eventual=True)
        if begin == 0 and (refused := _all_refused(answers)):
            raise refused
        for one, answer in zip(some, answers, strict=True):
            if isinstance(answer, GraphNotFound):
                continue
            number = None if isinstance(answer, RunbookError) else number_of(answer, "@odata.count")
            if number is None:
                unread.add(one)
            else:
                counts[one] = number
        progress(min(begin + MOST_IN_BATCH, len(ids)), len(ids))
    return counts, frozenset(unread)


def security_groups(client: GraphClient) -> tuple[CloudGroup, ...]:
    """Every security-enabled group of the tenant, sorted by id; what is asked of single groups is not read.

    Raises:
        NoAccess: Groups may not be read.
        ServiceFailed: Graph does not answer.
    """
    rows = client.rows("/groups", {"$select": GROUP_PROPERTIES, "$filter": "securityEnabled eq true", "$top": "999"})
    found = {group.id: group for group in map(group_of, rows)}
    return tuple(found[key] for key in sorted(found))


def cloud_sync_starts_from(groups: Iterable[CloudGroup]) -> tuple[str, ...]:
    """Ids of the groups that every Cloud Sync configuration starts from: security groups without mail, born in the
    cloud (Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to Active Directory").
    """
    return tuple(
        group.id
        for group in groups
        if group.kind is CloudKind.SECURITY and group.security_enabled and not group.on_premises_sync_enabled
    )


def groups_from_ad(client: GraphClient, groups: Iterable[CloudGroup]) -> tuple[CloudGroup, ...]:
    """Those that came from AD and are not synchronized now; ``cloud_managed`` where readable.

    They are converted, or given back to AD and not taken over yet (``CloudGroup.authority``).

    Raises:
        ServiceFailed: Graph does not answer.
    """
    return with_sync_behavior(client, [group for group in groups if group.may_be_converted])[0]


def count_tenant(client: GraphClient) -> tuple[int | None, int | None]:
    """Users and groups of the tenant; None for what may not be counted."""
    answers = client.objects(["/users", "/groups"], _COUNT, eventual=True)
    users, groups = (None if isinstance(one, RunbookError) else number_of(one, "@odata.count") for one in answers)
    return users, groups


def synchronized_members(client: GraphClient, ids: Sequence[str]) -> dict[str, bool | None]:
    """Whether users that are synchronized from AD are among the users of each group; None: not readable.

    The first 999 users are looked at: where none of them is and there are more, it is not known. Without User.Read.All
    users come without their properties, and then nothing is known of them. A group that is gone is left out.
    """
    found: dict[str, bool | None] = {}
    for some in in_parts(ids, MOST_IN_BATCH):
        answers = client.objects([f"/groups/{one}/members/microsoft.graph.user" for one in some], _USERS)
        pairs = zip(some, answers, strict=True)
        found |= {one: _synchronized(answer) for one, answer in pairs if not isinstance(answer, GraphNotFound)}
    return found


def _synchronized(answer: Mapping[str, object] | RunbookError) -> bool | None:
    if isinstance(answer, RunbookError):
        return None
    users = objects_of(answer, "value")
    if any(flag_of(user, "onPremisesSyncEnabled") for user in users):
        return True
    if NEXT_LINK in answer:
        return None
    # Null is both: not synchronized, and not to be seen. Every user has a principal name, so that tells which.
    return None if users and not any(text_of(user, "userPrincipalName") for user in users) else False


def _all_refused(answers: Sequence[object]) -> NoAccess | None:
    refused = [answer for answer in answers if isinstance(answer, NoAccess)]
    return refused[0] if answers and len(refused) == len(answers) else None


def with_sync_behavior(client: GraphClient, groups: Sequence[CloudGroup]) -> tuple[tuple[CloudGroup, ...], Text]:
    """The groups in their order, with ``cloud_managed`` where it matters and can be read, and what could not be read.

    It matters for groups that carry a SID of AD and are not synchronized: only this tells a converted group from one
    that is being given back. What is not readable stays None. Where the first of them are all refused, no more are
    asked for.

    Raises:
        NoAccess: Sign-in or the connection fails.
        ServiceFailed: Graph does not answer, or not in a form to rely on.
    """
    asked = [group for group in groups if group.may_be_converted]
    managed: dict[str, bool | None] = {}
    refused = False
    for some in in_parts(asked, MOST_IN_BATCH):
        answers = client.objects([f"/groups/{group.id}/onPremisesSyncBehavior" for group in some])
        managed |= {group.id: _managed(answer) for group, answer in zip(some, answers, strict=True)}
        refused = all(isinstance(answer, NoAccess) for answer in answers)
        if refused:
            break
    unread = sum(managed.get(group.id) is None for group in asked)
    why = " (HTTP 403)" if refused else ""
    gap = (
        t(
            "Whether the cloud is the source of authority of {groups} that came from AD could not be read{why}: "
            "onPremisesSyncBehavior.",
            groups=counted(unread, "group"),
            why=why,
        )
        if unread
        else NOTHING
    )
    return tuple(replace(one, cloud_managed=managed[one.id]) if one.id in managed else one for one in groups), gap


def _managed(answer: Mapping[str, object] | RunbookError) -> bool | None:
    if isinstance(answer, RunbookError):
        return None
    inner = answer.get("value")
    return flag_of(inner if isinstance(inner, dict) else answer, "isCloudManaged")


WRITEBACK_VERSION: Literal["beta"] = "beta"
"""Version of Graph that knows ``writebackConfiguration``, which counts under V2 alone.

Source: Microsoft Graph documentation (beta), "groupWritebackConfiguration resource type" and "Update group": v1.0 knows
no such property. ``isEnabled`` is true, false or null; null was never set, and means what the tenant's default says.
"""
_CONFIGURATION = "writebackConfiguration"


def read_writeback_state(client: GraphClient, group_id: GroupId) -> bool | None:
    """``isEnabled`` of a group now; None where it was never set.

    Raises:
        NoAccess, ServiceFailed: It cannot be read.
        GraphNotFound: There is no such group.
    """
    answer = client.get(f"/groups/{group_id}", {"$select": f"id,{_CONFIGURATION}"}, version=WRITEBACK_VERSION)
    return flag_of(object_of(answer, _CONFIGURATION), "isEnabled")


def writeback_state_write(group_id: GroupId, enabled: bool | None) -> GraphWrite:
    """The request that sets ``isEnabled`` of a group, and nothing else of it."""
    return GraphWrite("PATCH", f"/groups/{group_id}", {_CONFIGURATION: {"isEnabled": enabled}})
