"""AD object enforcement: who may change objects that carry msDS-ObjectSoa in this domain.

Source: Microsoft Entra documentation, "Microsoft Entra AD object enforcement (Preview)"
(learn.microsoft.com/entra/identity/hybrid/cloud-sync/how-to-active-directory-object-enforcement, August 2026). Marked
objects alone are protected: modify, modify DN and restoring from the Recycle Bin are refused; adding and deleting are
not. A controller that does not have the feature on does not refuse, so a refusal is what may happen, not what must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from runbook_lib.model.text import NOTHING, Text

SOA_ATTRIBUTE = "msDS-ObjectSoa"
"""Marks an object whose source of authority is the cloud; Cloud Sync sets it where its mapping says so."""
MOST_SIDS = 64
"""SIDs that the allow-list of a policy holds at most."""


class EnforcementMode(Enum):
    """What a policy does."""

    ENFORCED = "enforced"
    AUDIT = "audit"
    UNKNOWN = "unknown"
    """A policy object that says neither."""


class Leave(Enum):
    """Whether an account may change marked objects."""

    GIVEN = "given"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No public text tells, or the policy could not be read."""


@dataclass(frozen=True, slots=True)
class SoaPolicy:
    """One policy object below ``CN=SOA-Policies,CN=System``.

    Attributes:
        dn: Its name.
        mode: From its keywords.
        sids: Its allow-list (msDS-Settings), upper case.
        invalid: Values of the list that are no SID, or a SID of this domain that no object has: one of them keeps the
            whole policy from being loaded, and then nobody is authorized.
    """

    dn: str
    mode: EnforcementMode
    sids: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()

    @property
    def loads(self) -> bool:
        """Whether the list can be loaded."""
        return not self.invalid and len(self.sids) <= MOST_SIDS

    def leave(self, account_sid: str, token: Iterable[str]) -> Leave:
        """What it says of an account; whether the SID of one of its groups counts, no public text says."""
        if self.mode is EnforcementMode.AUDIT:
            return Leave.GIVEN
        if self.loads and account_sid and account_sid.upper() in self.sids:
            return Leave.GIVEN
        if self.mode is EnforcementMode.UNKNOWN or not account_sid:
            return Leave.UNKNOWN
        by_group = self.loads and not {sid.upper() for sid in token}.isdisjoint(self.sids)
        return Leave.UNKNOWN if by_group else Leave.REFUSED


@dataclass(frozen=True, slots=True)
class Enforcement:
    """The policies of the domain as far as this account sees them.

    Attributes:
        policies: Every policy object; none where enforcement was never set up, or none shows.
        account_sid: SID of the account that writes; empty where it is not known.
        token: SIDs of its groups.
        why_unknown: Why the policies could not be read; empty where they were.
    """

    policies: tuple[SoaPolicy, ...] = ()
    account_sid: str = ""
    token: frozenset[str] = frozenset()
    why_unknown: Text = NOTHING

    @property
    def leave(self) -> Leave:
        """Whether this account may change marked objects, the strictest policy first."""
        found = {policy.leave(self.account_sid, self.token) for policy in self.policies}
        if self.why_unknown:
            found.add(Leave.UNKNOWN)
        return next((one for one in (Leave.REFUSED, Leave.UNKNOWN) if one in found), Leave.GIVEN)

    @property
    def modes(self) -> frozenset[EnforcementMode]:
        """The modes of its policies."""
        return frozenset(policy.mode for policy in self.policies)


NO_ENFORCEMENT = Enforcement()


def soa_policy_of(
    dn: str, keywords: Iterable[str], settings: Iterable[str], is_sid: Callable[[str], bool], stale: frozenset[str]
) -> SoaPolicy:
    """A policy from the values of its object; ``stale`` are SIDs that no object of the domain has, upper case."""
    keyword_set = {word.strip().casefold() for word in keywords}
    mode = next((m for m in (EnforcementMode.ENFORCED, EnforcementMode.AUDIT) if m.value in keyword_set), None)
    values = [value.strip() for value in settings]
    sids = tuple(sorted({value.upper() for value in values if is_sid(value)}))
    invalid = tuple(sorted({value for value in values if not is_sid(value) or value.upper() in stale}))
    return SoaPolicy(dn, mode or EnforcementMode.UNKNOWN, sids, invalid)
