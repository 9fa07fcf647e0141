"""Who administers Contoso's tenant: cloud-only accounts with directory roles, for sign-ins on behalf of a person."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.cloud.accounts import (
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    GROUPS_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
)
from rehearsal.cloud.store import CloudStore, cloud_sid
from rehearsal.contoso import names


@dataclass(frozen=True)
class Administrator:
    """One account. ``alias`` is the part of the user principal name before the @."""

    alias: str
    display_name: str
    roles: frozenset[str]

    @property
    def id(self) -> str:
        """Id of the cloud user."""
        return names.user_id(self.alias)

    @property
    def user_principal_name(self) -> str:
        """Sign-in name."""
        return f"{self.alias}@{names.INITIAL_DOMAIN}"


OPERATOR = Administrator(
    "robin.operator", "Robin Operator", frozenset({HYBRID_IDENTITY_ADMINISTRATOR, GROUPS_ADMINISTRATOR})
)
GLOBAL = Administrator("gail.global", "Gail Global", frozenset({GLOBAL_ADMINISTRATOR}))
READER = Administrator("rita.reader", "Rita Reader", frozenset({GLOBAL_READER}))
ADMINISTRATORS = (OPERATOR, GLOBAL, READER)


def add_administrators(store: CloudStore) -> dict[str, frozenset[str]]:
    """Add the accounts to a filled store; returns directory roles by user id."""
    for one in ADMINISTRATORS:
        given, _, surname = one.display_name.partition(" ")
        store.add_user(
            {
                "id": one.id,
                "accountEnabled": True,
                "createdDateTime": "2024-03-04T09:15:00Z",
                "displayName": one.display_name,
                "givenName": given,
                "surname": surname,
                "jobTitle": "Administrator",
                "mailNickname": one.alias,
                "proxyAddresses": [],
                "userPrincipalName": one.user_principal_name,
                "userType": "Member",
                "securityIdentifier": cloud_sid(one.id),
            }
        )
    store.keep_as_seed()
    return {one.id: one.roles for one in ADMINISTRATORS}
