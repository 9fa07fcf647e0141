"""Synchronized groups on both sides, what keeps their names, and an AD that holds to the rules of group scopes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import requests

from runbook_lib.cloud_sync.configuration import expressions_of
from runbook_lib.cloud_sync.group_dn import cn_expression, ou_expression
from runbook_lib.directory.errors import ValueConflict
from runbook_lib.directory.search import Entry
from runbook_lib.errors import Refused, WriteUnanswered
from runbook_lib.graph.tenant.authority import GroupDnExtension, InboundJob, extension_name, identifier_uri
from runbook_lib.graph.tenant.configuration import ConfigurationAddress
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.members import GroupScope, scope_of
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal
from runbook_lib.model.directory import AttributeDelta, DirectoryGroup
from runbook_lib.model.text import verbatim
from runbook_lib.routes.cloud_sync.authority.facts import AuthorityFacts, AuthoritySettings
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Reply, graph_error, path_of
from tests.unit.routes_cloud_sync.world import Graph, inventory, row, security, source

GLOBAL, UNIVERSAL, LOCAL = "-2147483646", "-2147483640", "-2147483644"
URI = identifier_uri(b.TENANT)
APP = b.guid("extension application")
NAME = extension_name(APP)
INBOUND = ConfigurationAddress(b.guid("inbound"), "AD2AADProvisioning.1234.1")
_AT_INBOUND = f"/servicePrincipals/{INBOUND.service_principal}/synchronization/jobs/{INBOUND.job_id}/schema"
_BEHAVIOR = re.compile(r"/groups/([^/]+)/onPremisesSyncBehavior")
WIDE = AuthoritySettings(most=50, make_universal=True)


def sid_of(name: str) -> str:
    """The SID of an AD group of this world."""
    return f"{b.DOMAIN_SID}-{7000 + sum(name.encode())}"


def synchronized(name: str, **more: object) -> CloudGroup:
    """A security group that is synchronized from AD."""
    dn = f"CN={name},OU=Groups,{b.BASE}"
    given: dict[str, object] = {
        "on_premises_sync_enabled": True,
        "on_premises_sid": sid_of(name),
        "on_premises_domain": "contoso.com",
        "extensions": ((NAME, dn),),
    }
    return security(name, **{**given, **more})


def in_ad(name: str, scope: str = UNIVERSAL, members: Sequence[str] = (), **more: Any) -> DirectoryGroup:
    """Its AD object; ``members`` are DNs."""
    values = {"groupType": (scope,), "sAMAccountName": (name,), **more.pop("attributes", {})}
    return b.ad_group(name, values, members, sid=sid_of(name), **more)


def converted(group: CloudGroup) -> CloudGroup:
    """The same group, with the cloud as its source of authority."""
    return replace(group, on_premises_sync_enabled=None, cloud_managed=True)


def family(scope: str = UNIVERSAL) -> tuple[list[CloudGroup], dict[str, list[CloudPrincipal | CloudGroup]], Inventory]:
    """Top holds Middle, which holds Leaf and Ana; all of them from AD."""
    top, middle, leaf = (synchronized(name) for name in ("Top", "Middle", "Leaf"))
    members: dict[str, list[CloudPrincipal | CloudGroup]] = {
        "Top": [middle],
        "Middle": [leaf, b.synced("Ana")],
        "Leaf": [],
    }
    dns = {name: f"CN={name},OU=Groups,{b.BASE}" for name in ("Top", "Middle", "Leaf")}
    ad = [
        in_ad("Top", scope, [dns["Middle"]]),
        in_ad("Middle", scope, [dns["Leaf"], b.user_dn("Ana")], member_of=(dns["Top"],)),
        in_ad("Leaf", scope, [], member_of=(dns["Middle"],)),
    ]
    return [top, middle, leaf], members, inventory([top, middle, leaf], members, ad, [b.ad_user("Ana")])


def inbound_schema(*, fills: bool = True) -> dict[str, Any]:
    """The schema from AD to the cloud."""
    rows = {"displayName": "[displayName]", **({NAME: "[distinguishedName]"} if fills else {})}
    mapping = {
        "sourceObjectName": "group",
        "targetObjectName": "Group",
        "enabled": True,
        "attributeMappings": [row(name, text) for name, text in rows.items()],
    }
    return {"id": INBOUND.job_id, "version": "v1", "synchronizationRules": [{"id": "r", "objectMappings": [mapping]}]}


def keeping(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Sources that keep OU and name, as the service makes them of our expressions."""
    present = expressions_of(schema)
    return {
        "parentDistinguishedName": source(ou_expression(NAME, present["parentdistinguishedname"])),
        "cn": source(cn_expression(NAME, present["cn"])),
    }


