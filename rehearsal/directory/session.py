"""One client's connection: who it is bound as, and the answer to each of its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from rehearsal.directory import failures, lifecycle
from rehearsal.directory.changes import ADD, DELETE, REPLACE, Modification, attribute_of
from rehearsal.directory.failures import LdapError
from rehearsal.directory.filters import Present
from rehearsal.directory.holds import WriteHolds
from rehearsal.directory.messages import (
    RESPONSE_OF,
    Add,
    Bind,
    Compare,
    Delete,
    Extended,
    Message,
    Modify,
    ModifyDn,
    Search,
    result,
    search_entry,
    search_reference,
    write_message,
)
from rehearsal.directory.reading import Projection
from rehearsal.directory.rootdse import (
    PERMISSIVE_MODIFY,
    SHOW_DELETED,
    SHOW_RECYCLED,
    SUPPORTED_CONTROLS,
    TREE_DELETE,
    WHO_AM_I,
    root_dse,
)
from rehearsal.directory.searching import Pager, locate
from rehearsal.directory.store import DirectoryStore
from rehearsal.directory.tree import Guid, Node


class Session:
    """State of one connection. ``closed`` is set when the client is gone."""

    def __init__(self, store: DirectoryStore, holds: WriteHolds, closed: asyncio.Event) -> None:
        self._store = store
        self._holds = holds
        self._closed = closed
        self._account: Guid | None = None
        self._pager = Pager()

    async def answer(self, message: Message) -> AsyncIterator[bytes]:
        """The messages that answer a request, in order; none for those that want no answer."""
        tag = RESPONSE_OF.get(message.tag)
        if tag is None:
            return
        try:
            self._check(message)
            if isinstance(message.request, Search):
                for part in self._search(message, message.request):
                    yield part
                return
            if isinstance(message.request, Add | Modify | ModifyDn | Delete):
                done = await self._write(message)
                if not done:
                    return
            final = self._simple(message, tag)
        except LdapError as failure:
            final = result(tag, failure.code, failure.message, matched_dn=failure.matched_dn, referral=failure.referral)
        yield write_message(message.id, final)

    def _check(self, message: Message) -> None:
        """Refuse what cannot even be tried: unknown critical controls, anonymous requests."""
        if any(item.critical and item.oid not in SUPPORTED_CONTROLS for item in message.controls):
            raise failures.control_refused()
        request = message.request
        anonymous = isinstance(request, Bind | Extended) or (isinstance(request, Search) and _is_root_dse(request))
        if self._account is None and not anonymous:
            raise failures.bind_required()

    def _simple(self, message: Message, tag: int) -> bytes:
        """Requests with one answer; a write has taken effect by now."""
        request = message.request
        if isinstance(request, Bind):
            self._bind(request)
        elif isinstance(request, Extended):
            return self._extended(request, tag)
        elif isinstance(request, Compare):
            return result(tag, failures.COMPARE_TRUE if self._compare(request) else failures.COMPARE_FALSE)
        return result(tag, failures.SUCCESS)

    def _bind(self, request: Bind) -> None:
        self._account = None
        if request.password is None:
            comment = "The server does not support the requested authentication method"
            raise failures.ldap_error(failures.AUTH_METHOD, "00002027", comment)
        if request.name and request.password:
            password = request.password.decode("utf-8", "replace")
            self._account = self._store.authenticate(request.name, password)

    def _extended(self, request: Extended, tag: int) -> bytes:
        if request.oid == WHO_AM_I:
            account = self._store.tree.nodes[self._account] if self._account else None
            name = f"u:{self._store.netbios}\\{account.text('sAMAccountName')}" if account else ""
            return result(tag, failures.SUCCESS, value=name.encode("utf-8"))
        if request.oid == "1.3.6.1.4.1.1466.20037":
            raise failures.ldap_error(failures.UNAVAILABLE, "00000000", "Error initializing SSL/TLS")
        raise failures.ldap_error(failures.PROTOCOL_ERROR, "00000057", "Unknown extended request OID")

    def _compare(self, request: Compare) -> bool:
        node = self._locate(request.dn, show_deleted=False)
        condition = attribute_of(self._store.tree.schema, request.attribute)
        values = dict(Projection(self._store, (condition.name,)).show(node, self._bound)).get(condition.name, ())
        return request.value.lower() in {value.lower() for value in values}

    # searches

    def _search(self, message: Message, request: Search) -> Iterator[bytes]:
        if not request.base and request.scope == 0:
            if isinstance(request.filter, Present) and request.filter.attribute.lower() == "objectclass":
                shown = root_dse(self._store, request.attributes, types_only=request.types_only)
                yield write_message(message.id, search_entry("", shown))
            yield write_message(message.id, result(RESPONSE_OF[message.tag], failures.SUCCESS))
            return
        found = self._pager.answer(self._store, self._bound, request, message)
        projection = Projection(self._store, request.attributes, types_only=request.types_only)
        for guid in found.guids:
            node = self._store.tree.nodes.get(guid)
            if node is not None:
                shown = list(projection.show(node, self._bound))
                yield write_message(message.id, search_entry(self._store.tree.dn(guid), shown))
        for url in found.references:
            yield write_message(message.id, search_reference(url))
        controls = [found.control] if found.control is not None else []
        yield write_message(message.id, result(RESPONSE_OF[message.tag], found.code), controls)

    # writes

    async def _write(self, message: Message) -> bool:
        """Carry out a write, held where it is to be held; False if the client went away before it took effect."""
        counted = self._holds.account is None or self._is(self._holds.account)
        number = self._holds.begin() if counted else 0
        if not await self._holds.pause(number, "before", self._closed):
            return False
        self._effect(message)()
        await self._holds.pause(number, "after", self._closed)
        return True

    def _is(self, name: str) -> bool:
        account = self._store.account(name)
        return account is not None and account.guid == self._bound

    def _effect(self, message: Message) -> Callable[[], object]:
        store, account, request = self._store, self._bound, message.request
        deleted = message.control(SHOW_DELETED) is not None or message.control(SHOW_RECYCLED) is not None
        if isinstance(request, Add):
            values: dict[str, list[bytes]] = {}
            for name, given in request.attributes:
                values.setdefault(name, []).extend(given)
            guid = store.guid_source().bytes_le
            return lambda: lifecycle.add(store, account, request.dn, values, guid=guid)
        if isinstance(request, Modify):
            return lambda: self._modify(request, message, self._locate(request.dn, show_deleted=deleted))
        if isinstance(request, ModifyDn):
            if not request.delete_old:
                raise failures.unwilling("00002077")
            node = self._locate(request.dn, show_deleted=deleted)
            parent = self._locate(request.new_superior, show_deleted=False) if request.new_superior else None
            return lambda: lifecycle.rename(store, account, node, request.new_rdn, parent)
        if isinstance(request, Delete):
            node = self._locate(request.dn, show_deleted=deleted)
            whole_tree = message.control(TREE_DELETE) is not None
            return lambda: lifecycle.delete(store, account, node, tree_delete=whole_tree)
        raise failures.unwilling("00002077")

    def _modify(self, request: Modify, message: Message, node: Node) -> None:
        if node.deleted:
            new_dn, rest = _undeletion(request.changes)
            lifecycle.undelete(self._store, self._bound, node, new_dn, rest)
            return
        permissive = message.control(PERMISSIVE_MODIFY) is not None
        lifecycle.modify(self._store, self._bound, node, request.changes, permissive=permissive)

    def _locate(self, name: str, *, show_deleted: bool) -> Node:
        return locate(self._store, self._bound, name, show_deleted=show_deleted)

    @property
    def _bound(self) -> Guid:
        if self._account is None:
            raise failures.bind_required()
        return self._account


def _is_root_dse(request: Search) -> bool:
    return not request.base and request.scope == 0


def _undeletion(modifications: tuple[Modification, ...]) -> tuple[str, tuple[Modification, ...]]:
    """The new DN and what else an undelete changes; nothing else may be done to a deleted object."""
    flag = [item for item in modifications if item.attribute.lower() == "isdeleted" and item.operation == DELETE]
    names = [item for item in modifications if item.attribute.lower() == "distinguishedname"]
    rest = tuple(item for item in modifications if item not in flag and item not in names)
    if not flag or len(names) != 1 or names[0].operation not in {ADD, REPLACE} or len(names[0].values) != 1:
        raise failures.unwilling("00002077")
    return names[0].values[0].decode("utf-8", "replace"), rest
