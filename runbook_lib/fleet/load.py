"""``fleet.yaml`` read and checked, with every parameters file that it names: all that is wrong is told in one round."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from runbook_lib.errors import RunbookError, UsageError
from runbook_lib.fleet.check import fleet_complaints
from runbook_lib.fleet.jobs import Job, ReadFleet, keys_of, sets_of
from runbook_lib.fleet.model import Fleet, TenantEntry
from runbook_lib.model.text import NOTHING, Text, t, verbatim
from runbook_lib.parameters.file_text import read_text
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import absolute_paths, found_file, resolve
from runbook_lib.parameters.problems import Problem, Problems
from runbook_lib.parameters.validate import shown_part, type_text
from runbook_lib.parameters.yaml_text import Location, convert, entries
from runbook_lib.parameters.yaml_tree import YamlProblem, read_tree
from runbook_lib.record.needs import find_notebook, require_needs


@dataclass(slots=True)
class _Read:
    """Values of the file, the line of each part, and what is wrong so far."""

    file: Path
    values: dict[str, object] = field(default_factory=dict)
    lines: dict[Location, int] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    unread: set[str] = field(default_factory=set[str])
    """Keys whose value could not be read."""

    def place(self, location: Location) -> str:
        """``file:line`` of a part, or of the nearest one around it."""
        while location and location not in self.lines:
            location = location[:-1]
        return f"{self.file}:{self.lines[location]}" if location else str(self.file)

    def add(self, location: Location, text: Text, code: str, hint: Text = NOTHING) -> None:
        """One thing that is wrong; ``text`` continues a sentence that begins with the key."""
        shown = shown_part(location)
        self.problems.add(
            Problem(shown, t("{shown} {text}.", shown=shown, text=text), code, self.place(location), hint)
        )


def read_fleet(file: Path, *, project_root: Path) -> ReadFleet:
    """A fleet whose file, parameters files and notebooks are right as far as that is seen without asking anybody.

    Args:
        file: ``fleet.yaml``; a relative path resolves against the current folder first, then against ``project_root``.
        project_root: What relative paths in it resolve against.

    Raises:
        UsageError: One for everything that is wrong, with file and line.
    """
    file = found_file(file, project_root)
    read = _Read(file)
    _take_values(read, read_text(file, project_root))
    fleet = _validated(read)
    if fleet is None:
        raise read.problems.error()
    for complaint in fleet_complaints(fleet):
        read.add(complaint.location, complaint.text, complaint.code, complaint.hint)
    told = {entry.name: _parameters(read, fleet, number, project_root) for number, entry in enumerate(fleet.tenants)}
    _require_own_changes(read, fleet, told)
    if read.problems:
        raise read.problems.error()
    known = {name: parameters for name, parameters in told.items() if parameters is not None}
    return ReadFleet(
        fleet=fleet,
        file=file,
        root=project_root,
        records=resolve(fleet.records_dir, project_root),
        jobs=tuple(_jobs(fleet, known, project_root)),
    )


def _take_values(read: _Read, text: str) -> None:
    try:
        node = read_tree(text)
        found = [] if node is None else entries(node)
    except YamlProblem as problem:
        what = t("{problem_text}.", problem_text=problem.text)
        wrong = Problem(str(read.file), what, "fleet-file-invalid", f"{read.file}:{problem.line}", problem.hint)
        read.problems.add(wrong)
        raise read.problems.error() from None
    for entry in found:
        read.lines[(entry.name,)] = entry.line
        known = Fleet.model_fields.get(entry.name)
        if known is None:
            _unknown(read, (entry.name,), Fleet)
            continue
        lines: dict[Location, int] = {}
        try:
            read.values[entry.name] = convert(entry.node, known.annotation, lines, name=entry.name)
        except YamlProblem as problem:
            read.unread.add(entry.name)
            location = (entry.name, *problem.part)
            read.lines[location] = problem.line
            read.add(location, problem.text, "bad-value", problem.hint)
        read.lines.update({(entry.name, *location): line for location, line in lines.items()})


def _unknown(read: _Read, location: Location, model: type[BaseModel]) -> None:
    near = difflib.get_close_matches(str(location[-1]), list(model.model_fields), n=1)
    hint = t("Did you mean {nearest}?", nearest=near[0]) if near else t("parameters/fleet.yaml explains every key.")
    read.add(location, t("is not a key of a fleet"), "unknown-key", hint)


def _validated(read: _Read) -> Fleet | None:
    """The fleet, or None where something keeps it from being looked into further; the problems say what."""
    try:
        return Fleet.model_validate(read.values) if not read.unread else None
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            location: Location = detail["loc"]
            if detail["type"] == "extra_forbidden":
                _unknown(read, location, TenantEntry)
            elif location[0] not in read.unread:
                text, code = type_text(detail)
                read.add(location, text, code if code != "parameter-missing" else "key-missing")
    return None


def _parameters(read: _Read, fleet: Fleet, number: int, root: Path) -> Parameters | None:
    """What the runs of one tenant are told; None where that is wrong, which the problems say."""
    entry, at = fleet.tenants[number], ("tenants", number)
    overrides = {"records_dir": str(resolve(fleet.records_dir, root)) if fleet.records_dir else "records"}
    if entry.change_id:
        overrides["change_id"] = entry.change_id
    if fleet.lease_seconds:
        overrides["lease_seconds"] = str(fleet.lease_seconds)
    try:
        parameters = absolute_paths(
            load_parameters([Path(one) for one in entry.files], overrides, project_root=root).parameters, root
        )
    except UsageError as error:
        for problem in _problems_of(error, read.place((*at, "files"))):
            read.problems.add(problem)
        return None
    if not parameters.change_id:
        read.add((*at, "change_id"), t("is given neither here nor in its parameters files"), "parameter-missing")
    if parameters.sign_in == "device-code":
        read.add(
            (*at, "files"),
            t("have sign_in device-code, and nobody is there to type a code"),
            "fleet-needs-person",
            t("Use certificate or secret."),
        )
    _look_at_notebooks(read, fleet, number, parameters, root)
    return parameters


def _look_at_notebooks(read: _Read, fleet: Fleet, number: int, parameters: Parameters, root: Path) -> None:
    """Whether its notebooks are there and have what they cannot do without."""
    entry = fleet.tenants[number]
    at: Location = ("tenants", number)
    for notebook in fleet.notebooks_of(entry):
        try:
            require_needs(find_notebook(notebook, root).stem, parameters)
        except RunbookError as error:
            missing = error.code == "notebook-missing"
            place: Location = (*at, "notebooks") if entry.notebooks else ("notebooks",) if missing else at
            # A notebook that the fleet names for all is missing once.
            what = error.message if missing else t("{tenant}: {why}", tenant=entry.name, why=error.message)
            problem = Problem(shown_part(place), what, error.code, read.place(place), error.hint)
            if problem not in read.problems.shown:
                read.problems.add(problem)


def _problems_of(error: UsageError, where: str) -> Iterator[Problem]:
    told = error.values.get("problems")
    if not isinstance(told, list):
        yield Problem("files", error.message, error.code, where, error.hint)
        return
    for one in told:
        yield Problem(one["parameter"], verbatim(one["text"]), one["code"], one["where"], verbatim(one["hint"]))


def _require_own_changes(read: _Read, fleet: Fleet, told: Mapping[str, Parameters | None]) -> None:
    """A change belongs to one tenant: its folder, approvals and journals are those of one domain."""
    first: dict[str, str] = {}
    for number, entry in enumerate(fleet.tenants):
        parameters = told[entry.name]
        if parameters is None or not parameters.change_id:
            continue
        other = first.setdefault(parameters.change_id.casefold(), entry.name)
        if other != entry.name:
            read.add(
                ("tenants", number, "change_id"),
                t("is {change_id}, which is that of {other} already", change_id=parameters.change_id, other=other),
                "change-id-twice",
                t("Give each tenant a change id of its own."),
            )


def _jobs(fleet: Fleet, told: Mapping[str, Parameters], root: Path) -> Iterator[Job]:
    keys = {name: keys_of(parameters) for name, parameters in told.items()}
    sets = sets_of(keys)
    for entry in fleet.tenants:
        files = tuple(found_file(Path(text), root).absolute() for text in entry.files)
        for notebook in fleet.notebooks_of(entry):
            yield Job(
                tenant=entry.name,
                notebook=notebook,
                files=files,
                change_id=told[entry.name].change_id,
                change_id_given=bool(entry.change_id),
                secrets_prefix=entry.secrets_prefix,
                keys=keys[entry.name],
                together=sets[entry.name],
            )
