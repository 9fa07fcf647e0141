"""What goes with v1: every object that it wrote, and what of the rest is not certain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runbook_lib.connect.removed import next_cycle_deletes
from runbook_lib.connect.settings import writeback_settings
from runbook_lib.model.cloud import Switch
from runbook_lib.model.predicted import Known, Predicted
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER
from tests.unit.connect.world import AHEAD, STAFF, both_sides, by_connect, collected

ONE, TWO = b.cloud_group("One"), b.cloud_group("Two")
ON = writeback_settings(None, v1=Switch.ON, reported=CONTAINER)


def test_every_object_of_v1_and_no_other(tmp_path: Path) -> None:
    plain = b.ad_group("plain", parent=CONTAINER)
    ad = [by_connect(ONE), by_connect(TWO, parent=STAFF), b.written(b.cloud_group("Ours"), parent=STAFF), plain]
    inventory = both_sides([ONE, TWO], ad=ad)
    found = {one.display_name: one for one in next_cycle_deletes(inventory, ON)}
    assert {name: one.certain for name, one in found.items()} == {
        "One": Known.YES,
        "Two": Known.UNKNOWN,
        "Ours": Known.UNKNOWN,
    }
    assert not found["One"].why
    assert found["Two"].why
    read = writeback_settings(collected(tmp_path))
    seen = {one.display_name: one.why for one in next_cycle_deletes(inventory, read)}
    assert "taken it over" in seen["Ours"]


def test_ours_outside_of_the_filter_stays(tmp_path: Path) -> None:
    ours = b.written(b.cloud_group("Ours"), parent=f"OU=Elsewhere,{b.BASE}")
    assert next_cycle_deletes(both_sides([], ad=[ours]), writeback_settings(collected(tmp_path))) == ()


def test_without_a_container_nothing_is_certain() -> None:
    unknown = replace(AHEAD, container=Predicted(why=ON.naming_why))
    (found,) = next_cycle_deletes(both_sides([ONE], ad=[by_connect(ONE)]), unknown)
    assert found.certain is Known.UNKNOWN


def test_an_object_whose_cloud_group_is_gone_may_be_no_more_of_connects() -> None:
    found = next_cycle_deletes(both_sides([ONE], ad=[by_connect(ONE), by_connect(TWO)]), ON)
    certain = {one.display_name: one.certain for one in found}
    assert certain == {"One": Known.YES, "Two": Known.UNKNOWN}
