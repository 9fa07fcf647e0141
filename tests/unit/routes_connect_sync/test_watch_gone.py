"""Waiting until the groups of v1 are gone: what is missing, what went too, and how little is asked meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import AwaitingHandoff, VerificationFailed
from runbook_lib.model.cloud import Switch
from runbook_lib.model.ids import ObjectGuid, as_object_guid
from runbook_lib.routes.connect_sync.watch import ServerNow
from runbook_lib.routes.connect_sync.watch_gone import GoneSeen, end_of_gone, watch_gone
from tests.support import builders as b
from tests.support.connect_evidence import evidence
from tests.unit.connect.world import collected
from tests.unit.routes_connect_sync.leaving_world import going
from tests.unit.routes_connect_sync.world import OU

GROUPS = going("One", "Two", "Three", ou=OU)
OTHER = as_object_guid(b.guid("other"))
BEFORE = {**{one.guid: one.dn for one in GROUPS}, OTHER: "CN=Other,DC=contoso,DC=com"}


class Time:
    """A clock that goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def watched(looks: Iterator[frozenset[ObjectGuid]], minutes: int = 60, time: Time | None = None) -> GoneSeen:
    """A watch that sees these GUIDs, look after look."""
    time = time or Time()
    return watch_gone(
        lambda _: next(looks),
        GROUPS,
        BEFORE,
        wait=timedelta(minutes=minutes),
        clock=time.clock,
        sleep=time.sleep,
        progress=lambda *_: None,
    )


def test_it_waits_until_the_last_one_is_gone() -> None:
    everything = frozenset(BEFORE)
    last = frozenset({OTHER})
    looks = [everything, everything - {GROUPS[0].guid}, last, last]
    time = Time()
    seen = watched(iter(looks), time=time)
    assert (len(seen.gone), seen.waiting, len(time.slept)) == (3, (), 2)
    assert end_of_gone(seen, ServerNow(), None) is None


def test_when_the_time_is_over_the_rest_is_waited_for_next_time() -> None:
    everything = frozenset(BEFORE)
    error = end_of_gone(watched(iter(lambda: everything - {GROUPS[0].guid}, None), minutes=1), ServerNow(), None)
    assert isinstance(error, AwaitingHandoff)
    assert error.code == "groups-not-gone"
    assert "2 of 3 AD groups stand in AD still, after 1 minute of waiting: Two, Three" in error.message
    one_look = watched(iter([everything]), minutes=0)
    assert len(one_look.waiting) == 3


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    """By hand or by its time service: an hour of waiting stays one, and is called that."""
    time = Time()

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        time.now -= timedelta(seconds=seconds, minutes=1)

    everything = frozenset(BEFORE)
    looks = [everything] * 1000
    seen = watch_gone(
        lambda _: looks.pop(),
        GROUPS,
        BEFORE,
        wait=timedelta(minutes=60),
        clock=time.clock,
        sleep=sleep,
        progress=lambda *_: None,
    )
    assert (sum(time.slept), seen.waited) == (3600, timedelta(hours=1))


def staying(server: ServerNow, since: datetime | None = None) -> AwaitingHandoff:
    """The error of a watch that saw every group stay."""
    error = end_of_gone(watched(iter([frozenset(BEFORE)]), minutes=0), server, since)
    assert isinstance(error, AwaitingHandoff)
    return error


def test_what_is_known_to_keep_them_there_is_said(tmp_path: Path) -> None:
    assert staying(ServerNow(Switch.ON)).code == "wizard-not-cleared"
    off = Switch.OFF
    told = evidence()
    staging = {**told["scheduler"], "staging": True}
    assert staying(ServerNow(off, evidence=collected(tmp_path, scheduler=staging))).code == "server-staging"
    without = {**told["scheduler"], "cycle_enabled": False}
    assert staying(ServerNow(off, evidence=collected(tmp_path, scheduler=without))).code == "no-cycles"
    stopped = [{**one, "result": "stopped-deletion-threshold-exceeded"} for one in told["runs"]]
    assert staying(ServerNow(off, evidence=collected(tmp_path, runs=stopped))).code == "export-stopped"
    broken = [{**one, "result": "stopped-connectivity"} for one in told["runs"]]
    seen = staying(ServerNow(off, evidence=collected(tmp_path, runs=broken)))
    assert (seen.code, "stopped-connectivity" in seen.message) == ("export-stopped", True)
    assert staying(ServerNow(off)).code == "groups-not-gone"


def test_v1_that_is_on_again_is_no_success() -> None:
    gone = watched(iter([frozenset({OTHER})]), minutes=0)
    error = end_of_gone(gone, ServerNow(Switch.ON), None)
    assert isinstance(error, VerificationFailed)
    assert error.code == "v1-on-again"
    assert end_of_gone(gone, ServerNow(Switch.OFF), None) is None


def test_an_interruption_ends_the_waiting_with_one_more_look() -> None:
    time, looks = Time(), []

    def look(_: bool) -> frozenset[ObjectGuid]:
        looks.append(1)
        return frozenset(BEFORE)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    hour = timedelta(hours=1)
    seen = watch_gone(look, GROUPS, BEFORE, wait=hour, clock=time.clock, sleep=interrupted, progress=lambda *_: None)
    assert seen.cancelled
    assert len(looks) == 2


@given(there=st.sets(st.sampled_from(sorted(BEFORE))), uncertain=st.sets(st.sampled_from(GROUPS)))
def test_each_group_ends_in_one_place_and_no_other_may_go(there: set[ObjectGuid], uncertain: set[Any]) -> None:
    groups = tuple(replace(one, certain=one not in uncertain) for one in GROUPS)
    lost = {guid: dn for guid, dn in BEFORE.items() if guid == OTHER and guid not in there}
    seen = GoneSeen(groups, frozenset(there), lost, timedelta(0))
    assert len(seen.gone) + len(seen.waiting) + len(seen.stayed) == 3
    error = end_of_gone(seen, ServerNow(), None)
    if OTHER not in there:
        assert isinstance(error, VerificationFailed)
        assert "CN=Other" in error.message
    else:
        assert isinstance(error, AwaitingHandoff) is bool(seen.waiting)
