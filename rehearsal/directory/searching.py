"""Which objects a search finds, and how they are handed out in pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from rehearsal.directory import ber, failures
from rehearsal.directory.ber import BerError, Reader
from rehearsal.directory.descriptors import ALL_PARTS
from rehearsal.directory.domains import View
from rehearsal.directory.filters import count_terms
from rehearsal.directory.matching import Test, attributes_of, candidates, compile_filter, with_names_resolved
from rehearsal.directory.messages import Control, Message, Search
from rehearsal.directory.names import dn_key, parse_dn
from rehearsal.directory.rootdse import DOMAIN_SCOPE, PAGED, SD_FLAGS, SEARCH_OPTIONS, SHOW_DELETED, SHOW_RECYCLED
from rehearsal.directory.service import Service
from rehearsal.directory.store import DirectoryStore
from rehearsal.directory.tree import Guid, Node

BASE, _ONE_LEVEL = 0, 1
_ONE_DOMAIN, _PHANTOM_ROOT = 1, 2
"""Flags of the search options control ([MS-ADTS], section 3.1.1.3.4.1.11)."""
_now = time.monotonic
_WORK_BETWEEN_LOOKS = 512
"""Comparisons between two looks at the clock, after which other connections have their turn."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who searches, by which controller."""

    service: Service
    view: View
    account: Guid

    @property
    def store(self) -> DirectoryStore:
        """What is searched."""
        return self.service.store


@dataclass(frozen=True, slots=True)
class Found:
    """Objects of one answer. ``code`` is 0, size limit or time limit; ``control`` is the paged answer's."""

    guids: Sequence[Guid]
    references: tuple[str, ...] = ()
    code: int = failures.SUCCESS
    control: Control | None = None


def locate(asking: Asking, name: str, *, show_deleted: int) -> Node:
    """The object a request names, or AD's complaint: malformed, outside, nothing there, hidden, deleted.

    ``show_deleted`` is that of ``shown_deleted``.
    """
    store, tree = asking.store, asking.store.tree
    try:
        node = tree.find(name)
        key = () if name.startswith("<") else dn_key(name)
    except ValueError:
        raise failures.bad_name(name) from None
    nearest, _ = tree.nearest(key)
    if nearest is None and key:
        raise failures.referral(store.foreign_domain(parse_dn(name)), name)
    if nearest is not None and not asking.view.holds(store, tree.head(nearest.guid)):
        raise asking.view.referred(store, tree.head(nearest.guid), name)
    visible = node is not None and node.vanished <= show_deleted
    held = node is not None and asking.view.holds(store, tree.head(node.guid))
    if node is not None and visible and held and store.rights.may_see(asking.account, node.guid):
        return node
    best = nearest.guid if nearest is not None else tree.root
    while node is not None and best in {node.guid} and tree.nodes[best].parent is not None:
        best = tree.nodes[best].parent or b""
    raise failures.no_such_object(tree.dn(best) if name else "")


def _flags(message: Message) -> int:
    control = message.control(SEARCH_OPTIONS)
    if control is None:
        return 0
    try:
        return Reader(control.value or b"").reader().integer()
    except BerError:
        raise failures.control_refused(failures.PROTOCOL_ERROR) from None


