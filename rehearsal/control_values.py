"""Values of AD attributes as the control endpoint takes and shows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from unicodedata import category

from rehearsal.cloud.control import ControlRefusedError
from runbook_lib.directory.search import guid_text, sid_text

_GUID_ATTRIBUTES = frozenset({"objectGUID", "mS-DS-ConsistencyGuid", "schemaIDGUID", "invocationId"})


def given_attributes(body: Mapping[str, object]) -> dict[str, str | bytes | Sequence[str | bytes]]:
    """Attributes of an edit, as a request names them."""
    given = body.get("attributes")
    if not isinstance(given, dict):
        raise ControlRefusedError("attributes is an object of names and values")
    return {
        str(name): [str(one) for one in value] if isinstance(value, list) else str(value)
        for name, value in given.items()
    }


def shown_value(name: str, value: bytes) -> str:
    """One value of an AD attribute as text; GUIDs and SIDs in their usual form, octets as ``base64:…``."""
    if name in _GUID_ATTRIBUTES and len(value) == 16:
        return guid_text(value)
    if name == "objectSid":
        return sid_text(value)
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    # Most values are printable as they are; only names with line breaks or format characters need a second look.
    if text and (
        text.isprintable() or all(category(char) not in ("Cc", "Cn", "Co") or char in "\t\r\n" for char in text)
    ):
        return text
    return "base64:" + base64.b64encode(value).decode("ascii")
