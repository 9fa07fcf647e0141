"""Cloud Sync over Graph: jobs, templates and schemas under ``servicePrincipals/{id}/synchronization``.

Shapes follow the Microsoft Graph documentation (synchronizationJob and its actions). The agent that writes to AD is not
part of this module: a start or restart changes what the job says about itself, nothing in AD.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from rehearsal.cloud.bodies import json_body
from rehearsal.cloud.errors import GraphError, bad_request
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import parameters
from rehearsal.cloud.on_demand import OnDemand
from rehearsal.cloud.query import DIRECTORY_LIST, SINGLE, Capabilities, parse_query, project
from rehearsal.cloud.reading import Collection, Reader
from rehearsal.cloud.resources import ASSIGNMENT, JOB, SCHEMA, SERVICE_PRINCIPAL, TEMPLATE, Record, ResourceType
from rehearsal.cloud.store import CloudStore, graph_time

SERVICE_PRINCIPALS = Collection(SERVICE_PRINCIPAL, "service_principals", DIRECTORY_LIST, SINGLE, guids=True)
_ASSIGNED = Capabilities(frozenset({"$select", "$top", "$skiptoken"}))
_SCOPES = frozenset({"None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes"})


class Jobs:
    """Answers for synchronization jobs. ``new_id`` makes ids of changes."""

    def __init__(self, store: CloudStore, reader: Reader, *, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._reader = reader
        self._on_demand = OnDemand(store, new_id=new_id)

    def list(self, kind: ResourceType, request: GraphRequest, principal: str) -> GraphAnswer:
        """``GET …/synchronization/jobs``, ``…/templates`` and ``appRoleAssignedTo``, what is assigned."""
        capabilities = _ASSIGNED if kind is ASSIGNMENT else SINGLE
        return self._reader.page_of(kind, self._of(kind, principal), capabilities, request, _where(request))

    def get(self, kind: ResourceType, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``GET …/jobs/{id}``, ``…/templates/{id}``."""
        return self._shown(kind, request, self._find(kind, principal, identifier))

    def schema(self, kind: ResourceType, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``GET …/jobs/{id}/schema``, ``…/templates/{id}/schema``."""
        record = self._find(kind, principal, identifier)
        return self._shown(SCHEMA, request, self._store.table("schemas")[str(record["id"])])

    def start(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/start``."""
        json_body(request, empty=True)
        return self._set_state(self._find(JOB, principal, identifier), "Active", "Active")

    def pause(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/pause``."""
        json_body(request, empty=True)
        return self._set_state(self._find(JOB, principal, identifier), "Paused", "Paused")

    def restart(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/restart`` with ``criteria.resetScope``, names joined by commas."""
        body = json_body(request, parameters("restart", request.version))
        job = self._find(JOB, principal, identifier)
        criteria = body.get("criteria")
        scope = criteria.get("resetScope") if isinstance(criteria, dict) else None
        names = [name.strip() for name in scope.split(",")] if isinstance(scope, str) else []
        if not names or not set(names) <= _SCOPES or set(body) != {"criteria"}:
            raise bad_request(f"criteria.resetScope holds names out of {', '.join(sorted(_SCOPES))}.", "BadRequest")
        keeps = not {"Full", "QuarantineState"} & set(names)
        quarantined = _status(job)["code"] == "Quarantine"
        return self._set_state(job, "Quarantine" if quarantined and keeps else "Active", "Active")

    def provision(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/provisionOnDemand``."""
        return self._on_demand.answer(request, self._find(JOB, principal, identifier))

    # Objects

    def _of(self, kind: ResourceType, principal: str) -> dict[str, Record]:
        found = str(self._reader.find(SERVICE_PRINCIPALS, principal)["id"])
        records = self._store.table(_TABLES[kind.name])
        owned = {str(one["id"]): one for one in records.values() if one["servicePrincipalId"] == found}
        return {key: self._lately(record) for key, record in owned.items()} if kind is JOB else owned

    def _lately(self, job: Record) -> Record:
        """A job that runs did so within its interval of twenty minutes."""
        status = _status(job)
        if status["code"] != "Active":
            return job
        now = self._store.clock()
        moment = graph_time(now.replace(minute=now.minute // 20 * 20, second=0, microsecond=0))
        for name in ("lastExecution", "lastSuccessfulExecution"):
            execution = status[name]
            if isinstance(execution, dict):
                status[name] = {**execution, "timeBegan": moment, "timeEnded": moment}
        return {**job, "status": {**status, "steadyStateLastAchievedTime": moment}}

    def _find(self, kind: ResourceType, principal: str, identifier: str) -> Record:
        record = self._of(kind, principal).get(identifier)
        if record is None:
            raise GraphError(404, "NotFound", f"The synchronization object '{identifier}' was not found.")
        return record

    def _shown(self, kind: ResourceType, request: GraphRequest, record: Record) -> GraphAnswer:
        query = parse_query(request.options, (kind,), SINGLE, version=request.version, eventual=False)
        where = f"{request.root}/$metadata#{_where(request)}/$entity"
        return json_answer({"@odata.context": where, **project(kind, record, query, single=True)})

    def _set_state(self, job: Record, code: str, schedule: str) -> GraphAnswer:
        status = {**_status(job), "code": code}
        if code != "Quarantine":
            status["quarantine"] = None
        planned = job["schedule"]
        changes = {"status": status, "schedule": {**planned, "state": schedule} if isinstance(planned, dict) else None}
        self._store.update("jobs", str(job["id"]), changes)
        return GraphAnswer(204, {})


_TABLES = {JOB.name: "jobs", TEMPLATE.name: "job_templates", ASSIGNMENT.name: "assignments"}


def _where(request: GraphRequest) -> str:
    """The path as ``@odata.context`` shows it: ids in brackets."""
    path = "/".join(request.segments)
    return re.sub(r"(servicePrincipals|jobs|templates)/([^/]+)", r"\1('\2')", path)


def _status(job: Record) -> dict[str, object]:
    status = job["status"]
    return dict(status) if isinstance(status, dict) else {}
