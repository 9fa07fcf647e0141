"""Members of every group, in batches and several batches at a time, with a result that does not depend on timing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runbook_lib.errors import NoAccess
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.rows import linked_of
from runbook_lib.graph.session import WORKERS
from runbook_lib.graph.transport import GraphClient, Listing
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Progress, Text, t
from runbook_lib.model.untrusted import printable

_LINK_PARAMETERS = {"$select": "id,displayName", "$top": "999"}
_SHOWN_GAPS = 20
"""Sentences that are shown one by one; of more the number is told."""
_Read = Listing | NoAccess | GraphNotFound


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


def read_members(client: GraphClient, groups: Sequence[CloudGroup], progress: Progress | None) -> Links:
    """Read the members of ``groups``, which are in the order of their ids.

    A group that hides its members answers with an empty list, or 403, to apps without Member.Read.Hidden. Its members
    are then unknown, not none: it is left out and named, while the reading as a whole stays complete, because the
    groups that do not hide anything are not affected. A group that answers 404 may have been deleted since it was
    listed: it is named in ``gone``, for the caller to look up. Any other list that cannot be read makes the reading
    incomplete.

    Raises:
        NoAccess: Not one list may be read: a permission is missing, not a group special.
    """
    results = _read_all(client, groups, progress)
    visible = [result for group, result in zip(groups, results, strict=True) if not group.hidden_membership]
    refusals = [result for result in visible if isinstance(result, NoAccess)]
    if refusals and len(refusals) == len(visible):
        raise refusals[0]
    ids: dict[GroupId, tuple[str, ...]] = {}
    principals: dict[str, CloudPrincipal] = {}
    hidden: list[Text] = []
    missing: list[Text] = []
    gone: list[GroupId] = []
    pages = 0
    for group, result in zip(groups, results, strict=True):
        name = f"{printable(group.display_name, limit=80)} ({group.id})"
        if isinstance(result, Listing):
            pages += result.pages
            linked = {principal.id: principal for principal in map(linked_of, result.rows)}
            if not linked and group.hidden_membership:
                hidden.append(
                    t("The members of {name} are hidden from this app, so they are unknown, not none.", name=name)
                )
                continue
            ids[group.id] = tuple(sorted(linked))
            principals |= linked
        elif isinstance(result, NoAccess) and group.hidden_membership:
            hidden.append(
                t("The members of {name} are hidden from this app (HTTP 403), so they are unknown.", name=name)
            )
        elif isinstance(result, NoAccess):
            missing.append(t("The members of {name} could not be read: HTTP 403.", name=name))
        else:
            gone.append(group.id)
    return Links(
        ids=ids,
        principals=principals,
        complete=not missing,
        proof=t(
            "Members of {read} of {groups} groups on {pages} pages, each list read until a page without nextLink: "
            "{total} in all",
            read=len(ids),
            groups=len(groups),
            pages=pages,
            total=sum(map(len, ids.values())),
        ),
        gaps=(*_first(missing), *_first(hidden)),
        gone=tuple(gone),
    )


def _read_all(client: GraphClient, groups: Sequence[CloudGroup], progress: Progress | None) -> list[_Read]:
    """One result per group, in the order of ``groups``. The first error that is not about one group ends it."""
    results: list[_Read] = []
    paths = [f"/groups/{group.id}/members" for group in groups]
    batches = [paths[begin : begin + MOST_IN_BATCH] for begin in range(0, len(paths), MOST_IN_BATCH)]
    pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="graph")
    try:
        for future in [pool.submit(client.listings, batch, _LINK_PARAMETERS) for batch in batches]:
            results += future.result()
            if progress is not None:
                progress(t("members"), len(results), len(groups))
    except BaseException:
        client.abandon()  # a thread that waits for a person would hold up the end
        raise
    finally:
        # After an error or Ctrl-C only what is being read at that moment is finished.
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def _first(sentences: list[Text]) -> list[Text]:
    if len(sentences) <= _SHOWN_GAPS:
        return sentences
    rest = len(sentences) - _SHOWN_GAPS
    return [
        *sentences[:_SHOWN_GAPS],
        t("The same is true of the members of {rest} further groups.", rest=rest),
    ]
