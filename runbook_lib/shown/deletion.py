"""What a deletion takes away and what an undelete brings back, object by object."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from runbook_lib.model.change import Change, ChangeKind, Deletion
from runbook_lib.shown.html import banner_html, table_html

_MAY = {"on": "yes", "off": "no", "unknown": "unknown"}


def deletion_tables(changes: Sequence[Change]) -> list[str]:
    """Tables for a plan's deletions and undeletes; empty without any."""
    deleted = [(c, c.deletion) for c in changes if c.kind is ChangeKind.DELETE and c.deletion]
    back = [(c, c.deletion) for c in changes if c.kind is ChangeKind.UNDELETE and c.deletion]
    parts = []
    if deleted:
        words = "60-undo-change brings the same object back while it is among the deleted objects; nothing else does."
        parts.append(banner_html("attention", f"{len(deleted)} AD objects will be deleted", words))
        parts.append(table_html(_objects(deleted), caption="Objects that are deleted", limit=200))
        parts.append(table_html(_what_returns(deleted), caption="What can come back", limit=200))
    if back:
        parts.append(table_html(_objects(back), caption="Objects that come back", limit=200))
    holders = [(c.display_name, ref.dn) for c, facts in (*deleted, *back) for ref in facts.member_of]
    if holders:
        table = pd.DataFrame(holders, columns=["Group", "Is or was a member of"])
        parts.append(table_html(table, caption="Groups that hold a deleted one", limit=200))
    return parts


def _objects(pairs: Sequence[tuple[Change, Deletion]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Group": change.display_name,
                "SID": facts.sid,
                "Type": "security" if facts.security else "distribution",
                "Members": len(change.members_removed) or len(change.members_added),
                "In groups": len(facts.member_of),
                "Recycle Bin": facts.recycle_bin,
                "Days": _days(facts),
                "This account may list deleted objects": _MAY[facts.may_list],
                "It may bring them back": _MAY[facts.may_reanimate],
            }
            for change, facts in pairs
        ]
    )


def _days(facts: Deletion) -> str:
    source = "default, no attribute is set" if facts.lifetime_source == "default" else facts.lifetime_source
    left = "" if facts.days_left is None else f"about {facts.days_left} left of "
    return f"{left}{facts.lifetime_days} ({source})"


def _what_returns(pairs: Sequence[tuple[Change, Deletion]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(change.display_name, *_returns(facts)) for change, facts in pairs],
        columns=["Group", "GUID and SID", "Values and members", "Membership in other groups", "Rights by SID"],
    )


def _returns(facts: Deletion) -> tuple[str, str, str, str]:
    """In words; what depends on an unknown Recycle Bin is said as if it were off."""
    identity = f"only with 60-undo-change, within {facts.lifetime_days} days; a new object has others"
    by_itself = facts.recycle_bin == "on"
    values = (
        "by the directory itself (Recycle Bin)"
        if by_itself
        else "not by themselves: 60-undo-change writes the values and members of this plan; others are in backup.ldif"
    )
    holders = (
        "none"
        if not facts.member_of
        else "by the directory itself (Recycle Bin)"
        if by_itself
        else "60-undo-change puts it back into groups of this runbook; others by hand"
    )
    rights = (
        "access lists that name its SID stay, and grant nothing until the same SID is back"
        if facts.security
        else "none: a distribution group grants no rights"
    )
    return identity, values, holders, rights
