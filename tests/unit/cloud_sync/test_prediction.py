"""What a configuration will make of AD: scope, members by Microsoft's table, names, collisions, and the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from runbook_lib.cloud_sync.members import MemberRules, group_written, user_written
from runbook_lib.cloud_sync.predicted import PredictedGroup, Prediction, differences
from runbook_lib.cloud_sync.prediction import predict
from runbook_lib.cloud_sync.scope import JobScope, clause_holds, values_of
from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobState, ObjectScope, ScopeClause
from runbook_lib.model.cloud import CloudGroup, CloudKind, CloudPrincipal, PrincipalType, Switch
from runbook_lib.model.directory import DirectoryGroup, DirectoryObject
from runbook_lib.model.predicted import Known, ScopeAnswer
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from tests.support.builders import (
    BASE,
    ad_group,
    ad_user,
    cloud_group,
    cloud_side,
    directory_side,
    guid,
    person,
    synced,
)

OU = f"OU=Cloud,{BASE}"
MAPPED = {
    "cn": 'Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))',
    "parentdistinguishedname": f'"{OU}"',
    "samaccountname": 'Join("_",[displayName],"cloud")',
}


def security(name: str, **more: object) -> CloudGroup:
    return cloud_group(name, CloudKind.SECURITY, security_enabled=True, **more)


def converted(name: str, **more: object) -> CloudGroup:
    return security(name, on_premises_sid=f"S-1-5-21-1-2-3-{len(name)}", cloud_managed=True, **more)


def mapping(*alternatives: tuple[ScopeClause, ...], mapped: Mapping[str, str] = MAPPED) -> ObjectScope:
    return ObjectScope("Group", "group", True, alternatives, into_ad=True, mapped=mapped)


def job(*assigned: CloudGroup) -> CloudSyncJob:
    return CloudSyncJob(
        id="AAD2ADGroupProvisioning.x.y",
        service_principal=guid("sp"),
        configuration="contoso.com",
        template="AAD2ADGroupProvisioning",
        state=JobState.ACTIVE,
        quarantine=None,
        last_success=None,
        scope=(mapping(),),
        assigned=tuple(group.id for group in assigned),
    )


def anchored(
    group: CloudGroup, name: str | None = None, parent: str = OU, **attributes: tuple[str, ...]
) -> DirectoryGroup:
    """The AD object that Cloud Sync has written for a group."""
    cn = name or f"{group.display_name}_{group.id[-12:]}"
    held = {
        "msDS-ExternalDirectoryObjectId": (f"Group_{group.id}",),
        "groupType": ("-2147483640",),
        "sAMAccountName": (f"{group.display_name}_cloud",),
        **attributes,
    }
    return ad_group(cn, held, parent=parent)


def predicted(
    groups: Sequence[CloudGroup],
    members: Mapping[str, Sequence[CloudPrincipal | CloudGroup]] | None = None,
    *,
    ad: Sequence[DirectoryGroup] = (),
    users: Sequence[DirectoryObject] = (),
    mapped: Mapping[str, str] = MAPPED,
    people: Switch = Switch.UNKNOWN,
    outside: Sequence[CloudGroup] = (),
) -> Prediction:
    accounts = {guid(f"user {user.dn.split(',')[0][3:]}"): user.guid for user in users}
    return predict(
        job(*groups),
        mapping(mapped=mapped),
        cloud_side([*groups, *outside], members),
        directory_side(users, ad),
        accounts,
        synchronized_users=people,
    )


def scope_answer(group: CloudGroup, of: CloudSyncJob, through: ObjectScope) -> ScopeAnswer:
    return JobScope(of, through).answer(group)


def codes(group: PredictedGroup) -> list[str]:
    return [trouble.code for trouble in group.troubles]


@pytest.mark.parametrize(
    ("group", "code"),
    [
        (cloud_group("m365"), "microsoft-365"),
        (cloud_group("mesg", CloudKind.MAIL_ENABLED_SECURITY), "mail-enabled"),
        (cloud_group("dl", CloudKind.DISTRIBUTION_LIST), "mail-enabled"),
        (security("synced", on_premises_sync_enabled=True), "synchronized"),
        (security("back", on_premises_sid="S-1-5-1", cloud_managed=False), "rolled-back"),
    ],
)
def test_what_the_fixed_filter_never_takes(group: CloudGroup, code: str) -> None:
    answer = scope_answer(group, job(group), mapping())
    assert (answer.known, answer.code) == (Known.NO, code)
    assert answer.why


def test_scope_of_selected_groups() -> None:
    one, other = security("one"), security("other")
    assert scope_answer(one, job(one), mapping()).known is Known.YES
    assert scope_answer(other, job(one), mapping()).code == "not-assigned"
    fixed = tuple(ScopeClause(name, "IS FALSE", ()) for name in ("dirSyncEnabled", "mailEnabled"))
    for without_filter in (mapping(), mapping(fixed)):
        assert scope_answer(one, job(), without_filter).code == "nothing-selected"
    assert scope_answer(one, job(), mapping((*fixed, ScopeClause("displayName", "IS NOT NULL", ())))).known is Known.YES
    unread = replace(job(), assigned=Unreadable("assigned", "x", t("because")))
    assert scope_answer(one, unread, mapping()).known is Known.UNKNOWN
    open_ = security("open", on_premises_sid="S-1-5-1")
    assert scope_answer(open_, job(open_), mapping()).code == "authority-unknown"


def test_scope_of_a_filter() -> None:
    sales = (ScopeClause("displayName", "EQUALS", ("Sales",)), ScopeClause("description", "IS NULL", ()))
    by_rule = (ScopeClause("extension_x", "EQUALS", ("yes",)),)
    assert scope_answer(security("Sales"), job(), mapping(sales)).known is Known.YES
    assert scope_answer(security("sales"), job(), mapping(sales)).code == "filtered"
    assert scope_answer(security("Sales", description="x"), job(), mapping(sales)).code == "filtered"
    assert scope_answer(security("sales"), job(), mapping(sales, by_rule)).code == "filter-unknown"
    assert scope_answer(security("Sales"), job(), mapping(by_rule, sales)).known is Known.YES


@pytest.mark.parametrize(
    ("operator", "values", "known"),
    [
        ("EQUALS", ("Sales",), Known.YES),
        ("NOT EQUALS", ("Sales",), Known.NO),
        ("NOT_EQUALS", ("sales",), Known.YES),
        ("IS NULL", (), Known.NO),
        ("IS NOT NULL", (), Known.YES),
        ("IS TRUE", (), Known.UNKNOWN),
        ("REGEX MATCH", ("S.*",), Known.UNKNOWN),
        ("SOUNDS LIKE", ("x",), Known.UNKNOWN),
    ],
)
def test_operators(operator: str, values: tuple[str, ...], known: Known) -> None:
    of = {name.casefold(): value for name, value in values_of(security("Sales")).items()}
    assert clause_holds(ScopeClause("displayName", operator, values), of) is known
    assert clause_holds(ScopeClause("securityEnabled", "IS TRUE", ()), of) is Known.YES
    assert clause_holds(ScopeClause("mailEnabled", "IS TRUE", ()), of) is Known.NO


CLOUD, CONVERTED = security("parent"), converted("parent")
SYNCED_CHILD = security("child", on_premises_sync_enabled=True, on_premises_sid="S-1-5-9")
IN_SCOPE, OUT = ScopeAnswer(Known.YES), ScopeAnswer(Known.NO, "not-assigned")


@pytest.mark.parametrize(
    ("parent", "member", "scope", "known"),
    [
        (CLOUD, security("child"), IN_SCOPE, Known.YES),
        (CLOUD, security("child"), OUT, Known.NO),
        (CLOUD, SYNCED_CHILD, OUT, Known.NO),
        (CLOUD, converted("child"), OUT, Known.YES),
        (CONVERTED, security("child"), IN_SCOPE, Known.YES),
        (CONVERTED, SYNCED_CHILD, OUT, Known.NO),
        (CONVERTED, converted("child"), OUT, Known.YES),
        (CLOUD, security("child"), ScopeAnswer(Known.UNKNOWN), Known.UNKNOWN),
        (CLOUD, security("child", on_premises_sid="S-1-5-9"), OUT, Known.UNKNOWN),
        (CLOUD, CLOUD, IN_SCOPE, Known.NO),
    ],
)
def test_the_table_of_nested_groups(parent: CloudGroup, member: CloudGroup, scope: ScopeAnswer, known: Known) -> None:
    rules = MemberRules(Switch.UNKNOWN, False, {member.id: scope}, {})
    answer = group_written(parent, member, rules)
    assert answer.known is known
    assert bool(answer.code) is bool(answer.why) is (known is not Known.YES)


@pytest.mark.parametrize(
    ("user", "switch", "users", "code"),
    [
        (synced("Ada"), Switch.ON, False, ""),
        (synced("Ada"), Switch.OFF, False, "synchronized-user"),
        (synced("Ada"), Switch.UNKNOWN, False, "synchronized-user-unknown"),
        (synced("Bob"), Switch.ON, False, "no-account-here"),
        (person("Ada"), Switch.ON, False, "cloud-managed-account"),
        (person("Cy"), Switch.ON, False, "cloud-only"),
        (person("Cy"), Switch.ON, True, "user-provisioned"),
        (person("Eve"), Switch.OFF, False, ""),
        (replace(person("Pc"), type=PrincipalType.DEVICE), Switch.ON, True, "no-user-or-group"),
        (replace(person("X"), type=PrincipalType.UNKNOWN), Switch.ON, True, "unknown"),
    ],
)
def test_the_rules_of_users(user: CloudPrincipal, switch: Switch, users: bool, code: str) -> None:
    accounts = {guid("user Ada"): guid("ad Ada"), guid("user Eve"): guid("ad Eve")}
    rules = MemberRules(switch, users, {}, accounts, frozenset({guid("user Eve")}))
    answer = user_written(user, rules)
    assert answer.code == code
    out = {"synchronized-user", "no-account-here", "cloud-only", "no-user-or-group"}
    assert answer.known is (Known.YES if not code else Known.NO if code in out else Known.UNKNOWN)


def test_names_ou_and_members_of_a_new_group() -> None:
    sales, inner = security("Sales"), security("Inner")
    ada, cy = synced("Ada"), person("Cy")
    found = predicted([sales, inner], {"Sales": [ada, cy, inner]}, users=[ad_user("Ada")], people=Switch.ON)
    (group,) = [one for one in found.groups if one.group_id == sales.id]
    assert group.dn.value == f"CN=Sales_{sales.id[-12:]},{OU}"
    assert group.account_name.value == "Sales_cloud"
    assert (group.count(Known.YES), group.count(Known.NO), group.count(Known.UNKNOWN)) == (2, 1, 0)
    assert {member.name: member.answer.code for member in group.members} == {"Ada": "", "Cy": "cloud-only", "Inner": ""}
    assert group.guid == ""
    assert codes(group) == []


def test_groups_outside_are_named_with_their_reason() -> None:
    sales, m365 = security("Sales"), cloud_group("Team")
    found = predicted([sales], outside=[m365])
    assert [group.group_id for group in found.groups] == [sales.id]
    assert found.outside[m365.id].code == "microsoft-365"


def test_a_group_whose_members_all_stay_out_arrives_empty() -> None:
    sales = security("Sales")
    (group,) = predicted([sales], {"Sales": [person("Cy")]}).groups
    assert codes(group) == ["arrives-empty"]
    (group,) = predicted([sales], {"Sales": []}).groups
    assert codes(group) == []


def test_an_unmapped_account_name_and_an_unpredictable_cn() -> None:
    sales = security("Sales")
    (group,) = predicted([sales], mapped={"cn": "Guid()", "parentdistinguishedname": "Left([displayName]"}).groups
    assert not group.account_name.known
    assert "random" in group.account_name.why
    assert "random" in group.cn.why
    assert "never closed" in group.container.why
    assert group.dn.value == ""


def test_an_object_with_the_anchor_is_matched_and_keeps_a_name_that_is_not_mapped() -> None:
    sales = security("Sales")
    own = anchored(sales)
    mapped = {name: text for name, text in MAPPED.items() if name != "samaccountname"}
    (group,) = predicted([sales], ad=[own], mapped=mapped).groups
    assert (group.guid, group.present_dn, group.account_name.value) == (own.guid, own.dn, "Sales_cloud")
    assert codes(group) == []


def test_a_converted_group_is_matched_by_its_sid() -> None:
    sales = converted("Sales")
    own = ad_group("Sales", {"groupType": ("-2147483646",)}, sid=sales.on_premises_sid)
    (group,) = predicted([sales], ad=[own]).groups
    assert group.guid == own.guid
    assert codes(group) == ["not-universal"]
    assert codes(predicted([sales]).groups[0]) == ["no-object"]
    assert codes(predicted([sales], ad=[own, anchored(sales)]).groups[0])[0] == "two-objects"


def test_names_that_are_taken_or_meet_each_other() -> None:
    sales, other = security("Sales"), security("Sales2")
    plain = {**MAPPED, "cn": '"Same"', "samaccountname": '"same"'}
    first, second = predicted([sales, other], mapped=plain).groups
    assert codes(first) == codes(second) == ["cn-twice", "account-name-twice"]
    taken = ad_group("Same", {"sAMAccountName": ("SAME",)}, parent=OU)
    (group,) = predicted([sales], ad=[taken], mapped=plain).groups
    assert codes(group) == ["cn-taken", "account-name-taken"]
    longest = {**MAPPED, "cn": f'"{"x" * 64}"', "samaccountname": f'"{"x" * 256}"'}
    assert codes(predicted([sales], mapped=longest).groups[0]) == []
    long = {**MAPPED, "cn": f'"{"x" * 65}"', "samaccountname": f'"{"x" * 257}"'}
    assert codes(predicted([sales], mapped=long).groups[0]) == ["cn-too-long", "account-name-too-long"]


@pytest.mark.parametrize("name", ["A<b", "a/b", "a,b", "a\tb", "ends.", " "])
def test_an_account_name_that_ad_refuses_is_said_before_the_gate(name: str) -> None:
    group = security(name)
    mapped = {**MAPPED, "samaccountname": "[displayName]"}
    assert codes(predicted([group], mapped=mapped).groups[0]) == ["account-name-characters"]
    assert codes(predicted([security("a.b & (c) @d")], mapped=mapped).groups[0]) == []


def test_its_own_object_takes_nobodys_name() -> None:
    sales = security("Sales")
    (group,) = predicted([sales], ad=[anchored(sales)]).groups
    assert codes(group) == []


def test_ad_as_predicted_and_otherwise() -> None:
    sales, ada, bob = security("Sales"), synced("Ada"), synced("Bob")
    users = [ad_user("Ada"), ad_user("Bob")]
    (group,) = predicted([sales], {"Sales": [ada, bob]}, users=users, people=Switch.ON).groups
    expected = {ada.id: guid("ad Ada"), bob.id: guid("ad Bob")}
    both = frozenset(expected.values())

    def seen(present: DirectoryGroup | None, members: frozenset[str]) -> list[str]:
        return [difference.code for difference in differences(group, present, members, expected)]

    assert seen(anchored(sales), both) == []
    assert seen(None, frozenset()) == ["not-there"]
    assert seen(anchored(sales, "Sales", f"CN=Users,{BASE}"), both) == ["elsewhere", "named-otherwise"]
    assert seen(anchored(sales, sAMAccountName=("$x",)), both) == ["account-name"]
    assert seen(anchored(sales), frozenset({guid("ad Ada"), guid("ad Z")})) == ["members-missing", "members-unexpected"]


def test_members_of_which_it_is_not_known_may_be_there_or_not() -> None:
    sales, ada = security("Sales"), synced("Ada")
    (group,) = predicted([sales], {"Sales": [ada]}, users=[ad_user("Ada")]).groups
    expected = {ada.id: guid("ad Ada")}
    assert group.count(Known.UNKNOWN) == 1
    for members in (frozenset[str](), frozenset(expected.values())):
        assert differences(group, anchored(sales), members, expected) == ()
