"""python-ldap, whatever Python here has it, reading what the product reads: what AD readings are measured beside."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook_lib.directory.sign_in.connect import open_directory
from runbook_lib.directory.snapshot import read_directory
from runbook_lib.parameters.model import Parameters

NOT_HERE = "no Python here has python-ldap (Debian: python3-ldap)"
_READER = Path(__file__).with_name("python_ldap_reader.py")


@dataclass(frozen=True)
class Reader:
    """Reads in a process of its own.

    Attributes:
        beside: What it is, for the table.
        python: The Python that has python-ldap.
        told: What its process is told, as JSON.
    """

    beside: str
    python: str
    told: str

    def read(self) -> int:
        """Read once; the number of requests."""
        done = subprocess.run([self.python, str(_READER)], input=self.told, capture_output=True, text=True, check=True)
        return int(done.stdout.split()[1])


def reader_of(url: str, told: Parameters, password: str) -> Reader | None:
    """A reader of the searches that the product sends with these parameters; None where no Python has python-ldap.

    Args:
        url: Of the controller. Not with localhost: libldap would compare the certificate with another name of this
            machine.
        told: The product's parameters.
        password: Of the account in them.
    """
    python = _python_with_ldap()
    if python is None:
        return None
    version = subprocess.run(
        [python, "-c", "import ldap; print(ldap.__version__)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    task = {
        "url": url,
        "ca_file": told.dc_ca_file,
        "user": told.bind_user,
        "password": password,
        "page": 1000,
        "searches": _searches(told),
    }
    beside = f"python-ldap {version}, the same searches, values as bytes, its own process"
    return Reader(beside, python, json.dumps(task))


def _searches(told: Parameters) -> list[list[object]]:
    """The paged searches of a reading, as they are sent; those below containers that may not be there left out."""
    found: list[list[object]] = []
    with open_directory(told, environment={}, clock=lambda: datetime.now(UTC)) as directory:
        collect = directory.collect

        def noting(base: str, filter_: Any, attributes: Any, *more: Any, **named: Any) -> Any:
            if not named.get("show_deleted"):
                found.append([base, str(filter_), list(attributes)])
            return collect(base, filter_, attributes, *more, **named)

        directory.collect = noting  # type: ignore[method-assign]
        read_directory(directory, told.target_ou, told.retired_ou, clock=lambda: datetime.now(UTC))
    return found


def _python_with_ldap() -> str | None:
    for python in (sys.executable, "/usr/bin/python3"):
        if (
            Path(python).is_file()
            and subprocess.run([python, "-c", "import ldap"], capture_output=True).returncode == 0
        ):
            return python
    return None
