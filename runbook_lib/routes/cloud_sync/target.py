"""What a plan of the route cloud-sync is bound to: one tenant, one domain, one configuration. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.target import TargetPart
from runbook_lib.model.text import t
from runbook_lib.routes.in_domain import InDomain


@dataclass(frozen=True, slots=True)
class CloudSyncTarget(InDomain):
    """The ``Target`` of the route cloud-sync.

    Attributes:
        service_principal: Id of the configuration's service principal; empty where the plan creates it.
        job_id: Id of its synchronization job; empty where the plan creates it.
        configuration: Its display name, for people.
    """

    service_principal: str
    job_id: str
    configuration: str

    @property
    def locked(self) -> str:
        """GUID of the domain: a domain has one configuration."""
        return self.domain_guid

    def parts(self) -> tuple[TargetPart, ...]:
        """Tenant, domain, and the configuration with its job."""
        return (
            *self.tenant_and_domain(),
            TargetPart(
                t("Cloud Sync configuration"),
                t("Cloud Sync configuration"),
                "service_principal",
                self.service_principal,
                "configuration",
                self.configuration,
                renamable=True,
            ),
            TargetPart(t("synchronization job"), t("Synchronization job"), "job_id", self.job_id),
        )

    def as_json(self) -> dict[str, object]:
        """JSON form for plan.json, approvals and record.json; ``files.CloudSyncTargetFields`` reads it back."""
        return {
            **self.tenant_and_domain_json(),
            "service_principal": self.service_principal,
            "job_id": self.job_id,
            "configuration": self.configuration,
        }
