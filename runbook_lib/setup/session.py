"""One set-up of one folder: the dialog with what it asks, the answers of an earlier time, and the files at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from runbook_lib.errors import Refused
from runbook_lib.model.text import t
from runbook_lib.setup.dialog import SetupDialog
from runbook_lib.setup.files import ANSWERS_FILE, answers_yaml, read_answers, setup_files
from runbook_lib.setup.questions import SetupStep
from runbook_lib.setup.world import SetupWorld


class SetupSession:
    """Begun for a folder, closed when nobody answers any more.

    Args:
        folder: Where the files go.
        root: What relative paths resolve against.
        steps: What is asked, in order.
        given: Parameters that were given beforehand.
        environment: Environment variables.
        clock: Now, UTC.
        resume: Whether answers of an earlier time are offered.
        sleep: Waits that many seconds.

    Raises:
        UsageError: The answers of an earlier time cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        steps: Sequence[SetupStep],
        *,
        given: Mapping[str, object],
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        resume: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        kept = folder / ANSWERS_FILE
        self._world = SetupWorld(folder, root, environment=environment, clock=clock, sleep=sleep)
        self.dialog = SetupDialog(
            steps,
            self._world,
            given=given,
            kept=read_answers(kept) if resume and kept.exists() else {},
            keep=self._keep,
        )

    def _keep(self, answers: Mapping[str, str]) -> None:
        self._world.keep(ANSWERS_FILE, answers_yaml(answers).encode("utf-8"), private=True)

    def close(self) -> None:
        """Close the connection to AD, if there is one."""
        self._world.close()

    @property
    def differing(self) -> tuple[Path, ...]:
        """Files that are there and that writing would change."""
        texts = self._texts()
        return tuple(path for path, text in texts.items() if path.exists() and path.read_bytes() != text)

    def write(self, *, replace: bool) -> tuple[Path, ...]:
        """Write both files, each whole, and return them.

        Args:
            replace: Whether somebody said that files that differ may be replaced.

        Raises:
            Refused: ``file-exists``: one differs, and nobody said so. Nothing is written.
            ServiceFailed: The folder cannot be written.
        """
        differing = self.differing
        if differing and not replace:
            raise Refused(
                t("Nothing was written: {names} is there and differs.", names=", ".join(map(str, differing))),
                code="file-exists",
                hint=t("Move it away, name another folder, or say that it is to be replaced."),
            )
        return tuple(self._world.keep(path.name, text) for path, text in self._texts().items())

    def _texts(self) -> dict[Path, bytes]:
        return {
            self._world.folder / name: text.encode("utf-8") for name, text in setup_files(self.dialog.state).items()
        }
