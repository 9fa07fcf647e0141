"""When a request is sent again: what a failed connection means, how long to wait, when to give up.

Nothing here quotes an exception, because those carry whole requests.
"""

from __future__ import annotations

import random as random_module
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3 import exceptions as pool

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

_SECONDS = re.compile(r"\d{1,12}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of one request. All times in seconds.

    Attributes:
        attempts: How often it is sent at most.
        first_attempts: The same while the host has not answered once: a mistyped address is told soon.
        slow_attempts: The same for answers that do not come to their end: each takes all of its time.
        damaged_attempts: The same for answers that cannot be read: whatever answers in the service's place, or breaks
            its answers, does so again.
        first_wait: Back-off after the first failure; it doubles with each further one.
        longest_back_off: Where the doubling ends.
        longest_wait: The longest Retry-After that is obeyed; a longer one ends the request with an error.
        longest_total: The longest time for all of it, waits and answers.
    """

    attempts: int = 8
    first_attempts: int = 3
    slow_attempts: int = 2
    damaged_attempts: int = 3
    first_wait: float = 1.0
    longest_back_off: float = 60.0
    longest_wait: float = 300.0
    longest_total: float = 900.0


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """Why an attempt failed, where another may succeed.

    Attributes:
        code: Code of the error if no attempt succeeds.
        what: What happened, a sentence without its full stop.
        retry_after: Seconds the service asked for, or None.
        unreachable: Whether no connection came about at all.
        slow: Whether the answer began, and did not end in its time.
        damaged: Whether an answer came that cannot be read.
        unprocessed: Whether it is certain that nothing was done because of the request: it was never sent, or refused
            before anybody looked at it.
        values: Facts for the error.
    """

    code: str
    what: Text
    retry_after: float | None = None
    unreachable: bool = False
    slow: bool = False
    damaged: bool = False
    unprocessed: bool = False
    values: Mapping[str, object] = field(default_factory=dict)


class Attempts:
    """The attempts of one request: waits between them, and ends them with an error.

    Args:
        policy: The limits.
        sleep: Waits that many seconds.
        random: A number in [0, 1): back-off waits between half and all of its time, so that many clients that failed
            together do not come back together.
        reached: Whether the host has answered before.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], None],
        random: Callable[[], float] = random_module.random,
        reached: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._sleep = sleep
        self._random = random
        self._reached = reached
        self._made = 0
        self._of_kind = {"slow": 0, "damaged": 0}
        """Attempts that ended in an answer without an end, or one that cannot be read: few of each are made."""
        self._waited = 0.0
        self._monotonic = monotonic
        self._begun = monotonic()

    def wait(self, trouble: FailedAttempt) -> None:
        """Wait before the next attempt.

        Raises:
            NoAccess: As ``delay``.
            ServiceFailed: As ``delay``.
        """
        self._sleep(self.delay(trouble))

    def delay(self, trouble: FailedAttempt) -> float:
        """Seconds to wait before the next attempt, for whoever waits for several things at a time.

        Raises:
            NoAccess: The host cannot be reached and the attempts are used up.
            ServiceFailed: The attempts or the time are used up, or the service asked for more time than is given.
        """
        self._made += 1
        policy = self._policy
        if self._used_up(trouble):
            raise self._gave_up(trouble, t("{number} attempts were made", number=self._made))
        seconds = self._seconds(trouble)
        if seconds > policy.longest_wait:
            raise self._gave_up(
                trouble,
                t(
                    "it asked to wait {seconds:.0f} seconds, and at most {most:.0f} are waited",
                    seconds=seconds,
                    most=policy.longest_wait,
                ),
            )
        spent = max(self._waited, self._monotonic() - self._begun)
        if spent + seconds > policy.longest_total:
            raise self._gave_up(
                trouble,
                t(
                    "it asks for another {seconds:.0f} seconds after {spent:.0f} were waited, "
                    "and at most {most:.0f} are waited in all",
                    seconds=seconds,
                    spent=spent,
                    most=policy.longest_total,
                ),
            )
        self._waited += seconds
        return seconds

    def _used_up(self, trouble: FailedAttempt) -> bool:
        policy = self._policy
        if trouble.unreachable and not self._reached:
            return self._made >= policy.first_attempts
        self._of_kind["slow"] += trouble.slow
        self._of_kind["damaged"] += trouble.damaged
        return (
            self._made >= policy.attempts
            or self._of_kind["slow"] >= policy.slow_attempts
            or self._of_kind["damaged"] >= policy.damaged_attempts
        )

    def _seconds(self, trouble: FailedAttempt) -> float:
        # "Retry-After: 0" with a failure that lasts would burn all attempts in an instant; waiting longer than asked
        # is always allowed.
        if trouble.retry_after is not None and trouble.retry_after >= 1:
            return trouble.retry_after
        back_off = min(self._policy.first_wait * 2.0 ** (self._made - 1), self._policy.longest_back_off)
        return max(back_off * (0.5 + 0.5 * self._random()), trouble.retry_after or 0.0)

    def _gave_up(self, trouble: FailedAttempt, why: Text) -> RunbookError:
        values = {
            **trouble.values,
            "attempts": self._made,
            "waited_seconds": round(self._waited, 3),
            "retry_after_seconds": trouble.retry_after,
        }
        if trouble.unreachable:
            return NoAccess(
                t("{what} ({why}).", what=trouble.what, why=why),
                code=trouble.code,
                hint=t("Check the address in the parameters, the network, the firewall and the proxy settings."),
                values=values,
            )
        return ServiceFailed(
            t("{what}; {why}.", what=trouble.what, why=why),
            code=trouble.code,
            hint=t("Nothing was written because of this request. ")
            + (
                t("Look at what answers there: a proxy or a portal may do so in its place, or break its answers.")
                if trouble.damaged
                else t("Run again later.")
            ),
            values=values,
        )


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds in a Retry-After header (RFC 9110, section 10.2.3: seconds or an HTTP date), or None."""
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


NETWORK_ERRORS = (OSError, pool.HTTPError, ssl.SSLError)
"""What sending a request may raise; requests' own exceptions are OSErrors."""


