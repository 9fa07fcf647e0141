"""What README and docs/ say is so: exit codes, commands, options, targets, parameters, keys, links."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from runbook_lib.fleet.model import Fleet, TenantEntry
from runbook_lib.inventory.tables import HEADINGS as COLUMNS
from runbook_lib.model.outcome import NOTHING_TO_DO_DETAILED, Outcome
from runbook_lib.parameters.cell import PARAMETERS_FILE
from runbook_lib.parameters.document import known_names, reference_table_markdown
from runbook_lib.parameters.model_notify import NotifyParameter
from runbook_lib.record.folder import RecordFolder
from runbook_lib.record.run_record import run_facts_of
from runbook_lib.record.schema_files import SCHEMAS
from tests.docs import rights_lines
from tests.docs.markdown import ROOT, anchored_links, anchors, code_blocks, committed_files, links, section, table_rows
from tests.docs.record_keys import HEADINGS, rewritten
from tests.notebooks.structure import NOTEBOOKS
from tests.support.schemas import keys_of, parts_of, schema_of
from tools.lane_list import LANES

DOCUMENTS = sorted(path for path in committed_files() if path.suffix == ".md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
IDS = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]


def test_exit_codes_are_those_of_the_code() -> None:
    told = {outcome: int(code) for code, outcome, _ in table_rows(section(README, "## Exit codes"))}
    assert told == {outcome.value: outcome.exit_code for outcome in Outcome}
    meanings = {outcome: means for _, outcome, means in table_rows(section(README, "## Exit codes"))}
    assert f"{NOTHING_TO_DO_DETAILED} with --detailed-exitcode" in meanings["nothing-to-do"]


def test_notebook_tables_are_complete() -> None:
    permissions = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    for text, heading in ((README, "## Notebooks"), (permissions, "## Per notebook")):
        assert tuple(row[0] for row in table_rows(section(text, heading))) == NOTEBOOKS


def test_architecture_names_the_folders_and_packages_that_there_are() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if (path / "__init__.py").is_file()}
    assert {row[0] for row in table_rows(section(text, "## Tests")) if row[0].startswith("tests/")} == folders
    lanes = {row[0] for row in table_rows(section(text, "## Tests")) if not row[0].startswith("tests/")}
    assert lanes == {lane.name for lane in LANES}
    told = {word for row in table_rows(section(text, "## Floors")) for word in row[1].split()}
    library = ROOT / "runbook_lib"
    assert told == {
        path.stem for path in library.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    } - {"__init__"}
    for place in re.findall(r"`((?:\w+/)+\w+(?:\.py)?)`", section(text, "## Floors")):
        assert (library / place).exists() or (ROOT / place).exists(), place


def test_readme_opens_with_the_two_commands() -> None:
    assert next(code_blocks(README)).split("\n") == ["make demo", "make test", ""]


def test_parameters_page_is_generated() -> None:
    text = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    assert text.endswith(reference_table_markdown().replace("### ", "## ").strip() + "\n")


def test_record_keys_are_complete(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    told = {row[0] for row in table_rows(section(text, "## record.json"))}
    assert {key for key in told if "." not in key and "[" not in key} == set(run_facts_of(RecordFolder(tmp_path)))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_of_a_schema_is_in_the_records_page_and_no_other(name: str) -> None:
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    told = [(row[0], row[2]) for row in table_rows(section(text, HEADINGS[name]))]
    known = [(key.path, key.holds) for part in parts_of(name).values() for key in keys_of(part, schema_of(name))]
    assert told == [(path, holds.replace("`", "")) for path, holds in known]
    assert all(holds for _, holds in told)


def test_records_page_is_generated() -> None:
    """``make generate`` writes the tables anew."""
    text = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    assert text == rewritten(text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [target for target in links(text) if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_anchors_lead_to_a_heading(path: Path) -> None:
    missing = [
        f"{target}#{anchor}"
        for target, anchor in anchored_links(path.read_text(encoding="utf-8"))
        if anchor not in anchors((path.parent / target if target else path).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_anchors_are_those_that_a_page_would_have() -> None:
    assert anchors("# Sign-in: `x_y` (now)\n## A\n```\n# no heading\n```\n## A\n") == {"sign-in-x_y-now", "a", "a-1"}
    text = "[a](b.md#c) [d](#e) [f](https://g#h) [i](j.md)"
    assert anchored_links(text) == [("b.md", "c"), ("", "e")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_make_targets_exist(path: Path) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_parameter_names_exist(path: Path) -> None:
    """A name in backticks with an underscore is a parameter, a key or column of a record's files, or our package."""
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)(?::[^`]*)?`", path.read_text(encoding="utf-8")))
    paths = [key.path for name in SCHEMAS for part in parts_of(name).values() for key in keys_of(part, schema_of(name))]
    keys = {word for path in paths for word in re.split(r"[.\[\]]+", path)}
    packages = {package.parent.name for package in (ROOT / "runbook_lib").glob("*/__init__.py")}
    fleet = {*Fleet.model_fields, *TenantEntry.model_fields}
    entries = set(NotifyParameter.model_fields)
    modules = {module.stem for module in (ROOT / "runbook_lib").glob("*.py")}
    known = set(known_names()) | keys | set(COLUMNS) | packages | modules | fleet | entries
    assert named <= known | {"windows_only", PARAMETERS_FILE}


GROUPS = (("rehearsal", "connect"), ("rehearsal", "cloud-sync"))
"""Commands that hold commands of their own."""
PAIRS = (("records", "prune"),)
"""Commands of a command that does something by itself as well."""


@lru_cache
def help_of(*command: str) -> str:
    gwb = [sys.executable, "-m", "runbook_lib.runner"]
    done = subprocess.run([*gwb, *command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"gwb {' '.join(command)} --help: {done.stderr[-500:]}"
    return done.stdout


def commands_in(text: str) -> list[list[str]]:
    """Word lists of every ``gwb …`` in code blocks and backticks."""
    code = [line for block in code_blocks(text) for line in block.splitlines()]
    code += re.findall(r"`([^`\n]+)`", text)
    return [found[1].split() for part in code if (found := re.search(r"(?:^|[\s/\\])gwb ((?:[a-z]).*)", f" {part}"))]


def test_commands_are_found() -> None:
    text = "x `gwb run A -f B` y\n```\n.venv/bin/gwb rehearsal start\n.venv\\Scripts\\gwb demo\ngwb.commands\n```\n"
    assert sorted(commands_in(text)) == [["demo"], ["rehearsal", "start"], ["run", "A", "-f", "B"]]


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_commands_and_options_exist(path: Path) -> None:
    for words in commands_in(path.read_text(encoding="utf-8")):
        first, pair = words[0], tuple(words[:2])
        command = words[: 3 if pair in GROUPS else 2 if first in ("rehearsal", "fleet") or pair in PAIRS else 1]
        shown = help_of(*command)
        for option in (word for word in words[1:] if word.startswith("-")):
            assert re.search(rf"(?<![\w-]){re.escape(option)}\b", shown), f"gwb {' '.join(command)} has no {option}"


def test_the_lines_that_grant_rights_are_those_of_the_code() -> None:
    """Each block as ``make generate`` writes it; none is empty, and each right stands in one block only."""
    page = rights_lines.PAGE.read_text(encoding="utf-8")
    assert rights_lines.rewritten(page) == page
    lines = [line for line in page.splitlines() if line.startswith("dsacls '")]
    assert len(lines) == len(set(lines))
    assert all(f"<!-- dsacls: {purpose.value} -->" in page for purpose in rights_lines.PURPOSES)
    assert any(line.endswith(":CA;Reanimate Tombstones'") for line in lines)
