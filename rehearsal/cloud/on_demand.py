"""``provisionOnDemand``: what Cloud Sync would do with one group now ("synchronizationJob: provisionOnDemand").

The rehearsal has no provisioning agent, so the export is skipped where there is nothing to do, and fails otherwise.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping

from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.errors import bad_request
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import parameters as parameters_of
from rehearsal.cloud.metadata import types
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore, graph_time

MOST_MEMBERS = 5
"""Members that one request can name."""
_OUT_OF_SCOPE, _REDUNDANT, _NO_AGENT = "NotEffectivelyEntitled", "RedundantExport", "AgentNotReachable"
_TEXTS = {
    _OUT_OF_SCOPE: "The group is not in scope.",
    _REDUNDANT: "The state of the group in both the source and target systems already match.",
    _NO_AGENT: "No provisioning agent answers: the rehearsal has none.",
}


class OnDemand:
    """Answers from a ``CloudStore``. ``new_id`` makes ids of changes."""

    def __init__(self, store: CloudStore, *, new_id: Callable[[], uuid.UUID]) -> None:
        self._store = store
        self._new_id = new_id

    def answer(self, request: GraphRequest, job: Record) -> GraphAnswer:
        """Two JSON texts, ``key`` with the result and ``value`` with the steps.

        Raises:
            GraphError: 400.
        """
        parameters = json_body(request, parameters_of("provisionOnDemand", request.version)).get("parameters")
        if not isinstance(parameters, list) or len(parameters) != 1 or not isinstance(parameters[0], dict):
            raise bad_request("'parameters' is a list of one rule with its subjects.", "BadRequest")
        declared = types(request.version)["synchronizationJobApplicationParameters"]
        check_values(parameters[0], declared, request.version)
        self._check_rule(job, parameters[0])
        group = self._subject(parameters[0])
        reason = self._reason(job, group)
        status = "Failure" if reason == _NO_AGENT else "Skipped"
        key = {"result": status, "details": {"errorCode": reason, "errorMessage": _TEXTS[reason]}}
        where = f"{request.root}/$metadata#microsoft.graph.stringKeyStringValuePair"
        value = self._value(group, status, reason)
        return json_answer({"@odata.context": where, "key": json.dumps(key), "value": json.dumps(value)})

    def _check_rule(self, job: Record, parameters: Mapping[str, object]) -> None:
        rules = self._store.table("schemas")[str(job["id"])]["synchronizationRules"]
        known = [rule["id"] for rule in rules] if isinstance(rules, list) else []
        if parameters.get("ruleId") not in known:
            raise bad_request(f"The rule '{parameters.get('ruleId')}' is not one of the job's schema.", "BadRequest")

    def _subject(self, parameters: Mapping[str, object]) -> Record:
        subjects = parameters.get("subjects")
        if not isinstance(subjects, list) or len(subjects) != 1:
            raise bad_request("'subjects' names one group.", "BadRequest")
        subject = subjects[0]
        members = (subject.get("links") or {}).get("members") or []
        if len(members) > MOST_MEMBERS:
            raise bad_request(f"At most {MOST_MEMBERS} members can be provisioned on demand.", "BadRequest")
        group = self._store.groups.get(str(subject.get("objectId")).lower())
        if group is None or str(subject.get("objectTypeName")).casefold() != "group":
            raise bad_request(f"The group '{subject.get('objectId')}' was not found.", "BadRequest")
        held = self._store.members(str(group["id"]))
        for member in members:
            if str(member.get("objectId")).lower() not in held:
                raise bad_request(f"'{member.get('objectId')}' is not a member of the group.", "BadRequest")
        return group

    def _reason(self, job: Record, group: Record) -> str:
        """Why nothing is exported. The scope is the filter that every job for groups has."""
        if not group.get("securityEnabled") or group.get("mailEnabled") or group.get("onPremisesSyncEnabled"):
            return _OUT_OF_SCOPE
        log = self._store.table("provisioning").values()
        written = any(_source(row).get("id") == group["id"] and row.get("jobId") == job["id"] for row in log)
        return _REDUNDANT if written else _NO_AGENT

    def _value(self, group: Record, status: str, reason: str) -> dict[str, object]:
        name, now = str(group["displayName"]), graph_time(self._store.clock())

        def step(title: str, kind: str, text: str, result: str, **details: str) -> dict[str, object]:
            told = {"name": title, "type": kind, "status": result, "description": text}
            return {**told, "timestamp": now, "details": details}

        in_scope = str(reason != _OUT_OF_SCOPE)
        steps = [
            step("EntryImport", "Import", f"Retrieved Group '{name}' from Microsoft Entra ID", "Success"),
            step(
                "EntrySynchronizationScoping",
                "Scoping",
                "Determine if Group in scope by evaluating against each scoping filter",
                "Success",
                IsEffectivelyEntitledForProvisioning=in_scope,
            ),
        ]
        if reason != _OUT_OF_SCOPE:
            found = "was found" if reason == _REDUNDANT else "was not found"
            steps.append(step("EntryImport", "Matching", f"The Group {found} in Active Directory", "Success"))
        steps.append(step("EntryExport", "Export", _TEXTS[reason], status, SkipReason=reason))
        return {
            "action": "Other",
            "changeId": str(self._new_id()),
            "startTime": now,
            "endTime": now,
            "modifiedProperties": [],
            "provisioningSteps": steps,
            "reportableIdentifier": name,
            "statusInfo": {"status": status, "errorCode": None if status == "Skipped" else reason},
            "sourceIdentity": {"id": group["id"], "type": "Group", "displayName": name, "details": None},
            "sourceSystem": {"id": None, "name": "Microsoft Entra ID", "details": None},
            "targetIdentity": {"id": None, "type": "group", "displayName": None, "details": None},
            "targetSystem": {"id": None, "name": "Active Directory", "details": None},
        }


def _source(row: Record) -> Mapping[str, object]:
    identity = row.get("sourceIdentity")
    return identity if isinstance(identity, dict) else {}
