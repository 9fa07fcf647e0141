"""What can go wrong on the Connect server, on command: each leaves evidence that meets one clear message."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.errors import AwaitingHandoff, UsageError
from runbook_lib.routes.connect_sync.watch import ArrivalsSeen, ServerNow, end_of_arrivals
from tests.docs.markdown import ROOT, section, table_rows
from tests.unit.rehearsal_connect_sync.test_commands import connect, gwb_rehearsal, written
from tests.unit.routes_connect_sync.test_watch import EVERYTHING, seen_of

PAGE = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
SALES = names.group_id("sales-team")
ON = ("enable", "--ou", names.CONNECT_OU)
ROWS = table_rows(section(PAGE, "## Connect Sync"))
"""Fault, commands that bring it about, code of the message of the run that comes next."""


def collected(running: RunningRehearsal, tmp_path: Path) -> ConnectEvidence:
    file = tmp_path / f"evidence-{len(list(tmp_path.iterdir()))}.json"
    connect(running, "collect", str(file))
    return read_connect_evidence(file)


def test_the_page_has_every_fault() -> None:
    assert len(ROWS) == 6


@pytest.mark.parametrize("row", ROWS, ids=[row[-1] for row in ROWS])
def test_each_fault_meets_one_message(row: list[str], fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    _, commands, code = row
    for command in filter(None, commands.split(";")):
        connect(fresh_rehearsal, *shlex.split(command))
    told = collected(fresh_rehearsal, tmp_path)
    seen = ArrivalsSeen(seen_of(EVERYTHING[:1]), timedelta(0), 1)
    error = end_of_arrivals(seen, ServerNow(told.v1, told), since)
    assert isinstance(error, AwaitingHandoff)
    assert error.code == code, error.message
    assert error.hint


def test_rights_that_were_taken_away_come_back(fresh_rehearsal: RunningRehearsal) -> None:
    for command in (("rights", "off"), ON):
        connect(fresh_rehearsal, *command)
    assert "refused 8344" in connect(fresh_rehearsal, "cycle")
    connect(fresh_rehearsal, "rights", "on")
    assert " 0 refused." in connect(fresh_rehearsal, "cycle")


def test_the_threshold_stops_an_export_before_its_first_object(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    assert collected(fresh_rehearsal, tmp_path).deletion_threshold == 500
    for command in (ON, ("cycle",), ("disable",)):
        connect(fresh_rehearsal, *command)
    assert "10 deletions or more is stopped" in connect(fresh_rehearsal, "prevent-deletes", "10")
    before = written(fresh_rehearsal)
    said = connect(fresh_rehearsal, "cycle")
    assert "0 deleted" in said
    assert "stopped-deletion-threshold-exceeded" in said
    assert written(fresh_rehearsal) == before
    told = collected(fresh_rehearsal, tmp_path)
    assert told.deletion_threshold == 10
    assert told.evidence.pending is not None
    assert f"objects that wait: {told.evidence.pending[0].counters['ExportDeletes']}." in said
    connect(fresh_rehearsal, "prevent-deletes", "0")
    assert collected(fresh_rehearsal, tmp_path).deletion_threshold == 0
    assert "0 deleted" not in connect(fresh_rehearsal, "cycle")


def test_a_cycle_that_is_broken_off_leaves_the_rest_to_the_next(fresh_rehearsal: RunningRehearsal) -> None:
    connect(fresh_rehearsal, *ON)
    said = connect(fresh_rehearsal, "cycle", "--at-most", "20")
    assert "stopped-connectivity" in said
    half = written(fresh_rehearsal)
    rest = connect(fresh_rehearsal, "cycle")
    assert "ended before its end" not in rest
    whole = written(fresh_rehearsal)
    assert half.keys() < whole.keys()
    waited = int(said.partition("objects that wait: ")[2].partition(".")[0])
    made, changed = (int(rest.partition(word)[0].split()[-1]) for word in (" made", " changed"))
    assert made + changed == waited


def test_edits_by_hand_are_overwritten_by_the_next_cycle(fresh_rehearsal: RunningRehearsal) -> None:
    for command in ((*ON, "--display-names"), ("cycle",)):
        connect(fresh_rehearsal, *command)
    name = f"Sales Team_{SALES[-12:]}"
    before = written(fresh_rehearsal)[f"Group_{SALES}"]
    gwb_rehearsal(fresh_rehearsal, "edit-group", name, "--description", "Edited by hand")
    assert written(fresh_rehearsal)[f"Group_{SALES}"]["description"] == ["Edited by hand"]
    assert "0 made, 1 changed" in connect(fresh_rehearsal, "cycle")
    assert written(fresh_rehearsal)[f"Group_{SALES}"].get("description") == before.get("description")


def test_an_ou_outside_the_filter_is_refused_by_the_wizard_and_named_by_the_evidence(
    fresh_rehearsal: RunningRehearsal, tmp_path: Path
) -> None:
    connect(fresh_rehearsal, "filter", "--leave-out", names.CONNECT_OU)
    with pytest.raises(UsageError, match="The OU is excluded"):
        connect(fresh_rehearsal, *ON)
    assert collected(fresh_rehearsal, tmp_path).in_filter(names.CONNECT_OU) is False
    connect(fresh_rehearsal, "filter")
    assert collected(fresh_rehearsal, tmp_path).in_filter(names.CONNECT_OU) is True
