"""A change of the source of authority in a notebook: what it is planned from, what is backed up, what is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.resume import BrokenOff
from runbook_lib.cloud_sync.configuration import Document, expressions_of
from runbook_lib.cloud_sync.group_dn import cn_expression, keeps_place, ou_expression
from runbook_lib.connect.evidence import evidence_that_counts
from runbook_lib.directory.ldif import BACKUP_FILE, ldif_of
from runbook_lib.graph.tenant.authority import (
    identifier_uri,
    inbound_job,
    read_authority,
    read_catalogs,
    read_connect,
    read_extension,
    read_group_values,
)
from runbook_lib.graph.tenant.cloud_sync import read_cloud_sync
from runbook_lib.graph.tenant.parts import ConnectReport
from runbook_lib.graph.tenant.read import is_an_app
from runbook_lib.graph.transport import GraphClient
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Authority, Tenant
from runbook_lib.model.finding import Finding
from runbook_lib.model.reading import Unreadable
from runbook_lib.model.text import t
from runbook_lib.notebook.cloud_sync_way import CloudSyncWay
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.front_end import ProgressLine
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.cloud_sync.authority.actions import SetCloudManaged
from runbook_lib.routes.cloud_sync.authority.facts import (
    EXTENSION_ATTRIBUTES,
    AuthorityFacts,
    AuthoritySettings,
    PlannedAuthority,
    ad_object,
    cloud_groups,
    watched_of,
)
from runbook_lib.routes.cloud_sync.authority.findings import client_findings
from runbook_lib.routes.cloud_sync.authority.plan_convert import plan_convert
from runbook_lib.routes.cloud_sync.authority.plan_roll_back import AUTHORITY_KINDS, plan_roll_back, plan_undo_authority
from runbook_lib.routes.cloud_sync.authority.watch import (
    NameSeen,
    WatchedGroupT,
    authority_seen,
    end_of_authority,
    end_of_names,
    watch_groups,
)
from runbook_lib.routes.cloud_sync.cost import cost_of
from runbook_lib.routes.cloud_sync.payload import CLOUD_SYNC_TYPES, CloudSyncChange
from runbook_lib.routes.cloud_sync.planning import Sides
from runbook_lib.routes.cloud_sync.reading import with_extension_values
from runbook_lib.routes.look_until import Ended
from runbook_lib.rules.policy import Policy
from runbook_lib.shown.cloud_sync import authority_view, names_view, placements_view
from runbook_lib.shown.hand_offs import hand_offs_of_plan_view

_WRITABLE = "allowedAttributesEffective"


def changes_authority(parameters: Parameters, operation: Operation, done: DoneChange | None) -> bool:
    """Whether a run of the route cloud-sync changes the source of authority, or takes such a change back."""
    if done is not None:
        return any(change.kind in AUTHORITY_KINDS for change in done.plan.changes)
    if operation is Operation.ENABLE:
        return parameters.cloud_sync_enable == "convert"
    return operation is Operation.DISABLE and parameters.cloud_sync_disable == "roll-back"


class AuthorityWay(CloudSyncWay):
    """The ``RouteRun`` of a change of the source of authority."""

    of_authority = True

    def __init__(self, context: RunContext, operation: Operation, done: DoneChange | None) -> None:
        super().__init__(context, operation, done)
        self._planned_authority: PlannedAuthority | None = None

    def plan(self, inventory: Inventory) -> PlanMade:
        """Read what names and memberships depend on, and plan; what is lost is read of what is converted alone.

        Raises:
            Refused: As every plan.
            NoAccess: The source of authority of a group of the plan may not be read.
        """
        context = self._context
        sides, facts = self._with_names(self._keep(self._planning.sides_of_domain(inventory, may_be_made=False)))
        settings = authority_settings(context.parameters, self.operation)
        sides, made = self._with_what_is_lost(sides, facts, policy_now(context, inventory), settings)
        self._planned_authority = made
        if made.plan.changes:
            # Of groups that AD decides about nobody asked it yet: that it is not allowed is known before scopes change.
            read_authority(context.connect_graph(), sorted(made.watched)[:1])
        names = _display_names(sides.inventory)
        views = [placements_view(made.placements, names)] if made.placements else []
        offers = hand_offs_of_plan_view(made.findings)
        context.note_sign_in()
        effort = cost_of(CLOUD_SYNC_TYPES.changes(made.plan.changes)).effort
        return PlanMade(made.plan, made.findings, (*views, *([offers] if offers else [])), effort=effort)

    def _with_what_is_lost(
        self, sides: Sides, facts: AuthorityFacts, policy: Policy, settings: AuthoritySettings
    ) -> tuple[Sides, PlannedAuthority]:
        """The plan, with the members and attributes read of the groups that it is about."""
        made = self._made_of(sides, facts, policy, settings)
        # Members of AD groups that nothing wrote are no part of a reading: those of the groups concerned are read now.
        given_back = [one for one, managed in made.watched.items() if not managed]
        objects = self._objects([*(change.group_id for change in made.plan.changes), *given_back], sides.inventory)
        if objects:
            sides = replace(sides, inventory=self._with_members(sides.inventory, objects))
            facts = replace(facts, unwritable=self._unwritable(made.plan, sides.inventory))
            if made.placements:
                facts = replace(facts, extension_attributes=self._extension_attributes(objects))
            made = self._made_of(sides, facts, policy, settings)
        return sides, made

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """As it was planned: each of its requests looks at its group before it is sent."""
        plan = super().taken_up(broken, inventory)
        self._planned_authority = PlannedAuthority(plan, (), watched=watched_of(CLOUD_SYNC_TYPES.plan(plan)))
        return plan

    def _asked_again(
        self, sides: Sides, policy: Policy, left: Sequence[CloudSyncChange]
    ) -> tuple[Sequence[Refusal], Sequence[Finding]]:
        """As a plan of the groups that are left says it; what only prepares a conversion asks for its clients alone."""
        sides, facts = self._with_names(sides)
        if not any(isinstance(change.payload.action, SetCloudManaged) for change in left):
            return (), client_findings(facts) if self._done is None and self.operation is Operation.ENABLE else ()
        settings = replace(authority_settings(self._context.parameters, self.operation), with_nested=False)
        _, made = self._with_what_is_lost(sides, facts, policy, settings)
        return made.plan.refusals, made.findings

    def back_up(self, changes: Sequence[Change]) -> None:
        """The AD objects of the groups, as LDIF."""
        context, sides = self._context, self._sides
        guids = self._objects([change.group_id for change in changes], sides.inventory)
        context.record.folder.write_text(BACKUP_FILE, ldif_of(context.connect_directory(), guids, context.clock()))

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Watch until every group has the wanted source of authority, or the extension holds every name."""
        del plan, changes, chain
        made = self._planned_authority
        if made is None or not (made.watched or made.fills):
            return None
        context = self._context
        client, names = context.connect_graph(), _display_names(self._sides.inventory)
        wait = timedelta(minutes=context.parameters.cloud_sync_wait)
        if made.fills:
            extension = read_extension(client, identifier_uri(self._sides.inventory.cloud.tenant.id)).name

            def held() -> list[NameSeen]:
                values = read_group_values(client, extension)
                return [NameSeen(one, names.get(one, one), dn, values.get(one, "")) for one, dn in made.fills.items()]

            filled = self._watch(held, wait)
            return ReadBack(names_view(filled.seen), end_of_names(filled), cancelled=filled.cancelled)
        wanted = {one: managed for one, managed in made.watched.items() if one in names}
        seen = self._watch(lambda: authority_seen(wanted, names, read_authority(client, list(wanted))), wait)
        return ReadBack(authority_view(seen.seen), end_of_authority(seen), cancelled=seen.cancelled)

    def _watch(self, look: Callable[[], list[WatchedGroupT]], wait: timedelta) -> Ended[list[WatchedGroupT]]:
        return watch_groups(
            look,
            wait=wait,
            clock=self._context.clock,
            sleep=time.sleep,
            progress=ProgressLine(t("Waiting for the synchronization")),
        )

    def _made_of(
        self, sides: Sides, facts: AuthorityFacts, policy: Policy, settings: AuthoritySettings
    ) -> PlannedAuthority:
        if self._done is not None:
            return plan_undo_authority(sides, facts, settings, policy, self._done)
        if self.operation is Operation.DISABLE:
            return plan_roll_back(sides, facts, settings, policy)
        return plan_convert(sides, facts, settings, policy)

    def _with_names(self, sides: Sides) -> tuple[Sides, AuthorityFacts]:
        """What was read beside both sides; the groups with the distinguished names that the extension holds."""
        context, cloud = self._context, sides.inventory.cloud
        client, own = context.connect_graph(), context.parameters.cloud_sync_group_dn_property
        extension = read_extension(client, identifier_uri(cloud.tenant.id))
        name = own or (extension.name if extension.property_id else "")
        domain = sides.inventory.directory.controller.domain_dns_name
        inbound = inbound_job(client, read_cloud_sync(client), domain)
        enabling = self.operation is Operation.ENABLE
        keeps = enabling and context.parameters.cloud_sync_keep_place
        facts = AuthorityFacts(
            extension=extension,
            property=name,
            own_property=bool(own),
            inbound=inbound,
            connect=self._connect_report(client, cloud.tenant) if inbound is None else None,
            catalogs=read_catalogs(client, _came_from_ad(sides.inventory)),
            sources=self._keeping(sides, name) if keeps and name else {},
        )
        return with_extension_values(client, sides, *([name] if name else [])), facts

    def _connect_report(self, client: GraphClient, tenant: Tenant) -> ConnectReport | Unreadable:
        report = read_connect(client, tenant, as_app=is_an_app(client))
        return with_server_build(report, self._context.parameters, tenant, self._context.clock())

    def _keeping(self, sides: Sides, name: str) -> Mapping[str, Document]:
        """The expressions that keep OU and name, as the service reads them; empty where the mapping has them."""
        present = expressions_of(sides.documents.schema)
        if keeps_place(present, name):
            return {}
        asked = {
            "parentDistinguishedName": ou_expression(name, present.get("parentdistinguishedname", '""')),
            "cn": cn_expression(name, present.get("cn", '""')),
        }
        return self._planning.sources(sides, asked)

    def _objects(self, group_ids: Iterable[str], inventory: Inventory) -> list[str]:
        """GUIDs of the AD objects of groups, sorted."""
        groups = cloud_groups(inventory)
        found = (ad_object(inventory, groups[one]) for one in group_ids if one in groups)
        return sorted({own.guid for own in found if own is not None})

    def _with_members(self, inventory: Inventory, guids: Collection[str]) -> Inventory:
        """The same, with the members of these AD groups."""
        directory = self._context.connect_directory()
        known = inventory.index.groups_by_guid
        read = {guid: replace(known[guid], members=directory.members(guid)) for guid in guids if guid in known}
        groups = tuple(read.get(group.guid, group) for group in inventory.directory.groups)
        index = inventory.index.with_groups(read.values())
        return replace(inventory, directory=replace(inventory.directory, groups=groups), index=index)

    def _unwritable(self, plan: Plan, inventory: Inventory) -> frozenset[str]:
        """AD groups whose scope the plan changes and this account may not.

        AD itself says of each what this account may write (MS-ADTS, constructed attributes).
        """
        scopes = (ChangeKind.MAKE_UNIVERSAL, ChangeKind.RESTORE_SCOPE)
        guids = self._objects([one.group_id for one in plan.changes if one.kind in scopes], inventory)
        directory = self._context.connect_directory()
        found = set()
        for guid in guids:
            entry = directory.read(guid, [_WRITABLE])
            if entry is not None and "grouptype" not in {name.casefold() for name in entry.texts(_WRITABLE)}:
                found.add(guid)
        return frozenset(found)

    def _extension_attributes(self, guids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        directory = self._context.connect_directory()
        found: dict[str, Mapping[str, str]] = {}
        for guid in guids:
            entry = directory.read(guid, EXTENSION_ATTRIBUTES)
            if entry is not None:
                found[guid] = {name: value for name in EXTENSION_ATTRIBUTES if (value := entry.text(name))}
        return found


def with_server_build(
    report: ConnectReport | Unreadable, parameters: Parameters, tenant: Tenant, now: datetime
) -> ConnectReport | Unreadable:
    """What Graph says of Connect Sync; where that holds no build, what the evidence of its server says.

    Args:
        report: What Graph said.
        parameters: Of the run; ``connect_evidence`` names the file.
        tenant: The tenant.
        now: The time of the run.

    Raises:
        RunbookError: The file does not count: see ``evidence_that_counts``.
    """
    if not parameters.connect_evidence or (isinstance(report, ConnectReport) and report.build):
        return report
    limit, path = timedelta(hours=parameters.connect_evidence_hours), Path(parameters.connect_evidence)
    return ConnectReport(version=evidence_that_counts(path, limit, tenant.verified_domains, now).evidence.build)


def authority_settings(parameters: Parameters, operation: Operation) -> AuthoritySettings:
    """What the parameters ask of a change of the source of authority."""
    if operation is not Operation.ENABLE:
        return AuthoritySettings(parameters.max_conversions, with_nested=parameters.cloud_sync_with_nested)
    return AuthoritySettings(
        most=parameters.max_conversions,
        make_universal=parameters.cloud_sync_make_universal,
        with_nested=parameters.cloud_sync_with_nested,
        keep_place=parameters.cloud_sync_keep_place,
    )


def _display_names(inventory: Inventory) -> dict[str, str]:
    return {group.id: group.display_name for group in inventory.cloud.groups}


def _came_from_ad(inventory: Inventory) -> list[str]:
    return [group.id for group in inventory.cloud.groups if group.authority is not Authority.CLOUD]
