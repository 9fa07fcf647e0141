"""Wait until every group has the wanted source of authority, or until the extension holds every name; what is missing.

A roll-back is complete only when a synchronization has taken the group over: until then ``isCloudManaged`` is false and
``onPremisesSyncEnabled`` still null (Microsoft Entra documentation, "Configure Group Source of Authority").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.graph.tenant.authority import AuthorityNow
from runbook_lib.model.dn import same_dn
from runbook_lib.model.text import Progress, Text, counted, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.look_until import Ended, look_until, watch_interrupted


class WatchedGroup(Protocol):
    """One group that is looked at."""

    @property
    def waits(self) -> bool:
        """Whether it is not yet as wanted, and can still become so by itself."""

    @property
    def good(self) -> bool:
        """Whether it is as wanted."""


WatchedGroupT = TypeVar("WatchedGroupT", bound=WatchedGroup)


@dataclass(frozen=True, slots=True)
class AuthoritySeen:
    """A group and its source of authority.

    Attributes:
        managed: Whether the cloud is to be its source of authority.
        now: What Graph says of it.
    """

    group_id: str
    display_name: str
    managed: bool
    now: AuthorityNow

    @property
    def waits(self) -> bool:
        """Given back, and not taken over by a synchronization yet."""
        return not self.managed and not self.now.cloud_managed and not self.now.synchronized

    @property
    def good(self) -> bool:
        """Whether it is as wanted."""
        return self.now.cloud_managed is self.managed and not self.waits

    @property
    def state(self) -> Text:
        """For people."""
        if self.now.cloud_managed:
            return t("the cloud is its source of authority")
        if self.now.synchronized:
            return t("AD is its source of authority")
        return t("given back, and no synchronization has taken it over yet")


@dataclass(frozen=True, slots=True)
class NameSeen:
    """A group, its distinguished name, and the one that the extension holds (empty: none)."""

    group_id: str
    display_name: str
    dn: str
    held: str

    @property
    def good(self) -> bool:
        """Whether both are one."""
        return bool(self.held) and same_dn(self.held, self.dn)

    @property
    def waits(self) -> bool:
        """Whether they are not."""
        return not self.good

    @property
    def state(self) -> Text:
        """For people."""
        return verbatim(printable(self.held, limit=200)) if self.held else t("no value yet")


def watch_groups(
    look: Callable[[], list[WatchedGroupT]],
    *,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Progress,
) -> Ended[list[WatchedGroupT]]:
    """Look until no group waits any more, or the time is over, as ``loop.look_until``.

    Args:
        look: Asks for every group.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told of what is as wanted, after every look.

    Raises:
        RunbookError: It cannot be asked for.
    """

    def tell(seen: list[WatchedGroupT], left: timedelta) -> None:
        minutes = int(left.total_seconds() // 60)
        progress(t("as wanted, {minutes} min left", minutes=minutes), sum(one.good for one in seen), len(seen))

    return look_until(
        lambda _changed_only: look(),
        lambda seen: not any(one.waits for one in seen),
        whole_every=1,
        wait=wait,
        clock=clock,
        sleep=sleep,
        progress=tell,
    )


def end_of_authority(ended: Ended[list[AuthoritySeen]]) -> RunbookError | None:
    """What the last look means; None where every group has the wanted source of authority."""
    seen = ended.seen
    wrong = [one for one in seen if not one.good and not one.waits]
    if wrong:
        return VerificationFailed(
            t(
                "The source of authority of {count} is not the wanted one; the first is {name!r}: {state}.",
                count=counted(len(wrong), "group"),
                name=printable(wrong[0].display_name, limit=80),
                state=wrong[0].state,
            ),
            code="authority-otherwise",
            hint=t("Somebody else changed it. Look at the table and at the audit log of the tenant."),
            values={"groups": [one.group_id for one in wrong]},
        )
    waiting = [one for one in seen if one.waits]
    if not waiting:
        return None
    return AwaitingHandoff(
        joined(
            (
                watch_interrupted(cancelled=ended.cancelled),
                t(
                    "Given back, and taken over by no synchronization after {minutes} min: {count}; the first is "
                    "{name!r}.",
                    count=counted(len(waiting), "group"),
                    minutes=int(ended.waited.total_seconds() // 60),
                    name=printable(waiting[0].display_name, limit=80),
                ),
            )
        ),
        code="take-over-pending",
        hint=t(
            "On the server of Connect Sync: Start-ADSyncSyncCycle -PolicyType Delta (a job of Cloud Sync runs by "
            "itself). Then run the notebook again: it goes on watching."
        ),
        values={"groups": [one.group_id for one in waiting]},
    )


def end_of_names(ended: Ended[list[NameSeen]]) -> RunbookError | None:
    """What the last look means; None where the extension holds every name."""
    waiting = [one for one in ended.seen if one.waits]
    if not waiting:
        return None
    return AwaitingHandoff(
        joined(
            (
                watch_interrupted(cancelled=ended.cancelled),
                t(
                    "The extension holds no distinguished name of {count} after {minutes} min; the first is {name!r}.",
                    count=counted(len(waiting), "group"),
                    minutes=int(ended.waited.total_seconds() // 60),
                    name=printable(waiting[0].display_name, limit=80),
                ),
            )
        ),
        code="names-not-filled",
        hint=t("The job from AD fills it with its next run. Then run the notebook under a new change id: it converts."),
        values={"groups": [one.group_id for one in waiting]},
    )


def authority_seen(
    wanted: Mapping[str, bool], names: Mapping[str, str], now: Mapping[str, AuthorityNow]
) -> list[AuthoritySeen]:
    """What was read, with what is wanted; ``names`` are display names by group id."""
    return [AuthoritySeen(one, names.get(one, one), managed, now[one]) for one, managed in wanted.items()]
