"""What people type on the command line: parameters (-p NAME=VALUE beside -p NAME VALUE) and lengths of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t

_NAMES = ("-p", "--parameter")


class TakesParameters(click.Command):
    """A command with the option of ``parameter_option``.

    click gives an option one number of values. What it is given here has been split already: a name holds no ``=``, so
    the first one ends it, whatever the value is.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As the base class, after ``NAME=VALUE`` was split."""
        return super().parse_args(ctx, list(_split(args)))


def parameter_option() -> Callable[[Any], Any]:
    """The option ``-p``: pairs of name and value as they were typed."""
    return click.option(
        *_NAMES,
        "given",
        multiple=True,
        nargs=2,
        metavar="NAME=VALUE",
        help="One parameter, also as NAME VALUE; wins over files.",
    )


def files_option(*, required: bool = False) -> Callable[[Any], Any]:
    """The option ``-f``: parameters files, of which a later one wins over an earlier one."""
    return click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        required=required,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Parameters file; later files win: -f environment.yaml -f change.yaml.",
    )


def overrides_of(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parameters given with -p, by name.

    Raises:
        UsageError: One is given twice, or has no name.
    """
    overrides: dict[str, str] = {}
    for name, value in given:
        if not name or name in overrides:
            what = (
                t("The parameter {name} is given twice with -p", name=name[:80])
                if name
                else t("A parameter given with -p has no name")
            )
            hint = t("Give it once.") if name else t("Write -p NAME=VALUE.")
            raise UsageError(
                t("{what}.", what=what), code="parameter-twice" if name else "parameter-without-name", hint=hint
            )
        overrides[name] = value
    return overrides


def _split(args: Sequence[str]) -> list[str]:
    found: list[str] = []
    waiting = list(args)
    while waiting:
        arg = waiting.pop(0)
        if arg == "--":
            return [*found, arg, *waiting]
        if arg in _NAMES:
            pair = waiting.pop(0) if waiting else ""
            name, equals, value = pair.partition("=")
            if not equals and not waiting:
                of = t("{pair!r} has none", pair=pair[:80]) if pair else t("nothing follows it")
                raise click.BadOptionUsage(
                    arg, t("Option {arg!r} takes a name and a value, NAME=VALUE: {of}.", arg=arg, of=of)
                )
            found += [arg, name, value] if equals else [arg, pair, *waiting[:1]]
            waiting = waiting if equals else waiting[1:]
            continue
        attached = next((arg.removeprefix(start) for start in ("--parameter=", "-p") if arg.startswith(start)), "")
        if "=" in attached and not (arg.startswith("--") and not arg.startswith("--parameter=")):
            name, _, value = attached.partition("=")
            found += ["-p", name, value]
        else:
            found.append(arg)
    return found


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PART = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6})?")
_LONGEST_TEXT = 40
"""Characters of a length of time as somebody types it."""
USUAL_TIME_LIMIT = "4h"
"""How long one run may take unless told: a tenant of a million objects is read in an hour, and a run that hangs is over
before the next working day."""
USUAL_CHECK_LIMIT = "1h"
"""The same for a pre-flight, which reads less."""
LONGEST_TIME_LIMIT = timedelta(days=30)


class TimeLimit(click.ParamType):  # type: ignore[type-arg]
    """Seconds (``3600``) or a length of time (``4h``), as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; a click error for anything else."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            length = timedelta(seconds=float(text)) if _SECONDS.fullmatch(text) else parse_duration(text)
        except UsageError as error:
            self.fail(f"{error.message} {error.hint}", param, ctx)
        if not timedelta(seconds=1) <= length <= LONGEST_TIME_LIMIT:
            self.fail(t("A run may take from one second to 30 days."), param, ctx)
        return length.total_seconds()


def parse_duration(text: str) -> timedelta:
    """``4h``, ``30m``, ``2d``, ``90s``, or parts in a row: ``1h30m``.

    Raises:
        UsageError: Code ``bad-duration``; nothing, zero, or another spelling.
    """
    spelled = text.strip().lower()
    if len(spelled) > _LONGEST_TEXT:
        raise _refused(text)
    parts = _PART.findall(spelled)
    if not parts or "".join(number + unit for number, unit in parts) != spelled:
        raise _refused(text)
    length = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if not length:
        raise _refused(text)
    return length


def _refused(text: str) -> UsageError:
    return UsageError(
        t("{text!r} is not a length of time.", text=text[:40]),
        code="bad-duration",
        hint=t("Write for example 30m, 4h or 2d."),
        values={"text": text[:40]},
    )
