"""Set up ``.venv`` inside the project from the hash-pinned locks. Nothing global, no rights needed.

Usage: ``python3 tools/bootstrap.py [--dev]`` (Windows: ``py tools\\bootstrap.py``). Run it with the Python that the
environment shall have. A second run with unchanged locks installs nothing.

This file keeps to what Python 3.7 can read: it is the one that tells an old interpreter that it is too old.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
NEWEST = (3, 15)
LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
KERBEROS_LOCK = "requirements-kerberos.lock"
KERBEROS_BUILD_LOCK = "requirements-kerberos-build.lock"


class SetupError(Exception):
    """Something on this machine that a person has to change, in one line."""


def check_python(version: tuple[int, ...], *, has_venv: bool) -> None:
    """Raise SetupError if an interpreter of this ``version`` cannot carry the project."""
    shown = ".".join(str(part) for part in version[:2])
    if not OLDEST <= version[:2] <= NEWEST:
        raise SetupError(
            f"Python {shown} is not supported: install Python 3.{OLDEST[1]} to 3.{NEWEST[1]} and name it, "
            "for example: make demo PYTHON=python3.11"
        )
    if not has_venv:
        raise SetupError(
            "This Python cannot make virtual environments: on Debian and Ubuntu run: "
            f"sudo apt install python{shown}-venv"
        )


def has_venv() -> bool:
    """Whether the running interpreter can make virtual environments (Debian ships that apart)."""
    return all(importlib.util.find_spec(name) for name in ("ensurepip", "venv"))


def venv_python(venv: Path) -> Path:
    """The interpreter inside a virtual environment of this platform."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def interpreter_of(venv: Path) -> str:
    """Version and machine of the environment's interpreter, or an empty text where it cannot be started."""
    asked = "import platform; print(platform.python_version(), platform.machine())"
    try:
        done = subprocess.run([str(venv_python(venv)), "-c", asked], capture_output=True, check=False)
    except OSError:
        return ""
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def fingerprint(root: Path, lock: str, interpreter: str) -> str:
    """What an installation depends on: lock, project file, interpreter, and where the project lies."""
    told = hashlib.sha256()
    for path in (root / lock, root / "pyproject.toml"):
        told.update(path.read_bytes())
    told.update(interpreter.encode())
    told.update(str(root).encode())
    return told.hexdigest()


def is_current(root: Path, venv: Path, lock: str, interpreter: str) -> bool:
    """Whether the environment already holds ``lock``: the dev lock holds all of the plain one, at the same versions."""
    for name in (DEV_LOCK,) if lock == DEV_LOCK else (LOCK, DEV_LOCK):
        stamp = venv / f".{name}.stamp"
        if interpreter and stamp.is_file() and stamp.read_text() == fingerprint(root, name, interpreter):
            return True
    return False


def run(arguments: list[str], what: str) -> None:
    """Run one command, showing what it says only if it fails: then all of it, and the failure is a SetupError."""
    done = subprocess.run(arguments, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode("utf-8", errors="replace"))
        raise SetupError(f"{what} failed; the lines above say why.")


def run_steps(steps: list[tuple[list[str], str]]) -> None:
    """Run commands one after the other, saying which one of how many is at work."""
    for number, (arguments, what) in enumerate(steps, start=1):
        print(f"  step {number} of {len(steps)}: {what[0].lower()}{what[1:]} ...", flush=True)
        run(arguments, what)


def pip_install(python: Path) -> list[str]:
    """The beginning of every installation."""
    return [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]


def add_kerberos(python: Path) -> None:
    """Install the extra [kerberos] beside what is there, unless it is: all pinned, what it is built with as well.

    On Linux gssapi is built here: that takes a C compiler and the headers of Kerberos (Debian: gcc, libkrb5-dev).
    """
    name = "winkerberos" if os.name == "nt" else "gssapi"
    if subprocess.run([str(python), "-c", "import " + name], capture_output=True, check=False).returncode == 0:
        return
    pip = pip_install(python)
    hashed = [*pip, "--require-hashes"]
    print("Adding the extra for Kerberos (about a minute, once).", flush=True)
    run_steps(
        [
            ([*hashed, "-r", KERBEROS_BUILD_LOCK], "Installing " + KERBEROS_BUILD_LOCK),
            ([*hashed, "--no-build-isolation", "-r", KERBEROS_LOCK], "Installing " + KERBEROS_LOCK),
        ]
    )


def _try_lock(number: int) -> bool:
    """Lock an open file for this process alone; False where another has it. The system lets go of it at its end."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def alone(venv: Path, pause: float = 0.5) -> Iterator[None]:
    """While the block runs no other set-up works on this environment: a second one says so and waits."""
    with (venv.parent / (venv.name + ".lock")).open("ab") as file:
        said = False
        while not _try_lock(file.fileno()):
            if not said:
                print(f"Another set-up of {venv} is at work; waiting until it is done ...", flush=True)
                said = True
            time.sleep(pause)
        yield


def set_up(venv: Path, lock: str) -> bool:
    """Bring the environment in step with ``lock``. Returns whether anything was installed."""
    if is_current(ROOT, venv, lock, interpreter_of(venv)):
        return False
    with alone(venv):
        return _set_up(venv, lock)


def _set_up(venv: Path, lock: str) -> bool:
    interpreter = interpreter_of(venv)
    if is_current(ROOT, venv, lock, interpreter):  # another set-up was waited for, and did it
        return False
    print(f"Setting up {venv} from {lock} (about a minute, once).", flush=True)
    steps = []
    if not interpreter:
        check_python(sys.version_info[:3], has_venv=has_venv())
        steps.append(([sys.executable, "-m", "venv", "--clear", str(venv)], "Making the virtual environment"))
    for name in (LOCK, DEV_LOCK):
        stamp = venv / f".{name}.stamp"
        if stamp.exists():
            stamp.unlink()
    pip = pip_install(venv_python(venv))
    steps.append(([*pip, "--require-hashes", "-r", lock], f"Installing {lock}"))
    steps.append(([*pip, "--no-build-isolation", "--no-deps", "-e", "."], "Installing the project"))
    run_steps(steps)
    (venv / f".{lock}.stamp").write_text(fingerprint(ROOT, lock, interpreter_of(venv)))
    return True


def main(arguments: list[str]) -> int:
    """Set up the environment; exit code 1 and one line if this machine lacks something."""
    parser = argparse.ArgumentParser(description="Set up .venv inside the project from the hash-pinned lock.")
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    parser.add_argument("--kerberos", action="store_true", help="with the extra for signing in by Kerberos")
    options = parser.parse_args(arguments)
    try:
        set_up(ROOT / ".venv", DEV_LOCK if options.dev else LOCK)
        if options.kerberos:
            with alone(ROOT / ".venv"):
                add_kerberos(venv_python(ROOT / ".venv"))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
