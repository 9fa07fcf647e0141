"""A change on its way: resumed, at the gate, written, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from runbook_lib.change.approvals.gate import Waiting
from runbook_lib.change.approvals.given import approvals_told
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, joined, t, verbatim
from runbook_lib.routes.connect_sync.payload import CONNECT_SYNC_TYPES
from runbook_lib.routes.direct.backup_and_verify import Checked
from runbook_lib.shown.html import View, banner_html, rows_html
from runbook_lib.shown.plan import changes_html, changes_text, in_step_text, object_heading


def resume_view(plan: Plan, runs: Sequence[str], *, written: bool) -> View:
    """A plan that stopped midway and is resumed; ``written``: everything approved is in AD, but was not read back."""
    digest, names = plan.digest[:12], ", ".join(runs)
    text = t("Plan {digest} was begun by {names} and is finished now.", digest=digest, names=names)
    if written:
        text = t(
            "Plan {digest} was written by {names}, which ended before it was read back: that is done now.",
            digest=digest,
            names=names,
        )
    table = changes_html(plan.changes, caption=t("Changes of the plan that is resumed"))
    return View(banner_html("attention", t("Resuming a change that stopped midway"), text) + table, text)


def read_back_view(changes: int) -> View:
    """The gate of a change that is written already."""
    text = t("1 change was written before; nothing is written now, it is read back.")
    if changes != 1:
        text = t("{number} changes were written before; nothing is written now, they are read back.", number=changes)
    return View(banner_html("neutral", t("Nothing left to approve"), text), text)


def open_gate_view(approval: Mapping[str, object], approved: int, waiting: Sequence[Waiting]) -> View:
    """The gate is open for ``approved`` changes; what stays behind is listed with the reason."""
    parts = joined(map(_approval_text, approvals_told(approval)), ", ")
    text = t("{changes} approved {parts}.", changes=changes_text(approved), parts=parts)
    if not waiting:
        return View(banner_html("good", t("Approved"), text), text)
    text = t("{text} {changes} still to be approved.", text=text, changes=changes_text(len(waiting)))
    table = rows_html(
        (t("Change"), t("Group"), object_heading(item.change for item in waiting), t("Why it waits")),
        [
            (item.change.kind.title, item.change.display_name, item.change.payload.object_name, item.why)
            for item in waiting
        ],
        caption=t("Changes that await approval"),
        limit=200,
    )
    return View(banner_html("attention", t("Approved in part"), text) + table, text)


def _approval_text(approval: Mapping[str, object]) -> Text:
    approver, until = approval.get("approver"), approval.get("until")
    if approval.get("kind") == "standing":
        return t("in advance by {approver} until {until}", approver=approver, until=until)
    return t("by {approver} until {until}", approver=approver, until=until)


def resumed_gate_view(approval: Mapping[str, object]) -> View:
    """The gate of a resumed change, under the approval that covers it."""
    text = t("Approved by {approver} at {at}.", approver=approval.get("approver"), at=approval.get("approved"))
    return View(banner_html("good", t("Approved"), text), text)


def change_times_view(windows: Sequence[str], *, until: str, begins: str) -> View:
    """When changes may be written: ``until`` is when the open window closes, ``begins`` when the next one opens."""
    named = joined((verbatim(window) for window in windows), "; ") or t("any time, but for the blackout calendar")
    if until:
        text = t("Changes may be written now, until {until} ({windows}).", until=until, windows=named)
        return View(banner_html("neutral", t("Inside the change window"), text), text)
    text = t("Changes may not be written now ({windows}).", windows=named)
    if begins:
        text = t("{text} The next time begins at {begins}.", text=text, begins=begins)
    return View(banner_html("attention", t("Outside the change window"), text), text)


def nothing_view(plan: Plan, awaited: Text = NOTHING) -> View:
    """There is nothing to approve; ``awaited``: what was handed over before and is waited for."""
    if awaited:
        return View(banner_html("neutral", t("Nothing to approve"), awaited), awaited)
    text = in_step_text(plan)
    return View(banner_html("good", t("Nothing to do"), text), text)


def nothing_written_view() -> View:
    """There was nothing to write."""
    title = t("Nothing was written")
    return View(banner_html("neutral", title, t("The plan holds no change.")), title)


def applied_view(changes: Sequence[Change]) -> View:
    """What was written, or handed to people."""
    if changes and all(change.route is Route.CONNECT_SYNC for change in changes):
        handed = sum(CONNECT_SYNC_TYPES.change(change).payload.action.by_person for change in changes)
        text = t(
            "{handed} for people to do, {own} carried out by this run; the journal has each.",
            handed=changes_text(handed),
            own=changes_text(len(changes) - handed),
        )
        return View(banner_html("good", t("Handed over") if handed else t("Written"), text), text)
    text = t("{changes} carried out; the journal has every write.", changes=changes_text(len(changes)))
    return View(banner_html("good", t("Written"), text), text)


def verified_view(checked: Sequence[Checked]) -> View:
    """Each object as the DC answers for it now."""
    wrong = [item for item in checked if item.differences]
    table = rows_html(
        (t("Change"), t("Group"), t("objectGUID"), t("objectSid"), t("AD object"), t("Read back")),
        [
            (
                item.change.kind.title,
                item.change.display_name,
                item.object_guid,
                item.sid,
                item.dn,
                joined(item.differences, "; ") or t("as planned"),
            )
            for item in checked
        ],
        caption=t("Objects after the writes"),
        limit=200,
    )
    text = t("{good} of {all} objects are as planned.", good=len(checked) - len(wrong), all=len(checked))
    banner: Markup
    if wrong:
        banner = banner_html("bad", t("AD differs from the plan"), text)
    else:
        banner = banner_html("good", t("Verified"), text)
    return View(banner + table, text)
