"""The ldap3 connection below a ``Directory``: one request at a time, loss noticed, opened anew to the same controller.

Reading twice harms nothing, so a read that got no answer, or a busy one, is asked again after a pause. A write is sent
once: whether one without an answer took effect is for whoever looks at the object afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ldap3.core.exceptions import LDAPException

from runbook_lib.deadline import ANSWER_TIMES, within
from runbook_lib.directory.entries import EntryReceiver, TooManyMessages
from runbook_lib.directory.errors import LONGEST_SAID, SUCCESS, AnswerWithoutEnd, DirectoryUnavailable
from runbook_lib.directory.search import Entry
from runbook_lib.directory.wire import unavailable, without_end
from runbook_lib.errors import NoAccess
from runbook_lib.model.text import clause, t, verbatim
from runbook_lib.model.traffic import AnswerTimes
from runbook_lib.secrets.sources import scrubbed

_T = TypeVar("_T")
UNREACHABLE = "dc-unreachable"
"""Code of the error of a controller that no connection can be opened to."""
LARGEST_LDAP_ANSWER = 512 * 1024 * 1024
"""Bytes of the answer to one request: a page of 1,000 groups with 1,500 members each has less than half of it."""
MOST_MESSAGES = 20_000
"""Entries and references in the answer to one request; a page has 1,000 entries."""
_RECEIVE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class ControllerPatience:
    """How long a controller that is busy, or whose connection was lost, is waited for: seconds before each new try.

    ``monotonic`` gives seconds that only grow: what answers take.
    """

    sleep: Callable[[float], None] = time.sleep
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    monotonic: Callable[[], float] = time.monotonic


class ReconnectingConnection:
    """One ldap3 connection at a time (SAFE_SYNC, ``auto_range`` and ``return_empty_attributes`` off).

    Attributes:
        requests: LDAP requests sent so far.
        answer_times: How long answers took.
        renewed: How often the connection was lost and opened anew.
        redact: Takes secrets out of what the controller says, before anybody quotes it.
    """

    def __init__(self, connection: Any, patience: ControllerPatience) -> None:
        self.patience = patience
        self.redact: Callable[[str], str] = partial(scrubbed, limit=LONGEST_SAID)
        self.requests = 0
        self.answer_times = AnswerTimes()
        self.renewed = 0
        self._reopen: Callable[[], Any] | None = None
        self._verify: Callable[[], None] = lambda: None
        self._lost = False
        self._closed = False
        self._adopt(connection)

    def let_reopen(self, reopen: Callable[[], Any], verify: Callable[[], None]) -> None:
        """Allow a lost connection to be opened anew.

        Args:
            reopen: Returns a new bound ldap3 connection to the same host.
            verify: Raises where another controller answers there now.
        """
        self._reopen = reopen
        self._verify = verify

    @property
    def entries(self) -> list[Entry]:
        """What the last search found; no part of ldap3's answer."""
        return self._receiver.entries

    def request(self, method: str, *arguments: object, **named: object) -> Any:
        """Send one request and return ldap3's answer (status, result, response, request).

        Raises:
            AnswerWithoutEnd: It took too long as a whole, or was too large.
            DirectoryUnavailable: The connection was lost, now or before.
        """
        if self._lost or self._closed:
            raise unavailable(t("the connection was closed or lost before"))
        self.requests += 1
        self._receiver.begin()
        begun = self.patience.monotonic()
        try:
            with within(self._connection.receive_timeout * ANSWER_TIMES, largest=LARGEST_LDAP_ANSWER) as limit:
                answer = getattr(self._connection, method)(*arguments, **named)
        except (LDAPException, OSError) as error:
            self._lost = True
            self._unbind()
            if why := limit.over or (str(error) if isinstance(error, TooManyMessages) else ""):
                raise without_end(why) from None
            raise unavailable(verbatim(self.redact(str(error)))) from None
        except KeyboardInterrupt:
            # An answer may be under way: the next request on this socket would read it as its own.
            self.close()
            raise
        self.answer_times.note(self.patience.monotonic() - begun)
        result = answer[1]
        if result["result"] != SUCCESS and result.get("message"):
            # AD ends its messages with a zero byte.
            result["message"] = self.redact(str(result["message"]).rstrip("\x00 \n"))
        return answer

    def patiently(self, ask: Callable[[], _T]) -> _T:
        """What ``ask`` returns; where it raises ``DirectoryUnavailable``, once more after each pause."""
        for pause in self.patience.pauses:
            try:
                self._renew()
                return ask()
            except AnswerWithoutEnd:
                raise  # the next one would not end either
            except DirectoryUnavailable:
                if self._closed or (self._lost and self._reopen is None):
                    raise
            self.patience.sleep(pause)
        self._renew()
        return ask()

    def close(self) -> None:
        """Say goodbye and close the socket; never fails, and nothing opens it again."""
        self._closed = True
        self._unbind()

    def _renew(self) -> None:
        """Open the connection anew where it was lost.

        Raises:
            DirectoryUnavailable: Nobody answers there now, or not to the end.
            RunbookError: Signing in is refused now, or another controller answers.
        """
        if not self._lost or self._closed or self._reopen is None:
            return
        try:
            self._adopt(self._reopen())
        except NoAccess as error:
            if error.code != UNREACHABLE:
                raise
            raise unavailable(clause(error.message)) from None
        self._lost = False
        self.renewed += 1
        self._verify()

    def _adopt(self, connection: Any) -> None:
        self._receiver = EntryReceiver(connection, MOST_MESSAGES, _RECEIVE_BYTES)
        self._connection = connection

    def _unbind(self) -> None:
        try:
            self._connection.unbind()
        except (LDAPException, OSError):
            # The other end is gone already: nothing left to close.
            return
