"""A change of the route cloud-sync: one action on a configuration, and what files and people are told of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.change import ChangeOf, MemberDifference, OfRoute, PlanOf, ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.ids import NO_GROUP
from runbook_lib.model.target import Route, Target
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.cloud_sync.actions import Action
from runbook_lib.routes.cloud_sync.target import CloudSyncTarget


@dataclass(frozen=True, slots=True)
class CloudSyncPayload:
    """One action on one configuration; the ``Payload`` of the route cloud-sync.

    Attributes:
        service_principal: Of the configuration; empty where the plan makes it.
        job_id: Of its job; empty where the plan makes it.
        group_id: The group that it is about; empty for an action on the configuration itself.
        action: What is done.
    """

    service_principal: str
    job_id: str
    group_id: str
    action: Action

    @property
    def route(self) -> Route:
        """Cloud Sync."""
        return Route.CLOUD_SYNC

    @property
    def object_id(self) -> str:
        """The service principal: what is changed is the configuration, whatever group it is about."""
        return self.service_principal

    @property
    def object_name(self) -> str:
        """The job, or the configuration that is to get one."""
        return self.job_id or self.service_principal or self.action.name

    @property
    def needs(self) -> frozenset[str]:
        """The configuration, where the plan makes it; Cloud Sync itself orders groups and members."""
        made = self.service_principal or self.action.name == "create-configuration"
        return frozenset() if made else frozenset({NO_GROUP})

    @property
    def groups(self) -> frozenset[str]:
        """None but that of its head."""
        return frozenset()

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """None either."""
        return frozenset()

    @property
    def members_added(self) -> tuple[str, ...]:
        """Members whose references an on-demand call names: nobody else's membership is touched by it."""
        return self.action.members_named()

    @property
    def members_removed(self) -> tuple[str, ...]:
        """None: what leaves AD is decided by Cloud Sync, and said in the prediction."""
        return ()

    def identity(self) -> dict[str, object]:
        """What is sent, by ids; documents by their digests."""
        return {
            "service_principal": self.service_principal,
            "job_id": self.job_id,
            "action": {**self.action.identity(), "name": self.action.name},
        }

    def as_json(self) -> dict[str, object]:
        """For plan.json; ``files.CloudSyncPayloadFields`` reads it back."""
        return {
            "service_principal": self.service_principal,
            "job_id": self.job_id,
            "of_group": self.group_id,
            "action": {"action": self.action.name, **self.action.as_json()},
        }

    def as_read(self, display_name: str, target: Target) -> dict[str, object]:
        """Names: everything else stands in the digest."""
        configuration = CLOUD_SYNC_TYPES.target(target).service_principal
        return {"group": display_name, "configuration": configuration, "names": self.action.names_read()}

    def beyond_standing(self, kind: ChangeKind) -> Text:
        """Only on-demand provisioning of a group can be approved in advance: it sends what is in scope already."""
        if kind is ChangeKind.PROVISION:
            return NOTHING
        return t("A standing approval never covers the kind {kind}.", kind=kind.title)

    def summary(self, kind: ChangeKind) -> tuple[Text, ...]:
        """What is done, in a few words."""
        del kind
        return (self.action.summary(),)

    def value_differences(self) -> tuple[ValueDifference, ...]:
        """Expressions of the mapping, or settings, that differ."""
        return self.action.differences()

    def member_differences(self) -> tuple[MemberDifference, ...]:
        """Members that an on-demand call names."""
        return tuple(MemberDifference(True, member) for member in self.action.members_shown())


CloudSyncChange = ChangeOf[CloudSyncPayload]
CloudSyncPlan = PlanOf[CloudSyncPayload, CloudSyncTarget]


CLOUD_SYNC_TYPES = OfRoute(CloudSyncPayload, CloudSyncTarget)
"""Gives changes, plans and targets that are known to be of the route cloud-sync their types."""
