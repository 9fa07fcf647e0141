"""What is wrong with the parameters, collected, so that a person repairs everything in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.errors import UsageError
from runbook_lib.model.text import NOTHING, Text, and_more, joined, t
from runbook_lib.parameters.yaml_text import Location


@dataclass(frozen=True, slots=True)
class Complaint:
    """One value that cannot be right: where it is, what is wrong (continuing "<parameter> …"), and what to do.

    Attributes:
        beside: Other parameters that it was held against: where one of them could not be read, nothing is said.
    """

    location: Location
    text: Text
    code: str
    hint: Text = NOTHING
    beside: tuple[str, ...] = ()


SECRET_CODE = "secret-in-parameter"  # noqa: S105 - an error code


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        parameter: Its name as it was written.
        text: What is wrong, a sentence that starts with the parameter's name. Never holds a secret.
        code: Stable error code, for example ``"malformed-dn"``.
        where: ``file:line``, ``command line`` or another source; empty where only the caller knows it.
        hint: What to do, or empty.
    """

    parameter: str
    text: Text
    code: str
    where: str = ""
    hint: Text = NOTHING

    def line(self) -> str:
        """The problem on one line, place first."""
        return f"{self.where}: {self.text}" if self.where else self.text

    def as_json(self) -> dict[str, str]:
        """JSON form for ``UsageError.values``."""
        return {
            "parameter": self.parameter,
            "where": self.where,
            "code": self.code,
            "text": self.text,
            "hint": self.hint,
        }


MOST_SHOWN = 20
"""Problems that one error tells; of the others it says how many there are."""


class Problems:
    """What is wrong so far.

    Beyond the first ``MOST_SHOWN`` problems are counted and no more looked into: a file that is none of ours has a
    hundred thousand of them, and the nearest name of each would be looked for.
    """

    def __init__(self) -> None:
        self.shown: list[Problem] = []
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def add(self, make: Problem | Callable[[], Problem], *, secret: bool = False) -> None:
        """Take one; ``make`` is asked only where there is room to show it. A secret is shown in any case."""
        self.count += 1
        if len(self.shown) < MOST_SHOWN:
            self.shown.append(make if isinstance(make, Problem) else make())
        elif secret and (harmless := [one for one in self.shown if one.code != SECRET_CODE]):
            self.shown.remove(harmless[-1])
            self.shown.append(make if isinstance(make, Problem) else make())

    def error(self) -> UsageError:
        """One error for all of them (at least one)."""
        return usage_error(self.shown, count=self.count)


def usage_error(problems: Sequence[Problem], *, count: int | None = None) -> UsageError:
    """One error for all ``problems`` (at least one, at most ``MOST_SHOWN`` of them are told).

    Its code is the problems' common code, ``secret-in-parameter`` as soon as one of them is a secret, and else
    ``bad-parameters``. ``values["problems"]`` holds those that are told, ``values["more"]`` the number of the others.

    Args:
        problems: What is wrong.
        count: How much is wrong in all, where ``problems`` are the first of them.
    """
    count = len(problems) if count is None else count
    codes = {problem.code for problem in problems}
    code = SECRET_CODE if SECRET_CODE in codes else codes.pop() if len(codes) == 1 else "bad-parameters"
    problems = problems[:MOST_SHOWN]
    lines = [problem.line() for problem in problems]
    more = count - len(lines)
    lines += [and_more(more)] if more else []
    shown = joined(lines)
    message = (
        shown if count == 1 else t("{count:,} things are wrong in the parameters. {shown}", count=count, shown=shown)
    )
    return UsageError(
        message,
        code=code,
        hint=joined(_distinct(problem.hint for problem in problems if problem.hint)),
        values={"problems": [problem.as_json() for problem in problems], **({"more": more} if more else {})},
    )


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
