"""Groups, members and drift: what both sides look like beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from markupsafe import Markup

from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.tables import HEADINGS, groups_table, members_table
from runbook_lib.model.moment import iso_seconds
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import Text, counted, joined, t
from runbook_lib.routes.direct.drift import Drift
from runbook_lib.shown.findings import findings_html
from runbook_lib.shown.flows import inventory_flow
from runbook_lib.shown.html import View, banner_html, bars_html, facts_html, folded_html, table_html

_GROUP_LABELS = {
    "display_name": t("Group"),
    "kind": t("Kind"),
    "state": t("State"),
    "route": t("Route"),
    "reason": t("Why"),
    "members": t("Members"),
    "representable": t("In AD"),
    "ad_dn": t("AD object"),
}
_MEMBER_LABELS = {
    "group_name": t("Group"),
    "member_name": t("Member"),
    "member_type": t("Type"),
    "reason": t("Why"),
}
_LONG = 25
"""Rows above which a table of the inventory is folded below a line that says what it is."""
_DRIFT_LABELS = {
    "display_name": t("Group"),
    "what": t("What"),
    "expected": t("In the cloud"),
    "seen": t("In AD"),
    "ad_dn": t("AD object"),
}


def _counts(values: Iterable[str]) -> list[tuple[str, int]]:
    """How often each value is there, by value."""
    return sorted(Counter(values).items())


def inventory_view(inventory: Inventory) -> View:
    """How both sides were read, what proves it, and how many groups are in which state."""
    states = _counts(row.state.value for row in inventory.rows)
    routes = _counts(row.route.value for row in inventory.rows)
    html = (
        inventory_flow(inventory)
        + reading_html(t("Entra ID: how it was read"), inventory.cloud.reading)
        + reading_html(t("Active Directory: how it was read"), inventory.directory.reading)
        + bars_html(states, caption=t("Groups by state"))
        + bars_html(routes, caption=t("Groups by route"))
    )
    by_state = joined((t("{count} {state}", count=count, state=state) for state, count in states), ", ")
    return View(html, t("{groups}: {by_state}", groups=counted(len(inventory.rows), "group"), by_state=by_state))


def reading_html(caption: Text, reading: Reading) -> Markup:
    """Provenance of one side."""
    pairs: list[tuple[Text, object]] = [
        (t("Source"), reading.source),
        (t("Read at"), iso_seconds(reading.at)),
        (t("Complete"), t("yes") if reading.complete else t("NO: shown, never planned from")),
        (t("Requests"), t("{requests:,} in {seconds:.1f} s", requests=reading.requests, seconds=reading.seconds)),
    ]
    pairs += [(t("Proof"), sentence) for sentence in reading.proof]
    pairs += [(t("Gap"), sentence) for sentence in reading.gaps]
    return facts_html(pairs, caption=caption)


def groups_view(inventory: Inventory) -> View:
    """One row per group of either side."""
    table = groups_table(inventory)
    if not len(table):
        return View(banner_html("attention", t("No groups"), t("Neither side has a group.")), t("No groups"))
    labels = _GROUP_LABELS if inventory.owners is None else {**_GROUP_LABELS, "owners": HEADINGS["owners"]}
    shown = table[list(labels)].sort_values(["state", "display_name"], ignore_index=True)
    html = table_html(shown, caption=t("Groups of both sides"), limit=200, labels=labels)
    text = t("{groups}; all columns are in groups.csv", groups=counted(len(table), "group"))
    return View(_folded_if_long(html, text, len(table)), text)


def _folded_if_long(table: Markup, summary: Text, rows: int) -> Markup:
    """Hundreds of rows would put what comes next, the choice of groups, out of sight."""
    return folded_html(summary, table) if rows > _LONG else table


def members_view(inventory: Inventory) -> View:
    """Members that have no object in this AD, and why; first how many for which reason."""
    number, lost = sum(map(len, inventory.members.values())), members_table(inventory, left_out=True)
    if not len(lost):
        text = t("Every one of {number:,} memberships has an AD object.", number=number)
        return View(banner_html("good", t("All members can be represented"), text), text)
    bars = bars_html(_counts(lost["reason"]), caption=t("Members without an AD object, by reason"))
    table = table_html(
        lost[list(_MEMBER_LABELS)].sort_values(["group_name", "member_name"], ignore_index=True),
        caption=t("Members that cannot be represented"),
        limit=100,
        labels=_MEMBER_LABELS,
    )
    text = t(
        "{lost:,} of {number:,} memberships have no AD object; all are in members.csv",
        lost=len(lost),
        number=number,
    )
    return View(bars + _folded_if_long(table, text, len(lost)), text)


def drift_view(drift: Drift) -> View:
    """Every difference between AD and the cloud, or that there is none."""
    if not len(drift.table) and not drift.findings:
        text = t("Compared: {groups}; none differs.", groups=counted(drift.groups, "written-back group"))
        return View(banner_html("good", t("In step"), text), text)
    html = banner_html("attention", t("Drift: {headline}", headline=drift.headline))
    if len(drift.table):
        labels = {**_DRIFT_LABELS, **({"reason": t("Reason")} if drift.table["reason"].any() else {})}
        html += table_html(drift.table[list(labels)], caption=t("Differences"), limit=200, labels=labels)
    if drift.unaccounted:
        html += findings_html(drift.unaccounted)
    return View(html, drift.text)
