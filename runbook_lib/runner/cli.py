"""``gwb``: the commands, those of other packages too, and how they end."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click

from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.runner import console
from runbook_lib.runner.commands.approve import approve
from runbook_lib.runner.commands.check import check
from runbook_lib.runner.commands.compare import compare_records
from runbook_lib.runner.commands.connect import connect
from runbook_lib.runner.commands.export import export
from runbook_lib.runner.commands.fleet import fleet
from runbook_lib.runner.commands.init import init
from runbook_lib.runner.commands.parameters import completion, parameters
from runbook_lib.runner.commands.records import close, records, seal, verify_record
from runbook_lib.runner.commands.run import run
from runbook_lib.runner.commands.schedule import schedule
from runbook_lib.runner.commands.sign_in import sign_out
from runbook_lib.runner.console import lenient_output
from runbook_lib.runner.kernel.signals import ending_signals_as_interrupts

GROUP = "gwb.commands"


def plugin_points() -> dict[str, EntryPoint]:
    """Entry points by command name. Nothing is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load_plugin(point: EntryPoint) -> click.Command:
    """The command behind an entry point.

    Raises:
        click.ClickException: It cannot be imported or is no command; the other commands still work.
    """
    try:
        command = point.load()
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises, it must not break the others
        raise click.ClickException(
            t(
                "The command {command} cannot be loaded from {place}: {error_type}: {error}",
                command=point.name,
                place=point.value,
                error_type=type(error).__name__,
                error=error,
            )
        ) from None
    if not isinstance(command, click.Command):
        raise click.ClickException(
            t(
                "The command {command} cannot be loaded: {place} is no command.",
                command=point.name,
                place=point.value,
            )
        )
    return command


def plugin_summary(point: EntryPoint) -> str:
    """First sentence of the command's docstring, read from its source: help must neither wait nor break."""
    try:
        spec = importlib.util.find_spec(point.module)
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else None
    except Exception:  # noqa: BLE001 - finding a module imports its parents, which may be broken
        tree = None
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
    return f"(from {point.module})"


class CommandGroup(click.Group):
    """A group with commands of other packages, whose ``main`` knows the exit codes of ``Outcome``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our own commands and those of plugins, sorted."""
        return sorted({*super().list_commands(ctx), *plugin_points()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Our own commands win; a plugin is imported only here."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command
        point = plugin_points().get(cmd_name)
        return load_plugin(point) if point else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing plugins."""
        points = plugin_points()
        rows: list[tuple[str, str]] = []
        limit = formatter.width - 6 - max(map(len, self.list_commands(ctx)))
        for name in self.list_commands(ctx):
            own = super().get_command(ctx, name)
            text = own.get_short_help_str(limit) if own else plugin_summary(points[name])
            rows.append((name, text))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A connection that breaks is no reader of ours that left, which click would take it for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise RuntimeError("a connection broke, and nothing said what that means") from error

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command and end the process with its exit code."""
        lenient_output()
        sys.exit(self._guarded(args, extra))

    def _guarded(self, args: Sequence[str] | None, extra: dict[str, Any]) -> int:
        """Run a command; every way to end becomes a number and at most a few lines."""
        try:
            with ending_signals_as_interrupts():
                result = super().main(args=args, **{**extra, "standalone_mode": False})
        except RunbookError as error:
            console.show_error(error)
            return error.outcome.exit_code
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (KeyboardInterrupt, click.Abort):
            console.warn(t("Interrupted."))
            return Outcome.INTERRUPTED.exit_code
        except Exception as error:  # noqa: BLE001 - the last line of defence
            console.show_defect(error)
            return Outcome.BUG.exit_code
        return result if isinstance(result, int) else 0


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="group-writeback-runbook", prog_name="gwb")
def cli() -> None:
    """Write Microsoft Entra groups to Active Directory, step by step and on the record.

    Practise with gwb demo. With a parameters file of your own, begin with gwb check. Each command says more with
    --help; README.md lists notebooks and exit codes.
    """


for _command in (
    approve,
    check,
    close,
    compare_records,
    completion,
    connect,
    export,
    fleet,
    init,
    parameters,
    records,
    run,
    schedule,
    seal,
    sign_out,
    verify_record,
):
    cli.add_command(_command)


def main() -> None:
    """Entry point of the ``gwb`` command."""
    cli.main(prog_name="gwb")
