"""What a Cloud Sync configuration is told: schema and secrets, each replaced as a whole; expressions, credentials.

Sources: Microsoft Graph documentation, "Update synchronizationSchema" (replaces the schema fully; two mappings to one
attribute stay two), "synchronizationSchema: parseExpression", "Add synchronization secrets",
"synchronizationJob: validateCredentials"; how the secrets are read back, "How to programmatically configure cloud sync
using Microsoft Graph API". Which permission that takes is not documented; here it is the one that writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.cloud import documents
from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.configurations import SERVICE_PRINCIPALS
from rehearsal.cloud.errors import bad_request
from rehearsal.cloud.expressions import parsed, tested_values
from rehearsal.cloud.jobs import Jobs, where
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import parameters, types
from rehearsal.cloud.reading import Reader
from rehearsal.cloud.resources import JOB, SCHEMA, ResourceType
from rehearsal.cloud.store import CloudStore

_SHOWN = frozenset({documents.DOMAIN, documents.NOTIFICATION, "SyncAll", "BaseAddress", "SkipOutOfScopeDeletions"})
"""Secrets whose value is no secret; of others a mask comes back."""
_MASK = "*" * 5


class JobDocuments:
    """Answers about them from a ``CloudStore``."""

    def __init__(self, store: CloudStore, reader: Reader, jobs: Jobs) -> None:
        self._store = store
        self._reader = reader
        self._jobs = jobs

    def replace_schema(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``PUT …/jobs/{id}/schema``: kept as it was sent, duplicates of mappings included."""
        job = self._jobs.find(JOB, principal, identifier)
        body = json_body(request, SCHEMA.declared(request.version))
        sent = {name: value for name, value in body.items() if "@" not in name}
        directories = sent.pop("directories", None)
        if directories is not None and not isinstance(directories, list):
            raise bad_request("'directories' is a list of directory definitions.", "BadRequest")
        check_values(sent, SCHEMA.declared(request.version), request.version)
        if not isinstance(sent.get("synchronizationRules"), list):
            raise bad_request("A value is required for property 'synchronizationRules'.", "BadRequest")
        job_id = str(job["id"])
        if sent.pop("id", job_id) != job_id:
            raise bad_request("The id of a schema is that of its job.", "BadRequest")
        present = self._store.table("schemas")[job_id]
        kept = {"directories": directories} if directories is not None else {}
        version = sent.get("version", present.get("version"))
        self._store.table("schemas")[job_id] = {**sent, **kept, "version": version, "id": job_id}
        return GraphAnswer(204, {})

    def parse_expression(
        self, kind: ResourceType, request: GraphRequest, principal: str, identifier: str
    ) -> GraphAnswer:
        """``POST …/schema/parseExpression`` of a job or a template."""
        self._jobs.find(kind, principal, identifier)
        declared = parameters("parseExpression", request.version)
        body = json_body(request, declared)
        check_values(body, declared, request.version)
        expression, tested = body.get("expression"), body.get("testInputObject")
        if not isinstance(expression, str):
            raise bad_request("A value is required for parameter 'expression'.", "BadRequest")
        properties = tested.get("properties") if isinstance(tested, dict) else None
        values = tested_values(properties if isinstance(properties, list) else []) if tested is not None else None
        context = f"{request.root}/$metadata#microsoft.graph.parseExpressionResponse"
        return json_answer({"@odata.context": context, **parsed(expression, values)})

    def secrets(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """``GET …/synchronization/secrets``: values that are secret come masked."""
        owner = str(self._reader.find(SERVICE_PRINCIPALS, principal)["id"])
        shown = [
            {"key": one["key"], "value": one["value"] if one["key"] in _SHOWN else _MASK} for one in self._pairs(owner)
        ]
        return json_answer({"@odata.context": f"{request.root}/$metadata#{where(request)}", "value": shown})

    def replace_secrets(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """``PUT …/synchronization/secrets``: the whole list."""
        owner = str(self._reader.find(SERVICE_PRINCIPALS, principal)["id"])
        pairs = _pairs(json_body(request), request.version)
        before, domain = self._jobs.domain_of(owner), documents.domain_of(pairs)
        self._store.table("secrets")[owner] = {"id": owner, "value": pairs}
        threshold = _threshold(pairs)
        for job in [one for one in self._store.table("jobs").values() if one["servicePrincipalId"] == owner]:
            job_id = str(job["id"])
            self._store.update("jobs", job_id, {"synchronizationJobSettings": documents.settings(domain, threshold)})
            moved = documents.moved_default(self._store.table("schemas")[job_id], before, domain)
            if moved is not None:
                self._store.table("schemas")[job_id] = moved
        return GraphAnswer(204, {})

    def validate(self, request: GraphRequest, principal: str, identifier: str) -> GraphAnswer:
        """``POST …/jobs/{id}/validateCredentials``: whether an active agent serves the domain."""
        job = self._jobs.find(JOB, principal, identifier)
        declared = parameters("validateCredentials", request.version)
        body = json_body(request, declared)
        check_values(body, declared, request.version)
        saved = body.get("useSavedCredentials") is True
        pairs = self._pairs(str(job["servicePrincipalId"])) if saved else _listed(body.get("credentials"))
        code = documents.agent_trouble(list(self._store.table("agents").values()), documents.domain_of(pairs))
        if code:
            raise bad_request(f"The credentials are not valid: {code}.", code)
        return GraphAnswer(204, {})

    def _pairs(self, principal: str) -> list[dict[str, Any]]:
        return _listed(self._store.table("secrets").get(principal, {}).get("value"))


def _listed(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _pairs(body: Mapping[str, object], version: str) -> list[dict[str, Any]]:
    given = body.get("value")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise bad_request("'value' is the list of all secrets.", "BadRequest")
    for one in given:
        check_values(one, types(version)["synchronizationSecretKeyStringValuePair"], version)
        if not one.get("key"):
            raise bad_request("A secret has a key and a value.", "BadRequest")
    keys = [one["key"] for one in given]
    if len(set(keys)) < len(keys):
        raise bad_request("A key stands there twice.", "BadRequest")
    return [{"key": one["key"], "value": one.get("value")} for one in given]


def _threshold(pairs: list[dict[str, Any]]) -> int:
    number = documents.read_secret(pairs, documents.NOTIFICATION).get("DeleteThresholdValue")
    return number if isinstance(number, int) and not isinstance(number, bool) else documents.DEFAULT_THRESHOLD
