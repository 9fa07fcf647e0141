"""The steps that make a configuration and remove one.

The ids of what is made are not known when it is planned. The step that makes it tells the others of its run, and the
journal tells those of a later run. Making an application twice makes two, so before one is made again every service
principal of that template and name is looked at that was not there before the first try.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.change.step import Effect, LiveState, Look
from runbook_lib.cloud_sync.configuration import (
    expressions_of,
    require_known_attributes,
    secrets_of,
    with_mappings,
)
from runbook_lib.cloud_sync.default_mapping import differing
from runbook_lib.errors import WriteUnanswered
from runbook_lib.graph.errors import GraphContradicts, GraphNotFound
from runbook_lib.graph.rows import object_of, text_of
from runbook_lib.graph.tenant.applications import (
    INSTANTIATE,
    USABLE_AFTER,
    Application,
    appeared_since,
    made_of_template,
    read_application,
    selecting_role,
    usable_jobs,
)
from runbook_lib.graph.tenant.cloud_sync import TO_AD
from runbook_lib.graph.tenant.configuration import ConfigurationAddress, parse_expression, read_assignments
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.ids import is_guid, lower_guid
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.actions import schema_digest, secrets_digest
from runbook_lib.routes.cloud_sync.applications.actions import (
    CreateConfiguration,
    CreateJob,
    MapNewJob,
    RemoveConfiguration,
    RemoveJob,
    RestoreSchema,
)
from runbook_lib.routes.cloud_sync.steps import RequestStep


class CreateConfigurationStep(RequestStep[CreateConfiguration]):
    """An application of the template for groups, with its service principal."""

    _known: tuple[str, ...] = ()
    """Service principals of that template and name that were there before the first try."""
    _found: Application | None = None

    def recall(self, effect: Effect) -> None:
        """The configuration that an earlier run made."""
        self.context.service_principal = effect.object_id

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether one appeared since it was begun; one that was there before is not ours."""
        client, name = self.context.client, self.action.display_name
        if begun is None:
            self._known = tuple(one.service_principal for one in made_of_template(client, name))
            return Look(LiveState.BEFORE)
        self._known = tuple(str(row["id"]) for row in begun["before"] or ())
        new = appeared_since(client, name, self._known, self.context.sleep)
        if len(new) > 1:
            ids = ", ".join(one.service_principal for one in new)
            seen = t("{count} configurations of that name were made: {ids}", count=len(new), ids=ids)
            return Look(LiveState.OTHER, seen)
        if not new:
            return Look(LiveState.BEFORE)
        self._found = read_application(client, new[0].service_principal)
        self.context.service_principal = self._found.service_principal
        return Look(LiveState.AFTER)

    def intent(self) -> Mapping[str, object]:
        """With what was there before it was tried for the first time: whatever else is there later is ours."""
        return {**self.request.intent(), "before": [{"id": one} for one in self._known]}

    def write(self) -> GraphWrite:
        """Instantiate the template."""
        return GraphWrite("POST", INSTANTIATE, {"displayName": self.action.display_name})

    def send(self) -> None:
        """Send it, once."""
        self.take(self.context.client.writer.write(self.write(), "beta"))

    def take(self, answer: Written) -> None:
        """The ids of both objects.

        Raises:
            WriteUnanswered: The answer does not hold them: what was made is looked up.
        """
        super().take(answer)
        body = answer.body or {}
        principal, application = object_of(body, "servicePrincipal"), object_of(body, "application")
        made = text_of(principal, "id") or text_of(principal, "objectId") or ""
        if not is_guid(made):
            raise WriteUnanswered(
                t("Microsoft Graph made an application and does not say which."),
                code="graph-unexpected-answer",
                hint=t("Look at what is there before it is written again."),
            )
        self._found = Application(
            service_principal=lower_guid(made),
            app_id=text_of(application, "appId") or "",
            object_id=text_of(application, "id") or text_of(application, "objectId") or "",
            template=self.action.template,
            name=self.action.display_name,
        )
        self.context.service_principal = self._found.service_principal

    def changed(self) -> Mapping[str, object]:
        """The ids of the application; that of the service principal is the object's."""
        found = self._found
        ids = {"application": found.object_id, "app_id": found.app_id} if found else {}
        return {name: one for name, one in ids.items() if is_guid(one)}


