"""Wait until AD is as Cloud Sync was predicted to make it, and say what is otherwise when the time is over.

Nothing is written here. Cloud Sync runs every 20 minutes by itself (Microsoft Entra documentation, "Prerequisites for
provisioning to Active Directory"); a group that is provisioned on demand is there within seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.cloud_sync.predicted import Difference, PredictedGroup, differences
from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.graph.tenant.jobs import JobState
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.text import Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.planning import accounts_of

POLL = timedelta(seconds=15)
"""Between two looks at AD."""
_COMES_BY_ITSELF = frozenset({"not-there", "members-missing"})
_CHANGES_BY_ITSELF = frozenset({"elsewhere", "named-otherwise", "account-name"})
_RUNS = frozenset({JobState.ACTIVE, JobState.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Arrival:
    """One predicted group, and what AD holds of it now.

    Attributes:
        group: The prediction.
        present: Its AD object; None: there is none, or several.
        differences: Empty where AD is as predicted.
    """

    group: PredictedGroup
    present: DirectoryGroup | None
    differences: tuple[Difference, ...]

    @property
    def waits(self) -> bool:
        """Whether it can still come right by itself; an object that is as it was is still to be changed."""
        unchanged = self.present is not None and self.present.dn.casefold() == self.group.present_dn.casefold()
        by_itself = _COMES_BY_ITSELF | _CHANGES_BY_ITSELF if unchanged else _COMES_BY_ITSELF
        return bool(self.differences) and all(one.code in by_itself for one in self.differences)


class WatchedGroups:
    """What AD holds of predicted groups, looked at as often as wanted."""

    def __init__(self, groups: AnchoredGroups, inventory: Inventory, containers: Collection[str]) -> None:
        self._groups = groups
        self._guid_of_dn = inventory.index.guid_of_dn
        self._accounts = accounts_of(inventory)
        self._containers = containers

    def look(self, chosen: Sequence[PredictedGroup]) -> list[Arrival]:
        """Every group with what is there of it now.

        Raises:
            RunbookError: AD cannot be searched.
        """
        found = self._groups.look([group.group_id for group in chosen], self._containers)
        accounts = {**self._accounts, **{owner: some[0].guid for owner, some in found.items() if len(some) == 1}}
        by_dn = {group.dn.casefold(): group.guid for some in found.values() for group in some}
        arrivals = []
        for group in chosen:
            some = found.get(group.group_id, ())
            present = some[0] if len(some) == 1 else None
            members = frozenset(self._guid(dn, by_dn) for dn in ((present.members or ()) if present else ()))
            arrivals.append(Arrival(group, present, differences(group, present, members, accounts)))
        return arrivals

    def has(self, group_id: str, members: Sequence[str]) -> bool:
        """Whether AD has the object of a group with these members (ids) in it; members without an account count not.

        Raises:
            RunbookError: AD cannot be searched.
        """
        some = self._groups.look([group_id], self._containers).get(group_id, ())
        there = {self._guid(dn, {}) for group in some for dn in group.members or ()}
        return bool(some) and {self._accounts[one] for one in members if one in self._accounts} <= there

    def names(self, group_ids: Sequence[str]) -> dict[str, str]:
        """Cloud group id to the DN of its AD object now, sorted; several of one group are joined by "; ".

        Raises:
            RunbookError: AD cannot be searched.
        """
        found = self._groups.look(group_ids, self._containers)
        return {owner: "; ".join(sorted(group.dn for group in found[owner])) for owner in sorted(found)}

    def guids(self, group_ids: Sequence[str]) -> list[str]:
        """GUIDs of the AD objects of groups, sorted."""
        found = self._groups.look(group_ids, self._containers)
        return sorted(group.guid for some in found.values() for group in some)

    def _guid(self, dn: str, by_dn: Mapping[str, str]) -> str:
        return self._guid_of_dn(dn) or by_dn.get(dn.casefold()) or dn


def watch(
    look: Callable[[], list[Arrival]],
    state: Callable[[], JobState],
    *,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Callable[[str, int, int | None], None],
) -> tuple[list[Arrival], JobState]:
    """Look until everything is as predicted, nothing more can come by itself, the job stops, or the time is over.

    Args:
        look: Looks at AD.
        state: Asks for the state of the job.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told of what is as predicted, after every look.

    Returns:
        What was seen last, and the state of the job then.

    Raises:
        RunbookError: AD or the job cannot be looked at.
    """
    until = clock() + wait
    while True:
        seen, now = look(), state()
        good = sum(not one.differences for one in seen)
        left = until - clock()
        progress(
            t("as predicted, {minutes} min left", minutes=max(0, int(left.total_seconds() // 60))), good, len(seen)
        )
        if left <= timedelta(0) or now not in _RUNS or not any(one.waits for one in seen):
            return seen, now
        sleep(min(POLL, left).total_seconds())


def end_of_watch(seen: Sequence[Arrival], state: JobState, waited: timedelta) -> RunbookError | None:
    """What the last look means; None where everything is as predicted."""
    wrong = [one for one in seen if one.differences and not one.waits]
    waiting = [one for one in seen if one.waits]
    if wrong:
        first = wrong[0]
        return VerificationFailed(
            t(
                "{wrong} arrived otherwise than predicted; the first is {name!r}: {differences}",
                wrong=counted(len(wrong), "group"),
                name=printable(first.group.display_name, limit=80),
                differences=_differences_text(first),
            ),
            code="not-as-predicted",
            hint=t("Look at the table. Somebody else, or another mapping, decides about these groups."),
            values={"groups": [one.group.group_id for one in wrong], "waiting": len(waiting)},
        )
    if not waiting:
        return None
    first = waiting[0]
    stopped = state not in _RUNS
    return AwaitingHandoff(
        t(
            "{waiting} of {all} are not as predicted after {minutes} minutes; the first is {name!r}: {differences}",
            waiting=len(waiting),
            all=counted(len(seen), "group"),
            minutes=int(waited.total_seconds() // 60),
            name=printable(first.group.display_name, limit=80),
            differences=_differences_text(first),
        ),
        code="job-stopped" if stopped else "not-arrived-yet",
        hint=t(
            "The job is {state}: look at it in the Entra admin center, then run the notebook again.", state=state.value
        )
        if stopped
        else t(
            "Cloud Sync runs every 20 minutes. Run the notebook again: it goes on watching. Where people never come, "
            "'Provision membership to on-premises users' may be off in the configuration."
        )
        if any(difference.code == "members-missing" for one in waiting for difference in one.differences)
        else t("Cloud Sync runs every 20 minutes. Run the notebook again: it goes on watching."),
        values={"groups": [one.group.group_id for one in waiting], "state": state.value},
    )


def _differences_text(arrival: Arrival) -> Text:
    return joined(one.what for one in arrival.differences)
