"""Parameters that a piece of work cannot do without."""

from __future__ import annotations

from runbook_lib.errors import UsageError
from runbook_lib.parameters.model import Parameters


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
