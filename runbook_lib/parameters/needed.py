"""Parameters that a piece of work cannot do without."""

from __future__ import annotations

from runbook_lib.errors import UsageError
from runbook_lib.parameters.model import Parameters

_GROUP_TYPES = (
    'group_type: "security"      the group may be given rights on files, folders and applications in AD',
    'group_type: "distribution"  the group only lists its members: applications can read them, it grants no rights',
)


def require_group_type(parameters: Parameters) -> None:
    """Insist that somebody said what written groups are for: no type is right for all.

    Raises:
        UsageError: ``group-type-missing``.
    """
    if not parameters.group_type:
        raise UsageError(
            "The parameter group_type is not given: what are the written groups for?",
            code="group-type-missing",
            hint="Add one of these lines to the parameters file. Neither kind gets mail: no mail attribute is written.",
            values={"missing": ["group_type"], "choices": list(_GROUP_TYPES)},
        )


def require(parameters: Parameters, *names: str) -> None:
    """Insist that the named parameters were given.

    Raises:
        UsageError: ``parameter-missing``, naming all that are empty.
    """
    missing = [name for name in names if getattr(parameters, name) in ("", [])]
    if missing:
        several = len(missing) > 1
        raise UsageError(
            f"{'Parameters that are' if several else 'A parameter that is'} needed here "
            f"{'are' if several else 'is'} not given: {', '.join(missing)}.",
            code="parameter-missing",
            hint="Add what is missing to the parameters file; parameters/example.yaml explains every parameter.",
            values={"missing": missing},
        )
