"""The numbers that stop a plan of the route cloud-sync which reaches further than was meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.errors import Refused
from runbook_lib.model.text import Text, counted, t

_HOW = {
    "creates": t("Select fewer groups, or raise max_creates."),
    "retirements": t("Name fewer groups, or raise max_retirements."),
    "conversions": t("Select fewer groups, or raise max_conversions."),
}


def require_within(limits: Mapping[str, int], name: str, seen: int, what: Text, hint: Text | None = None) -> None:
    """Refuse what reaches further than a limit.

    Args:
        limits: By parameter name without ``max_``.
        name: Which of them holds.
        seen: How many groups it concerns.
        what: What is done to how many, as the beginning of a sentence.
        hint: What to do; None: select fewer, or raise the limit.

    Raises:
        Refused: ``limit-creates``, ``limit-retirements`` or ``limit-conversions``.
    """
    limit = limits[name]
    if seen <= limit:
        return
    raise Refused(
        t("{what}, and max_{name} is {limit}.", what=what, name=name, limit=limit),
        code=f"limit-{name}",
        hint=hint or _HOW[name],
        values={"limit": limit, "seen": seen},
    )


def require_creates(limits: Mapping[str, int], seen: int) -> None:
    """Refuse a plan that lets Cloud Sync make more AD groups than one plan may; raises as ``require_within``."""
    require_within(
        limits, "creates", seen, t("The plan lets Cloud Sync create {groups}", groups=counted(seen, "group"))
    )


def require_retirements(limits: Mapping[str, int], seen: int) -> None:
    """Refuse a plan that takes more groups out of scope than one plan may; raises as ``require_within``."""
    what = t("The plan takes {groups} out of scope", groups=counted(seen, "group"))
    require_within(limits, "retirements", seen, what)
