"""What a plan of the direct route is bound to: one tenant, one domain, two OUs. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook_lib.inventory.build import Inventory
from runbook_lib.model.ids import ObjectGuid
from runbook_lib.model.target import TargetPart
from runbook_lib.model.text import t
from runbook_lib.routes.in_domain import InDomain


@dataclass(frozen=True, slots=True)
class DirectTarget(InDomain):
    """The ``Target`` of the direct route: one tenant, one domain, two OUs. DNs and names are for people."""

    target_ou: str
    target_ou_guid: ObjectGuid
    retired_ou: str
    retired_ou_guid: ObjectGuid

    @property
    def locked(self) -> str:
        """GUID of the target OU."""
        return self.target_ou_guid

    def parts(self) -> tuple[TargetPart, ...]:
        """Tenant, domain and both OUs. No standing approval covers retiring or moving, so the retired OU is open."""
        return (
            *self.tenant_and_domain(),
            TargetPart(
                t("target OU"),
                t("Target OU"),
                "target_ou_guid",
                self.target_ou_guid,
                "target_ou",
                self.target_ou,
                renamable=True,
            ),
            TargetPart(
                t("retired OU"),
                t("Retired OU"),
                "retired_ou_guid",
                self.retired_ou_guid,
                "retired_ou",
                self.retired_ou,
                renamable=True,
                standing=False,
            ),
        )

    def as_json(self) -> dict[str, object]:
        """JSON form for plan.json, approvals and record.json; ``files.TargetFields`` reads it back."""
        return {
            **self.tenant_and_domain_json(),
            "target_ou": self.target_ou,
            "target_ou_guid": self.target_ou_guid,
            "retired_ou": self.retired_ou,
            "retired_ou_guid": self.retired_ou_guid,
        }

    def names_by_guid(self) -> Callable[[str], str]:
        """Gives a DN with the GUID in place of the OU: an OU may be renamed while a change is under way."""
        known = {self.target_ou: self.target_ou_guid, self.retired_ou: self.retired_ou_guid}

        def name(dn: str) -> str:
            ou = next((ou for ou in known if ou and (dn == ou or dn.endswith(f",{ou}"))), "")
            return f"{dn.removesuffix(ou)}<GUID={known[ou]}>" if ou else dn

        return name


def plan_target(inventory: Inventory) -> DirectTarget:
    """Identity of the tenant, the domain and the two OUs."""
    directory = inventory.directory
    return DirectTarget(
        tenant_id=inventory.cloud.tenant.id,
        domain_guid=directory.controller.domain_guid,
        domain_dns_name=directory.controller.domain_dns_name,
        target_ou=directory.target.dn,
        target_ou_guid=directory.target.guid,
        retired_ou=directory.retired.dn,
        retired_ou_guid=directory.retired.guid,
    )
