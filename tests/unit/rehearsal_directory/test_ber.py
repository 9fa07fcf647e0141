"""The BER codec: what it writes it reads, and what is no BER it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.directory import ber
from rehearsal.directory.ber import BerError, Reader
from rehearsal.directory.messages import (
    RESPONSE_OF,
    Control,
    read_message,
    result,
    search_entry,
    search_reference,
    write_message,
)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers(number: int) -> None:
    """Every 64-bit integer, in the fewest octets."""
    encoded = ber.integer(number)
    assert Reader(encoded).integer() == number
    content = encoded[2:]
    redundant = len(content) > 1 and (content[0], content[1] >> 7) in {(0, 0), (255, 1)}
    assert not redundant


@pytest.mark.parametrize(("number", "octets"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (-128, "020180")])
def test_integers_as_the_standard_has_them(number: int, octets: str) -> None:
    """X.690, section 8.3."""
    assert ber.integer(number).hex() == octets


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_sequences(values: list[bytes]) -> None:
    """Parts come back in order."""
    reader = Reader(ber.sequence([ber.octets(value) for value in values])).reader()
    assert [content for _, content in reader.elements()] == values
    assert reader.at_end


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65_535, 65_536])
def test_lengths(size: int) -> None:
    """Short and long form, and how long a message is by its first octets."""
    message = ber.tlv(ber.SEQUENCE, b"x" * size)
    assert Reader(message).read() == (ber.SEQUENCE, b"x" * size)
    assert ber.message_length(message) == len(message)
    assert ber.message_length(message[:1]) is None


@given(st.text(max_size=50), st.booleans())
def test_text_and_booleans(value: str, flag: bool) -> None:
    """UTF-8 and TRUE as 0xFF."""
    assert Reader(ber.text(value)).text() == value
    assert Reader(ber.boolean(flag)).boolean() is flag
    assert ber.boolean(True) == b"\x01\x01\xff"


def test_a_lone_surrogate_is_replaced() -> None:
    """Text from a file name, for example, never stops the server."""
    assert Reader(ber.text("a\ud800")).text() == "a?"


@pytest.mark.parametrize(
    "octets",
    ["04057879", "0480", "0485ffffffffff", "1f0100", "0200", "0209000000000000000000", "0401ff", "0404"],
)
def test_malformed_elements(octets: str) -> None:
    """Truncated, indefinite, oversized, unknown forms."""
    reader = Reader(bytes.fromhex(octets))
    with pytest.raises(BerError):
        reader.integer() if octets.startswith("02") else reader.text()


@pytest.mark.parametrize("octets", ["04", "16030100", "30840fffffff", "3080"])
def test_malformed_messages(octets: str) -> None:
    """Something else than LDAP, TLS for example; too large; of indefinite length."""
    with pytest.raises(BerError):
        ber.message_length(bytes.fromhex(octets))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but BerError comes out of garbage."""
    framed = ber.tlv(ber.SEQUENCE, ber.integer(1) + data)
    for candidate in (data, framed):
        try:
            read_message(candidate)
        except BerError:
            continue


@given(st.sampled_from(sorted(RESPONSE_OF)), st.binary(max_size=120))
def test_any_operation_with_any_content(tag: int, data: bytes) -> None:
    """The same inside a well-formed envelope of every operation."""
    try:
        read_message(ber.sequence([ber.integer(7), ber.tlv(tag, data)]))
    except BerError:
        return


def test_answers() -> None:
    """Messages as RFC 4511 has them, octet by octet."""
    done = write_message(2, result(0x65, 4), [Control("1.2", False, b"x")])
    assert done.hex() == "301b020102" + "65070a010404000400" + "a00d300b0403312e32010100040178"
    entry = search_entry("DC=x", [("cn", [b"a", b"b"]), ("sn", [])])
    assert entry.hex() == "641e" + "040444433d78" + "3016" + "300c0402636e3106040161040162" + "30060402736e3100"
    assert search_reference("ldap://x").hex() == "730a" + "04086c6461703a2f2f78"
    referred = result(0x65, 10, "", matched_dn="DC=x", referral="ldap://y")
    assert referred.hex() == "6517" + "0a010a" + "040444433d78" + "0400" + "a30a04086c6461703a2f2f79"


def test_a_bind_does_not_show_its_password() -> None:
    """Whatever prints or logs a request."""
    content = ber.integer(3) + ber.text("ann@contoso.com") + ber.text("correct horse", 0x80)
    message = read_message(ber.sequence([ber.integer(1), ber.tlv(0x60, content)]))
    assert "ann@contoso.com" in repr(message)
    assert "correct" not in repr(message)
