"""Steps of a change of the source of authority: each looks at its group, AD object or document before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.change.step import LiveState, Look
from runbook_lib.errors import ServiceFailed
from runbook_lib.graph.tenant.authority import (
    APPLICATION,
    PROPERTY,
    GroupDnExtension,
    read_extension,
)
from runbook_lib.graph.tenant.configuration import ConfigurationAddress
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.text import t
from runbook_lib.routes.cloud_sync.actions import schema_digest
from runbook_lib.routes.cloud_sync.authority.actions import (
    MakeExtension,
    MapGroupDn,
    RemoveExtension,
    SetCloudManaged,
    SetGroupScope,
    fills,
)
from runbook_lib.routes.cloud_sync.steps import RequestStep


class CloudManagedStep(RequestStep[SetCloudManaged]):
    """The source of authority of a group goes to the cloud, or back to AD."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Who decides about it now."""
        del begun
        now = self.context.authorities.of(self.change.group_id)
        if now.cloud_managed is self.action.managed:
            return Look(LiveState.AFTER)
        if bool(now.synchronized) is not self.action.synchronized:
            seen = (
                t("it is synchronized from AD now")
                if now.synchronized
                else t("it was given back to AD, and nothing has synchronized it since")
            )
            return Look(LiveState.OTHER, seen)
        return Look(LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """The one property."""
        path = f"/groups/{self.change.group_id}/onPremisesSyncBehavior"
        return GraphWrite("PATCH", path, {"isCloudManaged": self.action.managed})

    def take(self, answer: Written) -> None:
        """Remember it."""
        super().take(answer)
        self.context.authorities.changed(self.change.group_id, self.action.managed)

    def changed(self) -> Mapping[str, object]:
        """Who decides."""
        return {"cloud_managed": self.action.managed}


class GroupScopeStep(RequestStep[SetGroupScope]):
    """The scope of an AD group, over LDAP."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Its groupType."""
        del begun
        entry = self.context.directory.read(self.action.guid, ["groupType"])
        if entry is None:
            return Look(LiveState.OTHER, t("its AD object is not there any more"))
        present = entry.integer("groupType")
        if present == self.action.after:
            return Look(LiveState.AFTER)
        if present == self.action.before:
            return Look(LiveState.BEFORE)
        return Look(LiveState.OTHER, t("its groupType in AD is {present}", present=present))

    def send(self) -> None:
        """One modify: the old value leaves and the new one enters, or nothing happens."""
        delta = AttributeDelta("groupType", (str(self.action.before),), (str(self.action.after),))
        self.context.directory.modify(self.action.guid, [delta])

    def changed(self) -> Mapping[str, object]:
        """Both values."""
        return {"group_type": [self.action.before, self.action.after]}


class MakeExtensionStep(RequestStep[MakeExtension]):
    """A part of the directory extension."""

    _made = ""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is there, and what it is made in."""
        del begun
        found = self._extension()
        self._made = _part_of(found, self.action.part)
        if self._made:
            return Look(LiveState.AFTER)
        if self.action.part != "application" and not found.application:
            return Look(LiveState.OTHER, t("the application {uri} is not there", uri=self.action.uri))
        return Look(LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """The object."""
        found = self._extension()
        match self.action.part:
            case "application":
                return GraphWrite(
                    "POST", "/applications", {"displayName": APPLICATION, "identifierUris": [self.action.uri]}
                )
            case "service-principal":
                return GraphWrite("POST", "/servicePrincipals", {"appId": found.app_id})
        body = {"name": PROPERTY, "dataType": "String", "isMultiValued": False, "targetObjects": ["Group"]}
        return GraphWrite("POST", f"/applications/{found.application}/extensionProperties", body)

    def changed(self) -> Mapping[str, object]:
        """Its id."""
        made = (self.answer.body or {}).get("id") if self.answer else None
        return {"made": made if isinstance(made, str) else self._made}

    def _extension(self) -> GroupDnExtension:
        return read_extension(self.context.client, self.action.uri)


class RemoveExtensionStep(RequestStep[RemoveExtension]):
    """A part of the directory extension that is removed."""

    _path = ""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it is there."""
        del begun
        found = read_extension(self.context.client, self.action.uri)
        present = _part_of(found, self.action.part)
        if not present:
            return Look(LiveState.AFTER)
        if present != self.action.made_id:
            return Look(LiveState.OTHER, t("somebody made it anew"))
        self._path = {
            "application": f"/applications/{present}",
            "service-principal": f"/servicePrincipals/{present}",
            "property": f"/applications/{found.application}/extensionProperties/{present}",
        }[self.action.part]
        return Look(LiveState.BEFORE)

    def write(self) -> GraphWrite:
        """Delete it."""
        return GraphWrite("DELETE", self._path)

    def changed(self) -> Mapping[str, object]:
        """Its id."""
        return {"removed": self.action.made_id}


class MapGroupDnStep(RequestStep[MapGroupDn]):
    """The mapping that fills the extension, in the schema from AD to the cloud."""

    def look(self, begun: Mapping[str, Any] | None) -> Look:
        """Whether it fills it, and whether the schema is the one that was read."""
        del begun
        name = self._extension()
        present = self.context.client.get(self._address.schema)
        if not name:
            return Look(LiveState.OTHER if self.action.mapped else LiveState.AFTER, t("the extension is not there"))
        if fills(present, name) is self.action.mapped:
            return Look(LiveState.AFTER)
        if schema_digest(present) == schema_digest(self.action.before):
            return Look(LiveState.BEFORE)
        return Look(LiveState.OTHER, t("somebody else changed the schema of {job}", job=self.action.job_id))

    def write(self) -> GraphWrite:
        """The whole schema.

        Raises:
            ServiceFailed: The extension has gone since it was looked at (``extension-gone``).
        """
        name = self._extension()
        if not name:
            raise ServiceFailed(
                t("The extension {uri} is not there any more.", uri=self.action.uri), code="extension-gone"
            )
        return GraphWrite("PUT", self._address.schema, self.action.after(name))

    def changed(self) -> Mapping[str, object]:
        """Whether it is filled."""
        return {"mapped": self.action.mapped}

    @property
    def _address(self) -> ConfigurationAddress:
        return ConfigurationAddress(self.action.service_principal, self.action.job_id)

    def _extension(self) -> str:
        found = read_extension(self.context.client, self.action.uri)
        return found.name if found.property_id else ""


def _part_of(found: GroupDnExtension, part: str) -> str:
    return {
        "application": found.application,
        "service-principal": found.service_principal,
        "property": found.property_id,
    }[part]
