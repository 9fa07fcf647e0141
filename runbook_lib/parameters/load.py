"""Parameters from files, from the command line, and from the names that a notebook's parameters cell left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from runbook_lib.model.text import Text, t
from runbook_lib.parameters import yaml_text
from runbook_lib.parameters.document import nearest_name
from runbook_lib.parameters.file_text import read_text
from runbook_lib.parameters.groups_file import add_groups
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.problems import MOST_SHOWN, Problem, Problems
from runbook_lib.parameters.validate import (
    LONGEST_TEXT,
    is_known,
    name_problem,
    secret_problem,
    shown_part,
    validated,
)
from runbook_lib.parameters.yaml_text import Location
from runbook_lib.parameters.yaml_tree import DEEPEST_YAML, YamlProblem, names_at_line_starts, read_tree, texts_below
from runbook_lib.secrets.sources import is_secret_name

COMMAND_LINE = "command line"
_MOST_NAMES = 1_000
"""Names in a parameters file; one with more is another file."""
_MOST_PARTS = 1_000_000
"""Parts of one value in a notebook: a list that holds the same list many times grows without end."""
_LISTS = (list, tuple)
_BRANCHES = (*_LISTS, dict, Mapping)
_PAPERMILL_HINT = t(
    "papermill's -p turns text that looks like a number, true, a date or null into one: "
    "give it with -r NAME VALUE, or in quotes in a parameters file (-f). Its -r gives "
    "text alone: give numbers, true and false with -p, lists with -f."
)


@dataclass(frozen=True, slots=True)
class LoadedParameters:
    """What a run is told and where each part of it comes from.

    Attributes:
        given: Only what was given, by name; this is what papermill injects.
        sources: ``file:line`` or ``command line`` of everything in ``given``.
        notes: A sentence for each value of an earlier file that a later one replaced.
    """

    parameters: Parameters
    given: Mapping[str, object]
    sources: Mapping[str, str]
    notes: tuple[Text, ...] = ()


@dataclass(slots=True)
class _Collected:
    """Values, the places of all their parts, and what is wrong so far."""

    values: dict[str, object] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    places: dict[str, dict[Location, str]] = field(default_factory=dict)
    """By parameter: the place of each part of its value."""
    problems: Problems = field(default_factory=Problems)
    unread: set[str] = field(default_factory=set[str])
    """Parameters that somebody gave, or meant to give, in a way that cannot be read."""
    notes: list[Text] = field(default_factory=list[Text])


_ONE_PLACE = ("tenant_id", "cloud", "dc_host")
"""What says which tenant and which domain a run is about: two files that differ there belong to two of them."""


def load_parameters(files: Sequence[Path], overrides: Mapping[str, str], *, project_root: Path) -> LoadedParameters:
    """Read and check parameters. A later file wins over an earlier one, ``overrides`` win over all files.

    Files that name different tenants, clouds or domain controllers are not of one run: that is an error.

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
    for name, places in add_groups(collected.values, project_root, collected.problems).items():
        collected.places.setdefault(name, {}).update(places)
        collected.sources.setdefault(name, next(iter(places.values())))
    parameters = validated(
        collected.values,
        lambda location: _place(location, collected),
        collected.problems,
        unread=collected.unread,
    )
    given = {name: value for name, value in parameters.model_dump().items() if name in collected.values}
    return LoadedParameters(parameters, given, collected.sources, tuple(collected.notes))


def parameters_from_values(
    values: Mapping[str, object], *, source: str, project_root: Path | None = None
) -> Parameters:
    """Check values that are Python objects already, as in a notebook's namespace; tuples count as lists.

    Args:
        source: Where they come from, for messages: ``"the parameters cell"``.
        project_root: What relative paths resolve against; without it files of groups are left alone, because their
            groups are among the values already.

    Raises:
        UsageError: As ``load_parameters``.
    """
    problems = Problems()
    plain: dict[str, object] = {}
    unread: set[str] = set()
    for name, value in ((str(name), value) for name, value in values.items()):
        if not is_known(name):
            problems.add(partial(name_problem, name, source), secret=is_secret_name(name))
            unread.add(name)
        elif not _is_flat(value):
            unread.add(name)
            problems.add(
                Problem(name, t("{name} has values that are nested too deeply.", name=name), "bad-value", source)
            )
        else:
            plain[name] = _plain(value)
            if problem := secret_problem(name, _texts(plain[name]), source):
                problems.add(problem, secret=True)
    places = {} if project_root is None else add_groups(plain, project_root, problems)

    def where(location: Location) -> str:
        return places.get(str(location[0]), {}).get(location, source) if location else source

    return validated(plain, where, problems, unread=unread, numbers_hint=_PAPERMILL_HINT)


