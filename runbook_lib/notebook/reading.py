"""The steps that only read: both connections, the pre-flight, both sides joined, and what has drifted apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from runbook_lib.connect.evidence import (
    COLLECTOR_NAME,
    KEPT_EVIDENCE,
    ConnectEvidence,
    collector_script,
    evidence_that_counts,
)
from runbook_lib.directory.other_domain import other_domain_reader
from runbook_lib.directory.sign_in.connect import needed
from runbook_lib.errors import Refused, RunbookError
from runbook_lib.files import DRIFT, HYBRID
from runbook_lib.graph.groups import probe_groups
from runbook_lib.graph.owners import read_owners
from runbook_lib.inventory.build import Inventory, build_inventory, group_ids_to_probe
from runbook_lib.inventory.index import index_directory
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.cloud import CloudSnapshot, Owner, Presence, Switch
from runbook_lib.model.ids import GroupId
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, counted, t, verbatim
from runbook_lib.notebook.connect_sync_reading import read_server, settings_now
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.evidence_form import EvidenceForm, uploaded_finding
from runbook_lib.notebook.front_end import ProgressLine, show_widget
from runbook_lib.notebook.kept_tables import keep_groups, keep_readings, written_groups
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.validate import require
from runbook_lib.preflight.assess import Assessment, assess
from runbook_lib.preflight.checks import CHECKS
from runbook_lib.preflight.hybrid import hybrid_procedure
from runbook_lib.preflight.parts import CONNECT_SERVER
from runbook_lib.preflight.reach import Reach
from runbook_lib.preflight.read import read_evidence
from runbook_lib.preflight.verdict import refusal_of
from runbook_lib.routes.cloud_sync.desired import desired_settings
from runbook_lib.routes.cloud_sync.reading import sides_of_domain
from runbook_lib.routes.cloud_sync.scope.drift import check_cloud_sync_drift
from runbook_lib.routes.connect_sync.drift import check_connect_drift
from runbook_lib.routes.connect_sync.plan_choice import choice_of
from runbook_lib.routes.connect_sync.planning import ConnectSides
from runbook_lib.routes.direct.drift import Drift, check_drift
from runbook_lib.rules.obstacles import connect_v1_of
from runbook_lib.rules.policy import Policy, naming_of, policy_of
from runbook_lib.shown.connect import collector_view
from runbook_lib.shown.hybrid import PROCEDURE_COLUMNS, hybrid_rows, hybrid_view
from runbook_lib.shown.inventory import drift_view
from runbook_lib.shown.preflight import verdicts_view
from runbook_lib.shown.start import ends_view

_NEEDED = ("tenant_id", "target_ou")


def check_ends(context: RunContext) -> None:
    """Say who answers on both sides.

    Raises:
        RunbookError: One cannot be reached or signed in to.
    """
    graph, directory = context.connect_graph(), context.connect_directory()
    context.show(ends_view(graph, context.parameters, directory.controller))


def offer_collector(context: RunContext) -> None:
    """Keep the collector in the record, and say how it is run."""
    collector = context.record.folder.write_bytes(COLLECTOR_NAME, collector_script())
    context.show(collector_view(collector, context.parameters.connect_evidence))


def offer_evidence(context: RunContext, preconditions: Callable[[], None], again: Text) -> EvidenceForm | None:
    """Offer a field for the collector's file where a person can use one; None elsewhere.

    Args:
        context: Of the run.
        preconditions: Raises where the run takes nothing any more.
        again: Which cells go by a file that was taken, as a sentence that says to run them.
    """
    folder = context.record.folder
    if not context.interactive:
        return None

    def keep(read: ConnectEvidence) -> Path:
        kept = folder.write_bytes(KEPT_EVIDENCE, read.file)
        context.use_evidence(kept)
        context.note(uploaded_finding(read))
        return kept

    form = EvidenceForm(
        keep=keep,
        preconditions=preconditions,
        limit=timedelta(hours=context.parameters.connect_evidence_hours),
        clock=context.clock,
        line=ProgressLine(t("The collector's file")),
        again=again,
    )
    show_widget(form.upload)
    return form


def read_preflight(context: RunContext) -> tuple[Assessment, RunbookError | None]:
    """Read both sides as far as they can be read, run every check, note and show the verdicts.

    Returns the assessment, and why the routes that were asked for cannot be taken (None where they can).
    """
    parameters, line = context.parameters, ProgressLine(t("Reading"))
    reach = Reach(
        directory=context.connect_directory,
        graph=context.connect_graph,
        elsewhere=other_domain_reader(parameters, environment=context.environment, clock=context.clock),
    )
    evidence = read_evidence(parameters, reach, clock=context.clock, progress=lambda what: line.show(verbatim(what)))
    if collected := evidence.get(CONNECT_SERVER):
        context.record.folder.write_bytes(KEPT_EVIDENCE, collected.file)
    assessment = assess(evidence, CHECKS)
    seconds = (context.clock() - evidence.at).total_seconds()
    line.show(t("{checks} checks in {seconds:.1f} s", checks=len(assessment.results), seconds=seconds))
    verdicts = [one.as_finding(asked=one.route in assessment.judged) for one in assessment.verdicts]
    context.note(*verdicts, *assessment.recorded)
    context.note_sign_in()
    context.show(verdicts_view(assessment))
    judged = [one for one in assessment.verdicts if one.route.value in parameters.check_routes]
    return assessment, refusal_of(judged)


def show_procedure(context: RunContext, assessment: Assessment) -> None:
    """Show how far Microsoft 365 groups with Exchange hybrid are, and keep the table in the record."""
    procedure = hybrid_procedure(assessment)
    table = pd.DataFrame(hybrid_rows(procedure), columns=list(PROCEDURE_COLUMNS), dtype=object)
    context.record.folder.write_csv(HYBRID, table)
    context.show(hybrid_view(procedure))


def read_sides(context: RunContext, *, keep: bool, owners: bool = False, also: Iterable[GroupId] = ()) -> Inventory:
    """Read Active Directory and Entra ID and join them.

    Args:
        context: Of the run; its connections are opened.
        keep: Whether the provenance becomes part of the record (the reading that is planned from).
        owners: Whether the owners of cloud groups are read too.
        also: Groups that are read again in any case, where only what changed since an earlier reading is.

    Raises:
        RunbookError: A parameter is missing, or one side cannot be read.
    """
    parameters = context.parameters
    of_app = () if parameters.sign_in == "managed-identity" else ("client_id",)
    require(parameters, *_NEEDED, *of_app, *needed(parameters))
    line = ProgressLine(t("Active Directory"))
    directory = context.read_directory(progress=line)
    line.show(
        t(
            "{groups:,} groups and {objects:,} objects in {seconds:.1f} s",
            groups=len(directory.groups),
            objects=len(directory.objects),
            seconds=directory.reading.seconds,
        )
    )
    line = ProgressLine(t("Entra ID"))
    cloud = context.read_cloud(also=also, progress=line)
    line.show(
        t(
            "{groups:,} groups and {principals:,} principals in {seconds:.1f} s",
            groups=len(cloud.groups),
            principals=len(cloud.principals),
            seconds=cloud.reading.seconds,
        )
    )
    cloud, collected = with_server_evidence(parameters, cloud, context.clock())
    if collected is not None:
        context.record.folder.write_bytes(KEPT_EVIDENCE, collected.file)
    index = index_directory(directory)
    presence = probe_groups(context.connect_graph(), group_ids_to_probe(cloud, index))
    begun = context.clock()
    inventory = build_inventory(
        cloud,
        directory,
        presence,
        index=index,
        naming=naming_of(parameters),
        connect_v1=connect_v1_of(parameters, cloud.writers, context.clock().date()),
    )
    context.join_seconds = (context.clock() - begun).total_seconds()
    if owners:
        inventory = replace(inventory, owners=owners_now(context, inventory, ProgressLine(t("Owners"))))
    if keep:
        keep_readings(context, inventory)
    return inventory


def owners_now(context: RunContext, inventory: Inventory, line: ProgressLine) -> dict[GroupId, tuple[Owner, ...]]:
    """Read the owners of the cloud groups of an inventory, and say how many of them are known.

    Raises:
        RunbookError: See ``read_owners``.
    """
    groups = owners_of(inventory)
    before = context.clock()
    owners = read_owners(context.connect_graph(), groups, progress=line)
    line.show(
        t(
            "read for {read:,} of {groups} in {seconds:.1f} s; groups without an owner: {without:,}",
            read=len(owners),
            groups=counted(len(groups), "group"),
            seconds=(context.clock() - before).total_seconds(),
            without=sum(not some for some in owners.values()),
        )
    )
    return owners


def owners_of(inventory: Inventory) -> list[GroupId]:
    """Ids of the groups that have owners in the cloud now."""
    return [row.group_id for row in inventory.rows if row.cloud is not None and row.presence is Presence.PRESENT]


def with_server_evidence(
    parameters: Parameters, cloud: CloudSnapshot, now: datetime
) -> tuple[CloudSnapshot, ConnectEvidence | None]:
    """What Graph does not say of group writeback v1, the evidence of the Connect server does.

    Args:
        parameters: Of the run; ``connect_evidence`` names the file.
        cloud: As it was read.
        now: The time of the run.

    Returns:
        The reading, with what the server says, and the evidence; None where none was needed.

    Raises:
        RunbookError: The file does not count: see ``evidence_that_counts``.
    """
    if not parameters.connect_evidence or cloud.writers.connect_v1 is not Switch.UNKNOWN:
        return cloud, None
    limit, path = timedelta(hours=parameters.connect_evidence_hours), Path(parameters.connect_evidence)
    collected = evidence_that_counts(path, limit, cloud.tenant.verified_domains, now)
    return replace(cloud, writers=replace(cloud.writers, connect_v1=collected.v1)), collected


def policy_now(context: RunContext, inventory: Inventory) -> Policy:
    """What the operator decided, with today's validity of attestations."""
    return policy_of(context.parameters, inventory.cloud.writers, context.clock().date())


