"""What the cloud knows about Connect: ``directory/onPremisesSynchronization`` and ``onPremisesSyncBehavior``."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.errors import bad_request, object_not_found, unknown_segment
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import MetadataType, types
from rehearsal.cloud.query import SINGLE, parse_query, project
from rehearsal.cloud.reading import GROUPS, Reader, context, listing
from rehearsal.cloud.resources import ON_PREMISES_SYNCHRONIZATION, PUBLISHING_PROFILE, SYNC_BEHAVIOR, Record
from rehearsal.cloud.store import CloudStore


class Hybrid:
    """Answers from a ``CloudStore``."""

    def __init__(self, store: CloudStore, reader: Reader) -> None:
        self._store = store
        self._reader = reader

    def list(self, request: GraphRequest) -> GraphAnswer:
        """``GET directory/onPremisesSynchronization``: a collection of one."""
        query = parse_query(
            request.options, (ON_PREMISES_SYNCHRONIZATION,), SINGLE, version=request.version, eventual=False
        )
        values = [
            _declared_only(project(ON_PREMISES_SYNCHRONIZATION, record, query), request.version)
            for record in self._store.table("synchronization").values()
        ]
        return listing(request, ON_PREMISES_SYNCHRONIZATION.collection, query, values, len(values), None)

    def get(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET directory/onPremisesSynchronization/{id}``; the id is the tenant's."""
        kind = ON_PREMISES_SYNCHRONIZATION
        query = parse_query(request.options, (kind,), SINGLE, version=request.version, eventual=False)
        shown = _declared_only(project(kind, self._record(identifier), query, single=True), request.version)
        return json_answer({"@odata.context": context(request, kind.collection, query, single=True), **shown})

    def change(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``PATCH directory/onPremisesSynchronization/{id}``; values inside configuration and features are merged."""
        body = json_body(request, ON_PREMISES_SYNCHRONIZATION.declared(request.version))
        record = self._record(identifier)
        check_values(body, ON_PREMISES_SYNCHRONIZATION.declared(request.version), request.version)
        if "id" in body:
            raise bad_request("Property 'id' is read-only and cannot be set.")
        body.pop("@odata.type", None)
        self._store.update("synchronization", str(record["id"]), _merged(record, body))
        return GraphAnswer(204, {})

    def agents(self, request: GraphRequest, publishing_type: str) -> GraphAnswer:
        """``GET onPremisesPublishingProfiles('provisioning')`` (beta), with the relations that ``$expand`` names.

        One agent group for each AD domain, as the documented example has it: what is expanded holds the other side by
        id and name.
        """
        if request.version != "beta":
            raise unknown_segment("onPremisesPublishingProfiles")
        if publishing_type != "provisioning":
            raise object_not_found(publishing_type)
        declared = PUBLISHING_PROFILE.declared(request.version)
        wanted = {declared.spelled(name.strip()) for name in request.options.get("$expand", "").split(",")} - {""}
        if request.options.keys() - {"$expand"} or wanted - PUBLISHING_PROFILE.expandable:
            raise bad_request("Only $expand with agents, agentGroups and publishedResources is covered.", "BadRequest")
        where = f"{request.root}/$metadata#onPremisesPublishingProfiles/$entity"
        relations = _publishing(list(self._store.table("agents").values()))
        shown = {name: relations[name] for name in sorted(wanted)}
        return json_answer({"@odata.context": where, "id": publishing_type, "isEnabled": True, **shown})

    def behavior(self, _: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET groups/{id}/onPremisesSyncBehavior``; the documented answer wraps the object in ``value``."""
        group = self._reader.find(GROUPS, identifier)
        back = group["id"] in self._store.table("rolled_back")
        managed = not group.get("onPremisesSyncEnabled") and not back
        return json_answer(
            {"value": {"@odata.type": SYNC_BEHAVIOR.odata_type, "id": group["id"], "isCloudManaged": managed}}
        )

    def convert(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``PATCH groups/{id}/onPremisesSyncBehavior``: moves a group's source of authority there or back."""
        body = json_body(request, SYNC_BEHAVIOR.declared(request.version))
        group = self._reader.find(GROUPS, identifier)
        check_values(body, SYNC_BEHAVIOR.declared(request.version), request.version)
        if "isCloudManaged" not in body:
            raise bad_request("A value is required for property 'isCloudManaged'.")
        if not group.get("onPremisesSecurityIdentifier"):
            raise bad_request("The source of authority of a group that did not come from AD cannot be changed.")
        # Back in AD's hands the flag stays null until a synchronization has taken the group over.
        rolled_back, identifier = self._store.table("rolled_back"), str(group["id"])
        rolled_back.pop(identifier, None)
        if body["isCloudManaged"]:
            self._store.update_group(identifier, {"onPremisesSyncEnabled": None})
        elif not group.get("onPremisesSyncEnabled"):
            rolled_back[identifier] = {"id": identifier}
        return GraphAnswer(204, {})

    def _record(self, identifier: str) -> Record:
        record = self._store.table("synchronization").get(identifier.lower())
        if record is None:
            raise object_not_found(identifier)
        return record


def take_over(store: CloudStore, domain: str = "") -> list[str]:
    """What the next synchronization does with groups whose source of authority was given back to AD; their ids.

    With a domain those alone that come from it.

    They are synchronized again, and members of the cloud alone are lost ("Group source of authority: roll back").
    """
    rolled_back = store.table("rolled_back")
    taken = [
        group
        for group in rolled_back
        if group in store.groups
        and domain in ("", str(store.groups[group].get("onPremisesDomainName") or "").casefold())
    ]
    for group in taken:
        store.update_group(group, {"onPremisesSyncEnabled": True})
        for member in store.members(group):
            found = store.principal(member)
            if found is None or not found[1].get("onPremisesSyncEnabled"):
                store.remove_member(group, member)
    for group in [one for one in rolled_back if one in taken or one not in store.groups]:
        del rolled_back[group]
    return taken


def _publishing(agents: list[Record]) -> dict[str, list[dict[str, object]]]:
    """The three relations of the profile."""
    domains = sorted({domain for agent in agents for domain in _domains(agent)})

    def group(domain: str) -> dict[str, object]:
        return {"id": _id_of("agent group", domain), "displayName": f"Group {domain}"}

    def resource(domain: str) -> dict[str, object]:
        return {"id": _id_of("resource", domain), "displayName": domain, "resourceName": domain}

    def brief(agent: Record) -> dict[str, object]:
        return {name: value for name, value in agent.items() if name != "domains"}

    return {
        "agents": [{**brief(agent), "agentGroups": [group(domain) for domain in _domains(agent)]} for agent in agents],
        "agentGroups": [
            {
                **group(domain),
                "publishingType": "provisioning",
                "isDefault": False,
                "agents": [brief(agent) for agent in agents if domain in _domains(agent)],
                "publishedResources": [resource(domain)],
            }
            for domain in domains
        ],
        "publishedResources": [
            {**resource(domain), "publishingType": "provisioning", "agentGroups": [group(domain)]} for domain in domains
        ],
    }


def _domains(agent: Record) -> list[str]:
    told = agent["domains"]
    return list(told) if isinstance(told, list | tuple) else []


def _id_of(what: str, domain: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{what}.{domain}"))


def _declared_only(shown: Mapping[str, object], version: str) -> dict[str, object]:
    """What this version of Graph declares: beta's writeback containers do not exist in v1.0."""
    trimmed = _trim(shown, ON_PREMISES_SYNCHRONIZATION.declared(version), version)
    return trimmed if isinstance(trimmed, dict) else {}


def _trim(value: object, declared: MetadataType, version: str) -> object:
    if not isinstance(value, Mapping):
        return value
    known = types(version)
    return {
        name: _trim(inner, known[declared.properties[name].type], version)
        if declared.properties[name].type in known
        else inner
        for name, inner in value.items()
        if name in declared.properties
    }


def _merged(record: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    merged = dict(record)
    for name, value in changes.items():
        present = merged.get(name)
        both = isinstance(present, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(present, value) if both else value  # type: ignore[arg-type] # both are mappings here
    return merged
