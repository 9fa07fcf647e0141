"""A change of the route connect-sync: one action, and what files and people are told of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.change import ChangeOf, MemberDifference, OfRoute, PlanOf, ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.dn import first_rdn
from runbook_lib.model.target import Route, Target
from runbook_lib.model.text import Text, t
from runbook_lib.routes.connect_sync.actions import ConnectAction
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget


@dataclass(frozen=True, slots=True)
class ConnectSyncPayload:
    """One action; the ``Payload`` of the route connect-sync.

    Attributes:
        object_guid: The AD object that it is about: the OU of written groups, or the object of one group.
        dn: Its distinguished name when it was planned, for people.
        group_id: The cloud group that it is about; empty for what is about all of them.
        action: What is done.
    """

    object_guid: str
    dn: str
    group_id: str
    action: ConnectAction

    @property
    def route(self) -> Route:
        """Connect Sync."""
        return Route.CONNECT_SYNC

    @property
    def object_id(self) -> str:
        """The AD object."""
        return self.object_guid

    @property
    def object_name(self) -> str:
        """Its distinguished name."""
        return self.dn

    @property
    def needs(self) -> frozenset[str]:
        """Nothing that another change has to make: which of them wait for each other, ``with_mapping`` knows."""
        return frozenset()

    @property
    def groups(self) -> frozenset[str]:
        """Cloud groups that come or go with it."""
        return self.action.groups

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """Those of them that come or go for sure."""
        return self.action.groups_for_sure

    @property
    def members_added(self) -> tuple[str, ...]:
        """None: members are Connect's to write, and said in the prediction."""
        return ()

    @property
    def members_removed(self) -> tuple[str, ...]:
        """None, for the same reason."""
        return ()

    def identity(self) -> dict[str, object]:
        """What is done, and to which object."""
        return {"object_guid": self.object_guid, "action": dict(self.action.identity())}

    def as_json(self) -> dict[str, object]:
        """For plan.json; ``files.ConnectSyncPayloadFields`` reads it back."""
        return {
            "object_guid": self.object_guid,
            "dn": self.dn,
            "of_group": self.group_id,
            "action": {"action": self.action.name, **self.action.as_json()},
        }

    def as_read(self, display_name: str, target: Target) -> dict[str, object]:
        """Names of the group, of its object and of all that the action names; the OU may be renamed once it began."""
        own = (
            first_rdn(self.dn)
            if self.group_id and self.object_guid != CONNECT_SYNC_TYPES.target(target).ou_guid
            else ""
        )
        told = {"group": display_name, "domain": CONNECT_SYNC_TYPES.target(target).domain_dns_name}
        return {**told, "object": own, "names": self.action.names_read()}

    def beyond_standing(self, kind: ChangeKind) -> Text:
        """What a person has to do on a server is approved each time."""
        return t("A standing approval never covers the kind {kind}.", kind=kind.title)

    def summary(self, kind: ChangeKind) -> tuple[Text, ...]:
        """What is done, in a few words."""
        del kind
        return (self.action.summary(),)

    def value_differences(self) -> tuple[ValueDifference, ...]:
        """Values before and after."""
        return self.action.differences()

    def member_differences(self) -> tuple[MemberDifference, ...]:
        """None."""
        return ()


ConnectSyncChange = ChangeOf[ConnectSyncPayload]
ConnectSyncPlan = PlanOf[ConnectSyncPayload, ConnectSyncTarget]


CONNECT_SYNC_TYPES = OfRoute(ConnectSyncPayload, ConnectSyncTarget)
"""Gives changes, plans and targets that are known to be of the route connect-sync their types."""
