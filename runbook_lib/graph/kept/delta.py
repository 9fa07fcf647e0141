"""Delta queries: which groups and users changed since a link that Graph gave.

Source: Microsoft Graph documentation, "Use delta query to track changes in Microsoft Graph data". An answer may name an
object several times, over several pages, and may tell again what was told before. Nothing but the ids is taken from it:
whatever it names is read again, so that neither order nor repetition decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.graph.errors import unexpected
from runbook_lib.graph.rows import GROUP_PROPERTIES, USER_PROPERTIES, row_id
from runbook_lib.graph.transport import NEXT_LINK, GraphClient
from runbook_lib.model.text import Text, t

DELTA_LINK = "@odata.deltaLink"
GROUP_CHANGES, USER_CHANGES = "/groups/delta", "/users/delta"
TRACKED: Mapping[str, str] = {GROUP_CHANGES: f"{GROUP_PROPERTIES},members", USER_CHANGES: USER_PROPERTIES}
"""What is tracked of each: what a reading selects, and the members."""
_ENDED = {400: "syncStateNotFound", 410: "resyncRequired"}
"""Statuses with which Graph says that a link serves no more, and the code that it mostly has."""


class CannotGoOn(Exception):  # noqa: N818 - never leaves the package: a whole reading follows
    """What is kept does not serve; ``why`` is a clause without a full stop."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class DeltaLinks:
    """The two addresses to which a later reading goes."""

    groups: str
    users: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Ids of what changed, came or went, in lower case; how many pages told so, and the link for the next time."""

    ids: frozenset[str]
    pages: int
    link: str


def links_from_now(client: GraphClient) -> DeltaLinks | None:
    """The links to everything that changes from now on; None where Graph gives none.

    Raises:
        NoAccess: Sign-in or the connection fails.
        ServiceFailed: Graph does not answer.
    """
    paths = [_from_now(path, select) for path, select in TRACKED.items()]
    answers = client.objects(paths)
    links = [None if isinstance(one, RunbookError) else one.get(DELTA_LINK) for one in answers]
    groups, users = (one if isinstance(one, str) else "" for one in links)
    return DeltaLinks(groups, users) if groups and users else None


def changed_since(client: GraphClient, link: str, path: str) -> Changed:
    """What changed since ``link``; ``path`` is ``GROUP_CHANGES`` or ``USER_CHANGES``.

    Raises:
        CannotGoOn: The link has ended, or the answer leaves something in doubt.
        NoAccess: Sign-in or the connection fails.
    """
    ids: set[str] = set()
    pages = 0
    following: object = None
    try:
        for page in client.pages_at(link, path):
            pages += 1
            following = page.get(DELTA_LINK)
            if following is not None and NEXT_LINK in page:
                raise unexpected(path, t("a page has both nextLink and deltaLink"))
            rows = page["value"]
            ids.update(row_id(row) for row in (rows if isinstance(rows, list) else ()))
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        raise CannotGoOn(t("Graph does not let this sign-in ask what changed (HTTP 403)")) from None
    except ServiceFailed as error:
        raise CannotGoOn(_why(error)) from None
    if not isinstance(following, str) or not following:
        raise CannotGoOn(t("the answer about what changed ends without deltaLink"))
    return Changed(frozenset(ids), pages, following)


def _from_now(path: str, select: str) -> str:
    return f"{path}?{urlencode({'$deltatoken': 'latest', '$select': select}, safe='$,')}"


def _why(error: ServiceFailed) -> Text:
    status = error.values.get("status")
    code = str(error.values.get("graph_code") or "")
    if isinstance(status, int) and status in _ENDED:
        return t("Graph keeps no state for it any more (HTTP {status}, {code})", status=status, code=code or "-")
    return t("what changed could not be read ({code})", code=error.code)
