"""nbformat, papermill and nbconvert without a grammar that nothing here uses.

They import jsonschema, and that imports rfc3987_syntax if it is installed (JupyterLab brings it), which compiles a
grammar of internationalized addresses when imported: over a second of processor time for every command. jsonschema does
without where the package is missing, and no schema here has such a format.
"""

from __future__ import annotations

import sys

_PACKAGE = "rfc3987_syntax"


def leave_out_iri_grammar() -> None:
    """Let ``import rfc3987_syntax`` fail in this process as if it were not installed, unless it is imported already."""
    # None is Python's own way to say that a module is not to be found (documentation of sys.modules).
    sys.modules.setdefault(_PACKAGE, None)  # type: ignore[arg-type]
