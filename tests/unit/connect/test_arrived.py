"""AD beside the prediction: as predicted, differently, not yet, unexpectedly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook_lib.connect.arrived import ArrivalState, ConnectArrival, connect_arrivals
from runbook_lib.connect.predicted import NamingMode, Standing
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.model.cloud import CloudGroup, Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import as_object_guid
from tests.support import builders as b
from tests.support.connect_evidence import CONTAINER
from tests.unit.connect.world import AHEAD, STAFF, both_sides, by_connect

TEAM = b.cloud_group("Team", mail="team@contoso.com", proxy_addresses=("SMTP:team@contoso.com",))
ANN, BEN = b.synced("Ann"), b.synced("Ben")
MAIL: dict[str, tuple[str, ...]] = {"mail": ("team@contoso.com",), "proxyAddresses": ("SMTP:team@contoso.com",)}


def arrivals(
    objects: Sequence[DirectoryGroup],
    *,
    groups: Sequence[CloudGroup] = (TEAM,),
    before: Sequence[DirectoryGroup] = (),
    settings: WritebackSettings = AHEAD,
    exported: bool = True,
    extra: Sequence[Any] = (),
    since: datetime | None = None,
    **more: Any,
) -> list[ConnectArrival]:
    inventory = both_sides(
        groups,
        {TEAM.display_name: [ANN, BEN, *extra]},
        users=[b.ad_user("Ann"), b.ad_user("Ben"), b.ad_user("Cat")],
        ad=before,
        **more,
    )
    prediction = predict_writeback(inventory, settings)
    present: dict[str, list[DirectoryGroup]] = {}
    for one in objects:
        present.setdefault((one.text("adminDescription") or "")[len("Group_") :], []).append(one)
    accounts = {key: one.guid for key, one in inventory.principals.items() if one.guid}
    guid_of_dn = inventory.index.guid_of_dn
    return list(connect_arrivals(prediction, present, guid_of_dn, accounts, exported=exported, since=since))


def only(found: list[ConnectArrival]) -> tuple[ArrivalState, list[str]]:
    (one,) = found
    return one.state, [difference.code for difference in one.differences]


BOTH = [b.user_dn("Ann"), b.user_dn("Ben")]


def test_nothing_there() -> None:
    found = arrivals([])
    assert only(found) == (ArrivalState.NOT_YET, ["not-there"])
    assert found[0].awaited


def test_as_predicted() -> None:
    assert only(arrivals([by_connect(TEAM, BOTH, MAIL)])) == (ArrivalState.AS_PREDICTED, [])


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (by_connect(TEAM, BOTH, MAIL, mode=NamingMode.ID), "named-otherwise"),
        (by_connect(TEAM, BOTH, MAIL, parent=STAFF), "elsewhere"),
        (by_connect(TEAM, BOTH, {**MAIL, "groupType": ("-2147483640",)}), "type"),
        (by_connect(TEAM, BOTH, {**MAIL, "displayName": ("Other",)}), "attribute"),
        (by_connect(TEAM, BOTH, {**MAIL, "proxyAddresses": ("SMTP:other@contoso.com",)}), "attribute"),
        (by_connect(TEAM, BOTH, {"mail": ("team@contoso.com",)}), "attribute"),
        (by_connect(TEAM, [*BOTH, b.user_dn("Cat")], MAIL), "members-unexpected"),
        (by_connect(TEAM, BOTH[:1], MAIL), "members-missing"),
    ],
)
def test_differently(now: DirectoryGroup, code: str) -> None:
    assert only(arrivals([now])) == (ArrivalState.DIFFERENT, [code])


def test_members_can_come_until_an_export_is_proved() -> None:
    half = by_connect(TEAM, BOTH[:1], MAIL)
    assert only(arrivals([half], exported=False)) == (ArrivalState.NOT_YET, ["members-missing"])
    wrong = by_connect(TEAM, BOTH[:1], MAIL, mode=NamingMode.ID)
    assert only(arrivals([wrong], exported=False))[0] is ArrivalState.DIFFERENT


def test_an_object_that_was_there_changes_with_the_export() -> None:
    old = by_connect(TEAM, [], mode=NamingMode.ID)
    assert only(arrivals([old], before=[old], exported=False))[0] is ArrivalState.NOT_YET
    assert only(arrivals([old], before=[old]))[0] is ArrivalState.DIFFERENT


@pytest.mark.parametrize(
    ("made", "state"),
    [
        ("20261130075959.0Z", ArrivalState.AS_PREDICTED),
        ("20261130080000.0Z", ArrivalState.DIFFERENT),
        ("yesterday", ArrivalState.AS_PREDICTED),
    ],
)
def test_what_was_made_since_the_wizard_has_its_name_from_v1_though_this_run_read_it(
    made: str, state: ArrivalState
) -> None:
    now = by_connect(TEAM, BOTH, {**MAIL, "whenCreated": (made,)}, mode=NamingMode.ID)
    since = datetime(2026, 11, 30, 8, 0, 0, 500, tzinfo=UTC)
    assert only(arrivals([now], before=[now], since=since))[0] is state
    assert only(arrivals([now], before=[now]))[0] is ArrivalState.AS_PREDICTED
    assert only(arrivals([now], before=[now], since=since, exported=False))[0] is state


def test_several_objects_and_another_one() -> None:
    one, other = by_connect(TEAM, BOTH, MAIL), by_connect(TEAM, BOTH, MAIL, mode=NamingMode.ID)
    assert only(arrivals([one, other])) == (ArrivalState.DIFFERENT, ["several-objects"])
    assert "another-object" in only(arrivals([one], before=[replace(one, guid=other.guid)]))[1]


def test_the_object_that_is_doubled_is_not_what_arrives() -> None:
    ours = b.written(TEAM, parent=f"OU=Elsewhere,{b.BASE}")
    inventory = both_sides([TEAM], {"Team": [ANN, BEN]}, users=[b.ad_user("Ann"), b.ad_user("Ben")], ad=[ours])
    prediction = predict_writeback(inventory, AHEAD)
    doubled = replace(prediction, groups=(replace(prediction.groups[0], standing=Standing.DOUBLED),))
    accounts = {key: one.guid for key, one in inventory.principals.items() if one.guid}

    def state(*objects: DirectoryGroup) -> ArrivalState:
        (found,) = connect_arrivals(doubled, {TEAM.id: objects}, inventory.index.guid_of_dn, accounts, exported=True)
        return found.state

    assert state(ours) is ArrivalState.NOT_YET
    second = replace(by_connect(TEAM, BOTH, MAIL), guid=as_object_guid(b.guid("second")))
    assert state(ours, second) is ArrivalState.AS_PREDICTED


def test_unexpectedly() -> None:
    stranger = by_connect(b.cloud_group("Stranger"))
    found = arrivals([by_connect(TEAM, BOTH, MAIL), stranger])
    assert [one.state for one in found] == [ArrivalState.AS_PREDICTED, ArrivalState.UNEXPECTED]
    assert found[1].display_name == "Stranger"
    assert len(arrivals([by_connect(TEAM, BOTH, MAIL), stranger], before=[stranger])) == 1


def test_what_may_never_come_is_not_awaited() -> None:
    found = arrivals([], settings=replace(AHEAD, v2=Switch.ON))
    assert (found[0].state, found[0].awaited) == (ArrivalState.NOT_YET, False)


def test_accounts_of_another_domain_are_counted() -> None:
    emea = replace(b.synced("Emea"), immutable_id=None, on_premises_domain="emea.contoso.com")
    strange = "CN=Emea,OU=Staff,DC=emea,DC=contoso,DC=com"
    domains = ("DC=emea,DC=contoso,DC=com",)
    one = by_connect(TEAM, [*BOTH, strange], MAIL)
    assert only(arrivals([one], extra=[emea], other_domains=domains)) == (ArrivalState.AS_PREDICTED, [])
    two = by_connect(TEAM, [*BOTH, strange, f"CN=X{strange[2:]}"], MAIL)
    assert only(arrivals([two], extra=[emea], other_domains=domains))[1] == ["members-unexpected"]
    assert only(arrivals([one]))[1] == ["members-unexpected"]


def test_a_group_that_v1_may_join_where_it_stands_is_not_awaited() -> None:
    elsewhere = by_connect(TEAM, BOTH, MAIL, parent=STAFF)
    (found,) = arrivals([], before=[elsewhere])
    assert found.group is not None
    assert (found.group.standing, found.state, found.awaited) == (Standing.UNCLEAR, ArrivalState.NOT_YET, False)
    second = replace(by_connect(TEAM, BOTH, MAIL), guid=as_object_guid(b.guid("second")))
    assert only(arrivals([second], before=[elsewhere])) == (ArrivalState.AS_PREDICTED, [])


def test_an_object_that_was_there_may_keep_its_name() -> None:
    old = by_connect(TEAM, BOTH, MAIL, mode=NamingMode.ID)
    assert only(arrivals([old], before=[old])) == (ArrivalState.AS_PREDICTED, [])
    moved = replace(old, dn=f"CN=Other,{CONTAINER}")
    assert only(arrivals([moved], before=[old])) == (ArrivalState.DIFFERENT, ["named-otherwise"])
    ours = b.written(TEAM, [b.user_dn("Ann")], parent=CONTAINER)
    found = arrivals([ours], before=[ours], exported=False)
    assert found[0].awaited, "its members are still to come"
