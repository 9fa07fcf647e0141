"""What the planners of the route connect-sync share: what was read, what comes of it, limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.connect.choosing import ChoiceProof
from runbook_lib.connect.evidence import ConnectEvidence
from runbook_lib.connect.predicted import ConnectPrediction, NamingMode
from runbook_lib.connect.settings import WritebackSettings
from runbook_lib.errors import Refused, UsageError
from runbook_lib.inventory.build import Inventory
from runbook_lib.model.change import GroupMembers, Plan, PlanOf, Refusal
from runbook_lib.model.change_kind import ChangeKind, Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding
from runbook_lib.model.ids import NO_GROUP
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, joined, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.routes.connect_sync.actions import ConnectAction
from runbook_lib.routes.connect_sync.acts import in_act_order
from runbook_lib.routes.connect_sync.payload import ConnectSyncChange, ConnectSyncPayload
from runbook_lib.routes.connect_sync.target import ConnectSyncTarget, connect_target_of


@dataclass(frozen=True, slots=True)
class ConnectorAccount:
    """The account with which Connect writes to AD.

    Attributes:
        dn: Its distinguished name; empty: not known.
        may_write: Whether it has what v1 needs on the OU of written groups.
    """

    dn: str = ""
    may_write: Switch = Switch.UNKNOWN


@dataclass(frozen=True, slots=True)
class ConnectSides:
    """Both sides, and the Connect server between them, as they were read.

    Attributes:
        inventory: Both sides.
        settings: What decides about every group under v1.
        account: The connector account.
        evidence: The server's, where there is one that counts.
        before: Whether that was collected before what is waited for was handed over.
    """

    inventory: Inventory
    settings: WritebackSettings
    account: ConnectorAccount = ConnectorAccount()
    evidence: ConnectEvidence | None = None
    before: bool = False

    @property
    def target(self) -> ConnectSyncTarget:
        """What a plan made from them is bound to."""
        return connect_target_of(self.inventory.cloud.tenant.id, self.inventory.directory)


@dataclass(frozen=True, slots=True)
class Choice:
    """Some Microsoft 365 groups are to be written, by rules on a server in staging mode.

    Attributes:
        groups: Their ids; empty where none of those that are named can be.
        in_force: Whether such a server is the active one, or that was handed over: its groups are waited for.
        proof: What its pending exports prove.
        refusals: Groups that are named and that v1 never writes.
    """

    groups: frozenset[str]
    in_force: bool
    proof: ChoiceProof = field(default_factory=ChoiceProof)
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedConnect:
    """A plan, what AD will look like when it is done, and what was found while making it.

    Attributes:
        waits: Whether everything that a person has to do was handed over before: AD is waited for.
        choice: The groups that are chosen, where some are; None: all Microsoft 365 groups are meant.
        wanted: What a person has to do by now, whether it was handed over before or not.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    prediction: ConnectPrediction
    waits: bool = False
    choice: Choice | None = None
    wanted: tuple[ConnectSyncChange, ...] = ()


def require_connect_fit(parameters: Parameters) -> None:
    """Insist that what is asked of v1 is something that it does, before anything is read.

    Raises:
        UsageError: ``group_type`` asks for security groups (``group-type-of-connect-sync``), which v1 never writes.
    """
    if parameters.group_type == "security":
        raise UsageError(
            t("The parameter group_type is security, and Connect Sync writes distribution groups alone."),
            code="group-type-of-connect-sync",
            hint=t("Leave group_type empty, or set it to distribution; or set route to direct."),
        )


def naming_mode(parameters: Parameters) -> NamingMode:
    """How ``rdn_style`` has the groups named: what the wizard's box says."""
    return NamingMode.ID if parameters.rdn_style == "id" else NamingMode.DISPLAY_NAME


def about_ou(
    target: ConnectSyncTarget, kind: ChangeKind, action: ConnectAction, reason: str, why: Text
) -> ConnectSyncChange:
    """A change about the OU of written groups, or about everything in it."""
    payload = ConnectSyncPayload(target.ou_guid, target.ou_dn, "", action)
    return ConnectSyncChange(kind, NO_GROUP, "", payload, reason, why)


def finished_connect_plan(
    operation: Operation,
    target: ConnectSyncTarget,
    changes: Sequence[ConnectSyncChange],
    limits: Mapping[str, int],
    *,
    in_step: int = 0,
    members: Sequence[GroupMembers] = (),
    refusals: Sequence[Refusal] = (),
) -> PlanOf[ConnectSyncPayload, ConnectSyncTarget]:
    """Order the changes and bind them to the OU."""
    return PlanOf(
        operation=operation,
        target=target,
        changes=in_act_order(changes),
        limits=dict(limits),
        refusals=tuple(refusals),
        in_step=in_step,
        members=tuple(sorted(members, key=lambda group: group.group_id)),
        route=Route.CONNECT_SYNC,
    )


def require_same_ou(now: ConnectSyncTarget, then: ConnectSyncTarget, *, code: str, hint: Text) -> None:
    """Refuse what belongs to another tenant, domain or OU than the parameters lead to, by id.

    Args:
        now: What the parameters lead to.
        then: Of the plan or record.
        code: Of the error.
        hint: What to do.

    Raises:
        Refused: With this code.
    """
    pairs = {
        t("tenant"): (now.tenant_id, then.tenant_id),
        t("domain"): (now.domain_guid, then.domain_guid),
        t("OU of written groups"): (now.ou_guid, then.ou_guid),
    }
    differing = [name for name, (here, there) in pairs.items() if here.casefold() != there.casefold()]
    if differing:
        raise Refused(
            t(
                "It belongs to another {differing} than the parameters name.",
                differing=joined(differing, t(" and ")),
            ),
            code=code,
            hint=hint,
            values={"differing": differing},
        )
