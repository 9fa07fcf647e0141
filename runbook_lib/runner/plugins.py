"""Commands of other packages, found through the entry-point group ``gwb.commands`` and loaded when they are called."""

from __future__ import annotations

import ast
import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import click

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
            f"The command {point.name} cannot be loaded from {point.value}: {type(error).__name__}: {error}"
        ) from None
    if not isinstance(command, click.Command):
        raise click.ClickException(f"The command {point.name} cannot be loaded: {point.value} is no command.")
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
