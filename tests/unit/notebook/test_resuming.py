"""What an open journal may bring about: nothing that its plan, its approval and today's rules do not prove."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runbook_lib.change.closing import close_by_hand
from runbook_lib.change.journal import journals_of, unfinished_runs
from runbook_lib.change.plan_file import plan_from_json, plan_to_json
from runbook_lib.errors import RunbookError
from runbook_lib.files import MANIFEST
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import verbatim
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.direct_way import DirectWay
from runbook_lib.notebook.resuming import require_own
from runbook_lib.routes.direct.files import DirectPayloadFields
from runbook_lib.routes.registry import ROUTES
from tests.support import builders as b
from tests.support.approvals import rewrite
from tests.unit.directory.embedded import BASE, RETIRED
from tests.unit.notebook.field import CHANGE, DISABLE, ENABLE, Field

ALL: dict[str, Any] = {"select_names": ["Board", "Sales", "Vault"], "max_creates": 3}
Forge = Callable[[Field, dict[str, Any], dict[str, Any]], None]


def forged(field: Field) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plan of one's own beyond max_creates, made on another machine, and a line that opens a journal for it."""
    run, _ = field.run(**ALL)
    plan = json.loads((run.record.folder.path / "plan.json").read_bytes())
    shutil.rmtree(field.records)
    line = {
        "entry": "open",
        "at": "2026-11-22T06:00:00.000Z",
        "run": "20261122T059999-forged",
        "operation": "enable",
        "plan_digest": plan["digest"],
        "approved": [change["digest"] for change in plan["changes"]],
        "approval": {"kind": "plan", "file": f"{plan['digest']}.json", "sha256": "0" * 64, "approver": "Adele Vance"},
        "dc_host": "localhost",
        "ds_service_name": field.directory.controller.ds_service_name,
        "invocation_id": field.directory.controller.invocation_id,
        "resumes": None,
    }
    return plan, line


def lay(field: Field, plan: dict[str, Any], line: dict[str, Any]) -> None:
    """Put both beside the runs of the change."""
    folder = field.folder / "20261122T059999-forged"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    field.write_lines(folder, [line])


def refused(field: Field, *codes: str, notebook: str = ENABLE, **told: Any) -> RunbookError:
    """The next run of the change ends with one of these codes, and nothing is sent."""
    field.sent = 0
    before = field.groups()
    run, error = field.run(notebook, **told)
    assert error is not None
    assert error.code in codes, error
    assert error.hint
    assert (field.sent, field.groups()) == (0, before)
    assert run.record.outcome in (Outcome.AWAITING_APPROVAL, Outcome.REFUSED, Outcome.USAGE)
    return error


def finished(field: Field, *names: str, **told: Any) -> None:
    """The next run of the change carries it out."""
    run, error = field.run(**told)
    assert error is None, error
    assert run.record.outcome is Outcome.DONE
    assert sorted(field.groups()) == sorted(names or ("Board", "Sales"))
    assert all(len(members) == 3 for members in field.groups().values())


def test_an_open_journal_is_no_approval(field: Field) -> None:
    """The attack as it was carried out: a plan of one's own and one line, beside a run that waits for its approval."""
    plan, line = forged(field)
    run, _ = field.run()
    assert run.record.outcome is Outcome.AWAITING_APPROVAL
    lay(field, plan, line)
    refused(field, "limit-creates")
    refused(field, "approval-withdrawn", max_creates=3)
    assert field.groups() == {}


def test_an_approval_of_another_plan_does_not_help(field: Field) -> None:
    plan, line = forged(field)
    run = field.planned()
    path = (
        field.folder / "approvals" / f"{json.loads((run.record.folder.path / 'plan.json').read_bytes())['digest']}.json"
    )

    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    lay(field, plan, {**line, "approval": {**line["approval"], "file": path.name, "sha256": sha256}})
    refused(field, "approval-of-another-plan", **ALL)


