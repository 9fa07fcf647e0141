"""Sends one request until there is an answer to judge: the part that Graph and sign-in have in common."""

from __future__ import annotations

import random as random_module
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from requests import Request, Response

from runbook_lib.deadline import within
from runbook_lib.errors import NoAccess
from runbook_lib.graph.retry import (
    NETWORK_ERRORS,
    Attempts,
    FailedAttempt,
    RetryPolicy,
    connection_trouble,
    retry_after,
)
from runbook_lib.graph.session import CloudSession, NotWhole, body_of, json_object, watched
from runbook_lib.model.text import Text, t
from runbook_lib.model.traffic import AnswerTimes

WORTH_ANOTHER_TRY = frozenset({429, 500, 502, 503, 504})
"""Status codes after which a reading request is sent again (Microsoft Graph documentation, "Best practices" and
"Microsoft Graph throttling guidance")."""
WHOLE = 200
"""The one success that a reading request has. 206 is a part; 203 was changed on the way; 201, 202 and 204 say that
something else happened than reading."""
DONE = frozenset({200, 201, 202, 204})
"""The successes of a writing request: done, created, accepted, done without anything to show."""
_LONGEST_UNITS = 6
"""Digits of the units of one request; most have one."""
_KEPT_IDS = 50
"""Ids of the latest requests that are kept."""
_NO_ANSWER_TO_A_WRITE = frozenset({408, 429, 500, *range(502, 600)})
"""Status codes that are no answer to a write: refused before it was looked at (429), or something broke on the way.
501 is a refusal: what was asked for does not exist."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What counts as an answer to a request.

    Attributes:
        again: Status codes that are none; their bodies are not read.
        whole: The successes.
        empty: Whether a success may come without a body; it is the service's own if it has the service's id of the
            request: a portal can answer with nothing, too.
    """

    again: Container[int]
    whole: Container[int]
    empty: bool = False


