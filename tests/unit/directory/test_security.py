"""Security descriptors: there and back, as Windows lays them out, and refused when they are none."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.directory.rights.constants import (
    AccessMask,
    GuidKind,
    WellKnownSid,
    expand_generic,
    guid_of,
    known_guids,
)
from runbook_lib.directory.rights.descriptor import (
    Ace,
    AceFlag,
    AceType,
    Acl,
    Control,
    OpaqueAce,
    SecurityDescriptor,
    parse_security_descriptor,
)

# Owner Domain Admins, group Domain Users, DACL: allow Everyone to read; object allow, container inherit, for groups.
# Written out by hand from [MS-DTYP] 2.4.6, 2.4.5, 2.4.4.2 and 2.4.4.3; the SACL holds one audit entry.
_WINDOWS = bytes.fromhex(
    "0100 148c 94000000 b0000000 14000000 30000000"
    # SACL: revision 4, 28 octets, one entry: SYSTEM_AUDIT, successful access, mask WRITE_DAC, Everyone
    "0400 1c00 0100 0000 02 40 1400 00000400 010100000000000100000000"
    # DACL: revision 4, 100 octets, two entries
    "0400 6400 0200 0000"
    "00 00 1400 94000200 010100000000000100000000"
    "05 12 4800 20000000 03000000 c07996bfe60dd011a28500aa003049e2 9c7a96bfe60dd011a28500aa003049e2"
    "010500000000000515000000 01000000 02000000 03000000 6b040000"
    "010500000000000515000000 01000000 02000000 03000000 00020000"
    "010500000000000515000000 01000000 02000000 03000000 01020000"
)

_sids = st.builds(
    lambda authority, parts: "-".join(["S-1", str(authority), *map(str, parts)]),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15),
)
_guids = st.none() | st.uuids().map(str)
_flags = st.integers(0, 0xFF).map(AceFlag)
_masks = st.integers(0, 2**32 - 1).map(AccessMask)
_plain = st.builds(Ace, st.sampled_from([AceType.ALLOWED, AceType.DENIED]), _sids, _masks, _flags)
_object = st.builds(
    Ace, st.sampled_from([AceType.ALLOWED_OBJECT, AceType.DENIED_OBJECT]), _sids, _masks, _flags, _guids, _guids
)
_opaque = st.builds(
    OpaqueAce,
    st.integers(0, 255).filter(lambda kind: kind not in set(AceType)),
    _flags,
    st.binary(max_size=40).map(lambda body: body + bytes(-len(body) % 4)),
)
_acls = st.builds(Acl, st.lists(_plain | _object | _opaque, max_size=6).map(tuple), st.sampled_from([2, 4]))
_descriptors = st.builds(
    SecurityDescriptor,
    st.none() | _sids,
    st.none() | _sids,
    st.none() | _acls,
    st.none() | _acls,
    st.integers(0, 0xFFFF).map(Control),
    st.integers(0, 255),
)


def _settled(descriptor: SecurityDescriptor) -> SecurityDescriptor:
    """With the flags that writing sets; without the SACL or DACL that they say is not there."""
    control = descriptor.control | Control.SELF_RELATIVE
    control |= Control.DACL_PRESENT if descriptor.dacl is not None else Control(0)
    control |= Control.SACL_PRESENT if descriptor.sacl is not None else Control(0)
    return replace(descriptor, control=control)


@settings(max_examples=60)
@given(_descriptors)
def test_descriptors_go_there_and_back(descriptor: SecurityDescriptor) -> None:
    """Every part and flag survives, entries of unknown types included."""
    assert parse_security_descriptor(descriptor.to_bytes()) == _settled(descriptor)


@settings(max_examples=100)
@given(_descriptors, st.data())
def test_damaged_octets_are_a_descriptor_or_one_error(descriptor: SecurityDescriptor, data: st.DataObject) -> None:
    """A cut or changed descriptor never raises anything but ValueError with its own words."""
    value = bytearray(descriptor.to_bytes())
    value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(value[: data.draw(st.integers(0, len(value)))])
    try:
        parse_security_descriptor(cut)
    except ValueError as refused:
        assert str(refused).startswith("not a security descriptor: ")  # noqa: PT017 - many cuts are still one


def test_a_descriptor_as_windows_lays_it_out() -> None:
    """Read part by part; written again it is the same, octet by octet."""
    descriptor = parse_security_descriptor(_WINDOWS)
    assert (descriptor.owner, descriptor.group) == ("S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3-513")
    everyone, member = descriptor.entries
    assert everyone == Ace(AceType.ALLOWED, WellKnownSid.EVERYONE, AccessMask(0x20094))
    assert member.sid == "S-1-5-21-1-2-3-1131"
    assert (member.mask, member.inherited) == (AccessMask.WRITE_PROPERTY, True)
    assert member.object_type == guid_of(GuidKind.ATTRIBUTE, "member")
    assert member.inherited_object_type == guid_of(GuidKind.CLASS, "group")
    assert descriptor.sacl is not None
    assert descriptor.sacl.aces[0] == OpaqueAce(2, AceFlag.SUCCESSFUL_ACCESS, _WINDOWS[0x14 + 12 : 0x30])
    assert not descriptor.protected
    assert descriptor.to_bytes() == _WINDOWS


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda value: value[:19], "header"),
        (lambda value: b"\x02" + value[1:], "header"),
        (lambda value: value[:3] + b"\x00" + value[4:], "header"),
        (lambda value: value[:-1], "group"),
        (lambda value: value[:0x14] + b"\x03" + value[0x15:], "SACL"),
        (lambda value: value[:0x16] + b"\xff\xff" + value[0x18:], "SACL"),
        (lambda value: value[:0x18] + b"\x02" + value[0x19:], "SACL entry 2 of 2"),
        (lambda value: value[:0x1E] + b"\x02" + value[0x1F:], "SACL entry 1 of 1"),
        (lambda value: value[:0x1E] + b"\x00" + value[0x1F:], "SACL entry 1 of 1"),
        (lambda value: value[:0x1E] + b"\x40" + value[0x1F:], "SACL entry 1 of 1"),
    ],
)
def test_what_is_wrong_is_named(change: object, complaint: str) -> None:
    """The message leads to the part."""
    audit = OpaqueAce(2, AceFlag(0), bytes(16))
    whole = SecurityDescriptor(WellKnownSid.ADMINISTRATORS, WellKnownSid.USERS, Acl(), Acl((audit,))).to_bytes()
    assert callable(change)
    with pytest.raises(ValueError, match=f"not a security descriptor: {complaint}:"):
        parse_security_descriptor(change(whole))


def test_an_absent_list_differs_from_the_null_list() -> None:
    """No DACL_PRESENT: not read. DACL_PRESENT without a list: everybody may do everything. Empty: nobody anything."""
    absent = parse_security_descriptor(SecurityDescriptor().to_bytes())
    null = parse_security_descriptor(SecurityDescriptor(control=Control.DACL_PRESENT).to_bytes())
    empty = parse_security_descriptor(SecurityDescriptor(dacl=Acl()).to_bytes())
    assert (absent.dacl, bool(absent.control & Control.DACL_PRESENT)) == (None, False)
    assert (null.dacl, bool(null.control & Control.DACL_PRESENT)) == (None, True)
    assert empty.dacl == Acl()
    unflagged = bytearray(SecurityDescriptor(dacl=Acl(), sacl=Acl()).to_bytes())
    unflagged[2] = 0
    assert parse_security_descriptor(bytes(unflagged)) == SecurityDescriptor(control=Control.SELF_RELATIVE)


def test_what_cannot_be_written_is_refused() -> None:
    """Object types without a place for them; lists longer than 64 KiB."""
    misplaced = Ace(AceType.ALLOWED, WellKnownSid.EVERYONE, AccessMask.DELETE, object_type=str(UUID(int=1)))
    with pytest.raises(ValueError, match="no place"):
        misplaced.to_bytes()
    entry = Ace(AceType.ALLOWED, WellKnownSid.EVERYONE, AccessMask.DELETE)
    with pytest.raises(ValueError, match="longer than"):
        Acl((entry,) * 4000).to_bytes()
    with pytest.raises(ValueError, match="multiple of 4"):
        OpaqueAce(2, AceFlag(0), b"123").to_bytes()


def test_generic_rights() -> None:
    """As [MS-ADTS] 5.1.3.2 translates them for directory objects."""
    read = AccessMask.READ_CONTROL | AccessMask.LIST_CONTENTS | AccessMask.READ_PROPERTY | AccessMask.LIST_OBJECT
    assert expand_generic(AccessMask.GENERIC_READ) == read
    assert expand_generic(AccessMask.GENERIC_ALL | AccessMask.GENERIC_READ) == 0xF01FF
    assert expand_generic(AccessMask.DELETE) == AccessMask.DELETE


def test_known_guids() -> None:
    """Names are unique per kind, GUIDs are well-formed and lower case, property sets are in the list."""
    items = known_guids()
    assert len({(item.kind, item.name.lower()) for item in items}) == len(items)
    sets = {item.guid for item in items if item.kind is GuidKind.PROPERTY_SET}
    for item in items:
        assert str(UUID(item.guid)) == item.guid
        assert item.property_set is None or item.property_set in sets
    assert guid_of(GuidKind.EXTENDED_RIGHT, "reanimate-tombstones") == "45ec5156-db7e-47bb-b53f-dbeb2d03c40f"
    with pytest.raises(LookupError, match="no class named 'unknown'"):
        guid_of(GuidKind.CLASS, "unknown")
