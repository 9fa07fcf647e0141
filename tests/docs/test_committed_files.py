"""Rules about every committed file: no registry's address, no unfinished work, no private notes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rehearsal.parameters_file import demo_parameters
from runbook_lib.model.target import Route
from runbook_lib.parameters.load import load_parameters
from runbook_lib.record.needs import ENABLE, require_needs
from tests.docs.markdown import ROOT, committed_files

REGISTRY_HOSTS = re.compile(
    r"\b(pypi\.(org|python\.org)|files\.pythonhosted\.org|registry\.npmjs\.org|(deb|security)\.debian\.org"
    r"|conda\.anaconda\.org|registry\.yarnpkg\.com)\b",
    re.IGNORECASE,
)
UNFINISHED = re.compile(r"\b(T[O]DO|F[I]XME|X{3}|H[A]CK)\b")
PRIVATE = re.compile(r"domain\.md|design\.md|samba-lab\.md|notebook-stack\.md|\.\./shared|/work/", re.IGNORECASE)
CODE = {".py", ".ipynb", ".yaml", ".yml", ".toml", ".sh", ".j2", ".css", ".html"}


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in committed_files():
        content = path.read_bytes()
        if b"\0" not in content:
            found.append((path.relative_to(ROOT), content.decode("utf-8", "replace")))
    return found


FILES = texts()


def test_patterns_find_what_they_are_for() -> None:
    assert REGISTRY_HOSTS.search("https://" + "pypi." + "org/simple")
    assert UNFINISHED.search("# TO" + "DO later")
    assert not UNFINISHED.search("TODOS_LIST and hacking")
    assert PRIVATE.search("see domain" + ".md, section 1")


def test_no_file_names_a_registry() -> None:
    assert [str(path) for path, text in FILES if REGISTRY_HOSTS.search(text)] == []


def test_no_code_is_unfinished() -> None:
    code = [(path, text) for path, text in FILES if path.suffix in CODE or path.name in ("Makefile", "run")]
    assert len(code) > 50
    assert [str(path) for path, text in code if UNFINISHED.search(text)] == []


def test_no_file_refers_to_private_notes() -> None:
    here = Path(__file__).resolve().relative_to(ROOT)
    assert [str(path) for path, text in FILES if path != here and PRIVATE.search(text)] == []


@pytest.mark.parametrize("folder", [".venv", "records", ".rehearsal", "build"])
def test_what_runs_leave_is_ignored(folder: str) -> None:
    assert not [path for path, _ in FILES if path.parts[0] == folder]


@pytest.mark.parametrize(
    ("name", "route"),
    [("demo", Route.DIRECT), ("demo-cloud-sync", Route.CLOUD_SYNC), ("demo-connect-sync", Route.CONNECT_SYNC)],
)
def test_the_demo_parameters_are_in_step_and_enough_for_the_notebook_that_writes(name: str, route: Route) -> None:
    # make jupyter gives this file to every notebook: with a parameter too few a newcomer's first run ends at its start.
    path = ROOT / "parameters" / f"{name}.yaml"
    assert path.read_text(encoding="utf-8") == demo_parameters(route), "run make generate"
    parameters = load_parameters([path], {}, project_root=ROOT).parameters
    require_needs(ENABLE, parameters)
    assert parameters.certificate_file == ".rehearsal/default/client.pem"
    assert parameters.graph_url == "https://localhost:8443"
    assert parameters.route == route.value
