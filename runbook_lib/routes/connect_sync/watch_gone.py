"""Wait until the groups of v1 are gone from AD, and prove that no other group went with them; it writes nothing.

Between two whole looks the OU alone is asked, by change number. A whole look lists every group of the domain by its
GUID: the first look is one, every twentieth, and the one that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runbook_lib.connect.document import THRESHOLD_EXCEEDED
from runbook_lib.directory.below import GroupsBelow
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import Entry, equals
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.text import NOTHING, Progress, Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup
from runbook_lib.routes.connect_sync.watch import (
    FIND_THE_CAUSE,
    ServerNow,
    export_not_whole,
    why_nothing_is_exported,
)
from runbook_lib.routes.look_until import look_until

OTHER_GROUPS_GONE = "other-groups-gone"
"""Of the finding and of the error where groups are missing which nobody meant to go."""
_WHOLE_EVERY = 20
"""Of so many looks one lists the groups whatever the number says: every five minutes."""


class StandingGroups:
    """Every group of a domain that stands there, by its GUID.

    Args:
        directory: The pinned domain controller.
        ou: DN of the OU of written groups.
    """

    def __init__(self, directory: Directory, ou: str) -> None:
        self._directory = directory
        self._below = GroupsBelow(directory, ou)
        self._elsewhere: frozenset[ObjectGuid] | None = None
        """GUIDs of all groups but those with an anchor in the OU, by the last whole look."""

    def look(self, changed_only: bool) -> frozenset[ObjectGuid]:
        """Their GUIDs now; with ``changed_only`` those outside of the OU as they were at the last whole look.

        Raises:
            RunbookError: AD cannot be asked.
        """
        changed_only = changed_only and self._elsewhere is not None
        found = self._below.look(changed_only=changed_only)
        below = frozenset(one.guid for some in found.values() for one in some)
        if changed_only and self._elsewhere is not None:
            return self._elsewhere | below
        base = self._directory.controller.default_naming_context
        everywhere = self._directory.collect(base, equals("objectClass", "group"), ("objectGUID",), _guid)
        self._elsewhere = frozenset(everywhere) - below
        return frozenset(everywhere)


def _guid(entry: Entry) -> ObjectGuid:
    return entry.guid


@dataclass(frozen=True, slots=True)
class GoneSeen:
    """What became of the groups.

    Attributes:
        going: The groups that were to go.
        standing: GUIDs of those of them that stand there still.
        lost: GUID to name of groups that were not to go, and are gone.
        waited: How long was waited.
        cancelled: Whether somebody interrupted it.
    """

    going: Sequence[GoingGroup]
    standing: frozenset[ObjectGuid]
    lost: Mapping[ObjectGuid, str]
    waited: timedelta = timedelta(0)
    cancelled: bool = False

    @property
    def waiting(self) -> tuple[GoingGroup, ...]:
        """Those that go for sure and stand there still."""
        return tuple(one for one in self.going if one.certain and one.guid in self.standing)

    @property
    def gone(self) -> tuple[GoingGroup, ...]:
        """Those that are gone."""
        return tuple(one for one in self.going if one.guid not in self.standing)

    @property
    def stayed(self) -> tuple[GoingGroup, ...]:
        """Those of which it was not certain, and that stand there still."""
        return tuple(one for one in self.going if not one.certain and one.guid in self.standing)


def watch_gone(
    look: Callable[[bool], frozenset[ObjectGuid]],
    going: Sequence[GoingGroup],
    before: Mapping[ObjectGuid, str],
    *,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Progress,
) -> GoneSeen:
    """Look until every group that goes for sure is gone, or the time is over.

    An interruption (Ctrl-C, "Interrupt the kernel") ends the waiting and nothing else: AD is looked at once more.

    Args:
        look: GUIDs of the groups that stand in the domain (``StandingGroups.look``); told whether what changed since
            the last look is enough.
        going: The groups that are to go.
        before: GUID to name of every group of the domain before the change.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look how many are gone.

    Raises:
        RunbookError: AD cannot be asked.
    """
    named = {one.guid for one in going}

    def seen(there: frozenset[ObjectGuid]) -> GoneSeen:
        lost = {guid: name for guid, name in before.items() if guid not in there and guid not in named}
        return GoneSeen(going, frozenset(named & there), lost)

    def told(now: GoneSeen, left: timedelta) -> None:
        minutes = max(0, int(left.total_seconds() // 60))
        progress(t("gone, {minutes} min left", minutes=minutes), len(now.gone), len(going))

    ended = look_until(
        lambda changed_only: seen(look(changed_only)),
        lambda now: not now.waiting,
        whole_every=_WHOLE_EVERY,
        wait=wait,
        clock=clock,
        sleep=sleep,
        progress=told,
    )
    return replace(ended.seen, waited=ended.waited, cancelled=ended.cancelled)


def lost_finding(seen: GoneSeen) -> tuple[Finding, ...]:
    """Groups that nobody meant to go, as something to be accepted; none where nothing else went."""
    if not seen.lost:
        return ()
    names = first_of([printable(name, limit=120) for name in sorted(seen.lost.values())], 5, "; ")
    return (
        Finding(
            id=OTHER_GROUPS_GONE,
            severity=Severity.BLOCKING,
            seen=t(
                "{groups} that the plan does not name are gone from the domain: {names}.",
                groups=counted(len(seen.lost), "AD group"),
                names=names,
            ),
            expected=t("Nothing went but what the plan names."),
            why=t("Connect or somebody else deleted them meanwhile; which of the two, AD does not say."),
            to_do=t(
                "Find out who deleted them: the audit log of the domain controllers, the runs of the Connect server. "
                "Bring them back from the deleted objects by hand, or acknowledge this finding where they were meant "
                "to go."
            ),
            values={"objects": sorted(seen.lost)},
            acknowledgeable=True,
        ),
    )


def end_of_gone(
    seen: GoneSeen, server: ServerNow, since: datetime | None, *, accepted: bool = False
) -> RunbookError | None:
    """What the last look means; None where everything went that had to, nothing else did, and v1 is not on again.

    Args:
        seen: What the watch ended with.
        server: What is known of the Connect server since the hand-over.
        since: When the wizard was handed over.
        accepted: Whether somebody acknowledged what else went.
    """
    found = () if accepted else lost_finding(seen)
    if found:
        return VerificationFailed(
            found[0].seen, code=OTHER_GROUPS_GONE, hint=found[0].to_do, values={"objects": sorted(seen.lost)}
        )
    if not seen.waiting:
        return _on_again() if server.v1 is Switch.ON and seen.going else None
    code, why, to_do = _why_not(server, since)
    return AwaitingHandoff(
        joined(
            (
                t("Watching was interrupted.") if seen.cancelled else NOTHING,
                why,
                t(
                    "{waiting} of {groups} stand in AD still, after {minutes} of waiting: {names}.",
                    waiting=len(seen.waiting),
                    groups=counted(len(seen.going), "AD group"),
                    minutes=counted(int(seen.waited.total_seconds() // 60), "minute"),
                    names=first_of([printable(one.display_name, limit=80) for one in seen.waiting], 5),
                ),
            )
        ),
        code=code,
        hint=joined((to_do, t("Run this notebook again with the same change id: it goes on waiting."))),
        values={"waiting": len(seen.waiting), "gone": len(seen.gone)},
    )


def _on_again() -> VerificationFailed:
    return VerificationFailed(
        t("The groups are gone, and group writeback v1 is on: it makes new objects with other SIDs."),
        code="v1-on-again",
        hint=t(
            "Find out who switched it on. Where no cycle has run yet, switch it off again; 60-undo-change then brings "
            "the old objects back first."
        ),
    )


def _why_not(server: ServerNow, since: datetime | None) -> tuple[str, Text, Text]:
    """Code, reason and what to do: the gravest thing that is known to keep the groups there."""
    if server.v1 is Switch.ON:
        return (
            "wizard-not-cleared",
            t("Group writeback v1 is still on: the wizard was not gone through to its end."),
            t("Do what hand-off-switch-off.txt says, as far as Configure and Exit; then let one cycle run."),
        )
    if resting := why_nothing_is_exported(server):
        return resting
    run = server.last_export(since)
    if run is not None and run.result == THRESHOLD_EXCEEDED:
        return (
            "export-stopped",
            t("The deletion threshold stopped the export, so that nothing of it was deleted."),
            t(
                "Compare what is pending with the groups of this plan. Where it is these alone, an administrator "
                "raises the threshold for one cycle and sets it back."
            ),
        )
    if run is not None and (broken := export_not_whole(run)):
        return "export-stopped", broken, FIND_THE_CAUSE
    return (
        "groups-not-gone",
        NOTHING,
        t("Do what was handed over, the wizard first, then one cycle. A new file of the collector says what happened."),
    )
