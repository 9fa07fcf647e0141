"""Wait until AD is as v1 was predicted to make it, and say what a person has to do when the time is over.

Nothing is written here. A look asks AD for what changed; every twentieth, and the one that decides, reads the OU of
written groups whole. Kept is what the last look saw, and nothing of those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.connect.arrived import ArrivalState, ConnectArrival
from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.connect.document import INSUFFICIENT_RIGHTS, THRESHOLD_EXCEEDED, ExportError, ProfileRun
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.errors import AwaitingHandoff, RunbookError, VerificationFailed
from runbook_lib.model.cloud import Switch
from runbook_lib.model.ids import GroupId
from runbook_lib.model.moment import moment_in, to_the_minute
from runbook_lib.model.text import Progress, Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.routes.look_until import look_until, watch_interrupted

_WHOLE_EVERY = 20
"""Of so many looks one reads the OU whole: every five minutes."""
_NOT_TO_ITS_END = ("stopped-", "no-start-")
"""How ADSync's words for a run begin that ended before its end, or never began ("Synchronization Service Manager
Operations tab": stopped-connectivity, no-start-credentials and others)."""
FIND_THE_CAUSE = t(
    "Look at that run in Synchronization Service Manager (Operations), mend its cause, then run one cycle."
)


@dataclass(frozen=True, slots=True)
class ArrivalsSeen:
    """What a watch ended with.

    Attributes:
        seen: Every group, as the last look found it.
        waited: How long was waited.
        looks: How often AD was looked at.
        cancelled: Whether somebody interrupted it.
    """

    seen: Sequence[ConnectArrival]
    waited: timedelta
    looks: int
    cancelled: bool = False

    def of(self, state: ArrivalState) -> list[ConnectArrival]:
        """The groups in one state."""
        return [one for one in self.seen if one.state is state]

    @property
    def awaited(self) -> list[ConnectArrival]:
        """Those that are sure to come still."""
        return [one for one in self.seen if one.awaited]

    @property
    def wrong(self) -> list[ConnectArrival]:
        """Those that arrived otherwise than predicted, or were not predicted."""
        return [*self.of(ArrivalState.DIFFERENT), *self.of(ArrivalState.UNEXPECTED)]


