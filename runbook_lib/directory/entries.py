"""Search entries, decoded from their bytes: the one message of LDAP that comes by the ten thousand.

ldap3 decodes an entry into tuples of tuples, then into two dictionaries, and copies those deeply; that is two thirds of
the time of a large reading. Here each value is cut out once. Every other message stays ldap3's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ldap3.core.exceptions import LDAPException

from runbook_lib.directory.search import Entry
from runbook_lib.model.text import t

_SEQUENCE, _SET, _INTEGER, _OCTETS, _ENTRY = 0x30, 0x31, 0x02, 0x04, 0x64
"""Tags of a search entry's parts (RFC 4511, 4.1.1 and 4.5.2; X.690 for the octets)."""


class DamagedAnswer(LDAPException):  # type: ignore[misc]
    """A search entry whose parts do not fit together."""


class TooManyMessages(LDAPException):  # type: ignore[misc]
    """More messages than an answer has."""


class EntryReceiver:
    """Takes the entries out of what an ldap3 strategy receives; ldap3 sees the other messages alone.

    Args:
        strategy: Of the connection; its ``receiving`` is replaced.
        most: Messages of one answer.

    Attributes:
        entries: Those of the answer that is under way, or was the last.
    """

    def __init__(self, strategy: Any, most: int) -> None:
        self.entries: list[Entry] = []
        self._most = most
        self._messages = 0
        self._strategy = strategy
        self._receive: Callable[[], list[bytes]] = strategy.receiving
        strategy.receiving = self._others

    def begin(self) -> None:
        """Forget the answer before."""
        self.entries = []
        self._messages = 0

    def _others(self) -> list[bytes]:
        """The next messages that are no entries; none when the connection has ended."""
        while True:
            messages = self._receive()
            self._messages += len(messages)
            if self._messages > self._most:
                raise TooManyMessages(
                    t("answered one request with more than {most_messages:,} messages", most_messages=self._most)
                )
            others = [message for message in messages if not self._taken(message)]
            if others or not messages:
                return others

    def _taken(self, message: bytes) -> bool:
        """Whether it is an entry of the answer that is waited for, and kept."""
        number, at = entry_in(message)
        if at is None or number not in self._strategy._outstanding:  # noqa: SLF001 - ldap3 refuses strange numbers
            return False
        self.entries.append(decode_entry(message, at))
        return True


def entry_in(message: bytes) -> tuple[int, int | None]:
    """Number of a message and where its search entry begins; None where it holds something else."""
    try:
        at = _content(message, 0, _SEQUENCE)[0]
        at, end = _content(message, at, _INTEGER)
        number = int.from_bytes(message[at:end], "big", signed=True)
        return number, end if message[end] == _ENTRY else None
    except (DamagedAnswer, IndexError):
        return -1, None


def decode_entry(message: bytes, at: int) -> Entry:
    """The entry that begins at ``at``; names in lower case, values as they came.

    Raises:
        DamagedAnswer: Its parts do not fit together.
    """
    try:
        return _decoded(message, at)
    except (IndexError, UnicodeDecodeError):
        raise _damaged() from None


def _decoded(data: bytes, at: int) -> Entry:
    at, end = _content(data, at, _ENTRY)
    first, last = _content(data, at, _OCTETS)
    dn = data[first:last].decode("utf-8", "surrogateescape")
    at, stop = _content(data, last, _SEQUENCE)
    if stop != end or end > len(data):
        raise _damaged()
    attributes: dict[str, list[bytes]] = {}
    while at < stop:
        at, after = _content(data, at, _SEQUENCE)
        first, last = _content(data, at, _OCTETS)
        at, over = _content(data, last, _SET)
        values: list[bytes] = []
        while at < over:  # _content, written out: half of all elements are values
            size = data[at + 1]
            begin = at + 2
            if size > 127:
                begin += size - 128
                size = int.from_bytes(data[at + 2 : begin], "big")
            if data[at] != _OCTETS:
                raise _damaged()
            at = begin + size
            values.append(data[begin:at])
        if not at == over == after <= stop:
            raise _damaged()
        attributes[_name(data[first:last])] = values
    return Entry(dn, attributes)


def _content(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the content of an element of this tag begins and ends (X.690, 8.1.3: definite lengths)."""
    if data[at] != tag:
        raise _damaged()
    size = data[at + 1]
    begin = at + 2
    if size > 127:
        begin += size - 128
        size = int.from_bytes(data[at + 2 : begin], "big")
    return begin, begin + size


@lru_cache(maxsize=4096)
def _name(raw: bytes) -> str:
    return raw.decode("ascii").lower()


def _damaged() -> DamagedAnswer:
    return DamagedAnswer(t("answered with a damaged entry"))
