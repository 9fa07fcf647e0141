"""Who may ask what: permissions of the token and directory roles of the person, for every route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from rehearsal.cloud.accounts import (
    APPLICATION_ADMINISTRATOR,
    CLOUD_APPLICATION_ADMINISTRATOR,
    DIRECTORY_READERS,
    EVERY_MEMBER,
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    GROUPS_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
    REPORTS_READER,
    ROLE_TEMPLATES,
)
from rehearsal.cloud.graph_handler import dispatch
from rehearsal.cloud.messages import GraphAnswer, GraphRequest
from rehearsal.cloud.permissions import Caller
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.routing import Route
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud.throttling import Throttle
from tests.unit.rehearsal_cloud.asking import answered

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
GROUP, OWNER, MEMBER = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
SYNC = "directory/onPremisesSynchronization"
JOBS = "servicePrincipals/{id}/synchronization/jobs"
SECRETS = "servicePrincipals/{id}/synchronization/secrets"
EVERYTHING = frozenset(
    {
        "Directory.ReadWrite.All",
        "Directory.Read.All",
        "Group.ReadWrite.All",
        "OnPremDirectorySynchronization.ReadWrite.All",
        "Synchronization.ReadWrite.All",
        "Application.ReadWrite.All",
        "AppRoleAssignment.ReadWrite.All",
        "AuditLog.Read.All",
        "Group-OnPremisesSyncBehavior.ReadWrite.All",
    }
)


class Office:
    """A tenant with one group, whose owner is a plain member."""

    def __init__(self) -> None:
        self.store = CloudStore(clock=lambda: NOW)
        self.store.set_organization({"id": OWNER, "displayName": "Contoso"})
        for user in (OWNER, MEMBER):
            self.store.add_user({"id": user, "userPrincipalName": f"{user}@contoso.com", "displayName": user})
        record = {"id": GROUP, "displayName": "Sales", "groupTypes": ["Unified"], "mailEnabled": True}
        self.store.add_group(record, members=(OWNER,), owners=(OWNER,))
        self.graph = Graph(self.store)
        self.throttle = Throttle("tenant", clock=lambda: NOW, size="small")

    def ask(self, method: str, path: str, caller: Caller, body: Mapping[str, object] | None = None) -> GraphAnswer:
        headers = {"content-type": "application/json"}
        segments = tuple(path.replace("{id}", GROUP).split("/"))
        raw = b"" if body is None else json.dumps(body).encode()
        request = GraphRequest(method, "https://x/v1.0", "v1.0", segments, {}, headers, raw, caller, "request")
        return answered(dispatch(self.graph, request, clock=lambda: NOW, throttle=self.throttle))

    def status(self, method: str, path: str, caller: Caller, body: Mapping[str, object] | None = None) -> int:
        return self.ask(method, path, caller, body).status


@pytest.fixture
def office() -> Office:
    return Office()


def person(*roles: str, user: str = MEMBER, permissions: frozenset[str] = EVERYTHING, guest: bool = False) -> Caller:
    wids = {ROLE_TEMPLATES[role] for role in roles} | (set() if guest else {EVERY_MEMBER})
    return Caller("client", permissions, user_id=user, directory_roles=frozenset(wids))


def every_route() -> list[tuple[str, Route]]:
    return list(Graph(CloudStore(clock=lambda: NOW)).table())


OPEN = {"$metadata", "applicationTemplates/{id}"}
"""What takes no permission, by the documentation."""


@pytest.mark.parametrize(("method", "route"), every_route(), ids=lambda one: getattr(one, "template", one))
def test_every_route_needs_a_permission(office: Office, method: str, route: Route) -> None:
    path = (
        route.template.replace("{cast}", "microsoft.graph.user")
        .replace("{member}", MEMBER)
        .replace("{job}", "x")
        .replace("{assignment}", MEMBER)
    )
    for caller in (Caller("client", frozenset({"Mail.Read"})), person(permissions=frozenset({"Mail.Read"}))):
        answer = office.ask(method, path, caller, {})
        assert (answer.status == 403) is (route.template not in OPEN), answer.body
        if answer.status == 403:
            error = json.loads(answer.body)["error"]
            assert error["code"] == "Authorization_RequestDenied"
            assert error["message"] == "Insufficient privileges to complete the operation."


@pytest.mark.parametrize(("method", "route"), every_route(), ids=lambda one: getattr(one, "template", one))
def test_permissions_to_read_never_write(office: Office, method: str, route: Route) -> None:
    if method == "GET" or route.template == "directoryObjects/getByIds":
        return
    path = route.template.replace("{member}", MEMBER).replace("{job}", "x").replace("{assignment}", MEMBER)
    readers = frozenset(
        {
            *(name for name in route.accepted if ".Read." in name),
            "Directory.Read.All",
            "Group.Read.All",
            "GroupMember.Read.All",
            "Synchronization.Read.All",
            "OnPremDirectorySynchronization.Read.All",
        }
    )
    assert office.status(method, path, Caller("client", readers), {}) == 403
    assert office.status(method, path, person(GLOBAL_ADMINISTRATOR, permissions=readers), {}) == 403


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("groups", "GroupMember.Read.All"),
        ("groups/{id}", "Group.Read.All"),
        ("groups/{id}/members", "GroupMember.Read.All"),
        ("groups/{id}/owners", "Directory.Read.All"),
        ("users", "User.Read.All"),
        ("organization", "Organization.Read.All"),
        ("domains", "Domain.Read.All"),
        ("subscribedSkus", "LicenseAssignment.Read.All"),
        ("groupSettings", "Directory.Read.All"),
        ("directory/deletedItems/microsoft.graph.group", "Group.Read.All"),
        ("auditLogs/provisioning", "AuditLog.Read.All"),
    ],
)
def test_the_least_privileged_permission_is_enough(office: Office, path: str, permission: str) -> None:
    assert office.status("GET", path, Caller("client", frozenset({permission}))) == 200
    role = {"auditLogs/provisioning": (REPORTS_READER,), "groupSettings": (DIRECTORY_READERS,)}.get(path, ())
    assert office.status("GET", path, person(*role, permissions=frozenset({permission}))) == 200


def test_synchronization_features_are_read_by_a_global_administrator_only(office: Office) -> None:
    assert office.status("GET", SYNC, Caller("client", EVERYTHING)) == 403
    for roles, status in (
        ((), 403),
        ((GLOBAL_READER,), 403),
        ((HYBRID_IDENTITY_ADMINISTRATOR, GROUPS_ADMINISTRATOR), 403),
        ((GLOBAL_ADMINISTRATOR,), 200),
    ):
        assert office.status("GET", SYNC, person(*roles)) == status, roles


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", JOBS, HYBRID_IDENTITY_ADMINISTRATOR),
        ("POST", JOBS, APPLICATION_ADMINISTRATOR),
        ("PUT", SECRETS, CLOUD_APPLICATION_ADMINISTRATOR),
        ("POST", "servicePrincipals/{id}/appRoleAssignedTo", HYBRID_IDENTITY_ADMINISTRATOR),
        ("DELETE", "servicePrincipals/{id}/appRoleAssignedTo/x", "User Administrator"),
        ("POST", "applicationTemplates/{id}/instantiate", HYBRID_IDENTITY_ADMINISTRATOR),
        ("DELETE", "servicePrincipals/{id}", HYBRID_IDENTITY_ADMINISTRATOR),
        ("DELETE", "applications/{id}", HYBRID_IDENTITY_ADMINISTRATOR),
        ("GET", "groups/{id}/onPremisesSyncBehavior", HYBRID_IDENTITY_ADMINISTRATOR),
        ("GET", "auditLogs/provisioning", REPORTS_READER),
        ("PATCH", "groups/{id}", GROUPS_ADMINISTRATOR),
        ("POST", "groups/{id}/members/$ref", GROUPS_ADMINISTRATOR),
        ("DELETE", "groups/{id}", GROUPS_ADMINISTRATOR),
        ("POST", "directory/deletedItems/{id}/restore", GROUPS_ADMINISTRATOR),
        ("POST", "groupSettings", GROUPS_ADMINISTRATOR),
        ("PATCH", "settings/{id}", "User Administrator"),
    ],
)
def test_a_person_needs_the_role_and_an_application_does_not(office: Office, method: str, path: str, role: str) -> None:
    assert office.status(method, path, person(), {}) == 403
    assert (
        office.status(method, path, person(GLOBAL_READER if role != REPORTS_READER else "User Administrator"), {})
        == 403
    )
    assert office.status(method, path, person(role), {}) != 403
    assert office.status(method, path, person(GLOBAL_ADMINISTRATOR), {}) != 403
    assert Office().status(method, path, Caller("client", EVERYTHING), {}) != 403


@pytest.mark.parametrize("path", ["groupSettings", "groupSettingTemplates"])
def test_settings_are_read_by_readers_of_the_directory(office: Office, path: str) -> None:
    assert office.status("GET", path, person()) == 403
    for role in (DIRECTORY_READERS, GLOBAL_READER, GROUPS_ADMINISTRATOR):
        assert office.status("GET", path, person(role)) == 200


def test_deleted_groups_are_no_business_of_a_user_administrator(office: Office) -> None:
    path = "directory/deletedItems/{id}/restore"
    assert office.status("POST", path, person("User Administrator"), {}) == 403


def test_an_owner_changes_the_own_group_and_no_other(office: Office) -> None:
    change = {"description": "Ours"}
    assert office.status("PATCH", "groups/{id}", person(user=MEMBER), change) == 403
    assert office.status("PATCH", "groups/{id}", person(user=OWNER), change) == 204
    behavior = "groups/{id}/onPremisesSyncBehavior"
    assert office.status("PATCH", behavior, person(user=OWNER), {"isCloudManaged": True}) == 403


def test_guests_read_nothing_here(office: Office) -> None:
    assert office.status("GET", "groups", person(guest=True)) == 403
    assert office.status("GET", "groups", person(GLOBAL_READER, guest=True)) == 200


def test_every_answer_tells_its_resource_units(office: Office) -> None:
    reader = Caller("client", frozenset({"Group.Read.All"}))
    assert office.ask("GET", "groups/{id}/members", reader).headers["x-ms-resource-unit"] == "3"
    assert office.ask("PATCH", "groups/{id}", reader, {}).headers["x-ms-resource-unit"] == "1"
    assert (office.throttle.units, office.throttle.writes) == (4, 1)


def test_parts_of_a_batch_are_permitted_and_throttled_one_by_one(office: Office) -> None:
    reader = Caller("client", frozenset({"Group.Read.All"}))
    while office.throttle.units < 3500 - 3:
        assert office.status("GET", "groups", reader) == 200
    parts = [
        {"id": str(number), "method": "GET", "url": url}
        for number, url in enumerate(["/users", f"/groups/{GROUP}", f"/groups/{GROUP}/members", "/groups"])
    ]
    answer = office.ask("POST", "$batch", reader, {"requests": parts})
    assert answer.status == 200
    answers = {one["id"]: one for one in json.loads(answer.body)["responses"]}
    assert {number: one["status"] for number, one in answers.items()} == {"0": 403, "1": 200, "2": 429, "3": 429}
    assert int(answers["2"]["headers"]["Retry-After"]) >= 1
    assert "x-ms-resource-unit" not in answer.headers
    assert office.throttle.throttled == 2
