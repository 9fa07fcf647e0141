"""AD compared with what group writeback v1 makes of the tenant now, group by group. Pure.

Source: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback": what is edited in AD is
overwritten by a cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runbook_lib.connect.arrived import ArrivalState, ConnectArrival, connect_arrivals
from runbook_lib.connect.predicted import ConnectPrediction
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import is_below
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import t
from runbook_lib.routes.direct.drift import Drift, DriftLine, drift_of
from runbook_lib.routes.direct.preconditions import require_complete
from runbook_lib.routes.predicted_members import accounts_of

_OVERWRITTEN = t("A cycle of Connect Sync overwrites what is otherwise in AD.")


def check_connect_drift(
    inventory: Inventory, settings: WritebackSettings, chosen: Collection[str] | None = None
) -> Drift:
    """Compare every Microsoft 365 group with its AD object.

    Args:
        inventory: Both sides.
        settings: What decides about every group.
        chosen: Ids of the groups that rules of somebody's own choose; None: all are meant.

    Raises:
        Refused: A reading is incomplete, or v1 is off (``connect-v1-off``): nothing is kept written then.
    """
    require_complete(inventory)
    if settings.v1 is Switch.OFF:
        raise Refused(
            t("Group writeback v1 is off, so that nothing is kept written and nothing is compared."),
            code="connect-v1-off",
            hint=t("Switch it on with 30-enable-writeback; or set route to the one that writes the groups."),
        )
    prediction = predict_writeback(inventory, settings, chosen)
    accounts = accounts_of(inventory)
    arrivals = connect_arrivals(
        prediction, _present(inventory, prediction), inventory.index.guid_of_dn, accounts, exported=True
    )
    compared = [one for one in arrivals if one.group is None or one.group.scope.known is Known.YES or one.present]
    lines = [line for one in compared if one.state is not ArrivalState.AS_PREDICTED for line in _lines(one)]
    to_do = t(
        "Let one cycle of Connect Sync run, run the collector, name its file in connect_evidence, and compare again."
    )
    return drift_of(len(compared), lines, to_do=to_do)


def _present(inventory: Inventory, prediction: ConnectPrediction) -> Mapping[str, tuple[DirectoryGroup, ...]]:
    """Cloud group id to the groups with its anchor below v1's OU; anywhere, where that is not known."""
    found: dict[str, tuple[DirectoryGroup, ...]] = {}
    container = prediction.container
    for group in inventory.directory.groups:
        owner = group_id_of_anchor(group.text(ANCHOR_ATTRIBUTE) or "")
        if owner is not None and (not container.known or is_below(group.dn, container.value)):
            found[owner] = (*found.get(owner, ()), group)
    return found


def _lines(one: ConnectArrival) -> list[DriftLine]:
    dn = one.present.dn if one.present else ""
    return [
        (one.group_id, one.display_name, difference.code, "", difference.what, dn, _OVERWRITTEN)
        for difference in one.differences
    ]
