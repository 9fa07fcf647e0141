"""Approvals, the lock, the journal, acknowledgements."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.change.approvals.plan import approve_plan, approved_changes, planned, read_approvals
from runbook_lib.change.journal import (
    JOURNAL_FILE,
    Journal,
    JournalUnwritable,
    journals_of,
    open_chain,
    read_journal,
)
from runbook_lib.change.journal_check import done_by
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.change.step import Effect
from runbook_lib.errors import AwaitingApproval, Refused, ServiceFailed, UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t
from runbook_lib.parameters.check_change import require_acknowledged, with_acknowledgements
from runbook_lib.parameters.model import AcknowledgementParameter, Parameters
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.writes import effect_of, writes_of
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b

HOUR = timedelta(hours=1)


def a_plan(*names: str) -> Plan:
    groups = [b.cloud_group(name) for name in names]
    cloud = b.cloud_side(groups, {name: [] for name in names})
    return plan_enable(b.inventory_of(cloud, b.directory_side()), b.policy(*names)).plan


def record_of(tmp_path: Path, plan: Plan, run: str = "run-1") -> Path:
    record = tmp_path / "CHG" / run
    record.mkdir(parents=True)
    (record / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    return record


def approved(record: Path, plan: Plan, *, valid: timedelta = HOUR, when: Any = b.NOW) -> Path:
    return approve_plan(record, ROUTES, approver="Kim", phrase=plan.phrase, valid=valid, clock=lambda: when)


def test_an_approval_covers_exactly_the_changes_of_its_plan(tmp_path: Path) -> None:
    plan = a_plan("A", "B")
    path = approved(record_of(tmp_path, plan), plan)
    assert path == tmp_path / "CHG" / "approvals" / f"{plan.digest}.json"
    larger = a_plan("A", "B", "C")
    covered, approval = approved_changes(larger, read_approvals(path.parent, ROUTES), b.NOW + HOUR)
    assert {change.display_name for change in covered} == {"A", "B"}
    assert approval.approver == "Kim"


@pytest.mark.parametrize(
    ("moment", "code"),
    [(b.NOW + HOUR + timedelta(seconds=1), "approval-expired"), (b.NOW - HOUR, "approval-from-the-future")],
)
def test_an_approval_holds_only_in_its_time(tmp_path: Path, moment: Any, code: str) -> None:
    plan = a_plan("A")
    path = approved(record_of(tmp_path, plan), plan)
    with pytest.raises(AwaitingApproval) as caught:
        approved_changes(plan, read_approvals(path.parent, ROUTES), moment)
    assert caught.value.code == code


def test_no_approval_and_an_approval_of_another_plan_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(AwaitingApproval) as caught:
        approved_changes(a_plan("A"), [], b.NOW)
    assert caught.value.code == "no-approval"
    other = a_plan("B")
    path = approved(record_of(tmp_path, other), other)
    with pytest.raises(AwaitingApproval) as caught:
        approved_changes(a_plan("A"), read_approvals(path.parent, ROUTES), b.NOW)
    assert caught.value.code == "approval-of-another-plan"


def test_a_change_whose_member_would_be_created_without_approval_waits_too(tmp_path: Path) -> None:
    from runbook_lib.model.cloud import CloudKind

    parent, child = b.cloud_group("P", CloudKind.SECURITY), b.cloud_group("C", CloudKind.SECURITY)
    cloud = b.cloud_side([parent, child], {"P": [child], "C": []})
    plan = plan_enable(b.inventory_of(cloud, b.directory_side()), b.policy("P", "C")).plan
    only_parent = replace(plan, changes=tuple(c for c in plan.changes if c.display_name == "P"))
    path = approved(record_of(tmp_path, only_parent), only_parent)
    with pytest.raises(AwaitingApproval):
        approved_changes(plan, read_approvals(path.parent, ROUTES), b.NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"phrase": "YES"}, "phrase"),
        ({"phrase": "ENABLE 2 GROUPS IN contoso.com"}, "phrase"),
        ({"approver": "  "}, "approver-missing"),
        ({"valid": timedelta(days=8)}, "approval-period"),
        ({"valid": timedelta(0)}, "approval-period"),
    ],
)
def test_approvals_that_are_not_meant(tmp_path: Path, change: Any, code: str) -> None:
    plan = a_plan("A")
    words = {"approver": "Kim", "phrase": plan.phrase, "valid": HOUR, "clock": lambda: b.NOW} | change
    with pytest.raises(UsageError) as caught:
        approve_plan(record_of(tmp_path, plan), ROUTES, **words)
    assert caught.value.code == code
    assert not (tmp_path / "CHG" / "approvals").exists()


def test_damaged_plans_and_approvals_stop_everything(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as missing:
        planned(tmp_path, ROUTES)
    assert missing.value.code == "no-plan"
    folder = tmp_path / "approvals"
    folder.mkdir()
    (folder / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Refused) as caught:
        read_approvals(folder, ROUTES)
    assert caught.value.code == "approval-damaged"


def journal(folder: Path, *, resumes: str | None = None, closed: bool = False, plan: Plan | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if plan:
        (folder / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    with Journal(folder / JOURNAL_FILE, lambda: "2026-11-22T10:00:00Z") as open_journal:
        digest = plan.changes[0].digest if plan else "c"
        open_journal.open(
            operation="enable", resumes=resumes, plan_digest=plan.digest if plan else "", approved=[digest]
        )
        if not (plan and resumes):
            intent = writes_of(DIRECT_TYPES.changes(plan.changes))[0].intent() if plan else {"operation": "add"}
            open_journal.begin(f"{digest}/1", digest, "", intent)
            open_journal.finish(Effect(f"{digest}/1", digest, "guid", {"created": "CN=x"}))
        if closed:
            open_journal.close("done")


def following(text: str) -> bytes:
    """Lines that were altered by somebody who knows how they follow each other."""
    data: list[bytes] = []
    for line in text.splitlines():
        told = json.loads(line)
        told |= {"previous": hashlib.sha256(data[-1]).hexdigest()} if data else {}
        data.append(json.dumps(told, sort_keys=True).encode())
    return b"".join(line + b"\n" for line in data)


def test_an_open_journal_is_found_with_everything_that_it_resumes(tmp_path: Path) -> None:
    journal(tmp_path / "1")
    assert [j.run.name for j in open_chain(journals_of(tmp_path, ROUTES))] == ["1"]
    journal(tmp_path / "2", resumes="1")
    assert [j.run.name for j in open_chain(journals_of(tmp_path, ROUTES))] == ["1", "2"]
    journal(tmp_path / "3", resumes="2", closed=True)
    assert open_chain(journals_of(tmp_path, ROUTES)) == []
    journal(tmp_path / "4")
    assert [j.run.name for j in open_chain(journals_of(tmp_path, ROUTES))] == ["4"]


def test_a_torn_last_line_is_ignored_and_a_torn_middle_stops(tmp_path: Path) -> None:
    journal(tmp_path / "1")
    path = tmp_path / "1" / JOURNAL_FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    torn = read_journal(tmp_path / "1", ROUTES)
    assert torn is not None
    assert list(torn.begun) == ["c/1"]
    assert torn.effects == ()
    path.write_bytes(whole.replace(b'"begin"', b'"begin', 1))
    with pytest.raises(Refused) as caught:
        read_journal(tmp_path / "1", ROUTES)
    assert caught.value.code == "journal-damaged"


def test_what_is_not_finished_or_never_was_cannot_be_undone(tmp_path: Path) -> None:
    plan = a_plan("A")
    record = record_of(tmp_path, plan, "0")
    with pytest.raises(Refused) as nothing:
        done_by(record, ROUTES)
    assert nothing.value.code == "nothing-was-written"
    journal(tmp_path / "CHG" / "1", plan=plan)
    with pytest.raises(Refused) as unfinished:
        done_by(tmp_path / "CHG" / "1", ROUTES)
    assert unfinished.value.code == "change-open"
    journal(tmp_path / "CHG" / "2", plan=plan, resumes="1", closed=True)
    done = done_by(tmp_path / "CHG" / "1", ROUTES)
    assert effect_of(done.effects[plan.changes[0].digest]).created


def test_a_journal_that_says_what_its_plan_could_not_have_done_is_not_undone(tmp_path: Path) -> None:
    plan = a_plan("A")
    run = tmp_path / "CHG" / "1"
    journal(run, plan=plan, closed=True)
    path = run / JOURNAL_FILE
    whole = path.read_text("utf-8")
    digest = plan.changes[0].digest
    for old, new, why in (
        (plan.digest, "0" * 64, "another plan"),
        (f'"change": "{digest}", "effect"', '"change": "c", "effect"', "does not have"),
        ('{"created": "CN=x"}', '{"moved": ["a", "b"]}', "another kind"),
        ('{"created": "CN=x"}', '{"attributes": [{"name": "mail", "removed": [], "added": ["x"]}]}', "another kind"),
        ('{"created": "CN=x"}', '{"members_added": ["x"], "members_removed": []}', "another kind"),
    ):
        assert old in whole
        path.write_bytes(following(whole.replace(old, new)))
        with pytest.raises(Refused, match=why) as caught:
            done_by(run, ROUTES)
        assert caught.value.code == "journal-damaged"


def test_a_chain_that_goes_in_a_circle_or_nowhere_is_damage(tmp_path: Path) -> None:
    journal(tmp_path / "1", resumes="2")
    with pytest.raises(Refused, match="no journal here"):
        open_chain(journals_of(tmp_path, ROUTES))
    journal(tmp_path / "2", resumes="1")
    journal(tmp_path / "3", resumes="2")
    with pytest.raises(Refused, match="resumes itself"):
        open_chain(journals_of(tmp_path, ROUTES))


@pytest.mark.parametrize("resumes", [("1",), ("2", "1"), ("2", "3", "1")])
def test_open_journals_that_resume_each_other_in_a_circle_hide_no_change(
    tmp_path: Path, resumes: tuple[str, ...]
) -> None:
    for run, earlier in enumerate(resumes, start=1):
        journal(tmp_path / str(run), resumes=earlier)
    journal(tmp_path / "9", closed=True)
    with pytest.raises(Refused, match="resumes itself") as caught:
        open_chain(journals_of(tmp_path, ROUTES))
    assert caught.value.code == "journal-damaged"


def test_blocking_findings_need_an_acknowledgement_that_still_holds() -> None:
    finding = Finding("f", Severity.BLOCKING, t("seen"), to_do=t("look"), acknowledgeable=True)
    accepted = AcknowledgementParameter(finding="f", by="Kim", reason="known", until="2026-11-22")
    parameters = Parameters.model_construct(acknowledge=[accepted])
    (shown,) = with_acknowledgements([finding], parameters, b.TODAY)
    assert (shown.severity, "Kim" in shown.to_do) == (Severity.INFO, True)
    require_acknowledged([shown], parameters)
    late = with_acknowledgements([finding], parameters, b.TODAY.replace(day=23))
    with pytest.raises(Refused, match="has ended"):
        require_acknowledged(late, parameters)
    never = replace(finding, acknowledgeable=False)
    with pytest.raises(Refused):
        require_acknowledged(with_acknowledgements([never], parameters, b.TODAY), parameters)


def test_every_finding_that_is_not_acknowledged_is_named_at_once() -> None:
    findings = [Finding(name, Severity.BLOCKING, t("seen"), to_do=t("look")) for name in ("one", "two", "one", "three")]
    known = AcknowledgementParameter(finding="two", by="Kim", reason="known", until="2026-11-22")
    told = r"3 findings are not acknowledged: one, two, three\. .* past: two\. seen seen seen"
    with pytest.raises(Refused, match=told) as caught:
        require_acknowledged(findings, Parameters.model_construct(acknowledge=[known]))
    assert caught.value.values == {"finding": "one", "ended": False, "findings": ["one", "two", "three"]}


def test_an_approval_that_cannot_be_written_approves_nothing(tmp_path: Path) -> None:
    plan = a_plan("A")
    record = record_of(tmp_path, plan)
    (tmp_path / "CHG" / "approvals").write_text("in the way", encoding="utf-8")
    with pytest.raises(ServiceFailed) as caught:
        approved(record, plan)
    assert caught.value.code == "approval-write"
    assert "Nothing is approved" in caught.value.hint


def test_a_journal_on_a_full_disk_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path / JOURNAL_FILE, lambda: "now") as journal:
        journal.open(operation="enable")
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            with pytest.raises(JournalUnwritable, match="No space left"):
                journal.begin("w", "c", "g", {})
    with pytest.raises(JournalUnwritable, match="File exists"), Journal(tmp_path / JOURNAL_FILE, lambda: "now"):
        pass
