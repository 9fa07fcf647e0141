"""docs/adding-a-check.md: its example is read from a directory, judged, tested and handed off as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from jinja2 import ChoiceLoader, DictLoader

from runbook_lib import preflight
from runbook_lib.errors import NoAccess
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.target import Route
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight import assess, checks, hand_off, parts
from runbook_lib.preflight.checks import forest
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off.templates import HAND_OFF_FOLDER, _environment
from runbook_lib.preflight.parts import PARTS
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import verdict_on
from tests.docs.markdown import section, table_rows
from tests.unit.directory.embedded import BASE, running

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-check.md").read_text(encoding="utf-8")
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIVEN = Parameters.model_validate({})
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Everything that the page's code defines, each block as if it stood at the end of its module."""
    part, handed, check, test = (code for language, code in BLOCKS if language == "python")
    (template,) = (code for language, code in BLOCKS if language == "jinja")
    environment = _environment(HAND_OFF_FOLDER)
    assert environment.loader is not None
    loaders = [DictLoader({"lockout.ps1.j2": template}), environment.loader]
    monkeypatch.setattr(environment, "loader", ChoiceLoader(loaders))
    own: dict[str, Any] = {}
    builders = {"pytest": pytest, "evidence": lambda: Evidence(AT, GIVEN, PARTS), "Iterator": Iterator}
    for code, module in ((part, parts), (handed, hand_off), (check, forest), (test, forest)):
        names = {**vars(module), **builders, **own}
        before = dict(names)
        exec(compile(code, "adding-a-check.md", "exec"), names)  # noqa: S102 - the page's own code
        own |= {name: value for name, value in names.items() if before.get(name) is not value}
    return own


def no_graph() -> NoReturn:
    raise NoAccess(t("No sign-in."), code="no-sign-in")


def test_the_example_reads_judges_and_hands_off(example: dict[str, Any], tmp_path: Path) -> None:
    lockout = example["LOCKOUT"]
    with running(tmp_path) as embedded:
        embedded.store.modify(BASE, {"lockoutThreshold": "3"})
        with embedded.open() as directory:
            reach = Reach(directory=lambda: directory, graph=no_graph)
            found = read_evidence(GIVEN, reach, clock=lambda: AT, parts=(*PARTS, lockout))
    assert found[lockout] == 3
    judged = assess.assess(found, example["CHECKS"])
    (finding,) = judged.findings
    assert (finding.id, judged.routes_of(finding.id)) == ("lockout-early", {Route.DIRECT: Severity.WARNING})
    (offer,) = judged.hand_offs
    assert offer.text.splitlines()[1] == (
        "Get-ADUser -Identity 'svc-gwb' -Properties @('LockedOut', 'AccountLockoutTime')"
    )
    unread = assess.assess(Evidence(AT, GIVEN, (lockout,)), example["CHECKS"])
    assert "part-unreadable:lockout" in {one.id for one in unread.findings}


def test_the_example_s_own_test_passes(example: dict[str, Any]) -> None:
    tested = example["test_an_early_lockout_is_a_finding"]
    (marked,) = tested.pytestmark
    assert len(marked.args[1]) == 4
    for case in marked.args[1]:
        tested(*case)


def test_what_the_page_names_exists() -> None:
    folder = Path(preflight.__file__).parent
    for name, _ in table_rows(PAGE[: PAGE.index("## A part")]):
        assert (folder / name).exists(), name
    constants = set(re.findall(r"\b[A-Z][A-Z_]{3,}\b(?=[`,.)\]])", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)))
    known = {*vars(parts), *vars(hand_off), *vars(checks), *Severity.__members__, "LOCKOUT"}
    assert constants <= known, constants - known


def test_the_severities_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in table_rows(section(PAGE, "## What the severities mean"))}
    named = {one.value: [Finding("found", one, t("Seen."))] for one in Severity}
    assert told == {name: verdict_on(Route.DIRECT, found).verdict.title.lower() for name, found in named.items()}
