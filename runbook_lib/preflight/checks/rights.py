"""What the writing account may do: rights that are missing, the operations they break; AD object enforcement too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from runbook_lib.directory.rights.evaluate import Place, Situation
from runbook_lib.directory.rights.needs import Purpose
from runbook_lib.directory.rights.table import Missing, OperationRight, describe, lacking_on
from runbook_lib.model.cloud import Switch
from runbook_lib.model.dn import is_below
from runbook_lib.model.enforcement import MOST_SIDS, EnforcementMode, Leave
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, Text, counted, first_of, joined, t
from runbook_lib.model.untrusted import printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.hand_off import GrantRights
from runbook_lib.preflight.hand_off.templates import dsacls_lines
from runbook_lib.preflight.parts import PLACE, RIGHTS, RIGHTS_TABLE

_SOURCE = "[MS-ADTS] 3.1.1.5 and 5.1.3; Microsoft Learn, Dsacls"
_DELETED = '[MS-ADTS] 3.1.1.5.3.7.1; Microsoft, KB 892806, "Restoring deleted objects"'


def missing_rights(evidence: Evidence) -> Iterator[Finding]:
    """The account has every right that writing takes; where told, those that deleting and handing over take too."""
    situation = evidence[RIGHTS]
    rows = evidence[RIGHTS_TABLE]
    purposes = _purposes(evidence)
    broken: defaultdict[str, list[OperationRight]] = defaultdict(list)
    lacking: dict[str, Missing] = {}
    for row in rows:
        if row.operation.purpose in purposes:
            for missing in row.missing:
                broken[missing.id].append(row)
                lacking[missing.id] = missing
    for id_, missing in lacking.items():
        yield _missing(missing, broken[id_], situation)
    yield from unknown_rights(evidence)


def _purposes(evidence: Evidence) -> set[Purpose]:
    told = evidence.parameters
    found = {Purpose.WRITE}
    if told.disable_by == "delete":
        found.add(Purpose.DELETE)
    if "move" in (told.cloud_sync_enable, told.cloud_sync_disable):
        found.add(Purpose.MOVE)
    return found


def _missing(missing: Missing, broken: list[OperationRight], situation: Situation) -> Finding:
    account = situation.account
    titles = [row.operation.title for row in broken]
    deletes = all(row.operation.purpose is Purpose.DELETE for row in broken)
    refused = t(" What refuses is {entry}.", entry=describe(missing.against)) if missing.against else NOTHING
    grants = (missing.grant,) if missing.grant else ()
    lines = dsacls_lines(grants, account.name)
    remove = t("Remove the entry that denies from {on}, or from where it is inherited.", on=missing.on)
    values = {
        "right": missing.what,
        "operations": [row.operation.id for row in broken],
        "account": account.name,
        "dsacls": list(lines),
    }
    return Finding(
        id=f"right-missing:{missing.id}",
        severity=Severity.BLOCKING,
        seen=t(
            "{account_name} may not {what}.{refused}", account_name=account.name, what=missing.what, refused=refused
        ),
        expected=t("A dedicated account with exactly the rights that it needs."),
        why=t("Without it this is refused: {titles}.", titles=joined(titles, "; ")),
        to_do=t("Run: {lines}", lines="; ".join(lines)) if lines else remove,
        source=_DELETED if deletes else _SOURCE,
        values=values,
        hand_offs=(GrantRights(missing.what, account.name, grants),) if grants else (),
    )


def unknown_rights(evidence: Evidence) -> Iterator[Finding]:
    """What the account may do can be determined for every operation."""
    purposes = _purposes(evidence)
    rows = [row for row in evidence[RIGHTS_TABLE] if row.granted is Switch.UNKNOWN]
    rows = [row for row in rows if row.operation.purpose in purposes]
    if rows:
        why = dict.fromkeys(row.because for row in rows)
        yield Finding(
            id="rights-unknown",
            severity=Severity.UNKNOWN,
            seen=t(
                "For {operations} it cannot be determined whether they are allowed: {why}.",
                operations=counted(len(rows), "operation"),
                why=joined(list(why)[:4], "; "),
            ),
            expected=t("The account can read the access lists of both OUs and the default of the class group."),
            why=t("An operation that is refused in the middle of a run leaves a change half done."),
            to_do=t("Let the account read the access lists (RC), or try with one group first."),
            source=_SOURCE,
            values={"operations": [row.operation.id for row in rows]},
            acknowledgeable=True,
        )


def rights_for_less(evidence: Evidence) -> Iterator[Finding]:
    """Rights that nothing that was told needs: for mail attributes, for deleting, for handing over to Cloud Sync."""
    situation = evidence[RIGHTS]
    rows = evidence[RIGHTS_TABLE]
    purposes = _purposes(evidence)
    wanted = {
        Purpose.MAIL: ("rights-for-mail", t("clear mail attributes that a group may have from another writer")),
        Purpose.DELETE: ("rights-to-delete", t("delete groups and bring them back (disable_by: delete)")),
        Purpose.MOVE: ("rights-to-move", t("hand groups over to Cloud Sync and take them back")),
    }
    for purpose, (id_, parts) in wanted.items():
        mine = [row for row in rows if row.operation.purpose is purpose and row.granted is not Switch.ON]
        if purpose in purposes or not mine:
            continue
        account = situation.account.name
        grants = tuple(dict.fromkeys(missing.grant for row in mine for missing in row.missing if missing.grant))
        lines = [line for grant in grants for line in dsacls_lines((grant,), account)]
        yield Finding(
            id=id_,
            severity=Severity.INFO,
            seen=t(
                "{account_name} lacks rights to {what}, or they cannot be determined: {operations}.",
                account_name=situation.account.name,
                what=parts,
                operations=counted(len(mine), "operation"),
            ),
            expected=t("Nothing: these rights are needed only for that."),
            to_do=t("Omit them unless that is going to happen."),
            source=_SOURCE,
            values={"operations": [row.operation.id for row in mine], "dsacls": lines},
            hand_offs=(GrantRights(parts, account, grants),) if grants else (),
        )


def rights_on_groups(evidence: Evidence) -> Answers:
    """Groups that exist let the account do what new ones would."""
    situation = evidence[RIGHTS]
    if not situation.groups:
        yield NothingToCheck(t("No group was written yet."))
    lost: dict[str, list[str]] = {}
    unread: list[str] = []
    for group in situation.groups:
        below = is_below(group.dn, situation.places[Place.TARGET].dn)
        found = lacking_on(group, Place.TARGET_GROUP if below else Place.RETIRED_GROUP, situation)
        if found is None:
            unread.append(group.dn)
        elif found:
            lost[group.dn] = [operation.id for operation in found]
    if lost:
        some = "; ".join(f"{dn}: {', '.join(refused)}" for dn, refused in list(lost.items())[:5])
        yield Finding(
            id="group-rights",
            severity=Severity.WARNING,
            seen=t(
                "{account_name} may not do everything with {lost} written groups: {some}.",
                account_name=situation.account.name,
                lost=len(lost),
                some=some,
            ),
            expected=t("Groups take the rights that their OU hands down."),
            why=t(
                "Their changes would be refused. As a rule their access lists are protected from inheritance, or deny."
            ),
            to_do=t(
                "Compare their access lists with others' (dsacls); for a protected group of "
                "administrators that is by design ([MS-ADTS] 3.1.1.6.1)."
            ),
            source=_SOURCE,
            values={"groups": lost},
            acknowledgeable=True,
        )
    if unread:
        yield Finding(
            id="group-rights-unknown",
            severity=Severity.UNKNOWN,
            seen=t(
                "The access lists of {unread_count} written groups cannot be read: {unread}.",
                unread_count=len(unread),
                unread="; ".join(unread[:5]),
            ),
            expected=t("The account can read the access lists of the groups that it writes."),
            why=t("Whether they can be changed shows only when it is tried."),
            to_do=t("Let the account read them (RC on groups), or acknowledge this finding."),
            source=_SOURCE,
            values={"dns": unread},
            acknowledgeable=True,
        )


_NEEDS = (RIGHTS,)
RIGHTS_CHECKS: tuple[Check, ...] = (
    Check("rights", t("The account has every right it needs"), _NEEDS, on(direct=Severity.BLOCKING), missing_rights),
    Check("rights-known", t("Every right can be determined"), _NEEDS, on(direct=Severity.UNKNOWN), unknown_rights),
    Check("rights-for-less", t("The account has further rights"), _NEEDS, on(direct=Severity.INFO), rights_for_less),
    Check(
        "rights-on-groups", t("Written groups can be changed"), _NEEDS, on(direct=Severity.UNKNOWN), rights_on_groups
    ),
)


_ENFORCEMENT = 'Microsoft Entra documentation, "Microsoft Entra AD object enforcement (Preview)" (August 2026)'
_REFUSED = t("Retiring, restoring, updating, members and bringing back are a modify, a move or a restore, which")
_PASSES = t("Creating and deleting are not restricted.")
_EVERYWHERE = t("It holds on the domain controllers that have it on: one without it lets the change through.")


def enforcement(evidence: Evidence) -> Answers:
    """No policy of AD object enforcement keeps this account from objects in the two OUs."""
    place = evidence[PLACE]
    found = place.enforcement
    marked = place.enforced
    if not place.enforcement_known:
        yield NothingToCheck(t("This forest's schema has no msDS-ObjectSoa for groups."))
    elif not (place.target.exists or place.retired.exists):
        yield NothingToCheck(t("Neither of the two OUs exists."))
    elif marked and found.leave is Leave.REFUSED:
        yield _marked(
            evidence,
            Severity.BLOCKING,
            "refused",
            t("{policies}, and this account is not on it.", policies=_policies(evidence)),
        )
    elif marked and found.leave is Leave.UNKNOWN:
        why = f"{found.why_unknown}." if found.why_unknown else f"{_policies(evidence)}; {_doubt(evidence)}."
        yield _marked(
            evidence, Severity.UNKNOWN, "unknown", t("Whether a policy refuses changes is not known: {why}", why=why)
        )
    elif marked:
        policy = {
            frozenset(): t("No policy shows below CN=SOA-Policies,CN=System, so nothing is refused."),
            frozenset({EnforcementMode.AUDIT}): t(
                "{policies}: changes are logged, not refused.", policies=_policies(evidence)
            ),
        }.get(found.modes, t("{policies}, and this account is on it.", policies=_policies(evidence)))
        yield _marked(evidence, Severity.INFO, "passes", policy)
    elif EnforcementMode.ENFORCED in found.modes or EnforcementMode.UNKNOWN in found.modes:
        yield Finding(
            id="object-enforcement-on",
            severity=Severity.INFO,
            seen=t(
                "{policies}. No object in the two OUs is marked, so it applies to none of them.",
                policies=_policies(evidence),
            ),
            why=t(
                "Where Cloud Sync's mapping marks a group (msDS-ObjectSoa), {refused} the "
                "policy refuses to every account that is not on its list.",
                refused=_REFUSED[:1].lower() + _REFUSED[1:],
            ),
            source=_ENFORCEMENT,
            values=_values(evidence),
        )


def _marked(evidence: Evidence, severity: Severity, state: str, policy: str) -> Finding:
    marked = evidence[PLACE].enforced
    some = first_of(marked, 5, "; ")
    return Finding(
        id=f"object-enforcement-{state}",
        severity=severity,
        seen=t(
            "In the two OUs, {objects} with msDS-ObjectSoa: {some}. {policy}",
            objects=counted(len(marked), "object"),
            some=some,
            policy=policy,
        ),
        expected=t("Objects that no policy governs, or the account's SID on the policy's list (msDS-Settings)."),
        why=t(
            "{refused} such a policy refuses with an error of its own. {passes} {everywhere}",
            refused=_REFUSED,
            passes=_PASSES,
            everywhere=_EVERYWHERE,
        ),
        to_do=NOTHING
        if severity is Severity.INFO
        else t(
            "Leave these groups to Cloud Sync, or have a Domain Admin put the account's SID into "
            "msDS-Settings; a plan leaves them out by name."
        ),
        source=_ENFORCEMENT,
        values={"dns": list(marked), **_values(evidence)},
        acknowledgeable=severity is Severity.UNKNOWN,
    )


def _policies(evidence: Evidence) -> Text:
    found = evidence[PLACE].enforcement.policies
    parts = []
    for policy in found:
        state = {
            EnforcementMode.ENFORCED: t("is enforced"),
            EnforcementMode.AUDIT: t("audits"),
            EnforcementMode.UNKNOWN: t("shows neither Enforced nor Audit"),
        }[policy.mode]
        lame = (
            NOTHING
            if policy.loads
            else t("; its list cannot be loaded ({lame}), so it authorizes nobody", lame=_lame(policy.invalid))
        )
        parts.append(
            t(
                "The policy {dn} {state}, for {sids} SIDs{lame}",
                dn=printable(policy.dn),
                state=state,
                sids=len(policy.sids),
                lame=lame,
            )
        )
    return joined(parts, ". ")


def _lame(invalid: tuple[str, ...]) -> Text:
    if not invalid:
        return t("over {most_sids}", most_sids=MOST_SIDS)
    return t("{invalid} is no SID of an object", invalid=printable(", ".join(invalid[:3]), limit=200))


def _doubt(evidence: Evidence) -> Text:
    found = evidence[PLACE].enforcement
    if EnforcementMode.ENFORCED in found.modes:
        return t("a group of this account is on the list, and whether groups count no public text says")
    return t("what it does is not shown")


def _values(evidence: Evidence) -> dict[str, object]:
    found = evidence[PLACE].enforcement
    return {
        "policies": [
            {"dn": one.dn, "mode": one.mode.value, "sids": len(one.sids), "loads": one.loads} for one in found.policies
        ],
        "account": found.account_sid,
    }


ENFORCEMENT_CHECKS: tuple[Check, ...] = (
    Check(
        "ou-enforcement",
        t("No policy keeps this account from changing objects"),
        (PLACE,),
        # On the route cloud-sync this account writes to AD alone where groups move or change their scope.
        on(direct=Severity.BLOCKING, cloud_sync=Severity.WARNING),
        enforcement,
    ),
)
