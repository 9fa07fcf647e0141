"""The loop over steps in a world in memory: whatever dies or is lost, the end is that of an undisturbed run."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.change.carry_out import carry_out
from runbook_lib.change.journal import JOURNAL_FILE, Journal, JournalFile, read_journal
from runbook_lib.change.journal_check import effects_beyond
from runbook_lib.errors import AwaitingApproval, BrokeOff, Refused
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from tests.support.second_route import SECOND, THINGS, Thing, ThingChange, ThingWork, World, change, plan_of


class Killed(BaseException):
    """The process is gone."""


class DyingJournal(Journal):
    """A journal whose process may die before and after each line, or leave half of one."""

    def __init__(self, path: Path, tick: Callable[[], None] = lambda: None) -> None:
        super().__init__(path, lambda: "2026-11-25T00:00:00Z")
        self.tick = tick

    def _line(self, entry: Mapping[str, object]) -> None:
        self.tick()
        super()._line(entry)
        self.tick()


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Thousands of lines: what a process wrote is read by the next one, flushed to the disk or not."""
    with patch("os.fsync", lambda _: None):
        yield


def start_of(changes: list[ThingChange], done_by_others: int = 0) -> World:
    """The world that the changes were planned from; the first texts of some were changed by others meanwhile."""
    payloads = [item.payload for item in changes]
    world = World({one.thing: Thing({text.name: "old" for text in one.texts}) for one in payloads if one.thing})
    for one in payloads[:done_by_others]:
        if one.texts:
            world.things[one.thing].texts["text 0"] = "new"
    return world


def run(
    folder: Path, changes: list[ThingChange], world: World, earlier: list[JournalFile], death: tuple[int, bool]
) -> JournalFile:
    """One process; ``death`` is the moment at which it dies (counted from 1; 0: never), and whether the power fails."""
    moments = itertools.count()
    die_at, torn = death

    def tick() -> None:
        if next(moments) == die_at > 0:
            raise Killed

    path = folder / f"run{len(earlier)}"
    path.mkdir()
    world.tick = tick
    with suppress(Killed, BrokeOff, Refused), DyingJournal(path / JOURNAL_FILE, tick) as journal:
        resumes = earlier[-1].run.name if earlier else None
        journal.open(route=Route.CLOUD_SYNC.value, approved=[item.digest for item in changes], resumes=resumes)
        carry_out(ThingWork(changes, world), journal, earlier=earlier)
    data = (path / JOURNAL_FILE).read_bytes()
    if torn and data.count(b"\n") > 1 and not data.endswith(b'closed"}\n'):
        # The power failed: nothing was sent after a line that is only half on the disk.
        last = data.rstrip(b"\n").rpartition(b"\n")[2]
        if b'"entry": "begin"' not in last:
            (path / JOURNAL_FILE).write_bytes(data[: -len(last) // 2])
    world.tick = lambda: None
    found = read_journal(path, SECOND)
    assert found is not None
    return found


def finished(
    folder: Path, changes: list[ThingChange], world: World, deaths: list[tuple[int, bool]]
) -> list[JournalFile]:
    """Processes that die, one after the other, and at last some that do not."""
    chain: list[JournalFile] = []
    for moment, torn in [*deaths, *[(0, False)] * 4]:
        chain.append(run(folder, changes, world, chain, (moment, torn)))
        if chain[-1].closed:
            break
    return chain


CHANGES = st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 5)), min_size=1, max_size=4).map(
    lambda told: [change(n, new=new, texts=texts, values=values) for n, (new, texts, values) in enumerate(told)]
)
ANSWERS = st.lists(st.sampled_from(("ok", "ok", "ok", "lost", "unanswered", "late")), max_size=12)
DEATHS = st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=5)


@given(CHANGES, ANSWERS, DEATHS, st.sets(st.sampled_from([f"value {n}" for n in range(5)])), st.integers(0, 4))
@settings(max_examples=150, deadline=None)
def test_whatever_dies_or_is_lost_the_end_is_that_of_an_undisturbed_run(
    changes: list[ThingChange], answers: list[str], deaths: list[tuple[int, bool]], refuses: set[str], by_others: int
) -> None:
    calm, rough = (start_of(changes, by_others) for _ in range(2))
    calm.refuses = rough.refuses = frozenset(refuses)
    rough.answers = list(answers)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        undisturbed = finished(Path(one), changes, calm, [])
        chain = finished(Path(other), changes, rough, deaths)
        assert chain[-1].closed
        assert rough.things == calm.things
        assert sorted(rough.done) == sorted(set(rough.done)) == sorted(calm.done)
        assert told(chain) == told(undisturbed)
        assert effects_beyond(plan_of(changes), chain, THINGS) is None
        assert chain[-1].carried_out is not any(said(chain))


