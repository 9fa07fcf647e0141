"""The kernel's client: runs the cells, keeps their statuses true, and never leaves a kernel behind."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import Coroutine
from typing import Any

from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import ValidationError, from_dict
from papermill.clientwrap import PapermillNotebookClient

from runbook_lib.model.text import t, verbatim
from runbook_lib.record.cells import meaning_in
from runbook_lib.runner.kernel.execution import CellError, CellStep, Execution, KernelEnd
from runbook_lib.shown.pace import progress_in
from runbook_lib.shown.sign_in import notice_in

_START_TIMEOUT = 120
"""Seconds for a kernel to answer: a cold disk and a virus scanner are slow, a hung kernel must still be noticed."""
_OUTPUT_TIMEOUT = 120
"""Seconds that what a cell showed may arrive after the kernel's answer: nbclient's 4 ended runs on a busy machine, also
after their writes. A kernel that dies meanwhile is noticed within a second, so patience costs nothing."""
_IDLE_SHUTDOWN = 2.0
"""Seconds that a kernel with nothing left to do has for its end; half of them politely, then it is terminated."""
_SETTLING = 0.2
"""Seconds between a kernel's word that it runs a cell and the cell's own code."""
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def kernel_command() -> list[str]:
    """Command line of the kernel, with jupyter_client's placeholder for the connection file."""
    return [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class RunClient(PapermillNotebookClient):  # type: ignore[misc]
    """Runs one notebook in one kernel. ``execution`` receives the report."""

    def __init__(self, manager: Any, kernel: Any, execution: Execution, **options: Any) -> None:
        super().__init__(
            manager,
            km=kernel,
            startup_timeout=_START_TIMEOUT,
            timeout=None,
            iopub_timeout=_OUTPUT_TIMEOUT,
            **options,
        )
        self.owns_km = True
        self._execution = execution
        self._task: asyncio.Task[Any] | None = None
        self._stopping: KernelEnd | None = None
        self._cells_running = False
        self._idle = False
        self._cleaning = False
        self._patience: asyncio.TimerHandle | None = None
        self._requests: list[asyncio.Task[None]] = []
        self._input_seen = False
        self._interrupt_lost = False

    async def run(self) -> None:
        """Start the kernel, run every cell, end the kernel.

        Errors of cells, a kernel's death, the time limit and interruptions are reported, not raised.
        """
        self._task = asyncio.current_task()
        self.reset_execution_trackers()
        limit = self._limit_timer()
        try:
            await self._start()
            self._cells_running = True
            await self._run_cells()
            self._idle = True
        except asyncio.CancelledError:
            if self._stopping is None:
                raise
            self._execution.end = self._stopping
        finally:
            if limit is not None:
                limit.cancel()
            self._cleaning = True
            await self._end_kernel()

    def stop(self) -> None:
        """Asked from outside: interrupt the kernel, and end it if it does not end by itself in time."""
        self._execution.stop_asked = True
        if self._cleaning or self._stopping is not None:
            self._kill()
            return
        self._stop(KernelEnd.INTERRUPTED)

    def _stop(self, why: KernelEnd) -> None:
        if self._cleaning or self._stopping is not None:
            return
        self._stopping = why
        if not self._cells_running:
            self._cancel()
            return
        # A cell that catches the interrupt can still close its journal; nbclient then sees an ordinary error.
        self._interrupt_lost = not self._input_seen
        self._interrupt()
        self._patience = asyncio.get_running_loop().call_later(self._execution.grace, self._cancel)

    def _interrupt(self) -> None:
        self._request(self.km.interrupt_kernel())

    def _limit_timer(self) -> asyncio.TimerHandle | None:
        if self._execution.time_limit is None:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_later(self._execution.time_limit, self._stop, KernelEnd.TIME_LIMIT)

    def _cancel(self) -> None:
        if self._task is not None and not self._cleaning:
            self.shutdown_kernel = "immediate"
            self._task.cancel()

    def _kill(self) -> None:
        """End the kernel's process at once."""
        if self.km is not None and self.km.has_kernel:
            self._request(self.km.provisioner.kill())

    def _request(self, wanted: Coroutine[Any, Any, None]) -> None:
        """Do something to the kernel's process in the background; it may be gone already."""

        async def tried() -> None:
            with contextlib.suppress(RuntimeError, OSError):
                await wanted

        self._requests.append(asyncio.get_running_loop().create_task(tried()))

    async def _start(self) -> None:
        execution = self._execution
        with (execution.scratch / "kernel.log").open("wb") as log:
            await self.async_start_new_kernel(
                env=dict(execution.environment), cwd=str(execution.folder), stdout=log, stderr=log
            )
        await self.async_start_new_kernel_client()

    async def _run_cells(self) -> None:
        steps = iter(_steps(self.nb.cells))
        for index, cell in enumerate(self.nb.cells):
            if self._stopping is not None:
                self._execution.end = self._stopping
                return
            if cell.cell_type == "code":
                step = next(steps)
                self._execution.steps.append(step)
                if self._execution.progress is not None:
                    self._execution.progress(step)
            if not await self._run_cell(cell, index):
                return
        self._execution.end = KernelEnd.COMPLETED

    async def _run_cell(self, cell: Any, index: int) -> bool:
        """Run one cell; False ends the run, and ``execution`` then says why."""
        self.nb_man.cell_start(cell, index)
        self._input_seen = False
        try:
            await self.async_execute_cell(cell, index)
        except CellExecutionError:
            self._failed(cell, index)
            self._execution.error = _cell_error(cell, index)
            polite = self._execution.error is None
            self._execution.end = self._stopping or (KernelEnd.COMPLETED if polite else KernelEnd.CELL_ERROR)
            return False
        except DeadKernelError:
            self._failed(cell, index)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # nbclient takes every cancellation for a dead kernel.
                raise asyncio.CancelledError from None
            self._execution.end = self._stopping or KernelEnd.DIED
            self._execution.kernel_exit_code = await self.km.provisioner.poll()
            return False
        except BaseException:
            self._failed(cell, index)
            raise
        self.nb_man.cell_complete(cell, cell_index=index)
        return True

    def process_message(self, *arguments: Any, **options: Any) -> Any:
        """Take in one message of the kernel; a display that nbformat's schema refuses becomes a line of text.

        The cell that sent it may have written to the directory already: a bad display is no reason to stop.
        """
        if arguments[0]["msg_type"] == "execute_input":
            self._input_seen = True
            if self._interrupt_lost:
                # An idle kernel ignores interrupts, and this cell was under way to it when ours came.
                self._interrupt_lost = False
                asyncio.get_running_loop().call_later(_SETTLING, self._interrupt)
        if self._execution.detail is not None and (detail := progress_in(arguments[0])):
            self._execution.detail(verbatim(detail))
        notice = notice_in(arguments[0])
        if notice is not None:
            if self._execution.notice is not None:
                self._execution.notice(verbatim(notice))
            return None
        try:
            return super().process_message(*arguments, **options)
        except ValidationError:
            message, cell = arguments[0], arguments[1]
            kinds = ", ".join(map(str, message["content"].get("data", {}))) or message["msg_type"]
            text = t("An output of this cell could not be kept ({kinds}).\n", kinds=kinds)
            cell.outputs.append(from_dict({"output_type": "stream", "name": "stderr", "text": text}))  # type: ignore[no-untyped-call]
            return None

    def _failed(self, cell: Any, index: int) -> None:
        self.nb_man.cell_exception(cell, cell_index=index)
        self.nb_man.cell_complete(cell, cell_index=index)

    async def _end_kernel(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self.km is not None:
            if self._idle:
                # No cell is under way, an interrupted one included, and everything is on disk: the grace was for the
                # cell, and a kernel that now and then does not answer is not waited for.
                self.km.shutdown_wait_time = _IDLE_SHUTDOWN
            await self._async_cleanup_kernel()
        await asyncio.gather(*self._requests)


def _steps(cells: list[Any]) -> list[CellStep]:
    """One step for each code cell."""
    total = sum(cell.cell_type == "code" for cell in cells)
    steps: list[CellStep] = []
    heading = ""
    for cell in cells:
        if cell.cell_type == "markdown":
            found = _HEADING.findall(cell.source)
            heading = str(found[-1]) if found else heading
        elif cell.cell_type == "code":
            steps.append(CellStep(len(steps) + 1, total, heading))
    return steps


def _cell_error(cell: Any, index: int) -> CellError | None:
    """The cell's error output, or None for a ``SystemExit`` without an error, which is a polite stop."""
    output = next((out for out in reversed(cell.outputs) if out.output_type == "error"), None)
    if output is None:
        return CellError(index, "", "")
    if output.ename == "SystemExit" and output.evalue in ("", "0", "None"):
        return None
    mark = meaning_in(cell.outputs)
    outcome, message, hint = (verbatim(str(mark.get(name, ""))) for name in ("outcome", "message", "hint"))
    return CellError(index, str(output.ename), str(output.evalue), outcome, message, hint)
