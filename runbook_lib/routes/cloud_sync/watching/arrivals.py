"""Wait until AD is as Cloud Sync was predicted to make it, and say what is otherwise when the time is over.

Nothing is written here. Cloud Sync runs every 20 minutes by itself (Microsoft Entra documentation, "Prerequisites for
provisioning to Active Directory"); a group that is provisioned on demand is there within seconds. A look asks AD for
what changed and Graph for the state of one job; every twentieth, and the one that decides, reads the groups whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from runbook_lib.cloud_sync.predicted import PredictedGroup, differences
from runbook_lib.cloud_sync.service_errors import ServiceError, quarantine_text, quarantine_to_do
from runbook_lib.directory.anchored import AnchoredGroups
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.graph.tenant.jobs import JobState, JobStatus
from runbook_lib.graph.tenant.provisioning_log import LogEntry
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import same_dn
from runbook_lib.model.moment import to_the_minute
from runbook_lib.model.predicted import Difference, several_objects
from runbook_lib.model.text import NOTHING, Progress, Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.cloud_sync.planning import objects_of_groups
from runbook_lib.routes.cloud_sync.watching.loop import RUNNING, Watched, watch
from runbook_lib.routes.look_until import watch_interrupted
from runbook_lib.routes.predicted_members import accounts_of

_COMES_BY_ITSELF = frozenset({"not-there", "members-missing"})
_CHANGES_BY_ITSELF = frozenset({"elsewhere", "named-otherwise", "account-name"})
_STAYS = frozenset({"another-object", "several-objects"})
"""What no run of the job puts right."""
_NOT_DONE = frozenset({"failure", "skipped", "warning"})


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

    @property
    def stays(self) -> bool:
        """Whether no run of the job can put it right."""
        return any(one.code in _STAYS for one in self.differences)


class WatchedGroups:
    """What AD holds of predicted groups, looked at as often as wanted."""

    def __init__(self, groups: AnchoredGroups, inventory: Inventory, containers: Collection[str]) -> None:
        self._groups = groups
        self._guid_of_dn = inventory.index.guid_of_dn
        self._accounts = {**objects_of_groups(inventory.directory), **accounts_of(inventory)}
        self._containers = containers

    def look(
        self,
        chosen: Sequence[PredictedGroup],
        stays: Mapping[str, frozenset[str]] = MappingProxyType({}),
        *,
        changed_only: bool = False,
    ) -> list[Arrival]:
        """Every group with what is there of it now.

        Args:
            chosen: What is predicted of them.
            stays: Cloud group id to GUIDs of members that are known to stay in AD.
            changed_only: Ask for what changed since the last look at the same groups.

        Raises:
            RunbookError: AD cannot be searched.
        """
        found = self._groups.look([one.group_id for one in chosen], self._containers, changed_only=changed_only)
        accounts = {**self._accounts, **{owner: some[0].guid for owner, some in found.items() if len(some) == 1}}
        by_dn = {group.dn.casefold(): group.guid for some in found.values() for group in some}
        arrivals = []
        for group in chosen:
            some = found.get(group.group_id, ())
            present = some[0] if len(some) == 1 else None
            members = frozenset(self._guid(dn, by_dn) for dn in ((present.members or ()) if present else ()))
            members -= stays.get(group.group_id, frozenset())
            found_otherwise = differences(group, present, members, accounts)
            arrivals.append(
                Arrival(
                    group, present, (several_objects([one.dn for one in some]),) if len(some) > 1 else found_otherwise
                )
            )
        return arrivals

    def has(self, group_id: str, members: Sequence[str], dn: str = "", account_name: str = "") -> bool:
        """Whether AD has the object of a group as ``Present`` says; members without an account count not.

        Raises:
            RunbookError: AD cannot be searched.
        """
        some = self._groups.look([group_id], self._containers).get(group_id, ())
        there = {self._guid(member, {}) for group in some for member in group.members or ()}
        placed = all(not dn or same_dn(group.dn, dn) for group in some)
        named = placed and all(account_name in ("", group.text("sAMAccountName")) for group in some)
        return bool(some) and named and {self._accounts[one] for one in members if one in self._accounts} <= there

    def guids(self, group_ids: Sequence[str]) -> list[str]:
        """GUIDs of all AD objects of groups, sorted.

        Raises:
            RunbookError: AD cannot be searched.
        """
        found = self._groups.look(group_ids, self._containers)
        return sorted(group.guid for some in found.values() for group in some)

    def present(self, group_ids: Sequence[str]) -> dict[str, DirectoryGroup]:
        """Cloud group id to its AD object, for those that have exactly one.

        Raises:
            RunbookError: AD cannot be searched.
        """
        found = self._groups.look(group_ids, self._containers)
        return {owner: some[0] for owner, some in found.items() if len(some) == 1}

    def of_guid(self, guid: str) -> DirectoryGroup | None:
        """The AD object with this objectGUID, whatever mark it has; None: there is none.

        Raises:
            RunbookError: AD cannot be searched.
        """
        return self._groups.by_guid(guid)

    def now(
        self, before: Mapping[str, DirectoryGroup | None], *, changed_only: bool = False
    ) -> dict[str, DirectoryGroup | None]:
        """Where the AD objects of some groups are now, whatever mark they have; None where there is none.

        Args:
            before: Cloud group id to its AD object as it was.
            changed_only: Ask for what changed since the last look at the same groups.

        Raises:
            RunbookError: AD cannot be searched.
        """
        found = self._groups.look(sorted(before), self._containers, changed_only=changed_only)
        there: dict[str, DirectoryGroup | None] = {}
        for group_id, known in before.items():
            some = found.get(group_id, ())
            if known is None:
                there[group_id] = some[0] if some else None
            else:
                same = next((one for one in some if one.guid == known.guid), None)
                there[group_id] = same or self._groups.by_guid(known.guid)
        return there

    def _guid(self, dn: str, by_dn: Mapping[str, str]) -> str:
        return self._guid_of_dn(dn) or by_dn.get(dn.casefold()) or dn


def watch_arrivals(
    look: Callable[[bool], Sequence[Arrival]],
    status: Callable[[], JobStatus],
    *,
    ran: Callable[[JobStatus, JobStatus], bool],
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Progress,
) -> Watched[Arrival]:
    """Watch until everything is as predicted, or nothing more can come by itself; else as ``watch``.

    Args:
        look: As for ``watch``.
        status: As for ``watch``.
        ran: Whether the job has ended a run since the change, from the job at first and the job now.
        wait: As for ``watch``.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look how many groups are as predicted.

    Raises:
        RunbookError: AD or the job cannot be looked at.
    """

    def settled(seen: Sequence[Arrival], first: JobStatus, now: JobStatus) -> bool:
        has_run = ran(first, now)
        return not any(_pending(one, ran=has_run) for one in seen)

    def tell(seen: Sequence[Arrival], now: JobStatus, left: timedelta) -> None:
        progress(progress_text(now, left), sum(not one.differences for one in seen), len(seen))

    return watch(
        look,
        status,
        settled,
        wait=wait,
        clock=clock,
        sleep=sleep,
        progress=tell,
    )


def progress_text(now: JobStatus, left: timedelta) -> Text:
    """How long a watch still goes on, and what the job did last."""
    minutes = int(left.total_seconds() // 60)
    if now.error:
        said = ServiceError(now.error.code, now.error.message).text
        return t("as predicted, {minutes} min left; the last run of the job: {said}", minutes=minutes, said=said)
    if now.ran is None:
        return t("as predicted, {minutes} min left", minutes=minutes)
    ran = to_the_minute(now.ran)
    return t("as predicted, {minutes} min left; the job last ran at {ran}", minutes=minutes, ran=ran)


def _pending(one: Arrival, *, ran: bool) -> bool:
    """Whether it can still come right: until the job has run since the change, whatever a run of it could put right."""
    return one.waits or bool(one.differences and not ran and not one.stays)


def end_of_watch(watched: Watched[Arrival], log: Mapping[str, LogEntry], *, ran: bool) -> RunbookError | None:
    """What a watch means; None where everything is as predicted.

    Args:
        watched: What it ended with.
        log: Group id to the last row of the provisioning log about it, as far as it was read.
        ran: Whether the job has ended a run since the change.
    """
    seen = watched.seen
    waiting = [one for one in seen if _pending(one, ran=ran)]
    wrong = [one for one in seen if one.differences and not _pending(one, ran=ran)]
    missing = {one.group.group_id: [difference.what for difference in one.differences] for one in wrong + waiting}
    if wrong:
        first = wrong[0]
        return VerificationFailed(
            t(
                "Otherwise than predicted: {wrong}; the first is {name!r}: {differences}",
                wrong=counted(len(wrong), "group"),
                name=printable(first.group.display_name, limit=80),
                differences=_differences_text(first),
            ),
            code="not-as-predicted",
            hint=t("Look at the table. Somebody else, or another mapping, decides about these groups."),
            values={"groups": [one.group.group_id for one in wrong], "waiting": len(waiting), "missing": missing},
        )
    if not waiting:
        return None
    first = waiting[0]
    stopped = watched.status.state not in RUNNING
    began = joined(
        (
            watch_interrupted(cancelled=watched.cancelled),
            t("The job has not run since the change.") if not ran else NOTHING,
        )
    )
    why, to_do = _why(watched.status, waiting, log)
    not_yet = t(
        "Not as predicted after {minutes} min: {waiting} of {all}; the first is {name!r}: {differences}",
        waiting=len(waiting),
        all=counted(len(seen), "group"),
        minutes=int(watched.waited.total_seconds() // 60),
        name=printable(first.group.display_name, limit=80),
        differences=_differences_text(first),
    )
    return AwaitingHandoff(
        joined((began, not_yet, why)),
        code="job-stopped" if stopped else "not-arrived-yet",
        hint=joined((to_do, _again(watched.status, waiting, stopped=stopped))),
        values={
            "groups": [one.group.group_id for one in waiting],
            "state": watched.status.state.value,
            "missing": missing,
            "error": watched.status.error.code if watched.status.error else "",
        },
    )


def _why(status: JobStatus, waiting: Sequence[Arrival], log: Mapping[str, LogEntry]) -> tuple[Text, Text]:
    """What Cloud Sync itself says about it, and what to do: the job's quarantine or error, else that of a group."""
    if status.state is JobState.QUARANTINE:
        return quarantine_text(status.quarantine), quarantine_to_do(status.quarantine)
    if status.error:
        error = ServiceError(status.error.code, status.error.message)
        return t("The last run of the job ended with an error: {what}", what=error.text), error.to_do
    rows = [(one, log[one.group.group_id]) for one in waiting if one.group.group_id in log]
    failed = [(one, row) for one, row in rows if row.status in _NOT_DONE and (row.code or row.message)]
    if not failed:
        return NOTHING, NOTHING
    first, row = failed[0]
    error = ServiceError(row.code, row.message)
    name = printable(first.group.display_name, limit=80)
    return t("The provisioning log says of {name!r}: {what}", name=name, what=error.text), error.to_do


def _again(status: JobStatus, waiting: Sequence[Arrival], *, stopped: bool) -> Text:
    if stopped:
        state = status.state.value
        return t("The job is {state}: look at it in the Entra admin center, then run the notebook again.", state=state)
    if any(difference.code == "members-missing" for one in waiting for difference in one.differences):
        return t(
            "Cloud Sync runs every 20 minutes. Run the notebook again: it goes on watching. Where people never come, "
            "'Provision membership to on-premises users' may be off in the configuration."
        )
    return t("Cloud Sync runs every 20 minutes. Run the notebook again: it goes on watching.")


def _differences_text(arrival: Arrival) -> Text:
    return joined(one.what for one in arrival.differences)
