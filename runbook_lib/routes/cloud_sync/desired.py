"""What the parameters ask of a configuration, as values for the planners. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.cloud_sync.configuration import Document, Notification
from runbook_lib.cloud_sync.expression import read_expression
from runbook_lib.errors import UsageError
from runbook_lib.model.change_kind import Operation
from runbook_lib.model.cloud import Switch
from runbook_lib.model.text import t
from runbook_lib.parameters.model import Parameters

_CHANGES = (
    *("cloud_sync_ou_expression", "cloud_sync_cn_expression", "cloud_sync_account_name_expression"),
    *("cloud_sync_notify", "cloud_sync_delete_threshold", "cloud_sync_pilot"),
)
"""Parameters that change a configuration, or try a group before it does."""


@dataclass(frozen=True, slots=True)
class DesiredSettings:
    """What the parameters say about a configuration.

    Attributes:
        sources: Target attribute, lower case, to the ``attributeMappingSource`` that it shall have.
        notification: Who is told and the deletion threshold; None: as it is.
        pilot: Cloud group that is provisioned on demand before the job runs; empty: none.
        synchronized_users: Whether "Provision membership to on-premises users" is on, as the operator knows.
    """

    sources: Mapping[str, Document]
    notification: Notification | None = None
    pilot: str = ""
    synchronized_users: Switch = Switch.UNKNOWN


def require_fit(parameters: Parameters) -> None:
    """Insist that what is asked of Cloud Sync is something that it does, before anything is read.

    Raises:
        UsageError: ``group_type`` asks for a distribution group (``group-type-of-cloud-sync``), which Cloud Sync never
            writes; or a mapping expression is not well formed (``mapping-expression``).
    """
    if parameters.group_type == "distribution":
        raise UsageError(
            t("The parameter group_type is distribution, and Cloud Sync writes security groups alone."),
            code="group-type-of-cloud-sync",
            hint=t("Leave group_type empty, or set it to security; or set route to direct."),
        )
    desired_expressions(parameters, Operation.ENABLE)
    name = next((one for one in _CHANGES if getattr(parameters, one)), "")
    if parameters.cloud_sync_enable == "differing" and name:
        raise UsageError(
            t("cloud_sync_enable is differing, which changes no configuration, and {name} is set.", name=name),
            code="differing-changes-nothing",
            hint=t("Leave {name} empty, or set cloud_sync_enable to scope.", name=name),
        )


def desired_expressions(parameters: Parameters, operation: Operation) -> dict[str, str]:
    """Target attribute to the mapping expression that the parameters give it; only what is set, and only for enabling.

    ``target_ou`` is where groups go unless ``cloud_sync_ou_expression`` says otherwise. In a move it is only where the
    groups are: as a constant it would move all other groups of the configuration there.

    Raises:
        ExpressionError: One of them is not well formed (``mapping-expression``).
    """
    if operation is not Operation.ENABLE or parameters.cloud_sync_enable == "differing":
        return {}
    moves = parameters.cloud_sync_enable == "move"
    constant = parameters.target_ou.replace("\\", "\\\\").replace('"', '\\"')
    given = {
        "parentDistinguishedName": parameters.cloud_sync_ou_expression
        or (f'"{constant}"' if constant and not moves else ""),
        "cn": parameters.cloud_sync_cn_expression,
        "sAMAccountName": parameters.cloud_sync_account_name_expression,
    }
    wanted = {name: text for name, text in given.items() if text}
    for text in wanted.values():
        read_expression(text)
    return wanted


def desired_settings(parameters: Parameters, operation: Operation, sources: Mapping[str, Document]) -> DesiredSettings:
    """The settings that a run desires.

    Args:
        parameters: What the run is told.
        operation: What its notebook is for: only enabling changes settings and tries a pilot.
        sources: What the service made of ``desired_expressions``.
    """
    people = Switch(parameters.cloud_sync_on_premises_users)
    if operation is not Operation.ENABLE:
        return DesiredSettings({}, synchronized_users=people)
    notification = None
    if parameters.cloud_sync_notify or parameters.cloud_sync_delete_threshold:
        notification = Notification(
            bool(parameters.cloud_sync_notify),
            parameters.cloud_sync_notify,
            parameters.cloud_sync_delete_threshold or None,
        )
    return DesiredSettings(sources, notification, parameters.cloud_sync_pilot.lower(), people)
