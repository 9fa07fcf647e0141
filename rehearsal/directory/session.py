"""One client's connection: who it is bound as, and the answer to each of its requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from rehearsal.directory import deletion, failures, lifecycle
from rehearsal.directory.access import Token
from rehearsal.directory.ber import BerError, Reader
from rehearsal.directory.changes import ADD, DELETE, REPLACE, Modification, attribute_of
from rehearsal.directory.descriptors import ALL_PARTS
from rehearsal.directory.domains import View
from rehearsal.directory.failures import LdapError
from rehearsal.directory.filters import Present
from rehearsal.directory.logon import account_of
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
from rehearsal.directory.names import dn_key
from rehearsal.directory.operations import modify_root
from rehearsal.directory.reading import Manner, Projection
from rehearsal.directory.rootdse import (
    EXTENDED_DN,
    PERMISSIVE_MODIFY,
    RANGE_NO_ERROR,
    START_TLS,
    SUPPORTED_CONTROLS,
    TREE_DELETE,
    WHO_AM_I,
    root_dse,
)
from rehearsal.directory.searching import BASE, Asking, Pager, descriptor_parts, locate, shown_deleted
from rehearsal.directory.service import OPERATIONS, DirectoryFault, Service
from rehearsal.directory.tree import Guid, Node


class CutError(Exception):
    """The connection is to be cut here, without an answer."""


class Session:
    """State of one connection. ``closed`` is set when the client is gone, ``secure`` says whether TLS protects it."""

    def __init__(self, service: Service, view: View, closed: asyncio.Event, *, secure: bool) -> None:
        self._service = service
        self._store = service.store
        self._view = view
        self._closed = closed
        self.secure = secure
        self._account: Guid | None = None
        self._pager = Pager()

    @property
    def bound(self) -> bool:
        """Whether somebody has bound."""
        return self._account is not None

    async def answer(self, message: Message) -> AsyncGenerator[bytes, None]:
        """The messages that answer a request, in order; none for those that want no answer.

        Raises:
            CutError: A fault that was asked for.
        """
        tag = RESPONSE_OF.get(message.tag)
        if tag is None:
            return
        self._service.traffic.operations[OPERATIONS[message.tag]] += 1
        fault = self._service.faults.next_for(OPERATIONS[message.tag])
        try:
            await self._suffer(fault)
            self._check(message)
            if isinstance(message.request, Search):
                async for part in self._search(message, message.request, fault):
                    yield part
                return
            if isinstance(message.request, Add | Modify | ModifyDn | Delete):
                done = await self._write(message)
                if fault is not None and fault.kind == "cut":
                    raise CutError
                if not done:
                    return
            final = self._simple(message, tag)
        except LdapError as failure:
            self._service.traffic.refused[failure.code] += 1
            final = result(tag, failure.code, failure.message, matched_dn=failure.matched_dn, referral=failure.referral)
        yield write_message(message.id, final)

    async def _suffer(self, fault: DirectoryFault | None) -> None:
        """Meet a fault that comes before the request is looked at."""
        if fault is None:
            return
        if fault.kind == "cut" and not fault.after:
            raise CutError
        refusal = fault.refusal()
        if refusal is not None:
            raise refusal
        if fault.seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), fault.seconds)

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
            raise failures.ldap_error(failures.AUTH_METHOD, "00002027", "Invalid Authentication Method")
        if request.name and request.password:
            if self._service.policy.require_signing and not self.secure:
                raise failures.signing_required()
            password = request.password.decode("utf-8", "replace")
            self._account = self._store.authenticate(request.name, password, self._view.controller.label)

    def _extended(self, request: Extended, tag: int) -> bytes:
        if request.oid == WHO_AM_I:
            name = f"u:{self._principal()}" if self.bound else ""
            return result(tag, failures.SUCCESS, value=name.encode("utf-8"))
        if request.oid == START_TLS:  # the connection has taken it already where it can be had
            number, comment = "00000001", "TLS or SSL already in effect"
            if not self.secure:
                number, comment = "00000000", "Error initializing SSL/TLS"
            code = failures.OPERATIONS_ERROR if self.secure else failures.UNAVAILABLE
            raise failures.ldap_error(code, number, comment)
        raise failures.ldap_error(failures.PROTOCOL_ERROR, "00000057", "Unknown extended request OID")

    def _principal(self) -> str:
        if self._account is None:
            return ""
        account = self._store.tree.nodes[self._account]
        return f"{self._store.domain_of(account.guid).netbios}\\{account.text('sAMAccountName')}"

    def _token(self) -> Token:
        """SIDs of who is bound, for objects of the domain of this controller."""
        head = self._store.node(self._view.controller.domain.base_dn).guid
        return self._store.rights.token(self._account, head) if self._account is not None else frozenset()

    def _compare(self, request: Compare) -> bool:
        node = self._locate(request.dn, show_deleted=0)
        condition = attribute_of(self._store.tree.schema, request.attribute)
        projection = Projection(self._store, self._view, (condition.name,), Manner(max_values=1 << 62))
        values = dict(projection.show(node, self._bound)).get(condition.name, ())
        if not values:
            raise failures.value_missing(condition.name)
        return request.value.lower() in {value.lower() for value in values}

    # searches

    async def _search(
        self, message: Message, request: Search, fault: DirectoryFault | None
    ) -> AsyncGenerator[bytes, None]:
        tag = RESPONSE_OF[message.tag]
        if _is_root_dse(request):
            if isinstance(request.filter, Present) and request.filter.attribute.lower() == "objectclass":
                names, bound = request.attributes, self._principal()
                token = self._token() if "tokengroups" in {name.lower() for name in names} else frozenset()
                shown = root_dse(
                    self._store, self._view, names, account=bound, token=token, types_only=request.types_only
                )
                yield write_message(message.id, search_entry("", shown))
            yield write_message(message.id, result(tag, failures.SUCCESS))
            return
        manner = self._manner(message, request)
        found = await self._pager.answer(self._asking, request, message)
        projection = Projection(self._store, self._view, request.attributes, manner)
        traffic = self._service.traffic
        for sent, guid in enumerate(found.guids):
            if fault is not None and fault.kind == "cut" and sent == fault.after:
                raise CutError
            node = self._store.tree.nodes.get(guid)
            if node is not None:
                shown = list(projection.show(node, self._bound))
                traffic.entries += 1
                yield write_message(message.id, search_entry(projection.name(guid), shown))
        if fault is not None and fault.kind == "cut":
            raise CutError
        for url in found.references:
            yield write_message(message.id, search_reference(url))
        controls = [found.control] if found.control is not None else []
        if found.code:
            traffic.refused[found.code] += 1
        yield write_message(message.id, result(tag, found.code), controls)

    def _manner(self, message: Message, request: Search) -> Manner:
        extended = message.control(EXTENDED_DN)
        form = None
        if extended is not None:
            try:
                form = Reader(extended.value).reader().integer() if extended.value else 0
            except BerError:
                raise failures.control_refused(failures.PROTOCOL_ERROR) from None
        return Manner(
            max_values=self._service.policy.max_value_range,
            dn_form=form,
            types_only=request.types_only,
            lenient=message.control(RANGE_NO_ERROR) is not None,
            parts=descriptor_parts(message),
            one_object=request.scope == BASE,
        )

    # writes

    async def _write(self, message: Message) -> bool:
        """Carry out a write, held where it is to be held; False if the client went away before it took effect."""
        counted = self._service.holds.account is None or self._is(self._service.holds.account)
        number = self._service.holds.begin() if counted else 0
        if not await self._service.holds.pause(number, "before", self._closed):
            return False
        self._effect(message)()
        await self._service.holds.pause(number, "after", self._closed)
        return True

    def _is(self, name: str) -> bool:
        account = account_of(self._store, name)
        return account is not None and account.guid == self._bound

    def _effect(self, message: Message) -> Callable[[], object]:
        store, account, request = self._store, self._bound, message.request
        if isinstance(request, Add | Modify | ModifyDn | Delete):
            self._check_place(request)
        deleted = shown_deleted(message)
        if isinstance(request, Add):
            values: dict[str, list[bytes]] = {}
            for name, given in request.attributes:
                values.setdefault(name, []).extend(given)
            guid = store.guid_source().bytes_le
            return lambda: lifecycle.add(store, account, request.dn, values, guid=guid)
        if isinstance(request, Modify) and not request.dn:
            return lambda: modify_root(store, account, request.changes)
        if isinstance(request, Modify):
            return lambda: self._modify(request, message, self._locate(request.dn, show_deleted=deleted))
        if isinstance(request, ModifyDn):
            if not request.delete_old:
                raise failures.unwilling("00002077")
            node = self._locate(request.dn, show_deleted=deleted)
            parent = self._locate(request.new_superior, show_deleted=0) if request.new_superior else None
            return lambda: lifecycle.rename(store, account, node, request.new_rdn, parent)
        if isinstance(request, Delete):
            node = self._locate(request.dn, show_deleted=deleted)
            whole_tree = message.control(TREE_DELETE) is not None
            return lambda: deletion.delete(store, account, node, tree_delete=whole_tree)
        raise failures.unwilling("00002077")

    def _modify(self, request: Modify, message: Message, node: Node) -> None:
        if node.deleted:
            new_dn, rest = _undeletion(request.changes)
            deletion.undelete(self._store, self._bound, node, new_dn, rest)
            return
        permissive = message.control(PERMISSIVE_MODIFY) is not None
        parts = descriptor_parts(message) or ALL_PARTS
        lifecycle.modify(self._store, self._bound, node, request.changes, permissive=permissive, parts=parts)

    def _check_place(self, request: Add | Modify | ModifyDn | Delete) -> None:
        """Refer to another controller what cannot be written by this one."""
        self._view.check_writable(self._store, request.dn)
        if isinstance(request, Add):
            with contextlib.suppress(ValueError):
                nearest, _ = self._store.tree.nearest(dn_key(request.dn))
                head = self._store.tree.head(nearest.guid) if nearest is not None else b""
                if nearest is not None and not self._view.holds(self._store, head):
                    raise self._view.referred(self._store, head, request.dn)

    def _locate(self, name: str, *, show_deleted: int) -> Node:
        return locate(self._asking, name, show_deleted=show_deleted)

    @property
    def _asking(self) -> Asking:
        return Asking(self._service, self._view, self._bound)

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
