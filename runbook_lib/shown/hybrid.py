"""The Exchange hybrid procedure as a table, with the lines to copy of each step; for a notebook and a file."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.preflight.hybrid import HybridProcedure, step_hand_offs
from runbook_lib.preflight.hybrid_state import HybridStep, StepState
from runbook_lib.shown.html import ToneName, View, banner_html, code_html, rows_html

PROCEDURE_COLUMNS = ("number", "step", "where", "optional", "state", "proof", "to_do", "hand_offs")
"""Columns of the procedure as a file."""
_TONES: dict[StepState, ToneName] = {
    StepState.DONE: "good",
    StepState.MISSING: "attention",
    StepState.UNKNOWN: "attention",
}


def hybrid_view(procedure: HybridProcedure) -> View:
    """The eight steps, what comes next, and what is to be copied for each step that is not done."""
    rows = [
        (step.number, _title(step), step.where, step.state.title, _proof(step), _lines(step))
        for step in procedure.steps
    ]
    table = rows_html(
        (t("Step"), t("What"), t("Where"), t("State"), t("Proof, and what to do"), t("Lines to copy")),
        rows,
        caption=t("Microsoft 365 groups with Exchange hybrid"),
    )
    blocks = Markup().join(_blocks(step) for step in procedure.steps)
    return View(banner_html(_TONES[procedure.state], procedure.text) + table + blocks, procedure.text)


def hybrid_rows(procedure: HybridProcedure) -> Sequence[tuple[object, ...]]:
    """One row for each step, under ``PROCEDURE_COLUMNS``."""
    return [
        (
            step.number,
            step.title,
            step.where,
            step.optional,
            step.state.value,
            step.proof,
            step.to_do,
            "\n".join(one.text for one in step_hand_offs(step)),
        )
        for step in procedure.steps
    ]


def _title(step: HybridStep) -> Text:
    return t("{title} (optional)", title=step.title) if step.optional else step.title


def _proof(step: HybridStep) -> Text:
    return joined((step.proof, step.to_do if step.state is not StepState.DONE or step.number == 8 else NOTHING), "\n")


def _lines(step: HybridStep) -> Text:
    offers = step_hand_offs(step)
    return joined((one.title for one in offers), "\n") if offers else NOTHING


def _blocks(step: HybridStep) -> Markup:
    return Markup().join(
        code_html(
            one.text,
            t("Step {number} · {title} · {where}", number=step.number, title=one.title, where=one.where),
        )
        for one in step_hand_offs(step)
    )
