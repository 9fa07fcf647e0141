"""A scheduled run as the files of cron, systemd and Windows Task Scheduler. Pure.

Sources: crontab(5); systemd.service(5), systemd.timer(5), systemd.syntax(7); Microsoft documentation, "Task Scheduler
Schema". The units have not been run by a scheduler here; systemd's pass ``systemd-analyze verify``.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from html import escape

from runbook_lib.model.change_window import DAYS

_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """One run of ``gwb run``, at one time of day.

    Attributes:
        name: What the unit is called: letters, digits, hyphens.
        folder: The project's folder.
        program: ``gwb``, as an absolute path.
        arguments: Of ``gwb``.
        hour: 0 to 23, on the clock of the machine.
        minute: 0 to 59.
        days: Days of the week, 0 is Monday.
        account: That it runs as.
    """

    name: str
    folder: str
    program: str
    arguments: tuple[str, ...]
    hour: int
    minute: int
    days: frozenset[int]
    account: str


def cron_files(run: ScheduledRun) -> Mapping[str, str]:
    """A file for ``/etc/cron.d``; there each line names its account, and a percent sign would end the command."""
    days = "*" if len(run.days) == 7 else ",".join(DAYS[day].lower() for day in sorted(run.days))
    command = f"cd {shlex.quote(run.folder)} && {shlex.join((run.program, *run.arguments))}".replace("%", r"\%")
    return {run.name: f"{run.minute} {run.hour} * * {days} {run.account} {command}\n"}


def systemd_files(run: ScheduledRun) -> Mapping[str, str]:
    """A service and its timer, for ``/etc/systemd/system``. ``KillMode=mixed`` lets gwb end its notebook itself."""
    days = "" if len(run.days) == 7 else ",".join(DAYS[day] for day in sorted(run.days)) + " "
    command = " ".join(map(_systemd_word, (run.program, *run.arguments)))
    service = (
        f"[Unit]\nDescription=Group writeback: {run.name}\nWants=network-online.target\nAfter=network-online.target\n\n"
        f"[Service]\nType=oneshot\nUser={run.account}\nWorkingDirectory={_specifiers(run.folder)}\n"
        f"ExecStart={command}\nSuccessExitStatus=3\nKillMode=mixed\n"
    )
    timer = (
        f"[Unit]\nDescription=Group writeback: when {run.name} runs\n\n"
        f"[Timer]\nOnCalendar={days}*-*-* {run.hour:02}:{run.minute:02}:00\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return {f"{run.name}.service": service, f"{run.name}.timer": timer}


def task_files(run: ScheduledRun, first: date) -> Mapping[str, str]:
    """A task for ``schtasks /Create /XML``; ``first`` is the day from which on it runs."""
    days = "".join(f"<{_LONG_DAYS[day]} />" for day in sorted(run.days))
    text = f"""<?xml version="1.0"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>{first.isoformat()}T{run.hour:02}:{run.minute:02}:00</StartBoundary>
      <ScheduleByWeek><DaysOfWeek>{days}</DaysOfWeek><WeeksInterval>1</WeeksInterval></ScheduleByWeek>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(run.account)}</UserId><LogonType>Password</LogonType><RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <StartWhenAvailable>true</StartWhenAvailable>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(run.program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(run.arguments))}</Arguments>
      <WorkingDirectory>{escape(run.folder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""
    return {f"{run.name}.xml": text}


def install_lines(kind: str, run: ScheduledRun) -> tuple[str, ...]:
    """What installs the files of a kind, typed in the folder that holds them; on Windows it asks for the password."""
    name = run.name
    if kind == "cron":
        return (f"sudo install -m 644 {name} /etc/cron.d/",)
    if kind == "systemd":
        return (
            f"sudo install -m 644 {name}.service {name}.timer /etc/systemd/system/",
            f"sudo systemctl daemon-reload && sudo systemctl enable --now {name}.timer",
        )
    return (f"schtasks /Create /TN {name} /XML {name}.xml /RU {run.account} /RP *",)


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _systemd_word(text: str) -> str:
    """One word of ExecStart, in double quotes wherever it is not plain."""
    escaped = _specifiers(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return escaped if text and all(char.isalnum() or char in "-_./=:,+@" for char in text) else f'"{escaped}"'
