"""AD beside what v1 makes of the tenant now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook_lib.errors import Refused
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.routes.connect_sync.drift import check_connect_drift
from tests.support import builders as b
from tests.unit.routes_connect_sync.test_plan_enable import sides_of
from tests.unit.routes_connect_sync.test_watch import EVERYTHING


def drift_of(*ad: DirectoryGroup, v1: Switch = Switch.ON) -> list[tuple[str, ...]]:
    """Name, code and what is otherwise, of every line."""
    sides = sides_of(ad=ad, v1=v1, container=b.TARGET_OU)
    table = check_connect_drift(sides.inventory, sides.settings).table
    return [(str(row.display_name), str(row.what), str(row.seen)) for row in table.itertuples()]


def test_a_domain_as_v1_makes_it_has_no_drift() -> None:
    assert drift_of(*EVERYTHING) == []


def test_what_is_missing_edited_or_unknown_is_named() -> None:
    edited = replace(EVERYTHING[0], members=(), attributes={**EVERYTHING[0].attributes, "displayName": ("Uno",)})
    found = drift_of(edited, EVERYTHING[1])
    assert ("One", "attribute", "Its displayName is Uno.") in found
    assert ("Three", "not-there", "No AD object has its anchor yet.") in found
    assert {name for name, _, _ in found} == {"One", "Three"}
    assert [what for name, what, _ in found if name == "One"] == ["attribute", "members-missing"]


def test_an_object_of_a_group_that_is_moved_out_of_the_ou_is_not_there() -> None:
    elsewhere = replace(EVERYTHING[0], dn=EVERYTHING[0].dn.replace(b.TARGET_OU, f"OU=Groups,{b.BASE}"))
    assert ("One", "not-there", "No AD object has its anchor yet.") in drift_of(elsewhere, *EVERYTHING[1:])


def test_where_v1_is_off_nothing_is_called_in_step() -> None:
    with pytest.raises(Refused, match="v1 is off") as caught:
        drift_of(*EVERYTHING, v1=Switch.OFF)
    assert caught.value.code == "connect-v1-off"
