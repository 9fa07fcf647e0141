"""How many members groups have, and whether synchronized users are among them, without reading them all.

Source: Microsoft Graph documentation, "Advanced query capabilities on Microsoft Entra ID objects" ($count with
ConsistencyLevel: eventual: what it counts may be some seconds old).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runbook_lib.errors import NoAccess, RunbookError
from runbook_lib.graph.answers import GraphNotFound
from runbook_lib.graph.batch import MOST_IN_BATCH
from runbook_lib.graph.rows import flag_of, number_of, objects_of, text_of
from runbook_lib.graph.transport import GraphClient

Progress = Callable[[int, int], None]
"""How many groups are done, of how many."""
_COUNT = {"$count": "true", "$top": "1", "$select": "id"}
_USERS = {"$select": "id,userPrincipalName,onPremisesSyncEnabled", "$top": "999"}


def count_members(client: GraphClient, ids: Sequence[str], progress: Progress) -> tuple[dict[str, int], int]:
    """Direct members by group id, and how many groups could not be counted; what is no group is in neither.

    Raises:
        NoAccess: Not one may be counted.
        ServiceFailed: Graph does not answer.
    """
    counts: dict[str, int] = {}
    unread = 0
    for begin in range(0, len(ids), MOST_IN_BATCH):
        some = ids[begin : begin + MOST_IN_BATCH]
        answers = client.objects([f"/groups/{one}/members" for one in some], _COUNT, eventual=True)
        if begin == 0 and (refused := _all_refused(answers)):
            raise refused
        for one, answer in zip(some, answers, strict=True):
            if isinstance(answer, GraphNotFound):
                continue
            number = None if isinstance(answer, RunbookError) else number_of(answer, "@odata.count")
            if number is None:
                unread += 1
            else:
                counts[one] = number
        progress(min(begin + MOST_IN_BATCH, len(ids)), len(ids))
    return counts, unread


def synchronized_members(client: GraphClient, ids: Sequence[str]) -> dict[str, bool | None]:
    """Whether users that are synchronized from AD are among the first 999 users of each group; None: not readable.

    Without User.Read.All users come without their properties, and then nothing is known of them.
    """
    found: dict[str, bool | None] = {}
    for begin in range(0, len(ids), MOST_IN_BATCH):
        some = ids[begin : begin + MOST_IN_BATCH]
        answers = client.objects([f"/groups/{one}/members/microsoft.graph.user" for one in some], _USERS)
        found |= {one: _synchronized(answer) for one, answer in zip(some, answers, strict=True)}
    return found


def _synchronized(answer: Mapping[str, object] | RunbookError) -> bool | None:
    if isinstance(answer, RunbookError):
        return None
    users = objects_of(answer, "value")
    if any(flag_of(user, "onPremisesSyncEnabled") for user in users):
        return True
    # Null is both: not synchronized, and not to be seen. Every user has a principal name, so that tells which.
    return None if users and not any(text_of(user, "userPrincipalName") for user in users) else False


def _all_refused(answers: Sequence[object]) -> NoAccess | None:
    refused = [answer for answer in answers if isinstance(answer, NoAccess)]
    return refused[0] if answers and len(refused) == len(answers) else None
