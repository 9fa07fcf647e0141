"""Approvals of one plan and of runs to come: their files, who may give them, and what they let a run write now."""
