"""Parameters from files, from the command line, and from the names that a notebook's parameters cell left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.parameters import yaml_text
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import resolve
from runbook_lib.parameters.problems import Problem, usage_error
from runbook_lib.parameters.validate import name_problem, secret_problem, validated
from runbook_lib.parameters.yaml_text import Location, YamlProblem

COMMAND_LINE = "command line"
_LARGEST_FILE = 1_000_000
"""Bytes. A parameters file holds some hundred lines; something larger is another file."""


@dataclass(frozen=True, slots=True)
class LoadedParameters:
    """What a run is told and where each part of it comes from.

    Attributes:
        given: Only what was given, by name; this is what papermill injects.
        sources: ``file:line`` or ``command line`` of everything in ``given``.
    """

    parameters: Parameters
    given: Mapping[str, object]
    sources: Mapping[str, str]


@dataclass(slots=True)
class _Collected:
    """Values, the places of all their parts, and what is wrong so far."""

    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    places: dict[Location, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_parameters(files: Sequence[Path], overrides: Mapping[str, str], *, project_root: Path) -> LoadedParameters:
    """Read and check parameters. A later file wins over an earlier one, ``overrides`` win over all files.

    Args:
        files: YAML files; relative paths resolve against the current folder first, then against ``project_root``.
        overrides: Name to value as typed on the command line: text as it is, everything else as YAML.

    Raises:
        UsageError: One for everything that is wrong, with file and line; no secret is ever quoted.
    """
    collected = _Collected()
    for path in files:
        _add_file(path, project_root, collected)
    for name, text in overrides.items():
        _add_override(name, text, collected)
    if collected.problems:
        raise usage_error(collected.problems)
    parameters = validated(collected.values, lambda location: _place(location, collected))
    given = {name: value for name, value in parameters.model_dump().items() if name in collected.values}
    return LoadedParameters(parameters, given, collected.sources)


def parameters_from_values(values: Mapping[str, object], *, source: str) -> Parameters:
    """Check values that are Python objects already, as in a notebook's namespace; tuples count as lists.

    Args:
        source: Where they come from, for messages: ``"the parameters cell"``.

    Raises:
        UsageError: As ``load_parameters``.
    """
    problems: list[Problem] = []
    plain = {str(name): _plain(value) for name, value in values.items()}
    for name, value in plain.items():
        problem = name_problem(name, source) or secret_problem(name, _texts(value), source)
        if problem:
            problems.append(problem)
    if problems:
        raise usage_error(problems)
    return validated(plain, lambda _: source)


def _add_file(path: Path, project_root: Path, collected: _Collected) -> None:
    text = _read(path, project_root)
    try:
        node = yaml_text.compose(text)
        found = [] if node is None else yaml_text.entries(node)
    except YamlProblem as problem:
        raise UsageError(
            f"{path}:{problem.line}: {problem.text}.",
            code="parameters-file-invalid",
            hint=problem.hint,
            values={"path": str(path), "line": problem.line},
        ) from None
    for entry in found:
        _add_entry(entry, f"{path}:{entry.line}", str(path), collected)


def _read(path: Path, project_root: Path) -> str:
    if not path.is_absolute() and not path.exists():
        path = resolve(str(path), project_root)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UsageError(
                f"{path} is too large for a parameters file.",
                code="parameters-file-invalid",
                values={"path": str(path)},
            )
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            f"{path} is not UTF-8 text.",
            code="parameters-file-invalid",
            hint="Save the file as UTF-8.",
            values={"path": str(path)},
        ) from None
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "is not there" if missing else f"cannot be read: {getattr(error, 'strerror', None) or 'bad name'}"
        raise UsageError(
            f"The parameters file {path} {reason}.",
            code="parameters-file-missing" if missing else "parameters-file-unreadable",
            hint="Copy parameters/example.yaml and fill it in." if missing else "Check its name and its permissions.",
            values={"path": str(path)},
        ) from None


def _add_entry(entry: yaml_text.Entry, where: str, source: str, collected: _Collected) -> None:
    """Take one name and its value; what is wrong with it joins the problems."""
    problem = name_problem(entry.name, where) or secret_problem(entry.name, iter(yaml_text.scalars(entry.node)), where)
    if problem:
        collected.problems.append(problem)
        return
    lines: dict[Location, int] = {}
    wanted = Parameters.model_fields[entry.name].annotation
    try:
        value = yaml_text.convert(entry.node, wanted, lines)
    except YamlProblem as wrong:
        place = where if source == COMMAND_LINE else f"{source}:{wrong.line}"
        collected.problems.append(Problem(entry.name, f"{entry.name} {wrong.text}.", "bad-value", place, wrong.hint))
        return
    for location in [known for known in collected.places if known[0] == entry.name]:
        del collected.places[location]
    collected.values[entry.name] = value
    collected.sources[entry.name] = where
    for location, line in lines.items():
        collected.places[(entry.name, *location)] = where if source == COMMAND_LINE else f"{source}:{line}"


def _add_override(name: str, text: str, collected: _Collected) -> None:
    problem = name_problem(name, COMMAND_LINE) or secret_problem(name, iter((text,)), COMMAND_LINE)
    if problem:
        collected.problems.append(problem)
        return
    if isinstance(Parameters.model_fields[name].default, str):
        collected.places = {known: place for known, place in collected.places.items() if known[0] != name}
        collected.values[name] = text
        collected.sources[name] = COMMAND_LINE
        return
    try:
        node = yaml_text.compose(text)
    except YamlProblem as wrong:
        node, hint = None, wrong.hint
    else:
        hint = 'Write a list as ["first", "second"], a number as 5, and true or false.'
    if node is None:
        collected.problems.append(
            Problem(name, f"{name} has a value that cannot be read.", "bad-value", COMMAND_LINE, hint)
        )
        return
    _add_entry(yaml_text.Entry(name, 1, node), COMMAND_LINE, COMMAND_LINE, collected)


def _place(location: Location, collected: _Collected) -> str:
    """The place of a value, or of the nearest part of it that was written down."""
    while location:
        if location in collected.places:
            return collected.places[location]
        location = location[:-1]
    return ""


def _plain(value: object) -> object:
    """The value with tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
