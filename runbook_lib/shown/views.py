"""What each step shows: pure functions from results to ``(html, text)``."""

from runbook_lib.shown.change import (
    applied_view,
    drift_view,
    left_out_view,
    nothing_view,
    nothing_written_view,
    open_gate_view,
    plan_view,
    read_back_view,
    resume_view,
    resumed_gate_view,
    verified_view,
)
from runbook_lib.shown.inventory import groups_view, inventory_view, members_view
from runbook_lib.shown.preflight import evidence_view, findings_view, hand_offs_view, verdicts_view
from runbook_lib.shown.start import end_view, ends_view, parameters_view, records_view, sealing_words, target_facts

__all__ = [
    "applied_view",
    "drift_view",
    "end_view",
    "ends_view",
    "evidence_view",
    "findings_view",
    "groups_view",
    "hand_offs_view",
    "inventory_view",
    "left_out_view",
    "members_view",
    "nothing_view",
    "nothing_written_view",
    "open_gate_view",
    "parameters_view",
    "plan_view",
    "read_back_view",
    "records_view",
    "resume_view",
    "resumed_gate_view",
    "sealing_words",
    "target_facts",
    "verdicts_view",
    "verified_view",
]
