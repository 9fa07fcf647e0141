"""What README.md tells people to type is there: commands, options, files. Lines for Windows and conda are only read."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping

import click
import pytest
import yaml

from rehearsal.commands import rehearsal
from runbook_lib.runner.cli import cli
from tests.docs.markdown import ROOT, code_blocks, section, table_rows

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OTHERS = section(README, "## Without make: Windows, conda")
LINES = [line for block in code_blocks(OTHERS) for line in block.splitlines() if line]
LINES += re.findall(r"`((?:py |\.venv)[^`]+)`", OTHERS)
PIP_INSTALL = {"--require-hashes", "-r", "--no-build-isolation", "--no-deps", "-e"}
"""Options of pip install that these lines may use (pip's manual)."""


def need_title(line: str) -> list[str]:
    return shlex.split(line.replace("\\", "/"))


@pytest.mark.parametrize("line", LINES)
def test_a_line_for_windows_or_conda_is_one_that_works(line: str) -> None:
    program, *words = need_title(line)
    if program in ("conda", "mamba"):
        conda(words)
    elif program.endswith("gwb"):
        assert words[0] in commands(cli)
    elif words[0] == "-m":
        {"venv": venv, "pip": pip, "pytest": pytest_alone}[words[1]](words[2:])
    else:
        script = (ROOT / words[0]).read_text(encoding="utf-8")
        assert all(f'"{option}"' in script for option in words[1:])


def venv(words: list[str]) -> None:
    assert words == [".venv"]


def pytest_alone(words: list[str]) -> None:
    assert words == []


def pip(words: list[str]) -> None:
    command, *told = words
    assert command == "install"
    options = {word for word in told if word.startswith("-")}
    assert options <= PIP_INSTALL
    for word in (word for word in told if not word.startswith("-")):
        path, _, extra = word.partition("[")
        assert (ROOT / path).exists()
        assert not extra or extra.rstrip("]") in PROJECT["project"]["optional-dependencies"]


def conda(words: list[str]) -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    if words[0] == "activate":
        assert words[1:] == [environment["name"]]
    else:
        assert words == ["env", "create", "-f", "environment.yml"]


def test_lines_of_every_way_are_found() -> None:
    programs = {need_title(line)[0] for line in LINES}
    assert {"py", ".venv/Scripts/python", ".venv/Scripts/gwb", "conda", "python", "gwb"} <= programs


def commands(group: click.Command) -> Mapping[str, click.Command]:
    """Commands of a group by name, those of entry points too."""
    assert isinstance(group, click.Group)
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_stands_in_the_table() -> None:
    told = " ".join(" ".join(row) for row in table_rows(section(README, "## Commands")))
    for name in set(commands(cli)) - {"rehearsal"}:
        assert f"gwb {name}" in told
    for name in commands(rehearsal):
        assert re.search(rf"gwb rehearsal {name}|\b{name}\b", told), name


def test_python_is_the_one_that_the_project_asks_for() -> None:
    (least,) = set(re.findall(r"Python (3\.\d+) or newer", README))
    assert PROJECT["project"]["requires-python"].startswith(f">={least}")
