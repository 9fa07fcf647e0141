"""``gwb parameters`` and ``gwb completion``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from runbook_lib.errors import UsageError
from runbook_lib.model.text import t
from runbook_lib.runner import console

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
            t("The shell is not known."),
            code="unknown-shell",
            hint=t("Name it: gwb completion {shells}", shells=" | ".join(_SHELLS)),
        )
    root = click.get_current_context().find_root()
    click.echo(found(root.command, {}, "gwb", "_GWB_COMPLETE").source())


@click.command()
@click.option("--example", "what", flag_value="example", help="Print a parameters file with everything explained.")
@click.option("--schema", "what", flag_value="schema", help="Print the JSON Schema of a parameters file.")
@click.option("--table", "what", flag_value="table", help="Print the reference tables as Markdown (the default).")
@click.option(
    "--check",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Say what is wrong with FILE; several are taken together, as with gwb run -f.",
)
def parameters(what: str | None, files: tuple[Path, ...]) -> None:
    """Explain the parameters, or check a parameters file."""
    if what and files:
        raise click.UsageError(t("--check stands alone."))
    if files:
        _check(files)
        return
    from runbook_lib.parameters import document

    if what == "example":
        click.echo(document.example_yaml(), nl=False)
    elif what == "schema":
        click.echo(json.dumps(document.json_schema(), indent=2, ensure_ascii=False))
    else:
        click.echo(document.reference_table_markdown(), nl=False)


def _check(files: tuple[Path, ...]) -> None:
    from runbook_lib.parameters.check import absent, notes
    from runbook_lib.parameters.load import load_parameters
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.parameters.problems import usage_error
    from runbook_lib.parameters.validate import require

    root = project_root()
    loaded = load_parameters(files, {}, project_root=root)
    if missing := absent(loaded.parameters, root, loaded.sources):
        raise usage_error(missing)
    require(loaded.parameters, "change_id")
    console.print_line(
        t("No mistakes found: {given} parameters given, the others have their defaults.", given=len(loaded.given))
    )
    console.show_notes((*loaded.notes, *notes(loaded.parameters, root)))
