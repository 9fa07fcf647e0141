"""Starting ``gwb`` in the product's environment and reading what it answers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

_NOT_FOR_THE_PRODUCT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""What leads to Airflow's packages; the product has its own."""
_NO_RUN_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_RUN_NAME = 80
"""Characters of a folder's name, as the product has it."""


class GwbFailed(Exception):  # noqa: N818 - it tells what gwb said
    """``gwb`` did not answer as asked: its last words are the message."""


def product_environment() -> dict[str, str]:
    """This process's environment without what leads to Airflow's packages."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_PRODUCT}


def run_name(airflow_run: str) -> str:
    """The name of a fleet's run from Airflow's, which holds characters that no folder may have."""
    return _NO_RUN_NAME.sub("-", airflow_run).strip("-.")[:_LONGEST_RUN_NAME].rstrip(".") or "run"


def answer_of(
    words: list[str], *, begun: Callable[[subprocess.Popen[str]], None] = lambda _: None
) -> Mapping[str, Any]:
    """What ``gwb`` prints as JSON, whatever its exit code.

    Args:
        words: Command line.
        begun: Given the process, so that it can be asked to end.

    Raises:
        GwbFailed: It cannot be started, or printed no JSON.
    """
    try:
        process = subprocess.Popen(
            words,
            env=product_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise GwbFailed(f"{words[0]} cannot be started: {error.strerror}") from None
    begun(process)
    printed, said = process.communicate()
    try:
        found = json.loads(printed)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise GwbFailed(f"exit code {process.returncode}: {said.strip()[-2_000:] or 'it said nothing'}")
    return found


def ask_to_end(process: subprocess.Popen[str] | None) -> None:
    """As Ctrl-C: runs close their journals and seal their records."""
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGINT)
