"""The one HTTP session of a run: TLS only, a CA file that the environment cannot replace, limits for a whole answer.

requests lets ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE`` win over ``Session.verify``, so a CA file named in the
parameters would be ignored on every machine that sets one of them. Here the named file wins; proxies from the
environment (``HTTPS_PROXY``, ``NO_PROXY``) still apply, and without a named file so do the two variables.

The time for an answer is kept in the socket: status line, headers and body alike. A compressed answer is unpacked no
further than it may be large, and JSON is taken only where it can be read in one way.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Never
from urllib.parse import urlsplit

import requests
from requests import Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from runbook_lib import __version__
from runbook_lib.deadline import ANSWER_TIMES, Limited
from runbook_lib.errors import UsageError
from runbook_lib.files import require_regular
from runbook_lib.model.text import NOTHING, Text, t, verbatim

USER_AGENT = f"group-writeback-runbook/{__version__}"
LONGEST_CONNECT = 10.0
"""Seconds to wait for a TCP connection; an answer may take longer than that, a handshake should not."""
LONGEST_LOCAL_CONNECT = 2.0
"""Seconds of the same where the other end is this computer or its hypervisor."""
WORKERS = 4
"""Threads that may read at the same time, beside the one that hands them their work."""


class CloudSession(requests.Session):
    """Session for Graph and sign-in that several threads may share.

    Sharing is safe because nothing in it changes after construction: urllib3's connection pools are made for
    threads, and the only part of a requests session that a request normally changes, the cookie jar, takes no cookie.

    Args:
        ca_file: CA certificates (PEM) to trust instead of the public ones, or None.
        timeout: Seconds to wait for one answer to begin, and for each part of it.

    Attributes:
        longest_answer: Seconds for a whole answer.

    Raises:
        UsageError: The CA file is missing or holds no certificate (code ``cloud-ca-file``).
    """

    def __init__(self, *, ca_file: Path | None = None, timeout: float = 30.0) -> None:
        super().__init__()
        self._timeout = (min(timeout, LONGEST_CONNECT), timeout)
        self.longest_answer = timeout * ANSWER_TIMES
        self._ca_file = None if ca_file is None else str(_checked_ca_file(ca_file))
        self.headers["User-Agent"] = USER_AGENT
        self.headers["Accept-Encoding"] = "gzip"  # the one that is unpacked here, piece by piece
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.auth = _leave_as_it_is
        del self.adapters["http://"]  # a token never leaves over plain HTTP, whatever an address says
        self.mount("https://", _LimitedAdapter(pool_connections=WORKERS, pool_maxsize=WORKERS + 1))
        self._of_environment: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Settings from the environment, except that it cannot replace the CA file.

        The environment is looked at once for each host: it has more to go through than most requests have to say.
        """
        if proxies or stream or verify or cert:
            settings: Any = super().merge_environment_settings(url, proxies, stream, verify, cert)
        else:
            host = urlsplit(url).netloc
            if host not in self._of_environment:
                self._of_environment[host] = super().merge_environment_settings(url, {}, None, None, None)
            settings = dict(self._of_environment[host])
        if self._ca_file is not None:
            settings["verify"] = self._ca_file
        return settings

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send with a time limit, also where the caller (msal) names none."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the base class names it
        """None: a redirect is an answer to report, never a place to carry a token to."""
        return None


@dataclass
class RequestProgress:
    """How far a request came.

    Attributes:
        connecting: Whether a connection was to be opened for it.
        sending: Whether a first byte of it may have left.
    """

    connecting: bool = False
    sending: bool = False

    @property
    def never_sent(self) -> bool:
        """Whether it is certain that nothing of it left: no connection came about. False where nobody watched."""
        return self.connecting and not self.sending


_of_thread = threading.local()


@contextmanager
def watched() -> Iterator[RequestProgress]:
    """While the block runs, how far the request that this thread sends over a ``CloudSession`` comes."""
    _of_thread.way = way = RequestProgress()
    try:
        yield way
    finally:
        _of_thread.way = None


class HttpsSocket(Limited, ssl.SSLSocket):
    """A TLS socket that receives nothing when the time for a whole answer is over."""


class HttpSocket(Limited, socket.socket):
    """The same before TLS begins: what a proxy answers to CONNECT comes over it."""


class _Watched:
    """What a class of connections takes on, before its own class.

    It keeps the time for a whole answer from its first byte on, the proxy's included, and tells ``watched`` what no
    exception says reliably: whether a request was sent at all.
    """

    def connect(self) -> None:
        """Open it, by way of the proxy where there is one."""
        if (way := getattr(_of_thread, "way", None)) is not None:
            way.connecting = True
        super().connect()  # type: ignore[misc]

    def request(self, *arguments: Any, **named: Any) -> None:
        """Send a request over the open connection."""
        if (way := getattr(_of_thread, "way", None)) is not None:
            way.sending = True
        super().request(*arguments, **named)  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        plain: socket.socket = super()._new_conn()  # type: ignore[misc]
        wait = plain.gettimeout()
        limited = HttpSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        limited.settimeout(wait)
        return limited


