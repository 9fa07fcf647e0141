"""``record.html`` of a run that is not sealed yet: from the gate on, for whoever has to approve it."""

from __future__ import annotations

from pathlib import Path

from runbook_lib.files import PAGE
from runbook_lib.record.beside import read_beside
from runbook_lib.record.manifest import plain_files
from runbook_lib.record.page import record_html
from runbook_lib.record.run_record import RunRecord


def write_open_page(record: RunRecord) -> Path:
    """Write the page as the run stands now; it says that it is open. Sealing writes it anew.

    Raises:
        ServiceFailed: Code ``record-write``.
    """
    folder, facts = record.folder, record.facts
    # Digests of files that the run may still change would prove nothing.
    files = [
        {"path": name, "bytes": path.stat().st_size, "sha256": None}
        for name, path in sorted(plain_files(folder.path))
        if name != PAGE and path.is_file()
    ]
    beside = read_beside(folder, facts)
    page = record_html(facts, None, files=files, sealed_at=None, place=folder.place, beside=beside)
    return folder.write_text(PAGE, page)
