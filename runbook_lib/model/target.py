"""The routes on which groups are written to AD, and what a plan is bound to on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Route(Enum):
    """Who can write a group to AD."""

    DIRECT = "direct"
    CLOUD_SYNC = "cloud-sync"
    CONNECT_SYNC = "connect-sync"
    NONE = "none"


class Target(Protocol):
    """What a plan is bound to, whatever its route."""

    @property
    def title(self) -> str:
        """What its approver types to name it."""

    @property
    def locked(self) -> str:
        """The id that one run writes to at a time, where it runs."""

    def identity(self) -> Mapping[str, str]:
        """Its ids: part of the plan's digest, and what approvals are bound to."""

    def shown(self) -> dict[str, object]:
        """Its ids and names, for records and pages; JSON-compatible."""


@dataclass(frozen=True, slots=True)
class PlanTarget:
    """The ``Target`` of the direct route: one tenant, one domain, two OUs. DNs and names are for people."""

    tenant_id: str
    domain_guid: str
    domain_dns_name: str
    target_ou: str
    target_ou_guid: str
    retired_ou: str
    retired_ou_guid: str

    @property
    def title(self) -> str:
        """DNS name of the domain."""
        return self.domain_dns_name

    @property
    def locked(self) -> str:
        """GUID of the target OU."""
        return self.target_ou_guid

    def identity(self) -> Mapping[str, str]:
        """Tenant, domain and both OUs, by id; an OU that the plan does not need is empty."""
        return {
            "tenant_id": self.tenant_id,
            "domain_guid": self.domain_guid,
            "target_ou_guid": self.target_ou_guid,
            "retired_ou_guid": self.retired_ou_guid,
        }

    def shown(self) -> dict[str, object]:
        """JSON form for plan.json, approvals and record.json."""
        return {
            "tenant_id": self.tenant_id,
            "domain_guid": self.domain_guid,
            "domain": self.domain_dns_name,
            "target_ou": self.target_ou,
            "target_ou_guid": self.target_ou_guid,
            "retired_ou": self.retired_ou,
            "retired_ou_guid": self.retired_ou_guid,
        }
