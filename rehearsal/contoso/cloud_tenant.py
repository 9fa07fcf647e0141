"""What Contoso's tenant says about itself: domains, licences, settings of groups, what Connect reported."""

from __future__ import annotations

from rehearsal.cloud.store import CloudStore
from rehearsal.contoso import names

GROUP_UNIFIED = "62375ab9-6b52-47ed-826b-58e47e0e304b"
"""Template of the Group.Unified settings ("groupSetting resource type")."""
GROUP_UNIFIED_GUEST = "08d542b9-071f-4e16-94b0-74abb372e3d9"
P1_PLAN = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
P2_PLAN = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
"""Service plans ("Product names and service plan identifiers for licensing")."""

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
    for part_number, plan_name, plan, enabled, consumed, status in (
        ("EMS", "AAD_PREMIUM", P1_PLAN, 700, 612, "Enabled"),
        ("AAD_PREMIUM_P2", "AAD_PREMIUM_P2", P2_PLAN, 25, 3, "Enabled"),
        ("SPE_E3_TRIAL", "AAD_PREMIUM", P1_PLAN, 0, 0, "Suspended"),
    ):
        sku = names.guid(f"sku {part_number}")
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
                        "servicePlanId": plan,
                        "servicePlanName": plan_name,
                        "provisioningStatus": "Success",
                        "appliesTo": "User",
                    }
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
