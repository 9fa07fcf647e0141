"""`make jupyter`: start the rehearsal where it is not running, then JupyterLab on a working copy of the notebooks.

With ``GWB_PARAMETERS`` (files of one's own, as ``gwb init`` writes them) no rehearsal is started.

The copy is that of the change that the parameters name, ``work/<change id>/``: what runs leave in a notebook never
stands in the tracked files, and two changes have their own. A copy is made once; where the project's notebook has
other cells since, it is made anew and the old one stays beside it (``….old-1.ipynb``).

Usage: ``python -m tools.jupyter [arguments of jupyter lab]``. The rehearsal stays up when JupyterLab ends;
``gwb rehearsal stop`` ends it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from runbook_lib.errors import RunbookError
from runbook_lib.parameters.load import load_parameters
from runbook_lib.parameters.paths import named_files
from runbook_lib.parameters.validate import require

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "tools" / "jupyter_lab_config.json"
"""This machine only, nothing fetched (no news, no look for updates), and kernel traffic encrypted: parameters, plans
and approvals pass there, and other accounts of this machine could listen. A notebook's form may run the cells below it
(``expose_app_in_browser``)."""
SETTINGS = ROOT / "tools" / "jupyter_config"
"""JupyterLab's own settings for this session: it does not ask whether it may fetch news."""
NOTEBOOKS = ROOT / "notebooks"
NOTEBOOK = "notebooks/00-start-here.ipynb"
WORK = ROOT / "work"
PARAMETERS = "parameters/demo.yaml"


def start_rehearsal() -> int:
    """Start the rehearsal on its default ports unless it runs. Returns the exit code of ``gwb``."""
    gwb = [str(Path(sys.executable).parent / "gwb"), "rehearsal"]
    if subprocess.run([*gwb, "status"], cwd=ROOT, capture_output=True, check=False).returncode == 0:
        return 0
    return subprocess.run([*gwb, "start"], cwd=ROOT, check=False).returncode


def lab_command(arguments: Sequence[str], first: str = NOTEBOOK) -> list[str]:
    """JupyterLab on a notebook of this project, with this project's configuration."""
    root = f"--ServerApp.root_dir={ROOT}"
    return [sys.executable, "-m", "jupyterlab", f"--config={CONFIG}", root, first, *arguments]


def working_copy(notebooks: Path, work: Path, change_id: str) -> Path:
    """The folder of a change with a copy of every notebook; copies that were worked in stay as they are."""
    folder = work / change_id
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(notebooks.glob("*.ipynb")):
        copy = folder / source.name
        if copy.exists():
            if _cells(copy) == _cells(source):
                continue
            copy.rename(_free(copy))
        shutil.copyfile(source, copy)
    return folder


def _cells(notebook: Path) -> list[tuple[str, str]]:
    """Kind and text of each cell of a notebook; none where it is damaged."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return []


def _free(copy: Path) -> Path:
    names = (copy.with_suffix(f".old-{number}.ipynb") for number in count(1))
    return next(name for name in names if not name.exists())


def _change_id(named: str) -> str:
    """The change that the parameters files name."""
    parameters = load_parameters(named_files(named, ROOT), {}, project_root=ROOT).parameters
    require(parameters, "change_id")
    return parameters.change_id


def main(arguments: Sequence[str]) -> int:
    """Start both; the exit code is that of what failed first, or JupyterLab's."""
    environment = {"GWB_PARAMETERS": PARAMETERS, **os.environ}
    # Who names files has a tenant, or a rehearsal, of their own.
    code = start_rehearsal() if environment["GWB_PARAMETERS"] == PARAMETERS else 0
    if code:
        return code
    try:
        change_id = _change_id(environment["GWB_PARAMETERS"])
    except RunbookError as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return error.outcome.exit_code
    folder = working_copy(NOTEBOOKS, WORK, change_id)
    first = (folder / Path(NOTEBOOK).name).relative_to(ROOT).as_posix()
    more = environment.get("JUPYTER_CONFIG_PATH", "")
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(SETTINGS), *([more] if more else [])])
    try:
        return subprocess.run(lab_command(arguments, first), cwd=ROOT, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
