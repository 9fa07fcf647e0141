"""What stands in AD already, and what the names of predicted groups meet there and among each other."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from runbook_lib.cloud_sync.predicted import PredictedGroup, Trouble
from runbook_lib.model.directory import DirectoryGroup, DirectorySnapshot
from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.ids import EXTERNAL_ID_ATTRIBUTE, group_id_of_anchor
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import character_name, printable

LONGEST_CN = 64
"""Characters of cn (AD schema, rangeUpper)."""
LONGEST_ACCOUNT_NAME = 256
"""Characters of a group's sAMAccountName (AD schema, rangeUpper)."""
_NOT_IN_ACCOUNT_NAMES = re.compile(r'["/\\\[\]:;|=,+*?<>]|[\x00-\x1f]|\.$')
"""What AD refuses in a sAMAccountName (Microsoft Open Specifications, MS-SAMR 3.1.1.6)."""


class OccupiedNames:
    """What stands in AD already: by anchor, by SID, by place and name, by account name."""

    def __init__(self, directory: DirectorySnapshot) -> None:
        self.by_sid = {group.sid: group for group in directory.groups if group.sid}
        self.by_external: defaultdict[str, list[DirectoryGroup]] = defaultdict(list)
        for group in directory.groups:
            owner = group_id_of_anchor(group.text(EXTERNAL_ID_ATTRIBUTE) or "")
            if owner:
                self.by_external[owner].append(group)
        self.at = {normalize_foreign_dn(item.dn): item.guid for item in directory.objects}
        self.accounts: defaultdict[str, set[str]] = defaultdict(set)
        for item in directory.objects:
            if item.sam_account_name:
                self.accounts[item.sam_account_name.casefold()].add(item.guid)


def with_collisions(groups: Sequence[PredictedGroup], present: OccupiedNames) -> tuple[PredictedGroup, ...]:
    """The same groups with what their names meet: in AD, and among each other."""
    where = [_place(group) for group in groups]
    places = Counter(where)
    names = Counter(group.account_name.value.casefold() for group in groups)
    return tuple(
        replace(group, troubles=(*group.troubles, *_collisions(group, place, places, names, present)))
        for group, place in zip(groups, where, strict=True)
    )


def _place(group: PredictedGroup) -> str:
    return (normalize_foreign_dn(group.dn.value) or "") if group.dn.known else ""


def _collisions(
    group: PredictedGroup, place: str, places: Mapping[str, int], names: Mapping[str, int], present: OccupiedNames
) -> list[Trouble]:
    found = []
    name = group.account_name.value
    if place and places[place] > 1:
        found.append(
            Trouble("cn-twice", t("{count} groups in scope get the same name in the same OU.", count=places[place]))
        )
    if place and present.at.get(place, group.guid) != group.guid:
        found.append(Trouble("cn-taken", t("Another object has that name: {dn}.", dn=printable(group.dn.value))))
    if len(group.cn.value) > LONGEST_CN:
        found.append(
            Trouble(
                "cn-too-long", t("Its cn has {count} characters of {most}.", count=len(group.cn.value), most=LONGEST_CN)
            )
        )
    if name and names[name.casefold()] > 1:
        count = names[name.casefold()]
        found.append(Trouble("account-name-twice", t("{count} groups in scope get this sAMAccountName.", count=count)))
    if name and present.accounts.get(name.casefold(), set()) - {group.guid}:
        found.append(
            Trouble(
                "account-name-taken", t("{name} is another object's sAMAccountName.", name=printable(name, limit=80))
            )
        )
    if name and ((bad := _NOT_IN_ACCOUNT_NAMES.search(name)) or not name.strip()):
        which = character_name(bad[0] if bad else name[0])
        found.append(Trouble("account-name-characters", t("AD refuses {which} in its sAMAccountName.", which=which)))
    if len(name) > LONGEST_ACCOUNT_NAME:
        found.append(
            Trouble(
                "account-name-too-long",
                t("sAMAccountName has {count} characters of {most}.", count=len(name), most=LONGEST_ACCOUNT_NAME),
            )
        )
    return found
