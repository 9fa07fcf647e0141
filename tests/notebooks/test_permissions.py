"""docs/permissions.md against what each notebook really asks of Microsoft Graph: enough, and nothing to spare."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from rehearsal.process import RunningRehearsal
from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.connect import open_graph
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from tests.docs.markdown import ROOT, section, table_rows
from tests.notebooks.journey import change, latest_record, plan_and_approve, sealed_record
from tests.notebooks.structure import NOTEBOOKS
from tests.support.plain import chosen, run_plain

PAGE = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
CALLS = {
    row[0]: [re.sub(r" \((v1.0 and )?beta\)$", "", call) for call in row[1].split(", ")]
    for row in table_rows(section(PAGE, "## Microsoft Graph (application permissions)"))
}
ROWS = {row[0]: row[1:] for row in table_rows(section(PAGE, "## Per notebook"))}
NOBODY = "none"
"""Row of calls that no application permission opens, and that every notebook may try."""
GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
OPTIONAL = "Member.Read.Hidden"
TRIED = "Group-OnPremisesSyncBehavior.ReadWrite.All"
"""Of no notebook's row: its call is tried, and what is refused is unknown."""
CASES = [(notebook, permission) for notebook in NOTEBOOKS for permission in ROWS[notebook][0].split(", ")]


def now() -> datetime:
    return datetime.now(UTC)


def permissions_of(notebook: str) -> list[str]:
    """Graph permissions of a notebook's row; empty for none."""
    return [name for name in ROWS[notebook][0].split(", ") if name != NOBODY]


def covered(path: str, permissions: list[str]) -> bool:
    """Whether a request's path is one that a permission of the row, or nobody's, stands for."""
    plain = re.sub(GUID, "{id}", path.partition("?")[0]).removeprefix("/v1.0")
    plain = re.sub(r"(?<=/jobs/)[^/]+", "{job}", plain)
    if NOBODY in permissions or plain.removeprefix("/beta") in CALLS[NOBODY]:
        plain = plain.removeprefix("/beta")
    return any(plain in CALLS[name] for name in (*permissions, NOBODY, TRIED))


def written_before(world: RunningRehearsal, records: Path) -> str:
    """Write the group in a change of its own; its sealed record."""
    notebook = "30-enable-writeback"
    given = {"records_dir": str(records), "change_id": "CHG-BEFORE", **chosen(notebook, ["Sales Team"])}
    change(world, notebook, given)
    return str(sealed_record(records / "CHG-BEFORE"))


