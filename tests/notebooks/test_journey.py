"""Every group of Contoso, hostile names and all, through papermill: written, idempotent, no secret anywhere."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal, start_rehearsal
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.model.outcome import Outcome
from runbook_lib.parameters.load import load_parameters
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.index import build_index
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.direct.mail_contacts import MOST_CONTACTS
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.run import RunResult, run_notebook
from tests.notebooks.journey import Objects, other_objects, written_objects
from tests.support.plain import ROOT
from tests.unit.record.markup import parsed

EVERYTHING = {
    "select_names": '["*"]',
    "select_kinds": '["microsoft-365", "security"]',
    "max_creates": "100",
    "sign_in": "secret",
}


class Whole:
    """Everything that happened, for the tests to look at."""

    def __init__(self, running: RunningRehearsal, records: Path) -> None:
        self.running = running
        self.records = records
        self.secret = (running.folder.path / "client-secret.txt").read_text().strip()
        self.before: Objects = running.control.directory()
        self.results: dict[str, RunResult] = {}

    def run(self, name: str, notebook: str, change_id: str, **given: str) -> RunResult:
        told = {"change_id": change_id, "records_dir": str(self.records), **given}
        result = run_notebook(
            ROOT / "notebooks" / f"{notebook}.ipynb",
            load_parameters([self.running.parameters_file], told, project_root=ROOT),
            project_root=ROOT,
            environment={**os.environ, "GWB_CLIENT_SECRET": self.secret},
            clock=lambda: datetime.now(UTC),
        )
        self.results[name] = result
        return result

    def record(self, name: str) -> Path:
        path = self.results[name].record
        assert path is not None
        return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("journey")
    with start_rehearsal(folder / "world") as running:
        found = Whole(running, folder / "records")
        found.run("start", "00-start-here", "CHG-ALL")
        found.run("exchange", "10-detect-exchange", "CHG-ALL")
        found.run("inventory", "20-inventory-groups", "CHG-ALL", sign_in="secret")
        found.run("planned", "30-enable-writeback", "CHG-ALL", **EVERYTHING)
        plan = planned(found.record("planned"), ROUTES)
        approve_plan(
            found.record("planned"),
            ROUTES,
            approver="Kim",
            phrase=plan.phrase,
            valid=_hour(),
            clock=lambda: datetime.now(UTC),
        )
        found.run("applied", "30-enable-writeback", "CHG-ALL", **EVERYTHING)
        writes = running.control.writes()["count"]
        found.run("again", "30-enable-writeback", "CHG-ALL", **EVERYTHING)
        assert running.control.writes()["count"] == writes
        found.run("drift", "50-check-drift", "CHG-ALL", sign_in="secret")
        build_index(found.records)
        yield found


def _hour() -> timedelta:

    return timedelta(hours=1)


def test_every_run_ended_as_asked(whole: Whole) -> None:
    outcomes = {name: result.outcome for name, result in whole.results.items()}
    messages = {name: result.message for name, result in whole.results.items() if result.message}
    assert outcomes == {
        "start": Outcome.DONE,
        "exchange": Outcome.DONE,
        "inventory": Outcome.DONE,
        "planned": Outcome.AWAITING_APPROVAL,
        "applied": Outcome.DONE,
        "again": Outcome.NOTHING_TO_DO,
        "drift": Outcome.NOTHING_TO_DO,
    }, messages
    assert all(verified_record(RecordFolder.open(whole.record(name))).ok for name in whole.results)


def test_every_eligible_group_is_written_with_its_very_name(whole: Whole) -> None:
    plan = planned(whole.record("applied"), ROUTES)
    assert len(plan.changes) >= 45
    written = {
        attributes["adminDescription"][0]: attributes.get("displayName", [""])[0]
        for attributes in whole.running.control.directory().values()
        if any(value.startswith("gwb:") for value in attributes.get("extensionName", ()))
    }
    for change in plan.changes:
        assert written[f"Group_{change.group_id}"] == change.display_name
    names = {change.display_name for change in plan.changes}
    assert "<script>alert(1)</script>" in names
    assert "=cmd|' /C calc'!A0" in names


def test_written_groups_are_offered_contacts_for_mail_in_page_facts_and_a_file(whole: Whole) -> None:
    record = whole.record("applied")
    facts = json.loads((record / "record.json").read_text(encoding="utf-8"))
    (offered,) = (finding for finding in facts["findings"] if finding["id"] == "mail-contacts")
    contacts = offered["values"]["hand_off"]["groups"]
    assert len(contacts) == MOST_CONTACTS
    assert all(address.rpartition("@")[0] == routing.rpartition("@")[0] for _, address, routing in contacts)
    lines = (record / "hand-offs.txt").read_text(encoding="utf-8")
    missing = int(offered["seen"].removeprefix("The route direct writes no address. ").split()[0])
    assert lines.count("New-MailContact ") == missing > MOST_CONTACTS, "the file has the lines for all"
    assert "New-MailContact" in (record / "record.html").read_text(encoding="utf-8")


def test_refused_groups_are_named_with_their_rule(whole: Whole) -> None:
    rules = {refusal.rule for refusal in planned(whole.record("applied"), ROUTES).refusals}
    assert rules >= {"collision", "hidden-membership", "role-assignable"}
    assert "original-in-ad" in rules, "whether the cloud took it over is not for this app to read"
    assert "converted-original-in-ad" not in rules
    assert rules >= {"written-by-connect-sync", "written-by-cloud-sync"}


def test_objects_of_other_writers_and_everything_else_survive_untouched(whole: Whole) -> None:
    after = whole.running.control.directory()
    assert other_objects(after) == other_objects(whole.before)
    theirs = {dn: attributes for dn, attributes in written_objects(whole.before).items() if dn.startswith("CN=")}
    assert theirs
    for dn, attributes in theirs.items():
        assert written_objects(after)[dn] == attributes, dn
    assert not any("msDS-ExternalDirectoryObjectId" in a for a in _new(whole.before, after).values())


def _new(before: Objects, after: Objects) -> Objects:
    return {dn: attributes for dn, attributes in after.items() if dn not in before}


def test_the_group_of_2000_members_is_whole(whole: Whole) -> None:
    staff = [a for a in whole.running.control.directory().values() if a.get("displayName") == ["All Staff"]]
    assert [len(attributes["member"]) for attributes in staff] == [2000]


def test_pages_of_hostile_names_hold_no_live_markup(whole: Whole) -> None:
    for name in whole.results:
        page = (whole.record(name) / "record.html").read_text(encoding="utf-8")
        markup = parsed(page)
        assert not {"script", "iframe", "object", "embed", "link", "svg", "base", "form"} & set(markup.tags)
        assert not [a for a in markup.attributes if a[1].startswith("on") or "javascript:" in a[2].lower()]
        assert not [a for a in markup.attributes if a[1] in ("src", "srcset") and not a[2].startswith("data:")]
    shown = parsed((whole.record("applied") / "record.html").read_text(encoding="utf-8"))
    assert "<script>alert(1)</script>" in "".join(shown.text)


def test_secrets_appear_in_no_artefact(whole: Whole) -> None:
    folder = whole.running.folder.path
    password = (folder / "bind-password.txt").read_text().strip()
    key = (folder / "client.pem").read_text().split("PRIVATE KEY-----")[1].strip()[:60]
    canaries = [whole.secret, password, key, "PRIVATE KEY", "eyJ0eX", "eyJhbGci"]
    canaries += [base64.b64encode(text.encode()).decode().rstrip("=") for text in (whole.secret, password)]
    seen = 0
    for path in whole.records.rglob("*"):
        if not path.is_file():
            continue
        seen += 1
        for content in _contents(path):
            assert not [canary for canary in canaries if canary.encode() in content], path
    assert seen > 40


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name)


def test_plain_papermill_runs_the_same_notebook_and_seal_closes_its_record(whole: Whole, tmp_path: Path) -> None:
    parameters = whole.running.parameters_file.read_text(encoding="utf-8")
    records = tmp_path / "records"
    lines = [line for line in parameters.splitlines() if not line.startswith(("records_dir", "change_id"))]
    file = tmp_path / "p.yaml"
    file.write_text("\n".join([*lines, f"records_dir: {json.dumps(str(records))}", 'change_id: "CHG-PM"']), "utf-8")
    notebook = ROOT / "notebooks" / "10-detect-exchange.ipynb"
    output = tmp_path / "out.ipynb"
    papermill = [sys.executable, "-m", "papermill", "--no-progress-bar", str(notebook), str(output), "-f", str(file)]
    subprocess.run(papermill, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (record,) = (records / "CHG-PM").iterdir()
    open_record = verified_record(RecordFolder.open(record))
    assert not open_record.sealed
    gwb = [sys.executable, "-m", "runbook_lib.runner"]
    assert subprocess.run([*gwb, "verify-record", str(record)], check=False, capture_output=True).returncode == 5
    subprocess.run([*gwb, "seal", str(record), str(output)], cwd=ROOT, check=True, capture_output=True, timeout=300)
    assert verified_record(RecordFolder.open(record)).ok
    assert json.loads((record / "record.json").read_text())["outcome"] == "done"


def test_in_jupyterlab_the_parameters_file_is_named_by_the_environment(whole: Whole, tmp_path: Path) -> None:
    output = tmp_path / "interactive.ipynb"
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", str(output)]
    environment = {
        **os.environ,
        "JPY_SESSION_NAME": str(ROOT / "notebooks" / "50-check-drift.ipynb"),
        "GWB_PARAMETERS": str(whole.running.parameters_file),
    }
    notebook = str(ROOT / "notebooks" / "50-check-drift.ipynb")
    done = subprocess.run(
        [*command, notebook], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    text = output.read_text(encoding="utf-8")
    assert "interactive" in text
    assert "none differs" in text
    (record,) = (whole.running.folder.path / "records" / "CHG-DEMO").glob("*-50-check-drift-*")
    assert json.loads((record / "record.json").read_text())["mode"] == "interactive"
    assert verified_record(RecordFolder.open(record)).ok, "sealed by itself, when its last cell had ended"
