"""Hand-offs of a plan: lines for somebody else, in the notebook to be copied and in one file of the record.

A room of its own because every route shows them so, whatever else its plans look like.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from runbook_lib.inventory.mail_contacts import ContactState, GroupContact
from runbook_lib.model.finding import Finding, HandOff
from runbook_lib.model.text import Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.hand_off import hand_offs
from runbook_lib.shown.html import View, banner_html, code_html, rows_html

_STATES: dict[ContactState, Text] = {
    ContactState.STANDING: t("there, forwards to the group"),
    ContactState.UNLISTED: t("there, forwards to the group; address lists do not show it"),
    ContactState.WRONG: t("not right"),
    ContactState.TAKEN: t("none, and its address is taken"),
    ContactState.MISSING: t("none"),
}


def hand_offs_of_plan_view(findings: Sequence[Finding]) -> View | None:
    """What somebody else has to do about a plan, to copy; None: nothing."""
    offers = hand_offs(findings)
    if not offers:
        return None
    blocks = (code_html(one.text, t("{title} · {where}", title=one.title, where=one.where)) for one in offers)
    return View(Markup().join(blocks), joined((one.title for one in offers), "; "))


def hand_offs_text(given: Sequence[HandOff]) -> str:
    """Hand-offs as one text of lines, each under a comment; empty where there is none."""
    return "\n".join(f"# {printable(f'{one.title}, in: {one.where}')}\n{one.text()}" for one in given)


def mail_contacts_view(contacts: Sequence[GroupContact]) -> View:
    """The mail contact of each group of a plan as AD shows it now."""
    good = sum(one.state.forwards for one in contacts)
    text = t(
        "{good} of {all} with a mail contact that forwards to the group.",
        good=good,
        all=counted(len(contacts), "group"),
    )
    table = rows_html(
        (t("Group"), t("Address"), t("Has to forward to"), t("Mail contact on premises"), t("Distinguished name")),
        [(one.display_name, one.address, one.routing, _state(one), one.dn) for one in contacts],
        caption=t("Mail contacts that stand for groups"),
        limit=200,
    )
    return View(banner_html("neutral", text) + table, text)


def _state(contact: GroupContact) -> Text:
    return joined((t("{state}.", state=_STATES[contact.state]), contact.why))
