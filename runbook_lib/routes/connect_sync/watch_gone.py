"""Wait until the groups of v1 are gone from AD, and prove that no other group went with them; it writes nothing.

AD is asked for the controller's highest update sequence number; only where that moved are the groups of the domain
listed again, by GUID alone. A deletion has no other trace for an account that may not list deleted objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import equals
from runbook_lib.directory.sign_in.connect import committed_usn
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.text import counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.watching.loop import look_until
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup

OTHER_GROUPS_GONE = "other-groups-gone"
"""Of the finding and of the error where groups are missing which nobody meant to go."""
_WHOLE_EVERY = 20
"""Of so many looks one lists the groups whatever the number says: every five minutes."""


class StandingGroups:
    """Every group of a domain that stands there, by its GUID.

    Args:
        directory: The pinned domain controller.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._number = -1
        self._found: frozenset[ObjectGuid] = frozenset()

    def look(self, changed_only: bool) -> frozenset[ObjectGuid]:
        """Their GUIDs now; with ``changed_only`` what was listed before, where nothing at all changed since.

        Raises:
            RunbookError: AD cannot be asked.
        """
        number = committed_usn(self._directory)
        if not changed_only or number != self._number or not number:
            base = self._directory.controller.default_naming_context
            found = self._directory.collect(
                base, equals("objectClass", "group"), ("objectGUID",), lambda entry: entry.guid
            )
            self._number, self._found = number, frozenset(found)
        return self._found


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
    progress: Callable[[str, int, int | None], None],
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


def end_of_gone(seen: GoneSeen, *, accepted: bool = False) -> RunbookError | None:
    """What the last look means; None where everything went that had to, and nothing else.

    Args:
        seen: What the watch ended with.
        accepted: Whether somebody acknowledged what else went.
    """
    found = () if accepted else lost_finding(seen)
    if found:
        return VerificationFailed(
            found[0].seen, code=OTHER_GROUPS_GONE, hint=found[0].to_do, values={"objects": sorted(seen.lost)}
        )
    if not seen.waiting:
        return None
    names = first_of([printable(one.display_name, limit=80) for one in seen.waiting], 5)
    return AwaitingHandoff(
        t(
            "{waiting} of {groups} stand in AD still, after {minutes} minutes: {names}.",
            waiting=len(seen.waiting),
            groups=counted(len(seen.going), "AD group"),
            minutes=int(seen.waited.total_seconds() // 60),
            names=names,
        ),
        code="groups-not-gone",
        hint=t(
            "Do what was handed over: the wizard first, then a cycle. Where the cycle ended with "
            "stopped-deletion-threshold-exceeded, somebody has to let the deletions through. Then run this notebook "
            "again with the same change id: it waits for the rest."
        ),
        values={"waiting": len(seen.waiting), "gone": len(seen.gone)},
    )