class CreateJobStep(RequestStep[CreateJob]):
    """The job of the configuration, when its service principal can be used."""

    def recall(self, effect: Effect) -> None:
        """The job that an earlier run made, or found."""
        self.context.job_id = str(effect.data.get("job_id") or "") or next(iter(self._present()), "")

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it has one."""
        del begun
        found = self._present()
        if len(found) > 1:
            return Look(LiveState.OTHER, t("it has {count} jobs of this template, not one", count=len(found)))
        if not selecting_role(self.context.client, self.context.service_principal):
            return Look(LiveState.OTHER, t("it has none of the documented app roles that select groups"))
        if found:
            self.context.job_id = found[0]
        return Look(LiveState.AFTER if found else LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """Create it."""
        path = f"/servicePrincipals/{self.context.service_principal}/synchronization/jobs"
        return GraphWrite("POST", path, {"templateId": self.action.template})

    def send(self) -> None:
        """Send it; where Graph does not know the service principal yet, nothing was done, so it is tried again."""
        for pause in (*USABLE_AFTER, None):
            try:
                super().send()
            except GraphContradicts as error:
                if error.values.get("status") != 404 or pause is None:
                    raise
                self.context.sleep(pause)
            else:
                return

    def take(self, answer: Written) -> None:
        """Its id.

        Raises:
            WriteUnanswered: The answer does not hold it: what was made is looked up.
        """
        super().take(answer)
        made = text_of(answer.body or {}, "id")
        if not made:
            raise WriteUnanswered(
                t("Microsoft Graph made a job and does not say which."),
                code="graph-unexpected-answer",
                hint=t("Look at what is there before it is written again."),
            )
        self.context.job_id = made

    def changed(self) -> Mapping[str, object]:
        """The job."""
        return {"job_id": self.context.job_id}

    def _present(self) -> list[str]:
        """Ids of the jobs of this template."""
        rows = usable_jobs(self.context.client, self.context.service_principal, self.context.sleep)
        return [text_of(row, "id") or "" for row in rows if text_of(row, "templateId") == self.action.template]


class MapNewJobStep(RequestStep[MapNewJob]):
    """The mapping of a job that was just made, if it began with the one that the plan was made from."""

    _schema: Mapping[str, Any] = {}
    """As it was looked at last."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is mapped as desired, or as was assumed."""
        del begun
        self._schema = self.context.client.get(self.context.address.schema)
        others = differing(self._schema, self.action.assumed, self.action.desired)
        if others:
            what = "; ".join(printable(one, limit=200) for one in others)
            return Look(LiveState.OTHER, t("a new job is mapped otherwise than Microsoft documents: {what}", what=what))
        present = expressions_of(self._schema)
        set_already = all(present.get(name.casefold()) == text for name, text in self.action.desired.items())
        return Look(LiveState.AFTER if set_already else LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """The schema that it has, with what is desired."""
        client, address = self.context.client, self.context.address
        require_known_attributes(self._schema, self.action.desired)
        sources = {name: parse_expression(client, address, text) for name, text in self.action.desired.items()}
        return GraphWrite("PUT", address.schema, with_mappings(self._schema, sources))

    def changed(self) -> Mapping[str, object]:
        """That it is another one."""
        return {"schema_replaced": True}


class RestoreSchemaStep(RequestStep[RestoreSchema]):
    """The schema of a job that was removed, in the place of the default one of its successor."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is there; a job that was just made has another one, which nobody decided."""
        del begun
        present = schema_digest({**self.context.client.get(self.context.address.schema), "id": ""})
        return Look(LiveState.AFTER if present == schema_digest({**self.action.after, "id": ""}) else LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """The schema as it was, under the id of the job that has it now."""
        after = {key: value for key, value in self.action.after.items() if not key.startswith("@odata.")}
        return GraphWrite("PUT", self.context.address.schema, {**after, "id": self.context.job_id})

    def changed(self) -> Mapping[str, object]:
        """That it is another one."""
        return {"schema_replaced": True}


class RemoveJobStep(RequestStep[RemoveJob]):
    """The job of a configuration, if it still is what was backed up."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is there, as it was planned."""
        del begun
        client, address = self.context.client, self.context.address
        try:
            schema = client.get(address.schema)
        except GraphNotFound:
            return self._without_schema()
        if schema_digest(schema) != schema_digest(self.action.schema):
            return Look(LiveState.OTHER, t("somebody else changed the schema of the configuration"))
        kept = secrets_of(client.get(address.secrets), known_only=True)
        if secrets_digest(kept) != secrets_digest(self.action.secrets):
            return Look(LiveState.OTHER, t("somebody else changed the settings of the configuration"))
        return Look(LiveState.BEFORE)

    def _without_schema(self) -> Look:
        """One answer that something is not there is not enough: the list of jobs has to say the same."""
        client, principal = self.context.client, f"/servicePrincipals/{self.context.service_principal}"
        try:
            jobs = {text_of(row, "id") for row in client.listing(f"{principal}/synchronization/jobs").rows}
        except GraphNotFound:
            try:
                client.get(principal, {"$select": "id"})
            except GraphNotFound:
                return Look(LiveState.AFTER)
            return Look(LiveState.OTHER, t("Graph finds its service principal and no list of its jobs"))
        if self.context.job_id in jobs:
            return Look(LiveState.OTHER, t("Graph lists the job and does not find its schema"))
        return Look(LiveState.AFTER)

    def write(self) -> GraphWrite:
        """Delete it."""
        return GraphWrite("DELETE", self.context.address.job)

    def changed(self) -> Mapping[str, object]:
        """The job."""
        return {"removed": self.context.job_id}


class RemoveConfigurationStep(RequestStep[RemoveConfiguration]):
    """The application of a configuration, if nothing else came into its scope."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is there, with the assignments that are backed up."""
        del begun
        client, address = self.context.client, ConfigurationAddress(self.context.service_principal, "")
        try:
            row = client.get(self._path, {"$select": "id,applicationTemplateId"})
        except GraphNotFound:
            return self._looked_up()
        if self.action.application and not self._is_its_own(row):
            return Look(LiveState.OTHER, t("the application of its plan belongs to something else"))
        try:
            assigned = read_assignments(client, address, self.action.role_id)
        except GraphNotFound:
            return Look(LiveState.BEFORE)  # the application outlived its service principal
        if not assigned.keys() <= set(self.action.assignments):
            return Look(LiveState.OTHER, t("something else came into its scope"))
        return Look(LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """Delete it; Microsoft Entra keeps it for 30 days."""
        return GraphWrite("DELETE", self._path)

    def changed(self) -> Mapping[str, object]:
        """What was deleted."""
        return {"removed": self._path.rpartition("/")[2]}

    def _looked_up(self) -> Look:
        """One answer that something is not there is not enough: what belongs to it has to be gone, or know of none."""
        client, principal = self.context.client, self.context.service_principal
        still = t("Graph does not find it under its id and finds it otherwise")
        if self.action.application:
            try:
                found = read_application(client, principal).object_id
            except GraphNotFound:
                return Look(LiveState.AFTER)
            return Look(LiveState.OTHER, still) if found == self.action.application else Look(LiveState.AFTER)
        listed = {one.service_principal for one in made_of_template(client, self.action.display_name)}
        return Look(LiveState.OTHER, still) if principal in listed else Look(LiveState.AFTER)

    def _is_its_own(self, row: Mapping[str, Any]) -> bool:
        """Whether the application belongs to the configuration; one that is gone in part is known by its template."""
        try:
            own = read_application(self.context.client, self.context.service_principal).object_id
        except GraphNotFound:
            own = ""
        return own == self.action.application if own else (text_of(row, "applicationTemplateId") or "").lower() == TO_AD

    @property
    def _path(self) -> str:
        if self.action.application:
            return f"/applications/{self.action.application}"
        return f"/servicePrincipals/{self.context.service_principal}"
