"""Which members of a group Cloud Sync writes to AD, with Microsoft's reason for each one that it does not.

Source: Microsoft Entra documentation, "How provisioning to Active Directory works" (August 2026): a reference is
written only for a member with an AD account; synchronized users only where "Provision membership to on-premises users"
is on, which is off by default and shown by no call; users of the cloud only where users are in scope of the same
configuration; nested groups by the source of authority of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.model.cloud import Authority, CloudGroup, CloudPrincipal, PrincipalType, Switch
from runbook_lib.model.predicted import (
    CLOUD_MANAGED_MEMBER,
    CLOUD_ONLY_MEMBER,
    UNREAD_MEMBER,
    WRITTEN_MEMBER,
    Known,
    MemberAnswer,
    ScopeAnswer,
)
from runbook_lib.model.text import t


@dataclass(frozen=True, slots=True)
class MemberRules:
    """What decides about members besides the member itself.

    Attributes:
        synchronized_users: Whether "Provision membership to on-premises users" is on, as far as is known.
        users_in_scope: Whether the configuration provisions users too.
        scope: Scope of every group of the tenant, by its id.
        accounts: Principal id to the GUID of its AD object, for those that have one in this domain.
        provisioned: Ids of principals whose AD object carries ``User_<id>``: Cloud Sync made it.
    """

    synchronized_users: Switch
    users_in_scope: bool
    scope: Mapping[str, ScopeAnswer]
    accounts: Mapping[str, str]
    provisioned: frozenset[str] = frozenset()


_NO_USER_OR_GROUP = MemberAnswer(
    Known.NO, "no-user-or-group", t("Cloud Sync writes users and groups as members, nothing else.")
)
_SYNCHRONIZED_USER = MemberAnswer(
    Known.NO, "synchronized-user", t('Synchronized user, and "Provision membership to on-premises users" is off.')
)
_SYNCHRONIZED_USER_UNKNOWN = MemberAnswer(
    Known.UNKNOWN,
    "synchronized-user-unknown",
    t('Synchronized user: written only if "Provision membership to on-premises users" is on.'),
)
_NO_ACCOUNT_HERE = MemberAnswer(Known.NO, "no-account-here", t("Synchronized, but its account is not in this domain."))
_USER_PROVISIONED = MemberAnswer(
    Known.UNKNOWN, "user-provisioned", t("User of the cloud: written if the configuration makes its account.")
)
_ITSELF = MemberAnswer(Known.NO, "itself", t("It is a member of itself."))
_SYNCHRONIZED_GROUP = MemberAnswer(
    Known.NO, "synchronized-group", t("Synchronized AD group: Cloud Sync does not write the reference.")
)
_ROLLED_BACK_GROUP = MemberAnswer(
    Known.NO, "rolled-back-group", t("Given back to AD: Cloud Sync does not write the reference.")
)
_GROUP_AUTHORITY_UNKNOWN = MemberAnswer(
    Known.UNKNOWN, "group-authority-unknown", t("Group whose source of authority was not read.")
)
_GROUP_NOT_IN_SCOPE = MemberAnswer(
    Known.NO, "group-not-in-scope", t("Group that is not in scope itself: Cloud Sync does not write the reference.")
)
_GROUP_SCOPE_UNKNOWN = MemberAnswer(
    Known.UNKNOWN, "group-scope-unknown", t("Group of which it is not known whether it is in scope itself.")
)


def user_written(user: CloudPrincipal, rules: MemberRules) -> MemberAnswer:
    """Whether a member that is no group is written."""
    if user.type is not PrincipalType.USER:
        if user.type is PrincipalType.UNKNOWN:
            return UNREAD_MEMBER
        return _NO_USER_OR_GROUP
    if user.id in rules.provisioned:
        return WRITTEN_MEMBER
    if user.id in rules.accounts and user.on_premises_sync_enabled:
        match rules.synchronized_users:
            case Switch.ON:
                return WRITTEN_MEMBER
            case Switch.OFF:
                return _SYNCHRONIZED_USER
        return _SYNCHRONIZED_USER_UNKNOWN
    if user.id in rules.accounts:
        return CLOUD_MANAGED_MEMBER
    if user.on_premises_sync_enabled:
        return _NO_ACCOUNT_HERE
    if rules.users_in_scope:
        return _USER_PROVISIONED
    return CLOUD_ONLY_MEMBER


def group_written(parent: CloudGroup, member: CloudGroup, rules: MemberRules) -> MemberAnswer:
    """Whether a group is written as a member of ``parent``, which is in scope itself."""
    if member.id == parent.id:
        return _ITSELF
    match member.authority:
        case Authority.AD:
            return _SYNCHRONIZED_GROUP
        case Authority.PENDING:
            return _ROLLED_BACK_GROUP
        case Authority.UNKNOWN:
            return _GROUP_AUTHORITY_UNKNOWN
        case Authority.CONVERTED:
            return WRITTEN_MEMBER
    scope = rules.scope.get(member.id, ScopeAnswer(Known.UNKNOWN))
    if scope.known is Known.NO:
        return _GROUP_NOT_IN_SCOPE
    if scope.known is Known.UNKNOWN:
        return _GROUP_SCOPE_UNKNOWN
    return WRITTEN_MEMBER
