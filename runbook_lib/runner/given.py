"""Parameters on the command line: ``-p NAME=VALUE`` beside ``-p NAME VALUE``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def overrides_of(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Parameters given with -p, by name.

    Raises:
        UsageError: One is given twice, or has no name.
    """
    overrides: dict[str, str] = {}
    for name, value in given:
        if not name or name in overrides:
            what = (
                f"The parameter {name[:80]} is given twice with -p" if name else "A parameter given with -p has no name"
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
                of = f"{pair[:80]!r} has none" if pair else "nothing follows it"
                raise click.BadOptionUsage(arg, f"Option {arg!r} takes a name and a value, NAME=VALUE: {of}.")
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
