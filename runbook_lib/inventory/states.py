"""What a group is on both sides, which route applies to it, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.cloud import CloudGroup, CloudKind, Presence, Switch
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.ids import GroupId
from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t


class Writer(Enum):
    """Who wrote an AD object that carries an anchor."""

    OURS = "this-runbook"
    CONNECT = "connect-sync"
    CLOUD_SYNC = "cloud-sync"
    OTHER = "somebody-else"


class GroupState(Enum):
    """Where a group stands between the two sides."""

    NOT_WRITTEN = "not-written"
    WRITTEN = "written"
    RETIRED = "retired"
    WRITTEN_BY_CONNECT = "written-by-connect-sync"
    WRITTEN_BY_CLOUD_SYNC = "written-by-cloud-sync"
    WRITTEN_BY_OTHER = "written-by-somebody-else"
    MOVING = "between-two-routes"
    ON_PREMISES = "on-premises"
    CONVERTED = "converted-original-in-ad"
    ROLLED_BACK = "rolled-back-to-ad"
    ORIGINAL_IN_AD = "original-in-ad"
    COLLISION = "collision"
    DUPLICATE = "several-ad-objects"
    SOFT_DELETED = "soft-deleted"
    ORPHAN = "orphan"
    UNKNOWN = "unknown"
    NOT_ELIGIBLE = "not-eligible"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of either side.

    Attributes:
        cloud: The cloud group; None where only an AD object with its anchor is left.
        ad: Its AD object where there is exactly one, else None.
        reason_code: Stable code of ``reason``.
        cloud_members: Direct members in the cloud; None where they could not be read.
        representable: How many of them have an AD object.
    """

    group_id: GroupId
    display_name: str
    state: GroupState
    route: Route
    reason_code: str
    reason: Text
    presence: Presence
    cloud: CloudGroup | None = None
    ad: DirectoryGroup | None = None
    writer: Writer | None = None
    cloud_members: int | None = None
    representable: int | None = None

    @property
    def kind(self) -> str:
        """Kind of the cloud group, or ``unknown``."""
        return self.cloud.kind.value if self.cloud else "unknown"


def route_of(group: CloudGroup | None, writer: Writer | None, connect_v1: Switch) -> tuple[Route, str, Text]:
    """``(route, reason code, reason)`` for a group, by its kind and by who writes it already.

    Source: Microsoft Entra documentation, "Group writeback in Microsoft Entra Cloud Sync" and "Enable Microsoft Entra
    Connect group writeback" (Aug 2026): Cloud Sync writes cloud security groups, Connect Sync v1 writes all Microsoft
    365 groups or none, nothing writes mail-enabled security groups and distribution lists.
    """
    if writer is Writer.OURS:
        return Route.DIRECT, "written-here", t("This runbook wrote it.")
    if writer is Writer.CONNECT:
        return Route.CONNECT_SYNC, "written-by-connect", t("Its AD object carries the anchor that Connect Sync writes.")
    if writer is Writer.CLOUD_SYNC:
        return Route.CLOUD_SYNC, "written-by-cloud-sync", t("Its AD object carries Cloud Sync's join anchor.")
    if group is None:
        return Route.NONE, "no-cloud-group", t("No cloud group stands behind this AD object.")
    if group.on_premises_sync_enabled:
        return Route.NONE, "on-premises", t("AD is its source of authority: it is in AD already.")
    return _ROUTES[group.kind](connect_v1)


def _microsoft_365(connect_v1: Switch) -> tuple[Route, str, Text]:
    if connect_v1 is Switch.ON:
        return (
            Route.CONNECT_SYNC,
            "connect-v1-on",
            t("Connect Sync group writeback (v1) is on: it writes all Microsoft 365 groups."),
        )
    return (
        Route.DIRECT,
        "group-by-group",
        t("Microsoft's routes write all Microsoft 365 groups or none; this runbook writes the ones that are selected."),
    )


_ROUTES: dict[CloudKind, Callable[[Switch], tuple[Route, str, Text]]] = {
    CloudKind.MICROSOFT_365: _microsoft_365,
    CloudKind.SECURITY: lambda _: (
        Route.CLOUD_SYNC,
        "cloud-sync-writes-it",
        t("Microsoft's route for cloud security groups is Cloud Sync; direct is possible when it is selected here."),
    ),
    CloudKind.MAIL_ENABLED_SECURITY: lambda _: (
        Route.NONE,
        "mail-enabled-security",
        t("No route writes mail-enabled security groups of Exchange Online."),
    ),
    CloudKind.DISTRIBUTION_LIST: lambda _: (
        Route.NONE,
        "distribution-list",
        t("No route writes distribution lists of Exchange Online."),
    ),
}
