"""Every rule and every limit: a case that it refuses and the nearest case that it lets pass.

The table names every code that the planners can refuse with; a code without a row fails the first test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from runbook_lib.errors import Refused
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.naming import Naming
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import CloudKind, OtherWriters, Presence, Switch
from runbook_lib.model.directory import UNIVERSAL_SECURITY, AttributeDelta
from runbook_lib.model.enforcement import Enforcement, EnforcementMode, SoaPolicy
from runbook_lib.model.ids import GroupId, ObjectGuid, anchor_of
from runbook_lib.parameters.check_change import require_acknowledged, with_acknowledgements
from runbook_lib.parameters.model import AcknowledgementParameter, Parameters
from runbook_lib.routes.direct.payload import DirectChange, DirectPayload, ExistingMember
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.routes.direct.planning import DirectPlanned
from runbook_lib.routes.direct.preconditions import findings_before_writing
from runbook_lib.routes.direct.target import plan_target
from runbook_lib.routes.direct.writes import ChangeEffect
from tests.support import builders as b
from tests.unit.routes_direct.refusal_codes import codes

ANA, BO, CY = b.synced("Ana"), b.synced("Bo"), b.synced("Cy")
PEOPLE = [ANA, BO, CY]
ACCOUNTS = [b.ad_user(name) for name in ("Ana", "Bo", "Cy")]
TEAM = b.cloud_group("Team")
AWAY = f"OU=Elsewhere,{b.BASE}"
ADMINS = b.ad_group("Domain Admins", {"adminCount": ("1",)}, parent=f"CN=Users,{b.BASE}")
SECURITY = (str(UNIVERSAL_SECURITY),)


@dataclass(frozen=True)
class Said:
    """What a planner answered: codes of errors, refusals and findings, and everything it said in words."""

    codes: frozenset[str]
    words: str
    changes: int


def heard(run: Callable[[], DirectPlanned]) -> Said:
    try:
        planned = run()
    except Refused as error:
        return Said(frozenset({error.code}), f"{error.message} {error.hint}", 0)
    plan = planned.plan
    for refusal in plan.refusals:
        assert refusal.why, refusal.rule
        assert refusal.to_do, refusal.rule
    texts = [f"{r.display_name} {r.why} {r.to_do}" for r in plan.refusals]
    texts += [f"{f.seen} {f.why} {f.to_do}" for f in planned.findings]
    named = {r.rule for r in plan.refusals} | {f.id.partition(":")[0] for f in planned.findings}
    return Said(frozenset(named), " ".join(texts), len(plan.changes))


def both_sides(
    *ad: Any, group: Any = TEAM, cloud: Any = None, presence: Any = None, users: Any = None, **directory: Any
) -> Inventory:
    side = cloud or b.cloud_side([group], {group.display_name: [ANA]}, people=PEOPLE)
    return b.inventory_of(side, b.directory_side([*ACCOUNTS, *(users or ())], ad, **directory), presence)


def enable(*ad: Any, policy: Any = None, **more: Any) -> Said:
    told = b.policy(**{"select_ids": (more.get("group", TEAM).id,), **(policy or {})})
    return heard(lambda: plan_enable(both_sides(*ad, **more), told))


def disable(*ad: Any, policy: Any = None, **more: Any) -> Said:
    told = b.policy(**{"disable_ids": (TEAM.id,), **(policy or {})})
    return heard(lambda: plan_disable(both_sides(*ad, **more), told))


def delete(*ad: Any, policy: Any = None, **more: Any) -> Said:
    return disable(*ad, policy={"delete": True, **(policy or {})}, **more)


def undo(*ad: Any, change: Any, effect: Any, policy: Any = None, place: Any = None, dc: str = "", **more: Any) -> Said:
    inventory = both_sides(*ad, **more)
    target = replace(plan_target(inventory), **(place or {}))
    done = b.done_change(Plan(Operation.ENABLE, target, (change,)), {change.digest: effect}, invocation_id=dc)
    return heard(lambda: plan_undo(inventory, b.policy(**(policy or {})), done))


OURS = b.written(TEAM)
NEW = replace(TEAM, display_name="Renamed")
"""A selected group whose AD object differs, so a plan has something to do where no rule stands in the way."""


def undelete(*ad: Any, lost: Any = OURS, deleted: Any = None, **more: Any) -> Said:
    doomed = both_sides(lost, *more.get("holders", ()))
    change = plan_disable(doomed, b.policy(disable_ids=(TEAM.id,), delete=True)).plan.changes[0]
    more.pop("holders", None)
    here = replace(b.BIN_ON, objects=(b.deleted_object(lost),)) if deleted is None else deleted
    effect = ChangeEffect(object_guid=change.payload.object_guid, deleted=True)
    return undo(*ad, change=change, effect=effect, deleted=here, **more)


def restore(*ad: Any, removed: str = "8", **more: Any) -> Said:
    """Undo of a retirement that took ``removed`` away as groupType."""
    old = ad[0]
    taken = AttributeDelta("groupType", (removed,), ("8",))
    effect = ChangeEffect(object_guid=old.guid, attributes=(taken,), members_removed=(b.guid("ad Ana"),))
    change = DirectChange(ChangeKind.RETIRE, TEAM.id, "Team", DirectPayload(old.dn, object_guid=old.guid))
    return undo(*ad, change=change, effect=effect, **more)


def created(*ad: Any, **more: Any) -> Said:
    effect = ChangeEffect(object_guid=ad[0].guid, created=True, members_added=more.pop("entered", ()))
    return undo(
        *ad, change=DirectChange(ChangeKind.CREATE, TEAM.id, "Team", DirectPayload(ad[0].dn)), effect=effect, **more
    )


def described(value: str, **more: Any) -> Said:
    ad = b.written(TEAM, attributes={"description": (value,)})
    effect = ChangeEffect(object_guid=ad.guid, attributes=(AttributeDelta("description", ("old",), ("new",)),))
    change = DirectChange(ChangeKind.UPDATE, TEAM.id, "Team", DirectPayload(ad.dn, object_guid=ad.guid))
    return undo(ad, change=change, effect=effect, **more)


def limited(**limits: int) -> Said:
    """Three members, of whom two leave; one new group."""
    fresh = b.cloud_group("Fresh")
    ad = b.written(TEAM, [b.user_dn(name) for name in ("Ana", "Bo", "Cy")])
    cloud = b.cloud_side([TEAM, fresh], {"Team": [ANA], "Fresh": []}, people=PEOPLE)
    exact = replace(b.WIDE, creates=1, member_removals=2, member_removals_per_group=2, member_removals_percent=67)
    policy = {"select_ids": (TEAM.id, fresh.id), "limits": replace(exact, **limits)}
    return enable(ad, cloud=cloud, policy=policy)


def ended(**limits: int) -> Said:
    return disable(OURS, policy={"delete": "deletions" in limits, "limits": replace(b.WIDE, **limits)})


def acknowledged(until: str, finding: str = "target-ou-sync-scope") -> Said:
    item = AcknowledgementParameter(finding=finding, by="Kim", reason="looked", until=until)
    parameters = Parameters.model_validate({"acknowledge": [item]})
    found = with_acknowledgements(findings_before_writing(both_sides()), parameters, b.TODAY)

    def run() -> DirectPlanned:
        require_acknowledged(found, parameters)
        return plan_enable(both_sides(), b.policy(select_ids=(TEAM.id,)))

    return heard(run)


def cloud_of(group: Any, **more: Any) -> Any:
    return b.cloud_side([group], {group.display_name: [ANA]}, people=PEOPLE, **more)


def members(*names: str) -> list[str]:
    return [b.user_dn(name) for name in names]


STRANGE = b.written(TEAM, [f"CN=Robot,OU=Machines,{b.BASE}"])
FS_LOCAL = b.ad_group("FS", {"groupType": ("-2147483644",)})
FS_GLOBAL = b.ad_group("FS", {"groupType": ("-2147483646",)})
ANAS_TWIN = replace(ANA, id=b.guid("user twin"), display_name="Twin")
CAME = replace(TEAM, on_premises_sid="S-1-5-21-7-7")
"""It came from an AD that this run does not read."""
HIDDEN = replace(TEAM, visibility="HiddenMembership")
HELD = b.written(TEAM, member_of=(ADMINS.dn,), attributes={"groupType": SECURITY})
MAILED = replace(TEAM, mail="team@contoso.com")
GONE_FOREVER = replace(b.BIN_ON, objects=())
OTHER_ROOT = b.guid("elsewhere")
IN_ADMINS = b.written(TEAM, attributes={"groupType": SECURITY}, member_of=(ADMINS.dn,))
ANCHORED_AGAIN = b.ad_group("Again", {"adminDescription": (anchor_of(TEAM.id),)}, [])
KIM_ONLY = b.cloud_side([TEAM], {"Team": [ANA]})
TWIN = replace(TEAM, id=GroupId("0" * 24 + TEAM.id[24:]))
TWINS = replace(b.cloud_side([TEAM, TWIN]), members={TEAM.id: (), TWIN.id: ()})
UNSEEN = replace(TWIN, display_name="Te\u200bam")
LOOK_ALIKES = replace(b.cloud_side([TEAM, UNSEEN]), members={TEAM.id: (), TWIN.id: ()})
BOTH_IDS = {"select_ids": (TEAM.id, TWIN.id)}

MARKED = b.written(TEAM, attributes={"msDS-ObjectSoa": ("Cloud",)})
ENFORCED = Enforcement(
    (SoaPolicy(f"CN=Cloud,CN=SOA-Policies,CN=System,{b.BASE}", EnforcementMode.ENFORCED),), f"{b.DOMAIN_SID}-1"
)
CASES: dict[str, tuple[Callable[[], Said], Callable[[], Said], tuple[str, ...]]] = {
    # code: (refused, let pass, what the message has to name)
    # Rule 1: ours
    "not-ours": (
        lambda: disable(b.written(TEAM, attributes={"extensionName": ()})),
        lambda: disable(OURS),
        ("Team", "not written by this runbook"),
    ),
    "not-written": (lambda: disable(), lambda: disable(OURS), ("Team",)),
    "written-by-connect-sync": (
        lambda: enable(b.written(TEAM, attributes={"extensionName": ()})),
        lambda: enable(OURS, group=NEW),
        ("Team", "Connect Sync"),
    ),
    "written-by-cloud-sync": (
        lambda: enable(b.ad_group("x", {"msDS-ExternalDirectoryObjectId": (anchor_of(TEAM.id),)}, [])),
        lambda: enable(b.ad_group("x", {"msDS-ExternalDirectoryObjectId": ("Group_x",)}, [])),
        ("Team", "Cloud Sync"),
    ),
    "between-two-routes": (
        lambda: enable(b.written(TEAM, attributes={"msDS-ExternalDirectoryObjectId": (anchor_of(TEAM.id),)})),
        lambda: enable(b.written(TEAM, attributes={"msDS-ExternalDirectoryObjectId": ("Group_x",)})),
        ("Team", "on its way", "cloud_sync_disable: move"),
    ),
    "written-by-somebody-else": (
        lambda: enable(b.written(TEAM, attributes={"extensionName": (f"gwb:{b.guid('t')}:{TEAM.id}",)})),
        lambda: enable(OURS, group=NEW),
        ("Team", OURS.dn, "another tenant"),
    ),
    "moved-away": (
        lambda: enable(b.written(TEAM, parent=AWAY), group=NEW),
        lambda: enable(OURS, group=NEW),
        (AWAY,),
    ),
    "object-enforced": (
        lambda: disable(MARKED, enforcement=ENFORCED),
        lambda: disable(MARKED, policy={"delete": True}, enforcement=ENFORCED),
        (MARKED.dn, "CN=Cloud", "retire", "msDS-Settings"),
    ),
    "schema-lacks-mark": (
        lambda: enable(attributes=("cn", "adminDescription")),
        lambda: enable(attributes=("cn", "adminDescription", "extensionName")),
        ("extensionName",),
    ),
    # Rule 2: other writers
    "connect-v1-on": (
        lambda: enable(policy={"connect_v1": Switch.ON}),
        lambda: enable(policy={"connect_v1": Switch.OFF}),
        ("Team", "v1"),
    ),
    "other-writer-unknown": (
        lambda: enable(policy={"connect_v1": Switch.UNKNOWN}),
        lambda: enable(policy={"connect_v1": Switch.UNKNOWN}, group=b.cloud_group("Sec", CloudKind.SECURITY)),
        ("attest_connect_v1_off_by", "attest_connect_v1_off_until"),
    ),
    "target-ou-sync-scope": (lambda: enable(), lambda: disable(OURS), (b.TARGET_OU,)),
    "other-writer-in-target-ou": (
        lambda: enable(b.written(b.cloud_group("Theirs"), attributes={"extensionName": ()})),
        lambda: enable(b.written(b.cloud_group("Theirs"), attributes={"extensionName": ()}, parent=AWAY)),
        ("1 object created by another tool is in", "Theirs"),
    ),
    "connect-v2-on": (
        lambda: enable(cloud=cloud_of(TEAM, writers=OtherWriters(Switch.OFF, Switch.ON))),
        lambda: enable(cloud=cloud_of(TEAM, writers=OtherWriters(Switch.OFF, Switch.OFF))),
        ("groupWriteBackEnabled",),
    ),
    "finding-not-acknowledged": (
        lambda: acknowledged("2026-11-21"),
        lambda: acknowledged("2026-11-22"),
        ("target-ou-sync-scope", "acknowledge"),
    ),
    # Rule 3: before a create
    "converted-original-in-ad": (
        lambda: enable(b.ad_group("Original", sid="S-1-5-21-7-7"), group=replace(CAME, cloud_managed=True)),
        lambda: enable(b.ad_group("Original", sid="S-1-5-21-7-8"), group=replace(CAME, cloud_managed=True)),
        ("Original", "Cloud Sync"),
    ),
    "rolled-back-to-ad": (
        lambda: enable(group=replace(CAME, cloud_managed=False)),
        lambda: enable(group=replace(CAME, cloud_managed=True)),
        ("given back to AD", "next synchronization"),
    ),
    "original-in-ad": (
        lambda: enable(b.ad_group("Original", sid="S-1-5-21-7-7"), group=CAME),
        lambda: enable(b.ad_group("Original", sid="S-1-5-21-7-8"), group=CAME),
        ("Original", "could not be read", "Group-OnPremisesSyncBehavior.ReadWrite.All"),
    ),
    "original-elsewhere": (
        lambda: enable(group=CAME),
        lambda: enable(group=replace(CAME, on_premises_sid=f"{b.DOMAIN_SID}-4711")),
        ("Team", "S-1-5-21-7-7"),
    ),
    "several-ad-objects": (
        lambda: enable(OURS, ANCHORED_AGAIN),
        lambda: enable(OURS, group=NEW),
        (OURS.dn, ANCHORED_AGAIN.dn),
    ),
    "collision": (
        lambda: enable(users=[b.ad_user("Dee", sam_account_name=Naming().sam_account_name(TEAM.id).upper())]),
        lambda: enable(users=[b.ad_user("Dee", mail="team@contoso.com")], group=MAILED),
        (Naming().sam_account_name(TEAM.id), "Dee"),
    ),
    "mail-address-taken": (
        lambda: enable(users=[b.ad_user("Dee", mail="TEAM@contoso.com")], group=MAILED),
        lambda: enable(users=[b.ad_user("Dee", mail="dee@contoso.com")], group=MAILED),
        ("1 object ", "team@contoso.com", "CN=Dee", "direct writes no address"),
    ),
    "same-name": (
        lambda: enable(cloud=TWINS, policy=BOTH_IDS),
        lambda: enable(cloud=TWINS),
        ("sam_account_name_pattern",),
    ),
    "forest-not-searched": (
        lambda: enable(other_domains=("DC=child,DC=contoso,DC=com",)),
        lambda: enable(),
        ("DC=child",),
    ),
    "deleted-object": (
        lambda: enable(deleted=replace(b.BIN_ON, objects=(b.deleted_object(OURS),))),
        lambda: enable(deleted=replace(b.BIN_ON, objects=(b.deleted_object(b.written(b.cloud_group("Any"))),))),
        (OURS.dn, "SID", "60-undo-change"),
    ),
    # Rule 4: members
    "members-unaccounted": (
        lambda: enable(b.written(TEAM, members("Bo")), cloud=KIM_ONLY),
        lambda: enable(b.written(TEAM, members("Ana")), group=NEW),
        ("1 AD member of", b.user_dn("Bo")),
    ),
    "members-share-account": (
        lambda: enable(cloud=b.cloud_side([TEAM], {"Team": [ANA, ANAS_TWIN]})),
        lambda: enable(cloud=b.cloud_side([TEAM], {"Team": [ANA]})),
        ("2 cloud objects", "Ana", "Twin", b.user_dn("Ana"), "onPremisesImmutableId"),
    ),
    "members-unreadable": (
        lambda: enable(cloud=b.cloud_side([TEAM], unread=["Team"])),
        lambda: enable(),
        ("Member.Read.Hidden",),
    ),
    # Rule 5: a cloud group is gone
    "soft-deleted": (
        lambda: disable(OURS, cloud=b.cloud_side([b.cloud_group("Any")], deleted=[TEAM])),
        lambda: disable(OURS, cloud=b.cloud_side([b.cloud_group("Any")]), presence={TEAM.id: Presence.GONE}),
        ("30 days",),
    ),
    "unknown": (
        lambda: disable(OURS, cloud=b.cloud_side([b.cloud_group("Any")]), presence={TEAM.id: Presence.UNKNOWN}),
        lambda: disable(OURS, cloud=b.cloud_side([b.cloud_group("Any")]), presence={TEAM.id: Presence.GONE}),
        ("could not be read",),
    ),
    "orphan": (
        lambda: enable(OURS, cloud=b.cloud_side([b.cloud_group("Any")]), presence={TEAM.id: Presence.GONE}),
        lambda: enable(OURS, group=NEW),
        ("404", "40-disable-writeback"),
    ),
    # Texts
    "text-unwritable": (
        lambda: enable(group=replace(TEAM, description="cut \ud83d")),
        lambda: enable(group=replace(TEAM, description="cut \ufffd")),
        ("description", "half an emoji", "cloud"),
    ),
    "text-replaced": (
        lambda: enable(group=replace(TEAM, display_name="Half \ufffd", replaced=("displayName",))),
        lambda: enable(group=replace(TEAM, display_name="Half \ufffd")),
        ("Half \ufffd", "displayName", "U+FFFD"),
    ),
    "name-hides": (
        lambda: enable(group=replace(TEAM, display_name="Sales \u202efdp.exe")),
        lambda: enable(group=replace(TEAM, display_name="Sales 👩\u200d💻 pdf")),
        ("Sales \\u202efdp.exe",),
    ),
    # Rule 8: type
    "not-eligible": (
        lambda: enable(group=b.cloud_group("List", CloudKind.DISTRIBUTION_LIST)),
        lambda: enable(),
        ("List",),
    ),
    "on-premises": (
        lambda: enable(group=replace(TEAM, on_premises_sync_enabled=True)),
        lambda: enable(group=replace(TEAM, on_premises_sync_enabled=False)),
        ("Team",),
    ),
    "role-assignable": (
        lambda: enable(group=replace(TEAM, role_assignable=True)),
        lambda: enable(group=replace(TEAM, role_assignable=True), policy={"allow_role_assignable": True}),
        ("allow_role_assignable",),
    ),
    "hidden-membership": (
        lambda: enable(group=HIDDEN),
        lambda: enable(group=HIDDEN, policy={"allow_hidden_membership": True}),
        ("allow_hidden_membership",),
    ),
    "security-public": (
        lambda: enable(group=replace(TEAM, visibility="Public"), policy={"security": True}),
        lambda: enable(group=replace(TEAM, visibility="Public")),
        ("distribution",),
    ),
    "security-dynamic": (
        lambda: enable(group=replace(TEAM, dynamic=True), policy={"security": True}),
        lambda: enable(group=replace(TEAM, dynamic=True), policy={"security": True, "allow_dynamic_security": True}),
        ("allow_dynamic_security",),
    ),
    "leads-to-protected": (
        lambda: enable(HELD, ADMINS, policy={"security": True}),
        lambda: enable(b.written(TEAM, member_of=(ADMINS.dn,)), ADMINS),
        (HELD.dn, ADMINS.dn),
    ),
    "scope-fixed": (
        lambda: enable(b.written(TEAM, [FS_LOCAL.dn], attributes={"groupType": ("4",)}), FS_LOCAL),
        lambda: enable(b.written(TEAM, [FS_GLOBAL.dn], attributes={"groupType": ("4",)}), FS_GLOBAL),
        (OURS.dn, "domain local", FS_LOCAL.dn, "universal"),
    ),
    # Deleting
    "delete-protected": (
        lambda: delete(b.written(TEAM, attributes={"adminCount": ("1",)})),
        lambda: delete(b.written(TEAM, attributes={"adminCount": ("0",)})),
        (OURS.dn, "disable_by"),
    ),
    "delete-not-empty": (
        lambda: delete(OURS, users=[b.ad_user("Below", dn=f"CN=Below,{OURS.dn}")]),
        lambda: delete(OURS, users=[b.ad_user("Beside", dn=f"CN=Beside,{b.TARGET_OU}")]),
        ("1 object,", "CN=Below", "disable_by"),
    ),
    "delete-members-unread": (
        lambda: delete(replace(OURS, members=None)),
        lambda: delete(replace(OURS, members=())),
        (OURS.dn, "disable_by"),
    ),
    "delete-member-unknown": (
        lambda: delete(STRANGE),
        lambda: delete(b.written(TEAM, members("Bo"))),
        ("1 of 1 members", "CN=Robot", "disable_by"),
    ),
    "delete-foreign-members": (
        lambda: created(b.written(TEAM, members("Bo")), policy={"delete": True}),
        lambda: created(b.written(TEAM, members("Bo")), policy={"delete": True}, entered=(b.guid("ad Bo"),)),
        ("1 of its 1 members", b.user_dn("Bo"), "disable_by"),
    ),
    # Bringing back
    "undelete-gone": (lambda: undelete(deleted=GONE_FOREVER), lambda: undelete(), ("180 days", "30-enable-writeback")),
    "undelete-hidden": (
        lambda: undelete(deleted=replace(GONE_FOREVER, listable=Switch.OFF)),
        lambda: undelete(),
        ("Reanimate-Tombstones", "CN=Deleted Objects"),
    ),
    "undelete-other-object": (
        lambda: undelete(deleted=replace(b.BIN_ON, objects=(b.deleted_object(OURS, sid="S-1-5-21-9"),))),
        lambda: undelete(),
        ("SID",),
    ),
    "undelete-written-again": (lambda: undelete(ANCHORED_AGAIN), lambda: undelete(), (ANCHORED_AGAIN.dn,)),
    "undelete-name-taken": (
        lambda: undelete(replace(b.ad_group("x"), dn=OURS.dn)),
        lambda: undelete(b.ad_group("x")),
        (OURS.dn,),
    ),
    "undelete-changed-since": (
        lambda: undelete(b.written(TEAM, attributes={"extensionName": (), "adminDescription": ()})),
        lambda: undelete(b.written(TEAM, attributes={"displayName": ()})),
        (OURS.dn, "mark"),
    ),
    "plan-without-deletion": (
        lambda: undo(
            change=DirectChange(ChangeKind.DELETE, TEAM.id, "Team", DirectPayload(OURS.dn, object_guid=OURS.guid)),
            effect=ChangeEffect(object_guid=OURS.guid, deleted=True),
        ),
        lambda: undelete(),
        ("Team",),
    ),
    "memberships-by-hand": (
        lambda: undelete(ADMINS, lost=b.written(TEAM, member_of=(ADMINS.dn,)), holders=(ADMINS,)),
        lambda: undelete(ADMINS, holders=(ADMINS,)),
        ("1 group that", ADMINS.dn),
    ),
    # Undo
    "gone": (
        lambda: undo(
            change=DirectChange(ChangeKind.UPDATE, TEAM.id, "Team", DirectPayload(OURS.dn, object_guid=OURS.guid)),
            effect=ChangeEffect(object_guid=OURS.guid, members_added=(b.guid("ad Ana"),)),
        ),
        lambda: created(OURS),
        ("Team",),
    ),
    "changed-since": (lambda: described("somebody's"), lambda: described("new"), ("description",)),
    "undo-elsewhere": (
        lambda: described("new", place={"tenant_id": OTHER_ROOT}),
        lambda: described("new"),
        ("tenant",),
    ),
    "undo-other-dc": (
        lambda: described("new", dc=OTHER_ROOT),
        lambda: described("new"),
        (OTHER_ROOT, "dc_host"),
    ),
    # Places, readings, selection
    "protected-ou": (
        lambda: enable(b.written(TEAM, parent=f"OU=Inner,{AWAY}"), group=NEW, policy={"protected_ous": (AWAY,)}),
        lambda: enable(OURS, group=NEW, policy={"protected_ous": (AWAY,)}),
        (AWAY, "protected_ous"),
    ),
    "ou-protected": (
        lambda: enable(policy={"protected_ous": (b.BASE,)}),
        lambda: enable(policy={"protected_ous": (AWAY,)}),
        ("target_ou", b.BASE),
    ),
    "ou-domain-root": (lambda: enable(target=b.ou(b.BASE)), lambda: enable(), ("target_ou", b.BASE)),
    "ou-missing": (
        lambda: enable(target=b.ou(AWAY, exists=False)),
        lambda: enable(target=b.ou(AWAY)),
        ("target_ou", AWAY),
    ),
    "ou-not-an-ou": (
        lambda: enable(target=b.ou(f"CN=Users,{b.BASE}", object_classes=("top", "container"))),
        lambda: enable(),
        ("target_ou", "CN=Users"),
    ),
    "ou-special": (
        lambda: enable(target=b.ou(AWAY, is_critical=True)),
        lambda: enable(target=b.ou(AWAY)),
        ("target_ou", AWAY),
    ),
    "ous-overlap": (
        lambda: enable(retired=b.ou(f"OU=In,{b.TARGET_OU}")),
        lambda: enable(retired=b.ou(f"OU=In,{AWAY}")),
        ("retired_ou", b.TARGET_OU),
    ),
    "incomplete-read": (
        lambda: enable(complete=False),
        lambda: enable(complete=True),
        ("Active Directory", "a search broke off"),
    ),
    "empty-source": (lambda: enable(cloud=b.cloud_side()), lambda: enable(), ("tenant_id",)),
    "also-disabled": (
        lambda: enable(OURS, group=NEW, policy={"disable_names": ("REN*",)}),
        lambda: enable(OURS, group=NEW, policy={"disable_names": ("Other",), "disable_ids": (OTHER_ROOT,)}),
        ("Renamed", "disable_ids", "disable_names"),
    ),
    "empty-selection": (lambda: enable(policy={"select_ids": ()}), lambda: enable(), ("select_ids", "select_names")),
    "unknown-group": (
        lambda: enable(policy={"select_ids": (OTHER_ROOT,)}),
        lambda: enable(),
        (OTHER_ROOT, "select_ids"),
    ),
    "selection-matches-nothing": (
        lambda: enable(policy={"select_names": ("Tema*",)}),
        lambda: enable(policy={"select_names": ("Tea*",)}),
        ("Tema*", "select_names"),
    ),
    "names-look-alike": (
        lambda: enable(cloud=LOOK_ALIKES),
        lambda: enable(cloud=TWINS),
        ("'Te\\u200bam'", "'Team'", TEAM.id, TWIN.id),
    ),
    # Limits: one more than allowed, and exactly what is allowed
    "limit-creates": (lambda: limited(creates=0), limited, ("1 creates", "'Fresh'", "max_creates", "allows 0")),
    "limit-retirements": (
        lambda: ended(retirements=0),
        lambda: ended(retirements=1),
        ("1 retirements", "'Team'", "max_retirements", "allows 0"),
    ),
    "limit-deletions": (
        lambda: ended(deletions=0),
        lambda: ended(deletions=1),
        ("1 deletions", "'Team'", "max_deletions", "allows 0"),
    ),
    "limit-member-removals": (
        lambda: limited(member_removals=1),
        limited,
        ("2 member removals", "'Team'", "max_member_removals", "allows 1"),
    ),
    "limit-member-removals-per-group": (
        lambda: limited(member_removals_per_group=1),
        limited,
        ("2 members", "'Team'", "max_member_removals_per_group", "allows 1"),
    ),
    "limit-member-removals-percent": (
        lambda: limited(member_removals_percent=66),
        limited,
        ("2 of 3 members", "'Team'", "max_member_removals_percent", "66 percent"),
    ),
}


def test_every_code_of_the_source_has_a_row_and_no_row_is_left_over() -> None:
    assert codes() == set(CASES)


@pytest.mark.parametrize("code", CASES)
def test_it_is_refused_in_words_that_name_object_number_and_way_out(code: str) -> None:
    said = CASES[code][0]()
    assert code in said.codes
    assert [text for text in CASES[code][2] if text not in said.words] == []


@pytest.mark.parametrize(
    ("name", "kind", "pattern", "hint"),
    [
        ("Sales\u00a0EU", CloudKind.MICROSOFT_365, "Sales EU", "looks the same"),
        ("What?*", CloudKind.DISTRIBUTION_LIST, "What?*", "of a kind or in a state that a name does not pick"),
    ],
)
def test_a_name_that_is_there_and_not_picked_is_said(name: str, kind: CloudKind, pattern: str, hint: str) -> None:
    """A whole name never falls back to being a pattern: "What?*" does not pick "Whatever" instead."""
    groups = [b.cloud_group(name, kind), b.cloud_group("Whatever")]
    said = enable(cloud=b.cloud_side(groups), policy={"select_ids": (), "select_names": (pattern,)})
    assert "selection-matches-nothing" in said.codes
    assert hint in said.words


@pytest.mark.parametrize("code", CASES)
def test_the_nearest_case_passes_and_changes_something(code: str) -> None:
    said = CASES[code][1]()
    assert code not in said.codes
    assert said.changes > 0


def test_a_deleted_object_is_known_by_its_anchor_too() -> None:
    """With the Recycle Bin it keeps the anchor, whatever it was called."""
    kept = b.deleted_object(b.ad_group("Old name"), group_id=TEAM.id)
    assert "deleted-object" in enable(deleted=replace(b.BIN_ON, objects=(kept,))).codes


# The same rule on another way in.
MORE: dict[str, tuple[str, Callable[[], Said]]] = {
    "collision with an RDN": (
        "collision",
        lambda: enable(b.ad_group(f"Team_{TEAM.id[-12:]}", parent=b.TARGET_OU)),
    ),
    "collision with a retired RDN": (
        "collision",
        lambda: enable(b.ad_group(f"team_{TEAM.id[-12:]}", parent=b.RETIRED_OU)),
    ),
    "collision with a sAMAccountName": (
        "collision",
        lambda: enable(users=[b.ad_user("Dee", sam_account_name=f"GROUP_{TEAM.id[-12:]}")]),
    ),
    "anchor of another attribute": (
        "several-ad-objects",
        lambda: enable(OURS, b.ad_group("x", {"msDS-ExternalDirectoryObjectId": (anchor_of(TEAM.id),)}, [])),
    ),
    "two marks prove nothing": (
        "written-by-connect-sync",
        lambda: enable(
            b.written(TEAM, attributes={"extensionName": (f"gwb:{b.TENANT}:{TEAM.id}", f"gwb:{b.TENANT}:{OTHER_ROOT}")})
        ),
    ),
    "mark of another tenant is never deleted": (
        "not-ours",
        lambda: delete(b.written(TEAM, attributes={"extensionName": (f"gwb:{OTHER_ROOT}:{TEAM.id}",)})),
    ),
    "soft-deleted is never deleted": (
        "soft-deleted",
        lambda: delete(OURS, cloud=b.cloud_side([b.cloud_group("Any")], deleted=[TEAM])),
    ),
    "unknown is never deleted": (
        "unknown",
        lambda: delete(OURS, cloud=b.cloud_side([b.cloud_group("Any")]), presence={TEAM.id: Presence.UNKNOWN}),
    ),
    "moved away is never deleted": ("moved-away", lambda: delete(b.written(TEAM, parent=AWAY))),
    "unknown is no orphan when it is selected to be written": (
        "unknown",
        lambda: enable(OURS, cloud=b.cloud_side([b.cloud_group("Any")]), presence={TEAM.id: Presence.UNKNOWN}),
    ),
    "a built-in SID is protected": ("delete-protected", lambda: delete(replace(OURS, sid="S-1-5-32-544"))),
    "a well-known RID is protected": ("delete-protected", lambda: delete(replace(OURS, sid=f"{b.DOMAIN_SID}-512"))),
    "a critical object is protected": (
        "delete-protected",
        lambda: delete(b.written(TEAM, attributes={"isCriticalSystemObject": ("TRUE",)})),
    ),
    "an undo never restores rights into a protected group": (
        "leads-to-protected",
        lambda: restore(b.written(TEAM, member_of=(ADMINS.dn,)), ADMINS, removed=str(UNIVERSAL_SECURITY)),
    ),
    "an undo never adds members to a group that grants protected rights": (
        "leads-to-protected",
        lambda: restore(HELD, ADMINS, removed=str(UNIVERSAL_SECURITY)),
    ),
    "an undelete never leads to a protected group": (
        "leads-to-protected",
        lambda: undelete(ADMINS, lost=IN_ADMINS, holders=(ADMINS,)),
    ),
    "an undo restores nothing that Connect writes": (
        "connect-v1-on",
        lambda: restore(OURS, removed="4", policy={"connect_v1": Switch.ON}),
    ),
    "an undelete brings nothing back that Connect writes": (
        "connect-v1-on",
        lambda: undelete(policy={"connect_v1": Switch.ON}),
    ),
    "an undelete asks for the attestation": (
        "other-writer-unknown",
        lambda: undelete(policy={"connect_v1": Switch.UNKNOWN}),
    ),
    "the retired OU is checked as well": ("ou-missing", lambda: disable(OURS, retired=b.ou(AWAY, exists=False))),
    "an incomplete tenant": ("incomplete-read", lambda: disable(OURS, cloud=cloud_of(TEAM, complete=False))),
    "a sAMAccountName that is taken": (
        "undelete-name-taken",
        lambda: undelete(b.ad_group("y", {"sAMAccountName": OURS.attributes["sAMAccountName"]})),
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_the_same_rule_on_another_way_in(name: str) -> None:
    code, case = MORE[name]
    said = case()
    assert code in said.codes
    assert said.changes == 0


def test_a_restored_group_that_grants_nothing_may_stand_anywhere() -> None:
    assert restore(b.written(TEAM, member_of=(ADMINS.dn,)), ADMINS, removed="4").changes == 1


def test_no_plan_but_a_deletion_ever_takes_anchor_or_mark_away() -> None:
    """Rule 1."""
    told = b.policy(select_ids=(TEAM.id,))
    retired = b.written(TEAM, retired=True, parent=b.RETIRED_OU)
    planned = (
        plan_enable(both_sides(OURS, group=NEW), told),
        plan_disable(both_sides(OURS), b.policy(disable_ids=(TEAM.id,))),
        plan_enable(both_sides(retired), told),
    )
    seen = [change for one in planned for change in one.plan.changes]
    assert len(seen) >= 3
    for change in seen:
        for delta in change.payload.attributes:
            assert delta.name != "adminDescription"
            assert not any(value.startswith("gwb:") for value in delta.removed)


def test_an_attestation_needs_name_and_day_and_ends() -> None:
    from runbook_lib.rules.obstacles import connect_v1_of

    def state(**more: str) -> Switch:
        return connect_v1_of(Parameters.model_validate(more), OtherWriters(), date(2026, 11, 22))

    who, until = "attest_connect_v1_off_by", "attest_connect_v1_off_until"
    assert state(**{who: "Kim", until: "2026-11-22"}) is Switch.OFF
    assert state(**{who: "Kim", until: "2026-11-21"}) is Switch.UNKNOWN
    assert state(**{who: "Kim"}) is Switch.UNKNOWN
    assert state(**{until: "2026-11-22"}) is Switch.UNKNOWN


def test_members_that_enter_a_deleted_group_are_not_named_twice() -> None:
    lost = b.written(TEAM, members("Ana"))
    change = plan_disable(both_sides(lost), b.policy(disable_ids=(TEAM.id,), delete=True)).plan.changes[0]
    assert change.payload.members_removed == (ExistingMember(ObjectGuid(b.guid("ad Ana")), b.user_dn("Ana")),)
