"""Cloud Sync's configurations as applications: made from a template, groups assigned to them, removed.

Sources: Microsoft Graph documentation, "applicationTemplate: instantiate", "Grant an appRoleAssignment for a service
principal", "Delete servicePrincipal", "Delete application"; which template is Cloud Sync's, a public script
(thinformatics/thinBlog, Clone-EntraCloudSyncConfig.ps1). Not seen: the texts of the refusals.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from rehearsal.cloud import documents
from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.errors import bad_request, object_not_found
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.metadata import parameters
from rehearsal.cloud.query import DIRECTORY_LIST, SINGLE, parse_query, project
from rehearsal.cloud.reading import Collection, Reader
from rehearsal.cloud.resources import APPLICATION, ASSIGNMENT, SERVICE_PRINCIPAL, Record
from rehearsal.cloud.store import CloudStore, graph_time

SERVICE_PRINCIPALS = Collection(SERVICE_PRINCIPAL, "service_principals", DIRECTORY_LIST, SINGLE, guids=True)
APPLICATIONS = Collection(APPLICATION, "applications", DIRECTORY_LIST, SINGLE, guids=True)
GROUPS_TO_AD = "fb81332f-3eca-4ecf-a939-4278e501d330"
"""What configurations for groups are made of."""
AD_TO_CLOUD = "1a4721b3-e57f-4451-ae87-ef078703ec94"
"""The application AD2AAD ("programmatically configure cloud sync using Microsoft Graph API")."""
JOB_TEMPLATES = {
    GROUPS_TO_AD: (documents.GROUPS_TO_AD,),
    AD_TO_CLOUD: ("AD2AADProvisioning", "AD2AADPasswordHash"),
}
"""By application template: the templates of the jobs that its service principal can have."""
_TAGS = ["WindowsAzureActiveDirectoryIntegratedApp"]
_LONGEST_NAME = 120
"""Characters of an application's display name ("application resource type": 256; the portal's field takes fewer)."""


class Configurations:
    """Answers about them from a ``CloudStore``. ``new_id`` makes ids."""

    def __init__(self, store: CloudStore, reader: Reader, *, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._reader = reader
        self._new_id = new_id

    def template(self, request: GraphRequest, template: str) -> GraphAnswer:
        """``GET applicationTemplates/{id}``: the documentation asks for no permission. Its id and a name, whatever is
        selected.
        """
        if template.lower() not in JOB_TEMPLATES:
            raise object_not_found(template)
        where = f"{request.root}/$metadata#applicationTemplates/$entity"
        return json_answer({"@odata.context": where, "id": template.lower(), "displayName": "Cloud Sync"})

    def instantiate(self, request: GraphRequest, template: str) -> GraphAnswer:
        """``POST applicationTemplates/{id}/instantiate``: an application and its service principal.

        Those who ask for them right away may not find them: ``CloudStore.replication``.
        """
        body = json_body(request, parameters("instantiate", request.version))
        check_values(body, parameters("instantiate", request.version), request.version)
        name = str(body.get("displayName") or "").strip()
        if template.lower() not in JOB_TEMPLATES:
            raise object_not_found(template)
        if not 1 <= len(name) <= _LONGEST_NAME:
            raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")
        principal = self._make(name, template.lower(), request.caller.owner)
        application = next(
            one for one in self._store.table("applications").values() if one["appId"] == principal["appId"]
        )
        query = parse_query({}, (SERVICE_PRINCIPAL,), SINGLE, version=request.version, eventual=False)
        shown = {
            "application": project(APPLICATION, application, query, single=True),
            "servicePrincipal": project(SERVICE_PRINCIPAL, principal, query, single=True),
        }
        if request.version == "beta":
            # The documented example of beta has the id under an older name.
            shown = {part: {"objectId": one.pop("id"), **one} for part, one in shown.items()}
        where = f"{request.root}/$metadata#microsoft.graph.applicationServicePrincipal"
        return json_answer({"@odata.context": where, **shown}, status=201)

    def _make(self, name: str, template: str, owner: str) -> Record:
        application, principal, client = (str(self._new_id()) for _ in range(3))
        role = documents.app_role()
        common: dict[str, object] = {
            "appId": client,
            "applicationTemplateId": template,
            "appRoles": [role],
            "displayName": name,
            "tags": _TAGS,
        }
        made = graph_time(self._store.clock())
        more = {"createdDateTime": made, "identifierUris": [], "signInAudience": "AzureADMyOrg"}
        self._store.add("applications", {**common, **more, "id": application})
        self._store.add_service_principal(
            {
                **common,
                "id": principal,
                "accountEnabled": True,
                "appDisplayName": name,
                "appOwnerOrganizationId": self._store.organization.get("id"),
                "appRoleAssignmentRequired": True,
                "servicePrincipalNames": [client],
                "servicePrincipalType": "Application",
            }
        )
        for identifier in (application, principal):
            self._store.set_owners(identifier, (owner,))
            self._store.make_later(identifier)
        for job_template in JOB_TEMPLATES[template]:
            add_job_template(self._store, principal, client, job_template)
        return self._store.table("service_principals")[principal]

    def owners(self, kind: Collection, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET applications/{id}/owners`` and ``servicePrincipals/{id}/owners``: people, and service principals."""
        record = self._reader.find(kind, identifier)
        rows = [
            {
                "@odata.type": f"#microsoft.graph.{'user' if owner in self._store.users else 'servicePrincipal'}",
                "id": owner,
            }
            for owner in self._store.owners(str(record["id"]))
        ]
        where = f"{request.root}/$metadata#directoryObjects"
        return json_answer({"@odata.context": where, "value": rows})

    def assign(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """``POST servicePrincipals/{id}/appRoleAssignedTo``: one more group, user or service principal."""
        body = json_body(request, ASSIGNMENT.declared(request.version))
        check_values(body, ASSIGNMENT.declared(request.version), request.version)
        resource = self._reader.find(SERVICE_PRINCIPALS, principal)
        for name in ("principalId", "resourceId", "appRoleId"):
            if not body.get(name):
                raise bad_request(f"A value is required for property '{name}' of resource 'AppRoleAssignment'.")
        if str(body["resourceId"]).lower() != resource["id"]:
            raise bad_request("Invalid value specified for property 'resourceId' of resource 'AppRoleAssignment'.")
        found = self._store.principal(str(body["principalId"]).lower())
        if found is None or found[0].name not in ("group", "user", "servicePrincipal"):
            raise object_not_found(str(body["principalId"]))
        roles = resource.get("appRoles")
        known = [str(role["id"]).lower() for role in roles] if isinstance(roles, list) else []
        role_id = str(body["appRoleId"]).lower()
        if role_id not in known:
            raise bad_request("Permission being assigned was not found on application.")
        kind, record = found
        same = (record["id"], role_id)
        if any((one["principalId"], one["appRoleId"]) == same for one in self._assignments(resource).values()):
            raise bad_request("Permission being assigned already exists on the object")
        assignment: dict[str, object] = {
            "id": str(self._new_id()),
            "appRoleId": role_id,
            "createdDateTime": graph_time(self._store.clock()),
            "principalDisplayName": record.get("displayName"),
            "principalId": record["id"],
            "principalType": kind.name[:1].upper() + kind.name[1:],
            "resourceDisplayName": resource.get("displayName"),
            "resourceId": resource["id"],
        }
        self._store.add("assignments", {**assignment, "servicePrincipalId": resource["id"]})
        where = f"{request.root}/$metadata#servicePrincipals('{resource['id']}')/appRoleAssignedTo/$entity"
        return json_answer({"@odata.context": where, **assignment}, status=201)

    def unassign(self, _request: GraphRequest, principal: str, assignment: str) -> GraphAnswer:
        """``DELETE servicePrincipals/{id}/appRoleAssignedTo/{assignment}``."""
        resource = self._reader.find(SERVICE_PRINCIPALS, principal)
        if assignment not in self._assignments(resource):
            raise object_not_found(assignment)
        del self._store.table("assignments")[assignment]
        return GraphAnswer(204, {})

    def remove(self, _request: GraphRequest, principal: str) -> GraphAnswer:
        """``DELETE servicePrincipals/{id}``: its jobs, secrets and assignments with it; what they wrote to AD stays."""
        self._remove(str(self._reader.find(SERVICE_PRINCIPALS, principal)["id"]))
        return GraphAnswer(204, {})

    def remove_application(self, _request: GraphRequest, application: str) -> GraphAnswer:
        """``DELETE applications/{id}``, its service principal with it. Graph keeps both for 30 days; not imitated."""
        record = self._reader.find(APPLICATIONS, application)
        for principal in list(self._store.table("service_principals").values()):
            if principal.get("appId") == record["appId"]:
                self._remove(str(principal["id"]))
        for found in list(self._store.table("extension_properties").values()):
            if found["application"] == record["id"]:
                forget_property(self._store, found)
        del self._store.table("applications")[str(record["id"])]
        return GraphAnswer(204, {})

    def _remove(self, principal: str) -> None:
        owned = self._store.table("jobs")
        schemas = self._store.table("schemas")
        for name in ("jobs", "job_templates", "assignments"):
            table = self._store.table(name)
            for key in [key for key, one in table.items() if one["servicePrincipalId"] == principal]:
                if table is owned:
                    schemas.pop(key, None)
                del table[key]
        self._store.table("secrets").pop(principal, None)
        del self._store.table("service_principals")[principal]

    def _assignments(self, resource: Record) -> dict[str, Record]:
        everything = self._store.table("assignments")
        return {key: one for key, one in everything.items() if one["servicePrincipalId"] == resource["id"]}


def add_job_template(store: CloudStore, principal: str, application: str, name: str) -> None:
    """Let a service principal have jobs of a template, with the schema that they begin with."""
    # Several configurations are of one template, so its id alone would not do as key.
    made = documents.template(name, application)
    store.table("job_templates")[f"{principal}/{name}"] = {"id": name, **made, "servicePrincipalId": principal}
    if name not in store.table("schemas"):
        rule = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        schema = documents.schema_of_groups(rule, documents.default_container(""))
        into_ad = name == documents.GROUPS_TO_AD
        store.add("schemas", {**(schema if into_ad else {"synchronizationRules": [], "version": "1"}), "id": name})


def forget_property(store: CloudStore, found: Record) -> None:
    """Remove an extension property and its values."""
    name = str(found["name"])
    for group in [key for key, one in store.groups.items() if name in one]:
        store.forget_value(group, name)
    del store.table("extension_properties")[str(found["id"])]
