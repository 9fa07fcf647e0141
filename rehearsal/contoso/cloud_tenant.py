"""What Contoso's tenant says about itself: domains, licences, settings of groups, what Connect reported."""

from __future__ import annotations

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names

GROUP_UNIFIED = "62375ab9-6b52-47ed-826b-58e47e0e304b"
"""Template of the Group.Unified settings ("groupSetting resource type")."""
GROUP_UNIFIED_GUEST = "08d542b9-071f-4e16-94b0-74abb372e3d9"
PLANS = {
    "AAD_PREMIUM": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "AAD_PREMIUM_P2": "eec0eb4f-6444-4f95-aba0-50c24d67f998",
    "ADALLOM_S_DISCOVERY": "932ad362-64a8-4783-9106-97849a1a30b9",
    "ADALLOM_S_STANDALONE": "2e2ddb96-6af9-4b1d-a3f0-d6ecfd22edb2",
    "ATA": "14ab5db5-e6c4-4b20-b4bc-13e36fd2227f",
    "EXCHANGE_S_ENTERPRISE": "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "EXCHANGE_S_FOUNDATION": "113feb6c-3fe4-4440-bddc-54d774bf0318",
    "INTUNE_A": "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",
    "MFA_PREMIUM": "8a256a2b-b617-496d-b51b-e76466e88db0",
    "OFFICESUBSCRIPTION": "43de0ff5-c92c-492b-9116-175376d08c38",
    "RMS_S_ENTERPRISE": "bea4c11e-220a-4e6d-8eb8-8ea15d019f90",
    "RMS_S_PREMIUM": "6c57d4b6-3b23-47a5-9bc9-69f17b4947b3",
    "RMS_S_PREMIUM2": "5689bec4-755d-4753-8b61-40975025187c",
    "SHAREPOINTENTERPRISE": "5dbe027f-2339-4123-9542-606e4d348a72",
    "TEAMS1": "57ff2da0-773e-42df-b2af-ffb7a2317929",
}
P1_PLAN, P2_PLAN = PLANS["AAD_PREMIUM"], PLANS["AAD_PREMIUM_P2"]
"""Service plans ("Product names and service plan identifiers for licensing",
https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference)."""
_EMS = "AAD_PREMIUM RMS_S_PREMIUM EXCHANGE_S_FOUNDATION RMS_S_ENTERPRISE MFA_PREMIUM INTUNE_A"
_EMS_PREMIUM = "AAD_PREMIUM_P2 RMS_S_PREMIUM2 ADALLOM_S_STANDALONE ATA"
_MICROSOFT_365 = (
    "AAD_PREMIUM RMS_S_PREMIUM RMS_S_ENTERPRISE MFA_PREMIUM INTUNE_A ADALLOM_S_DISCOVERY EXCHANGE_S_ENTERPRISE "
    "OFFICESUBSCRIPTION SHAREPOINTENTERPRISE TEAMS1"
)
PRODUCTS = {
    "EMS": ("efccb6f7-5641-4e0e-bd10-b4976e1bf68e", f"{_EMS} ADALLOM_S_DISCOVERY"),
    "EMSPREMIUM": ("b05e124f-c7cc-45a0-a6aa-8cf78c946968", f"{_EMS} {_EMS_PREMIUM}"),
    "SPE_E3": ("05e9a617-0261-4cee-bb44-138d3ef5d965", _MICROSOFT_365),
}
"""Products of the same page: id and service plans (of SPE_E3 a part)."""
ASSIGNED_PLANS = [
    {
        "assignedDateTime": "2024-01-15T00:00:00Z",
        "capabilityStatus": "Enabled",
        "service": "AADPremiumService",
        "servicePlanId": plan,
    }
    for plan in (P1_PLAN, P2_PLAN)
]
"""What the organization has of them: those whose service's name was seen."""

_UNIFIED_VALUES = (
    ("NewUnifiedGroupWritebackDefault", "System.Boolean", "true"),
    ("EnableMIPLabels", "System.Boolean", "false"),
    ("CustomBlockedWordsList", "System.String", ""),
    ("EnableMSStandardBlockedWords", "System.Boolean", "false"),
    ("ClassificationDescriptions", "System.String", ""),
    ("DefaultClassification", "System.String", ""),
    ("PrefixSuffixNamingRequirement", "System.String", ""),
    ("AllowGuestsToBeGroupOwner", "System.Boolean", "false"),
    ("AllowGuestsToAccessGroups", "System.Boolean", "true"),
    ("GuestUsageGuidelinesUrl", "System.String", ""),
    ("GroupCreationAllowedGroupId", "System.Guid", ""),
    ("AllowToAddGuests", "System.Boolean", "true"),
    ("UsageGuidelinesUrl", "System.String", ""),
    ("ClassificationList", "System.String", ""),
    ("EnableGroupCreation", "System.Boolean", "true"),
)
_FEATURES = (
    "allowOnPremUpdateOfOnPremisesObjectIdentifierEnabled",
    "blockCloudObjectTakeoverThroughHardMatchEnabled",
    "blockSoftMatchEnabled",
    "bypassDirSyncOverridesEnabled",
    "cloudPasswordPolicyForPasswordSyncedUsersEnabled",
    "concurrentCredentialUpdateEnabled",
    "concurrentOrgIdProvisioningEnabled",
    "deviceWritebackEnabled",
    "directoryExtensionsEnabled",
    "fopeConflictResolutionEnabled",
    "groupWriteBackEnabled",
    "passwordSyncEnabled",
    "passwordWritebackEnabled",
    "quarantineUponProxyAddressesConflictEnabled",
    "quarantineUponUpnConflictEnabled",
    "softMatchOnUpnEnabled",
    "synchronizeUpnForManagedUsersEnabled",
    "unifiedGroupWritebackEnabled",
    "userForcePasswordChangeOnLogonEnabled",
    "userWritebackEnabled",
)
_SWITCHED_ON = frozenset(
    {
        "concurrentCredentialUpdateEnabled",
        "passwordSyncEnabled",
        "quarantineUponProxyAddressesConflictEnabled",
        "quarantineUponUpnConflictEnabled",
        "softMatchOnUpnEnabled",
        "synchronizeUpnForManagedUsersEnabled",
    }
)
"""Connect's group writeback is off, version 1 and version 2: what it once wrote is still in AD."""


