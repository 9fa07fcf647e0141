"""The two sources about Connect Sync: what the tenant says of it (Graph), and the collector's evidence of its server.

A check that asks the tenant has its answer from the server where the tenant does not tell. Where neither does, the part
of the tenant that could not be read is one finding, and the evidence that is missing is another (``connect-server``).
"""

from __future__ import annotations

from collections.abc import Callable

from runbook_lib.connect.document import CollectedDocument
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.model.text import t
from runbook_lib.preflight.assess import NothingToCheck
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CONNECT_SERVER

TOLD_BY_THE_SERVER = NothingToCheck(
    t("The tenant does not tell; the evidence of the Connect server does, and its own checks judge it.")
)


def server_of(evidence: Evidence) -> ConnectEvidence | None:
    """The server's evidence, where there is some that counts."""
    return evidence.get(CONNECT_SERVER)


def server_tells(what: Callable[[CollectedDocument], object]) -> Callable[[Evidence], bool]:
    """Whether the server's evidence tells something: ``what`` gives None where it does not."""

    def told(evidence: Evidence) -> bool:
        server = server_of(evidence)
        return server is not None and what(server.evidence) is not None

    return told


BUILD_TOLD = server_tells(lambda read: read.build)
PENDING_TOLD = server_tells(lambda read: read.pending)
V2_TOLD = server_tells(lambda read: read.features.v2 if read.features else None)
SETTINGS_TOLD = server_tells(lambda read: read.settings)
