"""The values that v1 writes to a group: its name in both naming modes, plain attributes, mail attributes. Pure.

Texts are cut as Connect's expressions cut them, which count UTF-16 units: ``Left(Trim([displayName]),51)``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from runbook_lib.connect.predicted import NamingMode
from runbook_lib.exchange.recipients import EXCHANGE_GROUP_ATTRIBUTES
from runbook_lib.inventory.naming import DESCRIPTION_UNITS, RDN_NAME_UNITS, cut_units
from runbook_lib.model.cloud import CloudGroup, Switch
from runbook_lib.model.directory import UNIVERSAL_DISTRIBUTION
from runbook_lib.model.ids import ANCHOR_ATTRIBUTE, anchor_of
from runbook_lib.model.predicted import Known, Predicted
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
