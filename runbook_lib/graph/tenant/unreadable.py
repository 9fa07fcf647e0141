"""One part of a reading: its value, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.graph.errors import GraphNotFound, GraphRejected
from runbook_lib.model.untrusted import printable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part that could not be read. It is unknown: never off, never empty.

    Attributes:
        why: A sentence for people, without a full stop.
        code: ``app-only`` (documented for delegated sign-in only), ``forbidden`` (HTTP 403), ``not-found`` (HTTP 404),
            ``rejected`` (another refusal), ``failed`` (no useful answer).
    """

    why: str
    code: str


def part(read: Callable[[], _T], *, for_people_only: bool = False, as_app: bool = False) -> _T | Unreadable:
    """What ``read`` returns, or why Graph did not tell.

    Args:
        read: Reads it.
        for_people_only: Whether Microsoft documents the reading for delegated sign-in only.
        as_app: Whether an app signed in.

    Raises:
        NoAccess: Sign-in or the connection as such fails: then no other part can be read either.
    """
    try:
        return read()
    except NoAccess as error:
        if error.code != "graph-forbidden":
            raise
        if for_people_only and as_app:
            why = "Available with delegated permission only, and this run signed in as an app (HTTP 403)"
            return Unreadable(why, "app-only")
        return Unreadable(f"A permission or a role is missing: {_path(error)} answers HTTP 403", "forbidden")
    except GraphNotFound as error:
        return Unreadable(f"{_path(error)} is not there (HTTP 404)", "not-found")
    except GraphRejected as error:
        return Unreadable(f"{_path(error)} is refused (HTTP {error.values.get('status')})", "rejected")
    except ServiceFailed as error:
        return Unreadable(printable(error.message.rstrip(".").split("\n")[0], limit=300), "failed")


def _path(error: NoAccess | ServiceFailed) -> str:
    return printable(str(error.values.get("path", "")), limit=200)
