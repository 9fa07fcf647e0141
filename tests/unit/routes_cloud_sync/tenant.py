"""A tenant in memory in which configurations are made and removed, asked and changed over HTTP as Graph is."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import requests

from runbook_lib.cloud_sync.default_mapping import FIXED_FILTER
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.configuration import ConfigurationAddress, read_configuration
from runbook_lib.graph.tenant.jobs import CloudSync
from runbook_lib.graph.tenant.parts import P1_PLAN, Agent, Agents, Licence, Licences
from runbook_lib.inventory.build import Inventory
from runbook_lib.routes.cloud_sync.applications.checks import TenantFacts
from runbook_lib.routes.cloud_sync.applications.plan_create import documents_of_none
from runbook_lib.routes.cloud_sync.planning import Sides
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Reply, graph_error
from tests.unit.routes_cloud_sync.world import BASE, JOB, PRINCIPAL, ROLE, Graph, row, schema, sides_of, source

P1 = Licence("AAD_PREMIUM", "Enabled", 10, 1, frozenset({P1_PLAN}))
AGENTS = Agents((Agent("sync01", "active", frozenset({"contoso.com"})),), frozenset({"contoso.com"}))
FACTS = TenantFacts(CloudSync(), AGENTS, Licences((P1,)), True)
"""A tenant in which a configuration can be made."""
_CLIENT = re.compile(r"/applications\?.*appId eq '([^']*)'")
INSTANTIATE = f"/beta/applicationTemplates/{TO_AD}/instantiate"


def default_schema() -> dict[str, Any]:
    """What a new job begins with, as Microsoft documents it."""
    made = schema(parentDistinguishedName=f'"CN=Users,{b.BASE}"')
    mapping = made["synchronizationRules"][0]["objectMappings"][0]
    mapping["attributeMappings"].append(row("msDS-ExternalDirectoryObjectId", 'Append("Group_",[objectId])'))
    clauses = [{"sourceOperandName": name, "operatorName": operator} for name, operator in FIXED_FILTER]
    mapping["scope"] = {"groups": [{"clauses": clauses}]}
    return made


@dataclass
class Tenant(Graph):
    """At most one of its configurations has a job, whose state is that of ``Graph``.

    Attributes:
        principals: Service principal to its display name.
        owner: The service principal that has the job; empty: there is none.
        job: Id of the job; each that is made has another one.
        nameless_jobs: Whether the answer that a job was made does not say which.
        late: Requests that a new service principal is not found by.
        deleted: Ids of applications that were deleted.
        default: Schema of a new job.
    """

    secrets: list[dict[str, str]] = field(default_factory=list)
    schema: dict[str, Any] = field(default_factory=default_schema)
    principals: dict[str, str] = field(default_factory=dict)
    owner: str = ""
    job: str = ""
    late: int = 0
    nameless_jobs: bool = False
    deleted: list[str] = field(default_factory=list)
    default: dict[str, Any] = field(default_factory=default_schema)
    _hidden: int = 0

    def state(self) -> tuple[object, ...]:
        """As that of ``Graph``, with how many configurations and jobs there are; ids are as they come."""
        plain = {key: value for key, value in self.schema.items() if key not in ("version", "id")}
        names = sorted(self.principals.values())
        rest = (plain, self.secrets, sorted(self.assigned), self.running) if self.job else ()
        return copy.deepcopy((names, bool(self.job), self.owner in self.principals, rest))

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        if request.method == "GET" and self._hidden and "servicePrincipals" in str(request.url):
            self._hidden -= 1
            listed = "servicePrincipals?" in str(request.url)
            return Reply(body={"value": []}) if listed else graph_error(404, "Request_ResourceNotFound")
        if request.method == "GET" and (asked := _CLIENT.search(unquote_plus(str(request.url)))):
            rows = [{"id": application_of(one)} for one in self.principals if client_of(one) == asked[1]]
            return Reply(body={"value": rows})
        return super().__call__(request)

    def _plain(self, path: str) -> str:
        """The path with the ids that ``Graph`` knows."""
        if self.job:
            path = path.replace(self.job, JOB)
        return path.replace(f"/servicePrincipals/{self.owner}", BASE) if self.owner else path

    def _get(self, path: str) -> Reply:
        if path == "/servicePrincipals":
            return Reply(body={"value": [self._row(one) for one in sorted(self.principals)]})
        kind, _, rest = path.removeprefix("/").partition("/")
        identifier, _, below = rest.partition("/")
        if kind == "applications":
            known = identifier in map(application_of, self.principals)
            return (
                Reply(body={"id": identifier, "applicationTemplateId": TO_AD})
                if known
                else graph_error(404, "Request_ResourceNotFound")
            )
        if identifier not in self.principals:
            return graph_error(404, "Request_ResourceNotFound")
        if not below:
            return Reply(body=self._row(identifier))
        mine = identifier == self.owner and self.job
        if below == "synchronization/jobs":
            jobs = [{"id": self.job, "templateId": "AAD2ADGroupProvisioning"}] if mine else []
            return Reply(body={"value": jobs})
        if below == "appRoleAssignedTo" and identifier != self.owner:
            return Reply(body={"value": []})
        if below.startswith("synchronization/jobs/") and not (mine and self.job in path):
            return graph_error(404, "NotFound")
        return super()._get(self._plain(path))

    def _row(self, identifier: str) -> dict[str, Any]:
        more = {"applicationTemplateId": TO_AD, "appRoles": [{"id": ROLE}]}
        return {"id": identifier, "appId": client_of(identifier), "displayName": self.principals[identifier], **more}

    def _write(self, method: str, path: str, body: Any) -> Reply:
        if path == INSTANTIATE:
            made = PRINCIPAL if not self.took else b.guid(f"configuration {len(self.took)}")
            self.principals[made] = body["displayName"]
            self._hidden = self.late
            ids = {"application": {"objectId": application_of(made), "appId": client_of(made)}}
            return self._took("instantiate", Reply(201, {**ids, "servicePrincipal": {"objectId": made}}))
        if method == "POST" and path.endswith("/parseExpression"):
            return Reply(body={"parsedExpression": source(body["expression"]), "parsingSucceeded": True})
        kind, _, rest = path.removeprefix("/").partition("/")
        identifier, _, below = rest.partition("/")
        if method == "DELETE" and kind == "applications":
            found = [one for one in self.principals if application_of(one) == identifier]
            if not found:
                return graph_error(404, "Request_ResourceNotFound")
            self.deleted.append(identifier)
            del self.principals[found[0]]
            if found[0] == self.owner:
                self.assigned.clear()
                self.job, self.owner = "", ""
            return self._took("delete application", Reply(204, raw=b""))
        if identifier not in self.principals or self._hidden:
            return graph_error(404, "Request_ResourceNotFound")
        if (method, below) == ("POST", "synchronization/jobs"):
            assert not self.job, "a second job"
            self.owner, self.job = identifier, f"AAD2ADGroupProvisioning.1234.{next(self.numbers)}"
            self.schema = {**copy.deepcopy(self.default), "id": self.job}
            self.running = False
            return self._took("create job", Reply(201, {} if self.nameless_jobs else {"id": self.job}))
        if method == "DELETE" and below.startswith("synchronization/jobs/"):
            if not self.job:
                return graph_error(404, "NotFound")
            self.job = ""
            return self._took("delete job", Reply(204, raw=b""))
        self.owner = identifier
        return super()._write(method, self._plain(path), body)


def application_of(principal: str) -> str:
    """Id of its application."""
    return b.guid(f"application of {principal}")


def client_of(principal: str) -> str:
    """Its client id."""
    return b.guid(f"client of {principal}")


def sides_now(read: Inventory, tenant: Tenant) -> Sides:
    """What a run reads: the configuration, or one that is still to be made."""
    if not tenant.job:
        job, documents = documents_of_none(read, "global", next(iter(tenant.principals), ""))
        return Sides(read, job, documents)
    found = sides_of(read, tenant)
    documents = read_configuration(tenant.client(), ConfigurationAddress(tenant.owner, tenant.job))
    return Sides(read, found.job, documents)
