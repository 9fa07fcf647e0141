"""Write requirements.lock and requirements-dev.lock anew from pyproject.toml: ``tools/lock.py UV [--upgrade]``.

Both are universal (every supported Python and platform in one file) and name neither an index nor an address: pip asks
whatever the machine is set up to ask. The build back end is locked with the rest, so that the project itself installs
without build isolation.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = (
    *("pip", "compile", "pyproject.toml", "--group", "build", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--quiet"),
)


def compile_lock(uv: str, lock: str, *more: str) -> None:
    """Write one lock, keeping pins that still satisfy pyproject.toml unless told to upgrade."""
    command = [uv, *SHARED, "--custom-compile-command", "make lock", "--output-file", lock, *more]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> int:
    """Compile both locks; the second is held to the versions of the first."""
    uv, *more = arguments
    compile_lock(uv, "requirements.lock", *more)
    compile_lock(uv, "requirements-dev.lock", "--group", "dev", "--constraint", "requirements.lock", *more)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
