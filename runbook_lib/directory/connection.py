"""One bound connection to one domain controller: search, read, add, modify, move, delete, undelete.

Existing objects are addressed by GUID (``<GUID=…>`` as the DN of a request, MS-ADTS 3.1.1.3.1.2.4; Samba takes it in
searches, modifies and moves as well), so a rename between reading and writing cannot hit another object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE

from runbook_lib.directory.errors import BUSY, SUCCESS, DirectoryUnavailable, LdapOperation, ldap_error_of
from runbook_lib.directory.reader import DirectoryReader
from runbook_lib.directory.wire import SHOW_DELETED, guid_name, stored_utf8
from runbook_lib.errors import ServiceFailed, WriteUnanswered
from runbook_lib.model.directory import AttributeDelta
from runbook_lib.model.text import t

_METHODS = {"add": "add", "modify": "modify", "move": "modify_dn", "delete": "delete", "undelete": "modify"}


class Directory(DirectoryReader):
    """A bound connection. Not for use by two threads at once.

    A read whose connection is lost goes on over a new one to the same controller, known by its invocation id; a write
    is never sent twice from here: ``WriteUnanswered`` leaves it to whoever can look at the object.
    """

    def add(self, dn: str, attributes: Mapping[str, Sequence[str]]) -> str:
        """Create an object and return its objectGUID, read back from the same controller.

        Raises:
            EntryExists, ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``directory.errors``.
            ServiceFailed: It was created and cannot be read back (``created-object-unreadable``).
        """
        values = {name: [stored_utf8(v) for v in texts] for name, texts in attributes.items() if texts}
        result = self._send("add", dn, attributes=values)
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="add", dn=dn)
        created = self.read_dn(dn, ["objectGUID"])
        if created is None:
            raise ServiceFailed(
                t("{dn} was created, but cannot be read back.", dn=dn),
                code="created-object-unreadable",
                hint=t("Check that the account may read below the target OU."),
                values={"dn": dn},
            )
        return created.guid

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        """Apply all deltas in one LDAP modify, all or nothing: per attribute first delete values, then add values.

        Values of ``member`` are DNs.

        Raises:
            ValueConflict: The object is not what the deltas were made from.
            ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``directory.errors``.
        """
        changes: dict[str, list[tuple[str, list[bytes]]]] = {}
        for delta in deltas:
            operations = changes.setdefault(delta.name, [])
            # An empty delete would remove the whole attribute.
            if delta.removed:
                operations.append((MODIFY_DELETE, [stored_utf8(value) for value in delta.removed]))
            if delta.added:
                operations.append((MODIFY_ADD, [stored_utf8(value) for value in delta.added]))
        changes = {name: operations for name, operations in changes.items() if operations}
        if not changes:
            return
        result = self._send("modify", guid_name(guid), changes)
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="modify", dn=guid_name(guid))

    def move(self, guid: str, rdn: str, new_parent_dn: str) -> None:
        """Move or rename an object; ``rdn`` is escaped already (``names.rdn``).

        Raises:
            EntryExists, ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``directory.errors``.
        """
        result = self._send("move", guid_name(guid), rdn, delete_old_dn=True, new_superior=new_parent_dn)
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="move", dn=f"{guid_name(guid)} to {rdn},{new_parent_dn}")

    def delete(self, guid: str) -> None:
        """Delete one object, never what stands below it: with objects below, the server refuses (``not-empty``).

        Raises:
            ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``directory.errors``.
        """
        result = self._send("delete", guid_name(guid))
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="delete", dn=guid_name(guid))

    def undelete(self, deleted_dn: str, new_dn: str, values: Mapping[str, Sequence[str]]) -> None:
        """Bring a deleted object back under ``new_dn`` and set ``values`` in the same modify (MS-ADTS 3.1.1.5.3.7).

        Whatever the deleted object still has of these attributes is replaced: a tombstone has lost them, an object in
        the Recycle Bin has kept them.

        Args:
            deleted_dn: Its name among the deleted objects, which holds its GUID.
            new_dn: Where it is to stand.
            values: Attributes to set, all their values.

        Raises:
            EntryExists, ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``directory.errors``.
        """
        changes: dict[str, list[tuple[str, list[bytes]]]] = {
            "isDeleted": [(MODIFY_DELETE, [])],
            "distinguishedName": [(MODIFY_REPLACE, [stored_utf8(new_dn)])],
        }
        changes |= {name: [(MODIFY_REPLACE, [stored_utf8(value) for value in texts])] for name, texts in values.items()}
        result = self._send("undelete", deleted_dn, changes, controls=[(SHOW_DELETED, True, None)])
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="undelete", dn=f"{deleted_dn} as {new_dn}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, operation: LdapOperation, dn: str, *arguments: object, **named: object) -> dict[str, Any]:
        """Send one write, once.

        Raises:
            WriteUnanswered: Nothing tells whether it took effect.
        """
        try:
            result: dict[str, Any] = self._line.request(_METHODS[operation], dn, *arguments, **named)[1]
        except DirectoryUnavailable as error:
            raise WriteUnanswered(error.message, code=error.code, hint=error.hint, values=error.values) from None
        if result["result"] in BUSY:
            busy = ldap_error_of(result, operation=operation, dn=dn)
            raise WriteUnanswered(busy.message, code=busy.code, hint=busy.hint, values=busy.values)
        return result
