"""``gwb completion``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from runbook_lib.errors import UsageError

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", required=False, type=click.Choice(_SHELLS))
def completion(shell: str | None) -> None:
    """Print the completion script of a shell.

    \b
    bash, in ~/.bashrc:  eval "$(gwb completion bash)"
    zsh, in ~/.zshrc:    eval "$(gwb completion zsh)"
    fish:                gwb completion fish > ~/.config/fish/completions/gwb.fish

    Without a name it is the shell in the environment variable SHELL.
    """
    from click.shell_completion import get_completion_class

    shell = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(shell)
    if found is None:
        raise UsageError(
            "The shell is not known.", code="unknown-shell", hint=f"Name it: gwb completion {' | '.join(_SHELLS)}"
        )
    root = click.get_current_context().find_root()
    click.echo(found(root.command, {}, "gwb", "_GWB_COMPLETE").source())
