"""Groups, members and drift: what both sides look like beside each other."""

from __future__ import annotations

import pandas as pd

from runbook_lib.inventory import Inventory
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.reading import Reading
from runbook_lib.routes.direct.drift import Drift
from runbook_lib.shown.html import View, banner_html, bars_html, facts_html, findings_html, table_html

_GROUP_LABELS = {
    "display_name": "Group",
    "kind": "Kind",
    "state": "State",
    "route": "Route",
    "reason": "Why",
    "members": "Members",
    "representable": "In AD",
    "ad_dn": "AD object",
}


def inventory_view(inventory: Inventory) -> View:
    """How both sides were read, what proves it, and how many groups are in which state."""
    parts = [
        reading_html("Entra ID", inventory.cloud.reading),
        reading_html("Active Directory", inventory.directory.reading),
    ]
    states = inventory.groups["state"].value_counts().sort_index() if len(inventory.groups) else pd.Series(dtype=int)
    counts = [(str(state), int(count)) for state, count in states.items()]
    parts.append(bars_html(counts, caption="Groups by state"))
    routes = inventory.groups["route"].value_counts().sort_index() if len(inventory.groups) else pd.Series(dtype=int)
    parts.append(bars_html([(str(r), int(n)) for r, n in routes.items()], caption="Groups by route"))
    text = f"{len(inventory.groups)} groups: " + ", ".join(f"{count} {state}" for state, count in counts)
    return "".join(parts), text


def reading_html(side: str, reading: Reading) -> str:
    """Provenance of one side."""
    pairs: list[tuple[str, object]] = [
        ("Source", reading.source),
        ("Read at", iso_seconds(reading.at)),
        ("Complete", "yes" if reading.complete else "NO: shown, never planned from"),
        ("Requests", f"{reading.requests:,} in {reading.seconds:.1f} s"),
    ]
    pairs += [("Proof", sentence) for sentence in reading.proof]
    pairs += [("Gap", sentence) for sentence in reading.gaps]
    return facts_html(pairs, caption=f"{side}: how it was read")


def groups_view(inventory: Inventory) -> View:
    """One row per group of either side."""
    table = inventory.groups
    if not len(table):
        return banner_html("attention", "No groups", "Neither side has a group."), "No groups"
    shown = table[list(_GROUP_LABELS)].sort_values(["state", "display_name"], ignore_index=True)
    html = table_html(shown, caption="Groups of both sides", limit=200, labels=_GROUP_LABELS)
    return html, f"{len(table)} groups; all columns are in groups.csv"


def members_view(inventory: Inventory) -> View:
    """Members that have no object in this AD, and why; first how many for which reason."""
    members = inventory.members
    lost = members[members["reason_code"].notna()] if len(members) else members
    if not len(lost):
        text = f"Every one of {len(members):,} memberships has an AD object."
        return banner_html("good", "All members can be represented", text), text
    reasons = lost["reason"].value_counts().sort_index()
    bars = bars_html([(str(r), int(n)) for r, n in reasons.items()], caption="Members without an AD object, by reason")
    labels = {"group_name": "Group", "member_name": "Member", "member_type": "Type", "reason": "Why"}
    table = table_html(
        lost[list(labels)].sort_values(["group_name", "member_name"], ignore_index=True),
        caption="Members that cannot be represented",
        limit=100,
        labels=labels,
    )
    return bars + table, f"{len(lost):,} of {len(members):,} memberships have no AD object; all are in members.csv"


_DRIFT_LABELS = {
    "display_name": "Group",
    "what": "What",
    "expected": "In the cloud",
    "seen": "In AD",
    "ad_dn": "AD object",
}


def drift_view(drift: Drift) -> tuple[str, str]:
    """Every difference between AD and the cloud, or that there is none."""
    if not len(drift.table) and not drift.findings:
        text = f"{drift.groups} written groups were compared; none differs."
        return banner_html("good", "In step", text), text
    html = banner_html("attention", f"Drift: {drift.headline}")
    if len(drift.table):
        html += table_html(drift.table[list(_DRIFT_LABELS)], caption="Differences", limit=200, labels=_DRIFT_LABELS)
    return html + (findings_html(drift.unaccounted) if drift.unaccounted else ""), drift.text
