"""The plan on the page of a record: what it was for, and one row for each change with its values and members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from markupsafe import Markup

from runbook_lib.inventory.naming import distinct_names
from runbook_lib.model.change import Change, Plan, ValueDifference
from runbook_lib.model.dn import MalformedDnError, rdn_value
from runbook_lib.model.target import Route
from runbook_lib.model.text import NOTHING, Text, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.shown.html import facts_html, rows_html, sentence_html, text_html
from runbook_lib.shown.plan import deletion_tables, left_alone_html, member_name, object_heading, values_text

_MOST_MEMBERS = 100
"""Members of one change that are named; plan.json has all."""


def short_plan_html(plan: Mapping[str, object], more: Sequence[tuple[Text, object]]) -> Markup:
    """The plan as record.json has it, under the captions of the whole plan.

    Args:
        plan: ``record.json``'s ``plan``; whatever stands there.
        more: What else is told below it.
    """
    counts = plan.get("counts")
    numbers = counts.items() if isinstance(counts, Mapping) else ()
    changes = joined((t("{number} {kind}", number=number, kind=kind) for kind, number in numbers if number), ", ")
    facts = [
        (t("Operation"), plan.get("operation")),
        (t("Route"), plan.get("route")),
        (t("Groups to change"), plan.get("groups")),
        (t("Phrase to approve"), plan.get("phrase") if changes else t("(nothing to approve)")),
    ]
    shown = [(caption, text_html(str(value))) for caption, value in facts if value is not None]
    return facts_html([*shown, (t("Changes"), changes or t("none")), *more], caption=t("Plan"))


def plan_parts_html(plan: Plan) -> Markup:
    """Every change of a plan in a row of its own, with values and members, and what is left alone: for a record."""
    shown = Markup()
    if plan.changes:
        headings = (t("Change"), object_heading(plan.changes), t("Values, before → after"), t("Members"))
        table = rows_html(
            headings,
            [
                (_headed(change), _object(change), _values_listed(change), _members_listed(change))
                for change in plan.changes
            ],
            caption=t("Changes, in the order of writing"),
            limit=200,
        )
        shown += Markup('<div class="changes">{}</div>').format(table) + deletion_tables(plan.changes)
    return shown + left_alone_html(plan)


def _headed(change: Change) -> Markup:
    """What is done to which group, and why."""
    return Markup("<strong>{}</strong><br>{}<br>{}").format(
        change.kind.title,
        text_html(change.display_name) if change.display_name else t("all groups"),
        sentence_html(change.why),
    )


def _object(change: Change) -> Markup:
    """The object, and what becomes of it in one sentence where there are no values that say so."""
    said = text_html(change.payload.object_name)
    if change.payload.route is Route.DIRECT:
        return said
    return Markup("{}<br>{}").format(said, sentence_html(joined(change.payload.summary(change.kind), "; ")))


def _values_listed(change: Change) -> Markup:
    changed, new = Markup("{}: {} → {}"), Markup("{}: {}{}")
    lines = [
        (changed if value.before else new).format(text_html(value.name), *map(text_html, _sides(value)))
        for value in change.payload.value_differences()
    ]
    return Markup("<br>").join(lines)


def _sides(value: ValueDifference) -> tuple[str, str]:
    """Both values, told apart; no first one where there was none."""
    before, after = distinct_names(values_text(value.before), values_text(value.after))
    return (before if value.before else ""), after


def _members_listed(change: Change) -> Markup:
    """Names of the members of a change, a name each; the tooltip has the whole DN."""
    found = change.payload.member_differences()
    shown = Markup()
    for added, title in ((True, t("added: ")), (False, t("removed: "))):
        names = [member_name(one) for one in found if one.added is added]
        if not names:
            continue
        listed = Markup("; ").join(
            Markup('<span title="{}">{}</span>').format(printable(name), text_html(_short(name)))
            for name in names[:_MOST_MEMBERS]
        )
        more = len(names) - _MOST_MEMBERS
        rest = t("; and {more:,} more, in plan.json", more=more) if more > 0 else NOTHING
        shown += Markup("<div>{}{}{}</div>").format(title, listed, rest)
    return shown


def _short(name: str) -> str:
    """The first value of a distinguished name; any other name as it is."""
    with suppress(MalformedDnError):
        return rdn_value(name)
    return name
