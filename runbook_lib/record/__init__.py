"""The record of one run: folder, facts, executed notebook, page, manifest, verification, index.

::

    records/<change id>/<run id>/      one run: notebook, record.html, record.json, plan, journal, tables, backup
    records/<change id>/approvals/     approvals, outside the runs they allow
    records/index.html                 every change and every run

``folder`` and ``state`` are used while the run is under way; ``seal`` runs after the kernel has ended and writes
``MANIFEST.json`` last; ``verify`` reads only.
"""

from runbook_lib.record.iri_grammar import leave_out_iri_grammar

leave_out_iri_grammar()
