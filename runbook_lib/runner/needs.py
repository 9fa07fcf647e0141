"""What a notebook cannot do without, said before anything is read."""

from __future__ import annotations

from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.validate import require_group_type
from runbook_lib.routes.direct.selection import require_selection
from runbook_lib.runner.undoable import require_undoable

ENABLE, DISABLE, UNDO = "30-enable-writeback", "40-disable-writeback", "60-undo-change"


def require_told(notebook: str, parameters: Parameters) -> None:
    """Insist on the parameters that this notebook alone needs; a notebook of another name needs none.

    Args:
        notebook: Its name without ending.
        parameters: With absolute paths.

    Raises:
        UsageError: What the groups are for is not said (30); no record is named that can be undone (60).
        Refused: No group is selected (30), none is named to be disabled (40), nothing was written (60).
    """
    if notebook == ENABLE:
        require_group_type(parameters)
        require_selection(parameters.select_ids, parameters.select_names, "select")
    elif notebook == DISABLE:
        require_selection(parameters.disable_ids, parameters.disable_names, "disable")
    elif notebook == UNDO:
        require_undoable(parameters)
