"""Some Microsoft 365 groups chosen under v1, through the real notebooks: rules in staging mode, proved, then written.

The rehearsal's server decides by itself what its rules keep out; it knows nothing of what the runbook proves.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

import pytest

from rehearsal.contoso import names
from rehearsal.process import start_rehearsal
from runbook_lib.change.approvals.plan import planned
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.outcome import Outcome
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.manifest import verified_record
from runbook_lib.routes.registry import ROUTES
from tests.notebooks.journey import SMALL
from tests.notebooks.runs import acknowledged, written_by_v1
from tests.notebooks.test_connect_sync import ENABLE, World
from tests.support.schemas import misfits

CHOSEN = ("Sales Team", "Book Club")
GIVEN = {
    **ENABLE,
    "select_names": json.dumps(CHOSEN),
    "max_creates": str(len(CHOSEN)),
    "acknowledge": acknowledged(
        "connect-choice-unconfirmed", "connect-sync-unclear", "mail-not-in-address-book", "connect-sync-selection"
    ),
}


def in_v1s_ou(world: World) -> set[str]:
    """Anchors in v1's OU."""
    return set(written_by_v1(world.running))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A choice from its plan to its end, with a rule that errs on the way."""
    folder = tmp_path_factory.mktemp("connect-choice")
    with start_rehearsal(folder / "world", SMALL) as running:
        found, connect = World(running, folder), running.control.connect_sync
        found.before = in_v1s_ou(found)
        given = {**GIVEN, "connect_evidence": found.collected("before")}
        found.run("planned", "CHG-CHOICE", given)
        found.approve("planned")
        found.run("rules", "CHG-CHOICE", given)
        found.run("nothing done", "CHG-CHOICE", given)
        kept_out = json.loads((found.record("rules") / "plan.json").read_text())["changes"][0]["action"]["kept_out"]
        ids = [one["group_id"] for one in kept_out]
        connect("stage", on=True)
        connect("enable", container=names.CONNECT_OU, display_names=True)
        connect("keep-out", groups=ids[1:])
        connect("cycle")
        found.run("one too many", "CHG-CHOICE", {**given, "connect_evidence": found.collected("errs")})
        connect("keep-out", groups=ids)
        connect("cycle")
        given |= {"connect_evidence": found.collected("staged")}
        found.run("proved", "CHG-CHOICE", given)
        found.staged = in_v1s_ou(found)
        found.approve("proved")
        found.run("leave staging", "CHG-CHOICE", given)
        connect("stage", on=False)
        connect("cycle")
        given |= {"connect_evidence": found.collected("arrived"), "select_names": "[]"}
        found.run("arrived", "CHG-CHOICE", given)
        found.run("on before", "CHG-CHOICE-AGAIN", {**given, "select_names": json.dumps(CHOSEN)})
        found.run("drift", "CHG-CHOICE-DRIFT", {**given, "select_names": json.dumps(CHOSEN)}, "50-check-drift")
        yield found


def test_every_run_ended_as_asked_and_its_record_verifies(world: World) -> None:
    ends = {
        name: (result.outcome, (world.facts(name)["error"] or {}).get("code")) for name, result in world.results.items()
    }
    assert ends == {
        "planned": (Outcome.AWAITING_APPROVAL, "no-approval"),
        "rules": (Outcome.AWAITING_HANDOFF, "handed-over"),
        "nothing done": (Outcome.AWAITING_HANDOFF, "choice-unproved"),
        "one too many": (Outcome.AWAITING_HANDOFF, "choice-otherwise"),
        "proved": (Outcome.AWAITING_APPROVAL, "approval-of-another-plan"),
        "leave staging": (Outcome.AWAITING_HANDOFF, "handed-over"),
        "arrived": (Outcome.DONE, None),
        "on before": (Outcome.NOTHING_TO_DO, None),
        "drift": (Outcome.NOTHING_TO_DO, None),
    }, {name: result.message for name, result in world.results.items()}
    for name in world.results:
        assert verified_record(RecordFolder.open(world.record(name))).ok, name
    assert misfits([path.parent for path in sorted(world.records.glob("*/*/record.json"))]) == {}


def test_nothing_is_written_before_the_server_left_staging_mode_and_then_the_chosen_groups_alone(world: World) -> None:
    assert world.staged == world.before
    plan = planned(world.record("proved"), ROUTES)
    chosen = {f"Group_{key}" for change in plan.changes for key in change.payload.groups}
    assert len(chosen) == len(CHOSEN)
    assert in_v1s_ou(world) == world.before | chosen


def test_each_step_has_an_approval_of_its_own_and_says_that_it_is_unconfirmed(world: World) -> None:
    first, second = (planned(world.record(name), ROUTES) for name in ("planned", "proved"))
    assert [change.kind for change in first.changes] == [ChangeKind.CHOOSE_GROUPS]
    assert first.phrase == "CHOOSE 2 GROUPS IN contoso.com"
    assert [change.kind for change in second.changes] == [ChangeKind.LEAVE_STAGING, ChangeKind.RUN_CYCLE]
    assert second.phrase == "ENABLE 2 GROUPS IN contoso.com"
    for name in ("planned", "proved"):
        found = {one["id"]: one for one in world.facts(name)["findings"]}
        assert "Kim" in json.dumps(found["connect-choice-unconfirmed"])
        assert "connect-sync-selection" not in found
        assert "connect-sync-not-certain" not in found
    text = (world.record("rules") / "hand-off-choose-groups.txt").read_text(encoding="utf-8")
    assert "UNCONFIRMED" in text
    assert "nobody takes the server out of staging mode" in text
    assert names.CONNECT_OU in text


def test_what_the_server_would_do_is_kept_with_the_run_that_looked(world: World) -> None:
    for name, otherwise in (("one too many", 1), ("proved", 0)):
        with (world.record(name) / "choice.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["chosen"] for row in rows].count("no") == otherwise
        assert {row["group"] for row in rows if row["chosen"] == "yes"} == set(CHOSEN)
    again = (world.record("one too many") / "hand-off-choose-groups.txt").read_text(encoding="utf-8")
    assert again == (world.record("rules") / "hand-off-choose-groups.txt").read_text(encoding="utf-8")
