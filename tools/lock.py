"""Write the locks anew from pyproject.toml: ``tools/lock.py UV [--upgrade]``.

requirements.lock and requirements-dev.lock hold everything; the extras [kerberos], with what it is built with, and
[winrm] have small ones that are installed on top; Airflow, which has an environment of its own, has one by itself. All
are universal (every supported Python and platform in one file) and name neither an index nor an address: pip asks
whatever the machine is set up to ask. The build back end is locked with the rest, so that the project itself installs
without build isolation.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--quiet")
WHOLE = ("pyproject.toml", "--group", "build")


def compile_lock(uv: str, lock: str, *more: str, given: str = "") -> None:
    """Write one lock, keeping pins that still satisfy pyproject.toml unless told to upgrade.

    ``given`` are requirements in place of a file, for the source named ``-``.
    """
    command = [uv, "pip", "compile", *SHARED, "--custom-compile-command", "make lock", "--output-file", lock, *more]
    subprocess.run(command, cwd=ROOT, check=True, input=given, text=True, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> int:
    """Compile the locks; all are held to the versions of the first."""
    uv, *more = arguments
    compile_lock(uv, "requirements.lock", *WHOLE, *more)
    held = ("--constraint", "requirements.lock")
    compile_lock(uv, "requirements-dev.lock", *WHOLE, "--group", "dev", *held, *more)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for extra, needs in project["project"]["optional-dependencies"].items():
        compile_lock(uv, f"requirements-{extra}.lock", "-", *held, *more, given="\n".join(needs))
    build = "\n".join(project["dependency-groups"]["kerberos-build"])
    compile_lock(uv, "requirements-kerberos-build.lock", "-", *held, *more, given=build)
    # Airflow shares no environment with the product, so no version of its has to be ours.
    engine = "\n".join(project["dependency-groups"]["airflow"])
    compile_lock(uv, "requirements-airflow.lock", "-", *more, given=engine)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
