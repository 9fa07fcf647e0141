"""Whether a single Microsoft 365 group is to be written back: its writebackConfiguration, which counts under V2 alone.

Source: Microsoft Graph documentation (beta), "groupWritebackConfiguration resource type" and "Update group": v1.0 knows
no such property. ``isEnabled`` is true, false or null; null was never set, and means what the tenant's default says.
"""

from __future__ import annotations

from typing import Literal

from runbook_lib.graph.rows import flag_of, object_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writing import GraphWrite
from runbook_lib.model.ids import GroupId

WRITEBACK_VERSION: Literal["beta"] = "beta"
"""Version of Graph that knows the property."""
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
