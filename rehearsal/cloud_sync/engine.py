"""The engine of Cloud Sync: runs the jobs of the tenant and provisions on demand, and keeps what came of it.

The tenant is read and written in the event loop alone; what happens in AD happens in a thread of its own, on a moment
of the tenant that nothing changes meanwhile. One run at a time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from rehearsal.cloud.control import ControlRefusedError
from rehearsal.cloud.hybrid import take_over
from rehearsal.cloud.on_demand import Result
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.cycle import AD_ERROR, EXCEPTION, Run, on_demand, run
from rehearsal.cloud_sync.from_ad import FROM_AD, filled_by_connect, filled_by_job, values_in_ad
from rehearsal.cloud_sync.log import row, status_after
from rehearsal.cloud_sync.target import Target, TargetError
from rehearsal.cloud_sync.tenant import PROVISIONS_USERS, Tenant, keep_sent, tenant_of

Connect = Callable[[], AbstractContextManager[Target]]
"""Opens a connection of the agent's to AD; raises TargetError where it cannot."""
SECONDS = 3.0
"""Between two runs of a rehearsal that runs its jobs by itself. Microsoft's service takes twenty minutes."""
_LOOKS_AGAIN = 10
"""Of such runs, every so many-th looks again for members that AD did not have."""


class Engine:
    """Runs the jobs of one tenant.

    Args:
        store: The tenant.
        connect: How the agent reaches AD.
        new_id: Makes ids of runs and of rows of the log.
    """

    def __init__(self, store: CloudStore, connect: Connect, *, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._connect = connect
        self._new_id = new_id
        self._one_at_a_time = asyncio.Lock()

    async def run_jobs(self, *, looks_again: bool = True) -> Mapping[str, Run]:
        """Let every job that is started run once; what each did, by id.

        A job that stopped before too many deletions waits until somebody starts or restarts it.

        Args:
            looks_again: Whether members that AD did not have are looked for again, which means reading AD.
        """
        done: dict[str, Run] = {}
        for job_id in list(self._store.table("jobs")):
            async with self._one_at_a_time:
                job = self._store.table("jobs").get(job_id)
                if job is None or not _is_due(job):
                    continue
                if job.get("templateId") == FROM_AD:
                    await self._synchronize(job_id)
                elif tenant_of(self._store, job_id).mapping:
                    done[job_id] = await self._run(job_id, looks_again=looks_again)
        return done

    async def _run(self, job_id: str, *, looks_again: bool) -> Run:
        tenant = tenant_of(self._store, job_id, looks_again=looks_again)
        epoch, began = self._store.log.epoch, self._store.clock()
        found = await self._in_ad(tenant, lambda target: run(tenant, target))
        if self._store.log.epoch != epoch or job_id not in self._store.table("jobs"):
            return found  # the tenant went back to its seed meanwhile, or the job was removed
        self._keep(job_id, tenant, found)
        followed = len(tenant_of(self._store, job_id).sent)
        activity, job = str(self._new_id()), self._store.table("jobs")[job_id]
        status = status_after(job, found, followed=followed, began=began, ended=self._store.clock(), activity=activity)
        left = _restarted(job) - tenant.restarted if not found.error else _restarted(job)
        if _is_due(job):
            changes = {"status": status, "restarted": tuple(sorted(left)), "ran": True}
            self._store.update("jobs", job_id, changes)
        return found

    async def fill_for_connect(self, domain: str) -> None:
        """Fill the directory extensions that Connect Sync fills, for the groups of an AD domain."""
        async with self._one_at_a_time:
            await self._fill(filled_by_connect(self._store), domain)

    async def _synchronize(self, job_id: str) -> None:
        """A run of a job from AD."""
        domain = tenant_of(self._store, job_id).domain
        if domain:
            take_over(self._store, domain)
            await self._fill(filled_by_job(self._store, job_id), domain)

    async def _fill(self, fills: Mapping[str, str], domain: str) -> None:
        if not fills:
            return
        groups, epoch = dict(self._store.groups), self._store.log.epoch

        def read() -> dict[str, dict[str, object]]:
            try:
                with self._connect() as target:
                    return values_in_ad(groups, target, fills, domain)
            except TargetError:
                return {}  # AD does not answer: the next cycle asks again

        for group, changed in (await asyncio.to_thread(read)).items():
            if self._store.log.epoch == epoch and group in self._store.groups:
                self._store.update_group(group, changed)

    async def provision(self, job_id: str, group_id: str, members: Sequence[str]) -> Result:
        """Provision one group now, with at most the named members; the job need not be started."""
        async with self._one_at_a_time:
            tenant, epoch = tenant_of(self._store, job_id), self._store.log.epoch
            found = await self._in_ad(tenant, lambda target: on_demand(tenant, target, group_id, members))
            if found.error:
                name = str(tenant.groups[group_id].get("displayName"))
                return Result(group_id, name, "other", "failure", code=found.error[0], reason=found.error[1])
            if self._store.log.epoch == epoch:
                self._keep(job_id, tenant, found)
            return next(result for result in found.results if result.group_id == group_id)

    async def keep_running(self, seconds: float = SECONDS) -> None:
        """Run the jobs again and again, until cancelled."""
        for number in itertools.count():
            await asyncio.sleep(seconds)
            try:
                await self.run_jobs(looks_again=number % _LOOKS_AGAIN == 0)
            except Exception:
                logging.getLogger(__name__).exception("a run of Cloud Sync broke off")

    # Switches

    def set_agents(self, state: str, domains: Sequence[str] | None = None) -> int:
        """Let every agent be ``active`` or ``inactive``, and serve other AD domains; how many there are."""
        agents = list(self._store.table("agents"))
        for agent in agents:
            served = {} if domains is None else {"domains": list(domains)}
            self._store.update("agents", agent, {"status": state, **served})
        return len(agents)

    def provision_users(self, on: bool) -> None:
        """The switch "Provision membership to on-premises users", of every configuration."""
        self._store.update("cloud_sync", PROVISIONS_USERS, {"on": on})

    def actions(self) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
        """What the control endpoint may do to it."""
        return {"POST cloud-sync": self._control}

    async def _control(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """``action`` run; agents with ``state`` active or inactive, and ``domains`` they serve; members with ``on``."""
        match body:
            case {"action": "run"}:
                return {"jobs": {job_id: _shown(done) for job_id, done in (await self.run_jobs()).items()}}
            case {"action": "agents", "state": "active" | "inactive" as state}:
                domains = body.get("domains")
                if domains is not None and not isinstance(domains, list):
                    raise ControlRefusedError("domains is a list of names")
                served = None if domains is None else [str(domain) for domain in domains]
                return {"agents": self.set_agents(state, served)}
            case {"action": "members", "on": bool(on)}:
                self.provision_users(on)
                return {"on": on}
        raise ControlRefusedError("action is run, agents (state: active or inactive) or members (on: true or false)")

    # What came of a run

    async def _in_ad(self, tenant: Tenant, work: Callable[[Target], Run]) -> Run:
        if tenant.trouble:
            return Run(error=(tenant.trouble, f"The domain '{tenant.domain}' cannot be reached."), quarantine=EXCEPTION)

        def connected() -> Run:
            try:
                with self._connect() as target:
                    return work(target)
            except TargetError as error:
                return Run(error=(AD_ERROR, str(error)), quarantine=EXCEPTION)

        return await asyncio.to_thread(connected)

    def _keep(self, job_id: str, tenant: Tenant, found: Run) -> None:
        for group_id, sent in found.sent.items():
            keep_sent(self._store, job_id, group_id, sent)
        principal = self._store.table("service_principals").get(str(tenant.job["servicePrincipalId"]), {})
        cycle, moment = str(self._new_id()), self._store.clock()
        for result in found.results:
            shown = row(
                result,
                job_id=job_id,
                principal=principal,
                tenant_id=str(self._store.organization.get("id")),
                cycle_id=cycle,
                moment=moment,
                new_id=self._new_id,
            )
            self._store.add("provisioning", shown)


def _shown(done: Run) -> Mapping[str, object]:
    return {
        "error": list(done.error) if done.error else None,
        "entitled": done.entitled,
        "results": [
            {
                "id": one.group_id,
                "name": one.name,
                "action": one.action,
                "status": one.status,
                "code": one.code,
                "reason": one.reason,
            }
            for one in done.results
        ],
    }


def _is_due(job: Record) -> bool:
    schedule, status = job.get("schedule"), job.get("status")
    if not isinstance(schedule, dict) or not isinstance(status, dict) or schedule.get("state") != "Active":
        return False
    quarantine = status.get("quarantine")
    waits = isinstance(quarantine, dict) and quarantine.get("reason") == "TooManyDeletes"
    return not (status.get("code") == "Quarantine" and waits)


def _restarted(job: Record) -> frozenset[str]:
    asked = job.get("restarted")
    return frozenset(asked) if isinstance(asked, tuple) else frozenset()
