"""Actions of leaving v1 and of the way back: switch-off, groups out of the deleted objects, the default for new groups.

There is no cmdlet that switches v1 off, so it is handed over; the other two a run carries out itself.

Sources: Microsoft Entra documentation, "Disable Microsoft Entra Connect group writeback" (the next cycle deletes every
group that the feature wrote) and "Modify group writeback in Microsoft Entra Connect" (an object that comes back before
writeback is switched on again is joined); Microsoft Graph documentation, "Update groupSetting".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.graph.tenant.group_settings import NEW_GROUP_DEFAULT, Values
from runbook_lib.model.change import ValueDifference
from runbook_lib.model.change_kind import ChangeKind
from runbook_lib.model.dn import first_rdn
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.model.text import NOTHING, Text, counted, t
from runbook_lib.routes.connect_sync.actions import ConnectAction, HandedOver

GROUPS_BEFORE = "groups_before"
"""Key of an effect that holds the SHA-256 of the file with the groups of the domain as they stood before."""
CAME_BACK = "undeleted"
"""Key of an effect that holds the distinguished name under which a group came back."""
SETTINGS_ID, SETTINGS_MADE = "settings_id", "settings_made"
"""Keys of an effect: which settings object was written, and whether it was made."""


@dataclass(frozen=True, slots=True)
class GoingGroup:
    """An AD group that v1 deletes when it is switched off.

    Attributes:
        group_id: Cloud group of its anchor.
        display_name: For people.
        guid: objectGUID: what an undo looks for among the deleted objects.
        sid: Its SID, which comes back with it and with no new object.
        dn: Where it stands.
        certain: Whether it goes for sure; otherwise nobody waits for it.
    """

    group_id: GroupId
    display_name: str
    guid: ObjectGuid
    sid: str
    dn: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class SwitchOff(HandedOver):
    """Group writeback v1 is switched off in the wizard: the next cycle deletes every group that it wrote.

    Attributes:
        groups_going: What goes, by the cloud group's id; it is part of what is approved.
    """

    groups_going: tuple[GoingGroup, ...]
    may_say = HandedOver.may_say | {GROUPS_BEFORE}
    name = "switch-off"
    kinds = frozenset({ChangeKind.SWITCH_OFF})

    @property
    def groups(self) -> frozenset[str]:
        """The objects that go, by GUID: where two claim one cloud group, both go."""
        return frozenset(one.guid for one in self.groups_going)

    @property
    def groups_for_sure(self) -> frozenset[str]:
        """Those that are sure to go."""
        return frozenset(one.guid for one in self.groups_going if one.certain)

    def as_json(self) -> dict[str, object]:
        """Every group."""
        going = [
            {
                "group_id": one.group_id,
                "display_name": one.display_name,
                "guid": one.guid,
                "sid": one.sid,
                "dn": one.dn,
                "certain": one.certain,
            }
            for one in self.groups_going
        ]
        return {"groups": going}

    def identity(self) -> Mapping[str, object]:
        """Every object that goes: whether for sure, since that is what is waited for; and the SID that comes back."""
        going = sorted([one.group_id, one.guid, one.sid, one.certain] for one in self.groups_going)
        return {**self.settings(), "groups": going}

    def names_read(self) -> object:
        """What every object is called, by GUID; the OU around it may be renamed."""
        return sorted([one.guid, one.display_name, first_rdn(one.dn)] for one in self.groups_going)

    def settings(self) -> Mapping[str, object]:
        """The box."""
        return {"name": self.name}

    def summary(self) -> Text:
        """In a few words."""
        going = counted(len(self.groups_going), "AD group")
        return t("group writeback is switched off; the next cycle deletes {groups}", groups=going)

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """An object that goes twice, or stands nowhere."""
        del kind
        guids = {one.guid for one in self.groups_going}
        if len(guids) != len(self.groups_going):
            return t("names an object twice")
        return NOTHING if all(first_rdn(one.dn) for one in self.groups_going) else t("names an object by no DN")


@dataclass(frozen=True, slots=True)
class BringBack(ConnectAction):
    """The AD group of one cloud group comes back from the deleted objects, as the same object.

    Attributes:
        sid: The SID that it must have.
        anchor: The value of adminDescription by which Connect joins it.
    """

    sid: str
    anchor: str
    name = "bring-back"
    kinds = frozenset({ChangeKind.BRING_BACK})
    by_person = False
    may_say = frozenset({CAME_BACK})

    def as_json(self) -> dict[str, object]:
        """SID and anchor."""
        return {"sid": self.sid, "anchor": self.anchor}

    def summary(self) -> Text:
        """In a few words."""
        return t("comes back from the deleted objects with SID {sid}", sid=self.sid)


@dataclass(frozen=True, slots=True)
class SetNewGroupDefault(ConnectAction):
    """Whether new Microsoft 365 groups count as written back: one value of the tenant's settings of groups.

    Attributes:
        settings_id: Id of the settings object; empty: the tenant has none, and one is made or, going back, removed.
        before: All values as they were; where there was no object, those of the template.
        after: All values as they will be; empty: the object is removed.
    """

    settings_id: str
    before: Values
    after: Values
    name = "set-new-group-default"
    kinds = frozenset({ChangeKind.NEW_GROUP_DEFAULT})
    by_person = False
    may_say = frozenset({SETTINGS_ID, SETTINGS_MADE, "request_id"})

    def as_json(self) -> dict[str, object]:
        """Everything, before and after."""
        return {
            "settings_id": self.settings_id,
            "before": [list(pair) for pair in self.before],
            "after": [list(pair) for pair in self.after],
        }

    def summary(self) -> Text:
        """In a few words."""
        if not self.after:
            return t("the tenant's settings of groups are removed again: its template holds")
        wanted = dict(self.after).get(NEW_GROUP_DEFAULT, "")
        return t("new groups count as written back: {value}", value=wanted)

    def differences(self) -> tuple[ValueDifference, ...]:
        """The values that change."""
        before, after = dict(self.before), dict(self.after)
        names = [name for name, _ in (*self.before, *self.after) if before.get(name) != after.get(name)]
        return tuple(
            ValueDifference(name, _shown(before.get(name)), _shown(after.get(name))) for name in dict.fromkeys(names)
        )

    def replaced(self) -> object:
        """All values as they were."""
        return {"settings_id": self.settings_id, "values": dict(self.before)}

    def beyond_kind(self, kind: ChangeKind) -> Text:
        """Another value of the settings than the default."""
        del kind
        if not self.after:
            return NOTHING if self.settings_id else t("removes settings that it does not name")
        names = {name for name, _ in self.before} ^ {name for name, _ in self.after}
        changed = {one.name for one in self.differences()} | names
        return NOTHING if changed <= {NEW_GROUP_DEFAULT} else t("changes another value of the settings of groups")

    def beyond_effect(self, said: Mapping[str, Any], group_id: str) -> Text:
        """Another settings object than the plan's, or one made where the plan replaced one: an undo would remove it."""
        del group_id
        if not said:
            return NOTHING
        named = said.get(SETTINGS_ID)
        if not named or (self.settings_id and named != self.settings_id):
            return t("it says that other settings were changed")
        if said.get(SETTINGS_MADE) is not (not self.settings_id):
            return t("it says otherwise than its plan whether settings were made")
        return NOTHING


def _shown(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)