def test_what_a_kind_never_writes_is_refused_in_any_plan(field: Field) -> None:
    plan, line = forged(field)
    lay(field, plan, line)
    honest = plan_from_json(plan, ROUTES)
    for name in ("member", "userAccountControl", "proxyAddresses", "nTSecurityDescriptor", "EXTENSIONNAME"):
        changed = json.loads(json.dumps(plan))
        changed["changes"][0]["attributes"].append({"name": name, "removed": [], "added": ["x"]})
        changes = (
            Change(
                ChangeKind(c["kind"]),
                c["group_id"],
                c["display_name"],
                DirectPayloadFields.model_validate({key: c[key] for key in DirectPayloadFields.model_fields}).payload(),
                c["reason"],
                verbatim(c["why"]),
            )
            for c in changed["changes"]
        )
        evil = Plan(honest.operation, honest.target, tuple(changes), honest.limits)
        folder = field.folder / "20261122T059999-forged"
        (folder / "plan.json").write_text(json.dumps(plan_to_json(evil)), encoding="utf-8")
        field.write_lines(folder, [{**line, "plan_digest": evil.digest, "approved": [c.digest for c in evil.changes]}])
        assert name in refused(field, "plan-replaced", **ALL).message


def test_a_change_that_broke_off_is_finished_under_its_own_approval(field: Field) -> None:
    field.killed(2)
    finished(field)


def test_nothing_is_written_under_an_approval_that_has_ended(field: Field) -> None:
    """A real approval beside a journal that somebody dated back to its time would let them write for days after."""
    field.killed(2)
    field.now += timedelta(hours=4, minutes=1)
    assert "has ended" in refused(field, "approval-expired").message
    field.approve()
    finished(field)


ALTERED: dict[str, tuple[object, ...]] = {
    "entry": ("begin", None, 1),
    "at": ("2026-11-22T05:59:59.000Z", "2026-11-23T06:00:00.000Z", "yesterday", "2026-11-22T06:00:00", None),
    "operation": ("disable", "undo", "everything", None),
    "plan_digest": ("0" * 64, "", None),
    "approved": ([], ["0" * 64], None, "all", [1]),
    "approval": ({}, None, [], {"kind": "plan", "file": "x.json", "sha256": "0" * 64}),
    "invocation_id": ("0" * 36, None),
    "resumes": ("20261122T059999-none", 1),
    "run": ("20261122T059999-none", "", None),
    "dc_host": (None, 1),
}


def test_every_altered_field_of_the_open_line_is_refused(field: Field) -> None:
    """While its approval holds that is what counts, so what the line says of the approval decides nothing then."""
    run = field.killed(2)
    first, *rest = field.lines(run)
    field.now += timedelta(hours=5)
    codes = ("journal-damaged", "journal-contradicts", "change-open", "another-dc", "plan-replaced", "approval-expired")
    for name, values in ALTERED.items():
        for value in values:
            field.write_lines(run, [{**first, name: value}, *rest])
            refused(field, *codes, "approval-withdrawn", "approval-of-another-plan")
        field.write_lines(run, [{key: item for key, item in first.items() if key != name}, *rest])
        refused(field, *codes)
    field.write_lines(run, [{**first, "more": 1}, *rest])
    refused(field, *codes)
    field.write_lines(run, [first, *rest])
    field.approve(run)
    finished(field)


def test_more_or_less_than_was_approved_is_refused(field: Field) -> None:
    """The approval covers two of three changes; a journal that names the third as well is not covered."""
    field.planned(**ALL)
    (path,) = (field.folder / "approvals").iterdir()
    content = json.loads(path.read_bytes())
    two = {name: content[name][:2] for name in ("changes", "names", "members")}
    rewrite(path, **two)
    refused(field, "approval-other-phrase", **ALL)
    rewrite(path, **two, phrase="ENABLE 2 GROUPS IN contoso.com")
    broken = field.dies(2, **ALL)
    first, *rest = field.lines(broken)
    assert sorted(first["approved"]) == content["changes"][:2]
    field.write_lines(broken, [{**first, "approved": content["changes"]}, *rest])
    refused(field, "approval-of-another-plan", "journal-contradicts", **ALL)


