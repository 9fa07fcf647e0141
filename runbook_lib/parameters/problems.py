"""What is wrong with the parameters, collected, so that a person repairs everything in one go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.errors import UsageError

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
    text: str
    code: str
    where: str = ""
    hint: str = ""

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


def usage_error(problems: Sequence[Problem]) -> UsageError:
    """One error for all ``problems`` (at least one).

    Its code is the problems' common code, ``secret-in-parameter`` as soon as one of them is a secret, and else
    ``bad-parameters``. ``values["problems"]`` holds every one of them.
    """
    codes = {problem.code for problem in problems}
    code = SECRET_CODE if SECRET_CODE in codes else codes.pop() if len(codes) == 1 else "bad-parameters"
    lines = [problem.line() for problem in problems]
    message = lines[0] if len(lines) == 1 else f"{len(lines)} things are wrong in the parameters. " + " ".join(lines)
    return UsageError(
        message,
        code=code,
        hint=" ".join(_distinct(problem.hint for problem in problems if problem.hint)),
        values={"problems": [problem.as_json() for problem in problems]},
    )


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
