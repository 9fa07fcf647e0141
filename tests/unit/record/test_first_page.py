"""Page 1 of a record answers by itself: what changes, for whom, who is left out, who wants it, how to get back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from runbook_lib.change.journal import CARRIED_OUT
from runbook_lib.change.plan_as_read import plan_in_short
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import Refused
from runbook_lib.files import CSV_DELIMITERS, DRIFT, GROUPS_TABLE
from runbook_lib.model.change import GroupMembers, LeftOut, Plan
from runbook_lib.model.finding import ASKED, Finding, Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t, verbatim
from runbook_lib.record.beside import ApprovedRun, Beside, DriftRow, read_beside
from runbook_lib.record.first_page import FirstPage, first_page, time_text
from runbook_lib.record.open_page import write_open_page
from runbook_lib.record.planned_groups import groups_said
from runbook_lib.record.run_end import written_by
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.seal import seal
from runbook_lib.routes.direct.plan_enable import plan_enable
from tests.support import builders as b

CET = timezone(timedelta(hours=1), "CET")
PLACE = "records/CHG0012345/run-1"
APPROVAL = {
    "kind": "plan", "file": "ab.json", "approver": "Alex Approver", "approved": "2026-11-22T10:00:00Z",
    "until": "2026-11-22T14:00:00Z", "phrase": "ENABLE",
    "further": [{"kind": "standing", "approver": "Bo", "until": "x"}],
}  # fmt: skip


def _plan() -> Plan:
    """Two groups to create, of whose members three are left out for two reasons."""
    groups = [b.cloud_group("Sales"), b.cloud_group("Marketing")]
    sides = b.cloud_side(groups, {"Sales": [], "Marketing": []}), b.directory_side()
    plan = plan_enable(b.inventory_of(*sides), b.policy("Sales", "Marketing")).plan
    people = [("Kim", "guest"), ("Lee", "guest"), ("Mo", "cloud-only")]
    left_out = tuple(LeftOut(b.guid(name), name, "user", why, verbatim(f"It is {why}.")) for name, why in people)
    members = [GroupMembers(GroupId(group.id), group.display_name, 3, 0, 0, 0, left_out) for group in groups[:1]]
    return replace(plan, members=tuple(members))


def _facts(record: RunRecord, plan: Plan | None = None, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {**record.facts, **more}
    if plan is not None:
        facts["plan"] = plan_in_short(plan)
        facts["changes"] = {"planned": len(plan.changes), "done": 0, **more.get("changes", {})}
    return json.loads(json.dumps(facts))  # type: ignore[no-any-return]


def _told(facts: dict[str, Any], beside: Beside | None = None) -> FirstPage:
    return first_page(facts, beside or Beside(), place=PLACE, local=lambda at: at.astimezone(CET))


def _people(page: FirstPage) -> dict[str, str]:
    return {said.caption: said.text for said in page.people}


def test_before_the_approval(make_run: Callable[..., RunRecord]) -> None:
    plan = _plan()
    record = make_run(reason="File servers", requested_by="Sam Owner")
    record.finish(Outcome.AWAITING_APPROVAL, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    page = _told(_facts(record, plan), Beside(plan=plan))
    assert (page.title, page.headline) == (
        "Enable writeback of 2 groups to the domain",
        "2 changes planned; nothing has been written.",
    )
    assert (page.reason, page.heading) == ("File servers", "What will change, once approved")
    people = _people(page)
    assert people["Asked for by"] == "Sam Owner"
    assert people["Approved by"] == f"nobody yet; the phrase to type is {plan.phrase}"
    assert people["When"] == "2026-11-22 11:00:00 CET (2026-11-22 10:00:00 UTC), 9.0 s"
    sales, marketing = page.groups
    assert (sales.name, sales.what, sales.in_cloud, sales.left_out) == ("Sales", "create in AD", 3, 3)
    assert sales.who == ("Kim, Lee: It is guest.", "Mo: It is cloud-only.")
    assert (marketing.name, marketing.left_out) == ("Marketing", None)
    assert (page.number, page.totals) == (2, (3, 0, 0, 0, 3))
    assert page.back_line == ""
    assert "there is nothing to take back" in page.back[0]
    assert page.gaps[0] == "Microsoft does not support writing Exchange attributes by hand."
    assert "No AD object is deleted and no member removed." in page.risk.sentences


def test_after_the_writes(make_run: Callable[..., RunRecord]) -> None:
    plan, record = _plan(), make_run()
    lines = [
        {"entry": "open", "approved": ["x"]},
        {"entry": "done", "write": "x/1", "effect": {"created": "y"}},
        {"entry": "closed", "why": CARRIED_OUT},
    ]
    journal = record.folder.path / "journal.jsonl"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    facts = _facts(record, plan, approval=APPROVAL, changes={"done": 2})
    page = _told(facts, Beside(plan=plan, written=written_by(record.folder.path)))
    assert (page.headline, page.heading) == ("2 of 2 changes carried out.", "What was changed")
    assert _people(page)["Asked for by"] == "not said (parameter requested_by)"
    approved = next(said for said in page.people if said.caption == "Approved by")
    assert approved.text == (
        "Alex Approver, 2026-11-22 11:00:00 CET (2026-11-22 10:00:00 UTC); valid until 2026-11-22 15:00:00 CET "
        "(2026-11-22 14:00:00 UTC); Bo, in advance, until x"
    )
    assert approved.link == "../approvals/ab.json"
    assert page.back_line == f"gwb run 60-undo-change -f PARAMETERS -p change_id CHANGE -p undo_record {PLACE}"
    assert "takes back what this run did, and nothing else" in page.back[0]


def test_a_run_that_goes_on_from_an_approved_one_names_it(make_run: Callable[..., RunRecord]) -> None:
    plan = replace(_plan(), changes=())
    record = make_run()
    record.finish(Outcome.DONE, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    before = ApprovedRun("run-0", {"approver": "Alex", "approved": "2026-11-22T09:00:00Z", "until": "?"}, page=True)
    page = _told(_facts(record, plan), Beside(plan=plan, approved_before=before))
    approved = next(said for said in page.people if said.caption == "Approved by")
    assert approved.text.startswith("Alex, 2026-11-22 10:00:00 CET")
    assert approved.text.endswith("for the run run-0 of this change")
    assert approved.link == "../run-0/record.html"
    assert page.back_line.endswith("undo_record records/CHG0012345/run-0")
    alone = _told(_facts(record, plan), Beside(plan=plan))
    assert _people(alone)["Approved by"] == "nobody: nothing was left to approve"


def test_a_plan_that_waits_is_not_taken_back_by_undoing_the_run_before_it(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    record.finish(Outcome.AWAITING_APPROVAL, ended=datetime(2026, 11, 22, 10, 0, 9, tzinfo=UTC))
    before = ApprovedRun("run-0", {"approver": "Alex", "approved": "2026-11-22T09:00:00Z", "until": "?"}, page=True)
    page = _told(_facts(record, _plan()), Beside(plan=_plan(), approved_before=before))
    assert page.back_line == ""
    assert "Once it is written" in page.back[1]
    assert not any("run-0" in sentence for sentence in page.back)


def test_the_approved_run_before_is_the_latest_earlier_one(make_run: Callable[..., RunRecord]) -> None:
    for number, hour in (("1", 8), ("2", 9), ("3", 11)):
        run = make_run(f"run-{number}")
        run.set(approval={"approver": f"Of {number}"})
        facts = {**run.facts, "started": f"2026-11-22T{hour:02}:00:00Z"}
        run.folder.write_json("record.json", facts)
    (make_run("run-4").folder.path / "record.json").write_text("{")
    now = make_run("run-5")  # at ten o'clock
    found = read_beside(now.folder, now.facts).approved_before
    assert found is not None
    assert (found.run_id, found.approval["approver"], found.page) == ("run-2", "Of 2", False)
    assert read_beside(make_run("run-1", "CHG2").folder, now.facts).approved_before is None


@pytest.mark.parametrize("delimiter", CSV_DELIMITERS.values())
def test_drift_is_told_as_differences_with_both_values(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime], delimiter: str
) -> None:
    record = make_run()
    record.folder.csv_delimiter = delimiter
    columns = ["group_id", "display_name", "what", "expected", "seen", "ad_dn", "reason"]
    rows = [
        ["1", "=Sales", "description", "new", "old", "CN=x", ""],
        ["1", "Sales", "member missing", "Kim", "", "", "r"],
    ]
    record.folder.write_csv(DRIFT, pd.DataFrame(rows, columns=columns))
    record.finish(Outcome.REFUSED, ended=clock(), error=Refused(t("It differs."), code="drift", hint=t("Run 30.")))
    beside = read_beside(record.folder, record.facts)
    assert beside.differences[0] == DriftRow("=Sales", "description", "new", "old", "")
    page = _told(_facts(record), beside)
    assert f"{page.ending.title}: {page.headline}" == "Drift found: 2 differences between AD and the cloud."
    html = seal(record.folder, None, clock=clock).page.read_text("utf-8")
    first = html[html.index('<section id="summary"') : html.index("</section>")]
    assert re.search(r"description</td><td>new</td><td>old</td>", first)
    assert "efused" not in first
    assert "Run 30." in first


def test_an_inventory_is_told_in_numbers_by_state_and_kind(make_run: Callable[..., RunRecord]) -> None:
    record = make_run()
    rows = [["a", "written", "security"], ["b", "not-written", "security"], ["c", "written", "microsoft-365"]]
    record.folder.write_csv(GROUPS_TABLE, pd.DataFrame(rows, columns=["group_id", "state", "kind"]))
    tables = {"groups": {"rows": 3, "kept": 3, "sha256": "0" * 64}}
    record.set(snapshots={"tables": tables})
    page = _told(_facts(record), read_beside(record.folder, record.facts))
    assert page.headline == (
        "3 groups on both sides. By state: 2 written, 1 not-written. By kind: 2 security, 1 microsoft-365."
    )
    record.set(snapshots={"tables": {"groups": {**tables["groups"], "rows": 9}}})
    assert read_beside(record.folder, record.facts).inventory == (), "these are not all"


@pytest.mark.parametrize(("kind", "said"), [("restore", "taken back into use"), ("undelete", "brought back")])
def test_what_an_undo_takes_back_is_told_as_well(make_run: Callable[..., RunRecord], kind: str, said: str) -> None:
    plan = {"counts": {kind: 2}, "operation": "undo", "route": "direct"}
    (sentence,) = _told(_facts(make_run()) | {"plan": plan}).risk.sentences
    assert sentence.startswith("2 AD groups")
    assert said in sentence


def test_a_plan_that_cannot_be_read_is_told_by_record_json(make_run: Callable[..., RunRecord]) -> None:
    plan, record = _plan(), make_run()
    record.folder.write_json("plan.json", plan_to_json(plan) | {"digest": "0" * 64})
    beside = read_beside(record.folder, record.facts)
    assert beside.plan is None
    (sales,) = groups_said(_facts(record, plan), None)
    assert (sales.name, sales.left_out) == ("Sales", 3)
    assert sales.who[0] == "Kim (user): It is guest."


def test_a_long_list_of_members_is_cut_and_says_so() -> None:
    people = tuple(LeftOut(b.guid(str(n)), f"P{n:02}", "user", "c", verbatim("Why.")) for n in range(15))
    (group,) = _plan().members
    plan = replace(_plan(), members=(replace(group, left_out=people),))
    (told,) = [one for one in groups_said({}, plan) if one.name == "Sales"]
    assert told.left_out == 15
    assert told.who[0].count("P") == 12
    assert told.who[-1] == "and 3 more, all in left-out.csv"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("2026-11-22T10:00:00.5Z", "2026-11-22 11:00:00 CET (2026-11-22 10:00:00 UTC)"), ("x", "x"), (None, "not known")],
)
def test_times_are_local_and_utc(value: object, shown: str) -> None:
    assert time_text(value, lambda at: at.astimezone(CET)) == shown
    assert "(" not in time_text("2026-11-22T10:00:00Z", lambda at: at)


def test_what_a_damaged_record_says_breaks_nothing(make_run: Callable[..., RunRecord]) -> None:
    facts = _facts(make_run()) | {
        "plan": {"counts": ["x"], "members": [7, {"who": None}], "groups": "x"}, "approval": {"further": [1]},
        "changes": {"planned": "x"}, "findings": [{"severity": "y"}, 3], "outcome": "z", "error": 3, "target": None,
        "parameters": None, "ran_by": None,
    }  # fmt: skip
    page = _told(facts)
    assert page.ending.title == "Open"
    assert page.outcome is None


def test_routes_that_nobody_asked_for_are_no_risk_and_come_last(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime]
) -> None:
    record = make_run()
    record.note_findings(
        Finding("connect-v1-off", Severity.BLOCKING, t("v1 is off"), values={ASKED: False}),
        Finding("cloud-sync-agent-unread", Severity.WARNING, t("The agent was not read")),
    )
    risk = _told(_facts(record)).risk
    assert risk.findings == (("Warning", "The agent was not read"),)
    assert risk.more == 0
    record.finish(Outcome.DONE, ended=clock())
    html = seal(record.folder, None, clock=clock).page.read_text("utf-8")
    assert html.index("The agent was not read</div>") < html.index('id="not-asked"') < html.index("v1 is off</div>")
    assert "Findings (1)" in html


def test_page_one_comes_before_the_plan_and_digests_come_last(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime]
) -> None:
    plan, record = _plan(), make_run(reason="File servers")
    record.folder.write_json("plan.json", plan_to_json(plan))
    record.set(plan=_facts(record, plan)["plan"], changes={"planned": len(plan.changes), "done": 0})
    record.finish(Outcome.AWAITING_APPROVAL, ended=clock())
    html = seal(record.folder, None, clock=clock).page.read_text("utf-8")
    ids = re.findall(r'<(?:h2|section)[^>]* id="([a-z]+)"', html)
    assert ids == [
        "summary", "changes", "risk", "back", "gaps", "plan", "findings", "inputs", "notebook", "files",
        "digests", "verify",
    ]  # fmt: skip
    assert html.index(plan.digest) > html.index('id="digests"')
    assert 'href="./plan.json"' in html


def test_an_open_run_has_a_page_that_says_so_and_sealing_makes_it_anew(
    make_run: Callable[..., RunRecord], clock: Callable[[], datetime]
) -> None:
    plan, record = _plan(), make_run()
    record.folder.write_json("plan.json", plan_to_json(plan))
    record.set(plan=plan_in_short(plan), changes={"planned": len(plan.changes), "done": 0})
    page = write_open_page(record)
    text = page.read_text("utf-8")
    assert "This record is open" in text
    assert "What will change, once approved" in text
    assert "Sales" in text
    assert 'href="./plan.json"' in text
    assert "gwb seal records/CHG0012345/run-1 NOTEBOOK" in text
    record.finish(Outcome.AWAITING_APPROVAL, ended=clock())
    seal(record.folder, None, clock=clock)
    assert "This record is open" not in page.read_text("utf-8")
