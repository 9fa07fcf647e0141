"""What identifies things: the values that tie an AD group to its cloud group, canonical JSON and its digests.

Connect and Cloud Sync both write ``adminDescription = Group_<group id>`` (Microsoft Entra documentation, "Attribute
mapping in Microsoft Entra Cloud Sync from Microsoft Entra ID to Active Directory"), so the anchor alone never proves
that an object is ours. The mark does: one value of ``extensionName``. The same facts give the same canonical JSON, byte
for byte, on every machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import NewType

ANCHOR_ATTRIBUTE = "adminDescription"
MARK_ATTRIBUTE = "extensionName"
EXTERNAL_ID_ATTRIBUTE = "msDS-ExternalDirectoryObjectId"
"""Cloud Sync's join anchor. This project writes it only where a group goes over to Cloud Sync, or comes back."""
RETIRED_MARK = "gwb-retired"
"""Second value of ``extensionName`` on a retired object of ours."""

GroupId = NewType("GroupId", str)
"""Object id of a cloud group, a GUID in lower case (Microsoft Graph, ``group.id``). Made by ``as_group_id`` alone."""
ObjectGuid = NewType("ObjectGuid", str)
"""``objectGUID`` of an AD object in lower case, as Windows spells the 16 bytes ([MS-DTYP] 2.3.4). Made by
``as_object_guid`` alone."""
NO_GROUP = GroupId("")
"""Where a change is about no group."""
NO_OBJECT = ObjectGuid("")
"""Where there is no AD object, or none yet."""

_HEX = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ANY_HEX = _HEX.replace("a-f", "a-fA-F")
_GUID = re.compile(_ANY_HEX)  # spelled out: a match that ignores case takes three times as long
GUID_PATTERN = f"^{_ANY_HEX}$"
"""The same as JSON Schema takes it: without flags, from beginning to end."""
WRITTEN_GUID_PATTERN = f"^{_HEX}$"
"""A GUID as this product writes it: in lower case."""
_ANCHOR = re.compile(rf"Group_({_HEX})", re.IGNORECASE)
_USER_ANCHOR = re.compile(rf"User_({_HEX})", re.IGNORECASE)
_MARK = re.compile(rf"gwb:({_HEX}):({_HEX})", re.IGNORECASE)


def is_guid(text: str) -> bool:
    """Whether ``text`` is a GUID as 8-4-4-4-12 hexadecimal digits, in whatever case."""
    return _GUID.fullmatch(text) is not None


def guid_within(text: str) -> str | None:
    """The first GUID that stands anywhere in ``text``, in lower case; None where there is none."""
    found = _GUID.search(text)
    return found[0].lower() if found else None


def lower_guid(text: str) -> str:
    """The GUID that ``text`` is, in lower case.

    Raises:
        ValueError: It is none.
    """
    if not is_guid(text):
        raise ValueError(f"not a GUID: {text!a}")
    return text.lower()


def as_group_id(text: str) -> GroupId:
    """The id of a cloud group, checked and in lower case.

    Raises:
        ValueError: ``text`` is no GUID.
    """
    return GroupId(lower_guid(text))


def as_object_guid(text: str | bytes) -> ObjectGuid:
    """The GUID of an AD object, checked and in lower case: from text, or from the 16 bytes of ``objectGUID``.

    Raises:
        ValueError: ``text`` is no GUID.
    """
    if isinstance(text, str):
        return ObjectGuid(lower_guid(text))
    if len(text) != 16:
        raise ValueError("not the 16 bytes of a GUID")
    # The first three groups are little-endian ([MS-DTYP] 2.3.4.2).
    shown = (text[3::-1] + text[5:3:-1] + text[7:5:-1] + text[8:]).hex()
    return ObjectGuid(f"{shown[:8]}-{shown[8:12]}-{shown[12:16]}-{shown[16:20]}-{shown[20:]}")


def group_id_or_none(text: str) -> GroupId:
    """As ``as_group_id``, where an empty text stands for no group; it gives ``NO_GROUP`` for that.

    Raises:
        ValueError: ``text`` is something else and no GUID.
    """
    return as_group_id(text) if text else NO_GROUP


def object_guid_or_none(text: str) -> ObjectGuid:
    """As ``as_object_guid``, where an empty text stands for no object; it gives ``NO_OBJECT`` for that.

    Raises:
        ValueError: ``text`` is something else and no GUID.
    """
    return as_object_guid(text) if text else NO_OBJECT


def anchor_of(group: GroupId) -> str:
    """``adminDescription`` value for a cloud group."""
    return f"Group_{group}"


def mark_of(tenant_id: str, group: GroupId) -> str:
    """``extensionName`` value that says: written by this runbook, for this group of this tenant (lower-case GUIDs)."""
    return f"gwb:{tenant_id}:{group}"


def group_id_of_anchor(value: str) -> GroupId | None:
    """Cloud group id inside an anchor, or None: operators also use ``Group_<anything>`` to hide groups from sync."""
    match = _ANCHOR.fullmatch(value)
    return as_group_id(match.group(1)) if match else None


def user_id_of_anchor(value: str) -> str | None:
    """Cloud user id inside ``User_<id>`` (accounts that Cloud Sync provisioned), or None."""
    match = _USER_ANCHOR.fullmatch(value)
    return lower_guid(match.group(1)) if match else None


def owner_of_mark(values: tuple[str, ...]) -> tuple[str, GroupId] | None:
    """``(tenant id, group id)`` of the one mark among ``extensionName`` values, or None.

    Two different marks on one object prove nothing, so they count as none.
    """
    found = {(lower_guid(m.group(1)), as_group_id(m.group(2))) for v in values if (m := _MARK.fullmatch(v))}
    return found.pop() if len(found) == 1 else None


def canonical_json(value: object) -> bytes:
    """Encode JSON-compatible ``value`` as UTF-8 with sorted keys and no white space.

    Raises:
        ValueError: For NaN and infinities, which JSON does not have.
        TypeError: For anything that JSON does not know (sets have no order, so they are refused too).
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


class DigestedOnce:
    """Keeps a digest beside the fields: no part of equality, of a copy that is changed, or of a pickle."""

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "digest"}
