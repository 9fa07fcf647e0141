"""The whole cloud side, read once: tenant, groups, members, users, whether Microsoft's own writers are on.

What proves that nothing is missing comes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from runbook_lib.errors import NoAccess, Refused
from runbook_lib.graph.errors import GraphNotFound, GraphRejected, unexpected
from runbook_lib.graph.groups import probe_groups, with_sync_behavior
from runbook_lib.graph.links import Links, MembersReading, reading_threads
from runbook_lib.graph.rows import (
    GROUP_PROPERTIES,
    TENANT_PROPERTIES,
    USER_PROPERTIES,
    Row,
    group_of,
    principal_of_group,
    tenant_of,
    user_of,
)
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import (
    CloudGroup,
    CloudPrincipal,
    CloudSnapshot,
    OtherWriters,
    Presence,
    PrincipalType,
    Switch,
    Tenant,
)
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import NOTHING, Progress, Text, counted, t, verbatim
from runbook_lib.model.untrusted import printable

_DELETED = "/directory/deletedItems/microsoft.graph.group"
_PAGE = "999"
"""The most that Graph puts on one page of groups or users."""
_MOST_LOOKUPS = 50
"""Users that are read one by one because the list of users, read a moment later, does not hold them."""


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_Identified)


def read_cloud(
    client: GraphClient,
    tenant_id: str,
    *,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> CloudSnapshot:
    """Read the cloud side.

    Members are read from the first page of groups on, users beside them. Members whom the list of users does not hold
    are looked up; where they are many, the list of users is read anew, after the members.

    Args:
        client: The client.
        tenant_id: The tenant that the parameters name.
        clock: Now, UTC.
        progress: Told what is being read: ``groups``, ``members``, ``users``.

    Raises:
        Refused: The token belongs to another tenant (code ``tenant-mismatch``).
        NoAccess: Tenant, groups, users, or every list of members may not be read.
        ServiceFailed: Graph does not answer, or not in a form to rely on.
    """
    started, requests_before = clock(), client.requests
    tenant = read_tenant(client, tenant_id)
    writers = read_other_writers(client, tenant)
    with reading_threads(client) as pool:
        listed = pool.submit(_users, client, None)
        reading = MembersReading(client, pool)
        groups, groups_proof = _read(
            client, t("groups"), "/groups", GROUP_PROPERTIES, group_of, progress, reading.begin
        )
        groups, authority_gap = with_sync_behavior(client, groups)
        deleted, deleted_proof = _read(client, t("deleted groups"), _DELETED, GROUP_PROPERTIES, group_of, None)
        groups, members, deleted_meanwhile = _members(client, pool, groups, reading.finish(groups, progress))
        users, users_proof = listed.result()
    if len(_unlisted(groups, users, members)) > _MOST_LOOKUPS:
        users, users_proof = _users(client, progress)
    elif progress is not None:
        progress(t("users"), len(users), len(users))
    principals, unlisted_gaps, unlisted_complete = _principals(client, groups, users, members)
    return CloudSnapshot(
        tenant=tenant,
        groups=groups,
        deleted_groups=deleted,
        members=members.ids,
        principals=principals,
        writers=writers,
        reading=Reading(
            source=f"{client.host}, tenant {printable(tenant.display_name)} ({tenant.id})",
            at=started,
            complete=members.complete and unlisted_complete,
            proof=(
                t("The token belongs to tenant {tenant}, the one that the parameters name", tenant=tenant.id),
                groups_proof,
                deleted_proof,
                members.proof,
                *deleted_meanwhile,
                users_proof,
            ),
            gaps=(*filter(None, [authority_gap]), *members.gaps, *unlisted_gaps),
            seconds=(clock() - started).total_seconds(),
            requests=client.requests - requests_before,
        ),
    )


def _users(client: GraphClient, progress: Progress | None) -> tuple[tuple[CloudPrincipal, ...], Text]:
    return _read(client, t("users"), "/users", USER_PROPERTIES, user_of, progress)


def _members(
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


def read_tenant(client: GraphClient, tenant_id: str) -> Tenant:
    """The tenant of the token, which must be the one that the parameters name.

    Raises:
        Refused: It is another one (code ``tenant-mismatch``).
    """
    rows = client.listing("/organization", {"$select": TENANT_PROPERTIES}).rows
    if len(rows) != 1:
        raise unexpected("/organization", t("it names {number} tenants instead of one", number=len(rows)))
    tenant = tenant_of(rows[0])
    if tenant.id != tenant_id.lower():
        raise Refused(
            t(
                "The token belongs to tenant {tenant_id} ({display_name}), and the parameters name {expected_id}.",
                tenant_id=tenant.id,
                display_name=printable(tenant.display_name, limit=80),
                expected_id=printable(tenant_id, limit=80),
            ),
            code="tenant-mismatch",
            hint=t("Check tenant_id, client_id and authority_url."),
            values={"tenant_id": tenant.id, "expected": tenant_id},
        )
    return tenant


def _read(
    client: GraphClient,
    what: Text,
    path: str,
    properties: str,
    decode: Callable[[Row], _T],
    progress: Progress | None,
    page_read: Callable[[list[_T]], None] | None = None,
) -> tuple[tuple[_T, ...], Text]:
    """Every object of a collection, sorted by id, and the sentence that proves it; ``page_read`` is told each page."""
    found: dict[str, _T] = {}
    pages = rows = 0
    for page in client.pages(path, {"$select": properties, "$top": _PAGE}):
        decoded = [decode(row) for row in _objects(page)]
        found |= {item.id: item for item in decoded}
        pages, rows = pages + 1, rows + len(decoded)
        if page_read is not None:
            page_read(decoded)
        if progress is not None:
            progress(what, len(found), None)
    if progress is not None:
        progress(what, len(found), len(found))
    again = t(" ({more} came more than once)", more=rows - len(found)) if rows > len(found) else NOTHING
    proof = t(
        "{count} {what} on {pages}, the last one without nextLink{again}",
        count=len(found),
        what=what,
        pages=counted(pages, "page"),
        again=again,
    )
    return tuple(found[key] for key in sorted(found)), proof


def _objects(page: Row) -> Iterable[Row]:
    value = page["value"]
    return value if isinstance(value, list) else ()


def _unlisted(groups: tuple[CloudGroup, ...], users: tuple[CloudPrincipal, ...], members: Links) -> list[str]:
    """Ids of users who are members and not in the list of users."""
    linked = members.principals
    others = linked.keys() - {user.id for user in users} - {group.id for group in groups}
    return sorted(key for key in others if linked[key].type is PrincipalType.USER)


def _principals(
    client: GraphClient,
    groups: tuple[CloudGroup, ...],
    users: tuple[CloudPrincipal, ...],
    members: Links,
) -> tuple[dict[str, CloudPrincipal], tuple[Text, ...], bool]:
    """Everybody by id, with the gaps, and whether every user among the members is known."""
    known = {user.id: user for user in users}
    linked = members.principals
    as_members: dict[str, CloudPrincipal] = {one.id: principal_of_group(one) for one in groups if one.id in linked}
    others = {key: as_members.get(key, linked[key]) for key in linked.keys() - known.keys()}
    looked_up, gaps, complete = _look_up(client, _unlisted(groups, users, members))
    everybody = {**known, **others, **looked_up}
    return {key: everybody[key] for key in sorted(everybody)}, gaps, complete


def _look_up(client: GraphClient, ids: list[str]) -> tuple[dict[str, CloudPrincipal], tuple[Text, ...], bool]:
    """Users that are members but not in the list of users: deleted meanwhile, or not listed yet."""
    found: dict[str, CloudPrincipal] = {}
    gone = unread = 0
    for key in ids[:_MOST_LOOKUPS]:
        try:
            found[key] = user_of(client.get(f"/users/{key}", {"$select": USER_PROPERTIES}))
        except GraphNotFound:
            gone += 1
            found[key] = CloudPrincipal(id=key, type=PrincipalType.UNKNOWN)
        except NoAccess as error:
            if error.code != "graph-forbidden":
                raise
            unread += 1
    unread += max(len(ids) - _MOST_LOOKUPS, 0)
    gaps: list[Text] = []
    if gone:
        gaps.append(t("{gone} members were deleted while reading (HTTP 404); what they were is unknown.", gone=gone))
    if unread:
        gaps.append(t("{unread} users are members, but the list of users does not hold them.", unread=unread))
    return found, tuple(gaps), not unread


SYNCHRONIZATION_PATH = "/directory/onPremisesSynchronization"


def read_other_writers(client: GraphClient, tenant: Tenant) -> OtherWriters:
    """Read the synchronization features; whatever cannot be read is unknown, never off.

    Microsoft Graph documents the resource for delegated sign-in only ("Get onPremisesDirectorySynchronization"), so
    an app normally gets 403. It is documented as a collection and has been seen as a single object. HTTP 404 is how a
    tenant without Connect has been seen to answer: it counts as off only where the tenant itself says that it is not
    synchronized.
    """
    try:
        answer = client.get(SYNCHRONIZATION_PATH, {"$select": "id,features"})
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return _unknown(t("Graph does not let an app read the synchronization features (HTTP 403)"))
    except GraphNotFound:
        if not_configured(tenant):
            return OtherWriters(Switch.OFF, Switch.OFF)
        return _unknown(t("Graph has no synchronization features for this tenant (HTTP 404)"))
    except GraphRejected as error:
        status = error.values.get("status")
        return _unknown(t("Graph does not answer for the synchronization features (HTTP {status})", status=status))
    features = single(answer, tenant.id).get("features")
    if not isinstance(features, dict):
        return _unknown(t("Graph's answer holds no synchronization features"))
    v1 = switch_of(features.get("unifiedGroupWritebackEnabled"))
    v2 = switch_of(features.get("groupWriteBackEnabled"))
    unread = [name for name, switch in (("v1", v1), ("v2", v2)) if switch is Switch.UNKNOWN]
    if not unread:
        return OtherWriters(v1, v2)
    versions = t("v1 and v2") if len(unread) > 1 else verbatim(unread[0])
    why = t("Graph's answer does not say whether group writeback {versions} is on", versions=versions)
    return OtherWriters(v1, v2, why)


def not_configured(tenant: Tenant) -> bool:
    """Whether a tenant for which Graph has no synchronization (HTTP 404) says itself that it is not synchronized."""
    return tenant.on_premises_sync_enabled is not True


def single(answer: Row, tenant_id: str) -> Row:
    """The synchronization object of the tenant: documented as a collection, seen as a single object.

    Its id is the tenant's ("onPremisesDirectorySynchronization resource type"); an entry of another id is not ours.
    """
    value = answer.get("value", answer)
    entries = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    return next((one for one in entries if str(one.get("id", tenant_id)).casefold() == tenant_id.casefold()), {})


def switch_of(value: object) -> Switch:
    """True is on, false is off, anything else is unknown."""
    if isinstance(value, bool):
        return Switch.ON if value else Switch.OFF
    return Switch.UNKNOWN


def _unknown(why: Text) -> OtherWriters:
    return OtherWriters(why_unknown=why)
