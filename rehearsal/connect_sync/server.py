"""The Connect server of the rehearsal: its wizard, its cycle, and what the collector finds there.

The tenant is read and written in the event loop alone; what happens in AD happens in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from rehearsal.cloud.control import ControlRefusedError
from rehearsal.cloud.hybrid import take_over
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.target import TargetError
from rehearsal.connect_sync.evidence import evidence_file
from rehearsal.connect_sync.state import ConnectRun, ExportRefused, ServerState
from rehearsal.connect_sync.target import ConnectTarget
from rehearsal.connect_sync.wanted import Export, Wizard, exports, wanted_groups
from runbook_lib.model.untrusted import printable

Connect = Callable[[], AbstractContextManager[ConnectTarget]]
"""Opens a connection of the connector account's to AD; raises TargetError where it cannot."""
T = TypeVar("T")
_STATE = "state"
_INSUFFICIENT_ACCESS, _NO_RIGHTS = 50, "8344"
"""AD's answer, and the Windows error that Connect shows for it ("insufficient access rights")."""
_STOPPED_BY_DELETIONS, _CONNECTION_LOST = "stopped-deletion-threshold-exceeded", "stopped-connectivity"
"""Results of a run that ended before its last object."""
_OUTSIDE_FILTER = "provision-under-phantom-parent"
"""What operators report of an OU that the OU filter leaves out (MicrosoftDocs/azure-docs, issue 52047)."""
_KEPT_RUNS = 40


@dataclass(frozen=True)
class _Worked:
    """What a cycle found to do in AD, what of it was refused, and the groups that were there already."""

    pending: tuple[Export, ...] = ()
    refused: tuple[ExportRefused, ...] = ()
    joined: frozenset[str] = frozenset()
    left: tuple[Export, ...] = ()
    """What was not tried, because the export ended before."""
    result: str = ""
    """Why it ended before; empty: it did not."""


