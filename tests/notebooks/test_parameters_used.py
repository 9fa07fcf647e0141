"""Each notebook's parameters cell shows what its steps look at, read from real runs of its own cells."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rehearsal.process import RunningRehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.errors import AwaitingApproval
from runbook_lib.model.outcome import Outcome
from runbook_lib.notebook import Run, reading
from runbook_lib.parameters.cell import USED
from runbook_lib.parameters.document import known_names
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.record.seal import seal
from runbook_lib.routes.registry import ROUTES
from runbook_lib.rules.policy import Policy, policy_of
from tests.support.plain import ROOT

RUNS: tuple[tuple[str, dict[str, str]], ...] = (
    ("00-start-here", {}),
    ("10-detect-exchange", {}),
    ("20-inventory-groups", {}),
    ("30-enable-writeback", {"select_names": '["Sales Team"]'}),
    ("60-undo-change", {"undo_record": "RECORD"}),
    ("30-enable-writeback", {"select_names": '["Sales Team"]'}),
    ("40-disable-writeback", {"disable_names": '["Sales Team"]'}),
    ("50-check-drift", {}),
)
"""What is run, in this order; RECORD is the record of the enabling run before."""
NAMES = frozenset(known_names())
POLICY = {
    "security": ("group_type",),
    "group_type": (),
    "delete": ("disable_by",),
    "naming": ("rdn_style", "sam_account_name_pattern"),
    "connect_v1": ("attest_connect_v1_off_by", "attest_connect_v1_off_until"),
    "limits": tuple(name for name in known_names() if name.startswith("max_")),
}
"""What the policy calls otherwise than the parameters that it is made from."""
OPENING = {
    *("change_id", "reason", "records_dir", "records_access", "csv_delimiter"),
    *("client_secret_from", "certificate_password_from", "bind_password_from"),
}
"""What opening a run uses, whichever it is; the steps are looked at from there on."""
OF_FILES = {"select_file", "select_column", "disable_file", "disable_column"}
"""What opening a run uses too, where it has a selection: their groups join the selection before any step."""
OF_THE_RECORD = {"signing_key", "time_stamp_url", "time_stamp_ca_file", "notify", "records_url"}
"""What gwb run uses after the notebook: who is told, the record's seal."""
OF_THE_GATE = {"requested_by"}
"""What the gate looks at; where a notebook has none, the record's page alone uses it, after the notebook."""
AUTHORITY = {"cloud_sync_with_nested", "cloud_sync_group_dn_property"}
"""Of a change of the source of authority, which is one of the route cloud-sync."""
LEAVING = {"access_ous", "share_permissions"}
"""Of groups that go with group writeback v1."""
IN_OTHER_CASES = {
    # With bind_method kerberos, with sign_in device-code, with a file of evidence where Graph does not say.
    "all": {"kerberos_keytab", "sign_in_cache", "connect_evidence", "connect_evidence_hours"},
    "10-detect-exchange": {"cloud_sync_create", "cloud_sync_disable"},  # the other route
    "30-enable-writeback": {
        *("allow_dynamic_security", "allow_role_assignable", "allow_hidden_membership"),
        *(name for name in known_names() if name.startswith("cloud_sync_") and name != "cloud_sync_disable"),
        *("connect_wait", "connect_new_groups"),
    },
    "40-disable-writeback": {
        "cloud_sync_on_premises_users",
        "cloud_sync_wait",
        "cloud_sync_disable",
        *("connect_wait", "connect_new_groups", *LEAVING),
        *AUTHORITY,
    },
    "60-undo-change": {"cloud_sync_on_premises_users", "cloud_sync_wait", "connect_wait", *LEAVING, *AUTHORITY},
    "50-check-drift": {
        *("allow_dynamic_security", "allow_role_assignable", "allow_hidden_membership", "cloud_sync_on_premises_users"),
    },
}
"""What these runs have no reason to look at: the rehearsal signs in otherwise, the one group is an ordinary one, and
the route is direct (``tests/notebooks/test_cloud_sync.py`` and ``test_connect_sync.py`` run the others)."""
WITHOUT_EFFECT = {
    "50-check-drift": {"disable_ids", "disable_names", *POLICY["limits"]},  # drift puts its own in their place
    "60-undo-change": {"disable_ids", "disable_names"},  # only a rule of enabling asks who is to be disabled
}


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The names of the parameters that are read while this is open; making the policy of all of them is no use."""
    seen: set[str] = set()
    making: list[bool] = []
    of_parameters, of_policy = Parameters.__getattribute__, Policy.__getattribute__

    def read_parameter(self: Parameters, name: str) -> Any:
        if not making and name in NAMES:
            seen.add(name)
        return of_parameters(self, name)

    def read_policy(self: Policy, name: str) -> Any:
        if sys._getframe(1).f_globals["__name__"] != "dataclasses":
            seen.update(POLICY.get(name, {name} & NAMES))
        return of_policy(self, name)

    def make_policy(*given: Any) -> Policy:
        making.append(True)
        try:
            return policy_of(*given)
        finally:
            making.pop()

    with monkeypatch.context() as patched:
        patched.setattr(Parameters, "__getattribute__", read_parameter)
        patched.setattr(Policy, "__getattribute__", read_policy)
        patched.setattr(reading, "policy_of", make_policy)
        yield seen


def carried_out(notebook: str, names: dict[str, object], opened: Callable[[], None]) -> Run:
    """Run the code cells of a notebook; a closed gate is approved and run again."""
    content = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] != "code" or "parameters" in cell["metadata"].get("tags", ()):
            continue
        source = "".join(cell["source"])
        try:
            exec(source, names)  # noqa: S102 - our own notebook
        except AwaitingApproval:
            record = names["run"].record.folder.path  # type: ignore[attr-defined]
            phrase = planned(record, ROUTES).phrase
            approve_plan(
                record, ROUTES, approver="T", phrase=phrase, valid=timedelta(hours=1), clock=lambda: datetime.now(UTC)
            )
            exec(source, names)  # noqa: S102 - our own notebook
        if "open_run" in source:
            opened()
    run = names["run"]
    assert isinstance(run, Run)
    return run


def test_each_notebook_shows_what_its_steps_look_at(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Path()
    for number, (notebook, given) in enumerate(RUNS):
        told = {"records_dir": str(tmp_path), "change_id": f"CHG-{number}", **given}
        if "undo_record" in told:
            told["undo_record"] = str(record)
        files = [fresh_rehearsal.parameters_file]
        names = dict(load_parameters(files, told, project_root=ROOT).given)
        with recorded(monkeypatch) as seen:
            run = carried_out(notebook, names, seen.clear)
            looked_at = seen - WITHOUT_EFFECT.get(notebook, set()) - OPENING
        assert run.record.outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO), notebook
        gate = "require_approval" in (ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
        shown = USED[notebook] - OPENING - OF_FILES - OF_THE_RECORD - (set() if gate else OF_THE_GATE)
        assert looked_at <= shown, (notebook, looked_at - shown)
        others = IN_OTHER_CASES["all"] | IN_OTHER_CASES.get(notebook, set())
        assert shown <= looked_at | others, (notebook, shown - looked_at - others)
        assert USED[notebook] >= OPENING
        if notebook == "30-enable-writeback":
            record = run.record.folder.path
            seal(run.record.folder, None, clock=lambda: datetime.now(UTC))
