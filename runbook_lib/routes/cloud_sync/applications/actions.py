"""What makes a Cloud Sync configuration and what removes it: actions whose ids are known only when they are done. Pure.

Sources: Microsoft Graph documentation, "applicationTemplate: instantiate" (not idempotent: each call makes another
application), "Create synchronizationJob" (made disabled, with the default schema of its template), "Delete
synchronizationJob", "Delete application"; Microsoft Entra documentation, "Attribute mapping - Microsoft Entra ID to
Active Directory" (the default mapping).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.cloud_sync.configuration import Document, expressions_of
from runbook_lib.model.change import ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import digest, is_guid
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.routes.cloud_sync.actions import Action, secrets_digest


@dataclass(frozen=True, slots=True)
class CreateConfiguration(Action):
    """An application, with its service principal, is made of the template for groups."""

    template: str
    display_name: str
    name = "create-configuration"
    kinds = frozenset({ChangeKind.CREATE_CONFIGURATION})
    may_say = frozenset({"application", "app_id"})

    def as_json(self) -> dict[str, object]:
        """Template and name."""
        return {"template": self.template, "display_name": self.display_name}

    def summary(self) -> Text:
        """In a few words."""
        return t("a configuration is made: {name}", name=self.display_name)

    def differences(self) -> tuple[ValueDifference, ...]:
        """Its name."""
        return (ValueDifference("configuration", (), (self.display_name,)),)

    def beyond_replaced(self, said: object) -> Text:
        """The service principals of that name that were there before: a list of ids, and nothing else."""
        rows = said if isinstance(said, list) else [{}]
        fits = all(isinstance(row, dict) and row.keys() == {"id"} and is_guid(row["id"]) for row in rows)
        return NOTHING if fits else t("it says otherwise than by ids what was there before")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """Ids that are none."""
        del group_id, members
        return (
            NOTHING
            if all(is_guid(said[key]) for key in self.may_say & said.keys())
            else t("it names an id that is none")
        )


@dataclass(frozen=True, slots=True)
class CreateJob(Action):
    """The service principal of a configuration gets its job, which does not run yet."""

    template: str
    name = "create-job"
    kinds = frozenset({ChangeKind.CREATE_JOB})
    may_say = frozenset({"job_id"})

    def as_json(self) -> dict[str, object]:
        """The job's template."""
        return {"template": self.template}

    def summary(self) -> Text:
        """In a few words."""
        return t("its job is made: {template}", template=self.template)

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """A job of another template."""
        del group_id, members
        right = str(said.get("job_id", self.template)).startswith(self.template)
        return NOTHING if right else t("it names a job of another template than its plan")


@dataclass(frozen=True, slots=True)
class MapNewJob(Action):
    """A job that was just made gets the mapping of the plan, if its default mapping is the one that was assumed.

    Attributes:
        assumed: Target attribute, lower case, to the expression that Microsoft documents as the default; empty: not
            mapped by default.
        desired: Target attribute to the expression that it shall have instead.
    """

    assumed: Mapping[str, str]
    desired: Mapping[str, str]
    name = "map-new-job"
    kinds = frozenset({ChangeKind.MAP})
    may_say = frozenset({"schema_replaced"})

    def as_json(self) -> dict[str, object]:
        """Both."""
        return {"assumed": dict(self.assumed), "desired": dict(self.desired)}

    def summary(self) -> Text:
        """In a few words."""
        if not self.desired:
            return t("its default mapping is checked")
        return t("its mapping is set: {names}", names=", ".join(sorted(self.desired)))

    def differences(self) -> tuple[ValueDifference, ...]:
        """Expressions that the job is assumed to have, and those that it gets."""
        return tuple(
            ValueDifference(name, (text,) if (text := self.assumed.get(name.casefold(), "")) else (), (new,))
            for name, new in sorted(self.desired.items())
        )


@dataclass(frozen=True, slots=True)
class RestoreSchema(Action):
    """A job that was just made gets the schema of one that was removed."""

    after: Document
    name = "restore-schema"
    kinds = frozenset({ChangeKind.MAP})
    may_say = frozenset({"schema_replaced"})

    def as_json(self) -> dict[str, object]:
        """The schema, whole."""
        return {"after": dict(self.after)}

    def identity(self) -> Mapping[str, object]:
        """By its digest."""
        return {"action": self.name, "after": digest(dict(self.after))}

    def summary(self) -> Text:
        """In a few words."""
        return t("its mapping is that of the job that was removed")

    def differences(self) -> tuple[ValueDifference, ...]:
        """Its expressions."""
        return tuple(ValueDifference(name, (), (text,)) for name, text in sorted(expressions_of(self.after).items()))


@dataclass(frozen=True, slots=True)
class RemoveJob(Action):
    """The job of a configuration is deleted.

    Attributes:
        schema: Its schema, whole.
        secrets: The settings of its configuration, as far as they could be read back.
        running: Whether it runs when the plan is made.
    """

    schema: Document
    secrets: tuple[Document, ...]
    running: bool
    name = "remove-job"
    kinds = frozenset({ChangeKind.REMOVE_JOB})
    may_say = frozenset({"removed"})

    def as_json(self) -> dict[str, object]:
        """Everything that brings it back."""
        return {
            "schema": dict(self.schema),
            "secrets": [dict(row) for row in self.secrets],
            "running": self.running,
        }

    def identity(self) -> Mapping[str, object]:
        """Documents by their digests."""
        schema, secrets = digest(dict(self.schema)), secrets_digest(self.secrets)
        return {"action": self.name, "schema": schema, "secrets": secrets, "running": self.running}

    def summary(self) -> Text:
        """In a few words."""
        return t("its job is deleted")

    def replaced(self) -> object:
        """Schema, settings and state."""
        return self.as_json()


@dataclass(frozen=True, slots=True)
class RemoveConfiguration(Action):
    """The application of a configuration is deleted, its service principal with it.

    Attributes:
        application: Id of the application; empty: the tenant has only the service principal, which is deleted then.
        template: The template that it was made of.
        display_name: Its name.
        role_id: The role of selected groups.
        assignments: Ids of what is assigned in that role, sorted.
    """

    application: str
    template: str
    display_name: str
    role_id: str
    assignments: tuple[str, ...]
    name = "remove-configuration"
    kinds = frozenset({ChangeKind.REMOVE_CONFIGURATION})
    may_say = frozenset({"removed"})

    def as_json(self) -> dict[str, object]:
        """Everything that brings it back."""
        return {
            "application": self.application,
            "template": self.template,
            "display_name": self.display_name,
            "role_id": self.role_id,
            "assignments": list(self.assignments),
        }

    def summary(self) -> Text:
        """In a few words."""
        return t("the configuration is deleted, with {groups} in scope", groups=counted(len(self.assignments), "group"))

    def differences(self) -> tuple[ValueDifference, ...]:
        """Its name."""
        return (ValueDifference("configuration", (self.display_name,), ()),)

    def replaced(self) -> object:
        """Name, template and assignments."""
        return self.as_json()
