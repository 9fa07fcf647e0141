"""Actions of a move between the routes: who keeps an AD object up to date stands on the object itself. Pure.

Cloud Sync knows its objects by ``msDS-ExternalDirectoryObjectId``, and updates the one that it finds instead of making
another (Microsoft Entra documentation, "How provisioning to Active Directory works": "How matching works"; "Migrate
group writeback V2 to Cloud Sync" writes that attribute by hand for the same purpose). This runbook knows its objects by
its mark. A move writes the one and takes off the other, so that objectGUID, objectSid and memberships stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.model.change import ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.dn import first_rdn
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE, GroupId, anchor_of, mark_of
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.cloud_sync.actions import Action, Assign, Provision

OWNER_KINDS = (ChangeKind.ANCHOR, ChangeKind.UNANCHOR, ChangeKind.MARK, ChangeKind.UNMARK)
"""What is done to the AD object itself."""


@dataclass(frozen=True, slots=True)
class WriteOwner(Action):
    """The values of an AD object that say who keeps it up to date, over LDAP, by objectGUID.

    Attributes:
        guid: objectGUID of the AD group.
        dn: Where it is, for people.
        attributes: What leaves and enters: ``owner_values`` has the only ones there are.
        role_id: The app role that selects groups: the anchor leaves only a group that does not have it, the mark only
            one that has it.
    """

    guid: str
    dn: str
    attributes: tuple[AttributeDelta, ...]
    role_id: str
    name = "write-owner"
    kinds = frozenset(OWNER_KINDS)
    may_say = frozenset({"owner_values"})

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "guid": self.guid,
            "dn": self.dn,
            "attributes": [delta.as_json() for delta in self.attributes],
            "role_id": self.role_id,
        }

    def identity(self) -> Mapping[str, object]:
        """By GUID: an AD group keeps it whatever it is called."""
        return {key: value for key, value in self.as_json().items() if key != "dn"}

    def names_read(self) -> object:
        """What the AD group is called; the OU around it may be renamed."""
        return first_rdn(self.dn)

    def summary(self) -> Text:
        """In a few words."""
        entering = {delta.name for delta in self.attributes if delta.added}
        if EXTERNAL_ID_ATTRIBUTE in entering:
            return t("Cloud Sync's anchor is written to {dn}", dn=self.dn)
        if MARK_ATTRIBUTE in entering:
            return t("this runbook's mark is written to {dn}", dn=self.dn)
        if any(delta.name == EXTERNAL_ID_ATTRIBUTE for delta in self.attributes):
            return t("Cloud Sync's anchor is taken off {dn}", dn=self.dn)
        return t("this runbook's mark is taken off {dn}", dn=self.dn)

    def differences(self) -> tuple[ValueDifference, ...]:
        """The values."""
        return tuple(ValueDifference(delta.name, delta.removed, delta.added) for delta in self.attributes)

    def replaced(self) -> object:
        """The values with the object that they belong to."""
        return {"objectGUID": self.guid, "attributes": [delta.as_json() for delta in self.attributes]}

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """Other values."""
        del group_id, members
        told = said.get("owner_values")
        own = [delta.as_json() for delta in self.attributes]
        if told in (None, own):
            return NOTHING
        return t("it names values of an AD object that its plan does not have")


@dataclass(frozen=True, slots=True)
class AssignAnchored(Assign):
    """A group comes into scope whose AD object is there already: only while that object carries Cloud Sync's anchor.

    Without it Cloud Sync would make another object, with another SID.

    Attributes:
        guid: objectGUID of the AD group.
    """

    guid: str
    name = "assign-anchored"

    def as_json(self) -> dict[str, object]:
        """Role and object."""
        return {"role_id": self.role_id, "guid": self.guid}

    def summary(self) -> Text:
        """In a few words."""
        return t("comes into scope with its AD object")


@dataclass(frozen=True, slots=True)
class Adopt(Provision):
    """The first group of a move is provisioned on demand: Cloud Sync has to update its AD object, not to make another.

    Attributes:
        guid: objectGUID of the AD group.
    """

    guid: str
    name = "adopt"
    kinds = frozenset({ChangeKind.ADOPT})

    def as_json(self) -> dict[str, object]:
        """Rule, members and object."""
        return {**Provision.as_json(self), "guid": self.guid}

    def summary(self) -> Text:
        """In a few words."""
        return t("tried first, on demand: Cloud Sync has to take over its AD object")


def owner_values(kind: ChangeKind, tenant_id: str, group_id: GroupId, *, anchored: bool) -> tuple[AttributeDelta, ...]:
    """What a change of one of ``OWNER_KINDS`` writes.

    Args:
        kind: Which of them.
        tenant_id: The tenant; stands in the mark.
        group_id: The cloud group.
        anchored: Whether this runbook's own anchor stays as it is: Cloud Sync writes the same one. A mark that is
            written where it is not there brings it along, and an undo takes both.

    Raises:
        ValueError: It is none of them: a defect.
    """
    anchor, mark = (anchor_of(group_id),), (mark_of(tenant_id, group_id),)
    match kind:
        case ChangeKind.ANCHOR:
            return (AttributeDelta(EXTERNAL_ID_ATTRIBUTE, added=anchor),)
        case ChangeKind.UNANCHOR:
            return (AttributeDelta(EXTERNAL_ID_ATTRIBUTE, removed=anchor),)
        case ChangeKind.MARK:
            with_it = () if anchored else (AttributeDelta(ANCHOR_ATTRIBUTE, added=anchor),)
            return (*with_it, AttributeDelta(MARK_ATTRIBUTE, added=mark))
        case ChangeKind.UNMARK:
            with_it = () if anchored else (AttributeDelta(ANCHOR_ATTRIBUTE, removed=anchor),)
            return (*with_it, AttributeDelta(MARK_ATTRIBUTE, removed=mark))
    raise ValueError(f"no change of an owner: {kind}")


def beyond_owner(action: WriteOwner, kind: ChangeKind, tenant_id: str, group_id: GroupId) -> Text:
    """What an action writes beyond its kind, as the end of a sentence; empty where there is nothing."""
    known = [owner_values(kind, tenant_id, group_id, anchored=anchored) for anchored in (True, False)]
    if action.attributes in known:
        return NOTHING
    return t("writes other values to an AD object than anchor and mark of its group")
