"""Microsoft Graph's resources: the table of what the rehearsal answers, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from rehearsal.cloud import permissions as may
from rehearsal.cloud.bodies import json_body
from rehearsal.cloud.configurations import APPLICATIONS, SERVICE_PRINCIPALS, Configurations
from rehearsal.cloud.delta import Deltas
from rehearsal.cloud.entitlements import PATH as CATALOGS
from rehearsal.cloud.entitlements import Entitlements
from rehearsal.cloud.errors import bad_request
from rehearsal.cloud.extensions import Extensions
from rehearsal.cloud.group_writes import GroupWriter
from rehearsal.cloud.hybrid import Hybrid
from rehearsal.cloud.job_documents import JobDocuments
from rehearsal.cloud.jobs import Jobs
from rehearsal.cloud.messages import GraphAnswer, GraphRequest
from rehearsal.cloud.metadata import csdl, parameters
from rehearsal.cloud.on_demand import NoAgents, Provisioner
from rehearsal.cloud.paging import Pages, Seal
from rehearsal.cloud.query import Capabilities, spelled_options
from rehearsal.cloud.reading import DELETED_GROUPS, GROUPS, USERS, Collection, Reader
from rehearsal.cloud.resources import (
    ASSIGNMENT,
    DOMAIN,
    GROUP,
    JOB,
    ORGANIZATION,
    PROVISIONING,
    SUBSCRIBED_SKU,
    TEMPLATE,
    USER,
)
from rehearsal.cloud.routing import Handler, Route, Routes
from rehearsal.cloud.settings import GroupSettings
from rehearsal.cloud.store import CloudStore

LARGEST_IDS = 1000
"""Ids in one getByIds request."""
_PROVISIONING_LIST = Capabilities(
    frozenset({"$select", "$filter", "$orderby", "$top", "$skiptoken"}),
    page=1000,
    largest=1000,
    operators=frozenset({"eq", "gt", "lt", "contains"}),
    advanced=False,
)
_PLAIN = (
    (Collection(ORGANIZATION, "organization"), may.READ_ORGANIZATION),
    (Collection(DOMAIN, "domains"), may.READ_DOMAINS),
    (Collection(SUBSCRIBED_SKU, "skus"), may.READ_LICENCES),
    (SERVICE_PRINCIPALS, may.READ_APPLICATIONS),
    (APPLICATIONS, may.READ_APPLICATIONS),
)


class Graph:
    """Finds what answers a request, from a ``CloudStore``; ``provisioner`` writes to AD on demand (None: nothing)."""

    def __init__(self, store: CloudStore, provisioner: Provisioner | None = None) -> None:
        seal = Seal()
        self._store = store
        self._reader = Reader(store, Pages(seal))
        self._writer = GroupWriter(store, self._reader)
        self._settings = GroupSettings(store, self._reader)
        self._hybrid = Hybrid(store, self._reader)
        self._configurations = Configurations(store, self._reader)
        self._jobs = Jobs(store, self._reader, provisioner or NoAgents())
        self._job_documents = JobDocuments(store, self._reader, self._jobs)
        self._extensions = Extensions(store, self._reader)
        self._entitlements = Entitlements(store)
        self._group_deltas = Deltas(GROUP, store, seal)
        self._user_deltas = Deltas(USER, store, seal)
        self._routes = Routes(self.table())

    def spelled(self, request: GraphRequest) -> GraphRequest:
        """The request with path and options in Microsoft's spelling.

        Raises:
            GraphError: 400 for an option that is there twice.
        """
        return replace(
            request, segments=self._routes.spelled(request.segments), options=spelled_options(request.options)
        )

    def find(self, request: GraphRequest) -> tuple[Route, tuple[str, ...]]:
        """The route of a request and what stands for the braces of its template.

        Raises:
            GraphError: 400, 405 or 501.
        """
        return self._routes.find(request)

    def owns(self, owner_id: str, object_id: str) -> bool:
        """Whether a user owns a group, or a user or an application (by ``Caller.owner``) a service principal."""
        return owner_id in self._store.owners(object_id.lower())

    def table(self) -> Iterator[tuple[str, Route]]:
        """Every route with its method."""
        for rows in (
            self._general(),
            self._principals(),
            self._groups(),
            self._deleted(),
            self._setting_rows(),
            self._hybrid_rows(),
            self._application_rows(),
            self._job_rows(),
        ):
            yield from rows

    def _general(self) -> Iterator[tuple[str, Route]]:
        yield "GET", Route("$metadata", _metadata)
        for collection, accepted in _PLAIN:
            yield from _reads(collection.kind.collection, accepted, self._reader, collection)
        rows = Collection(PROVISIONING, "provisioning", _PROVISIONING_LIST)
        yield "GET", Route("auditLogs/provisioning", partial(self._reader.page, rows), may.READ_PROVISIONING)
        yield "GET", Route(CATALOGS, self._entitlements.catalogs, may.READ_CATALOGS)
        yield "GET", Route(f"{CATALOGS}/{{id}}/resources", self._entitlements.resources, may.READ_CATALOGS)
        yield "GET", Route("directoryObjects/{id}", self._reader.directory_object, may.READ_BY_IDS)
        yield "POST", Route("directoryObjects/getByIds", self._by_ids, may.READ_BY_IDS)

    def _principals(self) -> Iterator[tuple[str, Route]]:
        yield from _reads("users", may.READ_USERS, self._reader, USERS)
        yield "GET", Route("users/delta", self._user_deltas.answer, may.READ_USERS)
        yield "GET", Route("users/$count", partial(self._reader.count, USERS), may.READ_USERS)
        yield "GET", Route("servicePrincipals/$count", self._count_service_principals, may.READ_APPLICATIONS)
        for relation in ("memberOf", "transitiveMemberOf"):
            yield from self._relation(USERS, "users/{id}", relation, may.READ_USERS)

    def _groups(self) -> Iterator[tuple[str, Route]]:
        writer = self._writer
        yield from _reads("groups", may.READ_GROUPS, self._reader, GROUPS)
        yield "GET", Route("groups/$count", partial(self._reader.count, GROUPS), may.READ_GROUPS)
        yield "GET", Route("groups/delta", self._group_deltas.answer, may.READ_GROUPS)
        yield "POST", Route("groups", writer.create, may.CREATE_GROUPS)
        yield "PATCH", Route("groups/{id}", writer.change, may.WRITE_GROUPS)
        yield "DELETE", Route("groups/{id}", writer.delete, may.WRITE_GROUPS)
        for relation in ("members", "owners", "transitiveMembers", "memberOf", "transitiveMemberOf"):
            yield from self._relation(GROUPS, "groups/{id}", relation, may.READ_GROUPS)
        for relation, accepted in (("members", may.WRITE_MEMBERS), ("owners", may.WRITE_GROUPS)):
            path = f"groups/{{id}}/{relation}"
            yield "GET", Route(f"{path}/$ref", partial(self._reader.references, relation), may.READ_GROUPS)
            yield "POST", Route(f"{path}/$ref", partial(writer.add, relation), accepted)
            yield "DELETE", Route(f"{path}/{{member}}/$ref", partial(writer.remove, relation), accepted)

    def _relation(
        self, collection: Collection, path: str, relation: str, accepted: frozenset[str]
    ) -> Iterator[tuple[str, Route]]:
        related = partial(self._reader.related, collection, relation)
        count = partial(self._reader.count_related, collection, relation)
        for cast in ("", "/{cast}"):
            yield "GET", Route(f"{path}/{relation}{cast}", related, accepted)
            yield "GET", Route(f"{path}/{relation}{cast}/$count", count, accepted)

    def _deleted(self) -> Iterator[tuple[str, Route]]:
        path = "directory/deletedItems"
        cast, item = f"{path}/microsoft.graph.group", f"{path}/{{id}}"
        yield "GET", Route(cast, partial(self._reader.page, DELETED_GROUPS), may.READ_DELETED_GROUPS)
        yield "GET", Route(f"{cast}/$count", partial(self._reader.count, DELETED_GROUPS), may.READ_DELETED_GROUPS)
        single = partial(self._reader.get, DELETED_GROUPS)
        for template in (f"{cast}/{{id}}", f"{item}/microsoft.graph.group"):
            yield "GET", Route(template, single, may.READ_DELETED_GROUPS)
        yield "GET", Route(item, self._reader.deleted_item, may.READ_DELETED_GROUPS)
        yield "DELETE", Route(item, self._writer.purge, may.WRITE_GROUPS)
        yield "POST", Route(f"{item}/restore", self._writer.restore, may.WRITE_GROUPS)

    def _setting_rows(self) -> Iterator[tuple[str, Route]]:
        settings = self._settings
        for path in ("groupSettings", "settings"):
            yield "GET", Route(path, settings.list, may.READ_SETTINGS)
            yield "POST", Route(path, settings.create, may.WRITE_SETTINGS)
            yield "GET", Route(f"{path}/{{id}}", settings.get, may.READ_SETTINGS)
            yield "PATCH", Route(f"{path}/{{id}}", settings.change, may.WRITE_SETTINGS)
            yield "DELETE", Route(f"{path}/{{id}}", settings.delete, may.WRITE_SETTINGS)
        for path in ("groupSettingTemplates", "directorySettingTemplates"):
            yield "GET", Route(path, settings.templates, may.READ_SETTINGS)
            yield "GET", Route(f"{path}/{{id}}", settings.template, may.READ_SETTINGS)

    def _hybrid_rows(self) -> Iterator[tuple[str, Route]]:
        path, hybrid = "directory/onPremisesSynchronization", self._hybrid
        # The documentation names no application permission for the read: app-only tokens are refused.
        yield "GET", Route(path, hybrid.list, may.READ_SYNCHRONIZATION, people_only=True)
        yield "GET", Route(f"{path}/{{id}}", hybrid.get, may.READ_SYNCHRONIZATION, people_only=True)
        yield "PATCH", Route(f"{path}/{{id}}", hybrid.change, may.WRITE_SYNCHRONIZATION, people_only=True)
        yield "GET", Route("onPremisesPublishingProfiles/{id}", hybrid.agents, may.READ_AGENTS, people_only=True)
        path = "groups/{id}/onPremisesSyncBehavior"
        yield "GET", Route(path, hybrid.behavior, may.BEHAVIOR)
        yield "PATCH", Route(path, hybrid.convert, may.BEHAVIOR)

    def _application_rows(self) -> Iterator[tuple[str, Route]]:
        made = self._configurations
        yield "GET", Route("applicationTemplates/{id}", made.template)
        yield "POST", Route("applicationTemplates/{id}/instantiate", made.instantiate, may.MAKE_APPLICATIONS)
        yield "DELETE", Route("applications/{id}", made.remove_application, may.REMOVE_APPLICATIONS)
        for kind in (APPLICATIONS, SERVICE_PRINCIPALS):
            path = f"{kind.kind.collection}/{{id}}/owners"
            yield "GET", Route(path, partial(made.owners, kind), may.READ_APPLICATIONS)
        own, path = self._extensions, "applications/{id}/extensionProperties"
        yield "POST", Route("applications", own.create_application, may.MAKE_APPLICATIONS)
        yield "POST", Route("servicePrincipals", own.create_principal, may.MAKE_APPLICATIONS)
        yield "GET", Route(path, own.list, may.READ_EXTENSIONS)
        yield "POST", Route(path, own.create, may.MAKE_APPLICATIONS)
        yield "DELETE", Route(f"{path}/{{property}}", own.remove, may.MAKE_APPLICATIONS)
        path = "servicePrincipals/{id}"
        yield "DELETE", Route(path, made.remove, may.REMOVE_APPLICATIONS)
        path = f"{path}/appRoleAssignedTo"
        yield "GET", Route(path, partial(self._jobs.list, ASSIGNMENT), may.READ_APPLICATIONS)
        yield "POST", Route(path, made.assign, may.ASSIGN, also=may.ALSO_TO_ASSIGN)
        yield "DELETE", Route(f"{path}/{{assignment}}", made.unassign, may.ASSIGN)

    def _job_rows(self) -> Iterator[tuple[str, Route]]:
        jobs, told, path = self._jobs, self._job_documents, "servicePrincipals/{id}/synchronization"
        for kind, name in ((JOB, "jobs"), (TEMPLATE, "templates")):
            item = f"{path}/{name}/{{job}}"
            yield "GET", Route(f"{path}/{name}", partial(jobs.list, kind), may.READ_JOBS)
            yield "GET", Route(item, partial(jobs.get, kind), may.READ_JOBS)
            yield "GET", Route(f"{item}/schema", partial(jobs.schema, kind), may.READ_JOBS)
            parse = partial(told.parse_expression, kind)
            yield "POST", Route(f"{item}/schema/parseExpression", parse, may.WRITE_JOBS)
        yield "POST", Route(f"{path}/jobs", jobs.create, may.WRITE_JOBS)
        yield "DELETE", Route(f"{path}/jobs/{{job}}", jobs.remove, may.WRITE_JOBS)
        yield "PUT", Route(f"{path}/jobs/{{job}}/schema", told.replace_schema, may.WRITE_JOBS)
        yield "GET", Route(f"{path}/secrets", told.secrets, may.WRITE_JOBS)
        yield "PUT", Route(f"{path}/secrets", told.replace_secrets, may.WRITE_JOBS)
        actions: dict[str, Handler] = {
            "start": jobs.start,
            "pause": jobs.pause,
            "restart": jobs.restart,
            "validateCredentials": told.validate,
            "provisionOnDemand": jobs.provision,
        }
        for name, handler in actions.items():
            yield "POST", Route(f"{path}/jobs/{{job}}/{name}", handler, may.WRITE_JOBS)

    def _by_ids(self, request: GraphRequest) -> GraphAnswer:
        body = json_body(request, parameters("getByIds", request.version))
        ids, kinds = body.get("ids"), body.get("types") or []
        if (
            not isinstance(ids, list)
            or not all(isinstance(one, str) for one in ids)
            or not 1 <= len(ids) <= LARGEST_IDS
        ):
            raise bad_request(f"'ids' is a list of 1 to {LARGEST_IDS} ids.")
        if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
            raise bad_request("'types' is a list of type names.")
        wanted = frozenset(kind.casefold() for kind in kinds)
        return self._reader.by_ids(request, ids, frozenset() if "directoryobject" in wanted else wanted)

    def _count_service_principals(self, request: GraphRequest) -> GraphAnswer:
        return self._reader.count(SERVICE_PRINCIPALS, request)


def _reads(path: str, accepted: frozenset[str], reader: Reader, collection: Collection) -> Iterator[tuple[str, Route]]:
    yield "GET", Route(path, partial(reader.page, collection), accepted)
    yield "GET", Route(f"{path}/{{id}}", partial(reader.get, collection), accepted)


def _metadata(request: GraphRequest) -> GraphAnswer:
    return GraphAnswer(200, {"Content-Type": "application/xml"}, csdl(request.version))
