"""A run that goes on from the reading of an earlier one shows what a whole reading shows, or reads everything."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.errors import RunbookError
from runbook_lib.graph.kept import stored
from runbook_lib.graph.kept.place import account_key, kept_file, place_of
from runbook_lib.graph.kept.reader import CloudRead, CloudReader, InMemory
from runbook_lib.graph.kept.state import MOST_READINGS
from runbook_lib.graph.kept.stored import KeptBetweenRuns
from runbook_lib.graph.snapshot import read_cloud
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.parameters.model import Parameters
from runbook_lib.reading_file import KEY_BYTES, NotKept, ReadingFile
from tests.unit.graph.fake_cloud import Reply
from tests.unit.graph.test_sign_in_cache import Broken, Sealed, no_store, unencrypted
from tests.unit.graph_kept.tenant import Behind, chance_of, edit
from tests.unit.graph_kept.test_reader import by_changes, plain, told, untold
from tests.unit.graph_kept.trials import FAULTS
from tests.unit.rehearsal_cloud.asking import Asking

WHO = {"appid": "an app", "oid": "its account", "tid": "the tenant", "roles": ["Group.Read.All"]}


@dataclass
class Runs:
    """Runs one after the other, each in a process of its own as far as what is kept is concerned."""

    behind: Behind
    path: Path
    key: Callable[[], bytes] | None = None
    number: int = field(default=0)

    def read(self) -> CloudRead:
        """The reading of the next run."""
        self.number += 1
        tenant = str(self.behind.asking.store.organization["id"])
        place = KeptBetweenRuns(ReadingFile(self.path, self.key, patience=0))
        reader = CloudReader(tenant, place, self.behind.clock, f"CHG/{self.number}")
        return reader.read(self.behind.client())

    def whole(self) -> CloudSnapshot:
        """The tenant as it is."""
        tenant = str(self.behind.asking.store.organization["id"])
        return read_cloud(self.behind.client(), tenant, clock=self.behind.clock)


@pytest.fixture
def runs(asking: Asking, tmp_path: Path) -> Runs:
    return Runs(Behind(asking, claims=WHO), tmp_path / "state" / "kept.sqlite")


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    rounds=st.lists(st.integers(0, 12), min_size=1, max_size=2),
    replays=st.booleans(),
    sealed=st.booleans(),
)
def test_whatever_changed_between_runs_is_read(
    runs: Runs, seed: int, rounds: list[int], *, replays: bool, sealed: bool
) -> None:
    store, chance = runs.behind.asking.store, chance_of(seed)
    store.reset()
    runs.key = (lambda: b"k" * KEY_BYTES) if sealed else None
    ReadingFile(runs.path, None).remove()
    runs.read()
    for edits in rounds:
        for _ in range(edits):
            edit(store, chance)
        if replays:
            store.log.replay()
            store.user_log.replay()
        found = runs.read()
        assert by_changes(found.snapshot)
        assert found.findings == ()
        assert plain(found.snapshot) == plain(runs.whole())


def test_what_is_kept_is_what_was_read(runs: Runs) -> None:
    place = KeptBetweenRuns(ReadingFile(runs.path, None))
    memory = InMemory()
    runs.read()
    kept = place.load()
    assert kept is not None
    memory.keep(kept)
    assert place.keep(kept) == ""
    assert KeptBetweenRuns(ReadingFile(runs.path, None)).load() == memory.load() == kept
    assert (kept.run, kept.readings) == ("CHG/1", 0)


def test_the_proof_names_the_run_and_when_everything_was_read(runs: Runs) -> None:
    first = runs.read().snapshot
    runs.behind.clock.move(60)
    second = runs.read().snapshot
    runs.behind.clock.move(60)
    third = runs.read().snapshot
    assert "goes on from" not in told(first)
    began = first.reading.at.strftime("%Y-%m-%dT%H:%M:%S")
    assert f"Everything was read at {began}" in told(third)
    assert "This reading goes on from that of run CHG/2 at " + second.reading.at.strftime("%Y-%m-%dT%H:%M:%S") in told(
        third
    )


def test_another_sign_in_other_permissions_or_none_that_is_named_reads_everything(runs: Runs) -> None:
    who: list[tuple[dict[str, object] | None, str]] = [
        ({**WHO, "oid": "somebody else"}, "another sign-in"),
        ({**WHO, "roles": ["Group.Read.All", "User.Read.All"]}, "another sign-in, other permissions"),
        (None, "the token does not say who signed in"),
        ({"tid": "the tenant", "appid": "an app"}, "the token does not say who signed in"),
    ]
    runs.read()
    kept = runs.path.read_bytes()
    for claims, why in who:
        runs.path.write_bytes(kept)
        runs.behind.claims = claims
        snapshot = runs.read().snapshot
        assert f"Read as a whole: {why}" in told(snapshot)
        assert not by_changes(snapshot)


@pytest.mark.parametrize("action", ["expire", "begin_again"])
def test_a_link_that_ended_between_runs_reads_everything(runs: Runs, action: str) -> None:
    runs.read()
    store = runs.behind.asking.store
    edit(store, chance_of(1))
    for log in (store.log, store.user_log):
        getattr(log, action)()
    snapshot = runs.read().snapshot
    assert "Read as a whole: Graph keeps no state for it any more" in told(snapshot)
    assert plain(snapshot) == plain(runs.whole())
    assert by_changes(runs.read().snapshot)


def test_everything_is_read_every_so_often_and_compared(runs: Runs) -> None:
    ways = [by_changes(runs.read().snapshot) for _ in range(MOST_READINGS + 2)]
    assert ways == [False, *[True] * MOST_READINGS, False]
    runs.behind.clock.move(timedelta(hours=24, seconds=1).total_seconds())
    untold(runs.behind.asking.store)
    found = runs.read()
    assert not by_changes(found.snapshot)
    assert [finding.id for finding in found.findings] == ["changes-not-named"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9_000])


def older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


@pytest.mark.parametrize("spoil", [cut, older])
def test_a_file_that_does_not_serve_reads_everything_and_is_replaced(runs: Runs, spoil: Callable[[Path], None]) -> None:
    runs.read()
    spoil(runs.path)
    found = runs.read()
    assert "Read as a whole: the file of an earlier run is damaged, or is of another version" in told(found.snapshot)
    assert found.findings == ()
    assert by_changes(runs.read().snapshot)


def test_a_reading_of_another_version_of_the_program_is_not_gone_on_from(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.read()
    with monkeypatch.context() as other:
        other.setattr(stored, "_form", lambda: "another")
        snapshot = runs.read().snapshot
    assert "Read as a whole: the reading that is kept was written by another version" in told(snapshot)
    assert not by_changes(runs.read().snapshot)


def test_another_process_that_writes_does_not_stop_a_run(runs: Runs) -> None:
    runs.read()
    with closing(sqlite3.connect(runs.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        found = runs.read()
        other.execute("ROLLBACK")
    assert "Read as a whole: another process is writing the file" in told(found.snapshot)
    (finding,) = found.findings
    assert finding.id == "reading-not-kept"
    assert "is not kept for later runs: another process is writing the file." in finding.seen
    assert by_changes(runs.read().snapshot)


def test_a_run_whose_file_cannot_be_written_keeps_its_reading_for_itself(runs: Runs) -> None:
    runs.path.parent.write_text("not a folder", encoding="utf-8")
    place = KeptBetweenRuns(ReadingFile(runs.path, None))
    reader = CloudReader(str(runs.behind.asking.store.organization["id"]), place, runs.behind.clock, "CHG/1")
    first, second = (reader.read(runs.behind.client()) for _ in range(2))
    assert [finding.id for finding in first.findings] == ["reading-not-kept"]
    assert by_changes(second.snapshot)


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_a_fault_at_any_page_is_noticed_or_healed_and_the_next_run_is_right(runs: Runs, kind: str) -> None:
    """One reading by changes is broken at one page after the other; the kinds of fault share the pages."""
    store, chance = runs.behind.asking.store, chance_of(kind)
    runs.read()
    for _ in range(3):
        edit(store, chance)
    before = runs.path.read_bytes()
    parts = _Parts()
    runs.behind.before = parts
    runs.read()
    for place in range(1 + sorted(FAULTS).index(kind), parts.seen + 1, len(FAULTS)):
        runs.path.write_bytes(before)
        runs.behind.before = _Parts(place, kind)
        try:
            snapshot: CloudSnapshot | None = runs.read().snapshot
        except RunbookError:
            snapshot = None
        runs.behind.before = lambda *_: None
        truth = plain(runs.whole())
        if snapshot is not None and snapshot.reading.complete and not snapshot.reading.gaps:
            writers = {"writers": truth["writers"]} if snapshot.writers.why_unknown else {}
            assert {**plain(snapshot), **writers} == truth, (kind, place)
        assert plain(runs.read().snapshot) == truth, (kind, place)


@dataclass
class _Parts:
    """Counts requests and parts of batches; a fault at one of them."""

    at: int = 0
    kind: str = ""
    seen: int = 0

    def __call__(self, _: str, __: str) -> Reply | Exception | None:
        self.seen += 1
        return FAULTS[self.kind]() if self.seen == self.at else None


def test_the_key_is_the_accounts_own_and_kept(tmp_path: Path) -> None:
    numbers = iter([b"1" * KEY_BYTES, b"2" * KEY_BYTES])
    first = account_key(tmp_path, "one", encrypted=Sealed, random=lambda _: next(numbers))
    assert account_key(tmp_path, "one", encrypted=Sealed, random=lambda _: next(numbers)) == first
    assert first == b"1" * KEY_BYTES
    Sealed(str(tmp_path / "one.reading-key")).save("no key")
    assert account_key(tmp_path, "one", encrypted=Sealed, random=lambda _: next(numbers)) == b"2" * KEY_BYTES


@pytest.mark.parametrize("encrypted", [no_store, unencrypted, Broken])
def test_without_encryption_nothing_is_kept_and_a_finding_says_so(
    runs: Runs, tmp_path: Path, encrypted: Callable[[str], object]
) -> None:
    runs.path = kept_file(tmp_path / "state", "one", None).path
    runs.key = lambda: account_key(tmp_path / "state", "one", encrypted=encrypted)
    for _ in range(2):
        found = runs.read()
        assert not by_changes(found.snapshot)
        assert [finding.id for finding in found.findings] == ["reading-not-kept"]
    assert not runs.path.exists()
    with pytest.raises(NotKept):
        runs.key()


@pytest.mark.parametrize(
    ("value", "kind"), [("none", None), ("run", InMemory), ("plain", KeptBetweenRuns), ("encrypted", KeptBetweenRuns)]
)
def test_the_parameter_says_where_it_is_kept(tmp_path: Path, value: str, kind: type | None) -> None:
    parameters = Parameters.model_validate({"tenant_id": "T", "client_id": "C", "keep_cloud_reading": value})
    place = place_of(parameters, {"HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)})
    assert (place is None) if kind is None else isinstance(place, kind)
    assert list(tmp_path.iterdir()) == []
