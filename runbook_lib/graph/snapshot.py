"""The whole cloud side, read once: tenant, groups, members, users, whether Microsoft's own writers are on.

What proves that nothing is missing comes with it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from runbook_lib.errors import NoAccess, Refused
from runbook_lib.graph.errors import GraphNotFound, GraphRejected, unexpected
from runbook_lib.graph.everybody import MOST_LOOKUPS, everybody, unlisted_users
from runbook_lib.graph.gone_groups import settle_members
from runbook_lib.graph.groups import with_sync_behavior
from runbook_lib.graph.links import MembersReading, reading_threads
from runbook_lib.graph.rows import (
    GROUP_PROPERTIES,
    TENANT_PROPERTIES,
    USER_PROPERTIES,
    Row,
    group_of,
    tenant_of,
    user_of,
)
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.whole_lists import read_collection
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, CloudSnapshot, OtherWriters, Switch, Tenant
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import Progress, Text, t, verbatim
from runbook_lib.model.untrusted import printable

DELETED_GROUPS = "/directory/deletedItems/microsoft.graph.group"


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
        listed = pool.submit(read_users, client, None)
        reading = MembersReading(client, pool)
        groups, groups_proof = read_collection(
            client, t("groups"), "/groups", GROUP_PROPERTIES, group_of, progress, reading.begin
        )
        groups, authority_gap = with_sync_behavior(client, groups)
        deleted, deleted_proof = read_deleted_groups(client)
        groups, members, deleted_meanwhile = settle_members(client, pool, groups, reading.finish(groups, progress))
        users, users_proof = listed.result()
    if len(unlisted_users(groups, users, members.principals)) > MOST_LOOKUPS:
        users, users_proof = read_users(client, progress)
    elif progress is not None:
        progress(t("users"), len(users), len(users))
    principals, unlisted_gaps, unlisted_complete = everybody(client, groups, users, members.principals)
    return CloudSnapshot(
        tenant=tenant,
        groups=groups,
        deleted_groups=deleted,
        members=members.ids,
        principals=principals,
        writers=writers,
        reading=Reading(
            source=source_of(client, tenant),
            at=started,
            complete=members.complete and unlisted_complete,
            proof=(
                tenant_proof(tenant),
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


def source_of(client: GraphClient, tenant: Tenant) -> str:
    """Graph's host and the tenant, as provenance names them."""
    return f"{client.host}, tenant {printable(tenant.display_name)} ({tenant.id})"


def tenant_proof(tenant: Tenant) -> Text:
    """That the token belongs to the tenant of the parameters, as ``read_tenant`` found."""
    return t("The token belongs to tenant {tenant}, the one that the parameters name", tenant=tenant.id)


def read_deleted_groups(client: GraphClient) -> tuple[tuple[CloudGroup, ...], Text]:
    """Every soft-deleted group, and what proves that."""
    return read_collection(client, t("deleted groups"), DELETED_GROUPS, GROUP_PROPERTIES, group_of, None)


def read_users(client: GraphClient, progress: Progress | None) -> tuple[tuple[CloudPrincipal, ...], Text]:
    """Every user, and what proves that."""
    return read_collection(client, t("users"), "/users", USER_PROPERTIES, user_of, progress)


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
