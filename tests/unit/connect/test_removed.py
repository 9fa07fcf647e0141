"""What goes with v1, and whether that went and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.connect.removed import Removal, next_cycle_deletes, removal_seen
from runbook_lib.connect.settings import writeback_settings
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
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


@given(st.lists(st.tuples(st.sampled_from([None, *Known]), st.booleans()), max_size=8))
def test_each_group_ends_in_one_place(objects: list[tuple[Known | None, bool]]) -> None:
    before = [b.ad_group(f"group {number}") for number in range(len(objects))]
    removals = [
        Removal(b.cloud_group("any").id, "any", one, known)
        for one, (known, _) in zip(before, objects, strict=True)
        if known is not None
    ]
    there: dict[str, DirectoryGroup] = {one.guid: one for one, (_, stays) in zip(before, objects, strict=True) if stays}
    seen = removal_seen(removals, before, there)
    assert sorted(one.present.guid for one in (*seen.gone, *seen.waiting, *seen.stayed)) == sorted(
        one.present.guid for one in removals
    )
    assert {one.guid for one in seen.lost} == {
        one.guid for one, (known, stays) in zip(before, objects, strict=True) if known is None and not stays
    }
    certain_left = any(known is Known.YES and stays for known, stays in objects)
    assert seen.done is (not certain_left and not seen.lost)
