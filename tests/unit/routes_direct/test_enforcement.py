"""What AD object enforcement refuses of a plan, and what it lets pass, for every kind of change and every policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.enforcement import NO_ENFORCEMENT, Enforcement, EnforcementMode, Leave, SoaPolicy
from runbook_lib.model.ids import NO_OBJECT, GroupId, ObjectGuid
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload
from runbook_lib.routes.direct.preconditions import refuse_enforced
from tests.support import builders as b

TEAM = b.cloud_group("Team")
ME, GROUP, OTHER = f"{b.DOMAIN_SID}-1104", f"{b.DOMAIN_SID}-1200", f"{b.DOMAIN_SID}-1300"
DN = f"CN=Cloud,CN=SOA-Policies,CN=System,{b.BASE}"
ENFORCED = SoaPolicy(DN, EnforcementMode.ENFORCED)


def seen(*policies: SoaPolicy, account: str = ME, why: Text = NOTHING) -> Enforcement:
    return Enforcement(policies, account, frozenset({ME, GROUP}), why)


@pytest.mark.parametrize(
    ("found", "leave"),
    [
        (NO_ENFORCEMENT, Leave.GIVEN),
        (seen(ENFORCED), Leave.REFUSED),
        (seen(replace(ENFORCED, sids=(OTHER,))), Leave.REFUSED),
        (seen(replace(ENFORCED, sids=(ME, OTHER))), Leave.GIVEN),
        (seen(replace(ENFORCED, sids=(GROUP,))), Leave.UNKNOWN),
        (seen(replace(ENFORCED, sids=(ME,), invalid=("x",))), Leave.REFUSED),
        (seen(replace(ENFORCED, sids=(GROUP,), invalid=("x",))), Leave.REFUSED),
        (seen(replace(ENFORCED, sids=(ME, *(f"{OTHER}{n}" for n in range(63))))), Leave.GIVEN),
        (seen(replace(ENFORCED, sids=(ME, *(f"{OTHER}{n}" for n in range(64))))), Leave.REFUSED),
        (seen(replace(ENFORCED, mode=EnforcementMode.AUDIT)), Leave.GIVEN),
        (seen(replace(ENFORCED, mode=EnforcementMode.UNKNOWN)), Leave.UNKNOWN),
        (seen(replace(ENFORCED, mode=EnforcementMode.UNKNOWN, sids=(ME,))), Leave.GIVEN),
        (seen(ENFORCED, replace(ENFORCED, dn="CN=Two", sids=(ME,))), Leave.REFUSED),
        (seen(replace(ENFORCED, sids=(ME,)), replace(ENFORCED, dn="CN=Two", sids=(ME,))), Leave.GIVEN),
        (seen(ENFORCED, account="", why=t("nobody says")), Leave.UNKNOWN),
        (Enforcement(why_unknown=t("not readable")), Leave.UNKNOWN),
    ],
)
def test_whether_an_account_may_change_marked_objects(found: Enforcement, leave: Leave) -> None:
    assert found.leave is leave


def side(enforcement: Enforcement, *, marked: bool, deleted: bool = False) -> object:
    attributes = {"msDS-ObjectSoa": ("Cloud",)} if marked else {}
    ad = b.written(TEAM, attributes=attributes)
    gone = b.deleted_object(ad, governed_by_cloud=marked)
    bin_on = replace(b.BIN_ON, objects=(gone,))
    directory = (
        b.directory_side(deleted=bin_on, enforcement=enforcement)
        if deleted
        else b.directory_side((), [ad], enforcement=enforcement)
    )
    return b.inventory_of(b.cloud_side([TEAM]), directory)


@given(
    kind=st.sampled_from(ChangeKind),
    marked=st.booleans(),
    found=st.sampled_from(
        [
            NO_ENFORCEMENT,
            seen(ENFORCED),
            seen(replace(ENFORCED, sids=(ME,))),
            seen(replace(ENFORCED, sids=(GROUP,))),
            seen(replace(ENFORCED, mode=EnforcementMode.AUDIT)),
        ]
    ),
)
def test_every_kind_is_refused_or_passes_as_documented(kind: ChangeKind, marked: bool, found: Enforcement) -> None:
    guid = NO_OBJECT if kind is ChangeKind.CREATE else b.written(TEAM).guid
    change = DirectChange(kind, TEAM.id, "Team", DirectPayload("CN=Team", object_guid=guid))
    inventory = side(found, marked=marked, deleted=kind is ChangeKind.UNDELETE)
    passing, refused = refuse_enforced([change], inventory)  # type: ignore[arg-type]
    expected = marked and found == seen(ENFORCED) and kind not in {ChangeKind.CREATE, ChangeKind.DELETE}
    assert (passing == []) is expected
    assert [one.rule for one in refused] == (["object-enforced"] if expected else [])
    assert all(kind.value in one.why and DN in one.why for one in refused)


def test_one_marked_group_takes_no_neighbour_along_and_is_named_once() -> None:
    inventory = side(seen(ENFORCED), marked=True)
    guid = b.written(TEAM).guid
    two = [
        DirectChange(kind, TEAM.id, "Team", DirectPayload("CN=Team", object_guid=guid))
        for kind in (ChangeKind.UPDATE, ChangeKind.ADD_MEMBERS)
    ]
    other = DirectChange(
        ChangeKind.UPDATE, GroupId("other"), "Other", DirectPayload("CN=Other", object_guid=ObjectGuid("another"))
    )
    passing, refused = refuse_enforced([*two, other], inventory)  # type: ignore[arg-type]
    assert passing == [other]
    assert [one.group_id for one in refused] == [TEAM.id]
