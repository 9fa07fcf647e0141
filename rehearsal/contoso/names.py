"""Names and ids of Contoso that parameters files, tests and the demo refer to.

Ids are version 5 UUIDs of readable keys (RFC 9562), so they are the same in every rehearsal and on every machine:
``group_id("sales-team")`` is the cloud group "Sales Team", ``user_id(sam)`` the cloud user with that account name.
"""

from __future__ import annotations

import uuid
from functools import cache

_NAMESPACE = uuid.UUID("6b0fd0b6-5a55-5f38-9a3c-0d6c0a6f5a10")


@cache
def guid(key: str) -> str:
    """Lower-case GUID of a readable key."""
    return str(uuid.uuid5(_NAMESPACE, key))


def group_id(key: str) -> str:
    """Id of a cloud group; keys are those of ``cloud_groups`` and ``awkward``."""
    return guid(f"cloud group {key}")


def user_id(key: str) -> str:
    """Id of a cloud user; the key is the account name of synchronized users, the alias of others."""
    return guid(f"cloud user {key}")


def object_guid(key: str) -> str:
    """objectGUID of an AD object; the key of a person is the account name, of others what ``directory`` calls them."""
    return guid(f"directory object {key}")


# The tenant
TENANT_ID = "8f2a6c1e-3b47-4d59-9e60-5c7d1b2a4f83"
CLIENT_ID = "c4d1e0a7-96b2-4f3c-8a15-7e29d6b3f041"
CLIENT_OBJECT_ID = guid("service principal of the runbook")
APP_NAME = "Group writeback runbook"
TENANT_NAME = "Contoso"
INITIAL_DOMAIN = "contoso.onmicrosoft.com"
MAIL_DOMAIN = "contoso.com"
GROUP_MAIL_DOMAIN = "groups.contoso.com"
APP_ROLES = (
    "Group.Read.All",
    "GroupMember.Read.All",
    "Member.Read.Hidden",
    "User.Read.All",
    "Organization.Read.All",
    "Domain.Read.All",
    "GroupSettings.Read.All",
    "Synchronization.Read.All",
    "Device.Read.All",
    "Application.Read.All",
    "OrgContact.Read.All",
)
"""Application permissions of the runbook's app registration: everything it reads, nothing that writes."""

# The domain
DOMAIN = "contoso.com"
NETBIOS = "CONTOSO"
BASE_DN = "DC=contoso,DC=com"
STAFF_OU = f"OU=Staff,{BASE_DN}"
LYON_OU = f"OU=Lyon,{STAFF_OU}"
"""Where the user with the stale DN moved to."""
SERVICE_OU = f"OU=Service Accounts,{BASE_DN}"
GROUPS_OU = f"OU=Groups,{BASE_DN}"
TARGET_OU = f"OU=Cloud Groups,{BASE_DN}"
RETIRED_OU = f"OU=Retired Cloud Groups,{BASE_DN}"
CONNECT_OU = f"OU=Connect Groups,{BASE_DN}"
CLOUD_SYNC_OU = f"OU=Cloud Sync Groups,{BASE_DN}"
BIND_USER = "svc-gwb@contoso.com"
BIND_DN = f"CN=svc-gwb,{SERVICE_OU}"
AGENT_USER = "svc-cloud-sync@contoso.com"
AGENT_DN = f"CN=svc-cloud-sync,{SERVICE_OU}"
"""The account of Cloud Sync's provisioning agent: it writes groups anywhere in the domain."""
CONNECTOR_USER = "MSOL_0123456789ab@contoso.com"
CONNECTOR_DN = f"CN=MSOL_0123456789ab,{SERVICE_OU}"
"""The connector account of Connect Sync: it writes groups below ``CONNECT_OU``."""
ADMINISTRATOR = "administrator@contoso.com"
REFUSED_ACCOUNTS = {
    "svc-out-of-hours": "530",
    "svc-elsewhere": "531",
    "svc-password-expired": "532",
    "svc-disabled": "533",
    "svc-account-expired": "701",
    "svc-must-change": "773",
    "svc-locked-out": "775",
}
"""Accounts with the password of ``BIND_USER`` that may not log on, and the Windows error that AD's message shows."""
SECOND_CONTROLLER, READ_ONLY_CONTROLLER = "dc2", "rodc1"
"""Of the same domain; both know everything that the first one does."""
CHILD_LABEL, CHILD_NETBIOS, CHILD_CONTROLLER = "emea", "EMEA", "emea-dc1"
CHILD_DOMAIN, CHILD_DN = f"emea.{DOMAIN}", f"DC=emea,{BASE_DN}"
"""The second domain of a rehearsal that was started with two."""
EXCHANGE_ORGANIZATION = "Contoso Organization"
EXCHANGES = ("se", "none", "schema-only", "2016-cu23", "2019-cu15", "mixed", "future", "hidden")
"""Which Exchange stands in AD; ``contoso.exchange.STATES`` has the numbers."""
MAIL_FLOWS = ("good", "broken")
"""Whether mail between the two sides is set up for the groups' domain."""
ROUTING_DOMAIN = "contoso.mail.onmicrosoft.com"
TAKEN_ADDRESS = f"sales-team@{GROUP_MAIL_DOMAIN}"
"""Address of a group that a contact in AD holds where mail flow is broken."""

# Groups
HEALTHY_GROUPS = (
    "Sales Team",
    "Marketing",
    "Project Falcon",
    "Ventes – équipe",
    "Ingeniería",
    "Kundenbetreuung Süd",
    "Finance Controlling",
    "Human Resources",
    "IT Operations",
    "Forschung & Entwicklung",
)
"""Private Microsoft 365 groups with nothing in the way of writing them."""
DEMO_GROUPS = ("Sales Team", "Marketing", "Project Falcon", "Ventes – équipe", "Ingeniería", "Human Resources")
"""What the parameters file of a rehearsal selects."""
CLOUD_SYNC_DEMO_GROUPS = ("VPN Users", "VPN Admins")
"""Security groups of the cloud that nobody writes to AD yet: what the parameters file for Cloud Sync selects."""
CLOUD_SYNC_PILOT_ID = group_id("vpn-admins")
LARGE_GROUP = "All Staff"
LARGE_GROUP_MEMBERS = 2000
ORPHAN_GROUP_ID = group_id("orphan: the cloud group was deleted for good")
"""In the anchor of an AD object; no cloud group has it."""

# People with a story (account names, or aliases of cloud-only users)
STALE_DN_USER = "stella.moved"
"""Moved to ``LYON_OU`` in AD; the cloud still shows the DN below ``STAFF_OU``."""
SID_ONLY_USER = "sid.vicente"
"""onPremisesImmutableId is no GUID and the DN is stale: only the SID leads to the AD account."""
MIGRATED_USER = "mig.ration"
"""mS-DS-ConsistencyGuid differs from objectGUID: the account came from another forest."""
CONVERTED_USER = "connie.vertida"
"""Source of authority moved to the cloud: onPremisesSyncEnabled is null, the AD account is still there."""
PROVISIONED_USER = "clara.synced"
"""Made in AD by Cloud Sync: msDS-ExternalDirectoryObjectId leads to the cloud user, nothing leads back."""
VANISHED_USER = "van.ished"
"""The cloud user is synchronized; the AD account no longer exists."""
