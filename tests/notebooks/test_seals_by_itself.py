"""A notebook in a kernel, as JupyterLab runs it: its records are sealed by themselves, whatever ends the kernel."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from runbook_lib.record.folder import RecordFolder, work_file_of
from runbook_lib.record.manifest import verified_record
from tests.support.plain import ROOT

LONG = 120
"""Seconds in which a process that loads our libraries has surely sealed a record, on a busy machine too."""
NOTEBOOK = "00-start-here"
PARAMETERS = "# This is edited and not saved.\nchange_id = 'CHG1'\nrecords_dir = {records!r}\n"
OPEN = 'from runbook_lib.notebook import open_run\n\nrun = open_run(globals(), notebook="00-start-here")'
SHOWS = """\
from IPython.display import clear_output, display
print("gone with what is cleared")
clear_output()
print("first")
handle = display({"text/plain": "code 1234", "text/html": "<b>code 1234</b>"}, raw=True, display_id=True)
print("second")
handle.update({"text/plain": "signed in"}, raw=True)
"""


@dataclass
class Desk:
    """A kernel with a notebook in front of it."""

    manager: Any
    client: Any
    records: Path

    def run(self, source: str, cell: str) -> str:
        """Run a cell as JupyterLab does, which says which one it is; how it ended."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        message = self.client.session.msg(
            "execute_request", {**content, "user_expressions": {}, "stop_on_error": True}, metadata={"cellId": cell}
        )
        self.client.shell_channel.send(message)
        while True:
            reply = self.client.get_shell_msg(timeout=LONG)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return str(reply["content"]["status"])

    def open(self) -> RecordFolder:
        """Begin a run."""
        before = self.runs()
        assert self.run(OPEN, "open") == "ok"
        (new,) = self.runs() - before
        return RecordFolder(new)

    def runs(self) -> set[Path]:
        """Folders of runs."""
        return set((self.records / "CHG1").glob("2*"))

    def sealed(self, folder: RecordFolder) -> list[dict[str, Any]]:
        """Code cells of the notebook in a record, when it is sealed, with what they showed."""
        until = time.monotonic() + LONG
        while not folder.sealed or work_file_of(folder).exists():
            assert time.monotonic() < until, "nobody sealed it"
            time.sleep(0.05)
        assert verified_record(folder).problems == ()
        notebook = json.loads((folder.path / f"{NOTEBOOK}.ipynb").read_text("utf-8"))
        return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


@contextmanager
def _desk(tmp_path: Path) -> Iterator[Desk]:
    saved = tmp_path / "my notebooks" / f"{NOTEBOOK}.ipynb"
    saved.parent.mkdir()
    shutil.copy(ROOT / "notebooks" / saved.name, saved)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GWB_")}
    environment = kept | {"JPY_SESSION_NAME": str(saved), "GWB_PROJECT_ROOT": str(ROOT)}
    manager = KernelManager(kernel_name="python3", transport="ipc", connection_file=str(tmp_path / "k.json"))
    manager.ip = str(tmp_path / "k")
    manager.start_kernel(cwd=str(saved.parent), env=environment)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=LONG)
        desk = Desk(manager, client, tmp_path / "records")
        assert desk.run(PARAMETERS.format(records=str(desk.records)), "parameters") == "ok"
        yield desk
        # Windows has no signal that leaves more time than this.
        os.kill(desk.manager.provisioner.process.pid, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _texts(cell: dict[str, Any]) -> list[str]:
    """What a cell showed, in its order."""
    return [output.get("text") or output["data"]["text/plain"] for output in cell["outputs"]]


def test_runs_in_jupyterlab_are_sealed_when_they_end_and_when_their_kernel_is_killed(tmp_path: Path) -> None:
    with _desk(tmp_path) as desk:
        first = desk.open()
        assert desk.run(SHOWS, "mine") == "ok"
        assert desk.run("run.finish()", "finish") == "ok"
        cells = {cell["id"]: cell for cell in desk.sealed(first)}
        assert cells["parameters"]["source"].startswith("# This is edited and not saved.")
        assert cells["ends"]["metadata"]["gwb"]["state"] == "not-run"
        assert _texts(cells["mine"]) == ["first\n", "signed in", "second\n"]
        assert "sealed now" in str(cells["finish"]["outputs"])

        second = desk.open()
        third = desk.open()
        states = {cell["id"]: cell["metadata"]["gwb"]["state"] for cell in desk.sealed(second)}
        assert (states["parameters"], states["open"], states["finish"]) == ("ran", "ran", "not-run")
        assert not third.sealed
        if os.name == "posix":  # a service that is stopped asks all of its processes to end
            assert desk.run("import os, signal\nos.kill(run.sealing._waiting.pid, signal.SIGTERM)", "x") == "ok"
    assert [cell["execution_count"] for cell in desk.sealed(third) if cell["id"] == "open"] == [6]
