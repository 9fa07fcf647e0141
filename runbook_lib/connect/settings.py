"""What decides about every group under v1, as far as the Connect server's evidence, the tenant or a plan tells it.

Sources: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback" (container and names are chosen
in the wizard while v1 is switched on), "Microsoft Entra Connect: Version release history" (1.6.2.4: the member limit,
the rule of Exchange attributes; a cloned rule without targetWritebackType), "Migrate group writeback V2 to Cloud Sync"
(cloudNoFlow keeps a group from being written).
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.connect.document import Rule
from runbook_lib.connect.evidence import AD, ConnectEvidence
from runbook_lib.connect.predicted import NamingMode
from runbook_lib.model.cloud import Switch
from runbook_lib.model.directory import Container
from runbook_lib.model.dn import MalformedDnError, parent_of, same_dn
from runbook_lib.model.predicted import Known, Predicted
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable

INBOUND_RULE = "In from AAD - Group SOAInAAD"
OUTBOUND_RULE = "Out to AD - Group SOAInAAD"
EXCHANGE_RULE = "Out to AD - Group SOAInAAD - Exchange"
LIMIT_RULE = "Out to AD - Group Writeback Member Limit"
"""Standard rules of group writeback; the server makes the last one when v1 is switched on."""
NAMES_RULE = "Out to AD - Group SOAInAAD - DN"
"""The rule that is there where names follow the display name."""
NO_FLOW = "cloudNoFlow"
"""Attribute of the metaverse that a rule of somebody's own sets to keep groups from being written."""


@dataclass(frozen=True, slots=True)
class WritebackSettings:
    """What decides about every group.

    Attributes:
        v1: Whether v1 is on.
        v2: Whether V2 is on: then settings per group count, and other types than a distribution group.
        container: DN of the OU of written groups, or why it is not known.
        naming: The naming mode; None where it is chosen later or was not read.
        naming_why: Where it comes from, or why it is not known.
        limited: Whether the rule that limits groups to 50,000 members counts.
        exchange_rule: Whether the rule of Exchange attributes counts, where AD has them.
        choosing: Names of rules of somebody's own that keep groups from being written (``cloudNoFlow``).
        own: Names of the other rules for groups that are not Microsoft's.
        evidence: The server's, for its OU filter.
    """

    v1: Switch
    v2: Switch
    container: Predicted
    naming: NamingMode | None
    naming_why: Text
    limited: Known = Known.UNKNOWN
    exchange_rule: Known = Known.UNKNOWN
    choosing: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    evidence: ConnectEvidence | None = None

    def sees(self, dn: str) -> bool | None:
        """Whether an object lies inside Connect's OU filter; None where the filter was not read."""
        return self.evidence.in_filter(parent_of(dn)) if self.evidence else None


@dataclass(frozen=True, slots=True)
class WizardChoice:
    """What is to be chosen in the wizard, where v1 is not on yet; what is empty is not decided."""

    container: str = ""
    naming: NamingMode | None = None


def writeback_settings(
    evidence: ConnectEvidence | None,
    *,
    v1: Switch = Switch.UNKNOWN,
    v2: Switch = Switch.UNKNOWN,
    reported: str = "",
    choice: WizardChoice | None = None,
) -> WritebackSettings:
    """Join what the server's evidence, the tenant and a plan say.

    Args:
        evidence: The server's, believed; None where there is none.
        v1: State of v1 in the tenant; where that is unknown the evidence's counts.
        v2: State of V2 in the tenant; likewise.
        reported: DN of the container that Connect reported to the tenant (Graph, beta); empty where none.
        choice: What is to be chosen in the wizard; it counts only while v1 is not on.
    """
    wanted = choice or WizardChoice()
    told = evidence.evidence.features if evidence else None
    on = evidence.v1 if evidence and v1 is Switch.UNKNOWN else v1
    both = v2
    if told is not None and v2 is Switch.UNKNOWN and told.v2 is not None:
        both = Switch.ON if told.v2 else Switch.OFF
    rules = evidence.evidence.rules if evidence else None
    # The rules are made when v1 is switched on, so before that nothing is seen by their absence.
    counting = None if on is not Switch.ON else rules
    naming, naming_why = _naming(counting, wanted, on)
    standard = {rule.name: rule for rule in counting or () if rule.standard}
    foreign = [rule for rule in rules or () if not rule.standard and not rule.disabled]
    return WritebackSettings(
        v1=on,
        v2=both,
        container=_container(evidence, reported, wanted, on),
        naming=naming,
        naming_why=naming_why,
        limited=_counts(LIMIT_RULE, standard, read=counting is not None),
        exchange_rule=_counts(EXCHANGE_RULE, standard, read=counting is not None),
        choosing=tuple(rule.name for rule in foreign if _chooses(rule)),
        own=tuple(rule.name for rule in foreign if not _chooses(rule)),
        evidence=evidence,
    )


def names_by_rules(evidence: ConnectEvidence) -> NamingMode | None:
    """How the server names groups now, by its rules; None where v1 is off there, or the rules were not read."""
    return writeback_settings(evidence).naming if evidence.v1 is Switch.ON else None


def ou_of_written(evidence: ConnectEvidence | None, reported: str, target: Container) -> str:
    """DN of the OU that v1 writes to, or will: its container while it is on, else the target OU; empty for neither.

    Args:
        evidence: The server's, or None.
        reported: DN of the container that Connect reported to the tenant; empty where none.
        target: The target OU of the parameters.
    """
    choice = WizardChoice(target.dn if target.exists else "")
    return writeback_settings(evidence, reported=reported, choice=choice).container.value


def _chooses(rule: Rule) -> bool:
    return any((flow.destination or "").casefold() == NO_FLOW.casefold() for flow in rule.flows)


def _counts(name: str, standard: dict[str, Rule], *, read: bool) -> Known:
    if not read:
        return Known.UNKNOWN
    return Known.YES if name in standard and not standard[name].disabled else Known.NO


def _naming(rules: tuple[Rule, ...] | None, wanted: WizardChoice, on: Switch) -> tuple[NamingMode | None, Text]:
    if rules is not None and any(rule.name == NAMES_RULE and not rule.disabled for rule in rules):
        return NamingMode.DISPLAY_NAME, t("The rule {rule} is on the server.", rule=NAMES_RULE)
    if rules is not None and any(rule.name == OUTBOUND_RULE for rule in rules):
        return NamingMode.ID, t("The server has no rule {rule}.", rule=NAMES_RULE)
    if on is Switch.ON:
        return None, t("v1 is on, and the rules of the Connect server were not read.")
    if wanted.naming:
        return wanted.naming, t("It is to be chosen in the wizard.")
    return None, t("The naming mode is chosen in the wizard while v1 is switched on.")


def _container(evidence: ConnectEvidence | None, reported: str, wanted: WizardChoice, on: Switch) -> Predicted:
    forests = evidence.evidence.connectors or () if evidence else ()
    told = sorted({one.writeback_container for one in forests if one.kind == AD and one.writeback_container})
    if on is not Switch.ON and wanted.container:
        return Predicted(wanted.container)
    if len(told) > 1:
        return Predicted(why=t("Several connectors have a container for written groups."))
    if told and reported and not _same_place(told[0], reported):
        return Predicted(
            why=t(
                "The Connect server says {here}, the tenant {there}.",
                here=printable(told[0]),
                there=printable(reported),
            )
        )
    found = told[0] if told else reported
    return Predicted(found) if found else Predicted(why=t("Nothing that was read names the container of v1."))


def _same_place(first: str, second: str) -> bool:
    try:
        return same_dn(first, second)
    except MalformedDnError:
        return False
