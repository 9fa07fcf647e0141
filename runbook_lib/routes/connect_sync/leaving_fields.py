"""How the actions of leaving v1 and of the way back stand in files, for strict reading."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from runbook_lib.change.route import Fields
from runbook_lib.model.ids import GUID_PATTERN, as_group_id, as_object_guid
from runbook_lib.routes.connect_sync.actions import ConnectAction
from runbook_lib.routes.connect_sync.group_writeback import SetGroupWriteback
from runbook_lib.routes.connect_sync.leaving_actions import BringBack, GoingGroup, SetNewGroupDefault, SwitchOff

_Guid = Annotated[str, StringConstraints(pattern=GUID_PATTERN)]
_Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class _GoingGroupFields(Fields):
    group_id: _Guid
    display_name: str
    guid: _Guid
    sid: str
    dn: str
    certain: bool

    def made(self) -> GoingGroup:
        return GoingGroup(
            as_group_id(self.group_id), self.display_name, as_object_guid(self.guid), self.sid, self.dn, self.certain
        )


class SwitchOffFields(Fields):
    """v1 is switched off."""

    action: Literal["switch-off"]
    groups: list[_GoingGroupFields] = Field(description="The AD groups that the next cycle deletes")

    def made(self) -> ConnectAction:
        """The action that they say."""
        return SwitchOff(tuple(one.made() for one in self.groups))


class BringBackFields(Fields):
    """A group comes back from the deleted objects."""

    action: Literal["bring-back"]
    sid: str = Field(description="SID that the deleted object must have")
    anchor: str = Field(description="Value of adminDescription by which Connect joins it")

    def made(self) -> ConnectAction:
        """The action that they say."""
        return BringBack(self.sid, self.anchor)


class NewGroupDefaultFields(Fields):
    """The tenant's settings of groups are replaced."""

    action: Literal["set-new-group-default"]
    settings_id: str = Field(description="Id of the settings object; empty: it is made")
    before: list[_Pair] = Field(description="Names and values before")
    after: list[_Pair] = Field(description="Names and values afterwards; empty: the object is removed")

    def made(self) -> ConnectAction:
        """The action that they say."""
        before, after = (tuple((name, value) for name, value in pairs) for pairs in (self.before, self.after))
        return SetNewGroupDefault(self.settings_id, before, after)


class GroupWritebackFields(Fields):
    """One group is to be written back under V2, or is not."""

    action: Literal["set-group-writeback"]
    before: bool | None = Field(description="What is set; null: nothing")
    after: bool | None = Field(description="What is to be set; null: nothing")

    def made(self) -> ConnectAction:
        """The action that they say."""
        return SetGroupWriteback(self.before, self.after)
