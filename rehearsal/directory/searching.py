"""Which objects a search finds, and how they are handed out in pages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.directory import ber, failures
from rehearsal.directory.ber import BerError, Reader
from rehearsal.directory.matching import candidates, compile_filter
from rehearsal.directory.messages import Control, Message, Search
from rehearsal.directory.names import dn_key, parse_dn
from rehearsal.directory.rootdse import DOMAIN_SCOPE, PAGED, SHOW_DELETED, SHOW_RECYCLED
from rehearsal.directory.tree import Guid, Node

if TYPE_CHECKING:
    from rehearsal.directory.store import DirectoryStore

MAX_PAGE = 1000
"""MaxPageSize of AD's default query policy."""
_BASE, _ONE_LEVEL = 0, 1
_now = time.monotonic
_CHECK_EVERY = 256
"""Objects looked at between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Found:
    """Objects of one answer. ``code`` is 0, size limit or time limit; ``control`` is the paged answer's."""

    guids: Sequence[Guid]
    references: tuple[str, ...] = ()
    code: int = failures.SUCCESS
    control: Control | None = None


def locate(store: DirectoryStore, account: Guid, name: str, *, show_deleted: bool) -> Node:
    """The object a request names, or AD's complaint: malformed, outside, nothing there, hidden, deleted."""
    try:
        node = store.tree.find(name)
        key = () if name.startswith("<") else dn_key(name)
    except ValueError:
        raise failures.bad_name(name) from None
    visible = node is not None and (show_deleted or not node.deleted)
    if node is not None and visible and store.rights.may_read(store.tree, account, node.guid):
        return node
    nearest, _ = store.tree.nearest(key)
    if nearest is None and key:
        raise failures.referral(store.foreign_domain(parse_dn(name)))
    best = nearest.guid if nearest is not None else store.tree.root
    while node is not None and best in {node.guid} and store.tree.nodes[best].parent is not None:
        best = store.tree.nodes[best].parent or b""
    raise failures.no_such_object(store.tree.dn(best))


def find(
    store: DirectoryStore,
    account: Guid,
    request: Search,
    message: Message,
) -> tuple[list[Guid], tuple[str, ...], bool]:
    """All objects that match, the references to other naming contexts, and whether time ran out."""
    show_deleted = message.control(SHOW_DELETED) is not None or message.control(SHOW_RECYCLED) is not None
    base = locate(store, account, request.base, show_deleted=show_deleted)
    matches = compile_filter(store.tree, request.filter)
    deadline = _now() + request.time_limit if request.time_limit else None
    found: list[Guid] = []
    for count, node in enumerate(_scope(store, base, request)):
        if deadline is not None and count % _CHECK_EVERY == 0 and _now() > deadline:
            return found, (), True
        visible = show_deleted or not node.deleted
        if visible and matches(node) and store.rights.may_read(store.tree, account, node.guid):
            found.append(node.guid)
    scoped = request.scope == _BASE or message.control(DOMAIN_SCOPE) is not None
    return found, () if scoped else tuple(_references(store, base, request.scope)), False


def _scope(store: DirectoryStore, base: Node, request: Search) -> Iterator[Node]:
    """The objects in scope, narrowed by the indexes where the filter allows it; never into another naming context."""
    nodes = store.tree.nodes
    if request.scope == _BASE:
        yield base
        return
    few = candidates(store.tree, request.filter)
    if few is not None:
        context = store.naming_context(base.guid)
        for guid in sorted(few, key=lambda guid: nodes[guid].number):
            above = (nodes[guid].parent,) if request.scope == _ONE_LEVEL else store.tree.ancestors(guid)
            if base.guid in above and store.naming_context(guid) == context:
                yield nodes[guid]
        return
    if request.scope == _ONE_LEVEL:
        yield from (nodes[guid] for guid in store.tree.children(base.guid) if not store.is_naming_context(guid))
        return
    waiting = [base.guid]
    while waiting:
        guid = waiting.pop()
        yield nodes[guid]
        waiting.extend(child for child in store.tree.children(guid) if not store.is_naming_context(child))


def _references(store: DirectoryStore, base: Node, scope: int) -> Iterator[str]:
    """Naming contexts directly below the one searched."""
    for dn in store.naming_contexts:
        head = store.node(dn)
        if head.parent is None or head.guid == base.guid:
            continue
        above = (head.parent,) if scope == _ONE_LEVEL else tuple(store.tree.ancestors(head.parent))
        if base.guid in above and store.naming_context(head.parent) == store.naming_context(base.guid):
            yield f"ldap://{store.domain}/{dn}"


class Pager:
    """Results of one connection that wait for their next page."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, list[Guid]] = {}
        self._next = 0

    def answer(self, store: DirectoryStore, account: Guid, request: Search, message: Message) -> Found:
        """One page, or for a search without the paged control everything up to the limits."""
        control = message.control(PAGED)
        if control is None:
            guids, references, late = find(store, account, request, message)
            limit = min(request.size_limit or MAX_PAGE, MAX_PAGE)
            code = failures.SIZE_LIMIT if len(guids) > limit else failures.TIME_LIMIT if late else failures.SUCCESS
            return Found(guids[:limit], references, code)
        size, cookie = _paged_value(control)
        references, late = (), False
        if cookie:
            rest = self._waiting.pop(cookie, None)
            if rest is None:
                raise failures.control_refused(failures.UNWILLING)
        else:
            rest, references, late = find(store, account, request, message)
        if size == 0 and cookie:
            return Found((), control=_paged_answer(b""))
        page, rest = rest[: min(size or MAX_PAGE, MAX_PAGE)], rest[min(size or MAX_PAGE, MAX_PAGE) :]
        if request.size_limit and len(page) > request.size_limit:
            return Found(page[: request.size_limit], references, failures.SIZE_LIMIT, _paged_answer(b""))
        code = failures.TIME_LIMIT if late else failures.SUCCESS
        return Found(page, references, code, _paged_answer(self._keep(rest) if rest else b""))

    def _keep(self, rest: list[Guid]) -> bytes:
        self._next += 1
        cookie = b"page-%d" % self._next
        self._waiting[cookie] = rest
        return cookie


def _paged_value(control: Control) -> tuple[int, bytes]:
    try:
        reader = Reader(control.value or b"").reader()
        size, cookie = reader.integer(), reader.octets()
    except BerError:
        raise failures.control_refused(failures.PROTOCOL_ERROR) from None
    if size < 0:
        raise failures.control_refused(failures.PROTOCOL_ERROR)
    return size, cookie


def _paged_answer(cookie: bytes) -> Control:
    return Control(PAGED, False, ber.sequence([ber.integer(0), ber.octets(cookie)]))
