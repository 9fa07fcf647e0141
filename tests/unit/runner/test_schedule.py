"""``gwb schedule``: units that hold what they were told, whatever is in a path, and nothing is installed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_lib.runner.commands.schedule import schedule
from runbook_lib.runner.units import ScheduledRun, cron_files, systemd_files, task_files

HOSTILE = ("run", "30-enable-writeback", "-f", '/srv/100% ours/it\'s $HOME "x" & y.yaml')


def a_run(folder: str = "/opt/gwb", program: str = "/opt/gwb/.venv/bin/gwb", days: str = "0123456") -> ScheduledRun:
    return ScheduledRun("gwb-30", folder, program, HOSTILE, 2, 15, frozenset(map(int, days)), "root")


def test_cron_gets_the_words_back_that_were_given() -> None:
    (line,) = cron_files(a_run(days="56")).values()
    begin, command = line.rstrip("\n").split(" root ", 1)
    assert begin == "15 2 * * sat,sun"
    # crontab(5): a percent sign that is not escaped ends the command.
    assert "%" not in command.replace(r"\%", "")
    words = shlex.split(command.replace(r"\%", "%"))
    assert words == ["cd", "/opt/gwb", "&&", "/opt/gwb/.venv/bin/gwb", *HOSTILE]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_its_units(tmp_path: Path) -> None:
    files = systemd_files(a_run(folder="/", program="/bin/true", days="01234"))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(tmp_path / name) for name in files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not [line for line in done.stderr.splitlines() if "gwb-30" in line], done.stderr
    assert "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 02:15:00" in files["gwb-30.timer"]
    assert '"/srv/100%% ours/it\'s $$HOME \\"x\\" & y.yaml"' in files["gwb-30.service"]


def test_a_task_is_xml_of_its_schema_with_the_words_in_it() -> None:
    (text,) = task_files(a_run(days="0"), date(2026, 12, 1)).values()
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    task = ET.fromstring(text)  # noqa: S314 - made here
    assert task.findtext(f".//{space}Arguments") == subprocess.list2cmdline(HOSTILE)
    assert task.findtext(f".//{space}StartBoundary") == "2026-12-01T02:15:00"
    assert [one.tag.removeprefix(space) for one in task.iter() if one.tag.endswith("day")] == ["Monday"]


def test_the_command_shows_writes_where_it_is_told_and_refuses_what_is_no_time(tmp_path: Path) -> None:
    given = ["50-check-drift", "-f", "a.yaml", "--at", "02:15", "--days", "Mon-Fri", "--kind", "cron"]
    shown = CliRunner().invoke(schedule, given)
    assert shown.exit_code == 0, shown.output
    assert "15 2 * * mon,tue,wed,thu,fri gwb-run cd " in shown.output
    assert "Nothing is installed." in shown.output
    done = CliRunner().invoke(schedule, [*given, "--write", str(tmp_path / "units")])
    (path,) = (tmp_path / "units").iterdir()
    assert path.read_text(encoding="utf-8").strip() in done.output
    for wrong in (["--at", "25:00"], ["--days", "Funday"], ["--account", "a b"], ["--name", "../x"]):
        refused = CliRunner().invoke(schedule, [*given, *wrong])
        assert refused.exception is not None
        assert getattr(refused.exception, "code", "") == "schedule", wrong
