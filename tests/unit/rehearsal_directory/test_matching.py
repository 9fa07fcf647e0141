"""Filters: from bytes to answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.directory import DirectoryStore, ber
from rehearsal.directory.ber import BerError
from rehearsal.directory.filters import (
    All,
    AnyOf,
    Equal,
    Extensible,
    Filter,
    Not,
    Ordered,
    Present,
    Substrings,
    read_filter,
)
from rehearsal.directory.matching import candidates, compile_filter
from tests.unit.rehearsal_directory.conftest import GROUPS, STAFF

KNOWN = Equal("sAMAccountName", b"ANN")
UNKNOWN = Equal("noSuchAttribute", b"1")


def found(store: DirectoryStore, condition: Filter) -> set[str]:
    """sAMAccountName of the matching people."""
    test = compile_filter(store.tree, condition)
    people = [store.tree.nodes[guid] for guid in store.tree.children(store.node(STAFF).guid)]
    return {person.text("sAMAccountName") for person in people if test(person)}


EVERYBODY = {"ann", "bob", "cleo", "writer"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (KNOWN, {"ann"}),
        (Not(KNOWN), EVERYBODY - {"ann"}),
        (UNKNOWN, set()),
        (Not(UNKNOWN), set()),
        (AnyOf((UNKNOWN, KNOWN)), {"ann"}),
        (Not(All((UNKNOWN, KNOWN))), EVERYBODY - {"ann"}),
        (All(()), EVERYBODY),
        (AnyOf(()), set()),
        (Present("SAMACCOUNTNAME"), EVERYBODY),
        (Present("description"), set()),
        (Ordered("sAMAccountName", b"c", True), {"cleo", "writer"}),
        (Ordered("sAMAccountName", b"bob", False), {"ann", "bob"}),
        (Substrings("sAMAccountName", b"", (b"RI", b"T"), b"r"), {"writer"}),
        (Substrings("sAMAccountName", b"a", (), b"nn"), {"ann"}),
        (Substrings("sAMAccountName", b"an", (), b"nn"), set()),
        (Extensible("userAccountControl", "1.2.840.113556.1.4.803", b"512"), EVERYBODY),
        (Extensible("userAccountControl", "1.2.840.113556.1.4.803", b"514"), set()),
        (Extensible("userAccountControl", "1.2.840.113556.1.4.804", b"514"), EVERYBODY),
        (Extensible("sAMAccountName", "1.2.840.113556.1.4.803", b"1"), set()),
        (Extensible("sAMAccountName", "", b"Bob"), {"bob"}),
        (Equal("userAccountControl", b"many"), set()),
        (Not(Equal("userAccountControl", b"many")), set()),
        (Equal("whenCreated", b"20261122053015.0Z"), EVERYBODY),
        (Equal("objectCategory", b"person"), EVERYBODY),
        (Equal("objectCategory", b"group"), set()),
        (Equal("distinguishedName", f"cn=Ann,{STAFF}".encode()), {"ann"}),
    ],
)
def test_answers(store: DirectoryStore, condition: Filter, expected: set[str]) -> None:
    """Three-valued: what is not known is not found, under a negation neither."""
    assert found(store, condition) == expected


VALUES = st.sampled_from([b"ann", b"bob", b"512", b"person", b"zz", b"\xff"])
NAMES = st.sampled_from(["sAMAccountName", "cn", "userAccountControl", "objectClass", "noSuchAttribute", "objectGUID"])
LEAVES = st.builds(Equal, NAMES, VALUES) | st.builds(Present, NAMES)
TREES = st.recursive(
    LEAVES, lambda inner: st.builds(Not, inner) | st.builds(All, st.lists(inner, max_size=3).map(tuple))
    | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)), max_leaves=8,
)  # fmt: skip


@given(condition=TREES)
def test_indexes_never_hide_a_match(built: tuple[DirectoryStore, object], condition: Filter) -> None:
    """Whatever a filter finds by looking at everything is among its candidates."""
    store = built[0]
    few = candidates(store.tree, condition)
    test = compile_filter(store.tree, condition)
    matching = {guid for guid, node in store.tree.nodes.items() if test(node)}
    assert few is None or matching <= set(few)


def test_in_chain(store: DirectoryStore) -> None:
    """Nested groups, also where they hold each other."""
    inner, outer = f"CN=inner,{GROUPS}", f"CN=outer,{GROUPS}"
    store.add(inner, {"objectClass": ["group"], "member": [f"CN=ann,{STAFF}"]})
    store.add(outer, {"objectClass": ["group"], "member": [inner]})
    store.modify(inner, {"member": [f"CN=ann,{STAFF}", outer]})
    assert found(store, Extensible("memberOf", "1.2.840.113556.1.4.1941", outer.encode())) == {"ann"}


def test_filters_from_the_wire() -> None:
    """(&(cn=a*b*c)(!(x>=1))(m:dn:1.2:=v)) as octets."""
    parts = [
        ber.sequence(
            [ber.text("cn"), ber.sequence([ber.text(t, k) for t, k in (("a", 128), ("b", 129), ("c", 130))])], 0xA4
        ),
        ber.sequence([ber.sequence([ber.text("x"), ber.text("1")], 0xA5)], 0xA2),
        ber.sequence([ber.text("1.2", 0x81), ber.text("m", 0x82), ber.text("v", 0x83), ber.boolean(True, 0x84)], 0xA9),
    ]
    assert read_filter(0xA0, b"".join(parts)) == All(
        (Substrings("cn", b"a", (b"b",), b"c"), Not(Ordered("x", b"1", True)), Extensible("m", "1.2", b"v"))
    )


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (0xA4, ber.sequence([]) + ber.sequence([])),
        (0xA4, ber.text("cn") + ber.sequence([])),
        (0xA4, ber.text("cn") + ber.sequence([ber.text("a", 0x82), ber.text("b", 0x80)])),
        (0xA4, ber.text("cn") + ber.sequence([ber.text("a", 0x83)])),
        (0xA2, b""),
        (0xAF, b""),
        (0x87, b"\xff"),
        (0xA3, ber.text("cn")),
    ],
)
def test_malformed_filters(tag: int, content: bytes) -> None:
    """Refused."""
    with pytest.raises(BerError):
        read_filter(tag, content)


def test_deep_filters_are_refused() -> None:
    """Before Python's stack ends."""
    content = ber.tlv(0x87, b"cn")
    for _ in range(500):
        content = ber.tlv(0xA2, content)
    with pytest.raises(BerError):
        read_filter(0xA2, content)
