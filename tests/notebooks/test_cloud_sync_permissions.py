"""docs/permissions.md, the route cloud-sync: each notebook with exactly its row, and without each permission of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook.run import Run
from runbook_lib.preflight.tenant_facts import Permission, cloud_sync_permissions, needed_permissions
from tests.notebooks.journey import SMALL, plan_and_approve, sealed_record
from tests.support.cloud_sync import Administrator
from tests.support.plain import run_plain

ENABLE, DISABLE, UNDO = "30-enable-writeback", "40-disable-writeback", "60-undo-change"
ROUTE = {"route": "cloud-sync", "group_type": "", "target_ou": names.CLOUD_SYNC_OU, "cloud_sync_wait": "0"}
GIVEN: Mapping[str, Mapping[str, str]] = {
    ENABLE: {**ROUTE, "select_names": '["VPN Users"]', "select_kinds": '["security"]'},
    DISABLE: {**ROUTE, "disable_names": '["Data Analysts"]'},
    UNDO: ROUTE,
}
HINTS = {"Synchronization.ReadWrite.All": ("Synchronization.Read.All", "Synchronization.ReadWrite.All")}
"""What a refusal may name where it is about reading what the same permission writes too."""


def row_of(notebook: str, when: str = "cloud_sync_disable=scope") -> list[Permission]:
    """Its permissions, with the parameters as they are by default, or as ``when`` says."""
    mine = [*needed_permissions(), *(one for one in cloud_sync_permissions() if one.when in ("", when))]
    return [one for one in mine if notebook in one.notebooks]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRehearsal]:
    with start_rehearsal(tmp_path_factory.mktemp("permissions") / "world", SMALL) as running:
        yield running


def roles(notebook: str, *, but: str = "") -> list[str]:
    return [one.name for one in row_of(notebook) if one.name != but]


def run(world: RunningRehearsal, notebook: str, given: Mapping[str, str]) -> Run:
    """Run it; every rehearsal has the same tenant and domain, which are what a run locks on this machine."""
    while True:
        try:
            return run_plain(notebook, world.parameters_file, given)
        except Refused as error:
            if error.code != "locked":
                raise
            time.sleep(0.5)


def prepared(world: RunningRehearsal, notebook: str, records: Path) -> dict[str, str]:
    """A fresh world with an approved plan of this notebook."""
    world.control.reset()
    world.control.settings(roles=roles(notebook))
    given = {"records_dir": str(records), "change_id": "CHG-P", **GIVEN[notebook]}
    if notebook == UNDO:
        before = {"records_dir": str(records), "change_id": "CHG-B", **GIVEN[DISABLE]}
        world.control.settings(roles=roles(DISABLE))
        plan_and_approve(world, DISABLE, before)
        run(world, DISABLE, before)
        given["undo_record"] = str(sealed_record(records / "CHG-B"))
        world.control.settings(roles=roles(notebook))
    plan_and_approve(world, notebook, given)
    return given


@pytest.mark.parametrize("notebook", GIVEN)
def test_a_row_is_enough_and_without_one_of_it_a_notebook_ends_with_no_access_and_names_it(
    world: RunningRehearsal, tmp_path: Path, notebook: str
) -> None:
    given = prepared(world, notebook, tmp_path)
    for missing in roles(notebook):
        world.control.settings(roles=roles(notebook, but=missing))
        with pytest.raises(RunbookError) as caught:
            run(world, notebook, given)
        error = caught.value
        assert error.outcome is Outcome.NO_ACCESS, (missing, error)
        assert error.code == "graph-forbidden"
        assert any(name in str(error.hint) for name in HINTS.get(missing, (missing,))), (missing, error.hint)
    world.control.settings(roles=roles(notebook))
    assert run(world, notebook, given).record.outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF)


MAKING, REMOVING = "cloud_sync_create=true", "cloud_sync_disable=remove"
WITH: Mapping[str, tuple[str, Mapping[str, str]]] = {
    MAKING: (ENABLE, {**GIVEN[ENABLE], "cloud_sync_create": "true", "protected_ous": f'["{names.CONNECT_OU}"]'}),
    REMOVING: (DISABLE, {**ROUTE, "cloud_sync_disable": "remove"}),
}


def test_what_makes_a_configuration_and_removes_it_is_enough_and_each_of_it_is_needed(
    world: RunningRehearsal, tmp_path: Path
) -> None:
    world.control.reset()
    graph = Administrator(world)
    try:
        rows = graph.send("GET", "applications?$top=999&$select=id,displayName,applicationTemplateId")["value"]
        (there,) = [
            one["id"] for one in rows if one["displayName"] == names.DOMAIN and one["applicationTemplateId"] == TO_AD
        ]
        graph.send("DELETE", f"applications/{there}")
    finally:
        graph.close()
    for when, (notebook, told) in WITH.items():
        permissions = row_of(notebook, when)
        row = [one.name for one in permissions]
        given = {"records_dir": str(tmp_path), "change_id": f"CHG-{notebook[:2]}", **told}
        world.control.settings(roles=row)
        plan_and_approve(world, notebook, given)
        # An app may write to the job of a configuration that it owns: one permission of the row covers another.
        needed = [one.name for one in permissions if one.higher.isdisjoint(row)]
        # What is missed in the middle comes last: what is made by then is not made again.
        for missing in sorted(needed, key=lambda name: name == "AppRoleAssignment.ReadWrite.All"):
            world.control.settings(roles=[one for one in row if one != missing])
            with pytest.raises(RunbookError) as caught:
                run(world, notebook, given)
            error = caught.value
            # What is made is made one after the other; what is removed is refused before anything.
            allowed = (Outcome.NO_ACCESS, Outcome.PARTIAL) if when == MAKING else (Outcome.NO_ACCESS,)
            assert error.outcome in allowed, (missing, error)
            assert any(name in str(error.hint) for name in HINTS.get(missing, (missing,))), (missing, error.hint)
        world.control.settings(roles=row)
        assert run(world, notebook, given).record.outcome in (Outcome.DONE, Outcome.AWAITING_HANDOFF), when
