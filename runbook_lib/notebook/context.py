"""What the steps of one run share: parameters, record, clock, environment, two connections, one lock."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from runbook_lib.change.journal import read_journal
from runbook_lib.change.lease import Lease, held_lease
from runbook_lib.change.lock import writer_lock
from runbook_lib.directory.again import DomainReader
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.sign_in.connect import names_host, open_directory
from runbook_lib.graph.connect import open_graph, sign_in_cache
from runbook_lib.graph.kept.place import place_of
from runbook_lib.graph.kept.reader import CloudReader
from runbook_lib.graph.key_vault import stores_of
from runbook_lib.graph.sign_in.cache import SignInCache
from runbook_lib.graph.sign_in.tokens import signed_in
from runbook_lib.graph.transport import GraphClient
from runbook_lib.model.cloud import CloudSnapshot
from runbook_lib.model.directory import ControllerIdentity, DirectorySnapshot
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import GroupId
from runbook_lib.model.text import Progress, t
from runbook_lib.model.traffic import Traffic
from runbook_lib.notebook.course import NotebookStep
from runbook_lib.notebook.earlier_runs import unfinished_chain
from runbook_lib.notebook.front_end import TopLine, prompt_for, show
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.paths import project_root
from runbook_lib.record.cells import run_mark_of
from runbook_lib.record.open_page import write_open_page
from runbook_lib.record.run_record import RunRecord, account, run_by
from runbook_lib.routes.registry import ROUTES
from runbook_lib.secrets.referenced import with_references
from runbook_lib.shown.html import View
from runbook_lib.shown.start import target_facts


class RunContext:
    """What ``open_run`` knows and every step is given. Looking at it opens nothing and writes nothing.

    Args:
        parameters: Checked, with absolute paths.
        record: The record of this run; the methods below write into it.
        environment: Environment variables.
        clock: Gives the present time, UTC.
        interactive: Whether a person sits in front of it (JupyterLab), who can fill in a form.
    """

    def __init__(
        self,
        *,
        parameters: Parameters,
        record: RunRecord,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        interactive: bool = False,
    ) -> None:
        self.parameters = parameters
        self.record = record
        stores = stores_of(parameters, environment, project_root(environment), clock=clock, sleep=time.sleep)
        self.environment = with_references(parameters, stores)
        self.clock = clock
        self.interactive = interactive
        self.lock_held = False
        """Whether this run holds the writer's lock."""
        self.top = TopLine()
        """Where JupyterLab's notebook says at its top that the run has stopped."""
        self._resources = ExitStack()
        self._lease: Lease | None = None
        self._graph: GraphClient | None = None
        self._directory: Directory | None = None
        self._sign_in: SignInCache | None = None
        """Kept when connections close, so that a person signs in once."""
        self._cloud: CloudReader | None = None
        """Knows the last reading of the tenant, which a later one goes on from."""
        self._domain: DomainReader | None = None
        """Knows the last reading of the domain, which a later one goes on from."""
        self.join_seconds = 0.0
        """What joining both sides took the last time."""
        self._closed = Traffic()
        """What was sent over connections that are closed."""
        self._signed_in = False
        """Whether the record says who was signed in to Entra ID."""

    def use_evidence(self, path: Path) -> None:
        """Go by this file of the Connect server from now on, in the place of the one that the parameters name."""
        self.parameters = self.parameters.model_copy(update={"connect_evidence": str(path)})

    # connections

    def connect_graph(self) -> GraphClient:
        """The connection to Microsoft Graph, opened where it is not; it signs in with its first request.

        Raises:
            UsageError: A credential is missing or cannot be used.
        """
        if self._graph is None:
            if self._sign_in is None:
                self._sign_in = sign_in_cache(self.parameters, self.environment)
            self._graph = open_graph(
                self.parameters,
                environment=self.environment,
                clock=self.clock,
                sleep=time.sleep,
                prompt=prompt_for(self.environment, interactive=self.interactive),
                cache=self._sign_in,
            )
        return self._graph

    def read_cloud(self, *, also: Iterable[GroupId] = (), progress: Progress | None = None) -> CloudSnapshot:
        """The tenant as it is now; what changed since an earlier reading is read, or all (``keep_cloud_reading``).

        Args:
            also: Groups that are read again whether or not Graph names them as changed.
            progress: Told what is being read.

        Raises:
            RunbookError: It cannot be read.
        """
        client = self.connect_graph()
        if self._cloud is None:
            folder = self.record.folder
            place = place_of(self.parameters, self.environment)
            run = f"{folder.change_id}/{folder.run_id}"
            self._cloud = CloudReader(self.parameters.tenant_id, place, self.clock, run)
        read = self._cloud.read(client, also=also, progress=progress)
        self.note(*read.findings)
        return read.snapshot

    def connect_directory(self) -> Directory:
        """The connection to the one DC of this run, opened and signed in where it is not; the record names both.

        Raises:
            RunbookError: It cannot be reached, proved or signed in to, or a credential is missing.
        """
        if self._directory is None:
            opened = open_directory(
                self.parameters,
                environment=self.environment,
                clock=self.clock,
                sleep=time.sleep,
                only=self._written_to(),
            )
            self._directory = self._resources.enter_context(opened)
            self.record.set(target=target_facts(self.parameters, opened.controller))
            bound = {"method": self.parameters.bind_method, "identity": opened.who_am_i() or None}
            self._ran_by(directory=bound)
        return self._directory

    def read_directory(self, progress: Progress | None = None) -> DirectorySnapshot:
        """The domain as it is now: all, or what changed since an earlier reading (``keep_directory_reading``).

        Raises:
            RunbookError: It cannot be read.
        """
        told = self.parameters
        if self._domain is None:
            self._domain = DomainReader(self.clock, keep=told.keep_directory_reading != "none")
        return self._domain.read(self.connect_directory(), told.target_ou, told.retired_ou, progress=progress)

    def take_lock(self, path: Path) -> None:
        """Take the writer's lock, which ``close`` gives back; nothing where it is held.

        With ``lease_seconds`` other hosts are kept away too, by a lease in the folder of records.

        Raises:
            Refused: Another run holds it (``locked``).
            ServiceFailed: The lease cannot be written.
        """
        if self.lock_held:
            return
        folder = self.record.folder
        run = f"{folder.change_id}/{folder.run_id}"
        holder = t("{run} of {account}", run=run, account=account() or t("this account"))
        self._resources.enter_context(writer_lock(path, holder, clock=self.clock))
        if self.parameters.lease_seconds:
            self._lease = self._resources.enter_context(
                held_lease(
                    folder.change_folder.parent,
                    path.stem,
                    t("{holder} on {host}", holder=holder, host=platform.node() or t("a host without a name")),
                    seconds=self.parameters.lease_seconds,
                    write_seconds=self.parameters.dc_timeout,
                    clock=self.clock,
                    monotonic=time.monotonic,
                )
            )
        self.lock_held = True

    def require_lease(self) -> None:
        """Look whether this host may still write; nothing where no lease is taken.

        Raises:
            LeaseLost: Another host may write.
        """
        if self._lease is not None:
            self._lease.require()

    def close(self) -> None:
        """Close connections and give the lock back; a later step opens them again."""
        self._closed = self.traffic()
        self._resources.close()
        self.lock_held = False
        self._lease = None
        self._directory = None
        self._graph = None

    def traffic(self) -> Traffic:
        """What this run has sent to both services so far."""
        graph, directory = self._graph, self._directory
        return self._closed + Traffic(
            graph.requests if graph else 0, graph.units if graph else 0, directory.requests if directory else 0
        )

    def answer_times(self) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
        """Seconds between which half of the answers of Graph, and of the domain controller, took; None: not known."""
        graph, directory = self._graph, self._directory
        return (
            graph.answer_times.middle_half() if graph else None,
            directory.answer_times.middle_half() if directory else None,
        )

    def _written_to(self) -> ControllerIdentity | None:
        """The controller with the first writes of this change, where there are some and the parameters name it.

        Where they do not, any may answer, and the change that broke off says which one to name.
        """
        folder = self.record.folder
        own = read_journal(folder.path, ROUTES)
        chain = [own] if own else unfinished_chain(folder.change_folder, but=folder.path.name)
        opened = chain[0].opened if chain else {}
        host = str(opened.get("dc_host") or "")
        if not host or not names_host(self.parameters, host):
            return None
        return ControllerIdentity(host, str(opened.get("ds_service_name")), str(opened.get("invocation_id")))

    # what people and the record see

    def step(self, step: NotebookStep) -> None:
        """Note in the record that this step was reached; it is not stopped any more."""
        self.top.clear()
        self.record.note_step(step.title, self.clock())

    def note(self, *findings: Finding) -> None:
        """Put findings into the record."""
        self.record.note_findings(*findings)

    def write_page(self) -> None:
        """Write record.html as the run stands now.

        Raises:
            ServiceFailed: ``record-write``.
        """
        write_open_page(self.record)

    def show(self, view: View) -> None:
        """Show static HTML (and its plain text)."""
        show(view, run_mark_of(self.record.folder))

    def note_sign_in(self) -> None:
        """Put into the record who is signed in to Entra ID, as far as that is known by now."""
        # Graph has answered: there is a token, and asking for it signs nobody in. Later it may have ended.
        if self._graph is not None and self._graph.request_ids and not self._signed_in:
            self._signed_in = True
            self._ran_by(cloud=signed_in(self._graph.token_claims()))
        if self._sign_in is not None:
            self.note(*self._sign_in.findings)

    def _ran_by(self, **who: object) -> None:
        known = self.record.facts.get("ran_by")
        self.record.set(ran_by={**(known if isinstance(known, dict) else run_by()), **who})
