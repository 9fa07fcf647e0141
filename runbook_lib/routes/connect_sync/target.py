"""What a plan of the route connect-sync is bound to: one tenant, one domain, the OU of written groups. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.model.target import TargetPart
from runbook_lib.model.text import t
from runbook_lib.routes.in_domain import InDomain


@dataclass(frozen=True, slots=True)
class ConnectSyncTarget(InDomain):
    """The ``Target`` of the route connect-sync.

    The server is no part of it: another one becomes the active one without anything being changed in the tenant.

    Attributes:
        ou_guid: objectGUID of the OU that the wizard is told.
        ou_dn: Its distinguished name, for people.
    """

    ou_guid: str
    ou_dn: str

    @property
    def locked(self) -> str:
        """GUID of the domain: group writeback v1 has one OU in it."""
        return self.domain_guid

    def parts(self) -> tuple[TargetPart, ...]:
        """Tenant, domain, OU."""
        return (
            *self.tenant_and_domain(),
            TargetPart(
                t("OU of written groups"),
                t("OU of written groups"),
                "target_ou_guid",
                self.ou_guid,
                "target_ou",
                self.ou_dn,
                renamable=True,
            ),
        )

    def as_json(self) -> dict[str, object]:
        """JSON form for plan.json, approvals and record.json; ``files.ConnectSyncTargetFields`` reads it back."""
        return {
            **self.tenant_and_domain_json(),
            "target_ou_guid": self.ou_guid,
            "target_ou": self.ou_dn,
        }


def connect_target_of(tenant_id: str, directory: DirectorySnapshot) -> ConnectSyncTarget:
    """What a plan is bound to that is made from these readings."""
    return ConnectSyncTarget(
        tenant_id=tenant_id,
        domain_guid=directory.controller.domain_guid,
        domain_dns_name=directory.controller.domain_dns_name,
        ou_guid=directory.target.guid,
        ou_dn=directory.target.dn,
    )
