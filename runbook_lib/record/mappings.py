"""What stands in the files of a record, for pages and checks that tell what is there: anything else counts as empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook_lib.model.outcome import Outcome
from runbook_lib.strict_file import LARGEST_PLAN, read_plain


def mapping_in(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def outcome_in(facts: Mapping[str, Any]) -> Outcome | None:
    """The verdict in the facts of a record.json; None where there is none, or none that is known."""
    try:
        return Outcome(facts.get("outcome"))
    except ValueError:
        return None


def mapping_of_file(path: Path) -> Mapping[str, Any]:
    """The object in a file of JSON; empty where the file is not there, cannot be read or holds something else."""
    try:
        return mapping_in(json.loads(read_plain(path, largest=LARGEST_PLAN).data))
    except (OSError, ValueError, RecursionError):
        return {}