class _Connection(_Watched, HTTPSConnection):
    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        # As urllib3 makes it where none is given, with our sockets: the CAs are those of the connection.
        context = _limited_context()
        context.load_verify_locations(self.ca_certs, self.ca_cert_dir, self.ca_cert_data)
        if self.proxy_config is not None:
            self.proxy_config = self.proxy_config._replace(ssl_context=context)
        return super()._connect_tls_proxy(hostname, sock)


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _PlainConnection(_Watched, HTTPConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _PlainAdapter(HTTPAdapter):
    """The same for connections without TLS, which end on this host or at its hypervisor."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """With our sockets."""
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool}


class HostSession(CloudSession):
    """Session for what this computer itself offers under a local address: over HTTP, past every proxy.

    Args:
        timeout: As of ``CloudSession``; a connection is waited for ``LONGEST_LOCAL_CONNECT`` at most.
    """

    def __init__(self, *, timeout: float = 30.0) -> None:
        super().__init__(timeout=timeout)
        self._timeout = (min(timeout, LONGEST_LOCAL_CONNECT), timeout)
        self.trust_env = False  # a proxy would answer for itself, or not at all
        self.mount("http://", _PlainAdapter())


class _LimitedAdapter(HTTPAdapter):
    """Connections whose sockets keep the time for a whole answer."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """With our sockets."""
        super().init_poolmanager(*arguments, **named, ssl_context=_limited_context())
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
        """With our sockets, to a proxy that speaks TLS itself as well."""
        named |= {"ssl_context": _limited_context()}
        if proxy.lower().startswith("socks"):
            return super().proxy_manager_for(proxy, **named)  # it speaks to the proxy by ways of its own
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
        return manager


def _limited_context() -> ssl.SSLContext:
    """urllib3's settings; it adds the CAs, and demands certificate and host name as without it."""
    context = create_urllib3_context()
    context.sslsocket_class = HttpsSocket
    return context


def _leave_as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in the place where requests would put a password from ``.netrc`` over our Authorization header."""
    return request


def _checked_ca_file(path: Path) -> Path:
    try:
        require_regular(path)
        context = ssl.create_default_context(cafile=path)
        empty = not context.get_ca_certs()
        why = t("it holds no CA certificate") if empty else NOTHING
    except ssl.SSLError:
        why = t("it is not a PEM file with certificates")
    except OSError as error:
        why = verbatim(error.strerror) if error.strerror else t("it cannot be read")
    if why:
        raise UsageError(
            t("The CA file {path} cannot be used: {why}.", path=path, why=why),
            code="cloud-ca-file",
            hint=t("Check the parameter cloud_ca_file; leave it empty to trust the public CAs."),
            values={"path": str(path), "parameter": "cloud_ca_file"},
        )
    return path


LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer, as it comes and unpacked. A page of 999 users has two million, a batch of 20 pages fewer than
ten."""
_PIECE = 16_384
"""Bytes that are read at once."""
_GZIP = 16 + zlib.MAX_WBITS
_PACKED = ("gzip", "x-gzip")


class NotWhole(Exception):  # noqa: N818 - becomes a FailedAttempt where the host is known
    """The answer is too large, breaks off or is damaged; ``what`` continues a sentence that begins with the host."""

    def __init__(self, what: Text) -> None:
        super().__init__(what)
        self.what = what


def body_of(response: Response, *, largest: int = LARGEST_ANSWER) -> bytes:
    """The whole body, unpacked, of at most ``largest`` bytes.

    Raises:
        NotWhole: Too large, packed in a way that was not asked for, or broken off.
        OSError, urllib3.exceptions.HTTPError: As while sending.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", *_PACKED):
        raise NotWhole(t("answered in an encoding that was not asked for"))
    unpacker = zlib.decompressobj(_GZIP) if encoding in _PACKED else None
    found = bytearray()
    received = 0
    for piece in response.raw.stream(_PIECE, decode_content=False):
        received += len(piece)
        if unpacker is None:
            found += piece
        else:
            try:
                found += unpacker.decompress(piece, largest + 1 - len(found))
            except zlib.error:
                raise NotWhole(t("answered with a compressed text that is damaged")) from None
        if max(len(found), received) > largest:
            raise NotWhole(t("answered with more than {size} MB", size=largest // (1024 * 1024)))
    if unpacker is not None and received and not unpacker.eof:
        raise NotWhole(t("answered with a compressed text that breaks off"))
    return bytes(found)


def json_object(content: bytes) -> dict[str, object]:
    """The JSON object in ``content``.

    Raises:
        NotWhole: No JSON, no object, a name that an object holds twice, or a number that JSON does not have: whatever
            was meant, two readers would take it for two things.
    """
    try:
        value: object = json.loads(content, object_pairs_hook=_single, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NotWhole(t("answered with something other than a JSON object"))
    return value


def _single(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotWhole(t("answered with damaged JSON: an object holds a name twice"))
    return found


def _no_number(_: str) -> Never:
    raise NotWhole(t("answered with damaged JSON: a number that is none"))


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        _no_number(text)
    return number
