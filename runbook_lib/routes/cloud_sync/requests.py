"""A change as the requests to Graph that carry it out, in order, and what a journal may say of each. Pure.

How that stands in a journal, for strict reading, is below; targets and payloads stand in ``files``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import Field

from runbook_lib.bulk import in_parts
from runbook_lib.change.route import Fields
from runbook_lib.change.step import Effect
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import NO_GROUP, is_guid
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.cloud_sync.payload import CloudSyncChange

MEMBERS_AT_ONCE = 5
"""Members of one on-demand call (Microsoft Graph documentation, "synchronizationJob: provisionOnDemand")."""
GROUPS_AT_ONCE = 20
"""Requests of one batch ("Combine multiple HTTP requests using JSON batching")."""
ORDER = (
    ChangeKind.CREATE_CONFIGURATION,
    ChangeKind.CREATE_JOB,
    ChangeKind.PAUSE,
    ChangeKind.SETTINGS,
    ChangeKind.EXTENSION,
    ChangeKind.MAP_GROUP_DN,
    ChangeKind.MAKE_UNIVERSAL,
    ChangeKind.ROLL_BACK,
    ChangeKind.MAP,
    ChangeKind.UNASSIGN,
    ChangeKind.MARK,
    ChangeKind.UNANCHOR,
    ChangeKind.ANCHOR,
    ChangeKind.ASSIGN,
    ChangeKind.ADOPT,
    ChangeKind.PROVISION,
    ChangeKind.UNMARK,
    ChangeKind.START,
    ChangeKind.CONVERT,
    ChangeKind.RESTORE_SCOPE,
    ChangeKind.UNMAP_GROUP_DN,
    ChangeKind.REMOVE_EXTENSION,
    ChangeKind.REMOVE_JOB,
    ChangeKind.REMOVE_CONFIGURATION,
)
"""What is made comes first, what is removed last; a job is paused before and started after everything else; the mapping
is right before a group comes into scope; an AD object that changes hands is never without an owner.

The mapping keeps OU and name before a group is converted, and as long as it is; a group is universal as long as Cloud
Sync can write to it.
"""
_TOGETHER = frozenset({ChangeKind.ASSIGN, ChangeKind.UNASSIGN, ChangeKind.CONVERT, ChangeKind.ROLL_BACK})
"""Kinds of which several requests may be under way at the same time, where their actions have one place."""
_TRIED_FIRST = (ChangeKind.ANCHOR, ChangeKind.ASSIGN, ChangeKind.ADOPT)
"""What is done to the group that is tried first, before anything of the kind is done to another."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a change; a ``PlannedStep`` of the route cloud-sync.

    Attributes:
        id: ``<change digest>/<number>``, the same on every machine.
        change: The change.
        members: For an on-demand call, the members that it names.
        together: Groups come into scope, leave it and change hands up to 20 in one batch; all else is sent alone.
    """

    id: str
    change: CloudSyncChange
    members: tuple[str, ...] = ()
    together: str = ""

    @property
    def makes_object(self) -> bool:
        """Whether it makes the configuration, whose ids are known only afterwards."""
        return self.change.kind is ChangeKind.CREATE_CONFIGURATION

    def intent(self) -> dict[str, object]:
        """What the journal says before it; with what is there until then, where Graph replaces the whole."""
        action = self.change.payload.action
        return {"action": action.name, "members": list(self.members), "before": action.replaced()}

    def beyond_intent(self, object_id: str, intent: Mapping[str, Any], made: Mapping[str, str]) -> Text:
        """What a ``begin`` line says beyond this request."""
        if object_id != ("" if self.makes_object else self._configuration(made)):
            return t("it begins a request on another configuration than its plan")
        own = self.intent()
        if {**intent, "before": None} != {**own, "before": None}:
            return t("it begins a request that its plan does not have")
        return self.change.payload.action.beyond_replaced(intent["before"])

    def beyond_effect(self, effect: Effect, made: Mapping[str, str]) -> Text:
        """What a ``done`` line says beyond this request."""
        action, data = self.change.payload.action, effect.data
        if effect.object_id != self._configuration(made) or (self.makes_object and not is_guid(effect.object_id)):
            return t("it names another configuration than its plan")
        if not data.keys() <= action.may_say | {"request_id"}:
            return t("it says of a request that it did something of another kind")
        return action.beyond_effect(data, self.change.group_id, self.members)

    def _configuration(self, made: Mapping[str, str]) -> str:
        """Id of the service principal: that of the plan, or of the configuration that the plan made."""
        return self.change.payload.service_principal or made.get(NO_GROUP, "")

    def not_begun(self, effect: Mapping[str, Any], begun: Sequence[Mapping[str, Any]], made: Mapping[str, str]) -> Text:
        """What of an effect no ``begin`` line announced."""
        del made
        if effect.keys() - {"request_id"} and not begun:
            return t("it says of a request that it did something, and nothing of having begun it")
        return NOTHING


def changes_in_order(changes: Iterable[CloudSyncChange]) -> list[CloudSyncChange]:
    """Changes in the order in which they are carried out: by kind, by the place of their action, by group.

    Of a move one group comes first: nothing is done to another before it was tried.
    """
    some = list(changes)
    tried = {change.group_id for change in some if change.kind is ChangeKind.ADOPT}

    def position(change: CloudSyncChange) -> tuple[int, bool, int, int, str]:
        own = ORDER.index(change.kind)
        first = change.group_id in tried and change.kind in _TRIED_FIRST
        at = ORDER.index(ChangeKind.ANCHOR) if first else own
        return at, not first, own, change.payload.action.place, change.group_id

    return sorted(some, key=position)


def requests_of(changes: Iterable[CloudSyncChange]) -> list[Request]:
    """Every request of a plan in the order in which it is sent."""
    requests = [request for change in changes_in_order(changes) for request in _requests(change)]
    batch: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for request in requests:
        if request.change.kind in _TOGETHER:
            alike = f"{request.change.kind.value} {request.change.payload.action.place}"
            batch[request.id] = f"{alike} {counts[alike] // GROUPS_AT_ONCE}"
            counts[alike] += 1
    return [replace(request, together=batch.get(request.id, "")) for request in requests]


def _requests(change: CloudSyncChange) -> list[Request]:
    members = change.payload.action.members_named()
    chunks = [tuple(part) for part in in_parts(members, MEMBERS_AT_ONCE)] or [()]
    return [Request(f"{change.digest}/{number}", change, chunk) for number, chunk in enumerate(chunks, start=1)]


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
