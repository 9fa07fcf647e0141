"""Which members of a Microsoft 365 group Connect Sync v1 writes to AD, with the reason for each one that it does not.

Source: Microsoft Entra documentation, "Enable Microsoft Entra Connect group writeback", and what operators report: the
members are references, and a reference is written only for a member whose object Connect has joined in that forest,
which is a synchronized user. Everything else stays away without a word.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.inventory.members import Principal
from runbook_lib.model.cloud import CloudPrincipal, PrincipalType
from runbook_lib.model.predicted import Known, MemberAnswer
from runbook_lib.model.text import t

_WRITTEN = MemberAnswer(Known.YES)
_WRITTEN_ELSEWHERE = MemberAnswer(
    Known.YES, "other-domain", t("Written; its account is in another domain of the forest, so it is not compared.")
)
_CLOUD_ONLY = MemberAnswer(Known.NO, "cloud-only", t("User of the cloud without an account in AD."))
_GUEST = MemberAnswer(Known.NO, "guest", t("Guest without an account in AD."))
_NOT_SYNCHRONIZED = MemberAnswer(
    Known.NO, "not-synchronized", t("Not synchronized any more: Connect has joined no account with it.")
)
_OTHER_FOREST = MemberAnswer(
    Known.NO, "other-forest", t("Its account is in another forest than the one that v1 writes to.")
)
_NO_USER = MemberAnswer(Known.NO, "no-user", t("A Microsoft 365 group is written with users as members, nothing else."))
_CLOUD_MANAGED = MemberAnswer(
    Known.UNKNOWN, "cloud-managed-account", t("Managed in the cloud, with an account in AD: not documented.")
)
_NO_ACCOUNT_SEEN = MemberAnswer(
    Known.UNKNOWN, "no-account-seen", t("Synchronized, and its account was not found in this domain.")
)
_NOT_CERTAIN = MemberAnswer(
    Known.UNKNOWN, "not-certain", t("Its keys do not lead to one account: which one Connect has joined is not known.")
)
_CONTACT = MemberAnswer(Known.UNKNOWN, "contact", t("Contact: not documented for Microsoft 365 groups."))
_GROUP = MemberAnswer(Known.UNKNOWN, "group", t("Group in a Microsoft 365 group, which Microsoft says cannot be."))
_UNREAD = MemberAnswer(Known.UNKNOWN, "unknown", t("Its type was not read."))

_OF_TYPE: Mapping[PrincipalType, MemberAnswer] = {
    PrincipalType.GROUP: _GROUP,
    PrincipalType.CONTACT: _CONTACT,
    PrincipalType.DEVICE: _NO_USER,
    PrincipalType.SERVICE_PRINCIPAL: _NO_USER,
    PrincipalType.UNKNOWN: _UNREAD,
}
_WITHOUT_ACCOUNT: Mapping[str, MemberAnswer] = {
    "guest": _GUEST,
    "cloud-only": _CLOUD_ONLY,
    "leftover-keys": _NOT_SYNCHRONIZED,
    "other-domain": _WRITTEN_ELSEWHERE,
    "other-forest": _OTHER_FOREST,
    "not-found": _NO_ACCOUNT_SEEN,
    "other-domain-sid": _NO_ACCOUNT_SEEN,
}
"""By the inventory's reason why a user has no account in the domain that was read; every other one is not certain."""


def connect_writes(principal: Principal, person: CloudPrincipal | None) -> MemberAnswer:
    """Whether v1 writes a member.

    Args:
        principal: Where its keys lead in AD.
        person: The member as the tenant has it; None for what was not read, and for groups.
    """
    kind = PrincipalType(principal.type)
    if kind is not PrincipalType.USER or person is None:
        return _OF_TYPE.get(kind, _UNREAD)
    synchronized = bool(person.on_premises_sync_enabled)
    if principal.guid and not principal.code:
        return _WRITTEN if synchronized else _CLOUD_MANAGED
    answer = _WITHOUT_ACCOUNT.get(principal.code, _NOT_CERTAIN)
    if answer is _WRITTEN_ELSEWHERE and not synchronized:
        return _CLOUD_MANAGED
    return answer
