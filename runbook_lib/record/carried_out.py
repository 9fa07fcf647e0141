"""Which approved changes of a run are carried out whole, by its journal and those of the runs that it resumes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runbook_lib.change.plan_file import plan_from_json
from runbook_lib.errors import RunbookError
from runbook_lib.files import PLAN
from runbook_lib.record.mappings import mapping_of_file
from runbook_lib.record.run_end import WrittenJournal, written_by
from runbook_lib.routes.registry import ROUTES


def carried_out(run: Path, written: WrittenJournal) -> Mapping[str, bool] | None:
    """Digest of each approved change of the plan to whether its every write is done.

    None where the plan, or the journal of a run that is resumed, is not at hand or cannot be read.

    Args:
        run: Folder of the run.
        written: What its journal says.
    """
    done = set(written.done)
    seen = {run.name}
    earlier = written
    while (name := earlier.opened.get("resumes")) is not None:
        if not isinstance(name, str) or Path(name).name != name or name in seen:
            break
        seen.add(name)
        before = written_by(run.parent / name)
        if before is None:
            return None
        done |= before.done
        earlier = before
    try:
        plan = plan_from_json(mapping_of_file(run / PLAN), ROUTES)
    except RunbookError:
        return None
    approved = set(written.approved)
    changes = [change for change in plan.changes if change.digest in approved]
    left = {step.change.digest for step in ROUTES[plan.route].steps_of(changes) if step.id not in done}
    return {change.digest: change.digest not in left for change in changes}


def changes_done(run: Path) -> int:
    """How many approved changes of a run are carried out whole; 0 where nobody can say."""
    written = written_by(run)
    return sum((carried_out(run, written) or {}).values()) if written else 0
