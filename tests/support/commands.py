"""``gwb`` commands one after another in one process, which imports everything once; their kernels start warm.

Each line of standard input is a JSON list of words; after what the command prints comes a line with its exit code.
"""

from __future__ import annotations

import json
import sys

from tests.support import warm

ENDED = "\x1e"
"""Before the exit code."""


def main() -> None:
    """Carry out what is asked until nothing more is."""
    from runbook_lib.runner.cli import cli

    warm.install()
    for line in sys.stdin:
        try:
            cli.main(json.loads(line), prog_name="gwb")
        except SystemExit as end:
            sys.stdout.write(f"\n{ENDED}{end.code}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
