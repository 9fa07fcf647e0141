"""One run of one notebook: its parameters, its two connections, its record, its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

from runbook_lib.change.journal import read_journal
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.other_domain import other_domain_reader
from runbook_lib.directory.sign_in.connect import names_host, open_directory
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.graph.connect import open_graph, sign_in_cache
from runbook_lib.graph.sign_in.cache import SignInCache
from runbook_lib.graph.sign_in.tokens import signed_in
from runbook_lib.graph.transport import GraphClient
from runbook_lib.inventory import Inventory
from runbook_lib.model.change import Operation
from runbook_lib.model.directory import ControllerIdentity
from runbook_lib.model.finding import Finding
from runbook_lib.model.outcome import Outcome
from runbook_lib.model.text import t
from runbook_lib.notebook.change import ChangeSession
from runbook_lib.notebook.course import LEAVE_THE_VERDICT, Course, Step, takes
from runbook_lib.notebook.ending import ending_of, verdict_on
from runbook_lib.notebook.face import ProgressLine, show
from runbook_lib.notebook.resuming import unfinished_chain
from runbook_lib.notebook.sealed import done_of
from runbook_lib.notebook.sides import read_sides
from runbook_lib.notebook.sign_in import prompt_for
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.validate import require
from runbook_lib.preflight.assess import Assessment, assess
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.parts import read_evidence
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.verdict import refusal_of
from runbook_lib.record.marks import mark_of
from runbook_lib.record.run_record import RunRecord
from runbook_lib.record.versions import account, run_by
from runbook_lib.routes.direct.drift import Drift, check_drift
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.rules.policy import Policy, policy_of
from runbook_lib.shown import views


class Run:
    """What ``open_run`` returns. Connections open on first use and close with the run."""

    def __init__(
        self,
        *,
        parameters: Parameters,
        record: RunRecord,
        notebook: str,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        interactive: bool = False,
    ) -> None:
        self.parameters = parameters
        self.record = record
        self.interactive = interactive
        """Whether a person sits in front of it (JupyterLab), who can fill in a form."""
        self.notebook = notebook
        self.environment = environment
        self.clock = clock
        self.resources = ExitStack()
        self.course = Course(notebook, record)
        """The steps of this run, and which of them a cell may take now."""
        self._made: Inventory | Assessment | None = None
        """What the run read last; the cells below get it as a variable of the notebook."""
        self.lock_held = False
        """Whether ``resources`` hold the writer's lock."""
        self._graph: GraphClient | None = None
        self._signed_in = False
        """Whether the record says who was signed in to Entra ID."""
        self._sign_in: SignInCache | None = None
        """Kept when connections close, so that a person signs in once."""
        self._directory: Directory | None = None

    @property
    def verdict(self) -> Outcome:
        """What ``finish`` writes when every step was carried out."""
        return self.course.verdict

    @verdict.setter
    def verdict(self, outcome: Outcome) -> None:
        self.course.verdict = outcome

    @property
    def graph(self) -> GraphClient:
        """The connection to Microsoft Graph."""
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

    @property
    def directory(self) -> Directory:
        """The connection to the one DC of this run."""
        if self._directory is None:
            opened = open_directory(
                self.parameters,
                environment=self.environment,
                clock=self.clock,
                sleep=time.sleep,
                only=self._written_to(),
            )
            self._directory = self.resources.enter_context(opened)
            self.record.set(target=views.target_facts(self.parameters, opened.controller))
            bound = {"method": self.parameters.bind_method, "identity": opened.who_am_i() or None}
            self._ran_by(directory=bound)
        return self._directory

    def _written_to(self) -> ControllerIdentity | None:
        """The controller with the first writes of this change, where there are some and the parameters name it.

        Where they do not, any may answer, and the change that broke off says which one to name.
        """
        own = read_journal(self.record.folder.path)
        folder = self.record.folder
        chain = [own] if own else unfinished_chain(folder.change_folder, but=folder.path.name)
        told = chain[0].opened if chain else {}
        host = str(told.get("dc_host") or "")
        if not host or not names_host(self.parameters, host):
            return None
        return ControllerIdentity(host, str(told.get("ds_service_name")), str(told.get("invocation_id")))

    def show(self, html: str, text: str) -> None:
        """Show static HTML (and its plain text)."""
        show(html, text, mark_of(self.record.folder))

    def step(self, title: str) -> None:
        """Note in the record that this step was reached."""
        self.record.note_step(title, self.clock())

    def note(self, *findings: Finding) -> None:
        """Put findings into the record."""
        for finding in findings:
            self.record.note_finding(finding)

    def policy(self, inventory: Inventory) -> Policy:
        """What the operator decided, with today's validity of attestations."""
        return policy_of(self.parameters, inventory.cloud.writers, self.clock().date())

    @takes(Step.ENDS)
    def check_ends(self) -> None:
        """Check both connections and say who answers (00-start-here)."""
        self.step("Check both connections")
        self.show(*views.ends_view(self.graph, self.parameters, self.directory.controller))

    def show_records(self) -> None:
        """List notebooks, records and what to run next (00-start-here)."""
        self.show(*views.records_view(Path(self.parameters.records_dir), self.parameters))

    @takes(Step.PREFLIGHT)
    def preflight(self) -> Assessment:
        """Read both sides as far as they can be read, run every check, show the verdicts (10-detect-exchange)."""
        self.step("Pre-flight")
        line = ProgressLine("Reading")
        reach = Reach(
            directory=lambda: self.directory,
            graph=lambda: self.graph,
            elsewhere=other_domain_reader(self.parameters, environment=self.environment, clock=self.clock),
        )
        evidence = read_evidence(self.parameters, reach, clock=self.clock, progress=line.say)
        assessment = self._made = assess(evidence, CHECKS)
        line.say(f"{len(assessment.results)} checks in {(self.clock() - evidence.at).total_seconds():.1f} s")
        self.note(*(one.as_finding(asked=one.route in assessment.judged) for one in assessment.verdicts))
        self.note(*assessment.findings)
        judged = [one for one in assessment.verdicts if one.route.value in self.parameters.check_routes]
        self.course.explanation = refusal_of(judged)
        self.verdict = self.course.explanation.outcome if self.course.explanation else Outcome.DONE
        self._note_sign_in()
        self.show(*views.verdicts_view(assessment))
        return assessment

    def show_findings(self, assessment: Assessment) -> None:
        """Every finding, the gravest first (10-detect-exchange)."""
        self._mine(assessment)
        self.show(*views.findings_view(assessment))

    def show_hand_offs(self, assessment: Assessment) -> None:
        """What others have to do, to be copied (10-detect-exchange)."""
        self._mine(assessment)
        self.show(*views.hand_offs_view(assessment))

    def show_evidence(self, assessment: Assessment) -> None:
        """What the findings are made from (10-detect-exchange)."""
        self._mine(assessment)
        self.show(*views.evidence_view(assessment))

    @takes(Step.READ)
    def read_inventory(self) -> Inventory:
        """Read both sides, join them, keep the tables in the record and show a summary."""
        self.step("Read both sides")
        inventory = self._made = read_sides(self, keep=True)
        self._note_sign_in()
        self.show(*views.inventory_view(inventory))
        return inventory

    def show_groups(self, inventory: Inventory) -> None:
        """Every group with state, route and reason."""
        self._mine(inventory)
        self.show(*views.groups_view(inventory))

    def show_members(self, inventory: Inventory) -> None:
        """Members that AD cannot represent, with reasons."""
        self._mine(inventory)
        self.show(*views.members_view(inventory))

    @takes(Step.PLAN)
    def plan_enable(self, inventory: Inventory) -> ChangeSession:
        """Plan the selected groups (30-enable-writeback)."""
        self._mine(inventory)
        return self._session(Operation.ENABLE).plan(inventory, lambda i: plan_enable(i, self.policy(i)))

    @takes(Step.PLAN)
    def plan_disable(self, inventory: Inventory) -> ChangeSession:
        """Plan the retirement of the selected groups (40-disable-writeback)."""
        self._mine(inventory)
        return self._session(Operation.DISABLE).plan(inventory, lambda i: plan_disable(i, self.policy(i)))

    @takes(Step.PLAN)
    def plan_undo(self, inventory: Inventory) -> ChangeSession:
        """Plan the way back of the record that ``undo_record`` names (60-undo-change)."""
        self._mine(inventory)
        require(self.parameters, "undo_record")
        done, unproved = done_of(Path(self.parameters.undo_record))
        self.note(*unproved)
        return self._session(Operation.UNDO).plan(inventory, lambda i: plan_undo(i, self.policy(i), done))

    @takes(Step.COMPARE)
    def check_drift(self, inventory: Inventory) -> Drift:
        """Compare what is written with what the cloud says now (50-check-drift)."""
        self._mine(inventory)
        self.step("Compare")
        drift = check_drift(inventory, self.policy(inventory))
        self.note(*drift.findings)
        self.record.folder.write_csv("drift.csv", drift.table)
        html, text = views.drift_view(drift)
        self.verdict = Outcome.NOTHING_TO_DO
        if len(drift.table) or drift.findings:
            self.verdict = Outcome.REFUSED
            hint = t("30-enable-writeback re-aligns AD with the cloud; it plans first and asks. drift.csv has all.")
            self.course.explanation = Refused(
                drift.text, code="drift", hint=hint, values={"differences": len(drift.table)}
            )
        self.show(html, text)
        return drift

    def finish(self) -> None:
        """Write the verdict and say how the run ended; the last cell of every notebook calls it.

        Raises:
            Refused: The run is closed already (``run-closed``).
        """
        self.course.require_open()
        self._note_sign_in()
        verdict = ending_of(self.course, self.record.folder)
        try:
            self.record.finish(verdict.outcome, ended=self.clock(), error=verdict.error)
        finally:
            self.close()
        self.course.close("it is finished")
        folder = self.record.folder
        sealing = views.sealing_words(folder, self.environment)
        self.show(*views.end_view(verdict.outcome, folder, verdict.error, notebook=self.notebook, sealing=sealing))

    def ended_with(self, error: BaseException) -> None:
        """Write the verdict of an error that ended a cell.

        An error of a cell that did nothing leaves the verdict as it is; so does one that follows from a step before.
        """
        if self.course.closed or (isinstance(error, RunbookError) and error.code in LEAVE_THE_VERDICT):
            return
        # A disk that does not take the verdict must not hide the error that ended the cell, nor keep lock and
        # connections; whoever ran the notebook reads the verdict from the journal then.
        with suppress(RunbookError):
            self._note_sign_in()
            if self.course.failure in (None, error):
                verdict = verdict_on(error, self.record.folder)
                self.record.finish(verdict.outcome, ended=self.clock(), error=verdict.error)
        self.close()

    def give_way(self, to: str) -> None:
        """Close this run because another took its place in the same notebook; ``to`` is that one's run id."""
        self.course.close(f"the run {to} was begun in this notebook after it")
        self.close()

    def _ran_by(self, **who: object) -> None:
        known = self.record.facts.get("ran_by")
        self.record.set(ran_by={**(known if isinstance(known, dict) else run_by()), **who})

    def _note_sign_in(self) -> None:
        # Graph has answered: there is a token, and asking for it signs nobody in. Later it may have ended.
        if self._graph is not None and self._graph.request_ids and not self._signed_in:
            self._signed_in = True
            self._ran_by(cloud=signed_in(self._graph.token_claims()))
        if self._sign_in is not None:
            self.note(*self._sign_in.findings)

    def close(self) -> None:
        """Close connections and release the lock; a later cell opens them again."""
        self.resources.close()
        self.lock_held = False
        self._directory = None
        self._graph = None

    @property
    def holder(self) -> str:
        """Who this is, for a lock's message."""
        return f"{self.record.folder.change_id}/{self.record.folder.run_id} of {account() or 'this account'}"

    def _mine(self, made: Inventory | Assessment) -> None:
        """Raise where a variable of the notebook was made by an earlier run, or before the last reading."""
        self.course.require_open()
        self.course.belongs("inventory" if isinstance(made, Inventory) else "pre-flight", made, self._made)

    def _session(self, operation: Operation) -> ChangeSession:
        return ChangeSession(self, operation)
