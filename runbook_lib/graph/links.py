"""Members and owners of every group, in batches and several batches at a time, with a result that does not depend on
timing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runbook_lib.errors import NoAccess
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.errors import GraphNotFound
from runbook_lib.graph.rows import linked_of
from runbook_lib.graph.session import WORKERS
from runbook_lib.graph.transport import GraphClient, Listing
from runbook_lib.model.cloud import CloudGroup, CloudPrincipal
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

Progress = Callable[[str, int, int | None], None]
"""What is being read, how much of it is done, how much there is (None while unknown)."""

_LINK_PARAMETERS = {"$select": "id,displayName", "$top": "999"}
_SHOWN_GAPS = 20
_Read = Listing | NoAccess | GraphNotFound


@dataclass(frozen=True, slots=True)
class Links:
    """One relation (members or owners) of every group.

    Attributes:
        ids: Group id to sorted ids of what it links to; groups whose links are unknown are absent.
        principals: What was linked to, as the links show it, by id.
        complete: Whether every list that this app is meant to see arrived.
        proof: Numbers.
        gaps: What is unknown, a sentence each.
    """

    ids: dict[str, tuple[str, ...]]
    principals: dict[str, CloudPrincipal]
    complete: bool
    proof: Text
    gaps: tuple[Text, ...]


def read_links(client: GraphClient, groups: Sequence[CloudGroup], relation: str, progress: Progress | None) -> Links:
    """Read ``relation`` (``members`` or ``owners``) of ``groups``, which are in the order of their ids.

    A group that hides its members answers with an empty list, or 403, to apps without Member.Read.Hidden. Its members
    are then unknown, not none: it is left out and named, while the reading as a whole stays complete, because the
    groups that do not hide anything are not affected. Any other list that cannot be read makes the reading incomplete.

    Raises:
        NoAccess: Not one list may be read: a permission is missing, not a group special.
    """
    results = _read_all(client, groups, relation, progress)
    visible = [result for group, result in zip(groups, results, strict=True) if not group.hidden_membership]
    refusals = [result for result in visible if isinstance(result, NoAccess)]
    if refusals and len(refusals) == len(visible):
        raise refusals[0]
    ids: dict[str, tuple[str, ...]] = {}
    principals: dict[str, CloudPrincipal] = {}
    hidden: list[Text] = []
    missing: list[Text] = []
    pages = 0
    for group, result in zip(groups, results, strict=True):
        name = f"{printable(group.display_name, limit=80)} ({group.id})"
        if isinstance(result, Listing):
            pages += result.pages
            linked = {principal.id: principal for principal in map(linked_of, result.rows)}
            if not linked and group.hidden_membership and relation == "members":
                hidden.append(
                    t("The members of {name} are hidden from this app, so they are unknown, not none.", name=name)
                )
                continue
            ids[group.id] = tuple(sorted(linked))
            principals |= linked
        elif isinstance(result, NoAccess) and group.hidden_membership:
            hidden.append(
                t(
                    "The {relation} of {name} are hidden from this app (HTTP 403), so they are unknown.",
                    relation=relation,
                    name=name,
                )
            )
        elif isinstance(result, NoAccess):
            missing.append(t("The {relation} of {name} could not be read: HTTP 403.", relation=relation, name=name))
        else:
            missing.append(
                t(
                    "The {relation} of {name} could not be read: it was deleted meanwhile, HTTP 404.",
                    relation=relation,
                    name=name,
                )
            )
    total = sum(map(len, ids.values()))
    return Links(
        ids=ids,
        principals=principals,
        complete=not missing,
        proof=(
            t(
                "{relation} of {count_of_ids} of {count_of_groups} groups on {pages} pages, each "
                "list read until a page without nextLink: {total} in all",
                relation=relation.capitalize(),
                count_of_ids=len(ids),
                count_of_groups=len(groups),
                pages=pages,
                total=total,
            )
        ),
        gaps=(*_first(missing, relation), *_first(hidden, relation)),
    )


def _read_all(
    client: GraphClient, groups: Sequence[CloudGroup], relation: str, progress: Progress | None
) -> list[_Read]:
    """One result per group, in the order of ``groups``. The first error that is not about one group ends it."""
    results: list[_Read] = []
    paths = [f"/groups/{group.id}/{relation}" for group in groups]
    batches = [paths[begin : begin + MOST_IN_BATCH] for begin in range(0, len(paths), MOST_IN_BATCH)]
    pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="graph")
    try:
        for future in [pool.submit(client.listings, batch, _LINK_PARAMETERS) for batch in batches]:
            results += future.result()
            if progress is not None:
                progress(relation, len(results), len(groups))
    except BaseException:
        client.abandon()  # a thread that waits for a person would hold up the end
        raise
    finally:
        # After an error or Ctrl-C only what is being read at that moment is finished.
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def _first(sentences: list[Text], relation: str) -> list[Text]:
    if len(sentences) <= _SHOWN_GAPS:
        return sentences
    rest = len(sentences) - _SHOWN_GAPS
    return [
        *sentences[:_SHOWN_GAPS],
        t("The same is true of the {relation} of {rest} further groups.", relation=relation, rest=rest),
    ]
