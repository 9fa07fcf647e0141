"""Plans that change the source of authority: what is changed, what is said before the gate, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.errors import Refused
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.model.change import Plan
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.cloud import CloudGroup, CloudKind
from runbook_lib.model.dn import rdn
from runbook_lib.model.enforcement import Enforcement, EnforcementMode, SoaPolicy
from runbook_lib.model.finding import Severity
from runbook_lib.model.ids import GroupId
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t, verbatim
from runbook_lib.routes.cloud_sync.actions import ReplaceSchema
from runbook_lib.routes.cloud_sync.authority.actions import SetCloudManaged
from runbook_lib.routes.cloud_sync.authority.facts import AuthoritySettings, PlannedAuthority, nesting_levels
from runbook_lib.routes.cloud_sync.authority.plan_convert import plan_convert
from runbook_lib.routes.cloud_sync.authority.plan_roll_back import plan_roll_back
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES
from tests.support import builders as b
from tests.unit.routes_cloud_sync.authority_world import (
    GLOBAL,
    LOCAL,
    NAME,
    WIDE,
    AuthorityGraph,
    converted,
    facts,
    family,
    in_ad,
    inbound_schema,
    synchronized,
)
from tests.unit.routes_cloud_sync.world import inventory, schema, security, sides_of

NARROW = AuthoritySettings(most=50)
ASIS = replace(WIDE, keep_place=False)


def convert(
    groups: list[CloudGroup], ad: list[Any], wanted: AuthoritySettings = WIDE, members: Any = None, **more: Any
) -> PlannedAuthority:
    """The plan for the first group."""
    graph = more.pop("graph", None) or AuthorityGraph()
    read = inventory(groups, members, ad, [b.ad_user("Ana")])
    policy = b.policy(select_ids=(groups[0].id,))
    return plan_convert(sides_of(read, graph), facts(graph, **more), wanted, policy)


def rules(plan: Plan) -> dict[str, str]:
    return {refusal.display_name: refusal.rule for refusal in plan.refusals}


def ids(planned: PlannedAuthority) -> set[str]:
    return {finding.id for finding in planned.findings}


def text_of(planned: PlannedAuthority, code: str) -> str:
    return next(str(finding.seen) for finding in planned.findings if finding.id == code)


SALES = synchronized("Sales")


@pytest.mark.parametrize(
    ("group", "ad", "wanted", "rule"),
    [
        (replace(SALES, kind=CloudKind.MAIL_ENABLED_SECURITY), in_ad("Sales"), WIDE, "mail-enabled"),
        (replace(SALES, kind=CloudKind.MICROSOFT_365), in_ad("Sales"), WIDE, "microsoft-365"),
        (replace(SALES, dynamic=True), in_ad("Sales"), WIDE, "dynamic"),
        (security("Sales"), in_ad("Sales"), WIDE, "born-in-cloud"),
        (replace(SALES, on_premises_sync_enabled=None, cloud_managed=False), in_ad("Sales"), WIDE, "pending"),
        (replace(SALES, on_premises_sync_enabled=None), in_ad("Sales"), WIDE, "authority-unknown"),
        (SALES, in_ad("Other"), WIDE, "no-object"),
        (SALES, in_ad("Sales", attributes={"adminCount": ("1",)}), WIDE, "admin-protected"),
        (SALES, in_ad("Sales", GLOBAL), NARROW, "not-universal"),
        (SALES, in_ad("Sales", LOCAL), NARROW, "not-universal"),
        (SALES, in_ad("Sales", "-2147483643"), WIDE, "built-in"),
        (SALES, in_ad("Sales", LOCAL, ["CN=S-1-5,CN=ForeignSecurityPrincipals,DC=x"]), WIDE, "cannot-be-universal"),
        (replace(SALES, extensions=()), in_ad("Sales"), WIDE, "group-dn-missing"),
        (replace(SALES, extensions=((NAME, "CN=Sales,OU=Old,DC=x"),)), in_ad("Sales"), WIDE, "group-dn-stale"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(
    group: CloudGroup, ad: Any, wanted: AuthoritySettings, rule: str
) -> None:
    made = convert([group], [ad], wanted)
    assert rules(made.plan) == {"Sales": rule}
    assert not made.plan.changes


def test_every_reason_of_a_group_is_said_at_once() -> None:
    group = replace(SALES, dynamic=True, extensions=())
    made = convert([group], [in_ad("Sales", GLOBAL, attributes={"adminCount": ("1",)})], NARROW)
    (refusal,) = made.plan.refusals
    assert refusal.rule == "dynamic"
    for said in (
        "Its members follow a rule",
        "is protected (adminCount is 1)",
        "has global scope",
        "holds no distinguished name of it yet",
    ):
        assert said in refusal.why
    assert refusal.to_do.count("Take it out of the selection.") == 1
    assert "cloud_sync_make_universal: true" in refusal.to_do


def test_a_conversion_names_rights_the_next_step_and_access_packages_before_the_gate() -> None:
    catalogs = {SALES.id: ("Partners",), b.guid("another"): ("Other",)}
    made = convert([SALES], [in_ad("Sales", GLOBAL)], catalogs=catalogs)
    assert f"CN=Sales,OU=Groups,{b.BASE}" in text_of(made, "soa-scope-right")
    assert f"OU=Groups,{b.BASE}" in text_of(made, "soa-agent-rights")
    assert "1 group" in text_of(made, "soa-then-scope")
    assert text_of(made, "soa-access-packages-converted") == (
        "In catalogs of access packages: 1 group: Sales: Partners."
    )
    universal = convert([SALES], [in_ad("Sales")], catalogs=Unreadable("catalogs", "forbidden", t("no permission")))
    assert "soa-scope-right" not in ids(universal)
    assert "soa-access-packages-unread" in ids(universal)
    nothing = convert([converted(SALES)], [in_ad("Sales")], catalogs=catalogs)
    assert not {one for one in ids(nothing) if one.startswith(("soa-access", "soa-agent-rights", "soa-then"))}


def test_a_group_that_is_converted_already_is_in_step() -> None:
    made = convert([converted(SALES)], [in_ad("Sales")])
    assert (made.plan.changes, made.plan.in_step, made.plan.refusals) == ((), 1, ())


def test_nested_groups_come_along_and_are_named_where_they_do_not() -> None:
    groups, members, read = family()
    ad = list(read.directory.groups)
    whole = convert(groups, ad, members=members)
    told = {change.display_name: change.payload.action for change in CLOUD_SYNC_TYPES.plan(whole.plan).changes}
    levels_ = {name: act.level for name, act in told.items() if isinstance(act, SetCloudManaged)}
    assert levels_ == {"Leaf": 0, "Middle": 1, "Top": 2}
    assert not {"soa-nested-stay", "soa-parents-stay"} & ids(whole)
    alone = convert(groups, ad, replace(WIDE, with_nested=False), members=members)
    assert [change.display_name for change in alone.plan.changes if change.kind is ChangeKind.CONVERT] == ["Top"]
    assert "Middle in Top" in text_of(alone, "soa-nested-stay")
    middle = convert([groups[1], groups[0], groups[2]], ad, members=members)
    assert "Middle in Top" in text_of(middle, "soa-parents-stay"), "the parent loses its member in the cloud"


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=4)))
def test_a_group_is_changed_after_everything_that_it_holds_circles_apart(held: dict[int, set[int]]) -> None:
    names = [b.guid(f"number {number}") for number in range(8)]
    members = {GroupId(names[one]): [names[other] for other in some] for one, some in held.items()}
    found = nesting_levels(names, members)
    assert found.keys() == set(names)

    def below(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            new = {one for one in members.get(GroupId(ahead.pop()), ()) if one not in seen}
            seen |= new
            ahead += new
        return seen

    for one in names:
        for other in members.get(GroupId(one), ()):
            if one not in below(other):
                assert found[other] < found[one]


def test_a_global_group_in_a_global_group_waits_for_it() -> None:
    outer = in_ad("Outer", GLOBAL, [f"CN=Sales,OU=Groups,{b.BASE}"])
    inner = in_ad("Sales", GLOBAL, member_of=(outer.dn,))
    made = convert([SALES], [inner, outer])
    assert rules(made.plan) == {"Sales": "cannot-be-universal"}
    assert "Outer" in str(made.plan.refusals[0].why)


def test_an_enforced_object_is_not_made_universal() -> None:
    marked = in_ad("Sales", GLOBAL, attributes={"msDS-ObjectSoa": ("Cloud",)})
    read = inventory([SALES], None, [marked])
    enforced = replace(
        read.directory,
        enforcement=Enforcement((SoaPolicy("CN=Cloud", EnforcementMode.ENFORCED),), account_sid="S-1-5-21-9"),
    )
    graph = AuthorityGraph()
    sides = replace(sides_of(read, graph), inventory=replace(read, directory=enforced))
    made = plan_convert(sides, facts(graph), WIDE, b.policy("Sales"))
    assert rules(made.plan) == {"Sales": "object-enforced"}


def test_a_scope_that_the_account_may_not_write_is_refused_before_anything_is_sent() -> None:
    own = in_ad("Sales", GLOBAL)
    made = convert([SALES], [own], unwritable=frozenset({own.guid}))
    assert rules(made.plan) == {"Sales": "no-right"}
    assert not convert([SALES], [in_ad("Sales")], unwritable=frozenset({own.guid})).plan.refusals, "universal already"


def test_what_is_lost_is_said_by_name_and_value() -> None:
    own = in_ad("Sales")
    made = convert([SALES], [own], extension_attributes={own.guid: {"extensionAttribute3": "Cost 7"}})
    assert "Sales: extensionAttribute3=Cost 7" in text_of(made, "soa-extension-attributes")


@pytest.mark.parametrize("name", ["Sales", "Smith, Ann", 'a"b\\c+d', "#x", " y ", "Ünï=<>;"])
def test_a_converted_group_keeps_ou_and_name_whatever_it_is_called(name: str) -> None:
    dn = f"{rdn('CN', name)},OU=Q\\, R,{b.BASE}"
    own = replace(in_ad("Sales"), dn=dn)
    made = convert([replace(SALES, extensions=((NAME, dn),))], [own])
    assert "soa-moves" not in ids(made)
    (mapped,) = [
        act for one in CLOUD_SYNC_TYPES.plan(made.plan).changes if isinstance(act := one.payload.action, ReplaceSchema)
    ]
    assert expressions_of(mapped.after).keys() == expressions_of(mapped.before).keys()


def test_without_what_keeps_them_every_group_that_moves_is_listed() -> None:
    made = convert([SALES], [in_ad("Sales")], ASIS, sources={})
    assert [change.kind for change in made.plan.changes] == [ChangeKind.CONVERT]
    assert f"CN=Sales,OU=Groups,{b.BASE} -> CN=Sales_" in text_of(made, "soa-moves")


def test_an_account_name_that_the_mapping_changes_is_listed() -> None:
    graph = AuthorityGraph(schema=schema(sAMAccountName='Append([displayName],"_x")'))
    made = convert([SALES], [in_ad("Sales")], graph=graph)
    assert "sAMAccountName Sales -> Sales_x" in text_of(made, "soa-moves")


def test_the_first_plan_makes_what_keeps_names_and_converts_nothing() -> None:
    graph = AuthorityGraph(parts={}, inbound=inbound_schema(fills=False))
    made = convert([replace(SALES, extensions=())], [in_ad("Sales")], graph=graph)
    assert [change.kind for change in made.plan.changes] == [*[ChangeKind.EXTENSION] * 3, ChangeKind.MAP_GROUP_DN]
    assert "soa-two-plans" in ids(made)
    assert made.fills == {SALES.id: f"CN=Sales,OU=Groups,{b.BASE}"}
    assert made.watched == {}


def test_where_connect_synchronizes_a_hand_off_fills_the_extension() -> None:
    made = convert([replace(SALES, extensions=())], [in_ad("Sales")], inbound=None)
    assert rules(made.plan) == {"Sales": "group-dn-missing"}
    (finding,) = [one for one in made.findings if one.id == "soa-connect-fills"]
    assert f"'CN=Sales,OU=Groups,{b.BASE}'" in finding.hand_offs[0].text()


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (ConnectReport("2.5.76.0"), "soa-connect-build"),
        (Unreadable("x", "no-permission", verbatim("no permission")), "soa-connect-unread"),
        (None, "soa-connect-unread"),
        (ConnectReport("2.6.84.0"), ""),
    ],
)
def test_the_build_of_connect_is_looked_at(report: Any, code: str) -> None:
    found = ids(convert([SALES], [in_ad("Sales")], inbound=None, connect=report))
    assert {one for one in found if one.startswith("soa-connect")} == ({code} if code else set())


def test_the_limit_counts_nested_groups() -> None:
    groups, members, read = family()
    with pytest.raises(Refused) as refused:
        convert(groups, list(read.directory.groups), replace(WIDE, most=2), members=members)
    assert refused.value.code == "limit-conversions"


def roll_back(groups: list[CloudGroup], ad: list[Any], members: Any = None, **more: Any) -> PlannedAuthority:
    graph = AuthorityGraph()
    read = inventory(groups, members, ad, [b.ad_user("Ana"), b.ad_user("Bo")])
    policy = b.policy(disable_ids=(groups[0].id,))
    return plan_roll_back(sides_of(read, graph), facts(graph, **more), WIDE, policy)


def test_parents_are_given_back_before_what_they_hold() -> None:
    groups, members, read = family()
    taken = [converted(group) for group in groups]
    held = {name: [next((g for g in taken if g.id == m.id), m) for m in some] for name, some in members.items()}
    made = roll_back(taken, list(read.directory.groups), held)
    told = {change.display_name: change.payload.action for change in CLOUD_SYNC_TYPES.plan(made.plan).changes}
    levels_ = {name: act.level for name, act in told.items() if isinstance(act, SetCloudManaged)}
    assert levels_ == {"Top": 0, "Middle": 1, "Leaf": 2}
    assert "soa-members-lost" not in ids(made)


def test_members_that_are_lost_at_the_take_over_are_named() -> None:
    born = security("Born")
    other = converted(synchronized("Other"))
    sales = converted(SALES)
    ad = [in_ad("Sales", members=[b.user_dn("Ana")]), in_ad("Other")]
    members = {"Sales": [b.synced("Ana"), b.synced("Bo"), b.person("Cy"), born, other]}
    made = roll_back([sales, born, other], ad, {**members, "Born": [], "Other": []})
    told = text_of(made, "soa-members-lost")
    assert "Ana" not in told
    for line in (
        "Bo in Sales (not in the AD group)",
        "Cy in Sales (no account in AD)",
        "Born in Sales (group born in the cloud)",
    ):
        assert line in told
    (finding,) = [one for one in made.findings if one.id == "soa-members-lost"]
    assert finding.severity is Severity.BLOCKING
    assert finding.acknowledgeable


@pytest.mark.parametrize(
    ("group", "ad", "rule"),
    [
        (security("Sales"), in_ad("Sales"), "born-in-cloud"),
        (replace(SALES, on_premises_sync_enabled=None), in_ad("Sales"), "authority-unknown"),
        (converted(SALES), in_ad("Other"), "no-object"),
    ],
)
def test_what_cannot_be_given_back_is_refused(group: CloudGroup, ad: Any, rule: str) -> None:
    assert rules(roll_back([group], [ad]).plan) == {"Sales": rule}


@pytest.mark.parametrize(
    ("group", "watched"),
    [(SALES, {}), (replace(SALES, on_premises_sync_enabled=None, cloud_managed=False), {SALES.id: False})],
)
def test_what_ad_has_again_is_in_step_and_what_waits_is_watched(group: CloudGroup, watched: dict[str, bool]) -> None:
    made = roll_back([group], [in_ad("Sales")])
    assert (made.plan.changes, made.plan.in_step) == ((), 1)
    assert made.watched == watched


@pytest.mark.parametrize(
    ("catalogs", "code"),
    [
        ({SALES.id: ("Partners",)}, "soa-access-packages"),
        (Unreadable("x", "no-permission", verbatim("HTTP 403")), "soa-access-packages-unread"),
        ({}, ""),
    ],
)
def test_access_packages_are_looked_at_before_a_roll_back(catalogs: Any, code: str) -> None:
    found = ids(roll_back([converted(SALES)], [in_ad("Sales")], catalogs=catalogs))
    assert {one for one in found if "packages" in one} == ({code} if code else set())
