"""How Graph answers for one part of the tenant: its value, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runbook_lib.errors import NoAccess, RunbookError, ServiceFailed
from runbook_lib.graph.errors import GraphNotFound, GraphRejected
from runbook_lib.model.part import Unreadable
from runbook_lib.model.text import Text, t, verbatim
from runbook_lib.model.untrusted import printable

_T = TypeVar("_T")


def or_unreadable(
    name: str, read: Callable[[], _T], *, for_people_only: bool = False, as_app: bool = False
) -> _T | Unreadable:
    """What ``read`` returns, or why Graph did not tell.

    ``Unreadable.code`` is ``app-only`` (documented for delegated sign-in only), ``forbidden`` (HTTP 403), ``not-found``
    (HTTP 404), ``rejected`` (another refusal) or ``failed`` (no useful answer).

    Args:
        name: Name of the part.
        read: Reads it.
        for_people_only: Whether Microsoft documents the reading for delegated sign-in only.
        as_app: Whether an app signed in.

    Raises:
        NoAccess: Sign-in or the connection as such fails: then no other part can be read either.
    """

    def because(code: str, text: Text, error: RunbookError) -> Unreadable:
        return Unreadable(name, code, text, dict(error.values))

    try:
        return read()
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        if for_people_only and as_app:
            why = t("Available with delegated permission only, and this run signed in as an app (HTTP 403)")
            return because("app-only", why, error)
        return because(
            "forbidden", t("A permission or a role is missing: {path} answers HTTP 403", path=_path(error)), error
        )
    except GraphNotFound as error:
        return because("not-found", t("{path} is not there (HTTP 404)", path=_path(error)), error)
    except GraphRejected as error:
        return because(
            "rejected",
            t("{path} is refused (HTTP {status})", path=_path(error), status=error.values.get("status")),
            error,
        )
    except ServiceFailed as error:
        return because("failed", verbatim(printable(error.message.rstrip(".").split("\n")[0], limit=300)), error)


def _path(error: RunbookError) -> str:
    return printable(str(error.values.get("path", "")), limit=200)
