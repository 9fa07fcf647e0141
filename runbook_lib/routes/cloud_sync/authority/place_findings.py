"""What a conversion says of OU and name before the gate: what moves, what keeps them, who fills it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runbook_lib.cloud_sync.group_dn import Placement, placement_lines
from runbook_lib.inventory.members import GroupScope, scope_of
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.dn import parent_of
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import counted, first_of, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.hand_off import FillGroupDn
from runbook_lib.routes.cloud_sync.authority.facts import AuthorityFacts
from runbook_lib.routes.cloud_sync.authority.findings import GUIDANCE, NAMES_IN_SENTENCE, naming_finding

_KEEP = 'Microsoft Entra documentation, "Preserve a group\'s organizational unit and name"'


def moves(
    groups: Mapping[str, CloudGroup], places: Mapping[str, Placement], renamed: Mapping[str, tuple[str, str]]
) -> list[Finding]:
    """AD objects that do not stay where they are and named as they are, once their groups are in scope."""
    away = {one: place for one, place in places.items() if not place.same}
    lines = [*placement_lines([away[one] for one in sorted(away)])]
    lines += [
        f"{printable(groups[one].display_name, limit=60)}: sAMAccountName {printable(now, limit=60)} -> "
        f"{printable(then, limit=60) or '?'}"
        for one, (now, then) in sorted(renamed.items())
    ]
    if not lines:
        return []
    return [
        naming_finding(
            "soa-moves",
            Severity.BLOCKING,
            t(
                "{count} in AD will be moved or renamed: {names}.",
                count=counted(len(away.keys() | renamed.keys()), "group"),
                names=first_of(lines, NAMES_IN_SENTENCE, "; "),
            ),
            t("A converted group keeps its OU, its name and its account name."),
            t("Cloud Sync moves and renames a group as its mapping says, as soon as the group is in scope."),
            t("Set cloud_sync_keep_place: true, or acknowledge this finding."),
            lines,
            _KEEP,
        )
    ]


def others_move(places: Mapping[str, Placement]) -> list[Finding]:
    """Groups that nobody selected and that the new mapping moves or renames."""
    if not places:
        return []
    lines = list(placement_lines([places[one] for one in sorted(places)]))
    return [
        naming_finding(
            "soa-others-move",
            Severity.BLOCKING,
            t(
                "{count} in scope that nobody selected will be moved or renamed: {names}.",
                count=counted(len(lines), "group"),
                names=first_of(lines, NAMES_IN_SENTENCE, "; "),
            ),
            t("Only selected groups change."),
            t("A configuration has one mapping for all of its groups, and the extension has a value for these."),
            t("Look at them; then acknowledge this finding, or set cloud_sync_keep_place: false."),
            lines,
            _KEEP,
        )
    ]


def rights_and_steps(converted: Mapping[str, DirectoryGroup], assigned: Collection[str]) -> list[Finding]:
    """Which rights the plan and what follows it take, and what is to be done next: before the gate.

    Args:
        converted: Id of a group that is converted to its AD object.
        assigned: Ids of the groups in scope.
    """
    if not converted:
        return []
    narrow = [own.dn for own in converted.values() if scope_of(own.group_type) is not GroupScope.UNIVERSAL]
    places = sorted({parent_of(own.dn) for own in converted.values()}, key=str.casefold)
    found = []
    if narrow:
        found.append(
            Finding(
                id="soa-scope-right",
                severity=Severity.INFO,
                seen=t(
                    "The plan writes groupType over LDAP, of {count}: {names}.",
                    count=counted(len(narrow), "AD group"),
                    names=first_of([printable(dn, limit=120) for dn in sorted(narrow)], NAMES_IN_SENTENCE, "; "),
                ),
                expected=t("The account has the right to write groupType of these groups."),
                why=t("A group that it may not write is left alone by name; nothing else is written over LDAP."),
                source='Microsoft Learn, "Active Directory security groups"',
                values={"names": sorted(narrow)},
            )
        )
    found.append(
        Finding(
            id="soa-agent-rights",
            severity=Severity.UNKNOWN,
            seen=t(
                "Whether the account of Cloud Sync's agent may write to groups in these places is not read: {places}.",
                places=first_of([printable(one, limit=120) for one in places], NAMES_IN_SENTENCE, "; "),
            ),
            expected=t("The agent may create, change and delete groups where the converted groups are."),
            why=t("Once they are in scope Cloud Sync writes them. Without the right their changes end with an error."),
            to_do=t(
                "On the agent's server: Set-AADCloudSyncPermissions -PermissionType UserGroupCreateDelete, with "
                "-TargetDomain and -EACredential. It does not reach what AdminSDHolder protects."
            ),
            source='Microsoft Entra documentation, "Prerequisites for provisioning to Active Directory"',
            values={"places": places},
            acknowledgeable=True,
        )
    )
    if outside := [one for one in converted if one not in assigned]:
        found.append(
            Finding(
                id="soa-then-scope",
                severity=Severity.INFO,
                seen=t("Converted by this plan and not in scope yet: {count}.", count=counted(len(outside), "group")),
                expected=t("A converted group is in the scope of the configuration."),
                why=t("Until then nobody writes its changes to AD: neither Cloud Sync nor the synchronization."),
                to_do=t("Next: 30-enable-writeback with cloud_sync_enable: scope, under another change id."),
                source=GUIDANCE,
                values={"groups": sorted(outside)},
            )
        )
    return found


def two_plans(groups: int) -> Finding:
    """That this plan prepares, and the next one converts."""
    return Finding(
        id="soa-two-plans",
        severity=Severity.INFO,
        seen=t(
            "This plan makes what keeps OU and name of {count}; nothing is converted by it.",
            count=counted(groups, "group"),
        ),
        expected=t("The extension holds the distinguished name of every selected group."),
        why=t("A group that is converted before is moved to the container of the mapping and renamed."),
        to_do=t("Carry it out, let the job from AD run, then run the notebook again: it plans the conversion."),
        source=_KEEP,
    )


def connect_fills(unfilled: Mapping[str, DirectoryGroup], facts: AuthorityFacts) -> Finding:
    """That Connect Sync has to fill the extension: this runbook changes nothing on its server."""
    return Finding(
        id="soa-connect-fills",
        severity=Severity.WARNING,
        seen=t(
            "The extension has no distinguished name of {count}, and no job of Cloud Sync fills it.",
            count=counted(len(unfilled), "group"),
        ),
        expected=t("{property} holds the distinguished name of every selected group.", property=facts.property)
        if facts.property
        else t("An extension property holds the distinguished name of every selected group."),
        why=t(
            "Connect Sync synchronizes this domain, and Cloud Sync reads the extensions of Connect's Tenant Schema "
            "Extension App as well as its own."
        ),
        to_do=t("Carry out the hand-off, wait for the synchronization, then plan again."),
        source=GUIDANCE,
        values={"groups": sorted(unfilled)},
        hand_offs=(FillGroupDn(tuple(sorted((own.guid, own.dn) for own in unfilled.values()))),),
    )
