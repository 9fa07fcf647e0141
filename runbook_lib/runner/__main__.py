"""``python -m runbook_lib.runner``: the same as ``gwb``, for schedulers that know only Python's path."""

from runbook_lib.runner.cli import main

main()
