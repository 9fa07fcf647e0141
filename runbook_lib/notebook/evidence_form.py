"""The upload field for what the collector wrote on the Connect server: read as strictly as a file that is named.

A field offers, and nothing waits for it: *Run All* goes on without. What it takes is kept in the record before it
counts, under the name that the record gives it, and what became of it is said in a static line, because widgets are
missing from a record. Names and sizes that a browser tells are believed no further than to be shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib.connect.evidence import ConnectEvidence, evidence_in, require_recent
from runbook_lib.errors import RunbookError
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.text import Text, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.front_end import TextLine

LARGEST_UPLOAD = 8 * 1024 * 1024
"""Bytes: a file of a large server with 40 runs has about 200,000. A larger one is named in connect_evidence."""


class EvidenceForm:
    """One field for one run.

    Args:
        keep: Keeps evidence that counts, lets the run use it from now on, and says where it is kept.
        preconditions: Raises a ``RunbookError`` where this run takes nothing any more.
        limit: How old evidence may be.
        clock: Gives the present time, UTC.
        line: Says what became of a file.
        again: Which cells go by a file that was taken, as a sentence that says to run them.
    """

    def __init__(
        self,
        *,
        keep: Callable[[ConnectEvidence], Path],
        preconditions: Callable[[], None],
        limit: timedelta,
        clock: Callable[[], datetime],
        line: TextLine,
        again: Text,
    ) -> None:
        import ipywidgets

        self._keep = keep
        self._preconditions = preconditions
        self._limit = limit
        self._clock = clock
        self._line = line
        self._again = again
        self._taking = threading.Lock()
        self.upload: Any = ipywidgets.FileUpload(
            accept=".json", multiple=False, description=t("The collector's file"), layout={"width": "16em"}
        )
        self.upload.observe(self._chosen, names="value")
        line.show(t("No file yet. Without one the notebook goes by connect_evidence and by what the tenant shows."))

    def close(self) -> None:
        """Take nothing any more; a later field takes this one's place."""
        self.upload.disabled = True

    def _chosen(self, change: Any) -> None:
        files = change["new"]
        # The field is emptied below, which is a change too; two that come at once are one.
        if not files or self.upload.disabled or not self._taking.acquire(blocking=False):
            return
        try:
            self._take(files[0])
        finally:
            # The same file can be chosen again after it was corrected.
            self.upload.value = ()
            self._taking.release()

    def _take(self, file: Mapping[str, Any]) -> None:
        name = printable(str(file.get("name") or ""), limit=120)
        content = file["content"]
        size = max(len(content), int(file.get("size") or 0))
        if size > LARGEST_UPLOAD:
            self._line.show(
                t(
                    "Not taken: {name} has {size:,} bytes; the field takes {largest:,}. Name the file in the parameter "
                    "connect_evidence instead.",
                    name=name,
                    size=size,
                    largest=LARGEST_UPLOAD,
                )
            )
            return
        try:
            self._preconditions()
            read = evidence_in(bytes(content), Path(name))
            require_recent(read, self._limit, self._clock())
            kept = self._keep(read)
        except RunbookError as error:
            self._line.show(t("Not taken: {why}", why=joined((error.message, error.hint))))
            return
        self._line.show(
            t(
                "Taken: {name}, collected on {server} {at}, SHA-256 {digest}. {again} It is kept as {kept}, which "
                "other notebooks take in connect_evidence.",
                name=name,
                server=printable(read.evidence.server, limit=80),
                at=to_the_minute(read.at),
                digest=read.sha256,
                again=self._again,
                kept=kept,
            )
        )


def uploaded_finding(read: ConnectEvidence) -> Finding:
    """That a person gave the evidence in the notebook, and which file it was."""
    return Finding(
        id="connect-evidence-uploaded",
        severity=Severity.INFO,
        seen=t(
            "The evidence of {server}, collected {at}, was uploaded in the notebook; SHA-256 {digest}.",
            server=printable(read.evidence.server, limit=80),
            at=to_the_minute(read.at),
            digest=read.sha256,
        ),
        values={"sha256": read.sha256, "server": read.evidence.server},
    )
