"""The collector run on a Connect Sync server from here, where that is allowed: the same script, the same file back.

Never needed: whoever may not use PowerShell remoting runs the collector by hand.
"""

from __future__ import annotations

import base64
import binascii
from importlib import resources
from pathlib import Path

from runbook_lib.connect.evidence import LARGEST_EVIDENCE, ConnectEvidence, collector_script, evidence_in
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.text import Text, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.winrm import RemoteShell


def collect_remotely(shell: RemoteShell) -> ConnectEvidence:
    """Run the collector, and read what it wrote as strictly as a file that somebody brings.

    Raises:
        NoAccess, ServiceFailed: As ``RemoteShell.run``; ``connect-collector-failed``: it ended without a file.
        UsageError: As ``evidence_in``.
    """
    script = resources.files("runbook_lib.connect").joinpath("collect-remotely.ps1").read_text(encoding="utf-8")
    answer = shell.run(script, {"Collector": base64.b64encode(collector_script()).decode("ascii")})
    if answer.errors or len(answer.output) != 1:
        said = first_of([printable(one, limit=500) for one in answer.errors], 3, " ")
        raise _failed(shell, said or t("it handed back {count} texts instead of one", count=len(answer.output)))
    # Four characters stand for three bytes.
    if len(answer.output[0]) > LARGEST_EVIDENCE // 3 * 4 + 4:
        raise _failed(shell, t("its file has more than {largest:,} bytes", largest=LARGEST_EVIDENCE))
    try:
        data = base64.b64decode(answer.output[0], validate=True)
    except (binascii.Error, ValueError):
        raise _failed(shell, t("what it handed back is not its file")) from None
    return evidence_in(data, Path(printable(shell.server, limit=120)))


def _failed(shell: RemoteShell, why: Text) -> ServiceFailed:
    return ServiceFailed(
        t("The collector did not end well on {server}: {why}", server=printable(shell.server, limit=120), why=why),
        code="connect-collector-failed",
        hint=t("Run it by hand on the server (gwb connect collector), as a member of ADSyncAdmins."),
        values={"server": shell.server},
    )
