"""The route cloud-sync: what AD will look like, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from markupsafe import Markup

from runbook_lib.cloud_sync.group_dn import Placement
from runbook_lib.cloud_sync.predicted import PredictedGroup
from runbook_lib.cloud_sync.service_errors import ServiceError
from runbook_lib.graph.tenant.jobs import JobStatus
from runbook_lib.graph.tenant.provisioning_log import LogEntry
from runbook_lib.model.finding import Finding
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.predicted import Known, Predicted
from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.authority.watch import AuthoritySeen, NameSeen
from runbook_lib.routes.cloud_sync.watching.arrivals import Arrival
from runbook_lib.routes.cloud_sync.watching.leaving import LeftGroup
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
        (
            t("Group"),
            t("Distinguished name now"),
            t("Distinguished name"),
            t("sAMAccountName now"),
            t("sAMAccountName"),
        ),
        [
            (
                group.display_name,
                group.present_dn,
                _value(group.dn),
                group.present_account_name,
                _value(group.account_name),
            )
            for group in groups
        ],
        caption=t("Groups that nobody selected"),
        limit=200,
    )
    return View(
        banner_html("attention", text, t("A configuration has one mapping for all of its groups.")) + table, text
    )


def arrivals_view(seen: Sequence[Arrival], log: Mapping[str, LogEntry]) -> View:
    """Each group as AD holds it now, compared with the prediction, and what the provisioning log says last of it."""
    good = sum(not one.differences for one in seen)
    text = t("In AD as predicted: {good} of {all}.", good=good, all=counted(len(seen), "group"))
    table = rows_html(
        (
            t("Group"),
            t("AD object"),
            t("objectGUID"),
            t("objectSid"),
            t("Members"),
            t("Compared"),
            t("Provisioning log"),
        ),
        [
            (
                one.group.display_name,
                one.present.dn if one.present else "",
                one.present.guid if one.present else "",
                (one.present.sid or "") if one.present else "",
                len(one.present.members or ()) if one.present else 0,
                joined(difference.what for difference in one.differences) or t("as predicted"),
                _logged(log.get(one.group.group_id)),
            )
            for one in seen
        ],
        caption=t("Groups in AD"),
        limit=200,
    )
    banner = banner_html("good" if good == len(seen) else "attention", text)
    return View(banner + table, text)


def left_view(seen: Sequence[LeftGroup], finding: Finding, log: Mapping[str, LogEntry]) -> View:
    """Groups that left the scope, with what became of their AD objects."""
    table = rows_html(
        (t("Group"), t("AD object before"), t("AD object now"), t("What became of it"), t("Provisioning log")),
        [
            (
                one.display_name,
                one.before.dn if one.before else "",
                one.now.dn if one.now else "",
                joined(one.changes) or t("as before"),
                _logged(log.get(one.group_id)),
            )
            for one in seen
        ],
        caption=t("Groups that left the scope"),
        limit=200,
    )
    return View(banner_html("neutral", finding.seen, finding.why) + table, finding.seen)


def job_view(status: JobStatus, at: datetime) -> View:
    """When the job last ran, beside when an earlier run under this change id wrote."""
    ran = to_the_minute(status.ran) if status.ran else t("not at all")
    text = t("The change was carried out at {at}; the job last ran: {ran}.", at=to_the_minute(at), ran=ran)
    return View(banner_html("neutral", text), text)


def log_view(entries: Sequence[LogEntry], *, cut: bool) -> View:
    """Rows of the provisioning log about the groups of this run."""
    failed = sum(entry.status == "failure" for entry in entries)
    text = t(
        "The provisioning log has {rows} about these groups, {failed:,} with a failure.",
        rows=counted(len(entries), "row"),
        failed=failed,
    )
    if cut:
        text = joined((text, t("It is longer than what was read: the oldest rows are kept.")))
    table = rows_html(
        (t("At"), t("Group"), t("Done"), t("Result"), t("Changed"), t("What it means")),
        [
            (
                to_the_minute(entry.at),
                entry.name,
                entry.action,
                entry.status,
                ", ".join(entry.changed),
                ServiceError(entry.code, entry.message).text,
            )
            for entry in entries
        ],
        caption=t("Provisioning log"),
        limit=100,
    )
    return View(banner_html("attention" if failed else "neutral", text) + (table if entries else Markup()), text)


def _logged(entry: LogEntry | None) -> Text:
    """The last row about a group, in a few words."""
    if entry is None:
        return NOTHING
    what = t("{action}, {status}", action=printable(entry.action, limit=40), status=printable(entry.status, limit=40))
    why = ServiceError(entry.code, entry.message).text
    return t("{what}: {why}", what=what, why=why) if why else what


def placements_view(placements: Mapping[str, Placement], names: Mapping[str, str]) -> View:
    """Where the AD objects of converted groups are, and where they will be once the groups are in scope."""
    same = sum(one.same for one in placements.values())
    text = t("OU and name stay: {same} of {all}.", same=same, all=counted(len(placements), "group"))
    table = rows_html(
        (t("Group"), t("Distinguished name now"), t("Distinguished name in scope")),
        [
            (
                names.get(key, key),
                one.dn,
                one.why or (t("the same") if one.same else verbatim(f"CN={one.cn},{one.container}")),
            )
            for key, one in placements.items()
        ],
        caption=t("AD objects of converted groups"),
        limit=200,
    )
    return View(banner_html("neutral" if same == len(placements) else "attention", text) + table, text)


def authority_view(seen: Sequence[AuthoritySeen]) -> View:
    """Who is the source of authority of each group now."""
    good = sum(one.good for one in seen)
    text = t("Source of authority as wanted: {good} of {all}.", good=good, all=counted(len(seen), "group"))
    table = rows_html(
        (t("Group"), t("Source of authority")),
        [(one.display_name, one.state) for one in seen],
        caption=t("Source of authority"),
        limit=200,
    )
    return View(banner_html("good" if good == len(seen) else "attention", text) + table, text)


def names_view(seen: Sequence[NameSeen]) -> View:
    """Which groups have their distinguished name in the extension."""
    good = sum(one.good for one in seen)
    text = t(
        "Distinguished name in the extension: {good} of {all}.",
        good=good,
        all=counted(len(seen), "group"),
    )
    table = rows_html(
        (t("Group"), t("Distinguished name now"), t("In the extension")),
        [(one.display_name, one.dn, one.state) for one in seen],
        caption=t("Distinguished names in the extension"),
        limit=200,
    )
    return View(banner_html("good" if good == len(seen) else "attention", text) + table, text)


def _value(predicted: Predicted) -> Text:
    return verbatim(predicted.value) if predicted.known else predicted.why