def add_tenant(store: CloudStore) -> None:
    """Add everything to a store that has the organization."""
    _add_domains(store)
    _add_licences(store)
    _add_settings(store)
    _add_synchronization(store)


def _add_domains(store: CloudStore) -> None:
    for name, services in (
        (names.INITIAL_DOMAIN, ["Email", "OfficeCommunicationsOnline"]),
        (names.MAIL_DOMAIN, ["Email", "OfficeCommunicationsOnline"]),
        (names.GROUP_MAIL_DOMAIN, ["Email"]),
        (names.ROUTING_DOMAIN, ["Email"]),
    ):
        initial = name == names.INITIAL_DOMAIN
        store.add(
            "domains",
            {
                "id": name,
                "authenticationType": "Managed",
                "isAdminManaged": True,
                "isDefault": initial,
                "isInitial": initial,
                "isRoot": name in (names.INITIAL_DOMAIN, names.MAIL_DOMAIN),
                "isVerified": True,
                "passwordNotificationWindowInDays": 14,
                "passwordValidityPeriodInDays": 2147483647,
                "supportedServices": services,
            },
        )


def _add_licences(store: CloudStore) -> None:
    for part_number, enabled, consumed, status in (
        ("EMS", 700, 612, "Enabled"),
        ("EMSPREMIUM", 25, 3, "Enabled"),
        ("SPE_E3", 0, 0, "Suspended"),
    ):
        sku, plans = PRODUCTS[part_number]
        store.add(
            "skus",
            {
                "id": f"{names.TENANT_ID}_{sku}",
                "accountId": names.TENANT_ID,
                "accountName": names.TENANT_NAME,
                "appliesTo": "User",
                "capabilityStatus": status,
                "consumedUnits": consumed,
                "prepaidUnits": {"enabled": enabled, "suspended": 0, "warning": 0, "lockedOut": 0},
                "servicePlans": [
                    {
                        "servicePlanId": PLANS[plan],
                        "servicePlanName": plan,
                        "provisioningStatus": "Success",
                        "appliesTo": "Company" if plan == "EXCHANGE_S_FOUNDATION" else "User",
                    }
                    for plan in plans.split()
                ],
                "skuId": sku,
                "skuPartNumber": part_number,
                "subscriptionIds": [names.guid(f"subscription {part_number}")],
            },
        )


def _add_settings(store: CloudStore) -> None:
    def template(identifier: str, name: str, description: str, values: tuple[tuple[str, str, str], ...]) -> None:
        shown = [
            {"name": key, "type": kind, "defaultValue": default, "description": f"{key} of {name}"}
            for key, kind, default in values
        ]
        record = {"id": identifier, "displayName": name, "description": description, "values": shown}
        store.add("setting_templates", record)

    template(GROUP_UNIFIED, "Group.Unified", "Settings of all Microsoft 365 groups", _UNIFIED_VALUES)
    guests = (("AllowToAddGuests", "System.Boolean", "true"),)
    template(GROUP_UNIFIED_GUEST, "Group.Unified.Guest", "Settings of one Microsoft 365 group", guests)
    store.add(
        "settings",
        {
            "id": names.guid("setting Group.Unified"),
            "displayName": "Group.Unified",
            "templateId": GROUP_UNIFIED,
            "values": [{"name": name, "value": default} for name, _, default in _UNIFIED_VALUES],
        },
    )


def _add_synchronization(store: CloudStore) -> None:
    store.add(
        "synchronization",
        {
            "id": names.TENANT_ID,
            "configuration": {
                "accidentalDeletionPrevention": {
                    "synchronizationPreventionType": "enabledForCount",
                    "alertThreshold": 500,
                },
                "anchorAttribute": "mS-DS-ConsistencyGuid",
                "applicationId": names.guid("application of Connect"),
                "currentExportData": {
                    "clientMachineName": "CONNECT01",
                    "pendingObjectsAddition": 0,
                    "pendingObjectsDeletion": 0,
                    "pendingObjectsUpdate": 0,
                    "serviceAccount": f"Sync_CONNECT01_0042@{names.INITIAL_DOMAIN}",
                    "successfulLinksProvisioningCount": 0,
                    "successfulObjectsProvisioningCount": 0,
                    "totalConnectorSpaceObjects": 640,
                },
                "customerRequestedSynchronizationInterval": "PT30M",
                "synchronizationClientVersion": "2.6.92.0",
                "synchronizationInterval": "PT30M",
                "writebackConfiguration": {"unifiedGroupContainer": names.CONNECT_OU, "userContainer": None},
            },
            "features": {name: name in _SWITCHED_ON for name in _FEATURES},
        },
    )
