"""``gwb approve --standing``: options, what is shown, what is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_lib.change.approvals.plan import planned, read_approvals
from runbook_lib.change.approvals.standing import Caps, read_standing, standing_kinds_of
from runbook_lib.change.plan_file import plan_to_json
from runbook_lib.model.change import GroupMembers, LeftOut, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.record.folder import RecordFolder
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload
from runbook_lib.routes.direct.route import DIRECT_RULES
from runbook_lib.routes.direct.target import DirectTarget
from runbook_lib.routes.registry import ROUTES
from runbook_lib.runner.cli import cli

GROUP = "1a0fd0b6-5a55-4f38-9a3c-0d6c0a6f5a10"
OTHER = "6b0fd0b6-5a55-5f38-9a3c-0d6c0a6f5a10"
THIRD = "7c0fd0b6-5a55-4f38-9a3c-0d6c0a6f5a10"
UNTIL = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
PHRASE = f"STAND 1 GROUP IN contoso.com UNTIL {UNTIL}"


def gwb(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="gwb")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record folder with a plan of one change."""
    tenant, domain, target_ou, retired_ou = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(4))
    target = DirectTarget(
        tenant, domain, "contoso.com", "OU=a,DC=c", ObjectGuid(target_ou), "OU=r,DC=c", ObjectGuid(retired_ou)
    )
    change = DirectChange(ChangeKind.CREATE, GroupId(GROUP), "Pro\x1bject", DirectPayload("CN=x"))
    folder = RecordFolder.create(tmp_path / "records", "CHG1", "run1")
    folder.write_json("plan.json", plan_to_json(Plan(Operation.ENABLE, target, (change,))))
    return folder.path


def test_with_the_phrase_and_every_default(record: Path) -> None:
    done = gwb("approve", str(record), "--standing", "--as", "Ada", "--until", UNTIL, "--phrase", PHRASE)
    assert done.exit_code == 0, done.output
    (approval,) = read_standing(record.parent / "approvals", ROUTES)
    assert (approval.approver, sorted(approval.groups), approval.caps) == ("Ada", [GROUP], Caps())
    assert approval.kinds == set(standing_kinds_of(DIRECT_RULES))
    assert approval.until.isoformat() == f"{UNTIL}T23:59:59+00:00"
    assert read_approvals(record.parent / "approvals", ROUTES) == []
    assert "Approved in advance by Ada" in done.stdout
    assert "at most 50 changes, 100 members added, 20 members removed" in done.stdout


def test_every_option(record: Path) -> None:
    caps = ("--max-changes", "3", "--max-members-added", "2", "--max-members-removed", "0")
    phrase = f"STAND 2 GROUPS IN contoso.com UNTIL {UNTIL}"
    more = ("--kinds", "add-members, update", "--group", OTHER, *caps, "--phrase", phrase)
    done = gwb("approve", str(record), "--standing", "--as", "Ada", "--until", UNTIL, *more)
    assert done.exit_code == 0, done.output
    (approval,) = read_standing(record.parent / "approvals", ROUTES)
    assert approval.groups == {GROUP, OTHER}
    assert approval.kinds == {"add-members", "update"}
    assert approval.caps == Caps(3, 2, 0)


def test_without_the_phrase_what_would_be_approved_is_shown(record: Path) -> None:
    done = gwb("approve", str(record), "--standing", "--as", "Ada", "--until", UNTIL)
    assert done.exit_code == Outcome.AWAITING_APPROVAL.exit_code
    assert "Pro\\u001bject" in done.stdout
    assert "update, add-members, remove-members" in done.stdout
    assert PHRASE in done.stderr
    assert not (record.parent / "approvals").exists()


def test_each_group_is_shown_with_its_members_and_all_together(record: Path) -> None:
    plan = planned(record, ROUTES)
    left_out = (LeftOut(OTHER, "Kim", "user", "no-account", t("No AD account was found.")),)
    known = (
        GroupMembers(GroupId(GROUP), "Project", 13, 2, 10, 1, left_out),
        GroupMembers(GroupId(THIRD), "Board", 4, 0, 4, 0),
    )
    third = replace(plan.changes[0], group_id=GroupId(THIRD), display_name="Board")
    plan = replace(plan, changes=(*plan.changes, third), members=known)
    RecordFolder(record).write_json("plan.json", plan_to_json(plan))
    shown = gwb("approve", str(record), "--standing", "--as", "Ada", "--until", UNTIL, "--group", OTHER).stdout
    assert f"  {GROUP}  Pro\\u001bject: 13 in the cloud, 2 in AD already, 10 added, 1 removed, 1 left out\n" in shown
    assert "    left out: Kim (user): No AD account was found.\n" in shown
    assert f"  {THIRD}  Board: 4 in the cloud, 4 added, 0 left out\n" in shown
    assert f"  {OTHER}: its members are not in this record\n" in shown
    assert (
        "  in all      2 groups: 17 in the cloud, 2 in AD already, 14 added, 1 removed, 1 left out; 1 group of" in shown
    )
    assert "  per run     at most 50 changes, 100 members added, 20 members removed\n" in shown
    # What was read is kept: the group that was given by its id alone has no name there.
    phrase = f"STAND 3 GROUPS IN contoso.com UNTIL {UNTIL}"
    gwb(*("approve", str(record), "--standing", "--as", "Ada", "--until", UNTIL, "--group", OTHER, "--phrase", phrase))
    (approval,) = read_standing(record.parent / "approvals", ROUTES)
    assert approval.names == {GROUP: "Pro\x1bject", OTHER: "", THIRD: "Board"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--standing", "--phrase", PHRASE), "needs an end"),
        (("--standing", "--until", "soon", "--phrase", PHRASE), "'soon' is not a day"),
        (("--standing", "--until", "2020-01-01", "--phrase", PHRASE), "within 90 days"),
        (("--standing", "--until", UNTIL, "--valid", "4h", "--phrase", PHRASE), "--valid does not fit"),
        (("--standing", "--until", UNTIL, "--kinds", "create", "--phrase", PHRASE), "'create' cannot be approved"),
        (("--standing", "--until", UNTIL, "--group", "Board", "--phrase", PHRASE), "not the id of a group"),
        (("--valid", "", "--phrase", "ENABLE 1 GROUP IN contoso.com"), "is not a length of time"),
        (("--until", UNTIL, "--phrase", "ENABLE 1 GROUP IN contoso.com"), "--until belongs to a standing approval"),
        (("--group", OTHER, "--phrase", "ENABLE 1 GROUP IN contoso.com"), "--group belongs to a standing approval"),
        (("--max-changes", "0", "--phrase", "ENABLE 1 GROUP IN contoso.com"), "--max-changes belongs to a standing"),
    ],
)
def test_wrong_use(record: Path, options: tuple[str, ...], words: str) -> None:
    done = gwb("approve", str(record), "--as", "Ada", *options)
    assert (done.exit_code, words in done.stderr) == (2, True), done.output
    assert "What to do" in done.stderr
    assert not (record.parent / "approvals").exists()