def compare_sides(context: RunContext, inventory: Inventory) -> tuple[Drift, RunbookError | None]:
    """Compare what is written with what the cloud says now, note and show it.

    Returns the comparison, and the refusal that it means (None where nothing differs).
    """
    drift, hint = _compared(context, inventory)
    context.note(*drift.findings)
    context.record.folder.write_csv(DRIFT, drift.table)
    keep_groups(context, inventory, written_groups(inventory) | set(map(str, drift.table["group_id"])))
    context.show(drift_view(drift))
    if not len(drift.table) and not drift.findings:
        return drift, None
    return drift, Refused(drift.text, code="drift", hint=hint, values={"differences": len(drift.table)})


def _compared(context: RunContext, inventory: Inventory) -> tuple[Drift, Text]:
    """The comparison on the run's route, and what to do where something differs."""
    parameters = context.parameters
    if parameters.route == Route.CONNECT_SYNC.value:
        server = read_server(context, inventory.cloud.tenant, None)
        settings = settings_now(context, server, None)
        connect = ConnectSides(inventory, settings, evidence=server.evidence)
        choice = choice_of(connect, policy_now(context, inventory), None)
        drift = check_connect_drift(inventory, settings, choice.groups if choice else None)
        return drift, t("A cycle of Connect Sync overwrites what is otherwise in AD. drift.csv has all.")
    if parameters.route != Route.CLOUD_SYNC.value:
        hint = t("30-enable-writeback re-aligns AD with the cloud; it plans first and asks. drift.csv has all.")
        return check_drift(inventory, policy_now(context, inventory)), hint
    sides = sides_of_domain(context.connect_graph(), inventory, parameters.cloud, may_be_made=False)
    drift, more = check_cloud_sync_drift(sides, desired_settings(parameters, Operation.DISABLE, {}))
    context.note(*more)
    return drift, t(
        "30-enable-writeback with cloud_sync_enable: differing provisions these groups on demand; it plans first and "
        "asks. drift.csv has all, with reasons."
    )
