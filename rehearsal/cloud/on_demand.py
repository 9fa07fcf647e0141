"""``provisionOnDemand``: one group written to AD now ("synchronizationJob: provisionOnDemand")."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.errors import bad_request
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import parameters as parameters_of
from rehearsal.cloud.metadata import types
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore, graph_time

MOST_MEMBERS = 5
"""Members that one request can name."""
OUT_OF_SCOPE = "NotEffectivelyEntitled"
"""Code of a group that the scope does not take."""


@dataclass(frozen=True)
class Result:
    """What became of one group.

    Attributes:
        group_id: The cloud group.
        name: Its display name; that of the AD object where the group is gone.
        action: ``create``, ``update``, ``delete`` or ``other``, as the provisioning log names it.
        status: ``success``, ``failure`` or ``skipped``.
        guid: objectGUID of the AD object; empty where there is none.
        changed: What was sent: name, value before, value now.
        code: Error code or reason to skip; empty for none.
        reason: The same as a sentence.
    """

    group_id: str
    name: str
    action: str
    status: str = "success"
    guid: str = ""
    changed: tuple[tuple[str, str | None, str | None], ...] = ()
    code: str = ""
    reason: str = ""


class Provisioner(Protocol):
    """What writes to AD: the engine of Cloud Sync."""

    async def provision(self, job_id: str, group_id: str, members: Sequence[str]) -> Result:
        """Write one group now, with at most the named members."""


class NoAgents:
    """A tenant that nothing stands beside: whatever is provisioned fails for want of an agent."""

    async def provision(self, job_id: str, group_id: str, members: Sequence[str]) -> Result:
        """As ``Provisioner``."""
        del job_id, members
        code = "HybridIdentityServiceNoActiveAgents"
        return Result(group_id, "", "other", "failure", code=code, reason="No agent answers.")


class OnDemand:
    """Answers from a ``CloudStore``. ``new_id`` makes ids of changes."""

    def __init__(self, store: CloudStore, provisioner: Provisioner, *, new_id: Callable[[], uuid.UUID]) -> None:
        self._store = store
        self._provisioner = provisioner
        self._new_id = new_id

    async def answer(self, request: GraphRequest, job: Record) -> GraphAnswer:
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
        group, members = self._subject(parameters[0])
        began = graph_time(self._store.clock())
        result = await self._provisioner.provision(str(job["id"]), str(group["id"]), members)
        details = {"errorCode": result.code, "errorMessage": result.reason} if result.code else {}
        key = {"result": result.status.capitalize(), "details": details}
        where = f"{request.root}/$metadata#microsoft.graph.stringKeyStringValuePair"
        value = self._value(group, result, began)
        return json_answer({"@odata.context": where, "key": json.dumps(key), "value": json.dumps(value)})

    def _check_rule(self, job: Record, parameters: Mapping[str, object]) -> None:
        rules = self._store.table("schemas")[str(job["id"])]["synchronizationRules"]
        known = [rule.get("id") for rule in rules] if isinstance(rules, list) else []
        if not parameters.get("ruleId") or parameters.get("ruleId") not in known:
            raise bad_request(f"The rule '{parameters.get('ruleId')}' is not one of the job's schema.", "BadRequest")

    def _subject(self, parameters: Mapping[str, object]) -> tuple[Record, list[str]]:
        """The group and the members that are named."""
        subjects = parameters.get("subjects")
        if not isinstance(subjects, list) or len(subjects) != 1:
            raise bad_request("'subjects' names one group.", "BadRequest")
        subject = subjects[0]
        members = [str(one.get("objectId")).lower() for one in (subject.get("links") or {}).get("members") or []]
        if len(members) > MOST_MEMBERS:
            raise bad_request(f"At most {MOST_MEMBERS} members can be provisioned on demand.", "BadRequest")
        group = self._store.groups.get(str(subject.get("objectId")).lower())
        if group is None or str(subject.get("objectTypeName")).casefold() != "group":
            raise bad_request(f"The group '{subject.get('objectId')}' was not found.", "BadRequest")
        held = self._store.members(str(group["id"]))
        for member in members:
            if member not in held:
                raise bad_request(f"'{member}' is not a member of the group.", "BadRequest")
        return group, members

    def _value(self, group: Record, result: Result, began: str) -> dict[str, object]:
        name, now, status = str(group["displayName"]), graph_time(self._store.clock()), result.status.capitalize()

        def step(title: str, kind: str, text: str, became: str, **details: str) -> dict[str, object]:
            told = {"name": title, "type": kind, "status": became, "description": text}
            return {**told, "timestamp": now, "details": details}

        scoped = result.code != OUT_OF_SCOPE
        text = "Determine if Group in scope by evaluating against each scoping filter"
        steps = [
            step("EntryImport", "Import", f"Retrieved Group '{name}' from Microsoft Entra ID", "Success"),
            step(
                "EntrySynchronizationScoping",
                "Scoping",
                text,
                "Success",
                IsEffectivelyEntitledForProvisioning=str(scoped),
            ),
        ]
        if scoped:
            found = "was found" if result.guid and result.action != "create" else "was not found"
            steps.append(step("EntryImport", "Matching", f"The Group {found} in Active Directory", "Success"))
        told = result.reason or f"Group '{name}' was {result.action}d in Active Directory"
        ended = {"SkipReason": result.code} if status == "Skipped" else {}
        steps.append(step(f"EntryExport{result.action.capitalize()}", "Export", told, status, **ended))
        return {
            "action": result.action.capitalize(),
            "changeId": str(self._new_id()),
            "startTime": began,
            "endTime": now,
            "modifiedProperties": [
                {"displayName": name, "oldValue": before, "newValue": after} for name, before, after in result.changed
            ],
            "provisioningSteps": steps,
            "reportableIdentifier": name,
            "statusInfo": {
                "status": status,
                "errorCode": result.code if status == "Failure" else None,
                "reason": result.reason if status == "Failure" else None,
                "additionalDetails": None,
                "errorCategory": None,
                "recommendedAction": None,
            },
            "sourceIdentity": {"id": group["id"], "type": "Group", "displayName": name, "details": None},
            "sourceSystem": {"id": None, "name": "Microsoft Entra ID", "details": None},
            "targetIdentity": {"id": result.guid or None, "type": "group", "displayName": None, "details": None},
            "targetSystem": {"id": None, "name": "Active Directory", "details": None},
        }
