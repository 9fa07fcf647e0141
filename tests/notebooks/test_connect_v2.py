"""Single groups under V2 through the real notebooks: 40 and 30 set writebackConfiguration, 60 sets it back.

What comes of it shows in AD: the rehearsal's cycle leaves out a group that is set not to be written.
"""

from __future__ import annotations

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
from tests.notebooks.runs import acknowledged
from tests.notebooks.test_connect_sync import ENABLE, World

ENABLING, DISABLING, UNDO = "30-enable-writeback", "40-disable-writeback", "60-undo-change"
CLUB = "Book Club"
GIVEN = {
    **ENABLE,
    "rdn_style": "id",
    "acknowledge": acknowledged(
        "group-writeback-under-v2", "connect-sync-unclear", "connect-sync-selection", "mail-not-in-address-book"
    ),
}


class V2(World):
    """A tenant in which V2 stayed on, and runs that are planned, approved and carried out."""

    given: dict[str, str]
    clubs: list[bool]

    def carried_out(self, name: str, change_id: str, notebook: str, **given: str) -> Outcome:
        told = {**self.given, **given}
        planning = self.run(f"{name}, planned", change_id, told, notebook)
        assert planning.outcome is Outcome.AWAITING_APPROVAL, planning.message
        self.approve(f"{name}, planned")
        return self.run(name, change_id, told, notebook).outcome

    def cycle(self) -> None:
        """Let the server run, and look whether the club is in AD."""
        self.running.control.connect_sync("cycle")
        found = self.running.control.directory().values()
        self.clubs.append(any(one.get("displayName") == [CLUB] and "adminDescription" in one for one in found))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[V2]:
    """The club is set not to be written, set back, and set to be written."""
    folder = tmp_path_factory.mktemp("connect-v2")
    with start_rehearsal(folder / "world", SMALL) as running:
        found, connect = V2(running, folder), running.control.connect_sync
        running.control.settings(roles=[*names.APP_ROLES, "Group.ReadWrite.All"])
        connect("v2", on=True)
        connect("enable", container=names.CONNECT_OU, display_names=False)
        found.given, found.clubs = {**GIVEN, "connect_evidence": found.collected("v2")}, []
        off = {"disable_names": json.dumps([CLUB])}
        assert found.carried_out("off", "CHG-V2-OFF", DISABLING, **off) is Outcome.DONE
        found.cycle()
        assert (
            found.run("off again", "CHG-V2-OFF-2", {**found.given, **off}, DISABLING).outcome is Outcome.NOTHING_TO_DO
        )
        back = {"undo_record": str(found.record("off"))}
        assert found.carried_out("back", "CHG-V2-BACK", UNDO, **back) is Outcome.DONE
        found.cycle()
        on = {"select_names": json.dumps([CLUB])}
        assert found.carried_out("on", "CHG-V2-ON", ENABLING, **on) is Outcome.DONE
        back = {"undo_record": str(found.record("on"))}
        assert found.carried_out("on, undone", "CHG-V2-ON-BACK", UNDO, **back) is Outcome.DONE
        yield found


def settings_of(world: V2, name: str) -> list[tuple[object, object]]:
    """What a plan set, before and after."""
    changes = json.loads((world.record(name) / "plan.json").read_text(encoding="utf-8"))["changes"]
    return [(one["action"]["before"], one["action"]["after"]) for one in changes]


def test_one_group_is_set_and_set_back(world: V2) -> None:
    assert settings_of(world, "off") == [(None, False)]
    assert settings_of(world, "back") == [(False, None)]
    assert settings_of(world, "on") == [(None, True)], "the undo left nothing behind"
    assert settings_of(world, "on, undone") == [(True, None)]
    assert world.clubs == [False, True]
    for name in world.results:
        assert verified_record(RecordFolder.open(world.record(name))).ok, name


def test_v1_and_all_other_groups_are_left_alone_and_v2_is_to_be_accepted(world: V2) -> None:
    for name in ("off", "back", "on"):
        plan = planned(world.record(name), ROUTES)
        assert [change.kind for change in plan.changes] == [ChangeKind.GROUP_WRITEBACK]
        assert plan.groups == 1
    found = {one["id"]: one for one in world.facts("off")["findings"]}
    assert "Kim" in json.dumps(found["group-writeback-under-v2"])
    assert not list(world.record("off").glob("hand-off-*"))
