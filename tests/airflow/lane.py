"""The lane airflow: sets up Airflow in an environment of its own from its lock, then runs tests/airflow.

The environment is ``build/airflow-venv``; an unchanged lock installs nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.bootstrap import SetupError, fingerprint, interpreter_of, pip_install, run_steps, venv_python

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "airflow-venv"
LOCK = "requirements-airflow.lock"


def set_up() -> None:
    """Make the environment where it is not there or its lock has changed.

    Raises:
        SetupError: pip failed.
    """
    stamp = VENV / f".{LOCK}.stamp"
    interpreter = interpreter_of(VENV)
    if interpreter and stamp.is_file() and stamp.read_text() == fingerprint(ROOT, LOCK, interpreter):
        return
    sys.stdout.write("Setting up Airflow (a minute or two, once for each lock).\n")
    steps = [([sys.executable, "-m", "venv", "--clear", str(VENV)], "Making the environment")]
    # The lock names everything: nothing is left to be looked for. What is never imported is never compiled.
    install = [*pip_install(venv_python(VENV)), "--no-deps", "--no-compile", "--require-hashes", "-r", LOCK]
    run_steps([*steps, (install, "Installing Airflow")])
    stamp.write_text(fingerprint(ROOT, LOCK, interpreter_of(VENV)))


def main(arguments: Sequence[str]) -> int:
    """Set up, then pytest with these arguments; exit code 1 and one line where the set-up fails."""
    try:
        set_up()
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests/airflow", *arguments], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
