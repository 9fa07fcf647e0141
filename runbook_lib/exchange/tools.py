"""What a release of Exchange is managed with: nobody is sent to a tool that the release does not have.

The Exchange Management Shell came with Exchange Server 2007 (Microsoft, "Exchange Server 2007: Exchange Management
Shell"); before it there is Exchange System Manager, and setup's switches have other names. The hybrid configuration
object and its wizard came with Exchange Server 2010 SP2: Microsoft, "Exchange Server Changes to the Active Directory
Schema" (2013), whose Active Directory Schema Changes Reference lists ms-Exch-Coexistence-Relationship among the classes
that Exchange 2010 SP2 adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.cloud import Switch

SHELL_SINCE = "Exchange Server 2007 RTM"
WIZARD_SINCE = "Exchange Server 2010 SP2"
SCHEMA_REFERENCE = (
    'Microsoft, "Exchange Server Changes to the Active Directory Schema" (Active Directory Schema Changes Reference)'
)


@dataclass(frozen=True, slots=True)
class Tools:
    """Tools in words.

    Attributes:
        shell: Whether there is the Exchange Management Shell.
        wizard: Whether there is the Hybrid Configuration Wizard.
        name: What one looks with.
        prepare_forest: Setup's switch for schema and organization.
        prepare_domain: Setup's switch for a domain.
    """

    shell: Switch
    wizard: Switch
    name: str
    prepare_forest: str
    prepare_domain: str


def tools_of(shell: Switch, wizard: Switch) -> Tools:
    """The tools of an organization; where its release is not known, those of both kinds are named."""
    new = ("the Exchange Management Shell", "Setup /PrepareAD", "Setup /PrepareDomain")
    old = ("Exchange System Manager", "Setup /ForestPrep", "Setup /DomainPrep")
    if shell is Switch.ON:
        return Tools(shell, wizard, *new)
    if shell is Switch.OFF:
        return Tools(shell, wizard, *old)
    both = (
        f"{one} (Exchange Server 2007 or newer) or {other} (2000 and 2003)" for one, other in zip(new, old, strict=True)
    )
    return Tools(shell, wizard, *both)
