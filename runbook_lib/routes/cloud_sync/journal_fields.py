"""What a journal says before and after a request of the route cloud-sync, for strict reading."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from runbook_lib.change.route import Fields


class OwnerValueFields(Fields):
    """One attribute of an AD object that changes hands, with what is taken away and what is added."""

    name: str = Field(description="Name of the AD attribute")
    removed: list[str] = Field(description="Values that leave")
    added: list[str] = Field(description="Values that enter")


class IntentFields(Fields):
    """What a journal says before a request: which, with what was there until then where Graph replaces the whole."""

    action: str = Field(description="Which action")
    members: list[str] = Field(default_factory=list, description="Ids of members of the group that are tried with it")
    before: dict[str, Any] | list[dict[str, Any]] | None = Field(
        default=None, description="What was there until then, where Graph replaces the whole; null: nothing is replaced"
    )


class EffectFields(Fields):
    """What a journal says after a request: what really changed, and Graph's ids of the request."""

    assignment_id: str = Field(default="", description="Id of the assignment that was made")
    unassigned: str = Field(default="", description="Group whose assignment was ended")
    schema_replaced: bool = Field(default=False, description="Whether the schema was replaced")
    secrets_replaced: bool = Field(default=False, description="Whether the settings were replaced")
    running: bool | None = Field(default=None, description="Whether the job runs now")
    provisioned: list[str] | None = Field(default=None, description="Ids of the members that were tried")
    owner_values: list[OwnerValueFields] | None = Field(
        default=None, description="Values of the AD object that say whose it is: those that left, those that entered"
    )
    application: str = Field(default="", description="Object id of the application that was made")
    app_id: str = Field(default="", description="Application (client) id of it")
    job_id: str = Field(default="", description="Id of the job that was made")
    cloud_managed: bool | None = Field(default=None, description="Whether the cloud decides about the group now")
    group_type: list[int] | None = Field(default=None, description="groupType of the AD object, before and after")
    made: str = Field(default="", description="Id of what was made")
    removed: str = Field(default="", description="Id of what was removed")
    mapped: bool | None = Field(default=None, description="Whether the attribute is mapped")
    request_id: str = Field(default="", description="Id of the request, as Microsoft Graph gave it")
