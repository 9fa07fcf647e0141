"""Applications of a tenant's own, their service principals, and the directory extensions that belong to them.

Sources: Microsoft Graph documentation, "Create application", "Create servicePrincipal", "Create extensionProperty",
"List extensionProperties", "Delete extensionProperty", "Add custom data to resources using extensions" (a property is
called ``extension_<application id without hyphens>_<name>``). Not seen: the texts of the refusals.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping

from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.configurations import APPLICATIONS, forget_property
from rehearsal.cloud.errors import bad_request, object_not_found
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.query import SINGLE, parse_query, project
from rehearsal.cloud.reading import Reader
from rehearsal.cloud.resources import APPLICATION, EXTENSION_PROPERTY, SERVICE_PRINCIPAL, Record, ResourceType
from rehearsal.cloud.store import CloudStore, graph_time

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_TYPES = ("Binary", "Boolean", "DateTime", "Integer", "LargeInteger", "String")


class Extensions:
    """Answers about them from a ``CloudStore``. ``new_id`` makes ids."""

    def __init__(self, store: CloudStore, reader: Reader, *, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._reader = reader
        self._new_id = new_id

    def create_application(self, request: GraphRequest) -> GraphAnswer:
        """``POST applications``."""
        body = _body(request, APPLICATION)
        name, uris = str(body.get("displayName") or "").strip(), body.get("identifierUris") or []
        if not name:
            raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
        taken = {
            str(uri).casefold()
            for one in self._store.table("applications").values()
            for uri in _list(one.get("identifierUris"))
        }
        if any(str(uri).casefold() in taken for uri in _list(uris)):
            raise bad_request("Another object with the same value for property identifierUris already exists.")
        record: dict[str, object] = {
            "appRoles": [],
            "tags": [],
            "signInAudience": "AzureADMyOrg",
            **body,
            "id": str(self._new_id()),
            "appId": str(self._new_id()),
            "displayName": name,
            "identifierUris": uris,
            "createdDateTime": graph_time(self._store.clock()),
        }
        self._store.add("applications", record)
        return self._made(request, APPLICATION, record)

    def create_principal(self, request: GraphRequest) -> GraphAnswer:
        """``POST servicePrincipals``, of an application of the tenant."""
        body = _body(request, SERVICE_PRINCIPAL)
        client = str(body.get("appId") or "").lower()
        application = next(
            (one for one in self._store.table("applications").values() if str(one["appId"]).lower() == client), None
        )
        if application is None:
            raise bad_request("The appId of the service principal does not reference a valid application object.")
        if any(one["appId"] == client for one in self._store.table("service_principals").values()):
            raise bad_request("The service principal cannot be created: one with this appId is there already.")
        record: dict[str, object] = {
            "id": str(self._new_id()),
            "accountEnabled": True,
            "appDisplayName": application["displayName"],
            "appId": client,
            "appOwnerOrganizationId": self._store.organization.get("id"),
            "appRoles": [],
            "displayName": application["displayName"],
            "servicePrincipalNames": [client, *_list(application.get("identifierUris"))],
            "servicePrincipalType": "Application",
            "tags": [],
        }
        self._store.add_service_principal(record)
        return self._made(request, SERVICE_PRINCIPAL, record)

    def list(self, request: GraphRequest, application: str) -> GraphAnswer:
        """``GET applications/{id}/extensionProperties``."""
        query = parse_query(request.options, (EXTENSION_PROPERTY,), SINGLE, version=request.version, eventual=False)
        values = [project(EXTENSION_PROPERTY, one, query) for one in self._of(application).values()]
        where = f"{request.root}/$metadata#applications('{application}')/extensionProperties"
        return json_answer({"@odata.context": where, "value": values})

    def create(self, request: GraphRequest, application: str) -> GraphAnswer:
        """``POST applications/{id}/extensionProperties``."""
        body = _body(request, EXTENSION_PROPERTY)
        owner = self._reader.find(APPLICATIONS, application)
        name, objects = str(body.get("name") or ""), body.get("targetObjects")
        if not _NAME.fullmatch(name) or body.get("dataType") not in _TYPES or not _list(objects):
            raise bad_request("name, dataType and targetObjects are required for an extension property.")
        full = f"extension_{str(owner['appId']).replace('-', '')}_{name}"
        if any(one["name"] == full for one in self._of(application).values()):
            raise bad_request("An extension property exists with the name.")
        record: dict[str, object] = {
            "id": str(self._new_id()),
            "deletedDateTime": None,
            "appDisplayName": owner["displayName"],
            "dataType": body["dataType"],
            "isMultiValued": body.get("isMultiValued") is True,
            "isSyncedFromOnPremises": False,
            "name": full,
            "targetObjects": objects,
        }
        self._store.add("extension_properties", {**record, "application": owner["id"]})
        return self._made(request, EXTENSION_PROPERTY, record)

    def remove(self, _request: GraphRequest, application: str, identifier: str) -> GraphAnswer:
        """``DELETE applications/{id}/extensionProperties/{id}``: the values on groups are gone with it."""
        found = self._of(application).get(identifier.lower())
        if found is None:
            raise object_not_found(identifier)
        forget_property(self._store, found)
        return GraphAnswer(204, {})

    def _of(self, application: str) -> dict[str, Record]:
        owner = self._reader.find(APPLICATIONS, application)["id"]
        return {
            key: one for key, one in self._store.table("extension_properties").items() if one["application"] == owner
        }

    def _made(self, request: GraphRequest, kind: ResourceType, record: Mapping[str, object]) -> GraphAnswer:
        if kind is not EXTENSION_PROPERTY:
            self._store.set_owners(str(record["id"]), (request.caller.owner,))
        query = parse_query({}, (kind,), SINGLE, version=request.version, eventual=False)
        where = f"{request.root}/$metadata#{kind.collection}/$entity"
        return json_answer({"@odata.context": where, **project(kind, record, query, single=True)}, status=201)


def _body(request: GraphRequest, kind: ResourceType) -> dict[str, object]:
    body = json_body(request, kind.declared(request.version))
    check_values(body, kind.declared(request.version), request.version)
    return body


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
