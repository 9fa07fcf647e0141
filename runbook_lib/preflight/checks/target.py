"""Target OU and retired OU: what they are, whose they are, what stands in them, what their access lists hold back."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.directory.rights.constants import AccessMask, WellKnownSid, expand_generic
from runbook_lib.directory.rights.descriptor import Ace
from runbook_lib.directory.rights.evaluate import Holder, Place, protects_from_deletion
from runbook_lib.directory.rights.table import describe
from runbook_lib.model.directory import Container
from runbook_lib.model.dn import is_below, normalize_dn, normalize_foreign_dn
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, counted, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Check, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import CONTAINERS, PLACE, RIGHTS, TENANT
from runbook_lib.rules.obstacles import (
    PlaceProblem,
    container_problem,
    foreign_groups,
    foreign_objects,
    overlap_problem,
    unproved_scope,
)

_OUS = {Place.TARGET: t("target OU"), Place.RETIRED: t("retired OU")}


def ous(evidence: Evidence) -> Iterator[Finding]:
    """Both OUs exist, are ordinary OUs of this domain, and neither stands in the other."""
    place = evidence[PLACE]
    protected = evidence.parameters.protected_ous
    given: list[tuple[Container, str]] = [(place.target, "target_ou"), (place.retired, "retired_ou")]
    for container, parameter in given:
        if parameter == "retired_ou" and not container.dn:
            yield Finding(
                id="retired-ou-not-named",
                severity=Severity.WARNING,
                seen=t("retired_ou is empty."),
                expected=t("An OU for groups that are no longer written."),
                why=t("Without it groups can be written, but none can be retired."),
                to_do=t("Name an OU beside the target OU in the parameter retired_ou."),
                acknowledgeable=True,
            )
            continue
        problem = container_problem(container, parameter, domain_root=place.domain_root, protected_ous=protected)
        if problem is None and not is_below(container.dn, place.domain_root):
            problem = PlaceProblem(
                "ou-other-domain",
                t(
                    "{parameter} is not in the domain of this controller: {container_dn}.",
                    parameter=parameter,
                    container_dn=container.dn,
                ),
                t("Name an OU of the domain that dc_host serves, or another controller."),
                {"parameter": parameter, "dn": container.dn, "domain": place.domain_root},
            )
        if problem is not None:
            yield _problem(problem, f"{problem.code}:{parameter}")
    overlap = overlap_problem(place.target, place.retired) if place.target.exists and place.retired.exists else None
    if overlap is not None:
        yield _problem(overlap, overlap.code)


def _problem(problem: PlaceProblem, id_: str) -> Finding:
    return Finding(
        id=id_,
        severity=Severity.BLOCKING,
        seen=problem.message,
        expected=t("Two OUs that hold written-back groups and nothing else."),
        why=t("Every plan is refused for this reason."),
        to_do=problem.hint,
        values=dict(problem.values),
    )


def sync_scope(evidence: Evidence) -> Iterator[Finding]:
    """Somebody has made sure that the target OU is outside every synchronization."""
    place = evidence[PLACE]
    if place.target.exists:
        yield unproved_scope(place.target)


def v1_container(evidence: Evidence) -> Iterator[Finding]:
    """Connect Sync's own writeback container is another one, as far as the tenant reports it (beta)."""
    place = evidence[PLACE]
    if unread := evidence.unreadable(CONTAINERS):
        yield _container_unknown(evidence, unread.clause)
        return
    reported = evidence[CONTAINERS].unified_groups
    theirs = normalize_foreign_dn(reported or "")
    if reported and not theirs:
        yield _container_unknown(
            evidence, t("What the tenant reports is no distinguished name ({reported})", reported=printable(reported))
        )
        return
    for container, parameter in ((place.target, "target_ou"), (place.retired, "retired_ou")):
        ours = normalize_dn(container.dn)
        if not reported or not theirs or not ours:
            continue
        if ours == theirs or ours.endswith(f",{theirs}") or theirs.endswith(f",{ours}"):
            yield Finding(
                id=f"ou-of-connect-v1:{parameter}",
                severity=Severity.BLOCKING,
                seen=t(
                    "The tenant reports {reported} as Connect Sync's container for groups; {parameter} "
                    "is {container_dn}.",
                    reported=printable(reported),
                    parameter=parameter,
                    container_dn=container.dn,
                ),
                expected=t("An OU that no other writer uses."),
                why=t("Connect Sync deletes what it does not know there when its writeback is switched off."),
                to_do=t("Choose another OU for {parameter}.", parameter=parameter),
                source="Microsoft Graph beta, onPremisesWritebackConfiguration; Microsoft Entra documentation, "
                '"Enable Microsoft Entra Connect group writeback"',
                values={"parameter": parameter, "dn": container.dn, "reported": reported},
            )


def _container_unknown(evidence: Evidence, why: Text) -> Finding:
    """Of little weight where somebody attests that Connect Sync's writeback is off: then nothing uses its container."""
    parameters = evidence.parameters
    until = parameters.attest_connect_v1_off_until
    attested = bool(parameters.attest_connect_v1_off_by) and until >= evidence.at.date().isoformat()
    return Finding(
        id="ou-of-connect-v1-unknown",
        severity=Severity.INFO if attested else Severity.UNKNOWN,
        seen=t("Which container Connect Sync reported for its groups cannot be read: {why}.", why=why),
        expected=t("A container that is neither the target OU nor the retired OU, nor holds one of them."),
        why=t("Connect Sync deletes what it does not know there when its writeback is switched off.")
        + (
            t(
                " {attest_connect_v1_off_by} attests that it is off, until {until}.",
                attest_connect_v1_off_by=parameters.attest_connect_v1_off_by,
                until=until,
            )
            if attested
            else NOTHING
        ),
        to_do=t(
            "Look at Microsoft.GroupWriteBack.Container in (Get-ADSyncGlobalSettings).Parameters "
            "on the Connect server, or sign in as a person (sign_in: device-code)."
        ),
        source="Microsoft Graph beta, onPremisesWritebackConfiguration",
        acknowledgeable=True,
    )


