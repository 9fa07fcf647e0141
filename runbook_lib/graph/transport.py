"""Microsoft Graph over HTTPS: reading one object, reading a collection to its end; ``writing`` changes something."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Self
from urllib.parse import urlsplit

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.graph.batch import BatchRefused, BatchSender, bearable, read_firsts
from runbook_lib.graph.errors import GraphNotFound, GraphRejected, graph_error_of, unexpected
from runbook_lib.graph.sender import Answer, Sender
from runbook_lib.graph.session import CloudSession
from runbook_lib.graph.sign_in.tokens import Tokens, bearer, claims_of, with_token
from runbook_lib.graph.writing import GraphWriter
from runbook_lib.model.text import t
from runbook_lib.model.traffic import AnswerTimes
from runbook_lib.secrets.sources import Secret, scrubbed

NEXT_LINK = "@odata.nextLink"
MOST_PAGES = 20_000
"""Pages of one collection: twenty million objects at 999 on each, two million at Graph's own 100."""
MOST_EMPTY_PAGES = 100
"""Pages in a row with nothing new; a filter leaves some empty, and the next one may hold something."""
LONGEST_LINK = 16_384
"""Characters of a nextLink."""
_EVENTUAL = {"ConsistencyLevel": "eventual"}
# A link is handed on as it stands, so it may only hold what an address may hold: with a backslash or a space in it,
# two parsers can disagree about where the host ends.
_PLAIN_LINK = re.compile(r"[!-\[\]-~]+")


@dataclass(frozen=True, slots=True)
class Listing:
    """A collection read to its end. ``pages`` is how many answers that took."""

    rows: tuple[dict[str, object], ...]
    pages: int


