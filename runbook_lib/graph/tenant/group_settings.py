"""The tenant's settings of Microsoft 365 groups (template Group.Unified), changed as a whole object.

Source: Microsoft Graph documentation, "groupSetting resource type", "Update groupSetting" (all values are sent:
updating single ones is not supported; every value is a text) and "Create groupSetting".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.errors import ServiceFailed
from runbook_lib.graph.rows import Row, objects_of, text_of
from runbook_lib.graph.transport import GraphClient
from runbook_lib.graph.writing import GraphWrite
from runbook_lib.model.text import t

GROUP_UNIFIED = "62375ab9-6b52-47ed-826b-58e47e0e304b"
"""Template id of the Group.Unified settings (Microsoft Graph documentation, "groupSetting resource type")."""
NEW_GROUP_DEFAULT = "NewUnifiedGroupWritebackDefault"
"""The value that decides under Connect's version 2 whether new Microsoft 365 groups are written to AD."""
SETTINGS_PATH = "/groupSettings"

Values = tuple[tuple[str, str], ...]
"""Names and texts of a settings object, in the order of its template."""


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The settings object. ``id`` is empty where the tenant has none: what its template says holds then."""

    id: str
    values: Values

    @property
    def exists(self) -> bool:
        """Whether the tenant has one."""
        return bool(self.id)

    def value(self, name: str) -> str | None:
        """A value; None where it is not among them."""
        return next((value for key, value in self.values if key == name), None)


def read_group_settings(client: GraphClient) -> GroupSettings:
    """The settings object of the tenant; where there is none, the values of the template.

    Raises:
        NoAccess, ServiceFailed: They cannot be read.
    """
    rows = client.listing(SETTINGS_PATH).rows
    found = next((row for row in rows if (text_of(row, "templateId") or "").lower() == GROUP_UNIFIED), None)
    if found is not None:
        return GroupSettings(text_of(found, "id") or "", _values(found, "value"))
    template = client.get(f"/groupSettingTemplates/{GROUP_UNIFIED}")
    values = _values(template, "defaultValue")
    if not values:
        raise ServiceFailed(
            t("Graph names no values of the template Group.Unified."),
            code="group-settings-template",
            hint=t("Run the notebook again; where it stays, set the default in the Microsoft Entra admin center."),
        )
    return GroupSettings("", values)


def with_value(settings: GroupSettings, name: str, value: str) -> Values:
    """All values of the object, one of them another; it comes last where the object does not have it yet."""
    replaced = tuple((key, value if key == name else old) for key, old in settings.values)
    return replaced if settings.value(name) is not None else (*replaced, (name, value))


def write_of(settings_id: str, values: Sequence[tuple[str, str]]) -> GraphWrite:
    """The request that makes the object hold these values: one that makes it where ``settings_id`` is empty."""
    body: Mapping[str, object] = {"values": [{"name": name, "value": value} for name, value in values]}
    if settings_id:
        return GraphWrite("PATCH", f"{SETTINGS_PATH}/{settings_id}", body)
    return GraphWrite("POST", SETTINGS_PATH, {"templateId": GROUP_UNIFIED, **body})


def removal_of(settings_id: str) -> GraphWrite:
    """The request that removes the object: what its template says holds again."""
    return GraphWrite("DELETE", f"{SETTINGS_PATH}/{settings_id}")


def _values(row: Row, key: str) -> Values:
    return tuple((text_of(one, "name") or "", text_of(one, key) or "") for one in objects_of(row, "values"))
