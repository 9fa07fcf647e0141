"""The two files that come of it: what is the same for every change of a tenant, and the change. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.errors import UsageError
from runbook_lib.model.text import Text, t
from runbook_lib.parameters.document import SECTIONS, known_names
from runbook_lib.parameters.file_text import LARGEST_FILE
from runbook_lib.parameters.load import parameters_from_values
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.yaml_text import convert, entries
from runbook_lib.parameters.yaml_tree import YamlProblem, read_tree
from runbook_lib.setup.questions import SetupState
from runbook_lib.strict_file import Unfit, read_plain

ENVIRONMENT_FILE, CHANGE_FILE, ANSWERS_FILE = "environment.yaml", "change.yaml", "init-answers.yaml"
_OF_CHANGE = frozenset(
    {"change_id", "reason", "route", "group_type", "select_kinds", "check_routes", "undo_record", "acknowledge"}
    | {"select_ids", "select_names", "select_file", "select_column"}
    | {"disable_ids", "disable_names", "disable_file", "disable_column"}
)
"""What another change has otherwise; everything else is of the environment."""
_TITLES: Mapping[str, Text] = {
    ENVIRONMENT_FILE: t("What is the same for every change of this tenant."),
    CHANGE_FILE: t("One change. Copy it for the next one; the records of this one hold what it was."),
}


def parameters_so_far(state: SetupState) -> Parameters:
    """What is known, as the rest of the product takes it; paths as they are written.

    Raises:
        UsageError: Something that was given beforehand is no parameter, or wrong.
    """
    return parameters_from_values(state.parameters, source=t("answers"))


def setup_files(state: SetupState) -> dict[str, str]:
    """Name to text of both files."""
    named = [name for name in known_names() if name in state.parameters]
    return {
        ENVIRONMENT_FILE: _text(ENVIRONMENT_FILE, [name for name in named if name not in _OF_CHANGE], state.parameters),
        CHANGE_FILE: _text(CHANGE_FILE, [name for name in named if name in _OF_CHANGE], state.parameters),
    }


def written_path(path: Path, root: Path) -> str:
    """A path as a parameter has it: from the project's root where it lies below it, with forward slashes."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)


def _text(file: str, names: list[str], values: Mapping[str, object]) -> str:
    lines = [
        f"# {_TITLES[file]}",
        f"# {t('Both files: gwb run 20-inventory-groups -f {one} -f {two}', one=ENVIRONMENT_FILE, two=CHANGE_FILE)}",
    ]
    begins = {first: title for title, first in SECTIONS}
    section = shown = ""
    for name in known_names():
        section = begins.get(name, section)
        if name not in names:
            continue
        if section != shown:
            lines += ["", f"# {section}"]
            shown = section
        lines.append(f"{name}: {json.dumps(values[name], ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def answers_yaml(answers: Mapping[str, str]) -> str:
    """The file of answers, which ``--answers`` takes too."""
    head = f"# {t('Answers of gwb init, for the next time. No secret stands here.')}\n"
    return head + "".join(f"{key}: {json.dumps(text, ensure_ascii=False)}\n" for key, text in sorted(answers.items()))


def read_answers(path: Path) -> dict[str, str]:
    """A file of answers: names and texts, flat.

    Raises:
        UsageError: It is missing, no such file, or holds something else (``answers-file``).
    """
    found: dict[str, str] = {}
    try:
        text = read_plain(path, largest=LARGEST_FILE).data.decode("utf-8-sig").replace("\r\n", "\n")
        node = read_tree(text)
        for entry in [] if node is None else entries(node):
            found[entry.name] = str(convert(entry.node, str, {}, name=entry.name))
    except YamlProblem as problem:
        why = t("line {line}: {text}", line=problem.line, text=problem.text)
    except FileNotFoundError:
        why = t("it is not there")
    except Unfit as unfit:
        why = unfit.why
    except UnicodeDecodeError:
        why = t("it is not UTF-8")
    else:
        return found
    raise UsageError(
        t("The file of answers {path} cannot be used: {why}.", path=path, why=why),
        code="answers-file",
        hint=t('Write a line for each answer: tenant: "contoso.com". gwb init keeps such a file in its folder.'),
        values={"path": str(path)},
    )
