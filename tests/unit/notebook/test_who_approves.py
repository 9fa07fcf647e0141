"""Who may approve is asked before anything is written; who asked and who approved is told by every name there is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runbook_lib.change.approvals.approvers import approvers_of
from runbook_lib.change.approvals.plan import approve_plan, planned
from runbook_lib.change.closing import close_by_hand
from runbook_lib.change.journal import unfinished_runs
from runbook_lib.errors import AwaitingApproval, Refused, ServiceFailed
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.notebook.approving import requesters
from runbook_lib.record.run_record import account
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.planning import require_within_reach
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.cli import cli
from tests.support.builders import rewritten
from tests.unit.notebook.field import Field


def gwb_approve(record: Path, approver: str, *more: str) -> Result:
    phrase = planned(record, ROUTES).phrase
    words = ["approve", str(record), "--as", approver, *(more or ("--phrase", phrase))]
    return CliRunner().invoke(cli, words, prog_name="gwb")


def waiting(field: Field, *approvers: str) -> Path:
    """A run that waits; its record says who may approve."""
    run, error = field.run(approvers=list(approvers))
    assert isinstance(error, AwaitingApproval)
    path = run.record.folder.path / "record.json"
    facts = json.loads(path.read_bytes())
    path.write_text(json.dumps(facts | {"parameters": {"approvers": list(approvers)}}), encoding="utf-8")
    return run.record.folder.path


def test_the_command_asks_who_may_approve_in_the_words_of_the_gate(field: Field) -> None:
    record = waiting(field, "Ada")
    done = gwb_approve(record, "Kim")
    assert done.exit_code == 4, done.output
    assert not (field.folder / "approvals").exists()
    # Written in spite of it, the gate says the same.
    path = field.approve(record)
    _, error = field.run(approvers=["Ada"])
    assert error is not None
    assert error.code == "approver-not-allowed"
    assert error.message in " ".join(done.stderr.split())
    path.unlink()
    done = gwb_approve(record, " ADA ")
    assert done.exit_code == 0, done.output


def test_a_standing_approval_and_the_form_ask_too(field: Field) -> None:
    record = waiting(field, "Ada", "account:nobody-here")
    until = field.now.date().replace(year=2026, month=12, day=30).isoformat()
    done = gwb_approve(record, "Kim", "--standing", "--until", until, "--phrase", "x")
    assert (done.exit_code, "parameter approvers" in done.stderr) == (4, True), done.output
    with pytest.raises(AwaitingApproval) as caught:
        approve_plan(
            record, ROUTES, approver="Kim", phrase=planned(record, ROUTES).phrase, valid=done_in(1),
            clock=lambda: field.now, approvers=approvers_of(["Ada"]),
        )  # fmt: skip
    assert caught.value.code == "approver-not-allowed"
    assert not (field.folder / "approvals").exists()


def done_in(hours: int) -> Any:
    from datetime import timedelta

    return timedelta(hours=hours)


@pytest.mark.skipif(os.name != "posix", reason="the system does not tell who owns a file")
def test_the_own_account_counts_before_there_is_a_file(field: Field) -> None:
    assert gwb_approve(waiting(field, f"account:{account()}"), "Kim").exit_code == 0


@pytest.mark.parametrize(
    ("ran_by", "names"),
    [
        ({"cloud": {"user_principal_name": "ada@contoso.com"}}, {"ada@contoso.com", "ada"}),
        ({"directory": {"identity": "u:CONTOSO\\svc-gwb"}}, {"CONTOSO\\svc-gwb", "svc-gwb"}),
        ({"directory": {"identity": "dn:CN=Ada Vance,OU=Staff,DC=contoso,DC=com"}}, {"Ada Vance"}),
        ({"cloud": {"user_principal_name": None}, "directory": {"identity": None}}, set()),
        ({"directory": {"identity": "dn:nonsense"}, "cloud": "x"}, set()),
        (None, set()),
    ],
)
def test_who_asks_has_every_name_of_both_sign_ins(field: Field, ran_by: Any, names: set[str]) -> None:
    run = field.begin()
    run.record.set(ran_by=ran_by)
    found = set(requesters(run.context))
    assert account() in found
    assert names <= found


def test_an_approver_who_is_signed_in_is_the_requester(field: Field) -> None:
    field.planned()
    run = field.begin()
    run.record.set(ran_by={"account": "svc", "host": "h", "cloud": {"user_principal_name": "KIM@contoso.com"}})
    change = run.plan_enable(run.read_inventory())
    change.require_approval()
    findings: Any = run.record.facts["findings"]
    (found,) = (finding for finding in findings if finding["id"] == "approver-is-requester")
    assert found["values"]["approver"] == "Kim"
    run.context.close()


@pytest.mark.parametrize("asked", ["Kim", "kim, file services"])
def test_an_approver_who_asked_for_the_change_is_the_requester(field: Field, asked: str) -> None:
    field.planned(requested_by=asked)
    run, error = field.run(requested_by=asked)
    assert error is None
    findings: Any = run.record.facts["findings"]
    assert [finding["values"]["approver"] for finding in findings if finding["id"] == "approver-is-requester"] == [
        "Kim"
    ]


def test_whoever_asked_may_not_approve_where_another_is_required(field: Field) -> None:
    field.planned(requested_by="Kim")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("runbook_lib.strict_file._account", lambda _: ("approvals", frozenset()))
        for asked, code in (("Kim", "approver-not-allowed"), ("Ada", None)):
            _, error = field.run(requested_by=asked, require_other_approver=True)
            assert (error.code if error else None) == code


@pytest.mark.parametrize("what", ["folder", "file"])
def test_no_approval_is_written_through_a_link(field: Field, tmp_path: Path, what: str) -> None:
    record = waiting(field)
    place = field.folder / "approvals"
    if what == "folder":
        place.symlink_to(tmp_path, target_is_directory=True)
    else:
        place.mkdir()
        (place / f"{planned(record, ROUTES).digest}.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ServiceFailed, match="is a link") as caught:
        field.approve(record)
    assert caught.value.code == "approval-write"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["folder", "file"])
def test_no_closing_is_written_through_a_link(field: Field, tmp_path: Path, what: str) -> None:
    broken = field.killed(2)
    place = field.folder / "closings"
    if what == "folder":
        place.symlink_to(tmp_path, target_is_directory=True)
    else:
        place.mkdir()
        (place / f"{broken.name}.json").symlink_to(tmp_path / "elsewhere")
    runs = [broken.name]
    with pytest.raises((ServiceFailed, Refused), match="link") as caught:
        close_by_hand(field.folder, runs, by="Kim", reason="x", clock=lambda: field.now)
    assert caught.value.code in ("closing-write", "closing-damaged")
    assert list(tmp_path.iterdir()) == []
    assert unfinished_runs(field.folder, ROUTES) == [broken.name]


def test_a_plan_that_was_made_here_reaches_no_further_than_one_from_disk(field: Field) -> None:
    from dataclasses import replace

    plan = DIRECT_TYPES.plan(planned(waiting(field), ROUTES))
    require_within_reach(plan)
    first, *rest = plan.changes
    for changed in (
        rewritten(first, attributes=(*first.payload.attributes, AttributeDelta("userAccountControl", (), ("512",)))),
        replace(first, kind=ChangeKind.DELETE),
        rewritten(first, parent_guid="0" * 36),
        rest[0],
    ):
        with pytest.raises(Refused) as caught:
            require_within_reach(replace(plan, changes=(changed, *rest)))
        assert caught.value.code == "plan-beyond-kind"


def test_every_planner_asks_how_far_its_plan_reaches(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook_lib.routes.direct.planning.beyond_kind", lambda *_: "never does this")
    run, error = field.run()
    assert error is not None
    assert (error.code, "never does this" in error.message) == ("plan-beyond-kind", True)
    assert not (run.record.folder.path / "plan.json").exists()


def test_a_run_that_may_still_write_is_not_sealed(field: Field) -> None:
    field.planned()
    run = field.begin()
    change = run.plan_enable(run.read_inventory())
    # As run.directory does where it is opened for this run.
    run.record.set(target={"invocation_id": field.directory.controller.invocation_id})
    change.require_approval()
    for applied in (False, True):
        if applied:
            change.apply()
        with pytest.raises(Refused) as caught:
            field.seal(run.record.folder.path)
        assert caught.value.code == "run-not-ended"
    # Another run of the change is none of its business.
    field.seal(field.runs()[0])
    change.verify()
    run.finish()
    field.seal(run.record.folder.path)


def test_a_run_that_was_killed_can_be_sealed(field: Field) -> None:
    field.seal(field.killed(2))


def test_a_journal_that_was_altered_is_not_sealed(field: Field) -> None:
    broken = field.killed(3)
    path = broken / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for altered in ([lines[0].replace(b'"Kim"', b'"Bo"'), *lines[1:]], [lines[0], *lines[3:]]):
        path.write_bytes(b"".join(altered))
        with pytest.raises(Refused, match="line 2 does not follow"):
            field.seal(broken)
    path.write_bytes(b"".join(lines))
    field.seal(broken)
