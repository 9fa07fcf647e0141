"""One object as a search returned it: raw bytes, decoded only when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.directory.decode import guid_text, sid_text
from runbook_lib.errors import ServiceFailed


@dataclass(frozen=True, slots=True)
class Entry:
    """An object's DN and the attributes that the server returned.

    ``attributes`` has lower-case names and raw values; an absent attribute is an absent key. Names in the methods are
    case-insensitive. Text that is not UTF-8 is decoded with surrogate escapes, so it can be written back unchanged.
    """

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def raw(self, name: str) -> tuple[bytes, ...]:
        """All values as bytes."""
        return tuple(self.attributes.get(name.lower(), ()))

    def texts(self, name: str) -> tuple[str, ...]:
        """All values as text, in the server's order."""
        return tuple(value.decode("utf-8", "surrogateescape") for value in self.attributes.get(name.lower(), ()))

    def text(self, name: str) -> str | None:
        """The first value as text, or None."""
        values = self.attributes.get(name.lower())
        return values[0].decode("utf-8", "surrogateescape") if values else None

    def integer(self, name: str) -> int | None:
        """The first value as a number, or None.

        Raises:
            ServiceFailed: The value is not a number.
        """
        values = self.attributes.get(name.lower())
        if not values:
            return None
        try:
            return int(values[0])
        except ValueError:
            raise self._malformed(name) from None

    def truth(self, name: str) -> bool:
        """Whether the first value is ``TRUE``; False for an absent attribute."""
        values = self.attributes.get(name.lower())
        return bool(values) and values is not None and values[0].upper() == b"TRUE"

    def guid_of(self, name: str) -> str | None:
        """The first value as a lower-case GUID, or None; None too for bytes that are no GUID."""
        values = self.attributes.get(name.lower())
        return guid_text(values[0]) if values and len(values[0]) == 16 else None

    @property
    def guid(self) -> str:
        """objectGUID, which every object has; it must have been asked for.

        Raises:
            ServiceFailed: The server did not return it.
        """
        value = self.guid_of("objectguid")
        if value is None:
            raise self._malformed("objectGUID")
        return value

    @property
    def sid(self) -> str | None:
        """objectSid as ``S-1-…``, or None."""
        values = self.attributes.get("objectsid")
        return sid_text(values[0]) if values else None

    def _malformed(self, name: str) -> ServiceFailed:
        return ServiceFailed(
            f"Active Directory returned no usable {name} for {self.dn}.",
            code="malformed-answer",
            hint="Check that the account may read the attribute.",
            values={"dn": self.dn, "attribute": name},
        )
