"""What v1 writes of a group: its name in both naming modes, plain and mail attributes, and which of its members. Pure.

Texts are cut as Connect's expressions cut them, which count UTF-16 units: ``Left(Trim([displayName]),51)``.

Source of members: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback", and what operators
report: the members are references, and a reference is written only for a member whose object Connect has joined in that
forest, which is a synchronized user. Everything else stays away without a word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from runbook_lib.connect.predicted import NamingMode
from runbook_lib.exchange.recipients import EXCHANGE_GROUP_ATTRIBUTES
from runbook_lib.inventory.members import Principal
from runbook_lib.inventory.naming import DESCRIPTION_UNITS, RDN_NAME_UNITS, cut_units
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal, PrincipalType, Switch
from runbook_lib.model.directory import UNIVERSAL_DISTRIBUTION
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, anchor_of
from runbook_lib.model.predicted import (
    CLOUD_MANAGED_MEMBER,
    CLOUD_ONLY_MEMBER,
    UNREAD_MEMBER,
    WRITTEN_MEMBER,
    Known,
    MemberAnswer,
    Predicted,
)
from runbook_lib.model.text import t

NOT_WRITTEN = Predicted()
"""Known, and empty: v1 leaves the attribute alone."""
_HALF = Predicted(why=t("It is cut in the middle of a character: what Connect makes of that is not documented."))
_NO_CHARACTER = Predicted(why=t("It holds something that is no character, which was read as U+FFFD."))
_CONTROL = Predicted(why=t("It holds a control character: what becomes of that in a name is not documented."))
_TYPE_V2 = Predicted(why=t("V2 is on: the group's own setting may choose another type."))
_EXPECTED = Predicted(
    why=t("Expected of Connect's Exchange rule; no public list of what it writes was found."),
)
_NO_RULE = Predicted(why=t("Whether the rule of mail attributes counts is not known."))
_OF_CONNECT = tuple(row for row in EXCHANGE_GROUP_ATTRIBUTES if "connect-sync" in row.routes)
_UNCONFIRMED = tuple(row.attribute for row in _OF_CONNECT if not row.confirmed)
_MAIL = tuple(row.attribute for row in _OF_CONNECT if row.confirmed and row.attribute != ANCHOR_ATTRIBUTE)


def common_names(group: CloudGroup) -> Mapping[NamingMode, Predicted]:
    """cn in either naming mode."""
    return {NamingMode.ID: Predicted(anchor_of(group.id)), NamingMode.DISPLAY_NAME: _by_display_name(group)}


def _by_display_name(group: CloudGroup) -> Predicted:
    name = group.display_name.strip()
    if "displayName" in group.replaced:
        return _NO_CHARACTER
    if any(unicodedata.category(char) == "Cc" for char in name):
        return _CONTROL
    start = _left(name, RDN_NAME_UNITS)
    return start if not start.known else Predicted(f"{start.value}_{group.id[-12:]}")


def plain_values(group: CloudGroup, *, v2: Switch) -> Mapping[str, Predicted]:
    """What every written group has."""
    return {
        ANCHOR_ATTRIBUTE: Predicted(anchor_of(group.id)),
        "groupType": _TYPE_V2 if v2 is Switch.ON else Predicted(str(UNIVERSAL_DISTRIBUTION)),
        "displayName": _NO_CHARACTER if "displayName" in group.replaced else Predicted(group.display_name),
        "description": _NO_CHARACTER
        if "description" in group.replaced
        else _left(group.description or "", DESCRIPTION_UNITS),
    }


def mail_values(group: CloudGroup, exchange: Known, allowed: frozenset[str]) -> Mapping[str, Predicted]:
    """Mail attributes, as far as this forest's schema has them.

    Args:
        group: The cloud group.
        exchange: Whether v1 writes mail attributes in this forest.
        allowed: Attributes that a group may carry in this forest's schema.
    """
    found: dict[str, Predicted] = {}
    primary = next((one for one in group.proxy_addresses if one.startswith("SMTP:")), "")
    values = {"mail": group.mail or "", "mailNickname": group.mail_nickname or "", "proxyAddresses": primary}
    for name in _MAIL:
        writes = exchange is not Known.NO and name in allowed
        found[name] = NOT_WRITTEN if not writes else Predicted(values[name]) if exchange is Known.YES else _NO_RULE
    for name in _UNCONFIRMED:
        found[name] = _EXPECTED if exchange is not Known.NO and name in allowed else NOT_WRITTEN
    return found


def _left(text: str, units: int) -> Predicted:
    """The first UTF-16 units of a text."""
    cut = cut_units(text, units)
    # Shorter than asked for, and not at the end: the next character takes two units, and one was left.
    return _HALF if len(cut) < len(text) and _units(cut) < units else Predicted(cut)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


_WRITTEN_ELSEWHERE = MemberAnswer(
    Known.YES, "other-domain", t("Written; its account is in another domain of the forest, so it is not compared.")
)
_GUEST = MemberAnswer(Known.NO, "guest", t("Guest without an account in AD."))
_NOT_SYNCHRONIZED = MemberAnswer(
    Known.NO, "not-synchronized", t("Not synchronized any more: Connect has joined no account with it.")
)
_OTHER_FOREST = MemberAnswer(
    Known.NO, "other-forest", t("Its account is in another forest than the one that v1 writes to.")
)
_NO_USER = MemberAnswer(Known.NO, "no-user", t("A Microsoft 365 group is written with users as members, nothing else."))
_NO_ACCOUNT_SEEN = MemberAnswer(
    Known.UNKNOWN, "no-account-seen", t("Synchronized, and its account was not found in this domain.")
)
_NOT_CERTAIN = MemberAnswer(
    Known.UNKNOWN, "not-certain", t("Its keys do not lead to one account: which one Connect has joined is not known.")
)
_CONTACT = MemberAnswer(Known.UNKNOWN, "contact", t("Contact: not documented for Microsoft 365 groups."))
_GROUP = MemberAnswer(Known.UNKNOWN, "group", t("Group in a Microsoft 365 group, which Microsoft says cannot be."))

_OF_TYPE: Mapping[PrincipalType, MemberAnswer] = {
    PrincipalType.GROUP: _GROUP,
    PrincipalType.CONTACT: _CONTACT,
    PrincipalType.DEVICE: _NO_USER,
    PrincipalType.SERVICE_PRINCIPAL: _NO_USER,
    PrincipalType.UNKNOWN: UNREAD_MEMBER,
}
_WITHOUT_ACCOUNT: Mapping[str, MemberAnswer] = {
    "guest": _GUEST,
    "cloud-only": CLOUD_ONLY_MEMBER,
    "leftover-keys": _NOT_SYNCHRONIZED,
    "other-domain": _WRITTEN_ELSEWHERE,
    "other-forest": _OTHER_FOREST,
    "not-found": _NO_ACCOUNT_SEEN,
    "other-domain-sid": _NO_ACCOUNT_SEEN,
}
"""By the inventory's reason why a user has no account in the domain that was read; every other one is not certain."""


def connect_writes(principal: Principal, person: CloudPrincipal | None) -> MemberAnswer:
    """Whether v1 writes a member.

    Args:
        principal: Where its keys lead in AD.
        person: The member as the tenant has it; None for what was not read, and for groups.
    """
    kind = PrincipalType(principal.type)
    if kind is not PrincipalType.USER or person is None:
        return _OF_TYPE.get(kind, UNREAD_MEMBER)
    synchronized = bool(person.on_premises_sync_enabled)
    if principal.guid and not principal.code:
        return WRITTEN_MEMBER if synchronized else CLOUD_MANAGED_MEMBER
    answer = _WITHOUT_ACCOUNT.get(principal.code, _NOT_CERTAIN)
    if answer is _WRITTEN_ELSEWHERE and not synchronized:
        return CLOUD_MANAGED_MEMBER
    return answer
