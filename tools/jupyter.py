"""`make jupyter`: start the rehearsal where it is not running, then JupyterLab on 00-start-here.

Usage: ``python -m tools.jupyter [arguments of jupyter lab]``. The rehearsal stays up when JupyterLab ends;
``gwb rehearsal stop`` ends it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "tools" / "jupyter_lab_config.json"
"""This machine only, nothing fetched (no news, no look for updates), and kernel traffic encrypted: parameters, plans
and approvals pass there, and other accounts of this machine could listen. A notebook's form may run the cells below it
(``expose_app_in_browser``)."""
SETTINGS = ROOT / "tools" / "jupyter_config"
"""JupyterLab's own settings for this session: it does not ask whether it may fetch news."""
NOTEBOOK = "notebooks/00-start-here.ipynb"
PARAMETERS = "parameters/demo.yaml"


def start_rehearsal() -> int:
    """Start the rehearsal on its default ports unless it runs. Returns the exit code of ``gwb``."""
    gwb = [str(Path(sys.executable).parent / "gwb"), "rehearsal"]
    if subprocess.run([*gwb, "status"], cwd=ROOT, capture_output=True, check=False).returncode == 0:
        return 0
    return subprocess.run([*gwb, "start"], cwd=ROOT, check=False).returncode


def lab_command(arguments: Sequence[str]) -> list[str]:
    """JupyterLab on the first notebook, with this project's configuration."""
    folder = f"--ServerApp.root_dir={ROOT}"
    return [sys.executable, "-m", "jupyterlab", f"--config={CONFIG}", folder, NOTEBOOK, *arguments]


def main(arguments: Sequence[str]) -> int:
    """Start both; the exit code is that of what failed first, or JupyterLab's."""
    code = start_rehearsal()
    if code:
        return code
    environment = {"GWB_PARAMETERS": PARAMETERS, **os.environ}
    more = environment.get("JUPYTER_CONFIG_PATH", "")
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(SETTINGS), *([more] if more else [])])
    try:
        return subprocess.run(lab_command(arguments), cwd=ROOT, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
