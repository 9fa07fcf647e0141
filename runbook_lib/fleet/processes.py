"""A bounded pool of processes: each runs one notebook of one tenant, and no two of a set run at the same time.

A process of its own is what a run has without a fleet too: its signals, its kernel, its secrets. What ends this process
in order (Ctrl-C, a scheduler) reaches every run as Ctrl-C, so that each closes its journal and seals its record.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.fleet.jobs import Job, ReadFleet, startable
from runbook_lib.fleet.results import JobResult, result_of
from runbook_lib.secrets.redact import SECRET_VARIABLES
from runbook_lib.winrm import PASSWORD_VARIABLE

_LOOK_SECONDS = 0.5
"""How long the pool waits without looking for a signal; Windows interrupts no longer wait."""
# Windows sends no Ctrl-C to another group of processes, but Ctrl-Break, which a run takes the same.
_STOP: int = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)
_SECRETS = (*SECRET_VARIABLES, PASSWORD_VARIABLE)


def command_of(job: Job, read: ReadFleet) -> list[str]:
    """The command line of one run."""
    files = [word for path in job.files for word in ("-f", str(path))]
    given = {"change_id": job.change_id} if job.change_id_given else {}
    given |= {"lease_seconds": str(read.fleet.lease_seconds)} if read.fleet.lease_seconds else {}
    change = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    limit = ["--timeout", f"{read.fleet.time_limit_minutes}m"]
    runner = [sys.executable, "-m", "runbook_lib.runner", "run", job.notebook, "--json", "--quiet"]
    return [*runner, *files, "--records", str(read.records), *limit, *change]


def environment_of(job: Job, read: ReadFleet, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of one run: this one with its own secrets and nobody else's."""
    prefixes = {one.secrets_prefix for one in read.jobs if one.secrets_prefix}
    kept = {name: value for name, value in environment.items() if not any(name.startswith(p) for p in prefixes)}
    if job.secrets_prefix:
        kept = {name: value for name, value in kept.items() if name not in _SECRETS}
        given = {name: environment.get(f"{job.secrets_prefix}{name}") for name in _SECRETS}
        kept |= {name: value for name, value in given.items() if value is not None}
    return kept


@dataclass(frozen=True, slots=True)
class PoolStep:
    """A run that began, or ended with ``result``."""

    job: Job
    running: int
    waiting: int
    result: JobResult | None = None


class Pool:
    """Runs of one fleet.

    Args:
        read: The fleet.
        environment: Of this process.
        clock: Present time, UTC.
        tell: Called for each run that begins or has ended, from the thread of ``run``.
    """

    def __init__(
        self,
        read: ReadFleet,
        *,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        tell: Callable[[PoolStep], None],
    ) -> None:
        self._read = read
        self._environment = environment
        self._clock = clock
        self._tell = tell
        self._ended: queue.SimpleQueue[tuple[Job, JobResult]] = queue.SimpleQueue()
        self._running: dict[Job, subprocess.Popen[str]] = {}
        self.interrupted = False
        """Whether it was asked to stop: no further run was begun then."""

    def run(self, jobs: Sequence[Job]) -> list[JobResult]:
        """Run them all; of a tenant whose run did not end as asked no further notebook is begun.

        Returns:
            Results in the order in which they came.
        """
        waiting, results = list(jobs), list[JobResult]()
        while waiting or self._running:
            try:
                if not self.interrupted:
                    self._start(waiting)
                job, result = self._ended.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            except KeyboardInterrupt:
                self._stop()
                waiting.clear()
                continue
            del self._running[job]
            results.append(result)
            if not result.known.good:
                waiting[:] = [one for one in waiting if one.tenant != job.tenant]
            self._tell(PoolStep(job, len(self._running), len(waiting), result))
        return results

    def _start(self, waiting: list[Job]) -> None:
        for job in list(startable(waiting, self._running)):
            if len(self._running) >= self._read.fleet.concurrency:
                return
            waiting.remove(job)
            started = self._clock()
            process = subprocess.Popen(
                command_of(job, self._read),
                cwd=self._read.root,
                env=environment_of(job, self._read, self._environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                # Ctrl-C on the terminal comes to this process alone, which passes it on once.
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
            self._running[job] = process
            threading.Thread(target=self._wait, args=(job, process, started), daemon=True).start()
            self._tell(PoolStep(job, len(self._running), len(waiting)))

    def _wait(self, job: Job, process: subprocess.Popen[str], started: datetime) -> None:
        printed, said = process.communicate()
        records: Path = self._read.records
        ended = self._clock()
        result = result_of(job, process.returncode, printed, said, records=records, started=started, ended=ended)
        self._ended.put((job, result))

    def _stop(self) -> None:
        """Ask every run to end, as Ctrl-C does."""
        self.interrupted = True
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(_STOP)
