"""Licences, domains, clouds and permissions: every state of every check."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.graph.tenant.jobs import CloudSync, JobState
from runbook_lib.graph.tenant.parts import (
    P1_PLAN,
    P2_PLAN,
    Agents,
    Domain,
    GrantedPermissions,
    Licence,
    Licences,
    NewGroupDefault,
    Synchronization,
    WritebackContainers,
    WrittenByDefault,
)
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Severity
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.connections import clouds
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight.assess import assess
from runbook_lib.preflight.checks import cloud_sync, cloud_sync_domains, connect, connect_features, connect_server
from runbook_lib.preflight.checks import tenant as tenant_checks
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.tenant_facts import (
    Permission,
    can_write,
    cloud_sync_permissions,
    connect_sync_permissions,
    needed_permissions,
    notebooks,
    notebooks_by_cloud_sync,
)
from runbook_lib.preflight.verdict import Verdict
from tests.docs.markdown import ROOT, section, table_rows
from tests.unit.preflight.builders import (
    AT,
    GROUPS,
    agent,
    domains,
    evidence,
    features,
    findings,
    job,
    licence,
    report,
    tenant,
)

B, U, W, I = Severity.BLOCKING, Severity.UNKNOWN, Severity.WARNING, Severity.INFO  # noqa: E741
UNREAD = Unreadable("part", "forbidden", t("A permission or a role is missing"))
OTHER_PLAN = "00000000-0000-4000-8000-000000000001"


def told(check: str, given: Evidence) -> list[tuple[str, Severity]]:
    return [(finding.id, finding.severity) for finding in findings(check, given)]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([licence()], []),
        ([licence(P2_PLAN)], []),
        ([licence(enabled=None)], [("licence-count-absent", Severity.UNKNOWN)]),
        ([licence(enabled=None), licence()], []),
        ([licence(status="Suspended"), licence()], []),
        ([licence(enabled=0)], [("licence-ending", W)]),
        ([licence(status="Warning")], [("licence-ending", W)]),
        ([licence(status="Suspended")], [("licence-not-in-force", B)]),
        ([licence(status="LockedOut"), licence(P2_PLAN, "Deleted")], [("licence-not-in-force", B)]),
        ([licence(OTHER_PLAN)], [("licence-missing", B)]),
        ([], [("licence-missing", B)]),
    ],
)
def test_licences(held: list[Licence], expected: list[tuple[str, Severity]]) -> None:
    given = evidence(tenant=tenant(licences=Licences(tuple(held))))
    assert told("licences", given) == expected
    found = assess(given, [check for check in tenant_checks.TENANT_CHECKS if check.id == "licences"])
    assert found.verdict(Route.DIRECT) is Verdict.READY, "the direct route needs none"
    blocked = bool(expected) and expected[0][1] is B
    assert (found.verdict(Route.CONNECT_SYNC) is Verdict.NOT_READY) is blocked
    assert (found.verdict(Route.CLOUD_SYNC) is Verdict.NOT_READY) is blocked


def test_a_licence_is_told_with_its_counts() -> None:
    (one,) = findings("licences", evidence(tenant=tenant(licences=Licences((licence(enabled=0),)))))
    assert "EMS Enabled, 0 enabled, 3 used" in one.seen
    assert one.values == {"p1": True, "p2": False, "subscriptions": {"EMS": "Enabled"}}
    assert P1_PLAN != P2_PLAN


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (Domain(GROUPS, True, False, False, "Managed", ("Email",)), []),
        (Domain(GROUPS, True, False, False, "Managed", ()), [(f"groups-domain-without-mail:{GROUPS}", W)]),
        (Domain(GROUPS, False, False, False, "", ("Email",)), [(f"groups-domain-not-verified:{GROUPS}", B)]),
        (Domain("other.example", True, True, True, "", ("Email",)), [(f"groups-domain-missing:{GROUPS}", B)]),
    ],
)
def test_the_groups_domain(domain: Domain, expected: list[tuple[str, Severity]]) -> None:
    given = evidence(tenant=tenant(domains=(domain,)), mail_domains=domains(GROUPS))
    assert told("groups-domain", given) == expected
    assert told("groups-domain", evidence(tenant=tenant(domains=()), mail_domains=domains(GROUPS))) == [
        (f"groups-domain-missing:{GROUPS}", B)
    ]


EXPECTED = {
    "global": {},
    "us-government-l4": {"synchronization-features": U, "cloud-sync-groups-to-ad": B, "writeback-configuration": U},
    "us-government-l5": {"synchronization-features": U, "cloud-sync-groups-to-ad": B, "writeback-configuration": U},
    "china": {
        "synchronization-features": U,
        "cloud-sync-groups-to-ad": B,
        "provision-on-demand": B,
        "writeback-configuration": U,
    },
}


@pytest.mark.parametrize("cloud", [cloud.name for cloud in clouds()])
def test_what_each_cloud_lacks(cloud: str) -> None:
    given = evidence(tenant=tenant(cloud=cloud))
    checks = [check for check in tenant_checks.TENANT_CHECKS if check.id.startswith("cloud-offers-")]
    found = {f.id: f.severity for check in checks for f in findings(check.id, given)}
    assert found == {f"cloud-lacks:{name}": severity for name, severity in EXPECTED[cloud].items()}
    judged = assess(given, checks)
    assert (judged.verdict(Route.CLOUD_SYNC) is Verdict.NOT_READY) is (cloud != "global")
    assert judged.verdict(Route.DIRECT) is judged.verdict(Route.CONNECT_SYNC) is Verdict.READY


def test_every_feature_of_the_data_is_asked() -> None:
    assert {feature.name for feature in clouds()[0].features} == set(tenant_checks.OFFERS)


def granted(*names: str, delegated: bool = False) -> Evidence:
    return evidence(tenant=tenant(permissions=GrantedPermissions(delegated, names, "")))


EVERYTHING = tuple(permission.name for permission in needed_permissions())


@pytest.mark.parametrize("notebook", notebooks())
def test_what_each_notebook_lacks(notebook: str) -> None:
    check = f"permissions-{notebook}"
    assert told(check, granted(*EVERYTHING)) == []
    for permission in needed_permissions():
        found = findings(check, granted(*(set(EVERYTHING) - {permission.name})))
        needs = notebook in permission.notebooks
        assert [one.id for one in found] == ([f"permissions-lacking:{notebook}"] if needs else [])
        assert all(one.values["missing"] == [permission.name] and permission.opens in one.why for one in found)
        for higher in permission.higher:
            assert told(check, granted(*(set(EVERYTHING) - {permission.name}), higher)) == []
    (one,) = findings(check, granted(delegated=True))
    assert "delegated permission" in one.expected


def test_excess() -> None:
    assert told("permissions-excess", granted(*EVERYTHING, "User.Read", "Device.Read.All")) == []
    (one,) = findings("permissions-excess", granted("Group.ReadWrite.All", "Group.Read.All", "Mail.Send"))
    assert (one.severity, one.values["excess"]) == (W, ["Group.ReadWrite.All", "Mail.Send"])


@pytest.mark.parametrize("asked", [{"route": "cloud-sync"}, {"check_routes": ["cloud-sync"]}])
def test_what_the_route_cloud_sync_needs_is_no_excess_there(asked: dict[str, Any]) -> None:
    names = ("AppRoleAssignment.ReadWrite.All", "Synchronization.ReadWrite.All", "Mail.Send")
    token = tenant(permissions=GrantedPermissions(False, names, ""))
    (one,) = findings("permissions-excess", evidence(Parameters(**asked), tenant=token))
    assert one.values["excess"] == ["Mail.Send"]
    (one,) = findings("permissions-excess", granted(*names))
    assert one.values["excess"] == list(names)


ROUTE_ROWS = [(one, name) for one in cloud_sync_permissions() for name in one.notebooks]


@pytest.mark.parametrize(("permission", "notebook"), ROUTE_ROWS, ids=lambda one: getattr(one, "name", one))
def test_what_a_notebook_lacks_on_the_route_cloud_sync(permission: Permission, notebook: str) -> None:
    check = f"permissions-by-cloud-sync-{notebook}"
    name, _, value = permission.when.partition("=")
    given = {name: True if value == "true" else value} if name else {}
    parameters = Parameters.model_validate({"route": "cloud-sync", **given})
    every = {*EVERYTHING, *(one.name for one, _ in ROUTE_ROWS)}

    def lacking(*names: str) -> list[list[str]]:
        token = tenant(permissions=GrantedPermissions(False, names, ""))
        found = findings(check, evidence(parameters, tenant=token))
        return [list(finding.values["missing"]) for finding in found]  # type: ignore[call-overload]

    assert lacking(*every) == []
    fewer = every - {permission.name, *permission.higher}
    assert permission.name in lacking(*fewer)[0]
    for higher in permission.higher:
        assert permission.name not in (lacking(*fewer, higher) or [[]])[0]
    if name:
        plain = Parameters.model_validate({"check_routes": ["cloud-sync"]})
        bare = findings(check, evidence(plain, tenant=tenant(permissions=GrantedPermissions(False, (), ""))))
        default = str(getattr(Parameters.model_validate({}), name)).casefold() == value
        assert (permission.name in bare[0].values["missing"]) is default  # type: ignore[operator]


CONNECT_ROWS = [(one, name) for one in connect_sync_permissions() for name in one.notebooks]


@pytest.mark.parametrize(("permission", "notebook"), CONNECT_ROWS, ids=lambda one: getattr(one, "when", one))
def test_what_a_notebook_lacks_on_the_route_connect_sync(permission: Permission, notebook: str) -> None:
    check = f"permissions-by-connect-sync-{notebook}"
    name, _, value = permission.when.partition("=")

    def lacking(given: dict[str, Any], *names: str) -> list[list[str]]:
        token = tenant(permissions=GrantedPermissions(False, names, ""))
        found = findings(check, evidence(Parameters.model_validate(given), tenant=token))
        return [list(finding.values["missing"]) for finding in found]  # type: ignore[call-overload]

    asked = {"route": "connect-sync", name: value}
    assert lacking(asked, *EVERYTHING, permission.name) == []
    assert lacking(asked, *EVERYTHING) == [[permission.name]]
    assert all(lacking(asked, *EVERYTHING, higher) == [] for higher in permission.higher)
    assert lacking({"route": "connect-sync"}, *EVERYTHING) == []
    assert lacking({name: value}, *EVERYTHING) == [], "another route"


def test_the_page_says_what_the_route_connect_sync_needs() -> None:
    page = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    rows = {row[0]: row[2] for row in table_rows(section(page, "## The route connect-sync"))}
    assert rows.keys() == {one.name for one in connect_sync_permissions()}
    for one in connect_sync_permissions():
        assert one.when.partition("=")[0] in rows[one.name]


def test_what_the_route_connect_sync_needs_is_no_excess_there() -> None:
    names = ("GroupSettings.ReadWrite.All", "Mail.Send")
    token = tenant(permissions=GrantedPermissions(False, names, ""))
    (one,) = findings(
        "permissions-excess", evidence(Parameters.model_validate({"route": "connect-sync"}), tenant=token)
    )
    assert one.values["excess"] == ["Mail.Send"]
    (one,) = findings("permissions-excess", granted(*names))
    assert one.values["excess"] == list(names)


def test_the_page_says_what_the_route_cloud_sync_needs() -> None:
    page = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    rows = {row[0]: row[1:] for row in table_rows(section(page, "## The route cloud-sync")) if len(row) == 3}
    for notebook in notebooks_by_cloud_sync():
        always, sometimes = rows[notebook]
        mine = [one for one in cloud_sync_permissions() if notebook in one.notebooks]
        assert set(always.split(", ")) == {one.name for one in mine if not one.when}
        assert all(one.name in sometimes for one in mine if one.when)


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        ("Group.ReadWrite.All", True),
        ("Application.ReadWrite.OwnedBy", True),
        ("Group.Create", True),
        ("Directory.AccessAsUser.All", True),
        ("Sites.FullControl.All", True),
        ("RoleManagement.ReadWrite.Directory", True),
        ("Member.Read.Hidden", False),
        ("Group-OnPremisesSyncBehavior.ReadWrite.All", True),
        ("User.Read", False),
        ("openid", False),
    ],
)
def test_what_can_write(name: str, writes: bool) -> None:
    assert can_write(name) is writes


def test_a_token_that_does_not_say_is_unknown_and_decides_little() -> None:
    found = assess(evidence(tenant=tenant(permissions=UNREAD)), tenant_checks.PERMISSION_CHECKS)
    assert [f.id for f in found.findings] == ["part-unreadable:tenant.permissions"]
    assert {found.verdict(one.route) for one in found.verdicts} == {Verdict.WARNINGS}


def test_the_page_says_what_the_checks_ask() -> None:
    page = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    rows = table_rows(section(page, "## Per notebook"))
    said = {row[0]: set(row[1].split(", ")) for row in rows if row[1] != "none"}
    asked = {name: {p.name for p in needed_permissions() if name in p.notebooks} for name in notebooks()}
    assert said == asked
    calls = table_rows(section(page, "## Microsoft Graph (application permissions)").partition("\n### ")[0])
    assert {row[0] for row in calls} - {"none"} == {permission.name for permission in needed_permissions()}


PARTS: dict[str, list[Any]] = {
    "synchronization": [Synchronization(on, last) for on in (True, False, None) for last in (None, AT)],
    "features": [features(v1, v2) for v1 in Switch for v2 in Switch],
    "licences": [Licences(()), Licences((licence(),))],
    "new_groups": [NewGroupDefault(state, "odd\n") for state in WrittenByDefault],
    "domains": [(), (Domain(GROUPS, False, False, False, "", ()),)],
    "cloud_sync": [
        CloudSync(),
        *(CloudSync((job(state=state), job("two", scope=UNREAD, assigned=UNREAD)), 3, 1) for state in JobState),
    ],
    "permissions": [GrantedPermissions(on, names, "") for on in (True, False) for names in ((), ("Mail.Send",))],
    "containers": [WritebackContainers(None, None)],
    "connect": [report(version) for version in (None, "x", "2.5.1.0", "2.5.79.0", "2.6.92.0")],
    "agents": [Agents(), Agents((agent(status="inactive"),)), Agents((agent(),), assigned=False)],
    "cloud": [cloud.name for cloud in clouds()],
}
ABOUT = (
    *connect.CHECKS,
    *connect_features.CHECKS,
    *connect_server.CHECKS,
    *cloud_sync.CHECKS,
    *cloud_sync_domains.AGENT_CHECKS,
    *cloud_sync_domains.OVERLAP_CHECKS,
    *tenant_checks.TENANT_CHECKS,
    *tenant_checks.PERMISSION_CHECKS,
)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in PARTS.items()}),
    st.sets(st.sampled_from(sorted(set(PARTS) - {"cloud"}))),
)
def test_whatever_a_tenant_says_every_finding_helps(read: dict[str, Any], lost: set[str]) -> None:
    reading = tenant(**{**read, **dict.fromkeys(lost, UNREAD)})
    found = assess(evidence(tenant=reading, mail_domains=domains(GROUPS)), ABOUT)
    json.dumps(found.as_json())
    unread = {f"tenant.{name}" for name in lost}
    for result in found.results:
        assert bool(result.because) is bool(unread & {part.key for part in result.check.needs})
    asked = {part.key for check in ABOUT for part in check.needs}
    told = [finding for finding in found.findings if finding.id.startswith("part-unreadable:")]
    assert unread & asked <= {str(part) for one in told for part in cast("list[str]", one.values["parts"])}
    assert len(told) <= 1, "one reason is one finding"
    for finding in found.findings:
        assert finding.seen.isprintable()
        assert finding.seen.endswith(".")
        if finding.severity is not I:
            assert all((finding.expected, finding.why, finding.to_do))
            assert finding.source or finding.id.startswith("part-unreadable:")
