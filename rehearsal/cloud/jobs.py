"""Synchronization jobs over Graph, ``servicePrincipals/{id}/synchronization/jobs``: made, started, paused, removed.

Shapes follow the Microsoft Graph documentation (synchronizationJob and its actions). What a job writes to AD is the
engine's business (``rehearsal.cloud_sync``); here stands what the job says about itself.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from rehearsal.cloud import documents
from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.configurations import SERVICE_PRINCIPALS
from rehearsal.cloud.errors import GraphError, bad_request
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import parameters
from rehearsal.cloud.on_demand import OnDemand, Provisioner
from rehearsal.cloud.query import SINGLE, Capabilities, parse_query, project
from rehearsal.cloud.reading import Reader
from rehearsal.cloud.resources import ASSIGNMENT, JOB, SCHEMA, TEMPLATE, Record, ResourceType
from rehearsal.cloud.store import CloudStore, graph_time

_ASSIGNED = Capabilities(frozenset({"$select", "$top", "$skiptoken"}))
_SCOPES = frozenset({"None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes"})
_EMPTY_SCOPE = ("QuarantineState", "Watermark", "Escrows")
"""What an empty resetScope stands for ("synchronizationJobRestartCriteria resource type")."""
_ENDS_QUARANTINE = frozenset({"Full", "QuarantineState", "ForceDeletes"})
_INTERVAL = "PT20M"


class Jobs:
    """Answers for synchronization jobs. ``new_id`` makes ids of jobs and changes."""

    def __init__(
        self,
        store: CloudStore,
        reader: Reader,
        provisioner: Provisioner,
        *,
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self._store = store
        self._reader = reader
        self._new_id = new_id
        self._on_demand = OnDemand(store, provisioner, new_id=new_id)

    def list(self, kind: ResourceType, request: GraphRequest, principal: str) -> GraphAnswer:
        """``GET …/synchronization/jobs``, ``…/templates`` and ``appRoleAssignedTo``, what is assigned."""
        capabilities = _ASSIGNED if kind is ASSIGNMENT else SINGLE
        return self._reader.page_of(kind, self._of(kind, principal), capabilities, request, where(request))

    def get(self, kind: ResourceType, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``GET …/jobs/{id}``, ``…/templates/{id}``."""
        return self.shown(kind, request, self.find(kind, principal, identifier))

    def schema(self, kind: ResourceType, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``GET …/jobs/{id}/schema``, ``…/templates/{id}/schema``."""
        record = self.find(kind, principal, identifier)
        schema = self._store.table("schemas")[str(record["id"])]
        query = parse_query(request.options, (SCHEMA,), SINGLE, version=request.version, eventual=False)
        context = f"{request.root}/$metadata#{where(request)}/$entity"
        # Directories are contained in a schema, and shown with it ("Get synchronizationSchema").
        held = {"directories": schema["directories"]} if query.select is None and "directories" in schema else {}
        return json_answer({"@odata.context": context, **project(SCHEMA, schema, query, single=True), **held})

    def create(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """``POST …/synchronization/jobs`` with ``templateId``: a job with its template's schema, not started."""
        body = json_body(request, JOB.declared(request.version))
        check_values(body, JOB.declared(request.version), request.version)
        owner = str(self._reader.find(SERVICE_PRINCIPALS, principal)["id"])
        templates = self._of(TEMPLATE, principal)
        name = str(body.get("templateId") or "")
        if name not in templates:
            raise bad_request(f"The template '{name}' is not one of the application's.", "BadRequest")
        tenant = str(self._store.organization["id"]).replace("-", "")
        job_id = f"{name}.{tenant}.{self._new_id()}"
        domain = self.domain_of(owner)
        job = {"id": job_id, **documents.new_job(name, domain), "servicePrincipalId": owner}
        schema = self._store.table("schemas")[name]
        self._store.add("jobs", job)
        self._store.add("schemas", {**(documents.moved_default(schema, "", domain) or schema), "id": job_id})
        location = {"Location": f"{request.root}/{request.path}/{job_id}"}
        answer = self.shown(JOB, request, job)
        return GraphAnswer(201, {**answer.headers, **location}, answer.body)

    def remove(self, _request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``DELETE …/jobs/{id}``: stopped for good, asking nothing; what it wrote to AD stays."""
        job = str(self.find(JOB, principal, identifier)["id"])
        del self._store.table("jobs")[job]
        self._store.table("schemas").pop(job, None)
        return GraphAnswer(204, {})

    def start(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/start``; a quarantine is over then."""
        json_body(request, empty=True)
        return self._set_state(self.find(JOB, principal, identifier), "Active", "Active")

    def pause(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/pause``."""
        json_body(request, empty=True)
        return self._set_state(self.find(JOB, principal, identifier), "Paused", "Paused")

    def restart(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/restart`` with ``criteria.resetScope``, names joined by commas."""
        body = json_body(request, parameters("restart", request.version))
        job = self.find(JOB, principal, identifier)
        criteria = body.get("criteria")
        scope = criteria.get("resetScope") if isinstance(criteria, dict) else None
        names = [name.strip() for name in scope.split(",") if name.strip()] if isinstance(scope, str) else []
        names = list(_EMPTY_SCOPE) if scope == "" else names
        if not names or not set(names) <= _SCOPES or set(body) != {"criteria"}:
            raise bad_request(f"criteria.resetScope holds names out of {', '.join(sorted(_SCOPES))}.", "BadRequest")
        quarantined = _status(job)["code"] == "Quarantine"
        stays = quarantined and not _ENDS_QUARANTINE & set(names)
        # The engine looks at what is to be forgotten when it runs next.
        asked = {*(job.get("restarted") or ()), *names}  # type: ignore[misc] # a tuple, put there by this line
        self._store.update("jobs", str(job["id"]), {"restarted": tuple(sorted(asked))})
        return self._set_state(job, "Quarantine" if stays else "Active", "Active")

    async def provision(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/provisionOnDemand``."""
        return await self._on_demand.answer(request, self.find(JOB, principal, identifier))

    # Objects

    def domain_of(self, principal: str) -> str:
        """AD domain of a configuration; empty where none was set."""
        pairs = self._store.table("secrets").get(principal, {}).get("value")
        return documents.domain_of(pairs if isinstance(pairs, list) else [])

    def _of(self, kind: ResourceType, principal: str) -> dict[str, Record]:
        found = str(self._reader.find(SERVICE_PRINCIPALS, principal)["id"])
        records = self._store.table(_TABLES[kind.name])
        owned = {str(one["id"]): one for one in records.values() if one["servicePrincipalId"] == found}
        return {key: self._lately(record) for key, record in owned.items()} if kind is JOB else owned

    def _lately(self, job: Record) -> Record:
        """A started job that the engine did not run yet says that it ran within its interval of twenty minutes."""
        status = _status(job)
        if status["code"] != "Active" or job.get("ran") or status["lastExecution"] is None:
            return job
        now = self._store.clock()
        moment = graph_time(now.replace(minute=now.minute // 20 * 20, second=0, microsecond=0))
        for name in ("lastExecution", "lastSuccessfulExecution"):
            execution = status[name]
            if isinstance(execution, dict):
                status[name] = {**execution, "timeBegan": moment, "timeEnded": moment}
        return {**job, "status": {**status, "steadyStateLastAchievedTime": moment}}

    def find(self, kind: ResourceType, principal: str, identifier: str) -> Record:
        """A job or template of a service principal.

        Raises:
            GraphError: 404.
        """
        record = self._of(kind, principal).get(identifier)
        if record is None:
            raise GraphError(404, "NotFound", f"The synchronization object '{identifier}' was not found.")
        return record

    def shown(self, kind: ResourceType, request: GraphRequest, record: Record) -> GraphAnswer:
        """A record as the answer to a request."""
        query = parse_query(request.options, (kind,), SINGLE, version=request.version, eventual=False)
        context = f"{request.root}/$metadata#{where(request)}/$entity"
        return json_answer({"@odata.context": context, **project(kind, record, query, single=True)})

    def _set_state(self, job: Record, code: str, schedule: str) -> GraphAnswer:
        status = {**_status(job), "code": code}
        if code != "Quarantine":
            status["quarantine"] = None
        planned = job["schedule"]
        running = {"state": schedule, "interval": _INTERVAL}
        changes = {"status": status, "schedule": {**planned, **running} if isinstance(planned, dict) else None}
        self._store.update("jobs", str(job["id"]), changes)
        return GraphAnswer(204, {})


_TABLES = {JOB.name: "jobs", TEMPLATE.name: "job_templates", ASSIGNMENT.name: "assignments"}


def where(request: GraphRequest) -> str:
    """The path as ``@odata.context`` shows it: ids in brackets."""
    path = "/".join(request.segments)
    return re.sub(r"(servicePrincipals|jobs|templates)/([^/]+)", r"\1('\2')", path)


def _status(job: Record) -> dict[str, object]:
    status = job["status"]
    return dict(status) if isinstance(status, dict) else {}
