"""``gwb``: the commands, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from runbook_lib.errors import RunbookError
from runbook_lib.model.outcome import Outcome
from runbook_lib.runner import console
from runbook_lib.runner.command_approve import approve
from runbook_lib.runner.command_check import check
from runbook_lib.runner.command_close import close
from runbook_lib.runner.command_completion import completion
from runbook_lib.runner.command_parameters import parameters
from runbook_lib.runner.command_records import records, seal, verify_record
from runbook_lib.runner.command_run import run
from runbook_lib.runner.command_sign_out import sign_out
from runbook_lib.runner.loop import ending_signals_as_interrupts
from runbook_lib.runner.output import lenient_output
from runbook_lib.runner.plugins import load_plugin, plugin_points, plugin_summary


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
            console.warn("Interrupted.")
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


for _command in (approve, check, close, completion, parameters, records, run, seal, sign_out, verify_record):
    cli.add_command(_command)


def main() -> None:
    """Entry point of the ``gwb`` command."""
    cli.main(prog_name="gwb")
