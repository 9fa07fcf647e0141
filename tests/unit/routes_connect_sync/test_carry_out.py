"""What is handed over, through the real loop: whatever dies, the end is that of a calm run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.journal_check import effects_beyond
from runbook_lib.change.step import LiveState
from runbook_lib.model.cloud import Switch
from runbook_lib.routes.connect_sync.actions import LetConnectorWrite, RunCycle, SwitchOn
from runbook_lib.routes.connect_sync.route import CONNECT_SYNC_RULES
from runbook_lib.routes.connect_sync.work import ConnectSyncWork, ServicePatience
from tests.unit.routes_connect_sync.world import ACCOUNT, OU, Runs, World, coming, context_of, enabling, plan_of

FILES = {"hand-off-grant-rights.txt", "hand-off-switch-on.txt", "hand-off-run-cycle.txt"}


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with patch("os.fsync", lambda _: None):
        yield


@given(st.lists(st.integers(1, 24), max_size=5), st.integers(0, 3), st.sampled_from(Switch), st.sampled_from(Switch))
@settings(max_examples=60, deadline=None)
def test_whatever_dies_everything_is_handed_over_that_was_not_so_already(
    deaths: list[int], full: int, v1: Switch, rights: Switch
) -> None:
    plan = enabling()
    world = World(v1=v1, rights=rights, full=full)
    with TemporaryDirectory() as folder:
        chain = Runs(Path(folder), plan, world).finished(deaths)
        assert chain[-1].carried_out
        assert effects_beyond(plan, chain, CONNECT_SYNC_RULES) is None
        wanted = FILES - ({"hand-off-switch-on.txt"} if v1 is Switch.ON else set())
        wanted -= {"hand-off-grant-rights.txt"} if rights is Switch.ON else set()
        assert set(world.kept) == wanted
        told = {effect.data["file"]: effect.data["sha256"] for one in chain for effect in one.effects if effect.data}
        assert told == {file: hashlib.sha256(text.encode()).hexdigest() for file, text in world.kept.items()}


def test_each_is_handed_over_in_its_turn_and_nothing_else_is_done(tmp_path: Path) -> None:
    world = World()
    chain = Runs(
        tmp_path, plan_of(RunCycle(), SwitchOn(False, coming("One")), LetConnectorWrite(ACCOUNT)), world
    ).finished()
    assert [effect.data["handed_over"] for effect in chain[0].effects] == ["grant-rights", "switch-on", "run-cycle"]
    assert list(world.kept) == ["hand-off-grant-rights.txt", "hand-off-switch-on.txt", "hand-off-run-cycle.txt"]


def test_v1_that_somebody_switched_on_elsewhere_stops_the_run(tmp_path: Path) -> None:
    world = World(v1=Switch.ON, container="OU=Other,DC=contoso,DC=com", rights=Switch.ON)
    chain = Runs(tmp_path, enabling(), world).finished()
    assert chain[-1].closed
    assert not chain[-1].carried_out
    assert world.kept == {}


@pytest.mark.parametrize(
    ("world", "states"),
    [
        (World(), ["before", "before", "before"]),
        (World(v1=Switch.UNKNOWN, rights=Switch.UNKNOWN), ["before", "before", "before"]),
        (World(v1=Switch.ON, container=OU.upper(), rights=Switch.ON), ["after", "after", "before"]),
        (World(v1=Switch.ON, rights=Switch.ON), ["after", "after", "before"]),
        (World(v1=Switch.ON, container="OU=X,DC=contoso,DC=com"), ["before", "other", "before"]),
        (World(v1=Switch.ON, container="no name"), ["before", "other", "before"]),
    ],
)
def test_a_step_looks_at_what_is_so_now(world: World, states: list[str]) -> None:
    context = context_of(world)
    work = ConnectSyncWork(enabling().changes, context, ServicePatience((), lambda _: None))
    assert [step.look(None).state for step in work.steps] == [LiveState(state) for state in states]


def test_what_was_never_begun_says_nothing_of_having_been_done() -> None:
    context = context_of(World())
    work = ConnectSyncWork(enabling().changes, context, ServicePatience((), lambda _: None))
    assert [step.effect(None) for step in work.steps] == [{}, {}, {}]
    assert all(step.effect({})["handed_over"] for step in work.steps)
