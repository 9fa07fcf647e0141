"""AD object enforcement: what domain controllers would refuse of this runbook's writes."""

from __future__ import annotations

from runbook_lib.model.enforcement import MOST_SIDS, EnforcementMode, Leave
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, t
from runbook_lib.model.untrusted import counted, printable
from runbook_lib.preflight.assess import Answers, Check, NothingToCheck, on
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import PLACE

_SOURCE = 'Microsoft Entra documentation, "Microsoft Entra AD object enforcement (Preview)" (August 2026)'
_REFUSED = "Retiring, restoring, updating, members and bringing back are a modify, a move or a restore, which"
_PASSES = "Creating and deleting are not restricted."
_EVERYWHERE = "It holds on the domain controllers that have it on: one without it lets the change through."


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
        yield _marked(evidence, Severity.BLOCKING, "refused", f"{_policies(evidence)}, and this account is not on it.")
    elif marked and found.leave is Leave.UNKNOWN:
        why = f"{found.why_unknown}." if found.why_unknown else f"{_policies(evidence)}; {_doubt(evidence)}."
        yield _marked(evidence, Severity.UNKNOWN, "unknown", f"Whether a policy refuses changes is not known: {why}")
    elif marked:
        told = {
            frozenset(): "No policy shows below CN=SOA-Policies,CN=System, so nothing is refused.",
            frozenset({EnforcementMode.AUDIT}): f"{_policies(evidence)}: changes are logged, not refused.",
        }.get(found.modes, f"{_policies(evidence)}, and this account is on it.")
        yield _marked(evidence, Severity.INFO, "passes", told)
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
            source=_SOURCE,
            values=_values(evidence),
        )


def _marked(evidence: Evidence, severity: Severity, state: str, told: str) -> Finding:
    marked = evidence[PLACE].enforced
    some = "; ".join(marked[:5]) + ("; …" if len(marked) > 5 else "")
    return Finding(
        id=f"object-enforcement-{state}",
        severity=severity,
        seen=t(
            "In the two OUs, {objects} with msDS-ObjectSoa: {some}. {told}",
            objects=counted(len(marked), "object"),
            some=some,
            told=told,
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
        source=_SOURCE,
        values={"dns": list(marked), **_values(evidence)},
        acknowledgeable=severity is Severity.UNKNOWN,
    )


def _policies(evidence: Evidence) -> str:
    found = evidence[PLACE].enforcement.policies
    words = []
    for policy in found:
        state = {
            EnforcementMode.ENFORCED: "is enforced",
            EnforcementMode.AUDIT: "audits",
            EnforcementMode.UNKNOWN: "shows neither Enforced nor Audit",
        }[policy.mode]
        lame = "" if policy.loads else f"; its list cannot be loaded ({_lame(policy.invalid)}), so it authorizes nobody"
        words.append(f"The policy {printable(policy.dn)} {state}, for {len(policy.sids)} SIDs{lame}")
    return ". ".join(words)


def _lame(invalid: tuple[str, ...]) -> str:
    return printable(f"{', '.join(invalid[:3])} is no SID of an object", limit=200) if invalid else f"over {MOST_SIDS}"


def _doubt(evidence: Evidence) -> str:
    found = evidence[PLACE].enforcement
    if EnforcementMode.ENFORCED in found.modes:
        return "a group of this account is on the list, and whether groups count no public text says"
    return "what it does is not shown"


def _values(evidence: Evidence) -> dict[str, object]:
    found = evidence[PLACE].enforcement
    return {
        "policies": [
            {"dn": one.dn, "mode": one.mode.value, "sids": len(one.sids), "loads": one.loads} for one in found.policies
        ],
        "account": found.account_sid,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        "ou-enforcement",
        "No policy keeps this account from changing objects",
        (PLACE,),
        on(direct=Severity.BLOCKING),
        enforcement,
    ),
)
