"""Search entries out of their bytes: what ldap3 makes of them, nothing of a damaged one or of another's answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.utils.asn1 import decode_message_fast

from rehearsal.directory import ber
from rehearsal.directory.messages import SEARCH_DONE, Control, result, search_entry, search_reference, write_message
from runbook_lib.directory.entries import DamagedAnswer, EntryReceiver, TooManyMessages, decode_entry, entry_in
from runbook_lib.directory.search import Entry
from tests.unit.directory.embedded import BASE, Embedded

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}(;range=[0-9]{1,3}-([0-9]{1,4}|\*))?", fullmatch=True)
VALUES = st.lists(st.binary(max_size=300), max_size=5)
NUMBERS = st.sampled_from([1, 127, 128, 255, 40_000, 9_000_000])


def long_form(element: bytes) -> bytes:
    """The same element with its length in four octets, as Active Directory writes those of what holds others."""
    reader_at = 2 + (element[1] - 128 if element[1] > 127 else 0)
    content = element[reader_at:]
    return element[:1] + b"\x84" + len(content).to_bytes(4, "big") + content


@settings(max_examples=300, deadline=None)
@given(
    dn=st.text(max_size=200), attributes=st.dictionaries(NAMES, VALUES, max_size=8), number=NUMBERS, long=st.booleans()
)
def test_an_entry_is_what_ldap3_makes_of_it(
    dn: str, attributes: dict[str, list[bytes]], number: int, long: bool
) -> None:
    dn = dn.encode("utf-8", "replace").decode()
    content = search_entry(dn, list(attributes.items()))
    message = write_message(
        number, long_form(content) if long else content, [Control("1.2.3", False, b"x")] if long else []
    )
    message = long_form(message) if long else message
    found, at = entry_in(message)
    assert (found, at is not None) == (number, True)
    name, pairs = decode_message_fast(message)["payload"]
    expected = {pair[3][0][3].decode().lower(): [value[3] for value in pair[3][1][3]] for pair in pairs[3]}
    assert at is not None
    assert decode_entry(message, at) == Entry(name[3].decode(), expected)


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(st.binary(max_size=150), min_size=1, max_size=3),
    place=st.integers(0, 10_000),
    octet=st.integers(0, 255),
    cut=st.booleans(),
)
def test_a_damaged_entry_is_refused_or_another_whole_one(
    values: list[bytes], place: int, octet: int, cut: bool
) -> None:
    whole = write_message(7, search_entry("CN=a,DC=x", [("member", values)]))
    place %= len(whole)
    damaged = whole[:place] if cut else whole[:place] + bytes([octet]) + whole[place + 1 :]
    _, at = entry_in(damaged)
    if at is None:
        return
    try:
        entry = decode_entry(damaged, at)
    except DamagedAnswer:
        return
    # As many bytes as there were: nothing was left out, nothing came from behind the end.
    size = len(entry.dn.encode("utf-8", "surrogateescape")) + sum(len(name) for name in entry.attributes)
    size += sum(len(value) for found in entry.attributes.values() for value in found)
    assert size <= len(whole)
    assert not cut


@pytest.mark.parametrize(
    "attributes",
    [
        ber.sequence([ber.sequence([ber.text("cn"), ber.sequence([ber.text("a")], ber.SET)])])[:-1],
        ber.sequence([ber.sequence([ber.text("cn"), ber.sequence([ber.text("a")])])]),
        ber.sequence([ber.sequence([ber.text("cn"), ber.sequence([ber.integer(1)], ber.SET)])]),
        ber.sequence([ber.sequence([ber.text("cn"), ber.sequence([], ber.SET), ber.text("more")])]),
        ber.sequence([ber.sequence([ber.octets(b"\xff"), ber.sequence([], ber.SET)])]),
        ber.sequence([ber.sequence([ber.text("cn"), b"\x31\x05\x04\x01a"])]),
        ber.sequence([ber.sequence([ber.text("cn"), b"\x31\x03\x04\x02a"])]),
        ber.sequence([]) + ber.text("more"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(attributes: bytes) -> None:
    message = write_message(7, ber.tlv(0x64, ber.text("CN=a") + attributes))
    _, at = entry_in(message)
    assert at is not None
    with pytest.raises(DamagedAnswer):
        decode_entry(message, at)


def receiver(*portions: bytes, most: int = 100) -> tuple[EntryReceiver, SimpleNamespace]:
    waiting = [*portions, b""]
    connection = SimpleNamespace(
        send=lambda number: number,
        socket=SimpleNamespace(recv=lambda _: waiting.pop(0)),
        strategy=SimpleNamespace(),
    )
    taking = EntryReceiver(connection, most, 100)
    connection.send(7)
    taking.begin()
    return taking, connection.strategy


ONE, TWO = (write_message(7, search_entry(f"CN={name}", [("cn", [b"x"])])) for name in ("one", "two"))
STRANGE = write_message(8, search_entry("CN=strange", []))
REFERENCE = write_message(7, search_reference("ldap://other"))
DONE = write_message(7, result(SEARCH_DONE, 0))


def test_ldap3_is_given_everything_but_the_entries_of_this_answer() -> None:
    taking, strategy = receiver(ONE, TWO + REFERENCE, STRANGE, DONE)
    assert [strategy.receiving() for _ in range(4)] == [[REFERENCE], [STRANGE], [DONE], []]
    assert [entry.dn for entry in taking.entries] == ["CN=one", "CN=two"]
    taking.begin()
    assert taking.entries == []


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=12), cuts=st.lists(st.integers(1, 200)), long=st.booleans()
)
def test_messages_are_whole_however_their_bytes_arrive(sizes: list[int], cuts: list[int], long: bool) -> None:
    names = [f"CN={'x' * size}" for size in sizes]
    messages = [write_message(7, search_entry(name, [])) for name in names]
    stream = b"".join(long_form(message) if long else message for message in messages) + REFERENCE + DONE
    portions = []
    for cut in cuts:
        portions.append(stream[:cut])
        stream = stream[cut:]
    taking, strategy = receiver(*filter(None, [*portions, stream]))
    others: list[bytes] = []
    while others[-1:] != [DONE]:
        others += strategy.receiving()
    assert [entry.dn for entry in taking.entries] == names
    assert others == [REFERENCE, DONE]


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400", b"\x30\x80\x00\x00", b"\x30\xff" + b"\x00" * 200])
def test_what_is_no_message_of_ldap_ends_the_answer(garbage: bytes) -> None:
    _, strategy = receiver(ONE, garbage)
    with pytest.raises(DamagedAnswer):
        strategy.receiving()


def test_an_answer_of_too_many_messages_ends() -> None:
    taking, strategy = receiver(*[ONE] * 5, most=3)
    with pytest.raises(TooManyMessages, match="more than 3 messages"):
        strategy.receiving()
    assert len(taking.entries) == 3


def test_ldap3_has_what_the_receiver_puts_itself_in_the_place_of(embedded: Embedded) -> None:
    """Entries never reach ldap3, and nothing of its inside is needed for that.

    Where a version of ldap3 fails here, its ``Connection.search`` does not send by ``connection.send`` or its
    ``SafeSyncStrategy`` does not receive by ``receiving`` any more. Look in its source for what it calls instead and
    replace that in ``EntryReceiver``; or bind ldap3 to the version before in pyproject.toml.
    """
    with embedded.open() as directory:
        line = directory._line
        _, result, response, _ = line.request(
            "search", BASE, "(objectClass=*)", search_scope="BASE", attributes=["objectClass"]
        )
        assert (result["result"], response) == (0, [])
        assert [entry.dn for entry in line.entries] == [BASE]
