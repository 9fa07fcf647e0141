"""One strict reader for both kinds of approval: what is not exactly what ``gwb approve`` writes stops the run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.change.approvals.approvers import approver_findings, approvers_of
from runbook_lib.change.approvals.file import LONGEST_DAYS, standing_phrase
from runbook_lib.change.approvals.gate import granted, read_all
from runbook_lib.change.approvals.plan import Approval, approve_plan
from runbook_lib.change.approvals.standing import StandingApproval, approve_in_advance
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.errors import AwaitingApproval, Refused, UsageError
from runbook_lib.model.change import Plan
from runbook_lib.model.ids import as_object_guid
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.registry import ROUTES
from runbook_lib.strict_file import Unfit, read_plain, strict_json
from tests.support import builders as b
from tests.support.approvals import rewrite
from tests.unit.change.test_approval_lock_journal import a_plan, record_of

HOUR = timedelta(hours=1)
UNTIL = b.TODAY + timedelta(days=30)


def plan_approval(tmp_path: Path) -> Path:
    plan = a_plan("A")
    return approve_plan(
        record_of(tmp_path, plan), ROUTES, approver="Kim", phrase=plan.phrase, valid=HOUR, clock=lambda: b.NOW
    )


def standing_approval(tmp_path: Path) -> Path:
    phrase = standing_phrase(1, "contoso.com", UNTIL)
    record = record_of(tmp_path, a_plan("A"))
    return approve_in_advance(record, ROUTES, approver="Kim", phrase=phrase, until=UNTIL, clock=lambda: b.NOW)


GIVERS = {"plan": plan_approval, "standing": standing_approval}


@pytest.fixture(params=sorted(GIVERS))
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file of an approval, of either kind."""
    return GIVERS[request.param](tmp_path)


def refused(path: Path) -> Refused:
    with pytest.raises(Refused) as caught:
        read_all(path.parent, ROUTES)
    assert str(path) in caught.value.message
    assert "gwb approve" in caught.value.hint
    return caught.value


def test_both_kinds_are_read_as_they_were_given(path: Path) -> None:
    found = read_all(path.parent, ROUTES)
    everything: list[Approval | StandingApproval] = [*found.plans, *found.standing]
    (approval,) = everything
    assert (approval.approver, approval.file.path, len(approval.file.sha256)) == ("Kim", path, 64)
    told = approval.as_json()
    assert (told["file"], told["sha256"], told["planning_record"]) == (path.name, approval.file.sha256, "run-1")


DAMAGE: list[dict[str, object]] = [
    {"approved": "2026-11-22T10:00:00"},
    {"until": "2026-11-22T11:00:00"},
    {"until": "2026-11-22T11:00:00+00:00"},
    {"until": "9999-12-31T23:59:59Z"},
    {"until": "2026-11-22T09:00:00Z"},
    {"until": "2026-13-22T11:00:00Z"},
    {"until": None},
    {"approved": 1},
    {"approver": ""},
    {"approver": " "},
    {"approver": " Kim"},
    {"approver": ["Kim"]},
    {"approver": 7},
    {"until": "2036-11-22T11:00:00Z"},
    {"approver": None},
    {"phrase": "YES"},
    {"phrase": "ENABLE 1 GROUP IN fabrikam.com"},
    {"phrase": ""},
    {"schema": "group-writeback-approval/2"},
    {"kind": "everything"},
    {"change_id": ""},
    {"target": {}},
    {"target": None},
    {"planning_record": ""},
    {"planning_manifest": "yes"},
    {"planning_manifest": 1},
    {"valid_for": "everybody"},
]


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_a_field_that_is_not_as_it_was_written_stops_the_run(path: Path, damage: dict[str, object]) -> None:
    rewrite(path, **damage)
    assert refused(path).code == "approval-damaged"


