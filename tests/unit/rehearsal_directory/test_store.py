"""The store from inside: what LDAP cannot show."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rehearsal.directory import DirectoryStore, deletion
from rehearsal.directory.failures import LdapError
from rehearsal.directory.lifecycle import rename
from rehearsal.directory.rights import SYSTEM
from rehearsal.directory.tree import Tree
from runbook_lib.directory.search import sid_text
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, NOW, STAFF, WRITER

ANN = f"CN=ann,{STAFF}"
ADMINISTRATOR = f"CN=Administrator,CN=Users,{BASE}"


def test_given_identifiers(store: DirectoryStore) -> None:
    """The system may say which objectGUID and objectSid an object gets."""
    guid = "12345678-9abc-def0-1234-56789abcdef0"
    sid = "S-1-5-21-1-2-3-4444"
    assert store.add(f"CN=g,{GROUPS}", {"objectClass": ["group"], "objectGUID": guid, "objectSid": sid}) == guid
    node = store.node(f"<GUID={guid}>")
    assert sid_text(node.attributes["objectSid"][0]) == sid
    assert store.node(f"<SID={sid}>") is node


def test_any_attribute_of_the_schema_as_the_system(store: DirectoryStore) -> None:
    """Data may be stranger than the schema allows, but not unknown to it."""
    store.add(f"CN=g,{GROUPS}", {"objectClass": ["group"], "userPrincipalName": "x@y"})
    with pytest.raises(LdapError):
        store.add(f"CN=h,{GROUPS}", {"objectClass": ["group"], "mailNickname": "x"})
    store.extend_schema_for_exchange()
    store.add(f"CN=h,{GROUPS}", {"objectClass": ["group"], "mailNickname": "x"})
    assert store.node(f"CN=ms-Exch-Schema-Version-Pt,{store.schema_dn}").text("rangeUpper") == "17003"
    store.extend_schema_for_exchange(15334)
    assert store.node(f"CN=ms-Exch-Schema-Version-Pt,{store.schema_dn}").text("rangeUpper") == "15334"


def test_snapshot_and_restore(store: DirectoryStore) -> None:
    """Back to the octet, with indexes, links, rights, passwords, schema."""
    store.add(f"CN=g,{GROUPS}", {"objectClass": ["group"], "sAMAccountName": "g", "member": [ANN]})
    snapshot, before = store.snapshot(), store.dump()
    sid = store.next_sid()
    store.delete(ANN)
    store.delete(f"CN=g,{GROUPS}")
    store.add(f"CN=new,{GROUPS}", {"objectClass": ["group"], "sAMAccountName": "g"})
    store.extend_schema_for_exchange()
    store.deny_read(WRITER, STAFF)
    store.set_password(WRITER, "changed")
    assert store.dump() != before
    store.restore(snapshot)
    assert store.dump() == before
    assert [store.tree.dn(guid) for guid in store.tree.indexed("sAMAccountName", "g")] == [f"CN=g,{GROUPS}"]
    assert store.tree.schema.attribute("mailNickname") is None
    assert store.authenticate("CONTOSO\\writer", "correct horse")
    assert store.rights.may_see(store.node(WRITER).guid, store.node(ANN).guid)
    assert store.next_sid() == sid
    store.add(f"CN=new,{GROUPS}", {"objectClass": ["group"]})


def indexes(tree: Tree) -> tuple[object, ...]:
    """Everything that a tree knows besides its objects; the order of children and sources counts."""
    index = {name: {key: set(tree.indexed(name, key)) for key in keys} for name, keys in tree._index.items() if keys}
    children = {guid: list(below.items()) for guid, below in tree._children.items()}
    sources = {key: list(found) for key, found in tree._sources.items() if found}
    names = [tree.dn(guid) for guid in tree.nodes]
    return tree.root, children, sources, index, names


@given(
    st.lists(st.tuples(st.sampled_from(("add", "move", "delete", "member", "text")), st.integers(0, 9)), max_size=12)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_a_restored_tree_is_indexed_as_one_that_is_built_from_nothing(
    store: DirectoryStore, changes: list[tuple[str, int]]
) -> None:
    """Only what differs is indexed anew; names that were taken meanwhile, links and order are as they were."""
    start = store.snapshot()
    for number in range(4):
        members = [ANN] if number % 2 else []
        store.add(
            f"CN=g{number},{GROUPS}", {"objectClass": ["group"], "sAMAccountName": f"g{number}", "member": members}
        )
    kept = store.snapshot()
    for what, number in changes:
        dn = f"CN=g{number % 4},{GROUPS}"
        with suppress(LdapError, LookupError):
            if what == "add":
                store.add(f"CN=g{number},{GROUPS}", {"objectClass": ["group"], "sAMAccountName": f"g{number}"})
            elif what == "move":
                place = store.node(STAFF if number > 5 else GROUPS)
                rename(store, SYSTEM, store.node(dn), f"CN=g{(number + 1) % 5}", place)
            elif what == "delete":
                store.delete(dn)
            elif what == "member":
                store.modify(dn, {"member": [WRITER, f"CN=g{(number + 1) % 4},{GROUPS}"]})
            else:
                store.modify(dn, {"mail": f"{number}@contoso.com"})
    built = Tree(kept.schema, store.base_dn)
    built._children = {guid: {} for guid in kept.nodes}  # a child may come before its parent
    for node in kept.nodes.values():
        built.commit(node)
    version, _ = store.tree.version, indexes(store.tree)
    store.restore(kept)
    assert store.tree.version > version, "what is remembered of a version is remembered of the wrong one"
    assert store.tree.nodes == built.nodes
    assert indexes(store.tree) == indexes(built)
    store.restore(start)


def test_restored_objects_are_not_touched_by_later_changes(store: DirectoryStore) -> None:
    """A snapshot shares objects with the store; changes make new ones."""
    snapshot = store.snapshot()
    store.modify(ANN, {"description": "changed", "manager": [WRITER]})
    kept = snapshot.nodes[store.node(ANN).guid]
    assert "description" not in kept.attributes
    assert "manager" not in kept.links


def test_dump(store: DirectoryStore) -> None:
    """Everything by DN, deleted objects and back links too."""
    store.add(f"CN=g,{GROUPS}", {"objectClass": ["group"], "member": [ANN]})
    store.delete(WRITER)
    dump = store.dump()
    assert dump[f"CN=g,{GROUPS}"]["member"] == [ANN.encode()]
    assert dump[ANN]["memberOf"] == [f"CN=g,{GROUPS}".encode()]
    assert dump[ANN]["objectGUID"][0] == store.node(ANN).guid
    (gone,) = [dn for dn in dump if dn.startswith("CN=writer\\0ADEL:")]
    assert dump[gone]["lastKnownParent"] == [STAFF.encode()]


def test_recycle_bin(store: DirectoryStore) -> None:
    """On, a deleted object keeps its attributes, and links in both directions come back with it."""
    group, team = f"CN=g,{GROUPS}", f"CN=team,{GROUPS}"
    store.add(group, {"objectClass": ["group"], "member": [ANN], "adminDescription": "Group_1"})
    store.add(team, {"objectClass": ["group"], "member": [group, ANN]})
    store.recycle_bin = True
    guid = store.node(group).guid
    store.delete(group)
    gone = store.tree.nodes[guid]
    assert gone.text("adminDescription") == "Group_1"
    assert "member" not in gone.links
    assert store.node(team).links["member"] == {store.node(ANN).guid: None}
    deletion.undelete(store, SYSTEM, gone, group, ())
    assert store.node(group).links["member"] == {store.node(ANN).guid: None}
    assert store.node(group).links["objectCategory"]
    assert guid in store.node(team).links["member"]
    store.recycle_bin = False
    assert not store.recycle_bin


def test_rights(store: DirectoryStore) -> None:
    """Below the granted container yes; the container itself, elsewhere, and by strangers no."""
    store.add(f"CN=g,{GROUPS}", {"objectClass": ["group"]}, as_system=False, account=WRITER)
    for dn, account in ((f"CN=h,{STAFF}", WRITER), (f"CN=h,{GROUPS}", ANN), (f"CN=h,{BASE}", WRITER)):
        with pytest.raises(LdapError, match="00002098") as refused:
            store.add(dn, {"objectClass": ["group"]}, as_system=False, account=account)
        assert refused.value.code == 50
    store.add(f"CN=admins,{GROUPS}", {"objectClass": ["group"], "member": [ANN]})
    administrators = f"CN=Domain Admins,CN=Users,{BASE}"
    store.modify(administrators, {"member": [f"CN=admins,{GROUPS}"]})
    store.add(f"CN=h,{STAFF}", {"objectClass": ["group"]}, as_system=False, account=ANN)
    description = store.tree.schema.attribute("description")
    assert description is not None
    assert store.rights.may_write(store.node(WRITER).guid, store.node(f"CN=g,{GROUPS}"), description)
    assert not store.rights.may_write(store.node(WRITER).guid, store.node(GROUPS), description)


@pytest.mark.parametrize("name", ["writer@contoso.com", "contoso\\WRITER", "CONTOSO.COM\\writer", WRITER.lower()])
def test_bind_names(store: DirectoryStore, name: str) -> None:
    """UPN (the implicit one too), DOMAIN\\user, DN."""
    assert store.authenticate(name, "correct horse") == store.node(WRITER).guid


@pytest.mark.parametrize("name", ["writer", "FABRIKAM\\writer", "writer@fabrikam.com", ANN])
def test_unknown_names_and_no_password(store: DirectoryStore, name: str) -> None:
    """All the same to who asks."""
    with pytest.raises(LdapError, match="data 52e"):
        store.authenticate(name, "correct horse")


def test_disabled_accounts(store: DirectoryStore) -> None:
    """533, but only to who knows the password."""
    store.modify(WRITER, {"userAccountControl": "514"})
    with pytest.raises(LdapError, match="data 533"):
        store.authenticate(WRITER, "correct horse")
    with pytest.raises(LdapError, match="data 52e"):
        store.authenticate(WRITER, "wrong")


def test_a_user_over_ldap_begins_disabled(store: DirectoryStore) -> None:
    """As AD does it; as the system it is an ordinary account."""
    store.add(f"CN=u,{GROUPS}", {"objectClass": ["user"]}, as_system=False, account=ADMINISTRATOR)
    assert store.node(f"CN=u,{GROUPS}").text("userAccountControl") == "546"
    assert store.node(ANN).text("userAccountControl") == "512"


def test_account_names(store: DirectoryStore) -> None:
    """Twenty characters for users, none of the forbidden ones, UPNs only once."""
    for name, kind in (("x" * 21, "user"), ("a:b", "group"), ("dot.", "group")):
        with pytest.raises(LdapError, match="00000523") as refused:
            store.add(f"CN=n,{GROUPS}", {"objectClass": [kind], "sAMAccountName": name})
        assert refused.value.code == 80
    store.modify(ANN, {"userPrincipalName": "ann@contoso.com"})
    with pytest.raises(LdapError, match="000021C8"):
        store.modify(WRITER, {"userPrincipalName": "ANN@contoso.com"})


def test_a_failed_change_leaves_nothing(store: DirectoryStore) -> None:
    """Not even a used-up sequence number or index entry."""
    before, usn = store.dump(), store.usn
    with pytest.raises(LdapError):
        store.modify(ANN, {"description": "new", "sAMAccountName": "bob"})
    assert (store.dump(), store.usn) == (before, usn)


def test_same_seed_same_world() -> None:
    """With clock and identifiers given, two stores are equal to the octet."""

    def made() -> DirectoryStore:
        numbers = iter(range(1, 1 << 20))
        return DirectoryStore(
            "contoso.com", "CONTOSO", clock=lambda: NOW, guid_source=lambda: uuid.UUID(int=next(numbers))
        )

    assert made().dump() == made().dump()


def test_snapshots_are_cheap(store: DirectoryStore) -> None:
    """Taking and restoring one costs less than a second for some thousand objects."""
    for number in range(2000):
        store.add(f"CN=u{number},{STAFF}", {"objectClass": ["contact"]})
    begun = time.perf_counter()
    store.restore(store.snapshot())
    assert time.perf_counter() - begun < 1
