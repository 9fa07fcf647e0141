"""Group writeback v1 from the prediction to groups in AD and away again; the same on both directories."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.connect.arrived import ArrivalState, connect_arrivals
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.removed import next_cycle_deletes
from runbook_lib.connect.settings import WizardChoice, writeback_settings
from runbook_lib.directory.below import GroupsBelow
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.graph.connect import open_graph
from runbook_lib.graph.groups import probe_groups
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.inventory.build import Inventory, build_inventory, group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.inventory.naming import Naming
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.predicted import Known
from runbook_lib.parameters.load import load_parameters


def _now() -> datetime:
    return datetime.now(UTC)


def both_sides(running: RunningRehearsal) -> Inventory:
    """Tenant and domain as the product reads them."""
    told = load_parameters([running.parameters_file], {}, project_root=running.folder.path).parameters
    with (
        open_directory(told, environment={}, clock=_now) as directory,
        open_graph(told, environment={}, clock=_now, sleep=time.sleep) as client,
    ):
        ad = read_directory(directory, told.target_ou, told.retired_ou, clock=_now)
        cloud = read_cloud(client, told.tenant_id, clock=_now)
        index = index_directory(ad)
        presence = probe_groups(client, group_ids_to_probe(cloud, index))
    return build_inventory(cloud, ad, presence, index=index, naming=Naming(), connect_v1=Switch.UNKNOWN)


def below(running: RunningRehearsal, container: str) -> Mapping[str, tuple[DirectoryGroup, ...]]:
    """Groups with an anchor below a container, as the waiting product reads them."""
    told = load_parameters([running.parameters_file], {}, project_root=running.folder.path).parameters
    with open_directory(told, environment={}, clock=_now) as directory:
        return GroupsBelow(directory, container).look()


def enable_and_disable(running: RunningRehearsal) -> None:
    """Predict, switch v1 on, run a cycle and compare; then the same for what goes with it."""
    server, container = running.control.connect_sync, names.CONNECT_OU
    before = both_sides(running)
    choice = WizardChoice(container, NamingMode.DISPLAY_NAME)
    prediction = predict_writeback(before, writeback_settings(None, v1=Switch.OFF, v2=Switch.OFF, choice=choice))
    assert len(prediction.groups) > 10
    server("enable", container=container, display_names=True)
    assert server("cycle")["refused"] == []
    after = both_sides(running)
    accounts = {key: one.guid for key, one in before.principals.items() if one.guid}
    seen = connect_arrivals(prediction, below(running, container), after.index.guid_of_dn, accounts, exported=True)
    surely = [one for one in seen if one.group is None or one.group.scope.known is Known.YES]
    odd = {one.display_name: one.differences for one in surely if one.state is not ArrivalState.AS_PREDICTED}
    assert odd == {}, odd
    assert server("cycle")["counters"] == dict.fromkeys(
        ("ExportAdd", "ExportUpdate", "ExportRename", "ExportDelete", "ExportFailure"), 0
    )

    removals = next_cycle_deletes(after, writeback_settings(None, v1=Switch.ON, reported=container))
    server("disable")
    server("cycle")
    gone = both_sides(running)
    went = {group.guid for group in after.directory.groups} - {group.guid for group in gone.directory.groups}
    assert went <= {one.present.guid for one in removals}, "nothing else went"
    deleted = {one.group_id for one in removals if one.present.guid in went}
    assert deleted >= {one.group_id for one in seen if one.group is not None}