def test_every_field_has_to_be_there(path: Path) -> None:
    whole = json.loads(path.read_text("utf-8"))
    for name in whole:
        path.write_text(json.dumps({key: value for key, value in whole.items() if key != name}), encoding="utf-8")
        assert refused(path).code == "approval-damaged", name
    for name in whole["target"]:
        rest = {key: value for key, value in whole["target"].items() if key != name}
        path.write_text(json.dumps({**whole, "target": rest}), encoding="utf-8")
        assert refused(path).code == "approval-damaged", name


def test_a_key_given_twice_is_neither_the_first_nor_the_last(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(text.replace('"approver": "Kim"', '"approver": "Bo", "approver": "Kim"'), encoding="utf-8")
    assert "given twice" in refused(path).message


def test_an_approval_of_another_change_counts_for_no_other(path: Path) -> None:
    there = path.parents[2] / "OTHER" / "approvals"
    there.mkdir(parents=True)
    moved = path.rename(there / path.name)
    assert refused(moved).code == "approval-of-another-change"


def test_the_name_of_a_plan_approval_is_the_digest_of_its_plan(tmp_path: Path) -> None:
    path = plan_approval(tmp_path)
    assert refused(path.rename(path.with_name("mine.json"))).code == "approval-damaged"


@pytest.mark.parametrize("days", [8, LONGEST_DAYS])
def test_no_edit_makes_a_plan_approval_hold_longer_than_seven_days(tmp_path: Path, days: int) -> None:
    path = plan_approval(tmp_path)
    rewrite(path, until=(b.NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z"))
    assert refused(path).code == "approval-damaged"


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'"text"'])
def test_what_is_no_json_object_is_no_approval(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refused(path).code == "approval-damaged"


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
def test_links_pipes_and_folders_are_no_approvals(path: Path) -> None:
    real = path.rename(path.parents[1] / "elsewhere.json")
    path.symlink_to(real)
    assert "it is a link" in refused(path).message
    path.unlink()
    os.mkfifo(path)
    assert "no ordinary file" in refused(path).message
    path.unlink()
    path.mkdir()
    assert refused(path).code == "approval-damaged"
    path.rmdir()
    folder = path.parent.rename(path.parents[1] / "approvals-elsewhere")
    path.parent.symlink_to(folder, target_is_directory=True)
    with pytest.raises(Refused, match="it is a link"):
        read_all(path.parent, ROUTES)


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1234")
    assert read_plain(tmp_path / "x", largest=4).data == b"1234"
    with pytest.raises(Unfit, match="more than 3 bytes"):
        read_plain(tmp_path / "x", largest=3)
    with pytest.raises(Unfit, match="not UTF-8"):
        strict_json(b'"\xff"')


@given(at=st.integers(0, 2_000), byte=st.integers(0, 255), kind=st.sampled_from(sorted(GIVERS)))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_altered_byte_is_refused_or_alters_nothing_that_counts(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, kind: str
) -> None:
    """Never a defect, and never another approval: not even of white space."""
    path = GIVERS[kind](tmp_path_factory.mktemp("approvals"))
    before = read_all(path.parent, ROUTES)
    data = bytearray(path.read_bytes())
    changed = data[at % len(data)] != byte
    data[at % len(data)] = byte
    path.write_bytes(bytes(data))
    if changed:
        with pytest.raises(Refused):
            read_all(path.parent, ROUTES)
    else:
        assert read_all(path.parent, ROUTES) == before


@pytest.mark.parametrize("field", ["tenant_id", "domain_guid", "target_ou_guid", "retired_ou_guid"])
def test_a_plan_approval_is_bound_to_its_target(tmp_path: Path, field: str) -> None:
    path = plan_approval(tmp_path)
    plan = a_plan("A")
    elsewhere = replace(
        plan, target=replace(DIRECT_TYPES.target(plan.target), **{field: as_object_guid(b.guid("elsewhere"))})
    )
    assert closed(path, elsewhere).code == "approval-other-target"


def test_the_phrase_of_the_very_plan_counts(tmp_path: Path) -> None:
    path = plan_approval(tmp_path)
    rewrite(path, phrase="ENABLE 7 GROUPS IN contoso.com")
    assert closed(path, a_plan("A")).code == "approval-other-phrase"


def closed(path: Path, plan: Plan, *approvers: str) -> AwaitingApproval:
    with pytest.raises(AwaitingApproval) as caught:
        granted(plan, read_all(path.parent, ROUTES), b.NOW, approvers_of(approvers))
    assert "gwb approve" in caught.value.hint
    return caught.value


def test_approvers_are_names_accounts_or_groups(tmp_path: Path) -> None:
    path = plan_approval(tmp_path)
    plan = a_plan("A")
    (approval,) = read_all(path.parent, ROUTES).plans
    assert closed(path, plan, "Ada", "account:nobody-here", "group:none-here").code == "approver-not-allowed"
    allowed: list[tuple[str, ...]] = [(), ("ada", " KIM ")]
    if approval.file.owner:
        allowed += [(f"account:{approval.file.owner}",), *((f"group:{name}",) for name in approval.file.groups)]
    for entries in allowed:
        assert granted(plan, read_all(path.parent, ROUTES), b.NOW, approvers_of(entries)).changes == plan.changes


@pytest.mark.skipif(os.name != "posix", reason="the system does not tell who owns a file")
def test_the_owner_of_a_file_that_others_may_write_to_proves_nothing(path: Path) -> None:
    def why_not(entry: str) -> str:
        found = read_all(path.parent, ROUTES)
        files = [approval.file for approval in found.plans] + [approval.file for approval in found.standing]
        (file,) = files
        return approvers_of([entry.format(owner=file.owner)]).why_not("Kim", file, b.NOW)

    path.chmod(0o640)
    assert why_not("account:{owner}") == ""
    path.chmod(0o660)
    assert "others than its owner" in why_not("account:{owner}")
    assert why_not("Kim") == ""


@pytest.mark.parametrize("name", ["Kim\u200b", "\u202eKim", "K\u0000im", "Kim\udcff", "K" * 201])
def test_a_name_that_a_reader_takes_for_another_one_is_none(tmp_path: Path, name: str) -> None:
    plan = a_plan("A")
    with pytest.raises(UsageError) as caught:
        approve_plan(
            record_of(tmp_path, plan), ROUTES, approver=name, phrase=plan.phrase, valid=HOUR, clock=lambda: b.NOW
        )
    assert caught.value.code == "approver-name"
    assert not (tmp_path / "CHG" / "approvals").exists()


@pytest.mark.parametrize("name", ["Kim\u200b", "\u202eKim", "K\u0000im"])
def test_nor_is_it_one_in_a_file(path: Path, name: str) -> None:
    rewrite(path, approver=name)
    assert "nobody sees" in refused(path).message


def test_a_standing_approval_of_somebody_who_may_not_approve_is_closed(tmp_path: Path) -> None:
    path = standing_approval(tmp_path)
    assert closed(path, a_plan("A"), "Ada").code == "approver-not-allowed"


def test_one_person_who_asks_and_approves_is_a_finding(tmp_path: Path) -> None:
    (approval,) = read_all(plan_approval(tmp_path).parent, ROUTES).plans
    used = [(approval.approver, approval.file)]
    other = [(approval.approver, replace(approval.file, owner="svc-approvals"))]

    def ids(requesters: list[str], *entries: str, used: Any = used) -> list[str]:
        return [finding.id for finding in approver_findings(used, approvers_of(entries), requesters)]

    assert ids(["somebody"], "Kim", used=other) == []
    assert ids(["kim"], "Kim", used=other) == ["approver-is-requester"]
    assert ids(["SVC-approvals"], "Kim", used=other) == ["approver-is-requester"]
    assert ids(["", "somebody"], used=other) == ["approvers-anybody"]
    assert plan_to_json(a_plan("A"))["phrase"] == approval.phrase