_PROXY_SIGN_IN = re.compile(r"Tunnel connection failed: 407\b")


def connection_trouble(
    error: Exception, *, host: str, values: dict[str, object], never_sent: bool = False
) -> FailedAttempt | NoAccess:
    """What a network error means for a request to ``host`` (``name:port``).

    The error says by itself that nothing was sent where no connection came about; of a proxy or of TLS it does not
    (urllib3 words a connection that breaks off after the request like one that never reached the proxy), so there
    ``never_sent`` has to: what ``session.watched`` saw.

    The error to raise where trying again cannot help, because the certificate of the host is not trusted
    (``cloud-certificate``) or the proxy wants another sign-in (``cloud-proxy``), whose account a second try could lock;
    else the trouble that another attempt may overcome.
    """
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(host, cause.verify_message or "", values)
    if type(error) is OSError:  # requests' way to say that a CA file does not exist; ours was checked before
        return _no_bundle(host, values)
    if isinstance(error, requests.exceptions.ProxyError):
        # http.client tells the proxy's answer in words alone; they are looked at and never quoted.
        if any(isinstance(cause, OSError) and _PROXY_SIGN_IN.search(str(cause)) for cause in causes):
            return _proxy_sign_in(host, values)
        return _unreachable(
            t("The proxy on the way to {host} did not let the connection through", host=host), values, never_sent
        )
    if any(isinstance(cause, pool.NameResolutionError) for cause in causes):
        return _unreachable(t("The name of {host} cannot be resolved", host=host), values)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return _unreachable(t("{host} did not accept a connection in time", host=host), values)
    if any(isinstance(cause, pool.NewConnectionError) for cause in causes):
        return _unreachable(t("{host} cannot be reached", host=host), values)
    if isinstance(error, (requests.exceptions.SSLError, ssl.SSLError)):
        return _unreachable(t("{host} did not complete the TLS handshake", host=host), values, never_sent)
    if isinstance(error, ValueError):  # requests' family for addresses and proxies that are none
        return _unreachable(t("The address or the proxy of {host} cannot be used", host=host), values)
    code, what = "cloud-connection-lost", t("The connection to {host} broke off", host=host)
    if isinstance(error, requests.exceptions.Timeout | pool.TimeoutError):
        code, what = "cloud-no-answer", t("{host} did not answer in time", host=host)
    return FailedAttempt(code, what, unprocessed=never_sent, values=values)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: requests and urllib3 keep it in ``args``, ``reason`` or ``__context__``."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]


def _unreachable(what: Text, values: dict[str, object], never_sent: bool = True) -> FailedAttempt:
    return FailedAttempt("cloud-unreachable", what, unreachable=True, unprocessed=never_sent, values=values)


def _untrusted(host: str, why: str, values: dict[str, object]) -> NoAccess:
    reason = printable(why, limit=120) or t("it could not be verified")
    return NoAccess(
        t("The certificate of {host} is not trusted: {reason}.", host=host, reason=reason),
        code="cloud-certificate",
        hint=t("Name the CA that issued it in the parameter cloud_ca_file, and the host as its certificate does."),
        values=values,
    )


def _no_bundle(host: str, values: dict[str, object]) -> NoAccess:
    return NoAccess(
        t(
            "The certificate of {host} cannot be checked: the CA file that the environment names is not there.",
            host=host,
        ),
        code="cloud-certificate",
        hint=t("Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, or name a CA file in the parameter cloud_ca_file."),
        values=values,
    )


def _proxy_sign_in(host: str, values: dict[str, object]) -> NoAccess:
    return NoAccess(
        t("The proxy on the way to {host} wants a user name and a password that it accepts (HTTP 407).", host=host),
        code="cloud-proxy",
        hint=t("Put them into HTTPS_PROXY: http://user:password@proxy:port, with special characters as %40, %3A, %2F."),
        values=values,
    )
