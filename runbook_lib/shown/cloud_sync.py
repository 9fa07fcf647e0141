"""The route cloud-sync: what AD will look like, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runbook_lib.cloud_sync.predicted import Predicted, PredictedGroup
from runbook_lib.cloud_sync.scope import Known
from runbook_lib.model.text import Text, counted, joined, t, verbatim
from runbook_lib.routes.cloud_sync.watch import Arrival
from runbook_lib.shown.html import View, banner_html, rows_html


def prediction_view(groups: Sequence[PredictedGroup]) -> View:
    """For each group the name, OU and account name that AD will have, and how many members are written."""
    known = sum(group.dn.known and not group.count(Known.UNKNOWN) for group in groups)
    text = t(
        "What AD will look like: {all}, {known} of them known for certain.",
        all=counted(len(groups), "group"),
        known=known,
    )
    table = rows_html(
        (
            t("Group"),
            t("Distinguished name"),
            t("sAMAccountName"),
            t("Members written"),
            t("Not written"),
            t("Not known"),
            t("What is wrong"),
        ),
        [
            (
                group.display_name,
                _value(group.dn),
                _value(group.account_name),
                group.count(Known.YES),
                group.count(Known.NO),
                group.count(Known.UNKNOWN),
                joined(trouble.what for trouble in group.troubles),
            )
            for group in groups
        ],
        caption=t("AD as Cloud Sync will make it"),
        limit=200,
    )
    return View(banner_html("neutral", text, t("Cloud Sync itself says nothing before it writes.")) + table, text)


def others_view(groups: Sequence[PredictedGroup]) -> View:
    """Groups that nobody selected and that the new mapping renames or moves: where they are, and what becomes of it."""
    text = t("Also renamed or moved, though nobody selected it: {count}.", count=counted(len(groups), "group"))
    table = rows_html(
        (t("Group"), t("Distinguished name now"), t("Distinguished name"), t("sAMAccountName")),
        [(group.display_name, group.present_dn, _value(group.dn), _value(group.account_name)) for group in groups],
        caption=t("Groups that nobody selected"),
        limit=200,
    )
    return View(
        banner_html("attention", text, t("A configuration has one mapping for all of its groups.")) + table, text
    )


def arrivals_view(seen: Sequence[Arrival]) -> View:
    """Each group as AD holds it now, compared with what was predicted."""
    good = sum(not one.differences for one in seen)
    text = t("{good} of {all} are in AD as predicted.", good=good, all=counted(len(seen), "group"))
    table = rows_html(
        (t("Group"), t("AD object"), t("objectGUID"), t("objectSid"), t("Members"), t("Compared")),
        [
            (
                one.group.display_name,
                one.present.dn if one.present else "",
                one.present.guid if one.present else "",
                (one.present.sid or "") if one.present else "",
                len(one.present.members or ()) if one.present else 0,
                joined(difference.what for difference in one.differences) or t("as predicted"),
            )
            for one in seen
        ],
        caption=t("Groups in AD"),
        limit=200,
    )
    banner = banner_html("good" if good == len(seen) else "attention", text)
    return View(banner + table, text)


def left_view(before: Mapping[str, str], now: Mapping[str, str], names: Mapping[str, str]) -> View:
    """The AD objects of groups that left the scope: where they were, and where they are right after it.

    Args:
        before: Cloud group id to the DN of its AD object when the plan was made.
        now: The same now; a group whose object is gone is missing.
        names: Cloud group id to its name.
    """
    stay = sum(group in now for group in before)
    text = t("AD objects of groups that left the scope: {all}, {stay} of them still there.", all=len(before), stay=stay)
    table = rows_html(
        (t("Group"), t("AD object before"), t("AD object now")),
        [(names.get(group, group), dn, now.get(group) or t("gone")) for group, dn in sorted(before.items())],
        caption=t("AD objects after the scope was left"),
        limit=200,
    )
    later = t("Microsoft's pages do not say what becomes of them. Look again after Cloud Sync's next run.")
    return View(banner_html("neutral", text, later) + table, text)


def _value(predicted: Predicted) -> Text:
    return verbatim(predicted.value) if predicted.known else predicted.why
