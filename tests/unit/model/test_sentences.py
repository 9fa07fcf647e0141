"""What people read is a Text: no sentence stands in the code as a plain string."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import runbook_lib

LIBRARY = Path(runbook_lib.__file__).parent
NOT_OURS = {
    "cloud_sync/scope.py": "operators of Microsoft's scoping filters",
    "model/text.py": "the templates of numbers with their nouns: the catalogue has them",
    "model/untrusted.py": "names of characters, as Unicode has them",
    "parameters/cell.py": "comments of the parameters cells, which are code",
    "parameters/document.py": "files that explain the parameters, in English until there is another language of them",
    "record/checksums.py": "lines of a shell, with the words above each as texts",
    "runner/units.py": "files of cron, systemd and Task Scheduler, and lines of a shell",
    "secrets/redact.py": "marks of what was taken out: [redacted: private key]",
}
"""Modules whose words are nobody's sentence, and why."""
_CITED = re.compile(
    r"documentation|MS-ADTS|KB \d|timmcmic|MicrosoftDocs|azure-docs|Graph beta|Microsoft Learn|^Microsoft,"
)
"""A source is cited by its own title."""
_OF_MACHINES = re.compile(r"^,?CN=|^#| eq '?")
"""Distinguished names, comments in files for machines, filters of OData."""
_SENTENCE = re.compile(r"[A-Za-z]+ [A-Za-z(]")
_NOT_READ = frozenset(
    {"Field", "Markup", "compile", "option", "argument", "escape", "counted", "create_model", "execute"}
    | {"KeyError", "LookupError", "RuntimeError", "TypeError", "ValueError"}
)
"""Calls whose words are markup, a pattern, SQL, the help of a command, a noun of the catalogue, what a key holds,
or for whoever mends a defect."""
NOT_SHOWN = {
    "gwb approve": "what a person types",
    " AND DELETE ": "what a person types",
    "( AND DELETE ": "what a person types",
    " CONFIGURATION IN ": "what a person types",
    " WRITEBACK IN ": "what a person types",
    "DELETE CONFIGURATION IN ": "what a person types",
    "|DELETE (": "what a person types",
    "every approved change is carried out": "a value of journal.jsonl",
    "Value error, ": "how pydantic begins a message",
    "already deleted for target": "what another directory answers",
    "doesn't exist for target": "what another directory answers",
    "not found in the schema": "what another directory answers",
    "In from AAD - Group SOAInAAD": "a synchronization rule of Connect",
    "Out to AD - Group SOAInAAD": "a synchronization rule of Connect",
    "Out to AD - Group SOAInAAD - DN": "a synchronization rule of Connect",
    "Out to AD - Group SOAInAAD - Exchange": "a synchronization rule of Connect",
    "Out to AD - Group Writeback Member Limit": "a synchronization rule of Connect",
    "Reanimate Tombstones": "name of a right of AD",
    "domain local": "a scope of AD's groups",
    "external relay": "a kind of Exchange's domains",
    "internal relay": "a kind of Exchange's domains",
    "Client Access": "a role of Exchange's servers",
    "Unified Messaging": "a role of Exchange's servers",
    "Hub Transport": "a role of Exchange's servers",
    "Edge Transport": "a role of Exchange's servers",
    "outbound to office 365": "how the wizard calls a connector",
    "Exchange Server 2000 RTM": "a release",
    "Exchange Server 2007 RTM": "a release",
    "Exchange Server 2010 SP2": "a release",
    "Microsoft Lifecycle, Exchange Server": "a page",
    "Application Support": "a folder of macOS",
    ", and nothing that a sign-in service says": "an error that msal reads",
    "active directory": "part of a name that is looked for",
    "command line": "where a parameter comes from: compared",
    'group_type: "security"      the group may be given rights on files, folders and applications in AD': (
        "lines of YAML"
    ),
    'group_type: "distribution"  the group only lists its members: applications can read them, it grants no rights': (
        "lines of YAML"
    ),
    "[redacted: private key]": "a mark of what was taken out",
    " before the change, ": "a comment in a file for machines",
    "drift found": "a value that is compared",
    "AD groups": "name of a sheet, which formulas of others refer to",
    "not a display": "a type of output, beside MIME types",
    "not installed": "a value of record.json, beside version numbers",
    "Passed unknown parameter": "how papermill begins a warning",
}


def plain_sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and words of every string that reads like a sentence and is no ``Text``: f-strings, constants."""
    passed: set[int] = set()
    for node in ast.walk(tree):  # what calls comes before what it is given
        if isinstance(node, ast.Expr):
            passed.add(id(node.value))
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "t":
                passed.update(map(id, node.args))
            elif name in _NOT_READ:
                passed.update(map(id, ast.walk(node)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            words = node.value
            if _SENTENCE.search(words) and words not in NOT_SHOWN and not _of_style(words) and not _of_others(words):
                yield node.lineno, words


def _of_others(text: str) -> bool:
    """Whether it cites a source, or is written for machines."""
    return bool(_CITED.search(text) or _OF_MACHINES.search(text))


def _of_style(text: str) -> bool:
    """Whether it is CSS, HTML or a policy, or a list of names of such."""
    return bool(re.search(r"[<>]|style=|px|'none'|^a b bdi|^background-color ", text))


def test_what_people_read_is_no_plain_string() -> None:
    found = {
        f"{name}:{line}: {words}"
        for path in sorted(LIBRARY.rglob("*.py"))
        if (name := path.relative_to(LIBRARY).as_posix()) not in NOT_OURS
        for line, words in plain_sentences(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found


def test_what_is_exempt_is_there() -> None:
    assert not [name for name in NOT_OURS if not (LIBRARY / name).is_file()]
    whole = {
        node.value
        for path in LIBRARY.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(NOT_SHOWN) <= whole


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("banner('Nothing to do')", ["Nothing to do"]),
        ("say(f'{number} groups were read')", [" groups were read"]),
        ("say(t('All groups were read'))", []),
        ("say(t('{what} was read', what='every group'))", ["every group"]),
        ("raise ValueError('never to be seen')", []),
        ("'''A docstring of it.'''", []),
    ],
)
def test_a_plain_sentence_is_found(source: str, said: list[str]) -> None:
    assert [words for _, words in plain_sentences(ast.parse(source))] == said
