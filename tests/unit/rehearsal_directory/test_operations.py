"""Commands to the root DSE, and passwords set over LDAP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rehearsal.directory import DirectoryStore, lifecycle
from rehearsal.directory.changes import ADD, DELETE, REPLACE, Modification
from rehearsal.directory.failures import LdapError
from rehearsal.directory.operations import modify_root
from tests.unit.rehearsal_directory.conftest import BASE, GROUPS, NOW, STAFF

ADMINISTRATOR, ANN, BOB = f"CN=Administrator,CN=Users,{BASE}", f"CN=ann,{STAFF}", f"CN=bob,{STAFF}"
FEATURE = "766ddcd8-acd0-445e-f3b9-a7f9b6744f2a"


def _command(store: DirectoryStore, who: str, name: str, *values: str, operation: int = ADD) -> None:
    change = Modification(operation, name, tuple(value.encode() for value in values))
    modify_root(store, store.node(who).guid, [change])


def test_commands_are_for_administrators(store: DirectoryStore) -> None:
    """Each asks for a right of its own; nothing happens without it."""
    partitions = f"CN=Partitions,{store.configuration_dn}"
    for name, value in (
        ("schemaUpdateNow", "1"),
        ("doGarbageCollection", "1"),
        ("enableOptionalFeature", f"{partitions}:{FEATURE}"),
    ):
        with pytest.raises(LdapError) as refused:
            _command(store, BOB, name, value)
        assert refused.value.code == 50
        _command(store, ADMINISTRATOR, name, value)
    assert store.recycle_bin


@pytest.mark.parametrize(
    ("name", "values", "operation"),
    [
        ("noSuchCommand", ["1"], ADD),
        ("schemaUpdateNow", ["1", "2"], ADD),
        ("schemaUpdateNow", ["1"], DELETE),
        ("enableOptionalFeature", ["nonsense"], ADD),
        ("enableOptionalFeature", [f"{BASE}:{FEATURE}"], ADD),
        ("enableOptionalFeature", [f"CN=Partitions,CN=Configuration,{BASE}:{FEATURE[:-1]}0"], ADD),
    ],
)
def test_commands_that_are_none(store: DirectoryStore, name: str, values: list[str], operation: int) -> None:
    """Unwilling to perform."""
    with pytest.raises(LdapError) as refused:
        _command(store, ADMINISTRATOR, name, *values, operation=operation)
    assert refused.value.code == 53
    assert not store.recycle_bin


def test_garbage_is_collected_when_told(store: DirectoryStore) -> None:
    """A tombstone older than its lifetime is gone after the command, not before."""
    store.add(f"CN=g,{GROUPS}", {"objectClass": ["group"]})
    guid, clock = store.node(f"CN=g,{GROUPS}").guid, store.clock
    store.delete(f"CN=g,{GROUPS}")
    store.clock = lambda: NOW + timedelta(days=181)
    try:
        assert guid in store.tree.nodes
        _command(store, ADMINISTRATOR, "doGarbageCollection", "1")
        assert guid not in store.tree.nodes
    finally:
        store.clock = clock


def _reset(store: DirectoryStore, who: str, value: bytes, operation: int = REPLACE) -> None:
    lifecycle.modify(store, store.node(who).guid, store.node(ANN), [Modification(operation, "unicodePwd", (value,))])


def test_passwords_are_reset_by_who_may(store: DirectoryStore) -> None:
    """Administrators, and whoever has the right; the password is neither stored as a value nor shown."""
    quoted = '"new password"'.encode("utf-16-le")
    with pytest.raises(LdapError) as refused:
        _reset(store, BOB, quoted)
    assert refused.value.code == 50
    assert store.node(ANN).guid not in store.passwords
    _reset(store, ADMINISTRATOR, quoted)
    assert store.authenticate("CONTOSO\\ann", "new password") == store.node(ANN).guid
    assert "unicodePwd" not in store.node(ANN).attributes
    store.descriptors.add_entries(ANN, f"(OA;;CR;00299570-246d-11d0-a768-00aa006e0529;;{store.sid(BOB)})")
    _reset(store, BOB, '"another"'.encode("utf-16-le"))
    assert store.authenticate("CONTOSO\\ann", "another")


@pytest.mark.parametrize("value", [b"plain", b'"plain"', "unquoted".encode("utf-16-le"), '""'.encode("utf-16-le")])
def test_passwords_in_another_form_are_refused(store: DirectoryStore, value: bytes) -> None:
    """AD wants quotes and UTF-16."""
    with pytest.raises(LdapError, match="0000001F"):
        _reset(store, ADMINISTRATOR, value)
