"""What LDAP uses of the Basic Encoding Rules (ITU-T X.690; RFC 4511, section 5.1): definite lengths, one-byte tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BOOLEAN, INTEGER, OCTET_STRING, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
MAX_MESSAGE_BYTES = 10_485_760
"""MaxReceiveBuffer of AD's default query policy."""


class BerError(ValueError):
    """The bytes are not the BER that LDAP allows; the connection cannot be read any further."""


def encode_length(length: int) -> bytes:
    """Length octets in the shortest form."""
    if length < 0x80:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + length.to_bytes(size, "big")


def tlv(tag: int, content: bytes) -> bytes:
    """One element: tag, length, content."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    return bytes((tag,)) + encode_length(length) + content


def octets(value: bytes, tag: int = OCTET_STRING) -> bytes:
    """An OCTET STRING."""
    return tlv(tag, value)


def text(value: str, tag: int = OCTET_STRING) -> bytes:
    """A string in UTF-8; a lone surrogate becomes a question mark instead of an exception."""
    return tlv(tag, value.encode("utf-8", "replace"))


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A two's complement INTEGER (or ENUMERATED, by ``tag``) in the fewest octets."""
    magnitude = value if value >= 0 else ~value
    return tlv(tag, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:
    """TRUE is 0xFF, as RFC 4511 wants it."""
    return tlv(tag, b"\xff" if value else b"\x00")


def sequence(parts: Iterable[bytes], tag: int = SEQUENCE) -> bytes:
    """Parts already encoded, in one constructed element."""
    return tlv(tag, b"".join(parts))


class Reader:
    """Reads elements one after the other from ``data``. Every method raises BerError where the bytes do not fit."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = len(data)

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._position >= self._end

    def peek(self) -> int | None:
        """Tag of the next element, None at the end."""
        return None if self.at_end else self._data[self._position]

    def read(self, *expected: int) -> tuple[int, bytes]:
        """Tag and content of the next element, which must carry one of the ``expected`` tags where any are given."""
        header = _header(self._data, self._position, self._end)
        if header is None:
            raise BerError("truncated element")
        tag, start, end = header
        if end > self._end:
            raise BerError("element longer than what holds it")
        if expected and tag not in expected:
            raise BerError(f"tag 0x{tag:02x} where 0x{expected[0]:02x} belongs")
        self._position = end
        return tag, self._data[start:end]

    def octets(self, tag: int = OCTET_STRING) -> bytes:
        """Content of an OCTET STRING."""
        return self.read(tag)[1]

    def text(self, tag: int = OCTET_STRING) -> str:
        """An OCTET STRING that holds UTF-8."""
        try:
            return self.read(tag)[1].decode("utf-8")
        except UnicodeDecodeError as error:
            raise BerError("not UTF-8") from error

    def integer(self, tag: int = INTEGER) -> int:
        """An INTEGER or, by ``tag``, an ENUMERATED of at most eight octets."""
        content = self.read(tag)[1]
        if not 1 <= len(content) <= 8:
            raise BerError("integer of no or too many octets")
        return int.from_bytes(content, "big", signed=True)

    def boolean(self, tag: int = BOOLEAN) -> bool:
        """A BOOLEAN; every octet but zero is true."""
        content = self.read(tag)[1]
        if len(content) != 1:
            raise BerError("boolean of more or less than one octet")
        return content != b"\x00"

    def reader(self, tag: int = SEQUENCE) -> Reader:
        """A reader of the next element's content."""
        return Reader(self.read(tag)[1])

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """All elements that are left."""
        while not self.at_end:
            yield self.read()


def _header(data: bytes | bytearray, position: int, end: int) -> tuple[int, int, int] | None:
    """Tag, start and end of the content of the element at ``position``; None where the header is not all there."""
    if position + 2 > end:
        return None
    tag, first = data[position], data[position + 1]
    if tag & 0x1F == 0x1F:
        raise BerError("tags of several octets are not used in LDAP")
    position += 2
    if first < 0x80:
        return tag, position, position + first
    size = first & 0x7F
    if not 1 <= size <= 4:
        raise BerError("indefinite or oversized length")
    if position + size > end:
        return None
    length = int.from_bytes(data[position : position + size], "big")
    return tag, position + size, position + size + length


def message_length(buffer: bytes | bytearray) -> int | None:
    """Octets of the LDAP message that ``buffer`` begins with, None while its header is incomplete.

    Raises:
        BerError: It is not a SEQUENCE, or larger than MAX_MESSAGE_BYTES.
    """
    if buffer and buffer[0] != SEQUENCE:
        raise BerError("an LDAP message is a SEQUENCE")
    header = _header(buffer, 0, len(buffer))
    if header is None:
        return None
    if header[2] > MAX_MESSAGE_BYTES:
        raise BerError("message too large")
    return header[2]
