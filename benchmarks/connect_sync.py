"""Predicting what Connect Sync v1 makes of 10,000 Microsoft 365 groups, after both sides have been read; nothing is
asked for. Then the comparison of the prediction with as many groups in AD.

Each group has a name of its own, an address, and twenty of 20,000 synchronized users as members.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.size import Figure
from runbook_lib.connect.arrived import ArrivalState, connect_arrivals
from runbook_lib.connect.predicted import ConnectPrediction, NamingMode
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WizardChoice, writeback_settings
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import CloudGroup, Switch
from runbook_lib.model.directory import DirectoryGroup
from tests.support import builders as b

GROUPS, USERS, MEMBERS = 10_000, 20_000, 20
BOUND = 5.0
"""Seconds."""
_OU = f"OU=Writeback,{b.BASE}"
_SETTINGS = writeback_settings(None, v1=Switch.OFF, v2=Switch.OFF, choice=WizardChoice(_OU, NamingMode.DISPLAY_NAME))


def measure(runs: int) -> list[Figure]:
    """Predict, then compare what arrived; the best of all runs, processor seconds."""
    names = [f"Person {number}" for number in range(USERS)]
    people = [b.synced(name) for name in names]
    groups = [_group(number) for number in range(GROUPS)]
    members = {
        group.display_name: [people[(number * 7 + step) % USERS] for step in range(MEMBERS)]
        for number, group in enumerate(groups)
    }
    directory = b.directory_side([b.ad_user(name) for name in names])
    inventory = b.inventory_of(b.cloud_side(groups, members), directory)
    prediction = predict_writeback(inventory, _SETTINGS)
    present = {
        str(group.id): (_arrived(group, [b.user_dn(one.display_name) for one in members[group.display_name]]),)
        for group in groups
    }
    accounts = {key: one.guid for key, one in inventory.principals.items() if one.guid}

    def compare() -> None:
        seen = connect_arrivals(prediction, present, inventory.index.guid_of_dn, accounts, exported=True)
        if {one.state for one in seen} != {ArrivalState.AS_PREDICTED}:
            raise RuntimeError("groups arrived otherwise than predicted, so something else was measured")

    return [
        Figure("Connect Sync: predict 10,000 groups", _best(runs, lambda: _predict(inventory)), "s", BOUND),
        Figure("Connect Sync: compare them with AD", _best(runs, compare), "s", BOUND),
    ]


def _predict(inventory: Inventory) -> ConnectPrediction:
    made = predict_writeback(inventory, _SETTINGS)
    if len(made.groups) != GROUPS or made.left_out():
        raise RuntimeError("the prediction is not of all groups and members, so something else was measured")
    return made


def _best(runs: int, work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _group(number: int) -> CloudGroup:
    address = f"team{number}@contoso.com"
    return b.cloud_group(f"Team {number}", mail=address, proxy_addresses=(f"SMTP:{address}",))


def _arrived(group: CloudGroup, members: list[str]) -> DirectoryGroup:
    attributes = {
        "adminDescription": (f"Group_{group.id}",),
        "displayName": (group.display_name,),
        "groupType": ("8",),
        "mail": (group.mail or "",),
        "proxyAddresses": group.proxy_addresses,
    }
    return b.ad_group(f"{group.display_name}_{group.id[-12:]}", attributes, members, parent=_OU)
