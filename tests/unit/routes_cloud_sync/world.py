"""One Cloud Sync configuration in memory, asked and changed over HTTP as Graph is; requests can be lost on the way."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import requests

from runbook_lib.directory.search import Entry
from runbook_lib.graph.tenant.configuration import ConfigurationAddress, ConfigurationDocuments
from runbook_lib.graph.tenant.jobs import CloudSyncJob, JobState, ObjectScope
from runbook_lib.graph.transport import GraphClient
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import CloudGroup, CloudKind, CloudPrincipal
from runbook_lib.model.directory import AttributeDelta, DirectoryGroup, DirectoryObject
from runbook_lib.routes.cloud_sync.planning import Sides
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Reply, client_with, graph_error, path_of

PRINCIPAL, JOB = b.guid("configuration"), "AAD2ADGroupProvisioning.1234.5678"
ROLE = "1a0abf4d-b9fa-4512-a3a2-51ee82c6fd9f"
OU = f"OU=Cloud,{b.BASE}"
CN = 'Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))'
BASE = f"/servicePrincipals/{PRINCIPAL}"
AT_JOB = f"{BASE}/synchronization/jobs/{JOB}"


def source(expression: str) -> dict[str, Any]:
    """An ``attributeMappingSource``."""
    return {"expression": expression, "name": "x", "parameters": [], "type": "Function"}


def row(target: str, expression: str) -> dict[str, Any]:
    """One attribute mapping."""
    return {"targetAttributeName": target, "source": source(expression), "flowType": "Always", "matchingPriority": 0}


def schema(**expressions: str) -> dict[str, Any]:
    """The schema of a configuration for groups."""
    rows = {"cn": CN, "parentDistinguishedName": f'"{OU}"', "displayName": "[displayName]", **expressions}
    mapping = {
        "sourceObjectName": "Group",
        "targetObjectName": "group",
        "enabled": True,
        "attributeMappings": [row(name, text) for name, text in rows.items()],
        "scope": {"groups": []},
    }
    rule = {"id": "rule-1", "targetDirectoryName": "Active Directory", "objectMappings": [mapping]}
    return {"id": JOB, "version": "v1", "synchronizationRules": [rule], "directories": [{"name": "Active Directory"}]}


def secrets(domain: str = "contoso.com") -> list[dict[str, str]]:
    """The settings of a configuration."""
    told = {
        "Enabled": True,
        "Recipients": "ops@contoso.com",
        "DeleteThresholdEnabled": True,
        "DeleteThresholdValue": 500,
    }
    return [
        {"key": "Domain", "value": json.dumps({"domain": domain})},
        {"key": "SyncNotificationSettings", "value": json.dumps(told)},
    ]


@dataclass
class Graph:
    """The configuration.

    ``losses`` says of each next write: ``ok``, ``before`` (never arrives), ``after`` (answer lost), ``throttled``,
    ``forbidden``.
    """

    schema: dict[str, Any] = field(default_factory=schema)
    secrets: list[dict[str, str]] = field(default_factory=secrets)
    assigned: dict[str, str] = field(default_factory=dict)
    running: bool = False
    in_ad: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    """DN and account name of groups in AD that are not as they should be; what is provisioned gets the right ones."""
    losses: list[str] = field(default_factory=list)
    took: list[str] = field(default_factory=list)
    """Writes that took effect."""
    tick: Callable[[], None] = lambda: None
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def state(self) -> tuple[object, ...]:
        """Everything that counts; ids of assignments are as they come."""
        plain = {key: value for key, value in self.schema.items() if key != "version"}
        people = {group: sorted(members) for group, members in self.in_ad.items()}
        return copy.deepcopy((plain, self.secrets, sorted(self.assigned), self.running, people))

    def client(self) -> GraphClient:
        """A client that is signed in to it."""
        return client_with(self)[0]

    def has(self, group_id: str, members: Sequence[str], dn: str = "", account_name: str = "") -> bool:
        """Whether AD has a group with these members, under this name where one is given."""
        right = not dn or (dn, account_name) == self.names.get(group_id, (dn, account_name))
        return group_id in self.in_ad and right and set(members) <= self.in_ad[group_id]

    def guids(self, group_ids: Sequence[str]) -> list[str]:
        """Names of the AD objects of groups, for those that have one."""
        return sorted(group for group in group_ids if group in self.in_ad)

    def read(self, guid: str, attributes: Sequence[str]) -> Entry | None:
        """No step of these tests looks at a single AD object."""
        raise AssertionError(f"asked for {attributes} of {guid}")

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        """No step of these tests writes to a single AD object."""
        raise AssertionError(f"wrote {deltas} to {guid}")

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        path = unquote(path_of(request))
        if request.method == "GET":
            return self._get(path)
        if path == "/$batch":
            return self._batch(json.loads(request.body or "null"))
        self.tick()
        loss = self.losses.pop(0) if self.losses else "ok"
        if loss == "before":
            return requests.exceptions.ReadTimeout("lost on the way")
        if loss == "throttled":
            return graph_error(429, "TooManyRequests", headers={"Retry-After": "1"})
        if loss == "forbidden":
            return graph_error(403, "Authorization_RequestDenied")
        reply = self._write(str(request.method), path, json.loads(request.body or "null"))
        self.tick()
        return requests.exceptions.ReadTimeout("the answer is lost") if loss == "after" else reply

    def _batch(self, body: Any) -> Reply | Exception:
        """Several writes; an answer that is lost is that of the whole batch, one that never arrives too."""
        self.tick()
        losses = [self.losses.pop(0) if self.losses else "ok" for _ in body["requests"]]
        if "before" in losses:
            return requests.exceptions.ReadTimeout("lost on the way")
        parts = []
        for part, loss in zip(body["requests"], losses, strict=True):
            if loss == "throttled":
                reply = graph_error(429, "TooManyRequests", headers={"Retry-After": "1"})
            elif loss == "forbidden":
                reply = graph_error(403, "Authorization_RequestDenied")
            else:
                reply = self._write(part["method"], unquote(part["url"]), part.get("body"))
                self.tick()
            told: dict[str, Any] = {"id": part["id"], "status": reply.status, "headers": dict(reply.headers)}
            parts.append({**told, "body": reply.body} if reply.body is not None else told)
        lost = requests.exceptions.ReadTimeout("the answer is lost")
        return lost if "after" in losses else Reply(body={"responses": parts})

    def _get(self, path: str) -> Reply:
        if path == f"{AT_JOB}/schema":
            return Reply(body=self.schema)
        if path == f"{BASE}/synchronization/secrets":
            return Reply(body={"value": self.secrets})
        if path == f"{BASE}/appRoleAssignedTo":
            rows = [{"id": one, "principalId": group, "appRoleId": ROLE} for group, one in self.assigned.items()]
            return Reply(body={"value": rows})
        if path == AT_JOB:
            state = "Active" if self.running else "Disabled"
            return Reply(body={"id": JOB, "schedule": {"state": state}, "status": {"code": "Active"}})
        if path == BASE:
            return Reply(body={"id": PRINCIPAL, "displayName": "contoso.com", "appRoles": [{"id": ROLE}]})
        return graph_error(404, "Request_ResourceNotFound")

    def _write(self, method: str, path: str, body: Any) -> Reply:
        if (method, path) == ("POST", f"{BASE}/appRoleAssignedTo"):
            if body["principalId"] in self.assigned:
                return graph_error(400, "Request_BadRequest", "Permission being assigned already exists on the object")
            made = f"assignment-{next(self.numbers)}"
            self.assigned[body["principalId"]] = made
            return self._took(f"assign {body['principalId']}", Reply(201, {"id": made}))
        if method == "DELETE" and path.startswith(f"{BASE}/appRoleAssignedTo/"):
            found = [group for group, one in self.assigned.items() if one == path.rpartition("/")[2]]
            if not found:
                return graph_error(404, "Request_ResourceNotFound")
            del self.assigned[found[0]]
            return self._took(f"unassign {found[0]}", Reply(204, raw=b""))
        if (method, path) == ("PUT", f"{AT_JOB}/schema"):
            self.schema = {**body, "version": f"{self.schema['version']}+"}
            return self._took("schema", Reply(204, raw=b""))
        if (method, path) == ("PUT", f"{BASE}/synchronization/secrets"):
            self.secrets = body["value"]
            return self._took("secrets", Reply(204, raw=b""))
        if method == "POST" and path in (f"{AT_JOB}/start", f"{AT_JOB}/pause"):
            self.running = path.endswith("start")
            return self._took(path.rpartition("/")[2], Reply(204, raw=b""))
        if (method, path) == ("POST", f"{AT_JOB}/provisionOnDemand"):
            (subject,) = body["parameters"][0]["subjects"]
            named = [one["objectId"] for one in subject.get("links", {}).get("members", [])]
            self.in_ad.setdefault(subject["objectId"], set()).update(named)
            self.names.pop(subject["objectId"], None)
            return self._took(f"provision {subject['objectId']} {named}", Reply(200, {"key": "{}", "value": "{}"}))
        return graph_error(501, "NotImplemented")

    def _took(self, what: str, reply: Reply) -> Reply:
        self.took.append(what)
        return reply


def security(name: str, **more: object) -> CloudGroup:
    """A security group of the cloud."""
    return b.cloud_group(name, CloudKind.SECURITY, security_enabled=True, **more)


def inventory(
    groups: Sequence[CloudGroup],
    members: Mapping[str, Sequence[CloudPrincipal | CloudGroup]] | None = None,
    ad: Sequence[DirectoryGroup] = (),
    users: Sequence[DirectoryObject] = (),
    **more: Any,
) -> Inventory:
    """Both sides joined."""
    return b.inventory_of(b.cloud_side(groups, members, **more), b.directory_side(users, ad))


def sides_of(read: Inventory, graph: Graph, state: JobState | None = None) -> Sides:
    """What a run reads of all three."""
    mapped = {
        str(one["targetAttributeName"]).casefold(): str(one["source"]["expression"])
        for one in graph.schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    }
    now = state or (JobState.ACTIVE if graph.running else JobState.DISABLED)
    job = CloudSyncJob(
        id=JOB,
        service_principal=PRINCIPAL,
        configuration="contoso.com",
        template="AAD2ADGroupProvisioning",
        state=now,
        quarantine=None,
        last_success=None,
        scope=(ObjectScope("Group", "group", True, (), into_ad=True, mapped=mapped),),
        assigned=tuple(sorted(graph.assigned)),
        domain="contoso.com",
    )
    documents = ConfigurationDocuments(
        address=ConfigurationAddress(PRINCIPAL, JOB),
        schema=copy.deepcopy(graph.schema),
        secrets={"value": copy.deepcopy(graph.secrets)},
        assignments=dict(graph.assigned),
        role_id=ROLE,
        state=now,
    )
    return Sides(read, job, documents)


def with_job(sides: Sides, **changed: Any) -> Sides:
    """The same with another job."""
    return replace(sides, job=replace(sides.job, **changed))