@pytest.fixture(scope="module")
def record(shared_rehearsal: RunningRehearsal, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sealed record of a change; what it wrote is gone with the next reset."""
    shared_rehearsal.control.reset()
    return written_before(shared_rehearsal, tmp_path_factory.mktemp("before"))


def prepare(world: RunningRehearsal, notebook: str, records: Path) -> dict[str, str]:
    """What a notebook needs: groups that were written before, and for an undo, the record that wrote them."""
    given = {"records_dir": str(records), "change_id": "CHG-P", **chosen(notebook, ["Sales Team"])}
    if notebook[:2] in ("40", "50", "60"):
        before = written_before(world, records)
        given |= {"undo_record": before} if notebook.startswith("60") else {}
    if notebook[:2] in ("30", "40", "60"):
        plan_and_approve(world, notebook, given)
    return given


def test_covered_can_say_no() -> None:
    assert covered("/v1.0/groups?$top=999", ["Group.Read.All"])
    assert not covered("/v1.0/users", ["Group.Read.All"])
    assert not covered("/v1.0/groups/0d3a8d7f-0000-4000-8000-0123456789ab/drives", ["Group.Read.All"])


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_permissions_of_a_row_are_enough_and_cover_every_call(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path, notebook: str
) -> None:
    given = prepare(fresh_rehearsal, notebook, tmp_path)
    earlier = len(fresh_rehearsal.control.requests())
    wrote = fresh_rehearsal.control.writes()["count"]
    fresh_rehearsal.control.settings(roles=permissions_of(notebook))
    run = run_plain(notebook, fresh_rehearsal.parameters_file, given)
    assert run.record.outcome is not None
    assert run.record.outcome.good
    requests = fresh_rehearsal.control.requests()[earlier:]
    assert bool(requests) == bool(permissions_of(notebook))
    # A batch is a POST that writes nothing by itself; what it asks for stands beside it, part by part.
    requests = [request for request in requests if request[:2] != ["POST", "/v1.0/$batch"]]
    assert {str(method) for method, *_ in requests} <= {"GET"}
    assert [path for _, path, *_ in requests if not covered(str(path), permissions_of(notebook))] == []
    assert (fresh_rehearsal.control.writes()["count"] != wrote) == ROWS[notebook][1].startswith("write")


PRE_FLIGHT = "10-detect-exchange"
"""Works with less: what it may not read is unknown."""


@pytest.mark.parametrize(
    ("notebook", "missing"), [case for case in CASES if case[1] != NOBODY and case[0] != PRE_FLIGHT]
)
def test_without_one_permission_of_its_row_a_notebook_ends_with_no_access(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path, record: str, notebook: str, missing: str
) -> None:
    given = {"records_dir": str(tmp_path), "change_id": "CHG-P", **chosen(notebook, ["Sales Team"])}
    if notebook.startswith("60"):  # asks for the record before it asks for anything else
        given["undo_record"] = record
    wrote = fresh_rehearsal.control.writes()["count"]
    fresh_rehearsal.control.settings(roles=[name for name in permissions_of(notebook) if name != missing])
    with pytest.raises(NoAccess) as caught:
        run_plain(notebook, fresh_rehearsal.parameters_file, given)
    assert caught.value.code == "graph-forbidden"
    assert caught.value.outcome.exit_code == 8
    assert fresh_rehearsal.control.writes()["count"] == wrote


PEOPLE_ONLY = {"tenant.features", "tenant.containers", "tenant.connect", "tenant.agents"}
OF_GROUPS = {"groups", "address_holders", "names"}
OF_CONFIGURATIONS = {"cloud_sync_groups", "cloud_sync_notifications"}
WITHOUT = {
    "Organization.Read.All": {"tenant", "groups_from_ad", "security_groups", *OF_CONFIGURATIONS, *OF_GROUPS},
    "Group.Read.All": PEOPLE_ONLY | {"cloud_sync_groups", "groups_from_ad", "security_groups"} | OF_GROUPS,
    "Domain.Read.All": PEOPLE_ONLY | {"tenant.domains"},
    "GroupSettings.Read.All": PEOPLE_ONLY | {"tenant.new_groups"},
    "Application.Read.All": PEOPLE_ONLY | {"tenant.cloud_sync"} | OF_CONFIGURATIONS,
    "Synchronization.Read.All": PEOPLE_ONLY | {"tenant.cloud_sync"} | OF_CONFIGURATIONS,
}
"""What the pre-flight cannot read without a permission of its row."""


@pytest.mark.parametrize("missing", permissions_of(PRE_FLIGHT))
def test_the_pre_flight_says_what_it_may_not_read(fresh_rehearsal: RunningRehearsal, missing: str) -> None:
    fresh_rehearsal.control.settings(roles=[name for name in permissions_of(PRE_FLIGHT) if name != missing])
    parameters = Parameters.model_validate(yaml.safe_load(fresh_rehearsal.parameters_file.read_text(encoding="utf-8")))
    with (
        open_graph(parameters, environment={}, clock=now, sleep=lambda _: None) as graph,
        open_directory(parameters, environment={}, clock=now) as directory,
    ):
        evidence = read_evidence(parameters, Reach(directory=lambda: directory, graph=lambda: graph), clock=now)
    assert {part.part for part in evidence.all_unreadable} == WITHOUT[missing]


def test_hidden_membership_needs_its_own_permission(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    """Without it Graph shows such a group without members, and the runbook must not believe that."""
    assert OPTIONAL in CALLS
    given = {
        "records_dir": str(tmp_path),
        "change_id": "CHG-H",
        "select_names": '["Works Council"]',
        "allow_hidden_membership": "true",
    }
    notebook = "30-enable-writeback"
    fresh_rehearsal.control.settings(roles=[*permissions_of(notebook), OPTIONAL])
    with pytest.raises(RunbookError):
        run_plain(notebook, fresh_rehearsal.parameters_file, given)
    plan = json.loads((latest_record(tmp_path / "CHG-H") / "plan.json").read_text(encoding="utf-8"))
    assert plan["counts"]["members-added"] > 0
