"""Resource types: what Microsoft's metadata says of them, and what comes in an answer that names no properties.

Only structural properties; navigation properties are paths of their own (``routes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rehearsal.cloud.metadata import MetadataType, types
from rehearsal.cloud.metadata.names import PROPERTY, not_imitated

Record = Mapping[str, object]
"""One object: property name to JSON value. Never changed in place, so that two states can share it."""


@dataclass(frozen=True)
class ResourceType:
    """One entity type.

    Attributes:
        name: Name in the metadata, ``user``.
        collection: Name of its entity set in ``@odata.context``, ``users``.
        default: What comes without ``$select``; empty for everything.
        default_in_beta: What comes in ``/beta`` beside it.
        single_only: Properties that only a read of one object returns; null in lists.
        unset: What stands for properties that are not nullable where nothing is set.
        expandable: Relations that ``$expand`` takes.
    """

    name: str
    collection: str
    default: tuple[str, ...] = ()
    default_in_beta: tuple[str, ...] = ()
    single_only: frozenset[str] = frozenset()
    unset: Mapping[str, object] = field(default_factory=dict, hash=False)
    expandable: frozenset[str] = frozenset()

    @property
    def odata_type(self) -> str:
        """Value of ``@odata.type``."""
        return f"#microsoft.graph.{self.name}"

    @property
    def properties(self) -> frozenset[str]:
        """Every structural property of v1.0."""
        return frozenset(self.declared("v1.0").properties)

    @property
    def beta(self) -> frozenset[str]:
        """Properties that only ``/beta`` knows."""
        return frozenset(self.declared("beta").properties) - self.properties

    def declared(self, version: str) -> MetadataType:
        """The type in the metadata of ``v1.0`` or ``beta``."""
        return types(version)[self.name]

    def knows(self, name: str, version: str) -> bool:
        """Whether ``name`` is a property in this version."""
        return name in self.declared(version).properties

    def not_covered(self, name: str, version: str) -> bool:
        """Whether Graph has this property and the rehearsal does not."""
        return name.casefold() in {one.casefold() for one in not_imitated(self.name, PROPERTY, version)}

    def defaults(self, version: str) -> tuple[str, ...]:
        """What comes without ``$select``."""
        more = self.default_in_beta if version == "beta" else ()
        return (*self.default, *more) or tuple(self.declared(version).properties)

    def empty(self, name: str, version: str) -> object:
        """What stands for a property where nothing is set: null, or an empty list."""
        return [] if self.declared(version).properties[name].collection else self.unset.get(name)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


GROUP = ResourceType(
    name="group",
    collection="groups",
    default=_names(
        """
        id deletedDateTime classification createdDateTime description displayName expirationDateTime
        groupTypes isAssignableToRole mail mailEnabled mailNickname membershipRule membershipRuleProcessingState
        onPremisesDomainName onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesSamAccountName
        onPremisesSecurityIdentifier onPremisesSyncEnabled preferredDataLocation preferredLanguage proxyAddresses
        renewedDateTime resourceBehaviorOptions resourceProvisioningOptions securityEnabled securityIdentifier theme
        uniqueName visibility onPremisesProvisioningErrors serviceProvisioningErrors
        """
    ),
    # "Returned by default" says beta's page "group resource type" of them; the last is what $metadata adds.
    default_in_beta=_names("createdByAppId infoCatalogs writebackConfiguration"),
    single_only=_set(
        """
        allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients isArchived
        isSubscribedByMail unseenConversationsCount unseenCount unseenMessagesCount
        """
    ),
    unset={"writebackConfiguration": {"isEnabled": None, "onPremisesGroupType": None}},
    expandable=_set("members owners memberOf transitiveMembers transitiveMemberOf"),
)

USER = ResourceType(
    name="user",
    collection="users",
    default=_names(
        """
        businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
        userPrincipalName id
        """
    ),
    expandable=_set("memberOf transitiveMemberOf"),
)

DEVICE = ResourceType(
    name="device",
    collection="devices",
    default=_names(
        """
        id deletedDateTime accountEnabled deviceId deviceVersion displayName onPremisesLastSyncDateTime
        onPremisesSyncEnabled operatingSystem operatingSystemVersion physicalIds trustType
        """
    ),
)

SERVICE_PRINCIPAL = ResourceType(
    name="servicePrincipal",
    collection="servicePrincipals",
    default=_names(
        """
        id deletedDateTime accountEnabled appDisplayName appId applicationTemplateId appOwnerOrganizationId displayName
        servicePrincipalNames servicePrincipalType tags
        """
    ),
    unset={"appRoleAssignmentRequired": False},
)

APPLICATION = ResourceType(
    name="application",
    collection="applications",
    default=_names(
        """
        id deletedDateTime appId applicationTemplateId createdDateTime displayName identifierUris publisherDomain
        signInAudience tags
        """
    ),
)

ORG_CONTACT = ResourceType(
    name="orgContact",
    collection="contacts",
    default=_names(
        """
        id deletedDateTime companyName department displayName givenName jobTitle mail mailNickname
        onPremisesSyncEnabled proxyAddresses surname
        """
    ),
)

ORGANIZATION = ResourceType(
    name="organization",
    collection="organization",
    default=_names(
        """
        id deletedDateTime assignedPlans businessPhones city country countryLetterCode createdDateTime displayName
        onPremisesLastSyncDateTime onPremisesSyncEnabled postalCode preferredLanguage state street
        technicalNotificationMails tenantType verifiedDomains
        """
    ),
    unset={"mobileDeviceManagementAuthority": "unknown"},
)

DOMAIN = ResourceType(name="domain", collection="domains")
SUBSCRIBED_SKU = ResourceType(name="subscribedSku", collection="subscribedSkus")
GROUP_SETTING = ResourceType(name="groupSetting", collection="groupSettings")
GROUP_SETTING_TEMPLATE = ResourceType(name="groupSettingTemplate", collection="groupSettingTemplates")
ON_PREMISES_SYNCHRONIZATION = ResourceType(
    name="onPremisesDirectorySynchronization", collection="directory/onPremisesSynchronization"
)
PUBLISHING_PROFILE = ResourceType(
    name="onPremisesPublishingProfile",
    collection="onPremisesPublishingProfiles",
    expandable=_set("agents agentGroups publishedResources"),
)
SYNC_BEHAVIOR = ResourceType(name="onPremisesSyncBehavior", collection="groups")
JOB = ResourceType(name="synchronizationJob", collection="servicePrincipals")
TEMPLATE = ResourceType(name="synchronizationTemplate", collection="servicePrincipals")
SCHEMA = ResourceType(name="synchronizationSchema", collection="servicePrincipals")
EXTENSION_PROPERTY = ResourceType(name="extensionProperty", collection="applications")
ASSIGNMENT = ResourceType(name="appRoleAssignment", collection="servicePrincipals")
PROVISIONING = ResourceType(name="provisioningObjectSummary", collection="auditLogs/provisioning")

PRINCIPALS = {kind.name: kind for kind in (USER, GROUP, DEVICE, SERVICE_PRINCIPAL, ORG_CONTACT)}
"""What a group can hold, by type name."""
