"""A configuration and the AD objects that change hands, in memory: Cloud Sync takes over what carries its anchor."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runbook_lib.directory.search import Entry
from runbook_lib.errors import WriteUnanswered
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import UNIVERSAL_SECURITY, AttributeDelta, DirectoryGroup
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE, anchor_of, mark_of
from runbook_lib.model.text import t
from tests.support import builders as b
from tests.unit.graph.fake_cloud import Reply
from tests.unit.routes_cloud_sync.world import Graph, inventory, schema, security

GROUPS = [security(f"G{number}") for number in range(4)]
PEOPLE = [b.synced(f"P{number}") for number in range(4)]
USERS = [b.ad_user(f"P{number}") for number in range(4)]
OU = b.TARGET_OU


def ours(group: CloudGroup, **values: tuple[str, ...]) -> DirectoryGroup:
    """The AD object of a group as the direct route writes it, with the first person in it."""
    made = b.written(group, [b.user_dn("P0")], attributes={"groupType": (str(UNIVERSAL_SECURITY),)})
    return replace(made, attributes={**made.attributes, **values})


def theirs(group: CloudGroup) -> DirectoryGroup:
    """The same object as Cloud Sync keeps it."""
    made = ours(group, **{EXTERNAL_ID_ATTRIBUTE: (anchor_of(group.id),)})
    return replace(made, attributes={k: v for k, v in made.attributes.items() if k != MARK_ATTRIBUTE})


@dataclass
class Objects:
    """AD: what it holds of every object, and whether Cloud Sync takes over what it finds."""

    held: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    adopts: bool = True
    losses: list[str] = field(default_factory=list)
    """Of each next write: ``ok``, ``before`` (never arrives), ``after`` (answer lost)."""
    tick: Callable[[], None] = lambda: None

    def anchored(self, group_id: str) -> list[str]:
        """GUIDs of the objects that carry Cloud Sync's anchor for a group."""
        anchor = f"Group_{group_id}"
        return sorted(guid for guid, values in self.held.items() if anchor in values.get(EXTERNAL_ID_ATTRIBUTE, ()))

    def provision(self, group_id: str) -> str:
        """What Cloud Sync does with a group in scope; the action."""
        if self.anchored(group_id) and self.adopts:
            return "Update"
        made = b.guid(f"made for {group_id} {len(self.held)}")
        self.held[made] = {EXTERNAL_ID_ATTRIBUTE: {f"Group_{group_id}"}}
        return "Create"

    # What the steps ask of AD

    def has(self, group_id: str, members: Sequence[str], dn: str = "", account_name: str = "") -> bool:
        """As ``Present``; members are left out here."""
        del members, dn, account_name
        return bool(self.anchored(group_id))

    def guids(self, group_ids: Sequence[str]) -> list[str]:
        """As ``Present``."""
        return sorted(guid for one in group_ids for guid in self.anchored(one))

    def read(self, guid: str, attributes: Iterable[str]) -> Entry | None:
        """As ``Directory``."""
        values = self.held.get(guid)
        if values is None:
            return None
        asked = {name.lower(): [one.encode() for one in sorted(values.get(name, ()))] for name in attributes}
        return Entry(f"CN={guid},{OU}", asked)

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        """As ``Directory``: all of it, or nothing."""
        self.tick()
        loss = self.losses.pop(0) if self.losses else "ok"
        if loss == "before":
            raise WriteUnanswered(t("lost on the way"), code="write-unanswered")
        values = copy.deepcopy(self.held[guid])
        for delta in deltas:
            now = values.setdefault(delta.name, set())
            assert set(delta.removed) <= now, "noSuchAttribute"
            assert not set(delta.added) & now, "attributeOrValueExists"
            values[delta.name] = (now - set(delta.removed)) | set(delta.added)
        self.held[guid] = {name: found for name, found in values.items() if found}
        self.tick()
        if loss == "after":
            raise WriteUnanswered(t("the answer is lost"), code="write-unanswered")


@dataclass
class Tenant(Graph):
    """The configuration, whose job provisions into ``ad``."""

    ad: Objects = field(default_factory=Objects)

    def state(self) -> tuple[object, ...]:
        """With AD."""
        return (*super().state(), copy.deepcopy(self.ad.held))

    def _write(self, method: str, path: str, body: Any) -> Reply:
        reply = super()._write(method, path, body)
        if path.endswith("/provisionOnDemand"):
            (subject,) = body["parameters"][0]["subjects"]
            value = {"action": self.ad.provision(subject["objectId"]), "statusInfo": {"status": "Success"}}
            return Reply(200, {"key": json.dumps({"result": "Success"}), "value": json.dumps(value)})
        return reply


def tenant(groups: Sequence[DirectoryGroup], **more: Any) -> Tenant:
    """A configuration beside these AD objects, whose mapping leaves their names as they are."""
    held: dict[str, dict[str, set[str]]] = {
        group.guid: {
            name: set(group.attributes[name])
            for name in (ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE)
            if name in group.attributes
        }
        for group in groups
    }
    mapped = schema(parentDistinguishedName=f'"{OU}"')
    return Tenant(schema=mapped, ad=Objects(held), **more)


def read(world: Tenant, groups: Sequence[DirectoryGroup]) -> Inventory:
    """Both sides as a run reads them now: the same objects with today's anchors and marks."""
    owners = (ANCHOR_ATTRIBUTE, EXTERNAL_ID_ATTRIBUTE, MARK_ATTRIBUTE)
    today = [
        replace(
            group,
            attributes={
                **{name: values for name, values in group.attributes.items() if name not in owners},
                **{name: tuple(sorted(found)) for name, found in world.ad.held[group.guid].items()},
            },
        )
        for group in groups
    ]
    members: Mapping[str, Any] = {group.display_name: PEOPLE for group in GROUPS}
    return inventory(GROUPS, members, today, USERS)


def mark(group: CloudGroup) -> str:
    """This runbook's mark of a group."""
    return mark_of(b.TENANT, group.id)
