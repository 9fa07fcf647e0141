"""What the names of groups that somebody else writes meet in AD, and among each other. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from runbook_lib.model.dn import normalize_foreign_dn
from runbook_lib.model.predicted import Predicted, Trouble
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import character_name, printable

LONGEST_CN = 64
"""Characters of cn (AD schema, rangeUpper)."""
LONGEST_ACCOUNT_NAME = 256
"""Characters of a group's sAMAccountName (AD schema, rangeUpper)."""
_NOT_IN_ACCOUNT_NAMES = re.compile(r'["/\\\[\]:;|=,+*?<>]|[\x00-\x1f]|\.$')
"""What AD refuses in a sAMAccountName (Microsoft Open Specifications, MS-SAMR 3.1.1.6)."""


class NamedAhead(Protocol):
    """A group with the names that AD will hold of it."""

    @property
    def guid(self) -> str:
        """objectGUID of its object now; empty for a new one."""

    @property
    def cn(self) -> Predicted:
        """Value of cn."""

    @property
    def dn(self) -> Predicted:
        """Distinguished name."""

    @property
    def account_name(self) -> Predicted:
        """sAMAccountName."""


def name_troubles(
    groups: Sequence[NamedAhead], at: Mapping[str, str], accounts: Mapping[str, Collection[str]]
) -> list[tuple[Trouble, ...]]:
    """For each group what its names meet. A name that is not known meets nothing.

    Codes: ``cn-twice``, ``cn-taken``, ``cn-too-long``, ``account-name-twice``, ``account-name-taken``,
    ``account-name-characters``, ``account-name-too-long``.

    Args:
        groups: All that one writer writes.
        at: Normalized DN to GUID, of every object in AD.
        accounts: Casefolded sAMAccountName to GUIDs.
    """
    where = [_place(group) for group in groups]
    places = Counter(where)
    names = Counter(group.account_name.value.casefold() for group in groups)
    return [
        (*_cn(group, place, places[place], at), *_account_name(group, names, accounts))
        for group, place in zip(groups, where, strict=True)
    ]


def _place(group: NamedAhead) -> str:
    return (normalize_foreign_dn(group.dn.value) or "") if group.dn.known else ""


def _cn(group: NamedAhead, place: str, same: int, at: Mapping[str, str]) -> Iterator[Trouble]:
    if place and same > 1:
        yield Trouble("cn-twice", t("{count} groups in scope get the same name in the same OU.", count=same))
    if place and at.get(place, group.guid) != group.guid:
        yield Trouble("cn-taken", t("Another object has that name: {dn}.", dn=printable(group.dn.value)))
    if len(group.cn.value) > LONGEST_CN:
        yield Trouble(
            "cn-too-long", t("Its cn has {count} characters of {most}.", count=len(group.cn.value), most=LONGEST_CN)
        )


def _account_name(
    group: NamedAhead, names: Mapping[str, int], accounts: Mapping[str, Collection[str]]
) -> Iterator[Trouble]:
    name = group.account_name.value
    if not name:
        return
    if names[name.casefold()] > 1:
        count = names[name.casefold()]
        yield Trouble("account-name-twice", t("{count} groups in scope get this sAMAccountName.", count=count))
    if set(accounts.get(name.casefold(), ())) - {group.guid}:
        yield Trouble(
            "account-name-taken", t("{name} is another object's sAMAccountName.", name=printable(name, limit=80))
        )
    if (bad := _NOT_IN_ACCOUNT_NAMES.search(name)) or not name.strip():
        which = character_name(bad[0] if bad else name[0])
        yield Trouble("account-name-characters", t("AD refuses {which} in its sAMAccountName.", which=which))
    if len(name) > LONGEST_ACCOUNT_NAME:
        yield Trouble(
            "account-name-too-long",
            t("sAMAccountName has {count} characters of {most}.", count=len(name), most=LONGEST_ACCOUNT_NAME),
        )