def facts(graph: AuthorityGraph, **more: Any) -> AuthorityFacts:
    """What a run reads of it."""
    given: dict[str, Any] = {
        "extension": graph.extension(),
        "property": NAME if graph.parts.get("property") else "",
        "own_property": False,
        "inbound": InboundJob(INBOUND, "contoso.com", copy.deepcopy(graph.inbound)),
        "sources": {} if NAME in str(graph.schema) else keeping(graph.schema),
    }
    return AuthorityFacts(**{**given, **more})


@dataclass
class AuthorityGraph(Graph):
    """A tenant in which groups change hands, and where what keeps their names can be made."""

    managed: dict[str, bool] = field(default_factory=dict)
    """Group id to ``isCloudManaged``."""
    synchronized: dict[str, bool | None] = field(default_factory=dict)
    parts: dict[str, str] = field(
        default_factory=lambda: {part: b.guid(part) for part in ("application", "service-principal", "property")}
    )
    inbound: dict[str, Any] = field(default_factory=inbound_schema)

    def extension(self) -> GroupDnExtension:
        """As it is read."""
        made = self.parts.get("application", "")
        return GroupDnExtension(
            URI,
            made,
            APP if made else "",
            self.parts.get("service-principal", ""),
            self.parts.get("property", ""),
        )

    def hands(self, groups: Sequence[CloudGroup]) -> AuthorityGraph:
        """The same, with these groups in it."""
        self.managed = {group.id: bool(group.cloud_managed) for group in groups}
        self.synchronized = {group.id: group.on_premises_sync_enabled for group in groups}
        return self

    def state(self) -> tuple[object, ...]:
        plain = {key: value for key, value in self.inbound.items() if key != "version"}
        return (*super().state(), *copy.deepcopy((self.managed, self.synchronized, sorted(self.parts), plain)))

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        if request.method == "POST" and path_of(request) == "/$batch":
            body = request.body if isinstance(request.body, str) else (request.body or b"").decode()
            if '"method": "GET"' in body:
                return self._read_batch(body)
        return super().__call__(request)

    def _read_batch(self, body: str) -> Reply:
        parts = []
        for part in json.loads(body)["requests"]:
            reply = self._get(unquote(urlsplit(part["url"]).path))
            parts.append({"id": part["id"], "status": reply.status, "headers": {}, "body": reply.body})
        return Reply(body={"responses": parts})

    def _get(self, path: str) -> Reply:
        if found := _BEHAVIOR.fullmatch(path):
            return Reply(body={"value": {"isCloudManaged": self.managed[found[1]]}})
        if path.startswith("/groups/"):
            group = path.removeprefix("/groups/")
            return Reply(body={"id": group, "onPremisesSyncEnabled": self.synchronized[group]})
        if path == _AT_INBOUND:
            return Reply(body=self.inbound)
        if path == "/applications":
            return self._listing("application", {"appId": APP})
        if path == "/servicePrincipals":
            return self._listing("service-principal", {})
        if path.endswith("/extensionProperties"):
            return self._listing("property", {"name": NAME})
        return super()._get(path)

    def _listing(self, part: str, more: Mapping[str, str]) -> Reply:
        made = self.parts.get(part)
        return Reply(body={"value": [{"id": made, **more}] if made else []})

    def _write(self, method: str, path: str, body: Any) -> Reply:
        if method == "PATCH" and (found := _BEHAVIOR.fullmatch(path)):
            self.managed[found[1]] = body["isCloudManaged"]
            if body["isCloudManaged"]:
                self.synchronized[found[1]] = None
            return self._took(f"hand {found[1]} {body['isCloudManaged']}", Reply(204, raw=b""))
        if (method, path) == ("PUT", _AT_INBOUND):
            self.inbound = {**body, "version": f"{self.inbound['version']}+"}
            return self._took("inbound schema", Reply(204, raw=b""))
        made = {"/applications": "application", "/servicePrincipals": "service-principal"}.get(path)
        part = made or ("property" if path.endswith("/extensionProperties") else "")
        if method == "POST" and part:
            if part in self.parts:
                return graph_error(400, "Request_BadRequest", "Another object with the same value exists")
            self.parts[part] = b.guid(f"{part} {next(self.numbers)}")
            return self._took(f"make {part}", Reply(201, {"id": self.parts[part]}))
        if method == "DELETE" and path.rpartition("/")[2] in self.parts.values():
            gone = next(key for key, one in self.parts.items() if one == path.rpartition("/")[2])
            del self.parts[gone]
            return self._took(f"remove {gone}", Reply(204, raw=b""))
        return super()._write(method, path, body)


