"""Reads that get no answer: they go on over a new connection to the same controller, or end in one clear error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.directory.state import StoreSnapshot
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import DirectoryUnavailable, ReadInterrupted
from runbook_lib.directory.search import present
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.model.text import t
from tests.unit.directory.embedded import BASE, PASSWORD, RETIRED, TARGET, WRITER, Embedded, clock
from tests.unit.directory.faulty import BUSY, OK, UNANSWERED, UNSENT, Faults

FAULTS = (UNSENT, UNANSWERED, BUSY)


@pytest.fixture(scope="module")
def crowd(started: Embedded) -> StoreSnapshot:
    """Twelve groups, one of them with more members than one range holds."""
    before = started.store.snapshot()
    users = [f"CN=u{number},OU=Staff,{BASE}" for number in range(1600)]
    for number, dn in enumerate(users):
        started.store.add(dn, {"objectClass": "user", "sAMAccountName": f"u{number}"})
    for number in range(12):
        started.add_group(f"g{number}", member=users if number == 5 else users[:number])
    made = started.store.snapshot()
    started.store.restore(before)
    return made


@pytest.fixture
def many(crowd: StoreSnapshot, embedded: Embedded) -> Embedded:
    """The directory with that crowd in it."""
    embedded.store.restore(crowd)
    return embedded


def _read(directory: Directory) -> DirectorySnapshot:
    return read_directory(directory, TARGET, RETIRED, clock=clock)


def _names(directory: Directory) -> list[str]:
    return directory.collect(TARGET, present("groupType"), ("cn", "member"), lambda e: e.text("cn") or "", page_size=5)


def test_a_restarted_controller_is_asked_again(many: Embedded) -> None:
    with many.open() as directory:
        many.hang_up()
        assert directory.read_dn(BASE, ("objectGUID",)) is not None
        assert (directory.renewed, many.slept) == (1, [1.0])
        many.hang_up()
        assert len(_names(directory)) == 12


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_pages_are_read_again_from_the_first_one(many: Embedded, fault: str, at: int) -> None:
    """Also where the second request of a ranged attribute is lost in between (after the second page)."""
    with many.open() as directory:
        before = directory.pages
        whole, pages = _names(directory), directory.pages - before
        Faults([OK] * at + [fault], ("search",)).into(directory)
        assert _names(directory) == whole
        assert directory.pages - before == 2 * pages == 6
        assert sum(many.slept) in (1.0, 2.0)
        assert directory.renewed == (fault != BUSY)


def test_a_search_that_hands_out_as_it_reads_cannot_begin_again(many: Embedded) -> None:
    with many.open() as directory:
        found = directory.search(TARGET, present("groupType"), ("cn",), page_size=5)
        next(found)
        many.hang_up()
        with pytest.raises(ReadInterrupted):
            list(found)
        found = directory.search(TARGET, present("groupType"), ("cn",), page_size=5)
        next(found)
        many.hang_up()
        directory.read_dn(BASE, ("objectGUID",))
        # The connection is there again, but the cookie was the old one's.
        with pytest.raises(ReadInterrupted):
            list(found)


@given(st.lists(st.sampled_from((OK, OK, OK, *FAULTS)), max_size=30))
@settings(max_examples=15, deadline=None)
def test_a_snapshot_is_the_same_or_none(started: Embedded, script: list[str]) -> None:
    with started.open() as directory:
        expected = _read(directory)
        Faults(script, ("search",)).into(directory)
        try:
            found = _read(directory)
        except DirectoryUnavailable:
            return
        unlike: dict[str, Any] = {"proof": (), "requests": 0}
        assert replace(found, reading=replace(found.reading, **unlike)) == replace(
            expected, reading=replace(expected.reading, **unlike)
        )
        lost = [line for line in found.reading.proof if "lost and opened again" in line]
        assert len(lost) == bool(directory.renewed)


def test_the_proof_tells(many: Embedded) -> None:
    with many.open() as directory:
        quiet = _read(directory).reading.proof
        assert not [line for line in quiet if "again" in line]
        # Page by page: the reading asks for pages of 1,000, and there are more than 1,600 objects.
        for skipped in range(10, 0, -1):
            Faults([OK] * skipped + [UNANSWERED], ("search",)).into(directory)
            proof = _read(directory).reading.proof
            (line,) = [line for line in proof if "lost and opened again" in line]
            assert directory.controller.invocation_id in line
            if [line for line in proof if "read again from the first page (1 interrupted)" in line]:
                return
    raise AssertionError("no page after a first one was lost")


@pytest.mark.parametrize(("code", "times"), [(51, 4), (52, 4), (11, 4)])
def test_a_busy_controller_is_waited_for(many: Embedded, code: int, times: int) -> None:
    with many.open() as directory:
        Faults([BUSY] * times, ("search",), code=code).into(directory)
        assert len(_names(directory)) == 12
        assert many.slept == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("code", "name"), [(51, "directory-unavailable"), (52, "directory-unavailable"), (11, "incomplete-read")]
)
def test_but_not_for_ever(many: Embedded, code: int, name: str) -> None:
    with many.open() as directory:
        Faults([BUSY] * 5, ("search",), code=code).into(directory)
        with pytest.raises(ServiceFailed) as caught:
            directory.read_dn(BASE, ("objectGUID",))
        assert caught.value.code == name
        assert sum(many.slept) == 15


def test_a_search_that_is_always_interrupted_ends(many: Embedded) -> None:
    with many.open() as directory:
        Faults([OK, BUSY] * 4, ("search",)).into(directory)
        with pytest.raises(ReadInterrupted):
            _names(directory)
        assert (directory.restarts, many.slept) == (3, [1.0, 2.0, 4.0])


def test_nobody_is_there_any_more(many: Embedded) -> None:
    with many.open() as directory:
        gone = NoAccess(t("No connection to dc1:636: refused."), code="dc-unreachable")
        directory.let_reopen(lambda: (_ for _ in ()).throw(gone))
        many.hang_up()
        with pytest.raises(DirectoryUnavailable) as caught:
            directory.read_dn(BASE, ("objectGUID",))
        assert "dc1:636" in caught.value.message
        assert len(many.slept) == 4


def test_another_controller_or_a_restored_one_ends_the_run(many: Embedded) -> None:
    with many.open() as directory:
        directory.controller = replace(directory.controller, invocation_id="0" * 36)
        many.hang_up()
        with pytest.raises(ServiceFailed) as caught:
            directory.read_dn(BASE, ("objectGUID",))
        assert (caught.value.code, many.slept) == ("controller-changed", [1.0])
        with pytest.raises(DirectoryUnavailable):
            directory.read_dn(BASE, ("objectGUID",))


def test_a_password_that_was_changed_meanwhile(many: Embedded) -> None:
    with many.open() as directory:
        many.store.set_password(WRITER, "another")
        many.hang_up()
        with pytest.raises(NoAccess) as caught:
            directory.read_dn(BASE, ("objectGUID",))
        assert caught.value.code == "bind-refused"
    many.store.set_password(WRITER, PASSWORD)


def test_a_connection_that_was_closed_is_not_opened_again(many: Embedded) -> None:
    directory = many.open()
    directory.close()
    with pytest.raises(DirectoryUnavailable):
        directory.read_dn(BASE, ("objectGUID",))
    assert many.slept == []
