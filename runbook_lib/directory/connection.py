"""One bound connection to one domain controller: search, read, add, modify, move.

Existing objects are addressed by GUID (``<GUID=…>`` as the DN of a request, MS-ADTS 3.1.1.3.1.2.4; Samba takes it in
searches, modifies and moves as well), so a rename between reading and writing cannot hit another object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

from ldap3 import BASE, LEVEL, MODIFY_ADD, MODIFY_DELETE, SUBTREE
from ldap3.core.exceptions import LDAPException

from runbook_lib.directory.entry import Entry
from runbook_lib.directory.filters import ANY_OBJECT, Filter
from runbook_lib.directory.ranges import parse_range, range_from
from runbook_lib.directory.results import NO_SUCH_OBJECT, SUCCESS, error_of
from runbook_lib.directory.wire import (
    SHOW_DELETED,
    guid_name,
    missing_object,
    next_cookie,
    raw_decoder,
    unavailable,
    utf8,
)
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.change import AttributeDelta
from runbook_lib.model.directory import DomainController

Scope = Literal["base", "one", "subtree"]

_SCOPES = {"base": BASE, "one": LEVEL, "subtree": SUBTREE}
_RECEIVE_BYTES = 262_144


class Directory:
    """A bound connection. Not for use by two threads at once.

    After a lost connection every further call raises ``DirectoryUnavailable``: a new one is opened by whoever knows
    whether writes had begun.

    Attributes:
        opened: When the connection was opened, UTC.
        requests: LDAP requests sent so far.
        pages: Pages of search results received so far.
    """

    def __init__(self, connection: Any, *, opened: datetime) -> None:
        """Wrap a bound ldap3 connection (SAFE_SYNC, ``auto_range`` and ``return_empty_attributes`` off)."""
        self._connection = connection
        self._connection.strategy.socket_size = _RECEIVE_BYTES
        self._connection.strategy.decode_response_fast = raw_decoder(connection.strategy.decode_response_fast)
        self._controller: DomainController | None = None
        self._lost = False
        self.opened = opened
        self.requests = 0
        self.pages = 0

    @property
    def controller(self) -> DomainController:
        """The domain controller at the other end."""
        if self._controller is None:
            raise RuntimeError("the domain controller has not been read yet")
        return self._controller

    @controller.setter
    def controller(self, value: DomainController) -> None:
        self._controller = value

    def search(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        *,
        scope: Scope = "subtree",
        show_deleted: bool = False,
        page_size: int = 1000,
    ) -> Iterator[Entry]:
        """All matching objects, page by page; attributes that AD hands out in ranges arrive whole.

        Referrals to other domains are skipped: this controller's domain is what is read.

        Raises:
            RunbookError: Any result but success, a limit of the server included. Entries that were handed out before
                are then part of an unfinished answer.
        """
        controls = [(SHOW_DELETED, True, None)] if show_deleted else None
        cookie: bytes | None = None
        while True:
            result, entries = self._search_once(
                base, filter_, attributes, _SCOPES[scope], controls, page=(page_size, cookie)
            )
            if result["result"] != SUCCESS:
                raise error_of(result, operation="search", dn=base)
            self.pages += 1
            cookie = next_cookie(result, base)
            for entry in entries:
                yield self._completed(entry, show_deleted=show_deleted)
            if not cookie:
                return

    def read(self, guid: str, attributes: Sequence[str], *, show_deleted: bool = False) -> Entry | None:
        """The object with this GUID, or None where it does not exist or this account may not see it."""
        return self.read_dn(guid_name(guid), attributes, show_deleted=show_deleted)

    def read_dn(self, dn: str, attributes: Sequence[str], *, show_deleted: bool = False) -> Entry | None:
        """The object with this DN, or None where it does not exist or this account may not see it."""
        controls = [(SHOW_DELETED, True, None)] if show_deleted else None
        result, entries = self._search_once(dn, ANY_OBJECT, attributes, BASE, controls)
        if result["result"] == NO_SUCH_OBJECT:
            return None
        if result["result"] != SUCCESS:
            raise error_of(result, operation="read", dn=dn)
        return self._completed(entries[0], show_deleted=show_deleted) if entries else None

    def members(self, guid: str) -> tuple[str, ...]:
        """DNs of all direct members, sorted.

        Raises:
            ObjectMissing: No such group.
        """
        entry = self.read(guid, ["member"])
        if entry is None:
            raise missing_object(guid)
        return tuple(sorted(entry.texts("member")))

    def add(self, dn: str, attributes: Mapping[str, Sequence[str]]) -> str:
        """Create an object and return its objectGUID, read back from the same controller.

        Raises:
            EntryExists, ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``results``.
        """
        values = {name: [utf8(v) for v in texts] for name, texts in attributes.items() if texts}
        result = self._send("add", dn, attributes=values)
        if result["result"] != SUCCESS:
            raise error_of(result, operation="add", dn=dn)
        created = self.read_dn(dn, ["objectGUID"])
        if created is None:
            raise ServiceFailed(
                f"{dn} was created, but cannot be read back.",
                code="created-object-unreadable",
                hint="Check that the account may read below the target OU.",
                values={"dn": dn},
            )
        return created.guid

    def modify(self, guid: str, deltas: Sequence[AttributeDelta]) -> None:
        """Apply all deltas in one LDAP modify, all or nothing: per attribute first delete values, then add values.

        Values of ``member`` are DNs.

        Raises:
            ValueConflict: The object is not what the deltas were made from.
            ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``results``.
        """
        changes: dict[str, list[tuple[str, list[bytes]]]] = {}
        for delta in deltas:
            operations = changes.setdefault(delta.name, [])
            # An empty delete would remove the whole attribute.
            if delta.removed:
                operations.append((MODIFY_DELETE, [utf8(value) for value in delta.removed]))
            if delta.added:
                operations.append((MODIFY_ADD, [utf8(value) for value in delta.added]))
        changes = {name: operations for name, operations in changes.items() if operations}
        if not changes:
            return
        result = self._send("modify", guid_name(guid), changes)
        if result["result"] != SUCCESS:
            raise error_of(result, operation="modify", dn=guid_name(guid))

    def move(self, guid: str, rdn: str, new_parent_dn: str) -> None:
        """Move or rename an object; ``rdn`` is escaped already (``names.rdn``).

        Raises:
            EntryExists, ObjectMissing, RightsMissing, DirectoryUnavailable and others of ``results``.
        """
        result = self._send("modify_dn", guid_name(guid), rdn, delete_old_dn=True, new_superior=new_parent_dn)
        if result["result"] != SUCCESS:
            raise error_of(result, operation="move", dn=f"{guid_name(guid)} to {rdn},{new_parent_dn}")

    def close(self) -> None:
        """Say goodbye and close the socket; never fails."""
        self._lost = True
        try:
            self._connection.unbind()
        except (LDAPException, OSError):
            # The other end is gone already: nothing left to close.
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _search_once(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        scope: str,
        controls: list[tuple[str, bool, None]] | None,
        page: tuple[int, bytes | None] | None = None,
    ) -> tuple[dict[str, Any], list[Entry]]:
        paging: dict[str, Any] = {}
        if page is not None:
            paging = {"paged_size": page[0], "paged_criticality": True, "paged_cookie": page[1]}
        answer = self._exchange(
            "search", base, str(filter_), search_scope=scope, attributes=list(attributes), controls=controls, **paging
        )
        entries = [item["entry"] for item in answer[2] or () if item["type"] == "searchResEntry"]
        return answer[1], entries

    def _send(self, method: str, *arguments: object, **named: object) -> dict[str, Any]:
        result: dict[str, Any] = self._exchange(method, *arguments, **named)[1]
        return result

    def _exchange(self, method: str, *arguments: object, **named: object) -> Any:
        if self._lost:
            raise unavailable("the connection was closed or lost before")
        self.requests += 1
        try:
            return getattr(self._connection, method)(*arguments, **named)
        except (LDAPException, OSError) as error:
            self.close()
            raise unavailable(str(error)) from None
        except KeyboardInterrupt:
            # An answer may be under way: the next request on this socket would read it as its own.
            self.close()
            raise

    def _completed(self, entry: Entry, *, show_deleted: bool) -> Entry:
        """The entry with every ranged attribute read to its end."""
        if not any(";range=" in name for name in entry.attributes):
            return entry
        attributes = {name: list(values) for name, values in entry.attributes.items() if ";range=" not in name}
        for name, values in entry.attributes.items():
            piece = parse_range(name)
            if piece is not None:
                rest = self._rest(entry.dn, piece.attribute, piece.last, show_deleted=show_deleted)
                attributes[piece.attribute] = [*values, *rest]
        return Entry(entry.dn, attributes)

    def _rest(self, dn: str, attribute: str, last: int | None, *, show_deleted: bool) -> list[bytes]:
        rest: list[bytes] = []
        controls = [(SHOW_DELETED, True, None)] if show_deleted else None
        while last is not None:
            wanted = range_from(attribute, last + 1)
            result, entries = self._search_once(dn, ANY_OBJECT, [wanted], BASE, controls)
            if result["result"] != SUCCESS:
                raise error_of(result, operation="read", dn=dn)
            pieces = [(parse_range(n), v) for e in entries for n, v in e.attributes.items()]
            found = [(p, v) for p, v in pieces if p is not None and p.attribute == attribute.lower()]
            if not found or found[0][0].first != last + 1:
                raise ServiceFailed(
                    f"The values of {attribute} of {dn} broke off after {last + 1}.",
                    code="incomplete-read",
                    hint="Run again; the object may have changed while it was read.",
                    values={"dn": dn, "attribute": attribute, "values": last + 1},
                )
            rest.extend(found[0][1])
            last = found[0][0].last
        return rest