@dataclass
class Scopes:
    """AD as far as scopes of groups go; refuses what AD refuses. ``losses`` as those of ``Graph``."""

    groups: dict[str, DirectoryGroup]
    graph: AuthorityGraph
    took: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, read: Inventory, graph: AuthorityGraph) -> Scopes:
        """The groups that were read."""
        return cls({group.guid: group for group in read.directory.groups}, graph)

    def read(self, guid: str, attributes: Sequence[str]) -> Entry | None:
        """As ``Directory``."""
        del attributes
        group = self.groups.get(guid)
        return Entry(group.dn, {"grouptype": [str(group.group_type).encode()]}) if group else None

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        """As ``Directory``."""
        (delta,) = deltas
        self.graph.tick()
        loss = self.losses.pop(0) if self.losses else "ok"
        if loss == "before":
            raise WriteUnanswered(verbatim("lost on the way"), code="test")
        group = self.groups[guid]
        if (delta.name, delta.removed) != ("groupType", (str(group.group_type),)):
            raise ValueConflict(verbatim("not that value"), code="value-conflict")
        becomes = scope_of(int(delta.added[0]))
        if why := self._forbidden(group, becomes):
            raise Refused(verbatim(why), code="unwilling")
        self.groups[guid] = replace(group, attributes={**group.attributes, "groupType": delta.added})
        self.took.append(f"{group.dn} {becomes.value}")
        self.graph.tick()
        if loss == "after":
            raise WriteUnanswered(verbatim("the answer is lost"), code="test")

    def _forbidden(self, group: DirectoryGroup, becomes: GroupScope) -> str:
        by_dn = {one.dn: one for one in self.groups.values()}
        holders = [by_dn[dn] for dn in group.member_of if dn in by_dn]
        held = [by_dn[dn] for dn in group.members or () if dn in by_dn]
        now = scope_of(group.group_type)
        if now is GroupScope.GLOBAL and any(scope_of(one.group_type) is GroupScope.GLOBAL for one in holders):
            return "a global group is a member of a global group"
        if now is GroupScope.DOMAIN_LOCAL and any(scope_of(one.group_type) is GroupScope.DOMAIN_LOCAL for one in held):
            return "a domain local group holds a domain local group"
        if becomes is GroupScope.GLOBAL and any(scope_of(one.group_type) is not GroupScope.GLOBAL for one in held):
            return "a global group would hold another one"
        if becomes is GroupScope.DOMAIN_LOCAL and any(
            scope_of(one.group_type) is not GroupScope.DOMAIN_LOCAL for one in holders
        ):
            return "a universal group would hold a domain local one"
        return ""

    def state(self) -> dict[str, int]:
        """groupType by DN."""
        return {group.dn: group.group_type for group in self.groups.values()}


def quiet_disk() -> Iterator[None]:
    """Writes need not reach the disk in these tests."""
    with patch("os.fsync", lambda _: None):
        yield
