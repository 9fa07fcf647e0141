"""Plans of disable: groups of ours are retired, nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook_lib.errors import Refused
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudKind, Presence
from runbook_lib.model.directory import UNIVERSAL_SECURITY
from runbook_lib.model.ids import RETIRED_MARK
from runbook_lib.routes.direct.plan_disable import plan_disable
from tests.support import builders as b

ANA = b.synced("Ana")
ACCOUNTS = [b.ad_user("Ana")]


def disable(cloud: Any, directory: Any, policy: Any = None, presence: Any = None) -> Any:
    return plan_disable(b.inventory_of(cloud, directory, presence), policy or b.disable_policy("Team")).plan


def test_disabling_clears_mail_ends_rights_marks_and_moves() -> None:
    group = b.cloud_group("Team")
    ad = b.written(
        group,
        [b.user_dn("Ana")],
        attributes={
            "groupType": (str(UNIVERSAL_SECURITY),),
            "mail": ("team@contoso.com",),
            "proxyAddresses": ("SMTP:team@contoso.com", "smtp:t@contoso.com"),
        },
    )
    (change,) = disable(b.cloud_side([group], {"Team": [ANA]}), b.directory_side(ACCOUNTS, [ad])).changes
    assert change.kind is ChangeKind.RETIRE
    assert {d.name: (d.removed, d.added) for d in change.payload.attributes} == {
        "extensionName": ((), (RETIRED_MARK,)),
        "groupType": ((str(UNIVERSAL_SECURITY),), ("8",)),
        "mail": (("team@contoso.com",), ()),
        "proxyAddresses": (("SMTP:team@contoso.com", "smtp:t@contoso.com"), ()),
    }
    assert change.payload.members_removed == ()
    assert change.payload.move is not None
    assert change.payload.move.to_dn == b.RETIRED_OU
    told = disable(
        b.cloud_side([group], {"Team": [ANA]}),
        b.directory_side(ACCOUNTS, [ad]),
        b.disable_policy("Team", empty_on_retire=True),
    )
    assert [m.guid for m in told.changes[0].payload.members_removed] == [b.guid("ad Ana")]


def test_disabling_again_changes_nothing() -> None:
    group = b.cloud_group("Team")
    ad = b.written(group, parent=b.RETIRED_OU, retired=True)
    plan = disable(b.cloud_side([group], {"Team": []}), b.directory_side(groups=[ad]))
    assert (plan.changes, plan.in_step) == ((), 1)


def test_only_objects_of_ours_can_be_retired() -> None:
    group = b.cloud_group("Team")
    theirs = b.written(group, attributes={"extensionName": ()})
    cloud, directory = b.cloud_side([group], {"Team": []}), b.directory_side(groups=[theirs])
    with pytest.raises(Refused) as caught:
        disable(cloud, directory)
    assert caught.value.code == "selection-matches-nothing"
    plan = disable(cloud, directory, b.disable_policy(disable_ids=(group.id,)))
    assert (plan.changes, [r.rule for r in plan.refusals]) == ((), ["not-ours"])


@pytest.mark.parametrize(
    ("presence", "rules"),
    [(Presence.GONE, []), (Presence.SOFT_DELETED, ["soft-deleted"]), (Presence.UNKNOWN, ["unknown"])],
)
def test_a_lost_cloud_group_is_retired_only_when_it_is_proved_to_be_gone(presence: Presence, rules: list[str]) -> None:
    group = b.cloud_group("Team")
    cloud = b.cloud_side([b.cloud_group("Other")])
    plan = disable(cloud, b.directory_side(groups=[b.written(group)]), presence={group.id: presence})
    assert [r.rule for r in plan.refusals] == rules
    assert len(plan.changes) == (not rules)


def test_retirements_are_limited() -> None:
    group = b.cloud_group("Team")
    with pytest.raises(Refused) as caught:
        disable(
            b.cloud_side([group], {"Team": []}),
            b.directory_side(groups=[b.written(group)]),
            b.disable_policy("Team", limits=replace(b.WIDE, retirements=0)),
        )
    assert caught.value.code == "limit-retirements"


def test_what_is_selected_to_be_written_is_never_disabled_for_that() -> None:
    group = b.cloud_group("Team")
    cloud, directory = b.cloud_side([group], {"Team": []}), b.directory_side(groups=[b.written(group)])
    with pytest.raises(Refused) as caught:
        disable(cloud, directory, b.policy("Team", select_ids=(group.id,)))
    assert caught.value.code == "empty-selection"
    assert all(name in caught.value.hint for name in ("disable_ids", "disable_names", "select_names"))
    both = b.policy("Team", disable_names=("Team",))
    assert [change.kind for change in disable(cloud, directory, both).changes] == [ChangeKind.RETIRE]


def test_select_kinds_is_no_business_of_disabling() -> None:
    group = b.cloud_group("Team", CloudKind.SECURITY)
    cloud, directory = b.cloud_side([group], {"Team": []}), b.directory_side(groups=[b.written(group)])
    plan = disable(cloud, directory, b.disable_policy("Te*", select_kinds=frozenset({"microsoft-365"})))
    assert len(plan.changes) == 1
