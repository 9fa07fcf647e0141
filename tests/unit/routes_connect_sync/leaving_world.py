"""AD's deleted objects and the tenant's settings of groups, as the steps of leaving v1 meet them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.directory.errors import EntryExists
from runbook_lib.errors import WriteUnanswered
from runbook_lib.graph.tenant.group_settings import NEW_GROUP_DEFAULT, GroupSettings, Values
from runbook_lib.graph.writing import GraphWrite, Written
from runbook_lib.model.directory import DeletedObject
from runbook_lib.model.ids import GroupId, ObjectGuid, anchor_of, as_group_id, as_object_guid
from runbook_lib.model.text import t
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup
from tests.support import builders as b

TEMPLATE: Values = (("EnableMSStandardBlockedWords", "false"), (NEW_GROUP_DEFAULT, "true"))


def going(*names: str, ou: str) -> tuple[GoingGroup, ...]:
    """Groups that go with v1, named after their ids."""
    found: list[GoingGroup] = []
    for name in names:
        key = as_group_id(b.guid(f"group {name}"))
        guid = as_object_guid(b.guid(f"object {name}"))
        found.append(GoingGroup(key, name, guid, f"S-1-5-21-1-2-3-{len(found) + 1100}", f"CN={anchor_of(key)},{ou}"))
    return tuple(found)


@dataclass
class Went:
    """The OU of written groups and the deleted objects: a ``GroupsThatWent`` in memory.

    Attributes:
        there: GUID to (distinguished name, anchor) of what stands in the OU.
        gone: What was deleted, by GUID.
        done: GUIDs that were brought back, in order.
        lost: How many of the next answers get lost after they took effect.
    """

    ou: str
    there: dict[str, tuple[str, str]] = field(default_factory=dict)
    gone: dict[str, DeletedObject] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    lost: int = 0
    tick: Callable[[], None] = lambda: None

    def delete(self, groups: Sequence[GoingGroup]) -> None:
        """What Connect's cycle does."""
        for one in groups:
            self.there.pop(one.guid, None)
            name = f"CN=x\\0ADEL:{one.guid},CN=Deleted Objects,{b.BASE}"
            self.gone[one.guid] = DeletedObject(one.guid, name, one.sid, one.dn, one.group_id, None)

    def standing(self, guid: str) -> str | None:
        """Where it stands."""
        self.tick()
        return self.there[guid][0] if guid in self.there else None

    def deleted(self, guid: str) -> DeletedObject | None:
        """The deleted object."""
        return self.gone.get(guid)

    def written_again(self, anchor: str) -> str | None:
        """Another object with the anchor."""
        return next((dn for dn, carried in self.there.values() if carried == anchor), None)

    def place(self, relative: str) -> tuple[str, bool] | None:
        """Its name in the OU."""
        if not self.ou:
            return None
        dn = f"{relative},{self.ou}"
        return dn, dn in {name for name, _ in self.there.values()}

    def bring_back(self, deleted: DeletedObject, dn: str, anchor: str) -> None:
        """Bring it back, once."""
        self.tick()
        if deleted.guid not in self.gone:
            raise EntryExists(t("there"), code="ldap-entry-exists")
        del self.gone[deleted.guid]
        self.there[deleted.guid] = (dn, anchor)
        self.done.append(deleted.guid)
        self.tick()
        if self.lost:
            self.lost -= 1
            raise WriteUnanswered(t("no answer"), code="unanswered")


@dataclass
class Settings:
    """The tenant's settings of groups: a ``TenantSettings`` in memory. ``held`` is None where there are none.

    ``states``: group id to what is set of writeback under V2.
    """

    held: dict[str, str] | None = None
    states: dict[str, bool | None] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    lost: int = 0
    tick: Callable[[], None] = lambda: None

    def read(self) -> GroupSettings:
        """As they are."""
        self.tick()
        return (
            GroupSettings("", TEMPLATE) if self.held is None else GroupSettings("settings-1", tuple(self.held.items()))
        )

    def writeback_state(self, group_id: GroupId) -> bool | None:
        """What is set of one group."""
        self.tick()
        return self.states.get(group_id)

    def write(self, write: GraphWrite, version: str = "v1.0") -> Written:
        """Take effect, once."""
        self.tick()
        if version == "beta":
            return self._set(write)
        body: Mapping[str, object] = write.body or {}
        pairs = body.get("values", [])
        assert isinstance(pairs, list)
        self.held = None if write.method == "DELETE" else {pair["name"]: pair["value"] for pair in pairs}
        self.done.append(write.method)
        self.tick()
        if self.lost:
            self.lost -= 1
            raise WriteUnanswered(t("no answer"), code="unanswered")
        answer = {"id": "settings-1"} if write.method == "POST" else None
        return Written(201, answer, "", "", "request-1", "")

    def _set(self, write: GraphWrite) -> Written:
        body = (write.body or {})["writebackConfiguration"]
        assert isinstance(body, dict)
        self.states[write.path.rpartition("/")[2]] = body["isEnabled"]
        self.done.append(write.path)
        self.tick()
        if self.lost:
            self.lost -= 1
            raise WriteUnanswered(t("no answer"), code="unanswered")
        return Written(204, None, "", "", "request-2", "")


def ids(groups: Sequence[GoingGroup]) -> set[GroupId]:
    """Their cloud groups."""
    return {one.group_id for one in groups}


def guids(groups: Sequence[GoingGroup]) -> list[ObjectGuid]:
    """Their objects, in the order in which a plan brings them back."""
    return [one.guid for one in sorted(groups, key=lambda one: one.group_id)]
