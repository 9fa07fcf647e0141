"""papermill's engine as a change record needs it.

papermill's own engine calls cells completed that never ran (papermill 2.7, ``notebook_complete``), stops saving at an
output that nbformat's schema refuses, leaves a kernel behind when its own process is interrupted at the wrong moment,
and talks to the kernel over plain TCP. This one keeps every status true, saves without judging, always ends the
kernel, and encrypts the traffic (CurveZMQ).
"""

from __future__ import annotations

import json
import logging
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

from runbook_lib.files import RUN_MIME, new_file
from runbook_lib.runner.kernel.client import RunClient, kernel_command
from runbook_lib.runner.kernel.execution import Execution
from runbook_lib.runner.kernel.signals import run_interruptible

ENGINE = "gwb"
_log = logging.getLogger("runbook_lib.runner.kernel.engine")
_log.addHandler(logging.NullHandler())
_log.propagate = False


class OwnKernelManager(AsyncKernelManager):
    """Starts this very Python, whatever kernel specifications the machine has, with encrypted transport."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The one specification; ``python3`` in a user's own folder could name another interpreter."""
        if self._kernel_spec is None:
            self._kernel_spec = KernelSpec(
                argv=kernel_command(),
                display_name="Python 3",
                language="python",
                metadata={"supported_encryption": ["curve"]},
            )
        return self._kernel_spec


class TruthfulManager(NotebookExecutionManager):  # type: ignore[misc]
    """Execution state whose file says ``completed`` only of cells that completed."""

    def __init__(self, nb: Any, execution: Execution) -> None:
        super().__init__(nb, output_path=None, log_output=False, progress_bar=False, autosave_cell_every=30)
        self._execution = execution
        # A kernel that dies before its first output leaves no other sign of its run.
        nb.metadata[RUN_MIME] = dict(execution.mark)

    def save(self, **_: object) -> None:
        """Write the work file and then take the place of the older one, so that a kill leaves one of the two.

        Nothing is validated: an output that nbformat refuses must not stop a run in the middle of its writes. Nor must
        a full disk: what was written to AD is the journal's to say, and it stops the run when it cannot.
        """
        work_file = self._execution.work_file
        temporary = work_file.with_suffix(".saving")
        try:
            with open(temporary, "w", encoding="utf-8", opener=new_file) as stream:
                stream.write(json.dumps(self.nb, ensure_ascii=True, indent=1))
            temporary.replace(work_file)
        except OSError as error:
            self._execution.unsaved = error.strerror or type(error).__name__
        else:
            self._execution.unsaved = ""
        self.last_save_time = self.now()

    def notebook_complete(self, **_: object) -> None:
        """Close the notebook's times; a cell that is still pending stays pending."""
        self.end_time = self.now()
        self.nb.metadata.papermill["end_time"] = self.end_time.isoformat()
        self.nb.metadata.papermill["duration"] = (self.end_time - self.start_time).total_seconds()
        self.save()


class RunEngine(NBClientEngine):  # type: ignore[misc]
    """The engine, registered with papermill as ``gwb``."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, *, execution: Execution, **_: object) -> Any:
        """Execute and return ``nb``; ``execution`` receives how it ended. Cell errors are not raised here."""
        manager = TruthfulManager(nb, execution)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, execution=execution)
        finally:
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: NotebookExecutionManager, kernel_name: str, *, execution: Execution, **_: object
    ) -> None:
        """Run the cells in one kernel that has ended when this returns."""
        kernel = OwnKernelManager(
            kernel_name=kernel_name,
            connection_file=str(execution.scratch / "connection.json"),
            transport_encryption="required",
            shutdown_wait_time=execution.grace,
            log=_log,
        )
        client = RunClient(nb_man, kernel, execution, log=_log)
        run_interruptible(client.run, client.stop)


def register() -> None:
    """Make the engine known to papermill; registering twice is harmless."""
    papermill_engines.register(ENGINE, RunEngine)
    logging.getLogger("papermill").addFilter(_known_here)


def _known_here(entry: logging.LogRecord) -> bool:
    """Drop papermill's warning about a parameter that the notebook's cell does not show: every name was checked."""
    return not str(entry.msg).startswith("Passed unknown parameter")
