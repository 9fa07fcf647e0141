"""The record of one run: folder, facts, executed notebook, page, manifest, verification, index.

::

    records/<change id>/<run id>/      one run: notebook, record.html, record.json, plan, journal, tables, backup
    records/<change id>/approvals/     approvals, outside the runs they allow
    records/index.html                 every change and every run

``folder`` and ``run_record`` are used while the run is under way; ``seal`` runs when the run has ended and writes
``MANIFEST.json`` last; ``manifest.verify`` reads only.
"""

import sys

# nbformat, papermill and nbconvert without a grammar that nothing here uses. They import jsonschema, and that imports
# rfc3987_syntax if it is installed (JupyterLab brings it), which compiles a grammar of internationalized addresses when
# imported: over a second of processor time for every command. jsonschema does without where the package is missing, and
# no schema here has such a format. None is Python's own way to say that a module is not to be found (documentation of
# sys.modules).
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
