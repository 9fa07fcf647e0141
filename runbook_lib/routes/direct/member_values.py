"""One modify of members, so that one value that the directory refuses never takes its neighbours along.

The planner leaves out what AD is known to refuse. Where the directory refuses a value all the same, nothing of that
modify has taken effect (an LDAP modify is all or nothing), so it is halved until the value stands alone. The journal's
line before the write names every value of it: a run that resumes takes what it finds there for its own work, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.errors import Refused, RunbookError, UsageError
from runbook_lib.model.change import MemberRef
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import counted, printable

MOST_REFUSED = 20
"""After so many refused values the rest of a modify is not tried: then it is hardly about single values."""
OF_ONE_VALUE = frozenset(
    {
        "directory-unwilling",
        "malformed-dn",
        "member-not-allowed",
        "other-domain",
        "reference-missing",
        "schema-violation",
        "text-not-unicode",
        "value-malformed",
        "value-out-of-range",
    }
)
"""Errors that can be about one value of several; missing rights and values that changed are about the object."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A member value that did not enter or leave, and why; ``error`` is None for one that was not tried."""

    ref: MemberRef
    dn: str
    error: RunbookError | None
    cause: str = ""
    """Code of the error where only that is left, in a journal."""


@dataclass(frozen=True, slots=True)
class Value:
    """A member and the DN that stands for it now."""

    ref: MemberRef
    dn: str


def send_values(
    values: Sequence[Value], modify: Callable[[Sequence[Value]], None]
) -> tuple[list[Value], list[NotTaken]]:
    """Send values in as few modifies as the directory lets it be.

    Args:
        values: All of one side: all enter, or all leave.
        modify: Sends one modify; raises what the directory answers.

    Returns:
        The values that took effect, in their order, and the others.

    Raises:
        RunbookError: What is not about one value and either came first or passes with time. Values may have taken
            effect before it; what they are is seen in the directory.
    """
    taken: list[Value] = []
    left: list[NotTaken] = []
    waiting = [list(values)] if values else []
    while waiting:
        part = waiting.pop(0)
        if len(left) >= MOST_REFUSED:
            left += [NotTaken(value.ref, value.dn, None) for value in part]
            continue
        try:
            modify(part)
        except RunbookError as error:
            if error.code not in OF_ONE_VALUE:
                if not taken or not isinstance(error, (Refused, UsageError)):
                    raise
                left += [NotTaken(value.ref, value.dn, error) for value in part]
                left += [NotTaken(value.ref, value.dn, None) for rest in waiting for value in rest]
                break
            if len(part) == 1:
                left.append(NotTaken(part[0].ref, part[0].dn, error))
            else:
                middle = len(part) // 2
                waiting[:0] = [part[:middle], part[middle:]]
        else:
            taken += part
    return taken, left


def members_refused(some: Sequence[tuple[str, NotTaken]]) -> Refused:
    """The error at the end of a run in which the directory refused single members and everything else is written.

    Args:
        some: Display name of the group and the value.
    """
    shown = [f"{printable(item.dn)} in {printable(group, limit=80)!r}" for group, item in some[:5]]
    more = f" and {len(some) - 5} more" if len(some) > 5 else ""
    why = next((item.error.message for _, item in some if item.error is not None), "")
    return Refused(
        t(
            "The directory refused {members}, and all else of the plan is written: {shown}{more}. {why}",
            members=counted(len(some), "member"),
            shown="; ".join(shown),
            more=more,
            why=why,
        ),
        code="members-refused",
        hint=t("Look at what these objects are; take them out of the cloud group, or correct them in AD."),
        values={"members": [{"group": group, "dn": item.dn, "cause": _code(item)} for group, item in some]},
    )


def refused_as_json(item: NotTaken) -> dict[str, str]:
    """The value as the journal's effect names it."""
    return {"member": item.ref.key, "dn": item.dn, "cause": _code(item)}


def _code(item: NotTaken) -> str:
    return item.error.code if item.error is not None else item.cause or "not-tried"


def not_taken_of(data: Mapping[str, str]) -> NotTaken:
    """The value out of a journal's effect."""
    return NotTaken(MemberRef("", data["dn"], data["member"]), data["dn"], None, data["cause"])
