"""Sentences of the route cloud-sync hold for one as for many: a number has its noun from ``counted``, and no verb."""

from __future__ import annotations

import ast
import re

from tests.docs.templates import calls

PLACES = re.compile(
    r"routes/cloud_sync/|cloud_sync/|notebook/(cloud_sync|authority)|shown/cloud_sync|preflight/checks/cloud_sync"
    r"|model/predicted\.py"
)
"""Where the sentences of the route stand."""
NOUNS = (
    "accounts|applications|changes|configurations|differences|groups|jobs|members|minutes|objects|requests|rows|times"
    "|units|users|values"
)
VERBS = "arrive|arrived|are|carry|change|come|have|hold|keep|leave|stay|wait|were|write"
NUMBER_AND_NOUN = re.compile(
    r"\{(\w+)(?:!\w)?(?::[^}]*)?\} (?:(?:more|direct|selected|security|nested|AD|Cloud Sync) )?(?:" + NOUNS + r")\b"
)
NUMBER_AND_VERB = re.compile(r"^\{(?:count|groups|members|wrong|waiting)(?::[^}]*)?\} (?:" + VERBS + r")\b")
NUMBER_THAT_VERB = re.compile(r"\{(?!names?\b)\w+(?::[^}]*)?\}(?: \w+)? that (?:" + VERBS + r")\b")
NEVER_ONE = {
    "The configuration {id} has {count} jobs for groups.",
    "{count} applications of Cloud Sync are named {domain} and have no job: {ids}.",
    "The configuration maps groups to AD {count} times, not once.",
    "{count} configurations of that name were made: {ids}",
    "it has {count} jobs of this template, not one",
    "The tenant has {count} configurations that write groups already.",
    "The tenant has {count} Cloud Sync configurations, and {most} are the most.",
    "{count} Cloud Sync configurations write groups to {domain}: {names}.",
    "{job_name} last succeeded {minutes:,} minutes ago.",
    "A run every {seconds} minutes.",
    "{groups:,} groups of {most:,}",
    "{groups:,} groups are assigned; the portal selects and shows {shown_in_portal} of them.",
    "A configuration has {written:,} groups of {groups:,} in scope.",
    "{jobs} Cloud Sync configurations write groups.{overlaps}",
    "{members} direct members of {most:,}",
    "{large} of more than {largest_group:,} direct members: {some}",
}
"""Templates whose number is a limit of Microsoft's, or beyond one by what leads there."""
LIMITS = (
    "Selected: up to {groups:,} groups",
    "All groups with a filter is for tenants below",
    "{looked_at:,} of {all_",
)
"""Beginnings of others, which are longer."""


def sentences() -> list[tuple[str, str]]:
    """Place and template of every sentence of the route that is a literal."""
    return [
        (place, node.args[0].value)
        for place, node in calls()
        if PLACES.match(place) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    ]


def test_no_sentence_counts_one_groups() -> None:
    wrong = [
        f"{place}: {template}"
        for place, template in sentences()
        if any(one.search(template) for one in (NUMBER_AND_NOUN, NUMBER_AND_VERB, NUMBER_THAT_VERB))
        and template not in NEVER_ONE
        and not template.startswith(LIMITS)
    ]
    assert not wrong, "counted(number, noun) says 1 group, 2 groups:\n" + "\n".join(wrong)


def test_what_is_said_to_be_never_one_is_still_said() -> None:
    assert {template for _, template in sentences()} >= NEVER_ONE
