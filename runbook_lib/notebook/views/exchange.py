"""The result of 10-detect-exchange."""

from __future__ import annotations

import pandas as pd

from runbook_lib.exchange.detection import ExchangeDetection, Presence
from runbook_lib.notebook.html import banner_html, findings_html, table_html


def exchange_view(detection: ExchangeDetection) -> tuple[str, str]:
    """The verdict in words, the numbers seen, the servers, the findings."""
    parts = [
        banner_html(
            "attention" if detection.presence is Presence.UNREADABLE or detection.newer_than_table else "neutral",
            detection.presence.title,
            " ".join(detection.words),
        )
    ]
    components = pd.DataFrame(
        [(row.component, row.seen, row.meaning) for row in detection.components],
        columns=["Component", "Number seen", "Meaning"],
    )
    parts.append(table_html(components, caption="Exchange in this directory"))
    if detection.servers:
        servers = pd.DataFrame(
            [(s.name, s.product, s.build, s.roles, s.site) for s in detection.servers],
            columns=["Server", "Product", "Build", "Roles", "Site"],
        )
        parts.append(table_html(servers, caption="Exchange servers"))
    if detection.findings:
        parts.append(findings_html(detection.findings))
    return "".join(parts), f"{detection.presence.title}. {' '.join(detection.words)}"