class ConnectServer:
    """Connect Sync of one tenant.

    Args:
        store: The tenant.
        connect: How the connector account reaches AD.
        container: OU of written groups that the tenant names at the start.
        forest: DNS name of the forest.
        base_dn: Its domain.
        account: The connector account, as the evidence names it.
        fill: Fills the directory extensions of groups that Connect fills.
    """

    def __init__(
        self,
        store: CloudStore,
        connect: Connect,
        *,
        container: str,
        forest: str,
        base_dn: str,
        account: str,
        fill: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._connect = connect
        self._container = container
        self._named = (forest, base_dn, account)
        self._fill = fill
        self._one_at_a_time = asyncio.Lock()

    @property
    def state(self) -> ServerState:
        """How the server is now; it goes back to its seed with the tenant."""
        kept = self._store.table("connect_server").get(_STATE, {}).get("server")
        if isinstance(kept, ServerState):
            return kept
        on, v2 = self._feature("unifiedGroupWritebackEnabled"), self._feature("groupWriteBackEnabled")
        return ServerState(Wizard(on, self._container, v2=v2))

    def _keep(self, state: ServerState) -> None:
        self._store.table("connect_server")[_STATE] = {"server": state}

    # The wizard

    async def enable(self, container: str, *, display_names: bool) -> None:
        """Tick group writeback.

        Raises:
            ControlRefusedError: The OU is not there, or outside the OU filter; v1 is on already.
        """
        state = self.state
        if state.wizard.on:
            raise ControlRefusedError("Group writeback is on already; the OU and the names are chosen while enabling.")
        if state.wizard.outside_filter(container):
            raise ControlRefusedError(f"The OU is excluded: {printable(container)} is outside the OU filter.")
        if not await self._in_ad(lambda target: target.there(container)):
            raise ControlRefusedError(f"There is no OU {printable(container)}.")
        wizard = replace(state.wizard, on=True, container=container, display_names=display_names)
        self._told(wizard, f"Group writeback enabled: {container}")

    def disable(self) -> None:
        """Clear the box: the next cycle deletes every group that the feature wrote."""
        self._told(replace(self.state.wizard, on=False), "Group writeback disabled")

    def stage(self, on: bool) -> None:
        """Staging mode: nothing is exported, what would be is pending."""
        self._told(replace(self.state.wizard, staging=on), f"Staging mode {'on' if on else 'off'}")

    def prevent_deletes(self, threshold: int) -> None:
        """As many deletions, or more, stop an export; 0: none do."""
        self._keep(replace(self.state, threshold=threshold))

    def leave_out(self, ous: tuple[str, ...]) -> None:
        """OUs that the OU filter leaves out."""
        self._told(replace(self.state.wizard, left_out=ous), "Domain and OU filtering changed")

    def keep_out(self, groups: tuple[str, ...]) -> None:
        """Rules of somebody's own that keep these groups from being written; none: there are no such rules.

        Raises:
            ControlRefusedError: The tenant has no such group, or the server is not in staging mode.
        """
        if not self.state.wizard.staging:
            raise ControlRefusedError("Rules are tried on a server in staging mode: gwb rehearsal connect stage on.")
        if unknown := [one for one in groups if one not in self._store.groups]:
            raise ControlRefusedError(f"The tenant has no group {printable(unknown[0], limit=80)}.")
        self._keep(
            replace(self.state, wizard=replace(self.state.wizard, kept_out=groups), rules_changed=self._store.clock())
        )

    def _told(self, wizard: Wizard, what: str) -> None:
        state = self.state
        changes = (*state.changes, (self._store.clock(), what))
        self._keep(replace(state, wizard=wizard, changes=changes))
        for record in list(self._store.table("synchronization").values()):
            features, configuration = dict(_mapping(record, "features")), dict(_mapping(record, "configuration"))
            features["unifiedGroupWritebackEnabled"] = wizard.on
            features["groupWriteBackEnabled"] = wizard.v2
            containers = {
                **_mapping(configuration, "writebackConfiguration"),
                "unifiedGroupContainer": wizard.container,
            }
            configuration["writebackConfiguration"] = containers
            self._store.update(
                "synchronization", str(record["id"]), {"features": features, "configuration": configuration}
            )

    async def _past_the_change_of_rules(self) -> None:
        """Evidence tells whole seconds: a cycle begins in a later one than the change of rules before it."""
        changed = self.state.rules_changed
        if changed is not None and self._store.clock().replace(microsecond=0) <= changed.replace(microsecond=0):
            await asyncio.sleep(1 - changed.microsecond / 1_000_000)

    def _feature(self, name: str) -> bool:
        return any(
            _mapping(record, "features").get(name) is True for record in self._store.table("synchronization").values()
        )

    # The cycle

    async def cycle(self, at_most: int | None = None) -> Mapping[str, object]:
        """Import, synchronize, export; groups that were given back to AD are taken over first.

        Args:
            at_most: After so many objects the connection to AD is lost; None: it is not.

        Returns:
            ``groups``: ids of groups taken over; ``counters``: objects exported, by ADSync's names, or pending on a
            server in staging mode; ``refused``: DN and code of each group that AD refused; ``result``: of the run of
            the export; ``left``: how many objects it did not come to.
        """
        async with self._one_at_a_time:
            await self._past_the_change_of_rules()
            began, taken = self._store.clock(), take_over(self._store)
            await self._fill()
            state = self.state
            groups = dict(self._store.groups)
            members = {key: self._store.members(key) for key in groups}
            users = {
                key: (_lower(user, "onPremisesObjectIdentifier"), _text(user, "onPremisesSecurityIdentifier"))
                for key, user in self._store.users.items()
                if user.get("onPremisesSyncEnabled")
            }

            def work(target: ConnectTarget) -> _Worked:
                wizard = state.wizard
                if not target.there(wizard.container):
                    return _Worked()
                held, exchange = target.written(wizard.container), target.prepared_for_exchange()
                wanted = wanted_groups(wizard, groups, members, {one.group_id for one in held}, exchange=exchange)
                referred = {one: users[one] for group in wanted for one in group.members if one in users}
                accounts = target.accounts(referred)
                pending = tuple(exports(wanted, held, state.known, accounts, wizard.container))
                joined = {one.group_id for one in held} & {one.group_id for one in wanted}
                if wizard.staging:
                    return _Worked(pending, joined=frozenset(joined))
                if wizard.outside_filter(wizard.container):
                    outside = tuple(ExportRefused(one.dn, _OUTSIDE_FILTER, "") for one in pending)
                    return _Worked(pending, outside, frozenset(joined))
                tried, result = _until(pending, state, at_most)
                refused = tuple(_export(target, tried, wizard.container))
                return _Worked(tried, refused, frozenset(joined), pending[len(tried) :], result)

            worked = await self._in_ad(work)
            self._keep(_after(self.state, worked, began, self._store.clock()))
            counters = _counted(worked.pending, worked.refused)
            return {
                "groups": taken,
                "staging": state.wizard.staging,
                "counters": counters,
                "result": worked.result,
                "left": len(worked.left),
                "refused": [{"dn": one.dn, "code": one.code} for one in worked.refused],
            }

    async def _in_ad(self, work: Callable[[ConnectTarget], T]) -> T:
        def connected() -> T:
            with self._connect() as target:
                return work(target)

        try:
            return await asyncio.to_thread(connected)
        except TargetError as error:
            raise ControlRefusedError(f"Connect does not reach AD: {error}") from None

    # The collector, and the control endpoint

    def evidence(self) -> str:
        """The file that the collector would write now."""
        domains = self._store.organization.get("verifiedDomains")
        initial = [one["name"] for one in domains if one.get("isInitial")] if isinstance(domains, list) else []
        return evidence_file(self.state, self._store.clock(), initial[0] if initial else "", *self._named)

    def actions(self) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
        """What the control endpoint may do to it."""
        return {"POST connect-sync": self._control}

    async def _control(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """By ``action``: cycle (at_most), enable (container, display_names), disable, stage (on), v2 (on),
        leave-out (ous), keep-out (groups), prevent-deletes (threshold), evidence.
        """
        match body:
            case {"action": "cycle", "at_most": int(at_most)} if at_most >= 0:
                return await self.cycle(at_most)
            case {"action": "cycle"}:
                return await self.cycle()
            case {"action": "prevent-deletes", "threshold": int(threshold)} if threshold >= 0:
                self.prevent_deletes(threshold)
            case {"action": "enable", "display_names": bool(display_names)}:
                container = body.get("container") or self.state.wizard.container
                await self.enable(str(container), display_names=display_names)
            case {"action": "disable"}:
                self.disable()
            case {"action": "stage", "on": bool(on)}:
                self.stage(on)
            case {"action": "v2", "on": bool(on)}:
                self._told(replace(self.state.wizard, v2=on), f"Group writeback V2 {'on' if on else 'off'}")
            case {"action": "leave-out", "ous": list(ous)}:
                self.leave_out(tuple(str(ou) for ou in ous))
            case {"action": "keep-out", "groups": list(groups)}:
                self.keep_out(tuple(str(one).lower() for one in groups))
            case {"action": "evidence"}:
                return {"file": self.evidence()}
            case _:
                raise ControlRefusedError(
                    "action is cycle, enable, disable, stage, v2, leave-out, keep-out, prevent-deletes or evidence"
                )
        wizard = self.state.wizard
        return {"on": wizard.on, "container": wizard.container, "staging": wizard.staging}


def _until(pending: tuple[Export, ...], state: ServerState, at_most: int | None) -> tuple[tuple[Export, ...], str]:
    """What of the pending exports is tried, and why it ends there; empty where it goes to the end."""
    if state.stopped_by(sum(one.kind == "delete" for one in pending)):
        return (), _STOPPED_BY_DELETIONS
    if at_most is not None and at_most < len(pending):
        return pending[:at_most], _CONNECTION_LOST
    return pending, ""


def _export(target: ConnectTarget, pending: Sequence[Export], container: str) -> Iterator[ExportRefused]:
    for one in pending:
        try:
            target.carry_out(one, container)
        except TargetError as error:
            if not error.code:
                raise
            may_not = error.code == _INSUFFICIENT_ACCESS
            kind = "permission-issue" if may_not else "dn-attributes-failure"
            yield ExportRefused(one.dn, kind, _NO_RIGHTS if may_not else str(error.code))


def _after(state: ServerState, worked: _Worked, began: datetime, ended: datetime) -> ServerState:
    """The server after a cycle. One in staging mode has exported nothing: what it would is pending."""
    state = replace(state, synchronized=began)
    if state.wizard.staging:
        return replace(state, known=state.known | worked.joined, pending=worked.pending, refused=())
    failed = {one.dn for one in worked.refused}
    done = [one for one in worked.pending if one.dn not in failed]
    made = {one.group_id for one in done if one.kind == "add"}
    gone = {one.group_id for one in done if one.kind == "delete"}
    run = ConnectRun(
        state.runs[-1].number + 1 if state.runs else 1,
        began,
        ended,
        _counted(worked.pending, worked.refused),
        worked.result or ("completed-export-errors" if failed else "success"),
    )
    return replace(
        state,
        known=(state.known | worked.joined | made) - gone,
        pending=(*(one for one in worked.pending if one.dn in failed), *worked.left),
        refused=worked.refused,
        runs=(*state.runs, run)[-_KEPT_RUNS:],
    )


def _counted(pending: Sequence[Export], refused: Sequence[ExportRefused]) -> dict[str, int]:
    """ADSync's counters of an export."""
    failed = {one.dn for one in refused}
    kinds = Counter(one.kind for one in pending if one.dn not in failed)
    names = {"add": "ExportAdd", "update": "ExportUpdate", "rename": "ExportRename", "delete": "ExportDelete"}
    return {name: kinds[kind] for kind, name in names.items()} | {"ExportFailure": len(failed)}


def _text(record: Mapping[str, object], name: str) -> str:
    return str(record.get(name) or "")


def _lower(record: Mapping[str, object], name: str) -> str:
    return _text(record, name).lower()


def _mapping(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
