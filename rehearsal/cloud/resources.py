"""Resource types as Microsoft Graph's metadata declares them: property names, defaults, versions.

Only structural properties; navigation properties are paths of their own (``routes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Record = Mapping[str, object]
"""One object: property name to JSON value. Never changed in place, so that two states can share it."""


@dataclass(frozen=True)
class ResourceType:
    """One entity type.

    Attributes:
        name: Name in the metadata, ``user``.
        collection: Name of its entity set in ``@odata.context``, ``users``.
        properties: Every structural property of v1.0.
        default: What comes without ``$select``.
        collections: Properties that are ``[]`` rather than null when empty.
        single_only: Properties that only a read of one object returns; null in lists.
        beta: Properties that only ``/beta`` knows.
    """

    name: str
    collection: str
    properties: frozenset[str]
    default: tuple[str, ...]
    collections: frozenset[str] = frozenset()
    single_only: frozenset[str] = frozenset()
    beta: frozenset[str] = frozenset()

    @property
    def odata_type(self) -> str:
        """Value of ``@odata.type``."""
        return f"#microsoft.graph.{self.name}"

    def knows(self, name: str, version: str) -> bool:
        """Whether ``name`` is a property in this version (``v1.0`` or ``beta``)."""
        return name in self.properties or (version == "beta" and name in self.beta)

    def value(self, record: Record, name: str, *, single: bool) -> object:
        """A property's value as the service shows it: null or an empty list where nothing is set."""
        if name in self.single_only and not single:
            return None
        value = record.get(name)
        return [] if value is None and name in self.collections else value


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GROUP = ResourceType(
    name="group",
    collection="groups",
    properties=frozenset(
        _names(
            """
        id deletedDateTime accessType allowExternalSenders assignedLabels assignedLicenses autoSubscribeNewMembers
        classification createdDateTime description displayName expirationDateTime groupTypes
        hasMembersWithLicenseErrors hideFromAddressLists hideFromOutlookClients infoCatalogs isArchived
        isAssignableToRole isFavorite isManagementRestricted isSubscribedByMail licenseProcessingState mail
        mailEnabled mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName
        onPremisesExtensionAttributes onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesProvisioningErrors
        onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled organizationId
        preferredDataLocation preferredLanguage proxyAddresses renewedDateTime resourceBehaviorOptions
        resourceProvisioningOptions securityEnabled securityIdentifier serviceProvisioningErrors theme uniqueName
        unseenConversationsCount unseenCount unseenMessagesCount visibility welcomeMessageEnabled
        """
        )
    ),
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
    collections=frozenset(
        _names(
            """
        assignedLabels assignedLicenses groupTypes infoCatalogs onPremisesProvisioningErrors
        proxyAddresses resourceBehaviorOptions resourceProvisioningOptions serviceProvisioningErrors
        """
        )
    ),
    single_only=frozenset(
        _names(
            """
        allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients isArchived
        isSubscribedByMail unseenConversationsCount unseenCount unseenMessagesCount
        """
        )
    ),
    beta=frozenset(
        _names(
            """
        writebackConfiguration
        """
        )
    ),
)

USER = ResourceType(
    name="user",
    collection="users",
    properties=frozenset(
        _names(
            """
        id deletedDateTime accountEnabled ageGroup assignedLicenses assignedPlans businessPhones city companyName
        consentProvidedForMinor country createdDateTime creationType department displayName employeeHireDate
        employeeId employeeLeaveDateTime employeeOrgData employeeType externalUserState
        externalUserStateChangeDateTime faxNumber givenName identities imAddresses isManagementRestricted
        isResourceAccount jobTitle lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates mail
        mailNickname mobilePhone officeLocation onPremisesDistinguishedName onPremisesDomainName
        onPremisesExtensionAttributes onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors
        onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesUserPrincipalName
        otherMails passwordPolicies passwordProfile postalCode preferredDataLocation preferredLanguage
        provisionedPlans proxyAddresses securityIdentifier serviceProvisioningErrors showInAddressList
        signInSessionsValidFromDateTime state streetAddress surname usageLocation userPrincipalName userType
        """
        )
    ),
    default=_names(
        """
        businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
        userPrincipalName id
        """
    ),
    collections=frozenset(
        _names(
            """
        assignedLicenses assignedPlans businessPhones identities imAddresses licenseAssignmentStates
        onPremisesProvisioningErrors otherMails provisionedPlans proxyAddresses serviceProvisioningErrors
        """
        )
    ),
    beta=frozenset(
        _names(
            """
        onPremisesObjectIdentifier
        """
        )
    ),
)

