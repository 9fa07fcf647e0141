"""Run a notebook's code cells in a plain Python process: the same calls, without Jupyter around them.

``python -m tests.support.plain NOTEBOOK PARAMETERS [NAME VALUE]…`` exits with the outcome's code. With ``--nursery`` it
reads such lists of words from standard input instead, one JSON list a line, and forks a child for each: importing
everything takes longer than most runs. It answers with the child's process id; the next line, whatever it is, has the
child killed, and the answer to it comes when the child is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runbook_lib.errors import RunbookError
from runbook_lib.notebook.run import Run
from runbook_lib.parameters.load import load_parameters

ROOT = Path(__file__).parents[2]


def run_plain(notebook: str, parameters: Path, given: Mapping[str, str]) -> Run:
    """Execute every code cell in order.

    Raises:
        RunbookError, KeyboardInterrupt: What a cell raised; the verdict is in the record, as a kernel's hook writes it.
    """
    loaded = load_parameters([parameters], given, project_root=ROOT)
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        try:
            exec(compile("".join(cell["source"]), f"{notebook}:{cell['id']}", "exec"), names)  # noqa: S102
        except (RunbookError, KeyboardInterrupt) as error:
            if isinstance(run := names.get("run"), Run):
                run.ended_with(error)
            raise
        if "parameters" in cell["metadata"].get("tags", ()):
            names |= loaded.given
    run = names["run"]
    if not isinstance(run, Run):
        raise TypeError("the notebook opened no run")
    return run


def chosen(notebook: str, names: Sequence[str]) -> dict[str, str]:
    """The parameter that names these groups to this notebook."""
    purpose = "disable" if notebook.startswith("40") else "select"
    return {f"{purpose}_names": json.dumps(list(names))}


def main(words: Sequence[str]) -> int:
    """The command line."""
    notebook, parameters, *rest = words
    try:
        run = run_plain(notebook, Path(parameters), dict(zip(rest[::2], rest[1::2], strict=True)))
    except RunbookError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return error.outcome.exit_code
    outcome = run.record.outcome
    return outcome.exit_code if outcome else 70


def nursery() -> None:
    """Fork a child for each line, and kill it at the next."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(main(json.loads(line)))
        print(child, flush=True)  # noqa: T201 - the answer
        sys.stdin.readline()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("gone", flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    if sys.argv[1:] == ["--nursery"]:
        nursery()
    else:
        sys.exit(main(sys.argv[1:]))
