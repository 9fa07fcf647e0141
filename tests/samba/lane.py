"""The lane samba, run by ``tools.lanes`` inside a network, a process and a mount namespace of its own.

Brings the loopback interface up, hides the machine's own Samba state behind a file system in memory, starts the lab and
hands it to pytest. Everything ends with the namespace.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rehearsal.certificates import write_private
from rehearsal.samba import controller
from tests.samba.lab import TREE, SambaLab, running_lab

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "samba-lab"
LAB_VARIABLE = "GWB_SAMBA_LAB"
"""JSON file that describes the running lab, for tests/samba."""
CONTRACT_VARIABLE = "GWB_CONTRACT_SAMBA"
"""The same for the contract tests of the directory."""


def environment(lab: SambaLab) -> dict[str, str]:
    """This process's environment, with the lab's description for the tests."""
    described = TREE / "lab.json"
    write_private(described, lab.as_json().encode())
    # No ticket of whoever runs the lane, and no realm but the lab's.
    kerberos = {"KRB5_CONFIG": lab.krb5_conf, "KRB5CCNAME": f"FILE:{TREE}/no-ticket", "KRB5RCACHENAME": "none:"}
    return {**os.environ, **kerberos, LAB_VARIABLE: str(described), CONTRACT_VARIABLE: str(described)}


def main(arguments: Sequence[str]) -> int:
    """Run tests/samba and the contract of a directory against the lab; ``arguments`` go to pytest."""
    controller.prepare_namespaces()
    begun = time.monotonic()
    with running_lab(None if os.environ.get("CI") else CACHE) as lab:
        sys.stdout.write(f"Samba AD DC ready after {time.monotonic() - begun:.1f} s\n")
        sys.stdout.flush()
        contract = sorted(str(path) for path in (ROOT / "tests" / "contract").glob("test_directory_*.py"))
        command = [sys.executable, "-m", "pytest", "tests/samba", *contract]
        command += ["-m", "not browser", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment(lab), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