def other_objects(evidence: Evidence) -> Iterator[Finding]:
    """Nobody else keeps objects in the target OU."""
    place = evidence[PLACE]
    foreign = foreign_groups(place.groups, place.target, evidence.parameters.tenant_id.casefold())
    if foreign:
        yield foreign_objects(place.target, foreign)
    unmarked = [group.dn for group in place.groups if not group.attributes and is_below(group.dn, place.target.dn)]
    rest = sorted((*unmarked, *place.others))
    if rest:
        yield Finding(
            id="other-objects-in-target-ou",
            severity=Severity.WARNING,
            seen=t(
                "In the target OU: {objects} created by no writer of cloud groups: {rest}.",
                objects=counted(len(rest), "object"),
                rest="; ".join(rest[:5]),
            ),
            expected=t("The target OU holds only what this runbook writes."),
            why=t("Rights on the OU reach them too, and whoever looks after them may not know that."),
            to_do=t("Move them, choose an OU of its own, or acknowledge this finding."),
            values={"dns": rest},
            acknowledgeable=True,
        )


def inheritance(evidence: Evidence) -> Iterator[Finding]:
    """Both OUs take what their parents hand down."""
    for place, title in _OUS.items():
        holder = evidence[RIGHTS].places[place]
        if holder.descriptor is not None and holder.descriptor.protected:
            yield Finding(
                id=f"ou-inheritance-protected:{place.value}",
                severity=Severity.WARNING,
                seen=t(
                    "The access list of the {place} takes nothing from its parents: {holder_dn}.",
                    place=title,
                    holder_dn=holder.dn,
                ),
                expected=t("Inheritance, or rights that stand on the OU itself."),
                why=t("Rights that are granted further up do not reach it, nor do those that are granted there later."),
                to_do=t("Grant the account's rights on the OU itself, then acknowledge this finding."),
                source="[MS-DTYP] 2.4.6, SE_DACL_PROTECTED",
                values={"dn": holder.dn},
                acknowledgeable=True,
            )


def deletion_protection(evidence: Evidence) -> Iterator[Finding]:
    """No group is protected from accidental deletion: that stops a move as well."""
    situation = evidence[RIGHTS]
    groups = [one.dn for one in situation.groups if one.descriptor and protects_from_deletion(one.descriptor)]
    denials = {title: found for place, title in _OUS.items() if (found := _denials(situation.places[place]))}
    if groups or denials:
        parts = [t("the list of the {ou} denies Everyone to delete what stands in it", ou=title) for title in denials]
        if groups:
            parts.append(
                t(
                    "deletion is denied to Everyone on {groups}: {some}",
                    groups=counted(len(groups), "group"),
                    some="; ".join(groups[:5]),
                )
            )
        entries = [describe(ace) for found in denials.values() for ace in found]
        yield Finding(
            id="protected-from-deletion",
            severity=Severity.WARNING,
            seen=t("{parts}.", parts=joined(parts, "; ")),
            expected=t("No protection on the groups. On the OUs themselves it does no harm."),
            why=t(
                '"Protect object from accidental deletion" on a group denies on its OU too, and '
                "refuses moves: nothing can be retired, restored or deleted."
            ),
            to_do=t("Clear that box on the groups in both OUs; it takes the entry on the OU away with the last one."),
            source="[MS-ADTS] 3.1.1.5.4.1.1 and 3.1.1.5.5.2",
            values={"groups": groups, "ous": list(denials), "entries": entries},
            acknowledgeable=True,
        )


def _denials(holder: Holder) -> list[Ace]:
    entries = holder.descriptor.entries if holder.descriptor else ()
    return [
        ace
        for ace in entries
        if not ace.allows
        and ace.applies_here
        and ace.sid == WellKnownSid.EVERYONE
        and expand_generic(ace.mask) & AccessMask.DELETE_CHILD
    ]


_BLOCKS, _PLACE = on(direct=Severity.BLOCKING), (PLACE,)
_WARNS, _UNKNOWN = on(direct=Severity.WARNING), on(direct=Severity.UNKNOWN)
CHECKS: tuple[Check, ...] = (
    Check("ous", t("Target OU and retired OU can be written to"), _PLACE, _BLOCKS, ous),
    Check("ou-sync-scope", t("The target OU is in no synchronization's scope"), _PLACE, _UNKNOWN, sync_scope),
    Check("ou-of-connect-v1", t("Connect Sync uses another OU"), (PLACE, TENANT), _BLOCKS, v1_container),
    Check("ou-other-objects", t("The target OU is used by nobody else"), _PLACE, _BLOCKS, other_objects),
    Check("ou-inheritance", t("Both OUs inherit rights"), (RIGHTS,), _WARNS, inheritance),
    Check("ou-deletion-protection", t("Nothing is protected from deletion"), (RIGHTS,), _WARNS, deletion_protection),
)