def told(chain: list[JournalFile]) -> dict[str, object]:
    """What each step did, as the journals tell."""
    return {effect.write: dict(effect.data) for journal in chain for effect in journal.effects}


def said(chain: list[JournalFile]) -> Iterator[object]:
    return (effect.data.get("refused") for journal in chain for effect in journal.effects)


def test_a_process_that_dies_at_any_moment_is_resumed(tmp_path: Path) -> None:
    """Every moment of one plan of all kinds of step, and every moment of the run that resumes it."""
    changes = [change(0, new=True, texts=0, values=3), change(1, new=False, texts=1, values=1)]
    calm = start_of(changes)
    undisturbed = finished(tmp_path, changes, calm, [])
    for first, second in itertools.product(range(1, 60, 1), (0, 1, 2, 3, 5, 8, 13)):
        with TemporaryDirectory() as folder:
            world = start_of(changes)
            deaths = [(first, False)] + ([(second, False)] if second else [])
            chain = finished(Path(folder), changes, world, deaths)
            assert (world.things, sorted(world.done)) == (calm.things, sorted(calm.done))
            assert told(chain) == told(undisturbed)


def calmly(folder: Path, work: ThingWork, **more: Any) -> None:
    """One run, without a death."""
    with Journal(folder / JOURNAL_FILE, lambda: "now") as journal:
        journal.open(route=Route.CLOUD_SYNC.value, approved=[], resumes=None)
        carry_out(work, journal, **more)


def test_drift_before_the_first_step_is_refused_and_after_it_breaks_off(tmp_path: Path) -> None:
    changes = [change(0, new=False, texts=1, values=0), change(1, new=False, texts=1, values=0)]
    for number, kind in ((0, Refused), (1, BrokeOff)):
        world = start_of(changes)
        world.things[f"thing {number}"].texts["text 0"] = "by hand"
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(kind) as caught:
            calmly(folder, ThingWork(changes, world))
        assert "it says by hand" in caught.value.message
        assert caught.value.values.get("cause", caught.value.code) == "drift"
        assert world.things[f"thing {number}"].texts["text 0"] == "by hand"
        read = read_journal(folder, SECOND)
        assert read is not None
        assert read.closed


def test_the_approval_is_looked_at_before_every_step_that_is_sent(tmp_path: Path) -> None:
    changes = [change(0, new=False, texts=2, values=3)]
    world = start_of(changes, done_by_others=1)
    looked: list[int] = []
    calmly(tmp_path, ThingWork(changes, world), still_approved=lambda: looked.append(len(world.done)))
    assert looked == [0, 1, 3]  # not before the first text, which others had changed

    def lapsed() -> None:
        raise AwaitingApproval(t("ended"), code="approval-expired")

    other = copy.deepcopy(start_of(changes))
    (tmp_path / "2").mkdir()
    with pytest.raises(AwaitingApproval):
        calmly(tmp_path / "2", ThingWork(changes, other), still_approved=lapsed)
    assert not other.done
    assert b'"begin"' not in (tmp_path / "2" / JOURNAL_FILE).read_bytes()


def test_a_step_that_was_done_in_part_breaks_off_and_is_resumed(tmp_path: Path) -> None:
    """Nothing of it is in the journal but its beginning, and something of it took effect."""
    changes = [change(0, new=False, texts=0, values=2)]
    world = start_of(changes)
    world.answers = ["ok", "forbidden"]
    with pytest.raises(BrokeOff) as caught:
        calmly(tmp_path, ThingWork(changes, world))
    assert "it resumes" in caught.value.hint
    read = read_journal(tmp_path, SECOND)
    assert read is not None
    assert (read.closed, read.effects) == (False, ())
    again = tmp_path / "again"
    again.mkdir()
    calmly(again, ThingWork(changes, world), earlier=[read])
    assert world.things["thing 0"].content == {"value 0", "value 1"}


def test_progress_names_each_step_that_is_done(tmp_path: Path) -> None:
    changes = [change(0, new=True, texts=0, values=3)]
    seen: list[tuple[str, int, int | None]] = []
    calmly(tmp_path, ThingWork(changes, start_of(changes)), progress=lambda *told: seen.append(told))
    assert seen == [("g0", 1, 3), ("g0", 2, 3), ("g0", 3, 3)]
