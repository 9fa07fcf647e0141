"""What the target of every route begins with: one tenant and one AD domain. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from runbook_lib.change.route import TargetFields
from runbook_lib.model.target import TargetPart
from runbook_lib.model.text import t


@dataclass(frozen=True, slots=True)
class InDomain:
    """The beginning of a target.

    Attributes:
        tenant_id: The tenant.
        domain_guid: objectGUID of the domain.
        domain_dns_name: Its DNS name, for people.
    """

    tenant_id: str
    domain_guid: str
    domain_dns_name: str

    @property
    def title(self) -> str:
        """DNS name of the domain."""
        return self.domain_dns_name

    def tenant_and_domain(self) -> tuple[TargetPart, TargetPart]:
        """The first two of its ``parts``."""
        return (
            TargetPart(t("tenant"), t("Tenant"), "tenant_id", self.tenant_id),
            TargetPart(t("domain"), t("Domain"), "domain_guid", self.domain_guid, "domain", self.domain_dns_name),
        )

    def tenant_and_domain_json(self) -> dict[str, object]:
        """The first three keys of its ``as_json``."""
        return {"tenant_id": self.tenant_id, "domain_guid": self.domain_guid, "domain": self.domain_dns_name}


class DomainTargetFields(TargetFields):
    """The same in files."""

    tenant_id: str = Field(description="Id of the Entra tenant")
    domain_guid: str = Field(description="GUID of the AD domain's root object")
    domain: str = Field(description="DNS name of the AD domain")
