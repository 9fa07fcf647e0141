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

ANCHOR_ATTRIBUTE = "adminDescription"
MARK_ATTRIBUTE = "extensionName"
EXTERNAL_ID_ATTRIBUTE = "msDS-ExternalDirectoryObjectId"
"""Cloud Sync's join anchor. This project reads it and never writes it."""
RETIRED_MARK = "gwb-retired"
"""Second value of ``extensionName`` on a retired object of ours."""

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ANCHOR = re.compile(rf"Group_({_GUID})", re.IGNORECASE)
_USER_ANCHOR = re.compile(rf"User_({_GUID})", re.IGNORECASE)
_MARK = re.compile(rf"gwb:({_GUID}):({_GUID})", re.IGNORECASE)


def anchor_of(group_id: str) -> str:
    """``adminDescription`` value for a cloud group."""
    return f"Group_{group_id.lower()}"


def mark_of(tenant_id: str, group_id: str) -> str:
    """``extensionName`` value that says: written by this runbook, for this group of this tenant."""
    return f"gwb:{tenant_id.lower()}:{group_id.lower()}"


def group_id_of_anchor(value: str) -> str | None:
    """Cloud group id inside an anchor, or None: operators also use ``Group_<anything>`` to hide groups from sync."""
    match = _ANCHOR.fullmatch(value)
    return match.group(1).lower() if match else None


def user_id_of_anchor(value: str) -> str | None:
    """Cloud user id inside ``User_<id>`` (accounts that Cloud Sync provisioned), or None."""
    match = _USER_ANCHOR.fullmatch(value)
    return match.group(1).lower() if match else None


def owner_of_mark(values: tuple[str, ...]) -> tuple[str, str] | None:
    """``(tenant id, group id)`` of the one mark among ``extensionName`` values, or None.

    Two different marks on one object prove nothing, so they count as none.
    """
    found = {(m.group(1).lower(), m.group(2).lower()) for v in values if (m := _MARK.fullmatch(v))}
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