def watch_connect(
    look: Callable[[bool], Sequence[ConnectArrival]],
    *,
    wait: timedelta,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    progress: Progress,
    hopeless: Callable[[Sequence[ConnectArrival]], bool] = lambda _: False,
) -> ArrivalsSeen:
    """Look until every group that is sure to come is there, no waiting helps any more, or the time is over.

    An interruption (Ctrl-C, "Interrupt the kernel") ends the waiting and nothing else: AD is looked at once more.

    Args:
        look: Looks at AD; told whether what changed since the last look is enough.
        wait: How long, at most; nothing: one look.
        clock: The time, UTC.
        sleep: Waits that many seconds.
        progress: Told after every look how many are as predicted, and how much time is left.
        hopeless: Whether what was seen shows that it will not be as predicted.

    Raises:
        RunbookError: AD cannot be looked at.
    """

    def tell(seen: Sequence[ConnectArrival], left: timedelta) -> None:
        minutes = int(left.total_seconds() // 60)
        good = sum(one.state is ArrivalState.AS_PREDICTED for one in seen)
        progress(t("as predicted, {minutes} min left", minutes=minutes), good, len(seen))

    ended = look_until(
        look,
        lambda seen: hopeless(seen) or not any(one.awaited for one in seen),
        whole_every=_WHOLE_EVERY,
        wait=wait,
        clock=clock,
        sleep=sleep,
        progress=tell,
    )
    return ArrivalsSeen(ended.seen, ended.waited, ended.looks, ended.cancelled)


@dataclass(frozen=True, slots=True)
class ServerNow:
    """What is known of the Connect server since the hand-over.

    Attributes:
        v1: Whether v1 is on; unknown where only older evidence says it.
        evidence: Collected after the hand-over; None: there is none.
        older: Evidence that was collected before it, and says nothing about now.
    """

    v1: Switch = Switch.UNKNOWN
    evidence: ConnectEvidence | None = None
    older: ConnectEvidence | None = None

    def last_export(self, since: datetime | None) -> ProfileRun | None:
        """The newest finished export to a forest that began after a moment (any, where that is None)."""
        found = []
        for connector in (self.evidence.evidence.connectors or ()) if self.evidence else ():
            run = self.evidence.last_export(connector) if self.evidence and connector.forest else None
            began = moment_in(run.started) if run else None
            if run and began and (since is None or began >= since):
                found.append((began, run.number, run))
        return max(found, key=lambda one: one[:2])[2] if found else None

    def exported(self, since: datetime | None) -> bool:
        """Whether a finished export to a forest is proved since then."""
        run = self.last_export(since)
        return run is not None and run.result == "success" and not run.counted("ExportFailure")


def end_of_arrivals(watched: ArrivalsSeen, server: ServerNow, since: datetime | None) -> RunbookError | None:
    """What a watch means; None where everything is as predicted.

    Args:
        watched: What it ended with.
        server: What is known of the server.
        since: When the wizard was handed over; None: v1 was on before.
    """
    awaited, wrong = watched.awaited, watched.wrong
    missing = {one.group_id: [difference.what for difference in one.differences] for one in (*wrong, *awaited)}
    if awaited:
        code, why, to_do = _cause(server, since)
        first = awaited[0]
        return AwaitingHandoff(
            joined(
                (
                    watch_interrupted(cancelled=watched.cancelled),
                    why,
                    t(
                        "{there} of {groups} are in AD as predicted after {minutes} of waiting; still missing is "
                        "{name!r}: {what}",
                        there=len(watched.of(ArrivalState.AS_PREDICTED)),
                        groups=counted(len(watched.seen), "group"),
                        minutes=counted(int(watched.waited.total_seconds() // 60), "minute"),
                        name=printable(first.display_name, limit=80),
                        what=joined(difference.what for difference in first.differences),
                    ),
                )
            ),
            code=code,
            hint=to_do,
            values={"groups": [one.group_id for one in awaited], "wrong": len(wrong), "missing": missing},
        )
    if not wrong:
        return None
    first = wrong[0]
    return VerificationFailed(
        t(
            "{wrong} arrived otherwise than predicted; the first is {name!r}: {differences}",
            wrong=counted(len(wrong), "group"),
            name=printable(first.display_name, limit=80),
            differences=joined(difference.what for difference in first.differences),
        ),
        code="not-as-predicted",
        hint=t(
            "Look at the table. Run the notebook again where the tenant changed meanwhile: it predicts anew. Otherwise "
            "somebody else, or a rule of somebody's own, decides about these groups."
        ),
        values={"groups": [one.group_id for one in wrong], "missing": missing},
    )


def choice_not_proved(proof: ChoiceProof, names: Mapping[GroupId, str]) -> AwaitingHandoff:
    """Why the server with the rules stays in staging mode, and what a person does.

    Args:
        proof: Of its pending exports, which are not the chosen groups and nothing else.
        names: Display names of the tenant's groups.
    """
    stays = t("Nobody takes that server out of staging mode.")
    if proof.unproved:
        return AwaitingHandoff(
            t("Nothing proves the choice of groups: {why}", why=proof.unproved),
            code="choice-unproved",
            hint=joined((t("Do what hand-off-choose-groups.txt says, to its end."), stays, _AGAIN_WITH_EXPORTS)),
        )
    return AwaitingHandoff(
        t("The choice is not what that server would write. {seen}", seen=proof.in_words(names)),
        code="choice-otherwise",
        hint=joined((t("Mend the rules there and let a whole cycle run."), stays, _AGAIN_WITH_EXPORTS)),
        values={
            "missing": list(proof.missing),
            "unwanted": list(proof.unwanted),
            "deleted": list(proof.deleted),
            "unnamed": list(proof.unnamed),
        },
    )


_AGAIN = t("Run this notebook again with the same change id: it goes on waiting.")
_AGAIN_WITH_EXPORTS = t(
    "Run the collector there with -PendingExports, name its new file in connect_evidence, and run this notebook again "
    "with the same change id."
)
_COLLECT = t("Run the collector on the Connect server and name its new file in connect_evidence.")


def why_nothing_is_exported(server: ServerNow) -> tuple[str, Text, Text] | None:
    """Code, reason and what to do where its evidence says that the server exports nothing at all; else None."""
    evidence = server.evidence.evidence if server.evidence else None
    scheduler = evidence.scheduler if evidence else None
    if evidence is None or scheduler is None:
        return None
    name = printable(evidence.server, limit=80)
    if scheduler.staging:
        return (
            "server-staging",
            t("{server} is in staging mode and exports nothing.", server=name),
            t("Run the collector on the active server, or let this one leave staging mode."),
        )
    if scheduler.suspended or not scheduler.cycle_enabled:
        return (
            "no-cycles",
            t("No cycle runs on {server}.", server=name),
            t("Close the wizard; or Set-ADSyncScheduler -SyncCycleEnabled $true on the server."),
        )
    return None


def _cause(server: ServerNow, since: datetime | None) -> tuple[str, Text, Text]:
    """Code, reason and what to do: the gravest thing that is known to keep the groups away."""
    if server.v1 is Switch.OFF:
        return (
            "wizard-not-finished",
            t("Group writeback v1 is still off: the wizard was not gone through to its end."),
            joined((t("Do what was handed over for the wizard, as far as Configure and Exit."), _AGAIN)),
        )
    if resting := why_nothing_is_exported(server):
        code, why, to_do = resting
        return code, why, joined((to_do, _AGAIN))
    run = server.last_export(since)
    if run is not None and run.result == THRESHOLD_EXCEEDED:
        return (
            "export-stopped",
            t("The deletion threshold stopped the export, so that nothing of it was written."),
            joined((t("Find out what else would be deleted, before anybody lets it through."), _AGAIN)),
        )
    errors = (server.evidence.evidence.export_errors or ()) if server.evidence else ()
    if run is not None and (errors or run.counted("ExportFailure")):
        return _refused(errors, run)
    if run is not None and (broken := export_not_whole(run)):
        return "export-stopped", broken, joined((FIND_THE_CAUSE, _COLLECT, _AGAIN))
    if since is None:
        return "not-arrived-yet", t("v1 is on, and not everything is in AD yet."), joined((_COLLECT, _AGAIN))
    if run is None and server.older is not None:
        old = to_the_minute(server.older.at)
        return (
            "no-proof-of-export",
            t("The evidence was collected {at}, before the hand-over: it proves nothing since.", at=old),
            joined((_COLLECT, _AGAIN)),
        )
    if run is None:
        return (
            "not-arrived-yet",
            t("Nothing proves yet that a cycle has exported the groups."),
            joined((t("Do what the hand-offs say, one after the other."), _COLLECT, _AGAIN)),
        )
    return "not-arrived-yet", t("A cycle has run, and it has not brought everything."), joined((_COLLECT, _AGAIN))


def export_not_whole(run: ProfileRun) -> Text | None:
    """That an export did not go to its end, with ADSync's word for the reason; None where it did."""
    result = run.result or ""
    if not result.startswith(_NOT_TO_ITS_END):
        return None
    return t("The last export did not go to its end: ADSync calls it {result}.", result=printable(result, limit=80))


def _refused(errors: Sequence[ExportError], run: ProfileRun) -> tuple[str, Text, Text]:
    rights = [one for one in errors if one.code == INSUFFICIENT_RIGHTS]
    failed = max(len(errors), run.counted("ExportFailure"))
    names = first_of([printable(one.dn, limit=120) for one in errors], 3, "; ")
    why = t(
        "AD refused {failed} of the export: {names}.", failed=counted(failed, "object"), names=names or t("unnamed")
    )
    if rights:
        to_do = t(
            "Error 8344 is a missing right: do what hand-off-grant-rights.txt says, or the lines of "
            "Set-ADSyncUnifiedGroupWritebackPermissions, then let one cycle run."
        )
        return "export-without-rights", why, joined((to_do, _AGAIN))
    return "export-refused", why, joined((t("Look at these errors in Synchronization Service Manager."), _AGAIN))
