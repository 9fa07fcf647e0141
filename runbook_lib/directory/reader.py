"""The reading half of a connection to one domain controller: searches, single objects, members.

A read goes on over a new connection where the old one was lost, and waits where the controller is busy (``line``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

from ldap3 import BASE, LEVEL, SUBTREE
from ldap3.protocol.microsoft import security_descriptor_control

from runbook_lib.directory.errors import (
    BUSY_READING,
    NO_SUCH_OBJECT,
    SUCCESS,
    AnswerWithoutEnd,
    DirectoryUnavailable,
    ReadInterrupted,
    ldap_error_of,
)
from runbook_lib.directory.reconnect import ControllerPatience, ReconnectingConnection
from runbook_lib.directory.search import ANY_OBJECT, Entry, Filter
from runbook_lib.directory.wire import (
    SHOW_DELETED,
    another_controller,
    completed,
    guid_name,
    missing_object,
    never_complete,
    next_cookie,
)
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.directory import ControllerIdentity, DomainController
from runbook_lib.model.text import Text, clause, t
from runbook_lib.model.traffic import AnswerTimes

_T = TypeVar("_T")
SearchScope = Literal["base", "one", "subtree"]

_SCOPES = {"base": BASE, "one": LEVEL, "subtree": SUBTREE}
_ACCESS_LIST = 7
"""Owner, group, access list; not the audit list, which only administrators may read (MS-ADTS 3.1.1.3.4.1.11)."""
MOST_SEARCH_PAGES = 20_000
"""Pages of one search: twenty million objects at 1,000 on each."""
MOST_EMPTY_SEARCH_PAGES = 100
"""Empty pages in a row: AD hands out some where a filter finds little in the time of one page."""
MOST_REFERENCES = 1_000
"""References to other naming contexts that are noted; a forest has one for each domain and partition."""
_WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
"""Extended operation "Who am I?" (RFC 4532); AD lists it among its supported extensions."""
_RESTARTS = 3
"""How often one search is begun again from its first page."""


def _controls(attributes: Sequence[str], *, show_deleted: bool) -> list[Any] | None:
    """A descriptor is asked for without its audit list: with it, AD shows other accounts nothing of it at all."""
    controls: list[Any] = [(SHOW_DELETED, True, None)] if show_deleted else []
    if "nTSecurityDescriptor" in attributes:
        controls += security_descriptor_control(criticality=False, sdflags=_ACCESS_LIST)
    return controls or None


class DirectoryReader:
    """Reads over one line.

    Attributes:
        opened: When the connection was opened, UTC.
        pages: Pages of search results received so far, those of searches that were begun again left out.
        restarts: Searches that were begun again from their first page.
        references: Where search results pointed to other naming contexts; never followed.
    """

    def __init__(self, connection: Any, *, opened: datetime, patience: ControllerPatience | None = None) -> None:
        """Wrap a bound ldap3 connection (SAFE_SYNC, ``auto_range`` and ``return_empty_attributes`` off)."""
        self._line = ReconnectingConnection(connection, patience or ControllerPatience())
        self._controller: DomainController | None = None
        self.opened = opened
        self.pages = 0
        self.restarts = 0
        self.references: set[str] = set()

    @property
    def requests(self) -> int:
        """LDAP requests sent so far."""
        return self._line.requests

    @property
    def answer_times(self) -> AnswerTimes:
        """How long answers took."""
        return self._line.answer_times

    @property
    def renewed(self) -> int:
        """How often the connection was lost and opened anew."""
        return self._line.renewed

    @property
    def patience(self) -> ControllerPatience:
        """How long this controller is waited for."""
        return self._line.patience

    def redact_with(self, redact: Callable[[str], str]) -> None:
        """Take secrets out of what the controller says with ``redact``, before anybody quotes it."""
        self._line.redact = redact

    def let_reopen(self, reopen: Callable[[], Any]) -> None:
        """Allow a lost connection to be opened anew; ``reopen`` returns a bound ldap3 connection to the same host."""
        self._line.let_reopen(reopen, lambda: self.require_controller(self.controller.identity))

    def who_am_i(self) -> str:
        """Who is bound, as the controller says, for example ``u:CONTOSO\\svc-gwb``; empty: it does not say."""
        try:
            result = self._line.request("extended", _WHO_AM_I)[1]
        except ServiceFailed:
            return ""
        value = result.get("responseValue")
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
        return text if result["result"] == SUCCESS else ""

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
        scope: SearchScope = "subtree",
        show_deleted: bool = False,
        page_size: int = 1000,
    ) -> Iterator[Entry]:
        """All matching objects, page by page; attributes that AD hands out in ranges arrive whole.

        Referrals to other domains are noted and skipped: this controller's domain is what is read.

        Raises:
            ReadInterrupted: The connection was lost, or the server busy, after the first page; see ``collect``.
            RunbookError: Any result but success, a limit of the server included. Entries that were handed out before
                are then part of an unfinished answer.
        """
        for page in self._pages(base, filter_, attributes, scope, show_deleted=show_deleted, page_size=page_size):
            yield from page

    def collect(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        convert: Callable[[Entry], _T],
        *,
        scope: SearchScope = "subtree",
        show_deleted: bool = False,
        page_size: int = 1000,
        progress: Callable[[int], None] = lambda _count: None,
    ) -> list[_T]:
        """All matching objects, converted; a search that was interrupted is begun again from its first page.

        What was read before is thrown away: pages of two searches are never put together, because a cookie belongs to
        its connection and an object that was renamed in between could be missed or counted twice.

        Raises:
            RunbookError: Any result but success, and an interruption for the fourth time.
        """
        for pause in (*self.patience.pauses[:_RESTARTS], None):
            found: list[_T] = []
            pages = self.pages
            try:
                for page in self._pages(
                    base, filter_, attributes, scope, show_deleted=show_deleted, page_size=page_size
                ):
                    found.extend(map(convert, page))
                    progress(len(found))
            except ReadInterrupted:
                if pause is None:
                    raise
                self.restarts += 1
                self.pages = pages
                self.patience.sleep(pause)
            else:
                break
        return found

    def close(self) -> None:
        """Say goodbye and close the socket; never fails."""
        self._line.close()

    def _pages(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        scope: SearchScope,
        *,
        show_deleted: bool,
        page_size: int,
    ) -> Iterator[list[Entry]]:
        controls = _controls(attributes, show_deleted=show_deleted)
        cookie: bytes | None = None
        pages = empty = 0
        before: list[str] = []
        renewed = self._line.renewed

        def once() -> tuple[dict[str, Any], list[Entry]]:
            return self._search_once(base, filter_, attributes, _SCOPES[scope], controls, page=(page_size, cookie))

        while True:
            if cookie is None:
                result, entries = self._line.patiently(once)
                renewed = self._line.renewed
            elif self._line.renewed != renewed:
                raise _interrupted(base, t("the connection that its cookie belongs to is gone"))
            else:
                try:
                    result, entries = once()
                except AnswerWithoutEnd:
                    raise
                except DirectoryUnavailable as error:
                    raise _interrupted(base, clause(error.message)) from None
            if result["result"] != SUCCESS:
                raise ldap_error_of(result, operation="search", dn=base)
            self.pages += 1
            cookie = next_cookie(result, base)
            pages, empty = pages + 1, 0 if entries else empty + 1
            names = [entry.dn for entry in entries]
            if cookie and names and names == before:
                raise never_complete(base, t("page {pages} is the same as the one before it", pages=pages))
            if cookie and (empty > MOST_EMPTY_SEARCH_PAGES or pages >= MOST_SEARCH_PAGES):
                what = (
                    t("{empty} pages in a row are empty", empty=empty)
                    if empty
                    else t("there are more than {pages:,} pages", pages=pages)
                )
                raise never_complete(base, t("{what}, and another one is to follow", what=what))
            before = names
            yield [self._completed(entry, show_deleted=show_deleted) for entry in entries]
            if not cookie:
                return

    def read(self, guid: str, attributes: Sequence[str], *, show_deleted: bool = False) -> Entry | None:
        """The object with this GUID, or None where it does not exist or this account may not see it."""
        return self.read_dn(guid_name(guid), attributes, show_deleted=show_deleted)

    def read_dn(self, dn: str, attributes: Sequence[str], *, show_deleted: bool = False) -> Entry | None:
        """The object with this DN, or None where it does not exist or this account may not see it.

        Raises:
            RunbookError: Any other result (``directory.errors``), and a connection that is lost for good.
        """
        controls = _controls(attributes, show_deleted=show_deleted)
        result, entries = self._line.patiently(lambda: self._search_once(dn, ANY_OBJECT, attributes, BASE, controls))
        if result["result"] == NO_SUCH_OBJECT:
            return None
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="read", dn=dn)
        return self._completed(entries[0], show_deleted=show_deleted) if entries else None

    def read_whole(self, guid: str) -> Entry | None:
        """The object with every attribute this account may read, its access list included where that is allowed."""
        return self.read(guid, ["*", "nTSecurityDescriptor"])

    def members(self, guid: str) -> tuple[str, ...]:
        """DNs of all direct members, sorted.

        Raises:
            ObjectMissing: No such group.
        """
        entry = self.read(guid, ["member"])
        if entry is None:
            raise missing_object(guid)
        return tuple(sorted(entry.texts("member")))

    def _search_once(
        self,
        base: str,
        filter_: Filter,
        attributes: Sequence[str],
        scope: str,
        controls: list[Any] | None,
        page: tuple[int, bytes | None] | None = None,
    ) -> tuple[dict[str, Any], list[Entry]]:
        paging: dict[str, Any] = {}
        if page is not None:
            paging = {"paged_size": page[0], "paged_criticality": True, "paged_cookie": page[1]}
        _, result, response, _ = self._line.request(
            "search", base, str(filter_), search_scope=scope, attributes=list(attributes), controls=controls, **paging
        )
        if result["result"] in BUSY_READING:
            busy = ldap_error_of(result, operation="search", dn=base)
            raise DirectoryUnavailable(busy.message, code=busy.code, hint=busy.hint, values=busy.values)
        found = (uri for item in response or () if item["type"] == "searchResRef" for uri in item.get("uri") or ())
        self.references.update(islice(found, MOST_REFERENCES - len(self.references)))
        return result, self._line.entries

    def require_controller(self, expected: ControllerIdentity) -> None:
        """Close the connection where another controller than this one answers.

        Raises:
            ServiceFailed: It is another one (``controller-changed``).
        """
        now = []
        for dn, name in (("", "dsServiceName"), (expected.ds_service_name, "invocationId")):
            _, entries = self._search_once(dn, ANY_OBJECT, [name], BASE, None)
            now.append(entries[0] if entries else Entry(dn, {}))
        if now[0].text("dsServiceName") == expected.ds_service_name and (
            (now[1].guid_of("invocationId") or "") == expected.invocation_id
        ):
            return
        self.close()
        raise another_controller(expected, now[0].text("dsServiceName") or "")

    def _completed(self, entry: Entry, *, show_deleted: bool) -> Entry:
        """The entry with every ranged attribute read to its end."""
        controls = [(SHOW_DELETED, True, None)] if show_deleted else None

        def ask(dn: str, attribute: str) -> tuple[dict[str, Any], list[Entry]]:
            return self._line.patiently(lambda: self._search_once(dn, ANY_OBJECT, [attribute], BASE, controls))

        return completed(entry, ask)


def _interrupted(base: str, why: Text) -> ReadInterrupted:
    return ReadInterrupted(
        t("The search below {base} was interrupted: {why}.", base=base, why=why),
        code="directory-unavailable",
        hint=t("Check the domain controller and the network, then run again."),
        values={"base": base, "reason": why},
    )
