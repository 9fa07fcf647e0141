"""The operator guide's schedules and tables are what the program does."""

from __future__ import annotations

import configparser
import re
import shlex

import click
import pytest

from runbook_lib.model.outcome import NOTHING_TO_DO_DETAILED, Outcome
from runbook_lib.runner.commands.run import run
from tests.docs.markdown import ROOT, code_blocks, section, table_rows
from tests.notebooks.structure import NOTEBOOKS

GUIDE = (ROOT / "docs" / "operator-guide.md").read_text(encoding="utf-8")
SCHEDULERS = ("### cron", "### systemd", "### Windows Task Scheduler")
CODES = {outcome.exit_code for outcome in Outcome}


def run_words(scheduler: str) -> list[str]:
    """What a scheduler's block gives to ``gwb``."""
    text = "\n".join(code_blocks(section(GUIDE, scheduler)))
    (found,) = re.findall(r'(?:/gwb |-Argument ")(run [^"\n>]+)', text)
    return shlex.split(str(found).replace("\\", "/"))


def codes_in(heading: str) -> set[str]:
    return {row[0] for row in table_rows(section(GUIDE, heading)) if re.fullmatch(r"\d+|other", row[0])}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_scheduled_command_is_one_that_gwb_understands(scheduler: str) -> None:
    name, *words = run_words(scheduler)
    given = run.make_context(name, words).params
    assert given["notebook"] in NOTEBOOKS
    assert [path.as_posix() for path in given["files"]] == ["parameters/mine.yaml"]
    assert given["quiet"]
    assert given["detailed_exitcode"]
    assert given["timeout"] == 3600


def test_an_option_that_there_is_not_is_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        run.make_context("run", ["x", "--detailed-exit-code"])


def test_systemd_takes_the_code_for_nothing_to_do_as_success() -> None:
    service, timer = code_blocks(section(GUIDE, "### systemd"))
    units = configparser.ConfigParser(interpolation=None)
    units.read_string(service)
    assert units["Service"]["SuccessExitStatus"] == str(NOTHING_TO_DO_DETAILED)
    assert units["Service"]["Type"] == "oneshot"
    assert units["Service"]["ExecStart"].startswith(f"{units['Service']['WorkingDirectory']}/.venv/")
    units.read_string(timer)
    assert "OnCalendar" in units["Timer"]


def test_cron_has_five_fields_and_its_codes() -> None:
    (line,) = code_blocks(section(GUIDE, "### cron"))
    assert re.match(r"(?:[0-9*/,-]+ ){5}cd /", line)
    assert "%" not in line, "cron takes a percent sign for the end of the line"


def test_exit_codes_of_the_guide_are_those_of_the_code() -> None:
    broken = {int(code) for code in codes_in("## When a run stopped midway")}
    good = {outcome.exit_code for outcome in Outcome if outcome.good}
    asked = {Outcome.AWAITING_APPROVAL.exit_code, Outcome.USAGE.exit_code}
    assert broken == CODES - good - asked
    scheduled = codes_in("## On a schedule")
    assert scheduled >= {"0", str(NOTHING_TO_DO_DETAILED), str(Outcome.AWAITING_APPROVAL.exit_code), "other"}
    assert {int(code) for code in scheduled - {"other"}} <= CODES | {NOTHING_TO_DO_DETAILED}


def test_the_guide_has_every_section_of_a_change() -> None:
    headings = re.findall(r"^## (.+)$", GUIDE, re.MULTILINE)
    wanted = ["Enable", "Approve", "Check", "Disable", "Undo", "When a run stopped midway", "On a schedule"]
    assert [heading for heading in headings if heading in wanted] == wanted