def test_a_replaced_plan_stops_and_the_right_one_goes_on(field: Field) -> None:
    """Today's case: it ended as done, half written."""
    other, _ = field.run(select_names=["Vault"])
    broken = field.killed(2)
    right = (broken / "plan.json").read_bytes()
    (broken / "plan.json").write_bytes((other.record.folder.path / "plan.json").read_bytes())
    error = refused(field, "plan-replaced")
    assert f"Copy plan.json of {field.runs()[1].name}" in error.hint
    (broken / "plan.json").write_bytes(b"{")
    refused(field, "plan-replaced")
    (broken / "plan.json").write_bytes(right)
    finished(field)


def test_a_missing_plan_is_taken_from_the_run_that_planned_it(field: Field) -> None:
    broken = field.killed(2)
    (broken / "plan.json").unlink()
    finished(field)


def test_a_plan_that_is_nowhere_has_a_way_out(field: Field) -> None:
    broken = field.killed(2)
    for run in field.runs():
        (run / "plan.json").unlink(missing_ok=True)
    assert "gwb close" in refused(field, "plan-missing").hint
    close_by_hand(field.folder, unfinished_runs(field.folder, ROUTES), by="Kim", reason="lost", clock=lambda: field.now)
    field.planned()
    finished(field)
    assert field.lines(broken)[0]["entry"] == "open"


def test_names_in_a_plan_decide_nothing(field: Field) -> None:
    """DNs are outside the digest: an altered one must not lead a write elsewhere."""
    field.planned()
    field.run()
    field.planned(DISABLE)
    broken = field.dies(1, DISABLE)
    text = (broken / "plan.json").read_text("utf-8")
    (broken / "plan.json").write_text(text.replace(RETIRED, f"OU=Staff,{BASE}"), encoding="utf-8")
    run, error = field.run(DISABLE)
    assert error is None, error
    assert run.record.outcome is Outcome.DONE
    assert sorted(field.groups()) == ["Board", "Sales"]


def test_a_done_line_with_a_foreign_object_makes_nobody_a_member(field: Field) -> None:
    broken = field.killed(3)
    lines = field.lines(broken)
    ana = field.inventory().index.guid_of_dn(f"CN=Ana,OU=Staff,{BASE}")
    for line in lines:
        if line["entry"] == "done":
            line["guid"] = ana
    field.write_lines(broken, lines)
    assert "another object" in refused(field, "journal-contradicts").message


@pytest.mark.parametrize("how", ["deleted", "changed"])
def test_a_withdrawn_approval_ends_a_change_that_broke_off(field: Field, how: str) -> None:
    field.killed(2)
    (path,) = (field.folder / "approvals").iterdir()
    if how == "deleted":
        path.unlink()
    else:
        kept = path.read_text("utf-8")
        path.write_text(kept.replace('"Kim"', '"Bo"'), encoding="utf-8")
        refused(field, "approval-damaged")
        path.write_text(kept, encoding="utf-8")
        rewrite(path, approver="Bo")
        # It is an approval like any other now, of somebody else: it holds as long as it says.
        finished(field)
        return
    error = refused(field, "approval-withdrawn")
    assert "gwb approve" in error.hint
    field.approve()
    finished(field)


def test_a_lowered_limit_and_a_group_that_is_gone_are_refused(field: Field) -> None:
    field.killed(1)
    refused(field, "limit-creates", max_creates=1)
    field.gone = ("Sales",)
    refused(field, "cloud-group-gone")
    field.gone = ()
    finished(field)


def test_another_place_is_refused(field: Field) -> None:
    field.killed(1)
    field.retired = ""
    assert "another retired OU" in refused(field, "resume-elsewhere").message
    field.retired = RETIRED
    finished(field)


def test_sealed_runs_of_the_chain_are_verified(field: Field) -> None:
    broken = field.killed(2)
    field.seal(broken)
    whole = (broken / "journal.jsonl").read_bytes()
    (broken / "journal.jsonl").write_bytes(whole.replace(b'"localhost"', b'"LOCALHOST"'))
    assert "journal.jsonl" in refused(field, "record-altered").message
    (broken / "journal.jsonl").write_bytes(whole)
    finished(field)


