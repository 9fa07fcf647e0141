"""What --help says: every command in a whole sentence, every option with a text, nothing cut off."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from runbook_lib.runner.cli import cli


def tree(command: click.Command, path: tuple[str, ...]) -> dict[tuple[str, ...], click.Command]:
    """A command and all below it, by the words that call it."""
    found = {path: command}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found |= tree(below, (*path, name))
    return found


COMMANDS = tree(cli, ())


def shown(path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(cli, [*path, "--help"], prog_name="gwb", terminal_width=80)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_whole(path: tuple[str, ...]) -> None:
    text = shown(path)
    assert "..." not in text.replace("[ARGS]...", "").replace("RECORD...", "").replace("PARAMS...", "")
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_everything_is_explained(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert command.help.split("\n\n")[0].rstrip().endswith(".")
    for option in command.params:
        if isinstance(option, click.Option):
            assert re.search(r"\w.*\.(  \[default: [^]]+\])?$", option.help or ""), option.name
        elif not isinstance(command, click.Group):
            named = option.make_metavar(click.Context(command)).strip("[].")
            assert "|" in named or named in command.help or named.lower() in command.help.lower(), named
