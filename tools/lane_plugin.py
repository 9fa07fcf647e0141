"""Pytest plugin of the test lanes: keeps every result as it finishes, and stops when told a time.

``tools.lanes`` loads it with ``-p`` and says where to write; ``tools.lane_results`` describes the file. Under
pytest-xdist the process that hands out the tests writes, and the workers stop.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from tools.lane_results import LaneRecord
from tools.lane_times import expected_from, read_figures

STOP_REASON = "the time is over"
STOPPED = "lane_stopped"
"""What a worker says at its end where it stopped."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that only ``tools.lanes`` gives."""
    group = parser.getgroup("lanes")
    group.addoption("--lane-results", default="", metavar="FILE", help="append every result there as it finishes")
    group.addoption("--stop-at", default=0.0, type=float, metavar="TIME", help="start no test after this time (epoch)")
    group.addoption("--core", action="append", default=[], metavar="PATH", help="run these first, whatever the time is")
    group.addoption(
        "--figures", default="", metavar="LANE", help="start with the modules that took longest in this lane"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep results in the process that hands out the tests; watch the time in the one that runs them."""
    core = tuple(config.getoption("--core"))
    config.pluginmanager.register(Order(core, config.getoption("--figures")), "lane-order")
    if config.getoption("--stop-at"):
        config.pluginmanager.register(Stopper(config.getoption("--stop-at"), core), "lane-stopper")
    if config.getoption("--lane-results") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Keeper(config.getoption("--lane-results")), "lane-keeper")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The scheduler of a lane that is given ``--dist=loadscope``."""
    if not config.getoption("--lane-results") or config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
        """Does not give the test that killed its worker to the next worker, and to the next."""

        def remove_node(self, node: Any) -> str | None:
            """The test that was running on a worker that died, or None; what was left for it goes to others."""
            workload = self.assigned_work[node]
            left = [(unit, name) for unit in workload.values() for name, done in unit.items() if not done]
            for unit, name in left[:1]:
                unit[name] = True
            # The base class hands on what is still left; the test that it names is the one after the crashed one.
            super().remove_node(node)
            return str(left[0][1]) if left else None

    return Scheduler(config, log)


class Order:
    """Sorts modules: the core, then what takes longest, so that no worker is left with it at the end."""

    def __init__(self, core: tuple[str, ...], lane: str) -> None:
        self.core = core
        self.expected = expected_from(LaneRecord(), read_figures().get(lane))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every worker sorts alike: by committed figures, not by what happened here."""
        if not self.core and self.expected.seconds is None:
            return
        seconds: dict[str, float] = {}
        for item in items:
            module = item.nodeid.partition("::")[0]
            seconds[module] = seconds.get(module, 0.0) + self.expected.weight(item.nodeid)

        def place(item: pytest.Item) -> tuple[bool, float, str]:
            module = item.nodeid.partition("::")[0]
            return not item.nodeid.startswith(self.core), -seconds[module], module

        items.sort(key=place)


class Stopper:
    """Starts no test after a time, but for the core; a test that runs goes on to its end."""

    def __init__(self, stop_at: float, core: tuple[str, ...]) -> None:
        self.stop_at = stop_at
        self.core = core
        self.stopped = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Pass over a test that comes too late: nothing is told of it, so it counts as not reached."""
        if time.time() < self.stop_at or item.nodeid.startswith(self.core):
            return None
        self.stopped = True
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Say so, from a worker to the process that keeps the results."""
        if self.stopped:
            output = getattr(session.config, "workeroutput", None)
            if output is not None:
                output[STOPPED] = STOP_REASON
            elif keeper := session.config.pluginmanager.get_plugin("lane-keeper"):
                keeper.keep({"stopped": STOP_REASON})


class Keeper:
    """Appends one line for each thing that happens to a test."""

    def __init__(self, results: str) -> None:
        self.file = os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.selected = False

    def keep(self, line: dict[str, object]) -> None:
        """Write a line, at once and whole: a process that is killed takes nothing with it."""
        os.write(self.file, json.dumps(line).encode() + b"\n")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """A worker has found the tests; all of them find the same."""
        self._select(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """This process has found the tests itself."""
        self._select([item.nodeid for item in session.items])

    def _select(self, ids: list[str]) -> None:
        if ids and not self.selected:
            self.selected = True
            self.keep({"selected": list(ids)})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test starts."""
        self.keep({"began": nodeid})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test has ended."""
        line = {"test": report.nodeid, "phase": report.when, "outcome": report.outcome}
        text = {"text": report.longreprtext} if report.failed else {}
        self.keep({**line, "seconds": round(report.duration, 4), **text})

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
        """No dots: ``tools.lanes`` shows the progress. pytest's summary lists as ever what failed or was skipped."""
        if not isinstance(report, pytest.TestReport) or hasattr(report, "wasxfail"):
            return None
        if report.failed and report.when != "call":
            return "error", "", "ERROR"
        if report.failed or report.skipped:
            return report.outcome, "", report.outcome.upper()
        return ("passed" if report.when == "call" else ""), "", ""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker has ended; say why it started no further test, where that is so."""
        stopped = getattr(node, "workeroutput", {}).get(STOPPED)
        if stopped:
            self.keep({"stopped": str(stopped)})

    def pytest_unconfigure(self) -> None:
        """Nothing more to keep."""
        os.close(self.file)
