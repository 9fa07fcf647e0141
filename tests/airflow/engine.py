"""One Airflow on this machine for a test: LocalExecutor, SQLite, the loopback interface alone."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from tests.airflow.lane import ROOT, VENV

ENGINE = ROOT / "engines" / "airflow"
PARTS = {
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "api-server": ["api-server"],
}
SOON = 600.0
"""Seconds in which what is waited for happens on any machine; most of them pass nowhere."""


def wait_for(what: Callable[[], Any], why: str) -> Any:
    """The first answer that is something."""
    end = time.monotonic() + SOON
    while not (found := what()):
        if time.monotonic() > end:
            raise AssertionError(f"in vain: {why}")
        time.sleep(0.5)
    return found


def free_port() -> int:
    """A port of the loopback interface that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Engine:
    """Airflow's parts, each a process; and its REST API."""

    def __init__(self, home: Path, fleet: Path) -> None:
        self.home = home
        self.port = free_port()
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self._left: list[psutil.Process] = []
        """What killed parts left: Airflow's workers change what tells whose they are (their title lies over it)."""
        self._token = ""
        config = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(ENGINE / "dags"),
            "CORE__PLUGINS_FOLDER": str(ENGINE / "plugins"),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "3",
            "WORKERS__EXECUTION_API_TIMEOUT": "180",
            "CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "DAG_PROCESSOR__STALE_DAG_THRESHOLD": "7200",
            "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environment = {
            **kept,
            **{f"AIRFLOW__{name}": value for name, value in config.items()},
            "AIRFLOW_HOME": str(home),
            "PYTHONPATH": str(ENGINE),
            "GWB": str(Path(sys.executable).with_name("gwb")),
            "GWB_FLEETS": str(fleet),
            "GWB_LOOK_SECONDS": "1",
            "GWB_PROJECT_ROOT": str(ROOT),
        }

    def start(self, *parts: str) -> None:
        """Start parts, each with a log of its own."""
        for part in parts:
            with (self.home / f"{part}.log").open("ab") as log:
                self.parts[part] = subprocess.Popen(
                    [str(VENV / "bin" / "airflow"), *PARTS[part]],
                    cwd=self.home,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def kill(self, part: str) -> None:
        """Kill a part alone: what it started goes on."""
        own = psutil.Process(self.parts[part].pid)
        self._left += own.children(recursive=True)
        own.kill()
        self.parts[part].wait()

    def stop(self) -> None:
        """End everything that was started here, with all that it started."""
        found = list(self._left)
        for process in self.parts.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                own = psutil.Process(process.pid)
                found += [own, *own.children(recursive=True)]
        found += [one for one in psutil.process_iter() if self._is_ours(one)]
        for one in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(found, timeout=30)
        for process in self.parts.values():
            process.wait()

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process that lost its parent was started by this engine: the home folder is its alone."""
        try:
            return bool(process.environ().get("AIRFLOW_HOME") == str(self.home))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def processes_of(self, *words: str) -> list[psutil.Process]:
        """Processes of this engine whose command line has all these words."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                line = one.cmdline()
                if self._is_ours(one) and all(word in line for word in words):
                    found.append(one)
        return found

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request of the REST API; None for an error, also while the server is starting."""
        try:
            if not self._token and path != "/auth/token":
                answer = self.call("GET", "/auth/token")
                if answer is None:
                    return None
                self._token = answer["access_token"]
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.port}{path}",
                method=method,
                data=json.dumps(body).encode() if body is not None else None,
                headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
            )
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.loads(answer.read() or b"{}")
        except (OSError, ValueError):
            return None


@contextlib.contextmanager
def running_engine(home: Path, fleet: Path) -> Iterator[Engine]:
    """Airflow with an empty database, all parts started."""
    engine = Engine(home, fleet)
    home.mkdir()
    done = subprocess.run(
        [str(VENV / "bin" / "airflow"), "db", "migrate"],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    try:
        engine.start(*PARTS)
        yield engine
    finally:
        engine.stop()
