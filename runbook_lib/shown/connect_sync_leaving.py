"""The route connect-sync, leaving it: what goes and what hangs on it, and what has gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from runbook_lib.connect.removed import Removal
from runbook_lib.connect.uses import Uses
from runbook_lib.model.predicted import Known
from runbook_lib.model.text import Text, counted, t
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup
from runbook_lib.routes.connect_sync.watch_gone import GoneSeen
from runbook_lib.shown.html import View, banner_html, rows_html

_USES_SHOWN = 200
"""Rows that the page lists; uses.csv has all of them."""


def leaving_view(removals: Sequence[Removal], uses: Uses) -> View:
    """Each group that goes, with its SID, members and owner, and everything that hangs on it."""
    counts = Counter(use.guid for use in uses.all)
    text = t(
        "With v1 go {groups}; what hangs on them: {uses}.",
        groups=counted(len(removals), "AD group"),
        uses=counted(len(uses.all), "use"),
    )
    groups = rows_html(
        (
            t("Group"),
            t("Distinguished name"),
            t("objectSid"),
            t("Members"),
            t("managedBy"),
            t("Goes"),
            t("What hangs on it"),
        ),
        [
            (
                one.display_name,
                one.present.dn,
                one.present.sid or "",
                len(one.present.members) if one.present.members is not None else t("not read"),
                one.present.text("managedBy") or "",
                t("yes") if one.certain is Known.YES else one.why,
                counts[one.present.guid],
            )
            for one in removals
        ],
        caption=t("AD groups that the next cycle deletes"),
        limit=200,
    )
    names = {one.present.guid: one.display_name for one in removals}
    hanging = rows_html(
        (t("Group"), t("Kind"), t("What hangs on it"), t("In what way")),
        [(names.get(use.guid, ""), use.kind.value, use.holder, use.what) for use in uses.all],
        caption=t("What hangs on these groups"),
        limit=_USES_SHOWN,
    )
    looked = rows_html(
        (t("Not looked at"),), [(one,) for one in uses.not_looked_at], caption=t("Where nobody looked"), limit=20
    )
    return View(banner_html("attention", text) + groups + (hanging if uses.all else Markup()) + looked, text)


def gone_view(seen: GoneSeen) -> View:
    """Each group that was to go, and whether it is gone; what went beside them."""
    good = not seen.waiting and not seen.lost
    text = t(
        "{gone} of {groups} are gone; other groups that are gone: {lost}.",
        gone=len(seen.gone),
        groups=counted(len(seen.going), "AD group"),
        lost=len(seen.lost),
    )
    table = rows_html(
        (t("Group"), t("Distinguished name"), t("objectGUID"), t("objectSid"), t("State")),
        [
            (one.display_name, one.dn, one.guid, one.sid, _state(seen, one))
            for one in sorted(seen.going, key=lambda one: one.guid not in seen.standing)
        ],
        caption=t("Groups of v1"),
        limit=200,
    )
    lost = rows_html(
        (t("Group"), t("objectGUID")),
        [(name, guid) for guid, name in sorted(seen.lost.items(), key=lambda pair: pair[1])],
        caption=t("Other groups that are gone"),
        limit=200,
    )
    return View(banner_html("good" if good else "attention", text) + table + (lost if seen.lost else Markup()), text)


def _state(seen: GoneSeen, one: GoingGroup) -> Text:
    if one.guid not in seen.standing:
        return t("gone")
    return t("stands there still") if one.certain else t("stands there still; it was not certain that it goes")
