"""Where secrets come from, and how they are kept out of text."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.errors import NoAccess, UsageError


class Secret:
    """A value that never shows itself: ``repr``, ``str``, formatting, pickling and HTML all hide it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value, for the one call that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return "Secret(••••)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written anywhere")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash((Secret, self.__value))


def secret_file(path: Path, *, parameter: str) -> Secret:
    """The contents of a file that only its owner may read, without a final line break.

    Raises:
        UsageError: The file is missing, empty, or other accounts can read it (checked where the system has modes).
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The secret file {path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            code="secret-file-unreadable",
            hint=f"Check the parameter {parameter}.",
            values={"path": str(path), "parameter": parameter},
        ) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"The secret file {path} can be read by other accounts (mode {stat.S_IMODE(mode):04o}).",
            code="secret-file-open",
            hint=f"Run: chmod 600 {path}",
            values={"path": str(path), "parameter": parameter},
        )
    value = text.rstrip("\r\n")
    if not value:
        raise UsageError(
            f"The secret file {path} is empty.",
            code="secret-file-empty",
            hint=f"Check the parameter {parameter}.",
            values={"path": str(path), "parameter": parameter},
        )
    return Secret(value)


def secret_variable(name: str, environment: Mapping[str, str], *, what: str) -> Secret:
    """The value of an environment variable.

    Raises:
        NoAccess: It is not set or empty.
    """
    value = environment.get(name, "")
    if not value:
        raise NoAccess(
            f"No {what}: the environment variable {name} is not set.",
            code="secret-missing",
            hint=f"Set {name} for this process, never in a parameter.",
            values={"variable": name},
        )
    return Secret(value)
