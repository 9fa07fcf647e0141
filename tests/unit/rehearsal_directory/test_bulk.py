"""Loading many objects at once leaves what adding them one by one leaves; indexes find what is in them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping, Sequence

import pytest

from rehearsal.directory import DirectoryStore
from rehearsal.directory.descriptors import ATTRIBUTE
from rehearsal.directory.filters import Equal, Extensible, Filter, Not, Substrings
from rehearsal.directory.matching import candidates, compile_filter
from tests.unit.rehearsal_directory.conftest import BASE, NOW

OU = f"OU=Many,{BASE}"
GUID = uuid.UUID(int=7 << 70).bytes_le
TWO, SID = ["SMTP:a@b", "smtp:c@d"], "S-1-5-21-1-2-3-4711"
Given = Mapping[str, str | bytes | Sequence[str | bytes]]
OBJECTS: tuple[tuple[str, Given], ...] = (
    (OU, {"objectClass": ["organizationalUnit"]}),
    (f"CN=Smith\\, Ann,{OU}", {"objectClass": ["user"], "sAMAccountName": "ann", "proxyAddresses": TWO}),
    (f"CN=bob,{OU}", {"objectClass": "user", "sAMAccountName": "bob", "objectGUID": GUID, "objectSid": SID}),
    (f"CN=contact,{OU}", {"objectClass": ["contact"], "mail": "x@y.example", "objectGUID": str(uuid.UUID(int=9))}),
    (f"CN=guarded,{OU}", {"objectClass": ["group"], "adminCount": "1", "adminDescription": "Group_1"}),
    (
        f"CN=all,{OU}",
        {
            "objectClass": ["group"],
            "groupType": "8",
            "adminDescription": "Group_2",
            "member": [f"CN=Smith\\, Ann,{OU}", f"CN=bob,{OU}", f"CN=contact,{OU}"],
        },
    ),
)


def _store() -> DirectoryStore:
    numbers = itertools.count(1)
    return DirectoryStore(
        "contoso.com", "CONTOSO", clock=lambda: NOW, guid_source=lambda: uuid.UUID(int=next(numbers) << 64 | 5)
    )


@pytest.fixture(scope="module")
def loaded() -> DirectoryStore:
    """A store into which the objects were loaded."""
    store = _store()
    assert store.load(OBJECTS) == len(OBJECTS)
    return store


def test_loaded_is_as_good_as_added(loaded: DirectoryStore) -> None:
    """Attributes, links, descriptors, SIDs, update sequence numbers."""
    added = _store()
    for dn, given in OBJECTS:
        added.add(dn, given)
    assert loaded.dump() == added.dump()
    for dn, _ in OBJECTS:
        one, other = loaded.node(dn), added.node(dn)
        assert one.attributes[ATTRIBUTE] == other.attributes[ATTRIBUTE]
        assert list(one.links.get("member", ())) == list(other.links.get("member", ()))


@pytest.mark.parametrize("given", [{"objectClass": ["starship"]}, {"objectClass": ["group"], "noSuchAttribute": "x"}])
def test_unknown_names(loaded: DirectoryStore, given: Given) -> None:
    """A class or an attribute that the schema does not have, a parent or member that is not there."""
    with pytest.raises(LookupError):
        loaded.load([(f"CN=x,{OU}", given)])
    for dn, member in ((f"CN=x,OU=nowhere,{BASE}", OU), (f"CN=x,{OU}", f"CN=nobody,{OU}")):
        with pytest.raises(LookupError):
            loaded.load([(dn, {"objectClass": ["group"], "member": [member]})])


ALL = f"CN=all,{OU}"


@pytest.mark.parametrize(
    ("condition", "narrowed", "found"),
    [
        (Equal("sAMAccountName", b"ANN"), 1, ["Smith\\, Ann"]),
        (Equal("objectGUID", GUID), 1, ["bob"]),
        (Equal("proxyAddresses", b"smtp:A@B"), 1, ["Smith\\, Ann"]),
        (Equal("mail", b"x@y.example"), 1, ["contact"]),
        (Substrings("adminDescription", b"group_", (), b""), 2, ["guarded", "all"]),
        (Substrings("proxyAddresses", b"SMTP:", (), b"d"), 1, ["Smith\\, Ann"]),
        (Equal("member", f"CN=bob,{OU}".encode()), 1, ["all"]),
        (Equal("memberOf", ALL.encode()), 3, ["Smith\\, Ann", "bob", "contact"]),
        (Extensible("memberOf", "1.2.840.113556.1.4.1941", ALL.encode()), 3, ["Smith\\, Ann", "bob", "contact"]),
        (Equal("member", b"CN=nobody,DC=contoso,DC=com"), 0, []),
        (Not(Equal("mail", b"x@y.example")), None, None),
        (Equal("groupType", b"8"), None, None),
    ],
)
def test_indexes(loaded: DirectoryStore, condition: Filter, narrowed: int | None, found: list[str] | None) -> None:
    """Few candidates where there is an index, and the same objects as a look at every one would find."""
    tree = loaded.tree
    few = candidates(tree, condition)
    assert (None if few is None else len(few)) == narrowed
    matches = compile_filter(tree, condition)
    whole = {guid for guid, node in tree.nodes.items() if matches(node)}
    assert few is None or whole <= set(few)
    if found is not None:
        assert whole == {loaded.node(f"CN={name},{OU}").guid for name in found}


def test_indexes_follow_changes() -> None:
    """A value that two objects share, given up by one, then by the other; one that an object had alone."""
    store = _store()
    store.load(OBJECTS)
    store.modify(f"CN=Smith\\, Ann,{OU}", {"sAMAccountName": "anna"})
    assert not store.tree.indexed("sAMAccountName", "ann")
    assert len(store.tree.indexed("sAMAccountName", "anna")) == 1
    store.modify(f"CN=bob,{OU}", {"mail": "x@y.example"})
    for dn, left in ((f"CN=contact,{OU}", [f"CN=bob,{OU}"]), (f"CN=bob,{OU}", [])):
        assert store.node(dn).guid in store.tree.indexed("mail", "x@y.example")
        store.modify(dn, {"mail": []})
        assert [store.tree.dn(guid) for guid in store.tree.indexed("mail", "x@y.example")] == left
