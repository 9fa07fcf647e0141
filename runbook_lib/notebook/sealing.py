"""A run in JupyterLab is sealed by itself: after its last cell, else when its kernel ends or begins another run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

from IPython.core.getipython import get_ipython

from runbook_lib.errors import RunbookError
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import typed
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.notebook.transcript import Transcript
from runbook_lib.record.seal_at_end import seal_with_work_file, wait_for_end


class SealsByItself:
    """Sees to it that the record of one run is sealed, with what its cells showed.

    Args:
        context: Of the run.
        shell: IPython's shell in a Jupyter kernel.
        notebooks: As ``Transcript``.
        root: Folder of the project.
        over: Whether the run takes nothing more.
    """

    def __init__(
        self, context: RunContext, shell: Any, notebooks: list[Path], root: Path, over: Callable[[], bool]
    ) -> None:
        self._folder = context.record.folder
        self._root = root
        self._over = over
        self._transcript = Transcript(self._folder, shell, notebooks, context.clock, self._cell_ended)
        self._waiting: Popen[bytes] | None = None
        with suppress(OSError):
            # Without it sealing is left to a person: no reason to stop a run.
            self._waiting = wait_for_end(self._folder, root)

    def let_go(self) -> None:
        """Have it sealed in the background, now: another run begins in this kernel."""
        self._transcript.close()
        if self._waiting is not None and self._waiting.stdin is not None:
            self._waiting.stdin.close()

    def _cell_ended(self) -> None:
        if not self._over():
            return
        self._transcript.close()
        line = ProgressLine(t("Record"))
        line.show(t("being sealed"))
        try:
            digest = seal_with_work_file(self._folder, self._root)
        except RunbookError as error:
            line.show(_not_sealed(self._folder.path, error.message))
        except Exception as error:  # noqa: BLE001 - the run has ended well, and its kernel goes on
            line.show(_not_sealed(self._folder.path, t("an unexpected {name}.", name=type(error).__name__)))
        else:
            line.show(t("sealed, digest {digest}", digest=digest))
            self.let_go()


def _not_sealed(record: Path, why: Text) -> Text:
    return t("not sealed: {why} To try again: gwb seal {record}", why=why, record=typed(record))


def seal_by_itself(context: RunContext, notebook: str, root: Path, over: Callable[[], bool]) -> SealsByItself | None:
    """Have the record of a run in JupyterLab sealed by itself; None elsewhere: whoever runs it there seals it.

    Args:
        context: Of the run.
        notebook: Name of the notebook without ending.
        root: Folder of the project.
        over: Whether the run takes nothing more.
    """
    shell: Any = get_ipython()
    if not context.interactive or getattr(shell, "kernel", None) is None:
        return None
    saved = Path(context.environment.get("JPY_SESSION_NAME", ""))
    files = [saved] if saved.is_absolute() and saved.suffix == ".ipynb" else []
    return SealsByItself(context, shell, [*files, root / "notebooks" / f"{notebook}.ipynb"], root, over)
