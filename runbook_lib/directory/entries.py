"""Search entries, decoded from their bytes: the one message of LDAP that comes by the ten thousand.

ldap3 copies the bytes of an answer for every message in it, decodes an entry into tuples of tuples, then into two
dictionaries, and copies those deeply; that is three quarters of the time of a large reading. Here each value is cut out
once. Every other message stays ldap3's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ldap3.core.exceptions import LDAPException, LDAPSocketReceiveError

from runbook_lib.directory.search import Entry
from runbook_lib.model.text import t

_SEQUENCE, _SET, _INTEGER, _OCTETS, _ENTRY = 0x30, 0x31, 0x02, 0x04, 0x64
"""Tags of a search entry's parts (RFC 4511, 4.1.1 and 4.5.2; X.690 for the octets)."""
_LONGEST_LENGTH = 8
"""Octets that say how long an element is; four are enough for anything that is taken."""


class DamagedAnswer(LDAPException):  # type: ignore[misc]
    """A search entry whose parts do not fit together."""


class TooManyMessages(LDAPException):  # type: ignore[misc]
    """More messages than an answer has."""


class EntryReceiver:
    """Receives for an ldap3 connection (SAFE_SYNC) and takes the entries out; ldap3 sees the other messages alone.

    ``send`` of the connection and ``receiving`` of its strategy are replaced, both of them names that ldap3 documents
    or overrides itself; ``tests/unit/directory/test_entries.py`` says what to do where a new version changes them.

    Args:
        connection: The ldap3 connection, bound.
        most: Messages of one answer.
        portion: Bytes that are taken from the socket at once.

    Attributes:
        entries: Those of the answer that is under way, or was the last.
    """

    def __init__(self, connection: Any, most: int, portion: int) -> None:
        self.entries: list[Entry] = []
        self._most = most
        self._messages = 0
        self._connection = connection
        self._portion = portion
        self._number = -1
        self._rest = bytearray()
        """What came after the last whole message."""
        self._send = connection.send
        connection.send = self._sent
        connection.strategy.receiving = self._others

    def begin(self) -> None:
        """Forget the answer before."""
        self.entries = []
        self._messages = 0

    def _sent(self, *arguments: Any, **named: Any) -> Any:
        """Send a request; entries under its number are its answer."""
        self._number = self._send(*arguments, **named)
        return self._number

    def _others(self) -> list[bytes]:
        """The next messages that are no entries; none when the connection has ended."""
        while True:
            socket = self._connection.socket
            if socket is None:
                raise LDAPSocketReceiveError(t("the connection is closed"))
            arrived = socket.recv(self._portion)
            if not arrived:
                return []
            self._rest += arrived
            if others := self._taken():
                return others

    def _taken(self) -> list[bytes]:
        """Take every whole message; those that are no entries of the answer that is waited for."""
        rest, at, others = self._rest, 0, []
        while (end := _end_of_message(rest, at)) is not None:
            message, at = bytes(rest[at:end]), end
            self._messages += 1
            if self._messages > self._most:
                raise TooManyMessages(
                    t("answered one request with more than {most_messages:,} messages", most_messages=self._most)
                )
            number, begins = entry_in(message)
            if begins is None or number != self._number:  # ldap3 refuses strange numbers
                others.append(message)
            else:
                self.entries.append(decode_entry(message, begins))
        del rest[:at]
        return others


def _end_of_message(data: bytearray, at: int) -> int | None:
    """Where the message that begins at ``at`` ends; None where that is not there yet.

    Raises:
        DamagedAnswer: No message of LDAP begins there.
    """
    there = len(data) - at
    if there > 0 and data[at] != _SEQUENCE:
        raise _damaged()
    if there < 2:
        return None
    size, begin = data[at + 1], at + 2
    if size > 127:
        if there < 2 + size - 128:
            return None
        size, begin = _long(data, size, begin)
    end = begin + size
    return end if end <= len(data) else None


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
    # _content, written out: an entry has ten attributes of three elements each, besides its values.
    while at < stop:
        size, begin = data[at + 1], at + 2
        if size > 127:
            size, begin = _long(data, size, begin)
        after = begin + size
        size, first = data[begin + 1], begin + 2
        if size > 127:
            size, first = _long(data, size, first)
        last = first + size
        if data[at] != _SEQUENCE or data[begin] != _OCTETS or data[last] != _SET:
            raise _damaged()
        size, at = data[last + 1], last + 2
        if size > 127:
            size, at = _long(data, size, at)
        over = at + size
        values: list[bytes] = []
        while at < over:
            size, begin = data[at + 1], at + 2
            if size > 127:
                size, begin = _long(data, size, begin)
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
    size, begin = data[at + 1], at + 2
    if size > 127:
        size, begin = _long(data, size, begin)
    return begin, begin + size


def _long(data: bytes | bytearray, first: int, at: int) -> tuple[int, int]:
    """The size of an element and where its content begins, by the octets at ``at`` that ``first`` counts."""
    octets = first - 128
    if not 0 < octets <= _LONGEST_LENGTH:
        raise _damaged()
    return int.from_bytes(data[at : at + octets], "big"), at + octets


@lru_cache(maxsize=4096)
def _name(raw: bytes) -> str:
    return raw.decode("ascii").lower()


def _damaged() -> DamagedAnswer:
    return DamagedAnswer(t("answered with a damaged entry"))
