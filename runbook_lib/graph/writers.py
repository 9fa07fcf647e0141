"""Whether Microsoft's own writers are switched on, as far as the tenant tells."""

from __future__ import annotations

from runbook_lib.errors import NoAccess
from runbook_lib.graph.errors import GraphNotFound, GraphRejected
from runbook_lib.graph.rows import Row
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import OtherWriters, Switch, Tenant

SYNCHRONIZATION = "/directory/onPremisesSynchronization"


def read_other_writers(client: GraphClient, tenant: Tenant) -> OtherWriters:
    """Read the synchronization features; whatever cannot be read is unknown, never off.

    Microsoft Graph documents the resource for delegated sign-in only ("Get onPremisesDirectorySynchronization"), so
    an app normally gets 403. It is documented as a collection and has been seen as a single object. HTTP 404 is how a
    tenant without Connect has been seen to answer: it counts as off only where the tenant itself says that it is not
    synchronized.
    """
    try:
        answer = client.get(SYNCHRONIZATION, {"$select": "id,features"})
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        return _unknown("Graph does not let an app read the synchronization features (HTTP 403)")
    except GraphNotFound:
        if not_configured(tenant):
            return OtherWriters(Switch.OFF, Switch.OFF)
        return _unknown("Graph has no synchronization features for this tenant (HTTP 404)")
    except GraphRejected as error:
        return _unknown(f"Graph does not answer for the synchronization features (HTTP {error.values.get('status')})")
    features = single(answer, tenant.id).get("features")
    if not isinstance(features, dict):
        return _unknown("Graph's answer holds no synchronization features")
    v1 = switch_of(features.get("unifiedGroupWritebackEnabled"))
    v2 = switch_of(features.get("groupWriteBackEnabled"))
    unread = [name for name, switch in (("v1", v1), ("v2", v2)) if switch is Switch.UNKNOWN]
    why = f"Graph's answer does not say whether group writeback {' and '.join(unread)} is on" if unread else ""
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


def _unknown(why: str) -> OtherWriters:
    return OtherWriters(why_unknown=why)