class GraphClient:
    """Reads from Microsoft Graph, and writes by its ``writer``. Threads may share it.

    Args:
        base_url: ``https://host[:port]``, without version.
        token_source: Where tokens come from.
        session: The session to send over.
        clock: Now, UTC.
        sleep: Waits that many seconds.
        timeout: Seconds to wait for one answer; None: the session's.
        sender: Replaces the sender that is made of ``session``, ``clock`` and ``sleep``; to share one with sign-in,
            or to inject policy, randomness and ids.
    """

    def __init__(
        self,
        base_url: str,
        token_source: Tokens,
        session: CloudSession,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        timeout: float | None = None,
        sender: Sender | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._tokens = token_source
        self._session = session
        self._sender = sender or Sender(session, clock=clock, sleep=sleep)
        self._timeout = timeout
        self.writer = GraphWriter(self._base, token_source, self._sender, timeout)
        """Changes what Graph holds."""
        self._batches = True

    def close(self) -> None:
        """Close the connections; a further request opens new ones."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def abandon(self) -> None:
        """Give up waiting for a person to sign in, in whatever thread that happens."""
        self._tokens.abandon()

    @property
    def host(self) -> str:
        """``name[:port]`` of Graph."""
        return urlsplit(self._base).netloc

    @property
    def requests(self) -> int:
        """Round trips so far, repeated ones included."""
        return self._sender.requests

    @property
    def units(self) -> int:
        """Resource units of throttling, as far as answers named them (``x-ms-resource-unit``)."""
        return self._sender.units

    @property
    def answer_times(self) -> AnswerTimes:
        """How long answers took."""
        return self._sender.answer_times

    @property
    def request_ids(self) -> tuple[str, ...]:
        """Graph's ids of the last requests, oldest first: what Microsoft's support asks for."""
        return self._sender.request_ids

    def token_claims(self) -> Mapping[str, object] | None:
        """What the token says about who signed in, as evidence for people; None if it does not say. May sign in."""
        return claims_of(self._tokens.token())

    def get(self, path: str, params: Mapping[str, str] | None = None, version: str = "v1.0") -> dict[str, object]:
        """The JSON object at ``path`` (``/organization``).

        Raises:
            GraphNotFound: HTTP 404 from Graph.
            NoAccess: HTTP 403 (``graph-forbidden``), 401 twice (``graph-unauthorized``, ``graph-claims-challenge``),
                sign-in refused, host unreachable or not trusted.
            ServiceFailed: Anything else, after the attempts that made sense.
        """
        return self._fetch(f"{self._base}/{version}{path}", path, params)

    def pages(
        self, path: str, params: Mapping[str, str] | None = None, version: str = "v1.0"
    ) -> Iterator[dict[str, object]]:
        """Every page of the collection at ``path``; ``value`` of each is a list of objects.

        Raises:
            ServiceFailed: Also when a nextLink leads to another host or comes a second time, and when pages never end.
        """
        yield from self.pages_from(self.get(path, params, version), path)

    def pages_at(self, link: str, path: str) -> Iterator[dict[str, object]]:
        """Every page from an address on that Graph gave earlier, for a later request.

        Args:
            link: The address, which has to be one of this Graph.
            path: What errors name.

        Raises:
            ServiceFailed: As ``pages``; also where the address leads to another host.
        """
        yield from self.pages_from(self._fetch(self._checked_link(link, path, set()), path, None), path)

    def pages_from(self, page: dict[str, object], path: str) -> Iterator[dict[str, object]]:
        """A first page that is there already, and every page that follows it.

        Raises:
            ServiceFailed: As ``pages``.
        """
        followed: set[str] = set()
        known: set[object] = set()
        empty = 0
        while True:
            rows = _rows_of(page, path)
            yield page
            link = page.get(NEXT_LINK)
            if link is None:
                return
            before = len(known)
            known.update(map(_id_of, rows))
            empty = 0 if len(known) > before else empty + 1
            if empty > MOST_EMPTY_PAGES:
                what = t("{pages} pages in a row are empty or hold nothing new, and each names another", pages=empty)
                raise unexpected(path, what)
            if len(followed) >= MOST_PAGES:
                raise unexpected(path, t("it has more than {pages:,} pages", pages=MOST_PAGES))
            url = self._checked_link(link, path, followed)
            followed.add(url)
            page = self._fetch(url, path, None)

    def rows(
        self, path: str, params: Mapping[str, str] | None = None, version: str = "v1.0"
    ) -> Iterator[dict[str, object]]:
        """Every object of the collection at ``path``."""
        for page in self.pages(path, params, version):
            yield from _rows_of(page, path)

    def listing(self, path: str, params: Mapping[str, str] | None = None, version: str = "v1.0") -> Listing:
        """The whole collection at ``path``, with the number of pages as evidence."""
        return _listing(self.pages(path, params, version), path)

    def listings(self, paths: Sequence[str], params: Mapping[str, str]) -> list[Listing | NoAccess | GraphNotFound]:
        """The collections at ``paths`` (at most ``MOST_IN_BATCH``), in their order: first pages in one ``$batch``.

        A collection that may not be read (HTTP 403) or whose owner is gone (404) is its error. Where the service takes
        no batches each is asked for alone.

        Raises:
            NoAccess: As ``get``, but for single collections.
            ServiceFailed: As ``get``.
        """
        if len(paths) > 1 and self._batches:
            try:
                firsts = read_firsts(self._batch_sender(), paths, params)
            except BatchRefused:
                self._batches = False  # a matter of the service or of a proxy: it will not take the next one either
            else:
                return [self._rest(first, path) for first, path in zip(firsts, paths, strict=True)]
        return [self._alone(path, params) for path in paths]

    def objects(
        self, paths: Sequence[str], params: Mapping[str, str] | None = None, *, eventual: bool = False
    ) -> list[dict[str, object] | NoAccess | GraphNotFound | GraphRejected]:
        """The JSON objects at ``paths`` (at most ``MOST_IN_BATCH``), in their order, in one ``$batch``.

        An object that may not be read (HTTP 403), is not there (404) or is refused (another 4xx) is its error, so one
        of them never takes its neighbours along. Where the service takes no batches each is asked for alone.

        Args:
            paths: Below the version.
            params: Query options of all of them.
            eventual: Whether they are advanced queries, which count (header ConsistencyLevel).

        Raises:
            NoAccess: As ``get``, but for single objects.
            ServiceFailed: As ``get``.
        """
        headers = _EVENTUAL if eventual else {}
        if len(paths) > 1 and self._batches:
            try:
                return [
                    _own_refusal(one) if isinstance(one, RunbookError) else one
                    for one in read_firsts(self._batch_sender(), paths, params or {}, headers)
                ]
            except BatchRefused:
                self._batches = False
        found: list[dict[str, object] | NoAccess | GraphNotFound | GraphRejected] = []
        for path in paths:
            try:
                found.append(self._fetch(f"{self._base}/v1.0{path}", path, params, headers))
            except RunbookError as error:
                found.append(_own_refusal(error))
        return found

    def _rest(self, first: dict[str, object] | RunbookError, path: str) -> Listing | NoAccess | GraphNotFound:
        if isinstance(first, RunbookError):
            return bearable(first)
        try:
            return _listing(self.pages_from(first, path), path)
        except (NoAccess, GraphNotFound) as error:
            return bearable(error)

    def _alone(self, path: str, params: Mapping[str, str]) -> Listing | NoAccess | GraphNotFound:
        try:
            return self.listing(path, params)
        except (NoAccess, GraphNotFound) as error:
            return bearable(error)

    def _batch_sender(self) -> BatchSender:
        return BatchSender(f"{self._base}/v1.0/$batch", self.host, self._tokens, self._sender, self._timeout)

    def _fetch(
        self, url: str, path: str, params: Mapping[str, str] | None, headers: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        answer, token = with_token(self._tokens, lambda token: self._send(url, params, token, headers))
        if answer.whole is None:
            raise graph_error_of(answer, path, secrets=(token.reveal(),))
        return answer.whole

    def _send(
        self, url: str, params: Mapping[str, str] | None, token: Secret, headers: Mapping[str, str] | None
    ) -> Answer:
        given = {**bearer(token), **(headers or {})}
        return self._sender.send("GET", url, params=params, headers=given, timeout=self._timeout)

    def _checked_link(self, link: object, path: str, followed: set[str]) -> str:
        if not isinstance(link, str) or len(link) > LONGEST_LINK or not _PLAIN_LINK.fullmatch(link):
            raise unexpected(path, t("its nextLink is not an address"))
        # Compared as text, up to the slash that ends the host: no parser, nothing to be fooled.
        if not link.lower().startswith(self._base.lower() + "/"):
            raise ServiceFailed(
                t(
                    "The next page of {page} is said to be at {next_link}, which is not {host}; "
                    "the token is not sent there.",
                    page=scrubbed(path),
                    next_link=scrubbed(link, limit=100),
                    host=self.host,
                ),
                code="graph-link-elsewhere",
                hint=t("Check graph_url; a proxy may be rewriting answers."),
                values={"path": scrubbed(path), "host": self.host},
            )
        if link in followed:
            pages = len(followed) + 1
            raise unexpected(path, t("after {pages} pages its nextLink leads back to an earlier one", pages=pages))
        return link


def _own_refusal(error: RunbookError) -> NoAccess | GraphNotFound | GraphRejected:
    """A refusal that is about one object; any other error is raised."""
    return error if isinstance(error, GraphRejected) else bearable(error)


def _rows_of(page: Mapping[str, object], path: str) -> list[dict[str, object]]:
    value = page.get("value")
    if not isinstance(value, list) or not {*map(type, value)} <= {dict}:  # JSON's objects are dicts, none of a subclass
        raise unexpected(path, t("its value is not a list of objects"))
    return value


def _id_of(row: Mapping[str, object]) -> object:
    """What tells a row from others: its id, or itself where it has none."""
    key = row.get("id")
    return key if isinstance(key, str) else json.dumps(row, sort_keys=True)


def _listing(pages: Iterator[dict[str, object]], path: str) -> Listing:
    found = [_rows_of(page, path) for page in pages]
    return Listing(tuple(chain.from_iterable(found)), len(found))
