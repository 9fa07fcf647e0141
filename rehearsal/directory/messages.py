"""LDAP messages (RFC 4511, section 4): requests from bytes, answers to bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rehearsal.directory import ber
from rehearsal.directory.ber import BerError, Reader
from rehearsal.directory.changes import Modification
from rehearsal.directory.filters import Filter, read_filter

BIND, UNBIND, SEARCH, MODIFY, ADD, DELETE, MODIFY_DN, COMPARE = 0x60, 0x42, 0x63, 0x66, 0x68, 0x4A, 0x6C, 0x6E
ABANDON, EXTENDED = 0x50, 0x77
SEARCH_ENTRY, SEARCH_DONE, SEARCH_REFERENCE, EXTENDED_RESPONSE = 0x64, 0x65, 0x73, 0x78
RESPONSE_OF = {
    BIND: 0x61,
    SEARCH: SEARCH_DONE,
    MODIFY: 0x67,
    ADD: 0x69,
    DELETE: 0x6B,
    MODIFY_DN: 0x6D,
    COMPARE: 0x6F,
    EXTENDED: EXTENDED_RESPONSE,
}
"""Tag of the request to tag of the message that ends its answer."""

_CONTROLS, _SIMPLE, _REFERRAL = 0xA0, 0x80, 0xA3
_NEW_SUPERIOR, _EXTENSION_NAME, _EXTENSION_VALUE = 0x80, 0x80, 0x81
_RESPONSE_NAME, _RESPONSE_VALUE = 0x8A, 0x8B


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a request or an answer."""

    oid: str
    critical: bool
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Bind:
    """``password`` is None for anything but simple authentication."""

    name: str
    password: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """``scope``: 0 base, 1 one level, 2 subtree. ``time_limit`` in seconds; 0 is no limit, of ``size_limit`` too."""

    base: str
    scope: int
    size_limit: int
    time_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Modify:
    """Several modifications of one object."""

    dn: str
    changes: tuple[Modification, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """A new object."""

    dn: str
    attributes: tuple[tuple[str, tuple[bytes, ...]], ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """An object to delete."""

    dn: str


@dataclass(frozen=True, slots=True)
class ModifyDn:
    """``new_superior`` is None where the object stays in its container."""

    dn: str
    new_rdn: str
    delete_old: bool
    new_superior: str | None


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether an object carries a value."""

    dn: str
    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Extended:
    """An extended operation."""

    oid: str


@dataclass(frozen=True, slots=True)
class Abandon:
    """Never mind the request with that message id; nothing is answered."""

    id: int


@dataclass(frozen=True, slots=True)
class Unbind:
    """The client leaves; nothing is answered."""


Request = Bind | Search | Modify | Add | Delete | ModifyDn | Compare | Extended | Abandon | Unbind


@dataclass(frozen=True, slots=True)
class Message:
    """One request. ``tag`` tells its kind, also of the kinds that carry nothing else."""

    id: int
    tag: int
    request: Request
    controls: tuple[Control, ...]

    def control(self, oid: str) -> Control | None:
        """The control of that OID."""
        return next((control for control in self.controls if control.oid == oid), None)


def read_message(data: bytes) -> Message:
    """A request from its bytes; raises BerError."""
    outer = Reader(data).reader()
    number = outer.integer()
    if not 0 <= number < 1 << 31:
        raise BerError("message id out of range")
    tag, content = outer.read()
    request = _request(tag, content)
    controls: tuple[Control, ...] = ()
    if outer.peek() == _CONTROLS:
        controls = tuple(_control(Reader(item)) for _, item in outer.reader(_CONTROLS).elements())
    return Message(number, tag, request, controls)


def _control(reader: Reader) -> Control:
    oid = reader.text()
    critical = reader.boolean() if reader.peek() == ber.BOOLEAN else False
    return Control(oid, critical, None if reader.at_end else reader.octets())


def _request(tag: int, content: bytes) -> Request:
    reader = Reader(content)
    if tag == BIND:
        reader.integer()  # version; AD answers version 2 like 3
        name = reader.text()
        kind, secret = reader.read()
        return Bind(name, secret if kind == _SIMPLE else None)
    if tag == SEARCH:
        return _search(reader)
    if tag == MODIFY:
        dn = reader.text()
        return Modify(dn, tuple(_modification(Reader(item)) for _, item in reader.reader().elements()))
    if tag == ADD:
        dn = reader.text()
        return Add(dn, tuple(_attribute(Reader(item)) for _, item in reader.reader().elements()))
    if tag == DELETE:
        return Delete(_utf8(content))
    if tag == MODIFY_DN:
        dn, rdn, delete_old = reader.text(), reader.text(), reader.boolean()
        return ModifyDn(dn, rdn, delete_old, None if reader.at_end else reader.text(_NEW_SUPERIOR))
    if tag == COMPARE:
        dn, assertion = reader.text(), reader.reader()
        return Compare(dn, assertion.text(), assertion.octets())
    if tag == EXTENDED:
        return Extended(reader.text(_EXTENSION_NAME))
    if tag == ABANDON:
        return Abandon(Reader(ber.octets(content, ber.INTEGER)).integer())
    if tag == UNBIND:
        return Unbind()
    raise BerError(f"unknown operation 0x{tag:02x}")


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BerError("not UTF-8") from error


def _search(reader: Reader) -> Search:
    base, scope = reader.text(), reader.integer(ber.ENUMERATED)
    reader.integer(ber.ENUMERATED)  # aliases: AD has none
    size_limit, time_limit, types_only = reader.integer(), reader.integer(), reader.boolean()
    condition = read_filter(*reader.read())
    names = tuple(_utf8(item) for _, item in reader.reader().elements())
    if scope not in {0, 1, 2}:
        raise BerError("unknown scope")
    return Search(base, scope, size_limit, time_limit, types_only, condition, names)


def _attribute(reader: Reader) -> tuple[str, tuple[bytes, ...]]:
    return reader.text(), tuple(item for _, item in reader.reader(ber.SET).elements())


def _modification(reader: Reader) -> Modification:
    operation = reader.integer(ber.ENUMERATED)
    return Modification(operation, *_attribute(reader.reader()))


def write_message(number: int, content: bytes, controls: Iterable[Control] = ()) -> bytes:
    """A whole message around an encoded answer."""
    encoded = b"".join([_encode_control(item) for item in controls])
    tail = ber.tlv(_CONTROLS, encoded) if encoded else b""
    return ber.sequence([ber.integer(number), content, tail])


def _encode_control(control: Control) -> bytes:
    value = b"" if control.value is None else ber.octets(control.value)
    return ber.sequence([ber.text(control.oid), ber.boolean(control.critical), value])


def result(
    tag: int,
    code: int,
    message: str = "",
    *,
    matched_dn: str = "",
    referral: str = "",
    name: str = "",
    value: bytes | None = None,
) -> bytes:
    """An LDAPResult under the tag of the answer; ``name`` and ``value`` belong to extended operations."""
    parts = [ber.integer(code, ber.ENUMERATED), ber.text(matched_dn), ber.text(message)]
    if referral:
        parts.append(ber.sequence([ber.text(referral)], _REFERRAL))
    if name:
        parts.append(ber.text(name, _RESPONSE_NAME))
    if value is not None:
        parts.append(ber.octets(value, _RESPONSE_VALUE))
    return ber.sequence(parts, tag)


def search_entry(dn: str, attributes: Iterable[tuple[str, Sequence[bytes]]]) -> bytes:
    """One object of a search's answer."""
    # Stored values are tuples that live as long as their object, and mostly the same as those of many others.
    encoded = [
        _known_attribute(name, values) if isinstance(values, tuple) else _encode_attribute(name, values)
        for name, values in attributes
    ]
    return ber.sequence([ber.text(dn), ber.sequence(encoded)], SEARCH_ENTRY)


def _encode_attribute(name: str, values: Sequence[bytes]) -> bytes:
    return ber.sequence([ber.text(name), ber.tlv(ber.SET, b"".join([ber.octets(value) for value in values]))])


_known_attribute = lru_cache(maxsize=100_000)(_encode_attribute)


def search_reference(url: str) -> bytes:
    """Where a search would have to go on."""
    return ber.sequence([ber.text(url)], SEARCH_REFERENCE)
