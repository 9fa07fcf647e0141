"""GWB_RECORD names the record that the runner began for this very run; any other is refused and stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.change.approvals.plan import approve_plan, read_approvals
from runbook_lib.errors import RunbookError, ServiceFailed, UsageError
from runbook_lib.files import RECORD_VARIABLE
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.notebook import open_run
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b

NOTEBOOK = "20-inventory-groups"


def begun(records: Path, change: str = "CHG1", notebook: str = NOTEBOOK, run: str = "20261122-1") -> RunRecord:
    return RunRecord.begin(
        RecordFolder.create(records, change, run),
        notebook_name=f"{notebook}.ipynb",
        notebook_sha256="",
        mode="record",
        started=b.NOW,
        parameters={},
        versions={},
    )


def opened(records: Path, record: Path) -> RunRecord:
    names: dict[str, object] = {
        "change_id": "CHG1", "records_dir": str(records), "tenant_id": b.TENANT, "client_id": b.TENANT,
        "dc_host": "dc1.contoso.com", "target_ou": "OU=Cloud Groups,DC=contoso,DC=com", "bind_user": "CONTOSO\\kim",
    }  # fmt: skip
    return open_run(names, notebook=NOTEBOOK, environment={RECORD_VARIABLE: str(record)}).record


def ended(record: RunRecord) -> None:
    record.finish(Outcome.FAILED, ended=b.NOW, error=ServiceFailed(t("x"), code="x"))


def sealed(record: RunRecord) -> None:
    seal(record.folder, None, clock=lambda: b.NOW)


def written(record: RunRecord) -> None:
    (record.folder.path / "journal.jsonl").write_text('{"entry": "open", "at": "x"}\n')


@pytest.mark.parametrize(
    ("change", "notebook", "happened", "why"),
    [
        ("CHG2", NOTEBOOK, None, "the change CHG2, not to CHG1"),
        ("CHG1", "30-enable-writeback", None, "the notebook 30-enable-writeback, not"),
        ("CHG1", NOTEBOOK, ended, "has ended"),
        ("CHG1", NOTEBOOK, sealed, "has ended"),
        ("CHG1", NOTEBOOK, written, "has ended or written"),
    ],
)
def test_of_another_change_notebook_or_an_ended_run(
    tmp_path: Path, change: str, notebook: str, happened: Callable[[RunRecord], None] | None, why: str
) -> None:
    record = begun(tmp_path, change, notebook)
    if happened is not None:
        happened(record)
    before = {path: path.read_bytes() for path in record.folder.path.iterdir()}
    with pytest.raises(UsageError, match=why) as caught:
        opened(tmp_path, record.folder.path)
    assert caught.value.code == "record-of-another-run"
    assert RECORD_VARIABLE in caught.value.hint
    assert {path: path.read_bytes() for path in record.folder.path.iterdir()} == before


def test_in_another_records_folder(tmp_path: Path) -> None:
    """Its approvals would lie beside it, where the parameters do not look."""
    record = begun(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="not in the records folder") as caught:
        opened(tmp_path / "records", record.folder.path)
    assert caught.value.code == "record-of-another-run"


def test_its_own_is_continued_by_whatever_name_it_is_told(tmp_path: Path) -> None:
    record = begun(tmp_path / "records")
    (tmp_path / "link").symlink_to(tmp_path / "records")
    assert opened(tmp_path / "link", record.folder.path).folder.path == record.folder.path


def test_an_approval_does_not_count_for_a_change_whose_folder_is_a_link_to_its_own(tmp_path: Path) -> None:
    from runbook_lib.change.plan_file import plan_to_json
    from tests.unit.change.test_approval_lock_journal import a_plan

    record = begun(tmp_path, "CHG2")
    plan = a_plan("A")
    record.folder.write_json("plan.json", plan_to_json(plan))
    approve_plan(
        record.folder.path, ROUTES, approver="Kim", phrase=plan.phrase, valid=timedelta(hours=1), clock=lambda: b.NOW
    )
    assert len(read_approvals(tmp_path / "CHG2" / "approvals", ROUTES)) == 1
    (tmp_path / "CHG1").symlink_to(tmp_path / "CHG2")
    with pytest.raises(RunbookError) as caught:
        read_approvals(tmp_path / "CHG1" / "approvals", ROUTES)
    assert caught.value.code == "approval-of-another-change"