def _add_file(path: Path, project_root: Path, collected: _Collected) -> None:
    text = read_text(path, project_root)
    names = names_at_line_starts(text)
    if len(names) > _MOST_NAMES:  # another file: its names alone say so, and reading it as YAML takes seconds
        for name, line in names:
            if not is_known(name):
                _add_unknown(name, f"{path}:{line}", collected)
        if collected.problems:
            collected.unread.update(Parameters.model_fields)
            return
    try:
        node = read_tree(text)
        found = [] if node is None else yaml_text.entries(node)
    except YamlProblem as problem:
        # What the file would have said is not known: nothing is said of what depends on it.
        collected.unread.update(Parameters.model_fields)
        place, what = f"{path}:{problem.line}", t("{problem_text}.", problem_text=problem.text)
        collected.problems.add(Problem(str(path), what, "parameters-file-invalid", place, problem.hint))
        return
    for entry in found:
        _add_entry(entry, f"{path}:{entry.line}", str(path), collected)


def _add_entry(entry: yaml_text.YamlEntry, where: str, source: str, collected: _Collected) -> None:
    """Take one name and its value; what is wrong with it joins the problems."""
    collected.unread.add(entry.name)
    if not is_known(entry.name):
        _add_unknown(entry.name, where, collected)
        return
    if problem := secret_problem(entry.name, texts_below(entry.node), where):
        collected.problems.add(problem, secret=True)
        return
    lines: dict[Location, int] = {}
    wanted = Parameters.model_fields[entry.name].annotation
    try:
        value = yaml_text.convert(entry.node, wanted, lines, name=entry.name)
    except YamlProblem as wrong:
        place = where if source == COMMAND_LINE else f"{source}:{wrong.line}"
        shown = shown_part((entry.name, *wrong.part))
        collected.problems.add(
            Problem(
                shown, t("{shown} {wrong_text}.", shown=shown, wrong_text=wrong.text), "bad-value", place, wrong.hint
            )
        )
        return
    collected.unread.discard(entry.name)
    _replace(entry.name, value, where, collected)
    collected.values[entry.name] = value
    collected.sources[entry.name] = where
    collected.places[entry.name] = {
        (entry.name, *location): where if source == COMMAND_LINE else f"{source}:{line}"
        for location, line in lines.items()
    }


def _add_unknown(name: str, where: str, collected: _Collected) -> None:
    collected.problems.add(partial(name_problem, name, where), secret=is_secret_name(name))
    if len(collected.problems) <= MOST_SHOWN:  # looking for the nearest name takes long
        collected.unread.add(nearest_name(name) or "")


def _replace(name: str, value: object, where: str, collected: _Collected) -> None:
    """Note that a later file replaces a value, or that it is about another tenant or domain."""
    first = collected.sources.get(name)
    if first is None or where == COMMAND_LINE or collected.values[name] == value:
        return
    if name not in _ONE_PLACE:
        collected.notes.append(t("{name} of {where} replaces that of {first}.", name=name, where=where, first=first))
    elif str(value).casefold() != str(collected.values[name]).casefold():
        collected.problems.add(
            Problem(
                name,
                t("{name} differs from the one in {first}: these files are not of one run.", name=name, first=first),
                "parameters-files-differ",
                where,
                t("Name files of one tenant and one domain; to replace the value knowingly, give it with -p."),
            )
        )


def _add_override(name: str, text: str, collected: _Collected) -> None:
    if not is_known(name):
        _add_unknown(name, COMMAND_LINE, collected)
        return
    is_text = isinstance(Parameters.model_fields[name].default, str)
    # A long list is looked into part by part, when it has been read.
    if (is_text or len(text) <= LONGEST_TEXT) and (problem := secret_problem(name, iter((text,)), COMMAND_LINE)):
        collected.problems.add(problem, secret=True)
        collected.unread.add(name)
        return
    if is_text:
        collected.places[name] = {(name,): COMMAND_LINE}
        collected.values[name] = text
        collected.sources[name] = COMMAND_LINE
        return
    hint = t('Write a list as ["first", "second"], a number as 5, and true or false.')
    why = t("has a value that cannot be read")
    try:
        node = read_tree(text)
    except YamlProblem as wrong:
        node, hint = None, wrong.hint or hint
        why = t("has a value that cannot be read: {wrong}", wrong=wrong.text)
    if node is None:
        collected.unread.add(name)
        collected.problems.add(Problem(name, t("{name} {why}.", name=name, why=why), "bad-value", COMMAND_LINE, hint))
        return
    _add_entry(yaml_text.YamlEntry(name, 1, node), COMMAND_LINE, COMMAND_LINE, collected)


def _is_flat(value: object) -> bool:
    """Whether lists and mappings stand in each other no deeper than in a file, without a circle."""
    level = [value]
    for _ in range(DEEPEST_YAML):
        # Most parts are texts, and to ask whether something is a Mapping takes long.
        branches = (part for part in level if not isinstance(part, str) and isinstance(part, _BRANCHES))
        parts = (item for part in branches for item in (part if isinstance(part, _LISTS) else part.values()))
        level = list(islice(parts, _MOST_PARTS + 1))
        if len(level) > _MOST_PARTS:
            return False
    return not level


def _place(location: Location, collected: _Collected) -> str:
    """The place of a value, or of the nearest part of it that was written down."""
    places = collected.places.get(str(location[0]), {}) if location else {}
    while location:
        if location in places:
            return places[location]
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
