"""What a notebook's cells call."""

from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.opening import open_run
from runbook_lib.notebook.run import Run

__all__ = ["Run", "RunContext", "open_run"]