def test_a_record_that_was_sealed_once_stays_sealed(field: Field) -> None:
    broken = field.killed(2)
    field.seal(broken)
    field.now += timedelta(minutes=1)
    later, _ = field.run(max_creates=1)
    field.seal(later.record.folder.path)
    (broken / MANIFEST).rename(field.records / "kept")
    assert MANIFEST in refused(field, "record-altered").message
    (field.records / "kept").rename(broken / MANIFEST)
    finished(field)


def test_an_open_journal_that_a_sealed_run_knows_nothing_of_is_refused(field: Field) -> None:
    """Somebody lays a journal beside runs that were sealed after it is said to have been open."""
    broken = field.killed(2)
    kept = field.records.parent / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    broken.rename(kept)
    field.now += timedelta(minutes=5)
    later, _ = field.run(select_names=["Vault"])
    field.seal(later.record.folder.path)
    kept.rename(broken)
    refused(field, "record-contradicts")


DAMAGED_LINES = {
    "no json": b"{",
    "no object": b"[]",
    "no utf-8": b'{"entry": "begin", "at": "\xff"}',
    "unknown kind": b'{"entry": "ended", "at": "x"}',
    "no keys": b'{"entry": "begin"}',
    "wrong types": b'{"entry": "begin", "at": 1, "write": 1, "change": 1, "guid": 1, "intent": 1}',
    "twice": b'{"entry": "closed", "at": "x", "why": "a", "why": "b"}',
    "members": b'{"entry":"begin","at":"x","write":"a/1","change":"a","guid":"","intent":{"members_added":5}}',
    "effect": b'{"entry":"done","at":"x","write":"a/1","change":"a","guid":"","effect":{"moved":["a"]}}',
    "second open": b'{"entry": "open", "at": "x"}',
    "deep": b"[" * 100_000,
}


def test_a_damaged_journal_is_one_clear_refusal_and_can_be_closed_by_hand(field: Field) -> None:
    broken = field.killed(2)
    path = broken / "journal.jsonl"
    whole = path.read_bytes()
    for name, line in DAMAGED_LINES.items():
        path.write_bytes(whole + line + b"\n")
        error = refused(field, "journal-damaged")
        assert "Line 5 of" in error.message, name
        assert "gwb close" in error.hint
    close_by_hand(
        field.folder, unfinished_runs(field.folder, ROUTES), by="Kim", reason="damaged", clock=lambda: field.now
    )
    field.planned()
    finished(field)
    assert path.read_bytes() == whole + DAMAGED_LINES["deep"] + b"\n"


def test_a_closing_counts_for_the_journal_as_it_was(field: Field) -> None:
    broken = field.killed(2)
    close_by_hand(field.folder, unfinished_runs(field.folder, ROUTES), by="Kim", reason="x", clock=lambda: field.now)
    assert unfinished_runs(field.folder, ROUTES) == []
    path = broken / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"entry": "lost", "at": "x", "write": "w", "change": "c", "why": "y"}\n')
    assert unfinished_runs(field.folder, ROUTES) == [broken.name]
    closing = field.folder / "closings" / f"{broken.name}.json"
    closing.write_text("{}", encoding="utf-8")
    refused(field, "closing-damaged")
    assert field.folder.name == CHANGE
    assert b.TENANT
    assert Path(closing).is_file()


def test_a_change_of_another_route_is_not_taken_up(field: Field) -> None:
    field.killed(2)
    (journal,) = journals_of(field.folder, ROUTES)
    place = journal.opened["invocation_id"]
    connected = SimpleNamespace(controller=SimpleNamespace(invocation_id=place))
    context = cast(RunContext, SimpleNamespace(connect_directory=lambda: connected))
    way = DirectWay(context, Operation.ENABLE, cast(Any, None))
    require_own([journal], "direct", way)
    with pytest.raises(RunbookError, match="of the route direct stopped midway") as caught:
        require_own([journal], "cloud-sync", way)
    assert caught.value.code == "change-open"
    assert "set route to direct" in caught.value.hint
