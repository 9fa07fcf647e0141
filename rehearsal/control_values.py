"""Values of AD attributes as the control endpoint takes and shows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from unicodedata import category

from rehearsal.cloud.control import ControlRefusedError
from rehearsal.directory import DirectoryStore
from rehearsal.directory.descriptors import ATTRIBUTE as DESCRIPTOR
from rehearsal.directory.tree import Guid, Node
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


class ShownDirectory:
    """Everything that a directory holds, as text. Of an object that did not change meanwhile it is known already."""

    def __init__(self, directory: DirectoryStore) -> None:
        self._directory = directory
        self._known: dict[Guid, tuple[Node, dict[str, list[str]]]] = {}

    def now(self) -> dict[str, dict[str, list[str]]]:
        """Attributes by name by DN, links and back links among them; without descriptors."""
        return {dn: {**self._stored(node), **links} for dn, node, links in self._directory.listed()}

    def _stored(self, node: Node) -> dict[str, list[str]]:
        known = self._known.get(node.guid)
        if known is None or known[0] is not node:
            shown = {
                name: [shown_value(name, value) for value in values]
                for name, values in node.attributes.items()
                if name != DESCRIPTOR
            }
            known = self._known[node.guid] = node, shown
        return known[1]


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
