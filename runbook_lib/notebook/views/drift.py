"""The result of 50-check-drift."""

from __future__ import annotations

from runbook_lib.notebook.html import banner_html, findings_html, table_html
from runbook_lib.writeback.drift import Drift

_LABELS = {
    "display_name": "Group",
    "what": "What",
    "expected": "Cloud",
    "seen": "AD",
    "ad_dn": "AD object",
}


def drift_view(drift: Drift) -> tuple[str, str]:
    """Every difference between AD and the cloud, or that there is none."""
    if not len(drift.table) and not drift.findings:
        text = f"{drift.groups} written groups were compared; none differs."
        return banner_html("good", "In step", text), text
    groups = drift.table["group_id"].nunique()
    noun = "difference" if len(drift.table) == 1 else "differences"
    text = f"{len(drift.table)} {noun} in {groups} of {drift.groups} written groups."
    if drift.findings:
        text += f" Groups with members that nobody can account for: {len(drift.findings)}."
    html = banner_html("attention", "Drift", text)
    if len(drift.table):
        html += table_html(drift.table[list(_LABELS)], caption="Differences", limit=200, labels=_LABELS)
    return html + (findings_html(drift.findings) if drift.findings else ""), text