async def find(asking: Asking, request: Search, message: Message) -> tuple[list[Guid], tuple[str, ...], bool]:
    """All objects that match, the references to other naming contexts, and whether time ran out."""
    store, view = asking.store, asking.view
    show_deleted = shown_deleted(message)
    flags = _flags(message)
    crossing = view.global_catalog or bool(flags & _PHANTOM_ROOT)
    whole_forest = crossing and not request.base and request.scope != BASE
    base = (
        store.tree.nodes[store.tree.root] if whole_forest else locate(asking, request.base, show_deleted=show_deleted)
    )
    condition = view.adapted(store.tree, with_names_resolved(store.tree.schema, request.filter))
    asked = attributes_of(store.tree, condition)
    if asked & store.tree.schema.computed:
        raise failures.inappropriate_matching()
    tests: dict[frozenset[str], Test] = {frozenset(): compile_filter(store.tree, condition)}
    few = candidates(store.tree, condition) if request.scope != BASE else None
    seconds = asking.service.policy.max_query_duration
    deadline = _now() + min(request.time_limit or seconds, seconds)
    every = max(1, _WORK_BETWEEN_LOOKS // count_terms(condition))
    found: list[Guid] = []
    for count, node in enumerate(_scope(asking, base, request.scope, few, crossing=crossing)):
        if count % every == 0:
            if _now() > deadline:
                return found, (), True
            await asyncio.sleep(0)
        visible = node.vanished <= show_deleted
        if not visible or not store.rights.may_see(asking.account, node.guid):
            continue
        # Attributes that the account may not read are as if they were not there, back links too.
        hidden = store.rights.hidden_attributes(asking.account, node) & asked
        if hidden not in tests:
            tests[hidden] = compile_filter(store.tree, condition, hidden)
        if tests[hidden](node):
            found.append(node.guid)
    quiet = request.scope == BASE or message.control(DOMAIN_SCOPE) is not None or flags & _ONE_DOMAIN
    return found, () if quiet or crossing else tuple(_references(asking, base, request.scope)), False


def _scope(asking: Asking, base: Node, scope: int, few: Collection[Guid] | None, *, crossing: bool) -> Iterator[Node]:
    """The objects in scope, narrowed to ``few`` where the indexes know them; into other naming contexts if told."""
    tree, view, store = asking.store.tree, asking.view, asking.store
    nodes = tree.nodes
    if scope == BASE:
        yield base
        return
    own = tree.head(base.guid)

    def inside(head: Guid) -> bool:
        return head == own or (crossing and view.holds(store, head))

    if few is not None:
        for guid in sorted(few, key=lambda guid: nodes[guid].number):
            above = (nodes[guid].parent,) if scope == _ONE_LEVEL else tree.ancestors(guid)
            if base.guid in above and inside(tree.head(guid)):
                yield nodes[guid]
        return
    if scope == _ONE_LEVEL:
        below = [guid for guid in tree.children(base.guid) if guid not in tree.heads or inside(guid)]
        yield from (nodes[guid] for guid in below)
        return
    waiting = [base.guid]
    while waiting:
        guid = waiting.pop()
        yield nodes[guid]
        waiting.extend(child for child in tree.children(guid) if child not in tree.heads or inside(child))


def _references(asking: Asking, base: Node, scope: int) -> Iterator[str]:
    """Naming contexts directly below the one searched."""
    store = asking.store
    for dn in store.naming_contexts:
        head = store.node(dn)
        if head.parent is None or head.guid == base.guid:
            continue
        above = (head.parent,) if scope == _ONE_LEVEL else tuple(store.tree.ancestors(head.parent))
        if base.guid in above and store.naming_context(head.parent) == store.naming_context(base.guid):
            domain = store.domain_at(head.guid) or store.domains[0]
            yield failures.ldap_url(domain.name, dn)


@dataclass
class Pager:
    """Results of one connection that wait for their next page."""

    _waiting: dict[bytes, list[Guid]] = field(default_factory=dict)
    _next: int = 0

    async def answer(self, asking: Asking, request: Search, message: Message) -> Found:
        """One page, or for a search without the paged control everything up to the limits."""
        most = asking.service.policy.max_page_size
        control = message.control(PAGED)
        if control is None:
            guids, references, late = await find(asking, request, message)
            limit = min(request.size_limit or most, most)
            code = failures.SIZE_LIMIT if len(guids) > limit else failures.TIME_LIMIT if late else failures.SUCCESS
            return Found(guids[:limit], references, code)
        size, cookie = _paged_value(control)
        references, late = (), False
        if cookie:
            waiting = self._waiting.pop(cookie, None)
            if waiting is None:
                raise failures.control_refused(failures.UNWILLING)
            rest = waiting
        else:
            rest, references, late = await find(asking, request, message)
        if size == 0 and cookie:
            return Found((), control=_paged_answer(b""))
        size = min(size or most, most)
        page, rest = rest[:size], rest[size:]
        if request.size_limit and len(page) > request.size_limit:
            return Found(page[: request.size_limit], references, failures.SIZE_LIMIT, _paged_answer(b""))
        code = failures.TIME_LIMIT if late else failures.SUCCESS
        next_cookie = self._keep(rest, asking.service.policy.max_result_sets) if rest else b""
        return Found(page, references, code, _paged_answer(next_cookie))

    def _keep(self, rest: list[Guid], most: int) -> bytes:
        """Put a result set by, the oldest one giving way to it where there are too many."""
        self._next += 1
        cookie = b"page-%d" % self._next
        self._waiting[cookie] = rest
        while len(self._waiting) > most:
            del self._waiting[next(iter(self._waiting))]
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


def shown_deleted(message: Message) -> int:
    """Which objects that are gone a request may touch: 0 none, 1 deleted ones, 2 recycled ones too."""
    if message.control(SHOW_RECYCLED) is not None:
        return 2
    return int(message.control(SHOW_DELETED) is not None)


def descriptor_parts(message: Message) -> int | None:
    """The parts of a descriptor that the SD flags control asks for; None without the control."""
    control = message.control(SD_FLAGS)
    if control is None:
        return None
    try:
        flags = Reader(control.value or b"").reader().integer()
    except BerError:
        raise failures.control_refused(failures.PROTOCOL_ERROR) from None
    return flags & ALL_PARTS or ALL_PARTS