DEVICE = ResourceType(
    name="device",
    collection="devices",
    properties=frozenset(
        _names(
            """
        id deletedDateTime accountEnabled alternativeSecurityIds approximateLastSignInDateTime
        complianceExpirationDateTime deviceCategory deviceId deviceMetadata deviceOwnership deviceVersion displayName
        enrollmentProfileName enrollmentType isCompliant isManaged isManagementRestricted isRooted managementType
        manufacturer mdmAppId model onPremisesLastSyncDateTime onPremisesSecurityIdentifier onPremisesSyncEnabled
        operatingSystem operatingSystemVersion physicalIds profileType registrationDateTime systemLabels trustType
        """
        )
    ),
    default=_names(
        """
        id deletedDateTime accountEnabled deviceId deviceVersion displayName onPremisesLastSyncDateTime
        onPremisesSyncEnabled operatingSystem operatingSystemVersion physicalIds trustType
        """
    ),
    collections=frozenset(
        _names(
            """
        alternativeSecurityIds physicalIds systemLabels
        """
        )
    ),
)

SERVICE_PRINCIPAL = ResourceType(
    name="servicePrincipal",
    collection="servicePrincipals",
    properties=frozenset(
        _names(
            """
        id deletedDateTime accountEnabled addIns alternativeNames appDescription appDisplayName appId
        applicationTemplateId appOwnerOrganizationId appRoleAssignmentRequired appRoles createdByAppId description
        disabledByMicrosoftStatus displayName homepage info isDisabled keyCredentials loginUrl logoutUrl notes
        notificationEmailAddresses oauth2PermissionScopes passwordCredentials preferredSingleSignOnMode
        preferredTokenSigningKeyThumbprint replyUrls resourceSpecificApplicationPermissions samlSingleSignOnSettings
        servicePrincipalNames servicePrincipalType signInAudience tags tokenEncryptionKeyId verifiedPublisher
        """
        )
    ),
    default=_names(
        """
        id deletedDateTime accountEnabled appDisplayName appId appOwnerOrganizationId displayName
        servicePrincipalNames servicePrincipalType tags
        """
    ),
    collections=frozenset(
        _names(
            """
        addIns alternativeNames appRoles keyCredentials notificationEmailAddresses oauth2PermissionScopes
        passwordCredentials replyUrls resourceSpecificApplicationPermissions servicePrincipalNames tags
        """
        )
    ),
)

ORG_CONTACT = ResourceType(
    name="orgContact",
    collection="contacts",
    properties=frozenset(
        _names(
            """
        id deletedDateTime addresses companyName department displayName givenName jobTitle mail mailNickname
        onPremisesLastSyncDateTime onPremisesProvisioningErrors onPremisesSyncEnabled phones proxyAddresses
        serviceProvisioningErrors surname
        """
        )
    ),
    default=_names(
        """
        id deletedDateTime companyName department displayName givenName jobTitle mail mailNickname
        onPremisesSyncEnabled proxyAddresses surname
        """
    ),
    collections=frozenset(
        _names(
            """
        addresses onPremisesProvisioningErrors phones proxyAddresses serviceProvisioningErrors
        """
        )
    ),
)

ORGANIZATION = ResourceType(
    name="organization",
    collection="organization",
    properties=frozenset(
        _names(
            """
        id deletedDateTime assignedPlans businessPhones city country countryLetterCode createdDateTime
        defaultUsageLocation displayName marketingNotificationEmails mobileDeviceManagementAuthority
        onPremisesLastSyncDateTime onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage privacyProfile
        provisionedPlans securityComplianceNotificationMails securityComplianceNotificationPhones state street
        technicalNotificationMails tenantType verifiedDomains
        """
        )
    ),
    default=_names(
        """
        id deletedDateTime businessPhones city country countryLetterCode createdDateTime displayName
        onPremisesLastSyncDateTime onPremisesSyncEnabled postalCode preferredLanguage state street
        technicalNotificationMails tenantType verifiedDomains
        """
    ),
    collections=frozenset(
        _names(
            """
        assignedPlans businessPhones marketingNotificationEmails provisionedPlans securityComplianceNotificationMails
        securityComplianceNotificationPhones technicalNotificationMails verifiedDomains
        """
        )
    ),
    beta=frozenset(
        _names(
            """
        onPremisesLastPasswordSyncDateTime
        """
        )
    ),
)

PRINCIPALS = {kind.name: kind for kind in (USER, GROUP, DEVICE, SERVICE_PRINCIPAL, ORG_CONTACT)}
"""What a group can hold, by type name."""
