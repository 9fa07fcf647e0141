"""Plans to switch v1 on: what is handed over, what is said before the gate, what is refused, what is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib.connect.evidence import ConnectEvidence, read_connect_evidence
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.connect.settings import WizardChoice, writeback_settings
from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudGroup, CloudKind, Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.finding import Severity
from runbook_lib.routes.connect_sync.actions import LetConnectorWrite, SwitchOn
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.connect_sync.plan_enable import plan_connect_enable
from runbook_lib.routes.connect_sync.planning import ConnectorAccount, ConnectSides, PlannedConnect
from tests.support import builders as b
from tests.support.connect_evidence import evidence, written

GROUPS = [b.cloud_group(name) for name in ("One", "Two", "Three")]
ALL = (ChangeKind.GRANT_RIGHTS, ChangeKind.SWITCH_ON, ChangeKind.RUN_CYCLE)
UNKNOWN_ACCOUNT = ConnectorAccount()
LATER = b.NOW + timedelta(hours=1)


def sides_of(
    groups: Sequence[CloudGroup] = GROUPS,
    ad: Sequence[DirectoryGroup] = (),
    *,
    v1: Switch = Switch.OFF,
    container: str = "",
    account: ConnectorAccount = UNKNOWN_ACCOUNT,
    naming: NamingMode = NamingMode.DISPLAY_NAME,
    server: ConnectEvidence | None = None,
    read: Inventory | None = None,
) -> ConnectSides:
    """Both sides; the OU of written groups is the target OU."""
    people = [b.synced("P1"), b.person("Cloudy")]
    read = read or b.inventory_of(
        b.cloud_side(groups, {"One": people} if groups else {}), b.directory_side([b.ad_user("P1")], ad)
    )
    choice = WizardChoice(b.TARGET_OU, naming)
    settings = writeback_settings(server, v1=v1, v2=Switch.OFF, reported=container, choice=choice)
    return ConnectSides(read, settings, account, server)


def planned(sides: ConnectSides, earlier: EarlierHandOver | None = None, **policy: object) -> PlannedConnect:
    """The plan under an ordinary policy."""
    return plan_connect_enable(sides, b.policy(**policy), earlier)


def kinds(made: PlannedConnect) -> tuple[ChangeKind, ...]:
    """Kinds of its changes, in their order."""
    return tuple(change.kind for change in made.plan.changes)


def handed(made: PlannedConnect, only: Sequence[ChangeKind] = ALL) -> EarlierHandOver:
    """The same plan as an earlier run handed it over."""
    changes = tuple(one for one in CONNECT_SYNC_TYPES.changes(made.plan.changes) if one.kind in only)
    return EarlierHandOver("run-1", LATER, CONNECT_SYNC_TYPES.plan(made.plan), changes)


def anchored(group: CloudGroup, *, parent: str = b.TARGET_OU) -> DirectoryGroup:
    """The AD object of a group that Connect wrote."""
    name = f"{group.display_name}_{group.id[-12:]}"
    values = {"adminDescription": (f"Group_{group.id}",), "displayName": (group.display_name,), "groupType": ("8",)}
    return b.ad_group(name, values, (), parent=parent)


def test_rights_wizard_and_cycle_are_handed_over_for_every_microsoft_365_group() -> None:
    made = planned(sides_of([*GROUPS, b.cloud_group("Sec", CloudKind.SECURITY)]))
    assert kinds(made) == ALL
    switch = CONNECT_SYNC_TYPES.changes(made.plan.changes)[1].payload.action
    assert isinstance(switch, SwitchOn)
    assert {one.cn for one in switch.groups_coming} == {f"{g.display_name}_{g.id[-12:]}" for g in GROUPS}
    assert made.plan.phrase == "ENABLE 3 GROUPS IN contoso.com"
    assert not made.waits
    by_id = CONNECT_SYNC_TYPES.changes(planned(sides_of(naming=NamingMode.ID)).plan.changes)[1].payload.action
    assert isinstance(by_id, SwitchOn)
    assert not by_id.display_names
    assert {one.cn for one in by_id.groups_coming} == {f"Group_{g.id}" for g in GROUPS}


def test_rights_are_handed_over_unless_they_are_known_to_be_there() -> None:
    may = ConnectorAccount("CN=MSOL_x,DC=contoso,DC=com", Switch.ON)
    assert kinds(planned(sides_of(account=may))) == ALL[1:]
    for known in (Switch.OFF, Switch.UNKNOWN):
        first = planned(sides_of(account=replace(may, may_write=known))).plan.changes[0]
        assert first.payload == CONNECT_SYNC_TYPES.changes([first])[0].payload
        assert CONNECT_SYNC_TYPES.changes([first])[0].payload.action == LetConnectorWrite(may.dn)
        assert first.reason == ("rights" if known is Switch.OFF else "rights-unknown")


def test_rights_that_nobody_shows_any_more_are_not_handed_over_after_the_wizard() -> None:
    may = ConnectorAccount("CN=MSOL_x,DC=contoso,DC=com", Switch.ON)
    earlier = handed(planned(sides_of(account=may)))
    assert planned(sides_of(), earlier).waits
    lost = planned(sides_of(account=replace(may, may_write=Switch.OFF)), earlier)
    assert kinds(lost) == (ChangeKind.GRANT_RIGHTS,)


def test_all_or_none_is_said_with_numbers_before_the_gate() -> None:
    (found,) = [one for one in planned(sides_of(ad=[anchored(GROUPS[1])])).findings if one.id == "connect-sync-all"]
    assert "or none: 3 groups, 2 new and 1 there already" in found.seen
    assert "Their members: 1 written, 1 not written, 0 not known." in found.seen
    assert found.values["members_left_out"] == 1


def test_who_is_left_out_of_a_group_is_named() -> None:
    (one,) = [group for group in planned(sides_of()).plan.members if group.display_name == "One"]
    assert (one.in_cloud, one.added, [member.name for member in one.left_out]) == (2, 1, ["Cloudy"])


def test_members_that_an_object_has_already_are_counted() -> None:
    there = replace(anchored(GROUPS[0]), members=(b.user_dn("P1"),))
    (one,) = [group for group in planned(sides_of(ad=[there])).plan.members if group.display_name == "One"]
    assert (one.already, one.added, len(one.left_out)) == (1, 0, 1)


def test_a_selection_stops_until_it_is_acknowledged_where_v1_is_on_and_nothing_chooses() -> None:
    off = ConnectorAccount("CN=MSOL_x,DC=contoso,DC=com", Switch.OFF)
    made = planned(sides_of(v1=Switch.ON, container=b.TARGET_OU, account=off), select_names=("One",))
    assert kinds(made) == (ChangeKind.GRANT_RIGHTS,)
    (found,) = [one for one in made.findings if one.severity is Severity.BLOCKING]
    assert (found.id, found.acknowledgeable) == ("connect-sync-selection", True)
    assert "writes all 3 groups all the same" in found.seen
    assert not [one for one in planned(sides_of()).findings if one.severity is Severity.BLOCKING]


def test_what_v1_would_take_over_or_double_stops_until_it_is_acknowledged() -> None:
    ours = b.written(GROUPS[0])
    made = planned(sides_of(ad=[ours]))
    found = {one.id: one for one in made.findings}
    assert found["connect-sync-takes-over"].severity is Severity.BLOCKING
    assert found["connect-sync-takes-over"].values["dns"] == [ours.dn]


def test_what_stands_in_the_way_is_named_before_the_gate() -> None:
    first = GROUPS[0]
    taken = b.ad_group(f"{first.display_name}_{first.id[-12:]}", parent=b.TARGET_OU)
    found = {one.id: one for one in planned(sides_of(ad=[taken])).findings}
    assert found["connect-sync-collisions"].values["groups"] == [first.id]


def test_more_new_groups_than_the_limit_are_refused() -> None:
    narrow = replace(b.WIDE, creates=2)
    with pytest.raises(Refused, match="v1 would make 3 groups in AD, and max_creates is 2") as caught:
        planned(sides_of(), limits=narrow)
    assert caught.value.code == "limit-creates"
    assert kinds(planned(sides_of(ad=[anchored(GROUPS[0])]), limits=narrow)) == ALL, "one is there already"


def test_whether_v1_is_on_has_to_be_known() -> None:
    with pytest.raises(Refused, match="could not be read, and nobody attests") as caught:
        planned(sides_of(v1=Switch.UNKNOWN))
    assert caught.value.code == "connect-v1-unknown"


def test_where_v1_is_on_nothing_is_planned_and_ad_is_looked_at() -> None:
    made = planned(sides_of(v1=Switch.ON, container=b.TARGET_OU))
    assert kinds(made) == ()
    assert not made.waits
    lacks = ConnectorAccount(may_write=Switch.OFF)
    assert kinds(planned(sides_of(v1=Switch.ON, container=b.TARGET_OU, account=lacks))) == ALL[:1]


def test_v1_that_writes_elsewhere_is_refused() -> None:
    with pytest.raises(Refused, match="target_ou names") as caught:
        planned(sides_of(v1=Switch.ON, container=f"OU=Other,{b.BASE}"))
    assert caught.value.code == "connect-other-ou"


def test_v1_that_was_switched_on_elsewhere_since_the_hand_over_is_for_the_watch_to_tell() -> None:
    earlier = handed(planned(sides_of()))
    assert planned(sides_of(v1=Switch.ON, container=f"OU=Other,{b.BASE}"), earlier).waits


def test_an_ou_that_is_protected_or_missing_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        planned(sides_of(), protected_ous=(b.TARGET_OU,))
    assert caught.value.code == "ou-protected"
    nowhere = b.inventory_of(b.cloud_side(GROUPS), b.directory_side(target=b.ou(b.TARGET_OU, exists=False)))
    with pytest.raises(Refused) as caught:
        planned(sides_of(read=nowhere))
    assert caught.value.code == "ou-missing"


@pytest.mark.parametrize("side", ["cloud", "directory"])
def test_a_reading_that_is_not_complete_is_no_ground_for_a_plan(side: str) -> None:
    read = b.inventory_of(
        b.cloud_side(GROUPS, complete=side != "cloud"), b.directory_side(complete=side != "directory")
    )
    with pytest.raises(Refused) as caught:
        planned(sides_of(read=read))
    assert caught.value.code == "incomplete-read"


def test_what_was_handed_over_is_not_handed_over_again_and_ad_is_waited_for() -> None:
    first = planned(sides_of())
    again = planned(sides_of([*GROUPS, b.cloud_group("Four")], v1=Switch.OFF), handed(first))
    assert kinds(again) == ()
    assert again.waits
    (since,) = [one for one in again.findings if one.id == "connect-sync-groups-since"]
    assert "1 Microsoft 365 group came into the tenant" in since.seen
    unknown = planned(sides_of(v1=Switch.OFF), handed(first))
    assert kinds(unknown) == ()


def test_nobody_is_asked_to_acknowledge_what_is_on_its_way() -> None:
    made = planned(sides_of(ad=[b.written(GROUPS[0])]), handed(planned(sides_of())), select_names=("One",))
    assert kinds(made) == ()
    assert not [one for one in made.findings if one.severity is Severity.BLOCKING]


def test_another_box_is_another_hand_over_and_the_first_one_is_named() -> None:
    made = planned(sides_of(naming=NamingMode.ID), handed(planned(sides_of())))
    assert ChangeKind.SWITCH_ON in kinds(made)
    (found,) = [one for one in made.findings if one.id == "connect-sync-handed-otherwise"]
    assert "run-1" in found.seen


def test_a_wizard_that_was_not_approved_is_planned_anew() -> None:
    only_rights = handed(planned(sides_of()), only=ALL[:1])
    assert kinds(planned(sides_of(), only_rights)) == ALL[1:]


def test_the_limit_does_not_stop_what_is_on_its_way() -> None:
    made = planned(sides_of(), handed(planned(sides_of())), limits=replace(b.WIDE, creates=0))
    assert made.waits


def test_a_cycle_is_told_with_the_servers_own_schedule_and_last_export(tmp_path: Path) -> None:
    server = read_connect_evidence(written(tmp_path, evidence(features={"v1": False, "v2": False})))
    (found,) = [one for one in planned(sides_of(server=server)).findings if one.id == "connect-sync-cycle"]
    assert "Cycles come every 30 minutes" in found.seen
    assert "The last export of CONNECT01 took 1 minute for 6 objects." in found.seen
    (unknown,) = [one for one in planned(sides_of()).findings if one.id == "connect-sync-cycle"]
    assert "is not known" in unknown.seen


def test_the_same_facts_give_the_same_plan() -> None:
    def digest(groups: Sequence[CloudGroup]) -> str:
        return planned(sides_of(groups)).plan.digest

    assert digest(GROUPS) == digest(list(reversed(GROUPS)))
    assert digest(GROUPS) != digest(GROUPS[:2])


def test_every_change_is_about_the_ou() -> None:
    changes: Sequence[Change] = planned(sides_of()).plan.changes
    assert {change.payload.object_id for change in changes} == {b.guid(f"ou {b.TARGET_OU}")}
