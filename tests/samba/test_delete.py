"""Deleting and bringing back on a real DC without a Recycle Bin, through the commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.deleted import read_deleted, read_lifetime, read_recycle_bin
from runbook_lib.model.cloud import Switch
from runbook_lib.model.outcome import Outcome
from tests.samba.cloud import GROUPS, SambaCloud
from tests.samba.lab import DOMAIN, SambaLab
from tests.samba.operator import BOOKKEEPING, Operator, content, outside
from tests.samba.test_kill import empty

NAMES_ON_RETURN = frozenset({"lastKnownParent", "msDS-LastKnownRDN"})
"""What a DC leaves on an object that was deleted once."""

SET_ON_RETURN = {"adminCount", "operatorCount"}
"""What Samba sets to 0 on a group that comes back (MS-SAMR 3.1.1.8)."""


@pytest.fixture
def operator(write_parameters: Callable[..., Path], samba_cloud: SambaCloud, tmp_path: Path) -> Operator:
    return Operator(write_parameters, samba_cloud, tmp_path / "records")


def groups_in(samba: SambaLab, unit: str) -> dict[str, dict[str, tuple[bytes, ...]]]:
    found = content(samba, unit, but=BOOKKEEPING | NAMES_ON_RETURN)
    return {guid: dict(values) for guid, values in found.items() if b"group" in values["objectClass"]}


def differences(
    found: Mapping[str, Mapping[str, tuple[bytes, ...]]], wanted: Mapping[str, Mapping[str, tuple[bytes, ...]]]
) -> set[str]:
    """Names of everything in which two readings differ."""
    assert found.keys() == wanted.keys()
    return {
        name
        for guid, values in wanted.items()
        for name in {*values, *found[guid]}
        if values.get(name) != found[guid].get(name)
    }


def test_what_the_forest_says_about_deleted_objects(directory: Directory, samba: SambaLab) -> None:
    assert read_recycle_bin(directory) is Switch.OFF
    days, source = read_lifetime(directory, Switch.OFF)
    assert (days, source) in ((180, "tombstoneLifetime"), (60, "default"))
    found, gap = read_deleted(directory, [samba.target_ou])
    assert (found.listable is Switch.OFF) == bool(gap)


def test_delete_and_undo(operator: Operator, samba: SambaLab) -> None:
    empty(samba)
    before = outside(samba)
    administrator = {
        "bind_user": samba.administrator,
        "bind_password_file": samba.administrator_password_file,
    }
    operator.through_the_gate("30-enable-writeback", "NEW")
    enabled = groups_in(samba, samba.target_ou)
    assert len(enabled) == len(GROUPS)

    deleted = operator.through_the_gate("40-disable-writeback", "DELETE", disable_by="delete")
    assert groups_in(samba, samba.target_ou) == {}
    plan = json.loads((deleted / "plan.json").read_text(encoding="utf-8"))
    assert plan["phrase"] == f"DELETE {len(GROUPS)} GROUPS IN {DOMAIN}"
    assert {change["deletion"]["recycle_bin"] for change in plan["changes"]} == {"off"}

    operator.through_the_gate("60-undo-change", "BACK", undo_record=str(deleted), **administrator)
    back = groups_in(samba, samba.target_ou)
    assert differences(back, enabled) == SET_ON_RETURN
    assert {back[guid][name] for guid in back for name in SET_ON_RETURN} == {(b"0",)}
    assert outside(samba) == before
    assert operator.run("30-enable-writeback", "NEW") in (Outcome.NOTHING_TO_DO.exit_code, 3)
    empty(samba)


def test_an_account_that_may_not_list_deleted_objects_is_refused_before_anything_is_written(
    operator: Operator, samba: SambaLab
) -> None:
    empty(samba)
    operator.through_the_gate("30-enable-writeback", "NEW")
    deleted = operator.through_the_gate("40-disable-writeback", "DELETE", disable_by="delete")
    assert operator.run("60-undo-change", "BACK", undo_record=str(deleted)) == Outcome.REFUSED.exit_code
    plan = json.loads((operator.record("BACK") / "plan.json").read_text(encoding="utf-8"))
    assert {refusal["rule"] for refusal in plan["refusals"]} == {"undelete-hidden"}
    assert groups_in(samba, samba.target_ou) == {}
