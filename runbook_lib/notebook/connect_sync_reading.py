"""What the route connect-sync is planned from: the tenant's switches, the server's evidence, the order of things."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.connect.evidence import KEPT_EVIDENCE, ConnectEvidence, evidence_that_counts
from runbook_lib.connect.prediction import predict_writeback
from runbook_lib.connect.settings import WizardChoice, WritebackSettings, writeback_settings
from runbook_lib.directory.other_domain import other_domain_reader
from runbook_lib.directory.rights.connector import read_connector_rights
from runbook_lib.errors import NoAccess
from runbook_lib.graph.errors import or_unreadable
from runbook_lib.graph.tenant.parts import SynchronizationFeatures, WritebackContainers
from runbook_lib.graph.tenant.read import containers_of, is_an_app, read_connect_configuration, read_features
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.cloud import OtherWriters, Switch, Tenant
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.predicted import Predicted
from runbook_lib.model.target import Route
from runbook_lib.model.text import t, verbatim
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.preflight.assess import assess, by_route
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.routes.connect_sync.handed import EarlierHandOver
from runbook_lib.routes.connect_sync.plan_choice import proof_of
from runbook_lib.routes.connect_sync.planning import ConnectorAccount, ConnectSides, naming_mode
from runbook_lib.routes.connect_sync.steps import LiveSwitch
from runbook_lib.routes.connect_sync.watch import ServerNow
from runbook_lib.rules.obstacles import connect_v1_of

_FRESH = timedelta(seconds=30)
"""How long what was asked of v1 counts as how it is now."""
_NOT_ASKED = frozenset({"connect-v1"})
"""Checks of the route that ask for what this change brings about."""
_WHILE_CHOOSING = frozenset({"connect-choice", "connect-server-mode"})
"""The same where some groups are chosen: on a server that is meant to be in staging mode."""
_HANDED_OVER = frozenset({"connect-rights"})
"""Checks of what a plan hands over where it is missing: they stop nothing."""


@dataclass(frozen=True, slots=True)
class ServerRead:
    """The Connect server as tenant and evidence show it.

    Attributes:
        v1: State of v1, as the tenant says; where it does not, as evidence says that counts for now.
        v2: State of V2, likewise.
        container: DN of the OU that Connect reported to the tenant; empty: none.
        evidence: The server's, believed; None: none was named.
        before: Whether that was collected before what is waited for was handed over.
    """

    v1: Switch
    v2: Switch
    container: str = ""
    evidence: ConnectEvidence | None = None
    before: bool = False

    @property
    def now(self) -> ServerNow:
        """What of it is known of the time since the hand-over."""
        if self.before:
            return ServerNow(self.v1, older=self.evidence)
        return ServerNow(self.v1, evidence=self.evidence)


def read_server(context: RunContext, tenant: Tenant, since: datetime | None) -> ServerRead:
    """Ask the tenant, and take the evidence that the parameters name; the record keeps its file.

    Args:
        context: Of the run.
        tenant: The tenant.
        since: When what is waited for was handed over; None: nothing was.

    Raises:
        RunbookError: Graph does not answer, or the evidence does not count (``evidence_that_counts``).
    """
    client, parameters = context.connect_graph(), context.parameters
    as_app = is_an_app(client)
    features = or_unreadable("features", lambda: read_features(client, tenant), for_people_only=True, as_app=as_app)
    containers = or_unreadable(
        "containers",
        lambda: containers_of(read_connect_configuration(client, tenant)),
        for_people_only=True,
        as_app=as_app,
    )
    evidence = None
    if parameters.connect_evidence:
        hours, path = timedelta(hours=parameters.connect_evidence_hours), Path(parameters.connect_evidence)
        evidence = evidence_that_counts(path, hours, tenant.verified_domains, context.clock())
        context.record.folder.write_bytes(KEPT_EVIDENCE, evidence.file)
    before = evidence is not None and since is not None and evidence.at <= since
    known = features if isinstance(features, SynchronizationFeatures) else None
    v1 = known.connect_v1 if known else Switch.UNKNOWN
    if v1 is Switch.UNKNOWN and evidence is not None and not before:
        v1 = evidence.v1
    reported = containers.unified_groups if isinstance(containers, WritebackContainers) else None
    return ServerRead(v1, known.connect_v2 if known else Switch.UNKNOWN, reported or "", evidence, before)


def settings_now(context: RunContext, read: ServerRead, since: datetime | None) -> WritebackSettings:
    """What decides about every group: as it is where v1 is on, else as the wizard is to be told.

    What a person attests counts until the wizard is handed over, and not for the time afterwards.
    """
    parameters = context.parameters
    v1 = read.v1
    if since is None:
        v1 = connect_v1_of(parameters, OtherWriters(connect_v1=read.v1), context.clock().date())
    choice = WizardChoice(parameters.target_ou, naming_mode(parameters))
    # What was written before the hand-over says nothing about the rules that v1 has made since.
    evidence = None if read.before and v1 is Switch.ON else read.evidence
    settings = writeback_settings(
        evidence,
        v1=Switch.OFF if v1 is Switch.UNKNOWN and since is not None else v1,
        v2=read.v2,
        reported=read.container,
        choice=choice,
    )
    if since is not None and settings.naming is None:
        settings = replace(settings, naming=choice.naming, naming_why=t("The wizard was handed over with these names."))
    if since is not None and not settings.container.known:
        settings = replace(settings, container=Predicted(choice.container))
    return settings


def as_approved(settings: WritebackSettings, earlier: EarlierHandOver | None) -> WritebackSettings:
    """With the names that the wizard was handed over with, where v1 is on since: AD is held to what was approved."""
    if earlier is None or earlier.naming is None or settings.v1 is not Switch.ON:
        return settings
    return replace(settings, naming=earlier.naming, naming_why=t("The wizard was handed over with these names."))


def order_findings(context: RunContext, *, choosing: bool) -> tuple[Finding, ...]:
    """What the pre-flight finds about the route, the gravest first; without what this change brings about.

    Args:
        context: Of the run.
        choosing: Whether groups are chosen, by rules on a server in staging mode.

    Raises:
        RunbookError: Sign-in fails.
    """
    line = ProgressLine(t("Checking the order"))
    reach = Reach(
        directory=context.connect_directory,
        graph=context.connect_graph,
        elsewhere=other_domain_reader(context.parameters, environment=context.environment, clock=context.clock),
    )
    evidence = read_evidence(
        context.parameters, reach, clock=context.clock, progress=lambda what: line.show(verbatim(what))
    )
    left_out = _NOT_ASKED | _WHILE_CHOOSING if choosing else _NOT_ASKED
    checks = [check for check in CHECKS if Route.CONNECT_SYNC in check.routes and check.id not in left_out]
    assessment = assess(evidence, checks, judged=[Route.CONNECT_SYNC.value])
    line.show(t("{checks} checks", checks=len(checks)))
    handed = {found.id for one in assessment.results if one.check.id in _HANDED_OVER for found in one.findings}
    found = [one[Route.CONNECT_SYNC] for one in by_route(assessment.results, [Route.CONNECT_SYNC]).values()]
    return _that_matter([_not_blocking(one) if one.id in handed else one for one in found])


def _not_blocking(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING) if finding.severity is Severity.BLOCKING else finding


def connector_account(context: RunContext, evidence: ConnectEvidence | None) -> ConnectorAccount:
    """The account with which Connect writes to the target OU, and whether it may; not known without evidence.

    Raises:
        RunbookError: The domain controller does not answer.
    """
    ou = context.parameters.target_ou
    forest = evidence.forest_of(ou) if evidence else None
    if forest is None or not forest.account:
        return ConnectorAccount()
    try:
        found = read_connector_rights(context.connect_directory(), forest.account, ou)
    except NoAccess:
        return ConnectorAccount()
    answers = {row.granted for row in found.rows}
    may = Switch.OFF if Switch.OFF in answers else Switch.UNKNOWN if Switch.UNKNOWN in answers else Switch.ON
    return ConnectorAccount(found.dn, may)


def _that_matter(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    found = (one for one in findings if one.severity is not Severity.INFO)
    return tuple(sorted(found, key=lambda one: -one.severity.rank))


class ConnectLive:
    """The live state that hand-overs look at, right before each: a ``Live`` of the route."""

    def __init__(self, context: RunContext, inventory: Inventory, since: datetime | None) -> None:
        self._context = context
        self._inventory = inventory
        self._tenant = inventory.cloud.tenant
        self._since = since
        self._switch: tuple[datetime, LiveSwitch] | None = None

    def switch(self) -> LiveSwitch:
        """v1 as the tenant says it, or the evidence that counts for now; asked again after half a minute.

        Every group that comes back asks, and a wizard takes longer than that.
        """
        now = self._context.clock()
        if self._switch is None or not timedelta(0) <= now - self._switch[0] <= _FRESH:
            self._switch = now, self._asked()
        return self._switch[1]

    def _asked(self) -> LiveSwitch:
        read = read_server(self._context, self._tenant, self._since)
        settings = settings_now(self._context, read, self._since)
        known = settings.container.value if read.v1 is Switch.ON and settings.container.known else ""
        return LiveSwitch(read.v1, known)

    def connector_may_write(self) -> Switch:
        """Whether the account that the evidence names has its rights now."""
        read = read_server(self._context, self._tenant, self._since)
        return connector_account(self._context, read.evidence).may_write

    def choice(self, chosen: Collection[str]) -> ChoiceProof:
        """What the evidence that the parameters name proves now of a choice of groups."""
        read = read_server(self._context, self._tenant, self._since)
        settings = settings_now(self._context, read, self._since)
        sides = ConnectSides(self._inventory, settings, evidence=read.evidence, before=read.before)
        return proof_of(sides, predict_writeback(self._inventory, settings, chosen))
