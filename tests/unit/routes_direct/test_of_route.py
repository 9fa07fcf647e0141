"""Plans, changes and targets get the types of a route only where they are of that route."""

from __future__ import annotations

import pytest

from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import NO_GROUP, as_object_guid
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from runbook_lib.routes.connect_sync.actions import RunCycle
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES, ConnectSyncPayload
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget
from runbook_lib.routes.direct.payload import DIRECT_TYPES, DirectPayload
from runbook_lib.routes.direct.target import DirectTarget

GUID = as_object_guid("11111111-2222-3333-4444-555555555555")
CYCLE = Change(ChangeKind.RUN_CYCLE, NO_GROUP, "", ConnectSyncPayload(GUID, "OU=x", "", RunCycle()))
UPDATE = Change(ChangeKind.UPDATE, NO_GROUP, "", DirectPayload("CN=x", GUID))
OU = ConnectSyncTarget("tenant", "domain", "example.test", GUID, "OU=x")
TWO_OUS = DirectTarget("tenant", "domain", "example.test", "OU=x", GUID, "OU=y", GUID)


def test_what_is_of_the_route_passes_as_it_is() -> None:
    plan = Plan(Operation.ENABLE, OU, (CYCLE,))
    assert CONNECT_SYNC_TYPES.change(CYCLE) is CYCLE
    assert CONNECT_SYNC_TYPES.changes([CYCLE]) == (CYCLE,)
    assert CONNECT_SYNC_TYPES.target(OU) is OU
    assert CONNECT_SYNC_TYPES.plan(plan) is plan


def test_what_is_of_another_route_is_a_defect() -> None:
    with pytest.raises(TypeError, match="ConnectSyncPayload: a change of the route direct"):
        CONNECT_SYNC_TYPES.changes([CYCLE, UPDATE])
    with pytest.raises(TypeError, match="CloudSyncPayload"):
        CLOUD_SYNC_TYPES.change(CYCLE)
    with pytest.raises(TypeError, match="not a DirectTarget: ConnectSyncTarget"):
        DIRECT_TYPES.target(OU)


@pytest.mark.parametrize(("target", "change"), [(TWO_OUS, CYCLE), (OU, UPDATE)])
def test_a_plan_is_of_a_route_with_its_target_and_all_its_changes(
    target: DirectTarget | ConnectSyncTarget, change: Change
) -> None:
    with pytest.raises(TypeError):
        CONNECT_SYNC_TYPES.plan(Plan(Operation.ENABLE, target, (CYCLE, change)))
