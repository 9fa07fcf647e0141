"""The direct route in a notebook: LDAP writes to the domain controller of the run, read back from the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from runbook_lib.change.journal import JournalFile
from runbook_lib.change.journal_check import DoneChange, changed_objects
from runbook_lib.change.resume import BrokenOff
from runbook_lib.directory.ldif import BACKUP_FILE as BACKUP
from runbook_lib.errors import Refused, VerificationFailed
from runbook_lib.files import HAND_OFFS
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import Change, Plan
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.ids import GroupId, ObjectGuid
from runbook_lib.model.target import Route
from runbook_lib.model.text import joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.notebook.context import RunContext
from runbook_lib.notebook.earlier_runs import READ_BACK_DIFFERS, done_before
from runbook_lib.notebook.reading import policy_now
from runbook_lib.notebook.way import PlanMade, ReadBack
from runbook_lib.parameters.check_change import require_acknowledged, with_acknowledgements
from runbook_lib.routes.direct.backup_and_verify import Checked, backup, read_back
from runbook_lib.routes.direct.cost import effort_of
from runbook_lib.routes.direct.live import present_name
from runbook_lib.routes.direct.mail_contacts import contacts_of_plan
from runbook_lib.routes.direct.payload import DIRECT_TYPES
from runbook_lib.routes.direct.plan_disable import plan_disable
from runbook_lib.routes.direct.plan_enable import plan_enable
from runbook_lib.routes.direct.plan_undo import plan_undo
from runbook_lib.routes.direct.preconditions import findings_before_writing
from runbook_lib.routes.direct.resume import require_rules, require_same_target, with_names_of_today
from runbook_lib.routes.direct.work import DirectWork
from runbook_lib.shown.change import verified_view
from runbook_lib.shown.hand_offs import hand_offs_of_plan_view, hand_offs_text, mail_contacts_view


class DirectWay:
    """The ``RouteRun`` of the direct route."""

    def __init__(self, context: RunContext, operation: Operation, done: DoneChange | None = None) -> None:
        self._context = context
        self._done = done
        self.operation = operation
        self._dn_of: dict[ObjectGuid, str] = {}

    @property
    def lock_server(self) -> str:
        """Id of the domain controller's database."""
        return self._context.connect_directory().controller.invocation_id

    def plan(self, inventory: Inventory) -> PlanMade:
        """What the planner makes of both sides, and what people do beside it: contacts for mail."""
        self._remember(inventory)
        policy = policy_now(self._context, inventory)
        if self._done is not None:
            made = plan_undo(inventory, policy, self._done)
        elif self.operation is Operation.ENABLE:
            made = plan_enable(inventory, policy)
        else:
            folder, earlier = self._context.record.folder, dict[GroupId, str]()
            if policy.delete:
                earlier = done_before(folder, Route.DIRECT, self.operation, ChangeKind.DELETE)
            made = plan_disable(inventory, policy, earlier)
        contacts = contacts_of_plan(inventory, made.plan, policy)
        handed = contacts.findings
        if text := hand_offs_text(contacts.hand_offs):
            self._context.record.folder.write_text(HAND_OFFS, text)
        views = (mail_contacts_view(contacts.all), hand_offs_of_plan_view(handed)) if contacts.all else ()
        shown = tuple(view for view in views if view is not None)
        effort = effort_of(DIRECT_TYPES.changes(made.plan.changes))
        return PlanMade(made.plan, (*made.findings, *handed), shown, effort=effort)

    def require_same_server(self, opened: Mapping[str, object]) -> None:
        """The same domain controller: another one may not have the first writes yet.

        Raises:
            Refused: ``another-dc``.
        """
        here = self.lock_server
        if opened.get("invocation_id") != here:
            host = opened.get("dc_host")
            then = verbatim(repr(printable(str(host), limit=200))) if host else t("the same one as then")
            raise Refused(
                t("The change that stopped midway was written to another domain controller."),
                code="another-dc",
                hint=t("Set dc_host to {then}: another one may not have the first writes yet.", then=then),
                values={"then": opened.get("invocation_id"), "now": here, "dc_host": opened.get("dc_host")},
            )

    def taken_up(self, broken: BrokenOff, inventory: Inventory) -> Plan:
        """With today's names; what is still to be written is held to rules and limits."""
        context = self._context
        self._remember(inventory)
        require_same_target(broken.plan, inventory, partial(present_name, context.connect_directory()))
        if not broken.written:
            require_rules(broken, inventory, policy_now(context, inventory))
            if broken.plan.operation is Operation.ENABLE:
                today = context.clock().date()
                findings = with_acknowledgements(findings_before_writing(inventory), context.parameters, today)
                require_acknowledged(findings, context.parameters)
        return with_names_of_today(broken.plan, inventory)

    def back_up(self, changes: Sequence[Change]) -> None:
        """The objects as LDIF."""
        context = self._context
        context.record.folder.write_text(BACKUP, backup(context.connect_directory(), changes, context.clock()))

    def place(self) -> Mapping[str, str]:
        """The domain controller: its name, its NTDS Settings object, the id of its database."""
        identity = self._context.connect_directory().controller.identity
        return {
            "dc_host": identity.host,
            "ds_service_name": identity.ds_service_name,
            "invocation_id": identity.invocation_id,
        }

    def work(self, plan: Plan, changes: Sequence[Change]) -> DirectWork:
        """The LDAP writes."""
        return DirectWork(self._context.connect_directory(), plan.target, changes, dn_of=self._dn_of)

    def read_back(self, plan: Plan, changes: Sequence[Change], chain: Sequence[JournalFile]) -> ReadBack | None:
        """Every changed object from the same domain controller."""
        if not changes:
            return None
        directory = self._context.connect_directory()
        checked = read_back(directory, changes, plan.target, changed_objects(chain), self._dn_of)
        return ReadBack(verified_view(checked), _not_as_planned(checked))

    def _remember(self, inventory: Inventory) -> None:
        self._dn_of = {item.guid: item.dn for item in inventory.directory.objects}


def _not_as_planned(checked: Sequence[Checked]) -> VerificationFailed | None:
    """Why what was read back cannot be called done."""
    wrong = [item for item in checked if item.differences]
    if not wrong:
        return None
    return VerificationFailed(
        t(
            "{wrong} of {checked} objects are not as planned; the first is {display_name!r}: {differences}.",
            wrong=len(wrong),
            checked=len(checked),
            display_name=wrong[0].change.display_name,
            differences=joined(wrong[0].differences, "; "),
        ),
        code=READ_BACK_DIFFERS,
        hint=t("Look at the table, then run the notebook again: it plans from what is there now."),
        values={"objects": [item.object_guid for item in wrong]},
    )