READING = Manner(WORTH_ANOTHER_TRY, frozenset({WHOLE}))
WRITING = Manner(_NO_ANSWER_TO_A_WRITE, DONE, empty=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. ``body`` is the JSON object, or None if the body is none (never so with a reading's HTTP 200)."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, object] | None = field(repr=False)
    values: Mapping[str, object]
    """Host, status, request-id and client-request-id, for errors."""

    @property
    def whole(self) -> dict[str, object] | None:
        """The body of an answer that is what was asked for, all of it; None for any other answer."""
        return self.body if self.status == WHOLE else None


class Sender:
    """Sends requests over one session, several threads at a time.

    Args:
        session: The session.
        clock: Now, UTC; Retry-After dates are measured against it.
        sleep: Waits that many seconds.
        policy: How often and how long to try.
        random: A number in [0, 1) for the jitter of back-off.
        new_id: A new client-request-id for each attempt.
        monotonic: Seconds that only grow: what attempts take.
    """

    def __init__(
        self,
        session: CloudSession,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        policy: RetryPolicy | None = None,
        random: Callable[[], float] = random_module.random,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._clock = clock
        self._sleep = sleep
        self._policy = policy or RetryPolicy()
        self._random = random
        self._new_id = new_id
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._requests = 0
        self._units = 0
        self.answer_times = AnswerTimes()
        """Seconds from sending a request to the end of its answer."""
        self._reached: set[str] = set()
        self._request_ids: deque[str] = deque(maxlen=_KEPT_IDS)

    @property
    def requests(self) -> int:
        """Requests sent so far, repeated ones included."""
        return self._requests

    @property
    def units(self) -> int:
        """Resource units of throttling, as far as answers named them (``x-ms-resource-unit``)."""
        return self._units

    def count_units(self, headers: Mapping[str, str]) -> None:
        """Add the units that an answer, or a part of a batch, names; nothing where it names none."""
        named = headers.get("x-ms-resource-unit") or ""
        if named.isascii() and named.isdecimal() and len(named) <= _LONGEST_UNITS:
            with self._lock:
                self._units += int(named)

    @property
    def request_ids(self) -> tuple[str, ...]:
        """The service's ids of the last requests, oldest first."""
        with self._lock:
            return tuple(self._request_ids)

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send until the answer is final: JSON, or a status that another try would not change.

        Without ``params`` the address is used exactly as it stands.

        Raises:
            NoAccess: The host cannot be reached (``cloud-unreachable``) or is not trusted (``cloud-certificate``).
            ServiceFailed: It answered with nothing useful until attempts or time were used up.
        """
        host = urlsplit(url).netloc.rpartition("@")[2]
        attempts = self.attempts(host)
        while True:
            request = Request(method, url, params=dict(params or {}), headers=dict(headers or {}), data=data)
            result = self._once(request, host, timeout, READING)
            if isinstance(result, Answer):
                return result
            attempts.wait(result)

    def once(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: str | None = None,
        timeout: float | None = None,
        manner: Manner = WRITING,
    ) -> Answer | FailedAttempt:
        """Send one time, whatever comes of it: for requests that change something.

        Returns:
            The answer, or the trouble; ``FailedAttempt.unprocessed`` says whether the request may be sent again.

        Raises:
            NoAccess: The host is not trusted (``cloud-certificate``), or the proxy wants a sign-in (``cloud-proxy``);
                nothing was sent.
        """
        host = urlsplit(url).netloc.rpartition("@")[2]
        return self._once(Request(method, url, headers=dict(headers), data=data), host, timeout, manner)

    def attempts(self, host: str) -> Attempts:
        """The attempts of one request to ``host``, by this sender's limits."""
        return Attempts(
            self._policy,
            sleep=self._sleep,
            random=self._random,
            reached=host in self._reached,
            monotonic=self._monotonic,
        )

    def wait(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)

    def trouble(
        self, status: int, headers: Mapping[str, str], host: str, values: Mapping[str, object]
    ) -> FailedAttempt:
        """Why a request with one of the statuses ``WORTH_ANOTHER_TRY`` (or a part of a batch, with 424) failed."""
        throttled = status == 429
        return FailedAttempt(
            "cloud-throttled" if throttled else "cloud-unavailable",
            t("{host} limits how much it answers (HTTP {status})", host=host, status=status)
            if throttled
            else t("{host} is not available (HTTP {status})", host=host, status=status),
            retry_after=retry_after(headers.get("Retry-After"), now=self._clock()),
            unprocessed=throttled,
            values=values,
        )

    def _once(self, request: Request, host: str, timeout: float | None, manner: Manner) -> Answer | FailedAttempt:
        client_id = self._new_id()
        request.headers["client-request-id"] = client_id
        request.headers["return-client-request-id"] = "true"
        values: dict[str, object] = {"host": host, "client-request-id": client_id}
        try:
            with watched() as way, within(self._session.longest_answer, monotonic=self._monotonic) as limit:
                prepared = self._session.prepare_request(request)
                if not request.params:
                    prepared.url = request.url  # requests would rewrite its escapes, and links are followed verbatim
                settings = self._session.merge_environment_settings(prepared.url, {}, None, None, None)
                settings["stream"] = True
                with self._lock:
                    self._requests += 1
                begun = self._monotonic()
                response = self._session.send(prepared, timeout=timeout, allow_redirects=False, **settings)
                judged = self._judge(response, host, values, manner)
                self.answer_times.note(self._monotonic() - begun)
                return judged
        except NotWhole as broken:
            return FailedAttempt("cloud-garbled", _said_of(host, broken.what), damaged=True, values=values)
        except NETWORK_ERRORS as error:
            if limit.over:
                return FailedAttempt(
                    "cloud-too-slow", _said_of(host, limit.over), slow=True, unprocessed=way.never_sent, values=values
                )
            failure = connection_trouble(error, host=host, values=values, never_sent=way.never_sent)
        # Raised out here so that no error of ours drags along the exception that holds the whole request.
        if isinstance(failure, NoAccess):
            raise failure
        return failure

    def _judge(
        self, response: Response, host: str, values: dict[str, object], manner: Manner
    ) -> Answer | FailedAttempt:
        status = response.status_code
        values["status"] = status
        request_id = response.headers.get("request-id") or response.headers.get("x-ms-request-id") or ""
        values["request-id"] = request_id
        with self._lock:
            self._reached.add(host)
            if request_id:
                self._request_ids.append(request_id)
        self.count_units(response.headers)
        if status in manner.again:
            response.close()
            return self.trouble(status, response.headers, host, values)
        try:
            content = body_of(response)
        except BaseException:
            response.close()  # what is left of it must not be read as the next answer
            raise
        if status in manner.whole:
            nothing = manner.empty and not content.strip()
            if nothing and not request_id:
                raise NotWhole(
                    t("answered with HTTP {status}, without a body and without an id of the request", status=status)
                )
            return Answer(status, response.headers, None if nothing else json_object(content), values)
        if 200 <= status < 300:
            raise NotWhole(
                t("answered with HTTP {status} where the whole answer has HTTP {whole}", status=status, whole=WHOLE)
            )
        try:
            body = json_object(content)
        except NotWhole:
            body = None
        return Answer(status, response.headers, body, values)


def _said_of(host: str, what: Text) -> Text:
    return t("{host} {what}", host=host, what=what)
