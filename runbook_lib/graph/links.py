"""Members of every group, in batches and several batches at a time, with a result that does not depend on timing.

What a batch brought is turned into ids and principals by the thread that read it, while others wait for theirs; the
rows are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from runbook_lib.errors import NoAccess
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.rows import Row, linked_of
from runbook_lib.graph.session import WORKERS
from runbook_lib.graph.transport import GraphClient, Listing
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Progress, Text, t
from runbook_lib.model.untrusted import printable

_LINK_PARAMETERS = {"$select": "id,displayName", "$top": "999"}
_SHOWN_GAPS = 20
"""Sentences that are shown one by one; of more the number is told."""


@dataclass(frozen=True, slots=True)
class Links:
    """The members of every group.

    Attributes:
        ids: Group id to sorted ids of its members; groups whose members are unknown are absent.
        principals: The members as the lists show them, by id.
        complete: Whether every list that this app is meant to see arrived, but for those of ``gone``.
        proof: Numbers.
        gaps: What is unknown, a sentence each.
        gone: Ids of groups that were listed, and whose list of members answers HTTP 404, in the order of the groups.
    """

    ids: dict[GroupId, tuple[str, ...]]
    principals: dict[str, CloudPrincipal]
    complete: bool
    proof: Text
    gaps: tuple[Text, ...]
    gone: tuple[GroupId, ...] = ()


@dataclass(frozen=True, slots=True)
class _List:
    """One list of members, read to its end: every member once, sorted by id, and those ids."""

    ids: tuple[str, ...]
    members: tuple[CloudPrincipal, ...]
    pages: int


_Read = _List | NoAccess | GraphNotFound


@contextmanager
def reading_threads(client: GraphClient) -> Iterator[ThreadPoolExecutor]:
    """Threads that read over ``client`` while the block runs.

    After an error or Ctrl-C only what is being read at that moment is finished.
    """
    pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="graph")
    try:
        yield pool
    except BaseException:
        client.abandon()  # a thread that waits for a person would hold up the end
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class MembersReading:
    """Reads members of groups from the moment on that the groups are known.

    Args:
        client: The client.
        pool: Threads of ``reading_threads``.
    """

    def __init__(self, client: GraphClient, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._pool = pool
        self._known: dict[tuple[object, ...], CloudPrincipal] = {}
        self._asked: set[GroupId] = set()
        self._waiting: list[GroupId] = []
        self._batches: list[tuple[list[GroupId], Future[list[_Read]]]] = []

    def begin(self, groups: Iterable[CloudGroup]) -> None:
        """Ask for the members of these groups, as far as they fill whole batches; of each group once."""
        for group in groups:
            if group.id not in self._asked:
                self._asked.add(group.id)
                self._waiting.append(group.id)
        while len(self._waiting) >= MOST_IN_BATCH:
            self._send(MOST_IN_BATCH)

    def finish(self, groups: Sequence[CloudGroup], progress: Progress | None) -> Links:
        """The members of ``groups``, which are in the order of their ids.

        A group that hides its members answers with an empty list, or 403, to apps without Member.Read.Hidden. Its
        members are then unknown, not none: it is left out and named, while the reading as a whole stays complete,
        because the groups that do not hide anything are not affected. A group that answers 404 may have been deleted
        since it was listed: it is named in ``gone``, for the caller to look up. Any other list that cannot be read
        makes the reading incomplete.

        Raises:
            NoAccess: Not one list may be read: a permission is missing, not a group special.
        """
        self.begin(groups)
        self._send(len(self._waiting))
        found: dict[GroupId, _Read] = {}
        for ids, future in self._batches:
            found.update(zip(ids, future.result(), strict=True))
            if progress is not None:
                progress(t("members"), len(found), len(groups))
        return _links([(group, found[group.id]) for group in groups])

    def _send(self, number: int) -> None:
        some, self._waiting = self._waiting[:number], self._waiting[number:]
        if some:
            self._batches.append((some, self._pool.submit(self._read, some)))

    def _read(self, ids: list[GroupId]) -> list[_Read]:
        listings = self._client.listings([f"/groups/{key}/members" for key in ids], _LINK_PARAMETERS)
        return [self._list(one.rows, one.pages) if isinstance(one, Listing) else one for one in listings]

    def _list(self, rows: Iterable[Row], pages: int) -> _List:
        """The members. Somebody who is in many groups, and shown alike in all of them, is one object."""
        found: dict[str, CloudPrincipal] = {}
        known = self._known
        for row in rows:
            shown = (row.get("id"), row.get("@odata.type"), row.get("displayName"))
            try:
                member = known[shown]
            except (KeyError, TypeError):  # what cannot be a key is no text either, and linked_of says so
                member = known[shown] = linked_of(row)
            found[member.id] = member
        ids = tuple(sorted(found))
        return _List(ids, tuple(map(found.__getitem__, ids)), pages)


def _links(results: Sequence[tuple[CloudGroup, _Read]]) -> Links:
    visible = [result for group, result in results if not group.hidden_membership]
    refusals = [result for result in visible if isinstance(result, NoAccess)]
    if refusals and len(refusals) == len(visible):
        raise refusals[0]
    ids: dict[GroupId, tuple[str, ...]] = {}
    principals: dict[str, CloudPrincipal] = {}
    hidden: list[Text] = []
    missing: list[Text] = []
    gone: list[GroupId] = []
    pages = 0
    for group, result in results:
        if isinstance(result, _List):
            pages += result.pages
            if result.ids or not group.hidden_membership:
                ids[group.id] = result.ids
                principals.update(zip(result.ids, result.members, strict=True))
                continue
        if isinstance(result, GraphNotFound):
            gone.append(group.id)
            continue
        name = f"{printable(group.display_name, limit=80)} ({group.id})"
        if isinstance(result, _List):
            hidden.append(
                t("The members of {name} are hidden from this app, so they are unknown, not none.", name=name)
            )
        elif group.hidden_membership:
            hidden.append(
                t("The members of {name} are hidden from this app (HTTP 403), so they are unknown.", name=name)
            )
        else:
            missing.append(t("The members of {name} could not be read: HTTP 403.", name=name))
    return Links(
        ids=ids,
        principals=principals,
        complete=not missing,
        proof=t(
            "Members of {read} of {groups} groups on {pages} pages, each list read until a page without nextLink: "
            "{total} in all",
            read=len(ids),
            groups=len(results),
            pages=pages,
            total=sum(map(len, ids.values())),
        ),
        gaps=(*_first(missing), *_first(hidden)),
        gone=tuple(gone),
    )


def _first(sentences: list[Text]) -> list[Text]:
    if len(sentences) <= _SHOWN_GAPS:
        return sentences
    rest = len(sentences) - _SHOWN_GAPS
    return [
        *sentences[:_SHOWN_GAPS],
        t("The same is true of the members of {rest} further groups.", rest=rest),
    ]
