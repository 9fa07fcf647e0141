"""Writes to the root DSE: commands to the domain controller in the form of an LDAP modify ([MS-ADTS], 3.1.1.3.3)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from rehearsal.directory import deletion, failures, schema_objects
from rehearsal.directory.changes import DELETE, Modification
from rehearsal.directory.store import DirectoryStore
from rehearsal.directory.tree import Guid
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, guid_of

_RECYCLE_BIN = uuid.UUID("766ddcd8-acd0-445e-f3b9-a7f9b6744f2a")


def modify_root(store: DirectoryStore, account: Guid, changes: Sequence[Modification]) -> None:
    """Carry out commands; the same connection needs no more than the right that the command names.

    Raises:
        LdapError: An unknown command, a value it does not understand, or no right to it.
    """
    for change in changes:
        command = _COMMANDS.get(change.attribute.lower())
        if command is None or change.operation == DELETE or len(change.values) != 1:
            raise failures.unwilling("00002077")
        command(store, account, change.values[0])


def _schema_update(store: DirectoryStore, account: Guid, _: bytes) -> None:
    _ask(store, account, store.schema_dn, "Update-Schema-Cache")
    schema_objects.refresh(store)


def _garbage_collection(store: DirectoryStore, account: Guid, _: bytes) -> None:
    _ask(store, account, store.controllers[0].settings_dn, "Do-Garbage-Collection")
    deletion.collect_garbage(store)


def _enable_feature(store: DirectoryStore, account: Guid, value: bytes) -> None:
    """``<DN of Partitions>:<GUID of the feature>``, as Enable-ADOptionalFeature sends it."""
    scope, _, feature = value.decode("utf-8", "replace").rpartition(":")
    partitions = store.tree.find(f"CN=Partitions,{store.configuration_dn}")
    try:
        known = store.tree.find(scope) == partitions and uuid.UUID(feature) == _RECYCLE_BIN
    except ValueError:
        known = False
    if not known:
        raise failures.unwilling("00002077")
    _ask(store, account, f"CN=Partitions,{store.configuration_dn}", "Manage-Optional-Features")
    if store.recycle_bin:
        raise failures.value_exists("enableOptionalFeature")
    store.recycle_bin = True


def _ask(store: DirectoryStore, account: Guid, dn: str, right: str) -> None:
    guid = guid_of(GuidKind.EXTENDED_RIGHT, right)
    if not store.rights.may(account, store.node(dn), AccessMask.CONTROL_ACCESS, guid):
        raise failures.insufficient_rights()


_COMMANDS: dict[str, Callable[[DirectoryStore, Guid, bytes], None]] = {
    "schemaupdatenow": _schema_update,
    "dogarbagecollection": _garbage_collection,
    "enableoptionalfeature": _enable_feature,
}
