"""The default for new Microsoft 365 groups: planned, taken back, and what it does under v1, which is nothing. Pure.

Source: Microsoft Entra documentation, "Group writeback V2" (NewUnifiedGroupWritebackDefault sets isEnabled of new
groups) and the frequently asked questions on group writeback (v1 writes all Microsoft 365 groups).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.graph.tenant.group_settings import NEW_GROUP_DEFAULT, GroupSettings, with_value
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.routes.connect_sync.leaving_actions import SETTINGS_ID, SETTINGS_MADE, SetNewGroupDefault

_SOURCE = 'Microsoft Entra documentation, "Group writeback V2"'
_WORDS: Mapping[bool, str] = {True: "true", False: "false"}


def default_wanted(now: GroupSettings, *, written: bool) -> SetNewGroupDefault | None:
    """The action that sets the default; None where it is as wanted.

    Args:
        now: The tenant's settings of groups.
        written: Whether new groups are to count as written back.
    """
    held = (now.value(NEW_GROUP_DEFAULT) or "").strip().casefold()
    # Without a value new groups count as written back, and an object is not made to say what holds anyway.
    as_wanted = held in ("", "true") if written else held == "false"
    if as_wanted:
        return None
    return SetNewGroupDefault(now.id, now.values, with_value(now, NEW_GROUP_DEFAULT, _WORDS[written]))


def default_undone(
    now: GroupSettings, done: SetNewGroupDefault, said: Mapping[str, Any]
) -> SetNewGroupDefault | Finding | None:
    """The way back of what a change did: an action, None where it is back, or why it stays.

    Args:
        now: The tenant's settings of groups.
        done: What the change was to do.
        said: What its journal says that it did.
    """
    there = str(said.get(SETTINGS_ID) or done.settings_id) if done.after else ""
    goal = () if said.get(SETTINGS_MADE) else done.before
    if now.exists == bool(goal) and (not goal or dict(now.values) == dict(goal)):
        return None
    if now.id == there and (not done.after or dict(now.values) == dict(done.after)):
        return SetNewGroupDefault(now.id, now.values, goal)
    return Finding(
        id="new-group-default-changed-since",
        severity=Severity.WARNING,
        seen=t("Somebody changed the tenant's settings of groups since; they stay as they are."),
        why=t("Only the whole object can be written, and that would undo somebody else's change."),
        to_do=t("Set {name} by hand if that is wanted.", name=NEW_GROUP_DEFAULT),
    )


def default_finding(v2: Switch) -> Finding:
    """What setting the default does, said before it is set."""
    meaning: Mapping[Switch, Text] = {
        Switch.ON: t("V2 is on: it decides about every group that is made from now on, and about no other."),
        Switch.OFF: t("V2 is off, so it has no effect: v1 writes every Microsoft 365 group whatever it says."),
        Switch.UNKNOWN: t("It has an effect under V2 alone, and whether V2 is on is not known."),
    }
    return Finding(
        id=f"new-group-default-effect:{v2.value}",
        severity=Severity.INFO if v2 is Switch.ON else Severity.WARNING,
        seen=t("{name} is set. {meaning}", name=NEW_GROUP_DEFAULT, meaning=meaning[v2]),
        source=_SOURCE,
        values={"v2": v2.value},
    )
