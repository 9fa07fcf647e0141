"""Actions of a change of the source of authority: on cloud groups, scopes of AD groups, what keeps their names. Pure.

Sources: Microsoft Graph documentation, "Update onPremisesSyncBehavior", "Create application", "Create
servicePrincipal", "Create extensionProperty"; Microsoft Entra documentation, "Configure Group Source of Authority",
"Preserve a group's organizational unit and name when you convert Source of Authority"; groupType: MS-ADTS 2.2.12.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from runbook_lib.cloud_sync.configuration import Document, expressions_of, mapping_of_groups, target_of, with_mappings
from runbook_lib.directory.search import Entry
from runbook_lib.inventory.members import GroupScope, scope_of
from runbook_lib.model.change import ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.dn import first_rdn
from runbook_lib.model.ids import digest
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.routes.cloud_sync.actions import Action

UNIVERSAL, SCOPES = 0x8, 0xE
"""Bits of groupType: universal scope, and all three scopes (MS-ADTS 2.2.12)."""
ExtensionPart = Literal["application", "service-principal", "property"]
"""A part of the directory extension."""
DISTINGUISHED_NAME = "[distinguishedName]"
"""The expression that fills the extension ("Mapping type: Direct")."""
_DIRECT: Document = {
    "expression": DISTINGUISHED_NAME,
    "name": "distinguishedName",
    "parameters": [],
    "type": "Attribute",
}


@dataclass(frozen=True, slots=True)
class SetCloudManaged(Action):
    """The source of authority of a group goes to the cloud, or back to AD.

    Attributes:
        managed: Whether the cloud is to decide.
        synchronized: Whether the group is synchronized from AD until then (``onPremisesSyncEnabled``).
        level: Groups of a lower one are changed first.
    """

    managed: bool
    synchronized: bool
    level: int
    name = "set-cloud-managed"
    kinds = frozenset({ChangeKind.CONVERT, ChangeKind.ROLL_BACK})
    may_say = frozenset({"cloud_managed"})

    @property
    def place(self) -> int:
        """The level."""
        return self.level

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"managed": self.managed, "synchronized": self.synchronized, "level": self.level}

    def summary(self) -> Text:
        """In a few words."""
        return t("the cloud becomes its source of authority") if self.managed else t("AD becomes its source again")

    def differences(self) -> tuple[ValueDifference, ...]:
        """Who decides."""
        return (ValueDifference("isCloudManaged", (str(not self.managed).lower(),), (str(self.managed).lower(),)),)

    def replaced(self) -> object:
        """Both properties as they are."""
        return {"isCloudManaged": not self.managed, "onPremisesSyncEnabled": True if self.synchronized else None}

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """There and back are two kinds."""
        if self.managed is not (kind is ChangeKind.CONVERT):
            return t("gives back what it says that it converts")
        return NOTHING if self.managed or not self.synchronized else t("gives back what AD decides already")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """The other of the two."""
        del group_id, members
        found = said.get("cloud_managed")
        return NOTHING if found in (None, self.managed) else t("it says that somebody else decides than its plan wants")


class GroupTypes(Protocol):
    """What is read and written of AD groups to change their scope; ``Directory`` is it."""

    def read(self, guid: str, attributes: Sequence[str]) -> Entry | None:
        """The object with this GUID, or None."""

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        """All deltas, or none."""


@dataclass(frozen=True, slots=True)
class SetGroupScope(Action):
    """The scope of an AD group, over LDAP: universal, as Cloud Sync needs it, or what it was before.

    Attributes:
        guid: objectGUID of the AD group.
        dn: Where it is, for people.
        before: groupType until then, a signed 32-bit integer.
        after: groupType afterwards.
        order: Groups of a lower one are changed first: AD looks at what a group is a member of, and what it holds.
    """

    guid: str
    dn: str
    before: int
    after: int
    order: int
    name = "set-group-scope"
    kinds = frozenset({ChangeKind.MAKE_UNIVERSAL, ChangeKind.RESTORE_SCOPE})
    may_say = frozenset({"group_type"})

    @property
    def place(self) -> int:
        """Its number in the order in which scopes are changed."""
        return self.order

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "guid": self.guid,
            "dn": self.dn,
            "group_type_before": self.before,
            "group_type_after": self.after,
            "order": self.order,
        }

    def identity(self) -> Mapping[str, object]:
        """By GUID: an AD group keeps it whatever it is called."""
        return {key: value for key, value in self.as_json().items() if key != "dn"} | {"action": self.name}

    def names_read(self) -> object:
        """What the AD group is called; the OU around it may be renamed."""
        return first_rdn(self.dn)

    def summary(self) -> Text:
        """In a few words."""
        return t(
            "group scope in AD: {before} becomes {after}",
            before=scope_of(self.before).value,
            after=scope_of(self.after).value,
        )

    def differences(self) -> tuple[ValueDifference, ...]:
        """groupType."""
        return (ValueDifference("groupType", (str(self.before),), (str(self.after),)),)

    def replaced(self) -> object:
        """groupType with the object that it belongs to."""
        return {"objectGUID": self.guid, "groupType": self.before}

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """Anything but the scope, or another direction."""
        if (self.before ^ self.after) & ~SCOPES or GroupScope.UNKNOWN in (scope_of(self.before), scope_of(self.after)):
            return t("changes more of a group than its scope")
        ends = self.after if kind is ChangeKind.MAKE_UNIVERSAL else self.before
        return NOTHING if ends & UNIVERSAL and self.before != self.after else t("changes a scope in another direction")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """Other values."""
        del group_id, members
        found = said.get("group_type")
        return (
            NOTHING if found in (None, [self.before, self.after]) else t("it names a scope that its plan does not have")
        )


@dataclass(frozen=True, slots=True)
class MakeExtension(Action):
    """A part of the directory extension that keeps distinguished names is made."""

    part: ExtensionPart
    uri: str
    name = "make-extension"
    kinds = frozenset({ChangeKind.EXTENSION})
    may_say = frozenset({"made"})

    @property
    def place(self) -> int:
        """Application, service principal, property."""
        return _PARTS.index(self.part)

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"part": self.part, "uri": self.uri}

    def summary(self) -> Text:
        """In a few words."""
        return t("made for the directory extension {uri}: {part}", uri=self.uri, part=self.part)


@dataclass(frozen=True, slots=True)
class RemoveExtension(Action):
    """A part of the directory extension that this runbook made is removed again."""

    part: ExtensionPart
    uri: str
    made_id: str
    name = "remove-extension"
    kinds = frozenset({ChangeKind.REMOVE_EXTENSION})
    may_say = frozenset({"removed"})

    @property
    def place(self) -> int:
        """Its number in the order of parts, the other way round."""
        return -_PARTS.index(self.part)

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {"part": self.part, "uri": self.uri, "made_id": self.made_id}

    def summary(self) -> Text:
        """In a few words."""
        return t("removed from the directory extension {uri}: {part}", uri=self.uri, part=self.part)

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """Another object."""
        del group_id, members
        return (
            NOTHING if said.get("removed", self.made_id) == self.made_id else t("it names another object than its plan")
        )


@dataclass(frozen=True, slots=True)
class MapGroupDn(Action):
    """The job from AD to the cloud fills the extension with the distinguished name of groups, or no longer does.

    The property is found when the request is sent: its full name holds the id of an application that the same plan may
    make.

    Attributes:
        service_principal: Of the configuration from AD to Microsoft Entra ID.
        job_id: Of its job.
        uri: Identifier URI of the extension's application.
        before: The schema that was read, whole.
        mapped: Whether it is to be filled.
    """

    service_principal: str
    job_id: str
    uri: str
    before: Document
    mapped: bool
    name = "map-group-dn"
    kinds = frozenset({ChangeKind.MAP_GROUP_DN, ChangeKind.UNMAP_GROUP_DN})
    may_say = frozenset({"mapped"})

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "inbound_service_principal": self.service_principal,
            "inbound_job_id": self.job_id,
            "uri": self.uri,
            "before": dict(self.before),
            "mapped": self.mapped,
        }

    def identity(self) -> Mapping[str, object]:
        """The schema by its digest."""
        return {**self.as_json(), "action": self.name, "before": digest(dict(self.before))}

    def summary(self) -> Text:
        """In a few words."""
        if self.mapped:
            return t("{job} fills GroupDN with the distinguished name", job=self.job_id)
        return t("{job} no longer fills GroupDN", job=self.job_id)

    def replaced(self) -> object:
        """The schema that was read."""
        return dict(self.before)

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """There and back are two kinds."""
        return NOTHING if self.mapped is (kind is ChangeKind.MAP_GROUP_DN) else t("maps what it says that it does not")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str, members: Sequence[str]) -> Text:
        """The other of the two."""
        del group_id, members
        return (
            NOTHING
            if said.get("mapped") in (None, self.mapped)
            else t("it says of a mapping what its plan does not want")
        )

    def after(self, extension: str) -> dict[str, Any]:
        """The schema that is sent, for the full name of the property.

        Raises:
            NotEditable: As ``mapping_of_groups``.
        """
        if self.mapped:
            return with_mappings(self.before, {extension: _DIRECT})
        changed = copy.deepcopy(dict(self.before))
        rule, mapping = mapping_of_groups(changed)
        holder = changed["synchronizationRules"][rule]["objectMappings"][mapping]
        rows = holder.get("attributeMappings") or []
        holder["attributeMappings"] = [row for row in rows if target_of(row) != extension.casefold()]
        return changed


_PARTS: tuple[ExtensionPart, ...] = ("application", "service-principal", "property")


def fills(schema: Document, extension: str) -> bool:
    """Whether a schema from AD to the cloud fills the property with the distinguished name of groups.

    Raises:
        NotEditable: As ``mapping_of_groups``.
    """
    return expressions_of(schema).get(extension.casefold()) == DISTINGUISHED_NAME


def universal(group_type: int) -> int:
    """The same flags of groupType ([MS-ADTS] 2.2.12) with universal scope."""
    return (group_type & ~SCOPES) | UNIVERSAL
