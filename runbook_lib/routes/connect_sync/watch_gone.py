"""Wait until the groups of v1 are gone from AD, and prove that no other group went with them; it writes nothing.

AD is asked for the controller's highest update sequence number; only where that moved are the groups of the domain
listed again, by GUID alone. A deletion has no other trace for an account that may not list deleted objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.search import equals
from runbook_lib.directory.sign_in.connect import committed_usn
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.text import counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.watching.loop import POLL
from runbook_lib.routes.connect_sync.leaving_actions import GoingGroup

OTHER_GROUPS_GONE = "other-groups-gone"
"""Code of the error of a watch that misses groups which nobody meant to go."""


class StandingGroups:
    """Every group of a domain that stands there, by its GUID.

    Args:
        directory: The pinned domain controller.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._number = -1
        self._found: frozenset[ObjectGuid] = frozenset()

    def look(self) -> frozenset[ObjectGuid]:
        """Their GUIDs now; what was listed before, where nothing at all changed since.

        Raises:
            RunbookError: AD cannot be asked.
        """
        number = committed_usn(self._directory)
        if number != self._number or not number:
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
    waited: timedelta
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
    look: Callable[[], frozenset[ObjectGuid]],
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
        look: GUIDs of the groups that stand in the domain (``StandingGroups.look``).
        going: The groups that are to go.
        before: GUID to name of every group of the domain before the change.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look how many are gone.

    Raises:
        RunbookError: AD cannot be asked.
    """
    began, cancelled = clock(), False
    until = began + wait
    named = {one.guid for one in going}
    while True:
        there = look()
        left = until - clock()
        standing = frozenset(named & there)
        lost = {guid: name for guid, name in before.items() if guid not in there and guid not in named}
        seen = GoneSeen(going, standing, lost, clock() - began, cancelled)
        minutes = max(0, int(left.total_seconds() // 60))
        progress(t("gone, {minutes} min left", minutes=minutes), len(seen.gone), len(going))
        if left <= timedelta(0) or not seen.waiting:
            return seen
        try:
            sleep(min(POLL, left).total_seconds())
        except KeyboardInterrupt:
            cancelled, until = True, clock()


def end_of_gone(seen: GoneSeen) -> RunbookError | None:
    """What the last look means; None where everything went that had to, and nothing else."""
    if seen.lost:
        names = first_of([printable(name, limit=120) for name in sorted(seen.lost.values())], 5, "; ")
        return VerificationFailed(
            t(
                "{groups} that the plan does not name are gone from the domain: {names}.",
                groups=counted(len(seen.lost), "AD group"),
                names=names,
            ),
            code=OTHER_GROUPS_GONE,
            hint=t(
                "Find out who deleted them: the audit log of the domain controllers, the runs of the Connect server. "
                "They can be brought back from the deleted objects by hand."
            ),
            values={"objects": sorted(seen.lost)},
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
