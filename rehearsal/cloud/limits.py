"""What Graph refuses of a group's values and of those who hold or own it: one table of documented limits.

Sources, all below https://learn.microsoft.com/graph: api/resources/group ("Properties", "Group visibility options"),
group-set-options (behaviors and provisioning), api/group-post-members (who can be a member), api/group-post-owners; the
length of a rule: https://learn.microsoft.com/entra/identity/users/groups-dynamic-membership. Graph's pages name no
length of a description; 1024 is AD's ([MS-ADA1], description).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.cloud.errors import GraphError, bad_request, invalid_value
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import texts

MOST_OWNERS = 100
DYNAMIC, UNIFIED = "DynamicMembership", "Unified"


@dataclass(frozen=True)
class Limit:
    """What a property may hold.

    Attributes:
        longest: Most characters; 0 for no limit.
        without: Characters that it cannot hold.
        ascii: Whether it holds characters 0 to 127 only.
        choices: The only values, whatever their case; empty for any.
    """

    longest: int = 0
    without: str = ""
    ascii: bool = False
    choices: tuple[str, ...] = ()

    def spelled(self, value: str) -> str | None:
        """The value as Graph keeps it; None for one that it refuses."""
        if self.longest and len(value.encode("utf-16-le")) // 2 > self.longest:
            return None
        if (self.ascii and not value.isascii()) or set(self.without) & set(value):
            return None
        if not self.choices:
            return value
        return next((one for one in self.choices if one.casefold() == value.casefold()), None)


LIMITS: Mapping[str, Limit] = {
    "displayName": Limit(256),
    "description": Limit(1024),
    "mailNickname": Limit(64, without='@()\\[]";:<>, ', ascii=True),
    "membershipRule": Limit(3072),
    "membershipRuleProcessingState": Limit(choices=("On", "Paused")),
    "theme": Limit(choices=("Teal", "Purple", "Green", "Blue", "Pink", "Orange", "Red")),
    "visibility": Limit(choices=("Private", "Public", "HiddenMembership")),
    "groupTypes": Limit(choices=(UNIFIED, DYNAMIC)),
    "resourceProvisioningOptions": Limit(choices=("Team",)),
    "resourceBehaviorOptions": Limit(
        choices=(
            "AllowOnlyMembersToPost",
            "CalendarMemberReadOnly",
            "ConnectorsDisabled",
            "HideGroupInOutlook",
            "SubscribeMembersToCalendarEventsDisabled",
            "SubscribeNewGroupMembers",
            "WelcomeEmailDisabled",
        )
    ),
}
_OWNERS = ("user", "servicePrincipal")


def within_limits(body: Mapping[str, object]) -> dict[str, object]:
    """A group's values as Graph keeps them.

    Raises:
        GraphError: 400 for a value that is too long, has a forbidden character, or is none of the possible ones.
    """
    return {name: _within(name, value) if name in LIMITS else value for name, value in body.items()}


def _within(name: str, value: object) -> object:
    if isinstance(value, list):
        return [_within(name, one) for one in value]
    if not isinstance(value, str):
        return value
    spelled = LIMITS[name].spelled(value)
    if spelled is None:
        raise invalid_value(name, "Group")
    return spelled


def check_new(body: Mapping[str, object]) -> None:
    """Refuse a combination that only shows when a group is made: what is hidden, what can have roles."""
    types = texts(body.get("groupTypes"))
    if body.get("visibility") == "HiddenMembership" and UNIFIED not in types:
        raise invalid_value("visibility", "Group")
    if body.get("isAssignableToRole") and (DYNAMIC in types or not body.get("securityEnabled")):
        raise invalid_value("isAssignableToRole", "Group")


def check_held(group: Record, relation: str, found: tuple[str, Record]) -> None:
    """Refuse a member or an owner of a kind that this group cannot have. ``found`` is its type and itself."""
    kind, record = found
    if relation == "owners":
        allowed = kind in _OWNERS
    elif UNIFIED in texts(group.get("groupTypes")):
        allowed = kind == "user"
    else:
        nested = kind == "group"
        allowed = not nested or not (group.get("isAssignableToRole") or UNIFIED in texts(record.get("groupTypes")))
    if not allowed:
        raise _wrong_kind(relation, kind, str(record["id"]))


def _wrong_kind(relation: str, kind: str, identifier: str) -> GraphError:
    name = kind[:1].upper() + kind[1:]
    return bad_request(
        f"The reference target '{name}_{identifier}' of type '{name}' is invalid for the '{relation}' reference."
    )
