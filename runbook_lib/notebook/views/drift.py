"""The result of 50-check-drift."""

from __future__ import annotations

from runbook_lib.notebook.html import banner_html, findings_html, table_html
from runbook_lib.routes.direct.drift import Drift

_LABELS = {
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
        html += table_html(drift.table[list(_LABELS)], caption="Differences", limit=200, labels=_LABELS)
    return html + (findings_html(drift.unaccounted) if drift.unaccounted else ""), drift.text
