"""What is waited for after a change of the source of authority, and how waiting ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import pytest

from runbook_lib.graph.tenant.authority import AuthorityNow
from runbook_lib.model.outcome import Outcome
from runbook_lib.routes.cloud_sync.authority.watch import (
    AuthoritySeen,
    NameSeen,
    authority_seen,
    end_of_authority,
    end_of_names,
    watch_groups,
)
from runbook_lib.routes.look_until import Ended
from runbook_lib.shown.cloud_sync import authority_view, names_view
from tests.unit.graph.fake_cloud import Clock

HOUR = timedelta(hours=1)
_Seen = TypeVar("_Seen")


def after(seen: list[_Seen], *, cancelled: bool = False) -> Ended[list[_Seen]]:
    return Ended(seen, HOUR, 3, cancelled)


def seen(managed: bool, cloud: bool, synchronized: bool | None) -> AuthoritySeen:
    return AuthoritySeen("g-1", "Sales", managed, AuthorityNow(cloud, synchronized))


@pytest.mark.parametrize(
    ("group", "code"),
    [
        (seen(True, True, None), ""),
        (seen(True, False, True), "authority-otherwise"),
        (seen(True, False, None), "authority-otherwise"),
        (seen(False, False, True), ""),
        (seen(False, False, None), "take-over-pending"),
        (seen(False, True, None), "authority-otherwise"),
    ],
)
def test_each_state_means_one_thing(group: AuthoritySeen, code: str) -> None:
    found = end_of_authority(after([group]))
    assert (found.code if found else "") == code
    assert group.good is not bool(code)
    assert str(group.state) in authority_view([group]).text + str(authority_view([group]).html)


def test_pending_names_the_line_for_the_server_and_ends_as_awaiting_handoff() -> None:
    found = end_of_authority(after([seen(False, False, None)], cancelled=True))
    assert found is not None
    assert found.outcome is Outcome.AWAITING_HANDOFF
    assert found.message.startswith("Watching was interrupted. Given back, and taken over by no synchronization")
    assert "Start-ADSyncSyncCycle -PolicyType Delta" in found.hint
    assert found.values == {"groups": ["g-1"]}


def test_it_is_looked_again_until_nothing_waits_or_the_time_is_over() -> None:
    clock = Clock()
    states = [seen(False, False, None), seen(False, False, None), seen(False, False, True)]
    looks = iter([[one] for one in states])

    def watched(wait: timedelta) -> list[AuthoritySeen]:
        return watch_groups(
            lambda: next(looks), wait=wait, clock=clock, sleep=clock.sleep, progress=lambda *_: None
        ).seen

    assert watched(HOUR) == [states[2]]
    assert len(clock.slept) == 2
    looks = iter([[states[0]]] * 100)
    assert watched(timedelta(minutes=1)) == [states[0]]
    assert sum(clock.slept[2:]) == 60


def test_an_interruption_ends_the_waiting_and_looks_once_more() -> None:
    clock, looks = Clock(), []

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    def look() -> list[AuthoritySeen]:
        looks.append(1)
        return [seen(False, False, None)]

    ended = watch_groups(look, wait=HOUR, clock=clock, sleep=interrupted, progress=lambda *_: None)
    assert ended.cancelled
    assert len(looks) == 2


@pytest.mark.parametrize(("held", "code"), [("CN=a,OU=b,DC=c", ""), ("cn=a,ou=b,dc=c", ""), ("", "names-not-filled")])
def test_a_name_is_there_when_it_is_the_one_that_ad_has(held: str, code: str) -> None:
    one = NameSeen("g-1", "Sales", "CN=a,OU=b,DC=c", held)
    found = end_of_names(after([one]))
    assert (found.code if found else "") == code
    assert one.waits is bool(code)
    assert "Sales" in str(names_view([one]).html)


def test_what_was_read_is_paired_with_what_is_wanted() -> None:
    now = {"g-1": AuthorityNow(True, None)}
    assert authority_seen({"g-1": True}, {"g-1": "Sales"}, now) == [seen(True, True, None)]
