"""The wizard was gone through with another OU or other names: one cause, said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.connect.predicted import NamingMode
from runbook_lib.errors import VerificationFailed
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.predicted import Predicted
from runbook_lib.notebook.connect_sync_reading import as_approved
from runbook_lib.routes.connect_sync.other_choice import other_names, other_ou
from runbook_lib.routes.connect_sync.watch import watch_connect
from tests.support import builders as b
from tests.unit.routes_connect_sync.test_plan_enable import GROUPS, handed, planned, sides_of
from tests.unit.routes_connect_sync.test_watch import EVERYTHING, PREDICTION, SINCE, Time, seen_of

OTHER_OU = f"OU=Elsewhere,{b.BASE}"
MADE = "20261130080000.0Z"


def made(group: DirectoryGroup, when: str = MADE) -> DirectoryGroup:
    """The same, made then."""
    return replace(group, attributes={**group.attributes, "whenCreated": (when,)})


def by_id(number: int) -> DirectoryGroup:
    """A group that arrived with the name of the other box."""
    here = EVERYTHING[number].dn.partition(",")[2]
    return made(replace(EVERYTHING[number], dn=f"CN=Group_{GROUPS[number].id},{here}"))


def names_of(*present: DirectoryGroup) -> VerificationFailed | None:
    return other_names(seen_of(present), None, NamingMode.DISPLAY_NAME, SINCE)


def test_names_of_the_other_box_are_one_cause() -> None:
    error = names_of(by_id(0))
    assert error is not None
    assert (error.code, error.outcome.exit_code) == ("connect-other-names", 7)
    assert "v1 names its groups by id, and by display name was approved" in error.message
    assert f"the first is Group_{GROUPS[0].id}" in error.message
    assert "set rdn_style to 'id'" in error.hint


@pytest.mark.parametrize(
    "present",
    [
        (),
        (made(EVERYTHING[0]),),
        (by_id(0), made(EVERYTHING[1])),
        (replace(by_id(0), dn=f"CN=Renamed,{OTHER_OU}"),),
        (made(by_id(0), "20261130065959.0Z"),),
    ],
    ids=["nothing", "as asked", "both", "renamed by hand", "from before"],
)
def test_one_group_that_is_named_otherwise_is_no_other_box(present: Sequence[DirectoryGroup]) -> None:
    assert names_of(*present) is None


def test_the_rules_of_the_server_prove_the_other_box_before_any_group_is_there() -> None:
    error = other_names(seen_of([]), NamingMode.ID, NamingMode.DISPLAY_NAME, SINCE)
    assert error is not None
    assert "The rules of the Connect server say so." in error.message
    assert other_names(seen_of([]), NamingMode.ID, NamingMode.ID, SINCE) is None


def test_no_waiting_where_it_cannot_become_as_asked() -> None:
    time = Time()
    watch_connect(
        lambda _: seen_of([by_id(0)]),
        wait=timedelta(hours=1),
        clock=time.clock,
        sleep=time.sleep,
        progress=lambda *_: None,
        hopeless=lambda seen: other_names(seen, None, NamingMode.DISPLAY_NAME, SINCE) is not None,
    )
    assert time.slept == []


def ou_of(*present: DirectoryGroup, when: str = MADE) -> VerificationFailed | None:
    ad = [made(one, when) for one in present]
    return other_ou(sides_of(ad=ad).inventory, PREDICTION, b.TARGET_OU, SINCE)


def moved(number: int) -> DirectoryGroup:
    return replace(EVERYTHING[number], dn=EVERYTHING[number].dn.replace(b.TARGET_OU, OTHER_OU))


def test_groups_that_were_all_made_elsewhere_are_one_cause() -> None:
    error = ou_of(moved(0), moved(1))
    assert error is not None
    assert (error.code, error.outcome.exit_code) == ("connect-other-ou", 7)
    assert f"v1 writes to {OTHER_OU}, and {b.TARGET_OU} was approved. 2 groups of Connect" in error.message


@pytest.mark.parametrize(
    ("present", "when"),
    [
        ((), MADE),
        ((EVERYTHING[0],), MADE),
        ((moved(0), EVERYTHING[1]), MADE),
        ((moved(0),), "20261130065959.0Z"),
        ((moved(0),), "yesterday"),
    ],
    ids=["nothing", "as asked", "one was moved", "from before", "no time"],
)
def test_what_was_there_before_or_was_moved_is_no_other_ou(present: Sequence[DirectoryGroup], when: str) -> None:
    assert ou_of(*present, when=when) is None


def test_the_server_says_which_ou_it_is() -> None:
    told = replace(PREDICTION, container=Predicted(OTHER_OU))
    error = other_ou(sides_of().inventory, told, b.TARGET_OU, datetime(2026, 11, 30, tzinfo=UTC))
    assert error is not None
    assert "The Connect server or the tenant says so." in error.message


def test_what_was_handed_over_is_what_counts() -> None:
    for mode in NamingMode:
        assert handed(planned(sides_of(naming=mode))).naming is mode
    assert handed(planned(sides_of()), [ChangeKind.RUN_CYCLE]).naming is None


def test_ad_is_held_to_the_names_that_were_approved_whatever_the_server_names() -> None:
    earlier = handed(planned(sides_of()))
    on = replace(sides_of().settings, v1=Switch.ON, naming=NamingMode.ID)
    assert as_approved(on, earlier).naming is NamingMode.DISPLAY_NAME
    assert as_approved(on, None) is on
    off = replace(on, v1=Switch.OFF)
    assert as_approved(off, earlier) is off, "the wizard is planned anew with what the parameters say now"
