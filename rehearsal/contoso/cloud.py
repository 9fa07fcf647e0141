"""Contoso's tenant, as Microsoft Graph shows it."""

from __future__ import annotations

from rehearsal.cloud.store import CloudStore, cloud_sid
from rehearsal.contoso import names
from rehearsal.contoso.cloud_groups import every_group
from rehearsal.contoso.cloud_sync import add_cloud_sync
from rehearsal.contoso.cloud_tenant import ASSIGNED_PLANS, add_tenant
from rehearsal.contoso.crowd import NOBODY, Crowd
from rehearsal.contoso.directory import CONTACT, DirectoryIdentity, DirectoryIndex, consistency_guid
from rehearsal.contoso.people import Origin, Person
from rehearsal.contoso.registrations import MANAGED_IDENTITIES, PRINCIPALS
from rehearsal.contoso.specification import GroupSpecification, Kind, Writer

_CREATED = "2024-03-04T09:15:00Z"
_SYNCHRONIZED = "2026-10-01T07:30:00Z"


def populate_cloud(store: CloudStore, index: DirectoryIndex, crowd: Crowd = NOBODY) -> None:
    """Fill a fresh store; ``index`` holds the AD identities that users and groups came from."""
    store.set_organization(_organization())
    for person in crowd.everybody():
        if person.in_cloud:
            store.add_user(_user(person, index.people.get(person.key)))
    others = _add_others(store)
    for group in (*every_group(), *crowd.groups):
        members = tuple(_member_id(member, others) for member in crowd.of(group))
        owners = tuple(names.user_id(owner) for owner in group.owners)
        store.add_group(_group(group, index.groups.get(group.key)), members=members, owners=owners)
    for group in every_group():
        if group.deleted:
            store.delete_group(group.id)
    add_tenant(store)
    add_cloud_sync(store, index, crowd)
    store.keep_as_seed()


def _organization() -> dict[str, object]:
    def domain(name: str, *, initial: bool = False, default: bool = False) -> dict[str, object]:
        capabilities = "Email, OfficeCommunicationsOnline"
        return {
            "capabilities": capabilities,
            "isDefault": default,
            "isInitial": initial,
            "name": name,
            "type": "Managed",
        }

    return {
        "id": names.TENANT_ID,
        "assignedPlans": ASSIGNED_PLANS,
        "displayName": names.TENANT_NAME,
        "countryLetterCode": "DE",
        "createdDateTime": "2018-05-14T08:00:00Z",
        "onPremisesSyncEnabled": True,
        "onPremisesLastPasswordSyncDateTime": _SYNCHRONIZED,
        "tenantType": "AAD",
        "technicalNotificationMails": ["it@contoso.com"],
        "verifiedDomains": [
            domain(names.INITIAL_DOMAIN, initial=True, default=True),
            domain(names.MAIL_DOMAIN),
            domain(names.GROUP_MAIL_DOMAIN),
            domain(names.ROUTING_DOMAIN),
        ],
    }


def _user(person: Person, account: DirectoryIdentity | None) -> dict[str, object]:
    guest = person.origin is Origin.GUEST
    record: dict[str, object] = {
        "id": names.user_id(person.key),
        "accountEnabled": True,
        "createdDateTime": _CREATED,
        "displayName": person.display_name,
        "givenName": person.given_name,
        "surname": person.surname,
        "jobTitle": person.title,
        "department": person.department,
        "city": person.city,
        "mail": person.mail,
        "mailNickname": person.key,
        "proxyAddresses": [f"SMTP:{person.mail}"],
        "userPrincipalName": person.user_principal_name,
        "userType": "Guest" if guest else "Member",
        "securityIdentifier": cloud_sid(names.user_id(person.key)),
    }
    if guest:
        record |= {"creationType": "Invitation", "externalUserState": "Accepted"}
    if person.origin is Origin.SYNCHRONIZED:
        record |= _on_premises(person, account)
    return record


def _on_premises(person: Person, account: DirectoryIdentity | None) -> dict[str, object]:
    """What Connect flowed upwards, and for some people what became of it since."""
    if account is None:
        guid = names.object_guid(person.key)
        account = DirectoryIdentity(guid, "S-1-5-21-1004336348-1177238915-682003330-4711", "")
    anchor = DirectoryIdentity(consistency_guid(person), account.sid, account.dn)
    values: dict[str, object] = {
        "onPremisesSyncEnabled": True,
        "onPremisesLastSyncDateTime": _SYNCHRONIZED,
        "onPremisesImmutableId": anchor.immutable_id,
        "onPremisesObjectIdentifier": account.guid,
        "onPremisesSecurityIdentifier": account.sid,
        "onPremisesDistinguishedName": f"CN={person.display_name},{names.STAFF_OU}",
        "onPremisesDomainName": names.DOMAIN,
        "onPremisesSamAccountName": person.key,
        "onPremisesUserPrincipalName": person.user_principal_name,
    }
    if person.story == names.SID_ONLY_USER:
        values["onPremisesImmutableId"] = "EMPLOYEE-004711"
        values["onPremisesDistinguishedName"] = f"CN={person.display_name},OU=Former Staff,{names.BASE_DN}"
        values["onPremisesSamAccountName"] = "svicente-old"
        values["onPremisesObjectIdentifier"] = None
    elif person.story == names.CONVERTED_USER:
        values["onPremisesSyncEnabled"] = None
    return values


def _add_others(store: CloudStore) -> dict[str, str]:
    """Devices, a service principal and a contact: member keys to ids."""
    ids: dict[str, str] = {}
    for device in ("LAPTOP-0042", "LAPTOP-0043"):
        ids[f"device:{device}"] = store.add_device(
            {
                "id": names.guid(f"cloud device {device}"),
                "accountEnabled": True,
                "deviceId": names.guid(f"device id {device}"),
                "displayName": device,
                "operatingSystem": "Windows",
                "operatingSystemVersion": "10.0.26100",
                "trustType": "AzureAd",
            }
        )
    robot = ("Backup Robot", names.guid("application Backup Robot"), names.guid("service principal Backup Robot"))
    for service, app_id, identifier in (robot, *PRINCIPALS):
        ids[f"service:{service}"] = store.add_service_principal(
            {
                "id": identifier,
                "accountEnabled": True,
                "appDisplayName": service,
                "appId": app_id,
                "appOwnerOrganizationId": names.TENANT_ID,
                "displayName": service,
                "servicePrincipalNames": [app_id],
                "servicePrincipalType": "ManagedIdentity" if app_id in MANAGED_IDENTITIES else "Application",
            }
        )
    ids[f"contact:{CONTACT}"] = store.add_contact(
        {
            "id": names.guid(f"cloud contact {CONTACT}"),
            "displayName": CONTACT,
            "mail": "desk@press.example",
            "mailNickname": "press-agency",
            "onPremisesSyncEnabled": True,
            "onPremisesLastSyncDateTime": _SYNCHRONIZED,
            "proxyAddresses": ["SMTP:desk@press.example"],
        }
    )
    return ids


def _member_id(member: str, others: dict[str, str]) -> str:
    kind, _, key = member.rpartition(":")
    if kind == "group":
        return names.group_id(key)
    return others[member] if kind else names.user_id(key)


def _group(group: GroupSpecification, original: DirectoryIdentity | None) -> dict[str, object]:
    types = (["Unified"] if group.kind is Kind.UNIFIED else []) + (["DynamicMembership"] if group.rule else [])
    record: dict[str, object] = {
        "id": group.id,
        "createdDateTime": _CREATED,
        "renewedDateTime": _CREATED,
        "displayName": group.name,
        "description": group.description,
        "groupTypes": types,
        "mailEnabled": group.kind.mail_enabled,
        "securityEnabled": group.is_security,
        "mail": group.mail,
        "mailNickname": group.key,
        "proxyAddresses": [f"SMTP:{group.mail}", f"smtp:{group.key}@{names.INITIAL_DOMAIN}"] if group.mail else [],
        "visibility": group.visibility,
        "isAssignableToRole": True if group.role_assignable else None,
        "securityIdentifier": cloud_sid(group.id),
        "allowExternalSenders": False,
        "hideFromAddressLists": False,
    }
    if group.kind is Kind.UNIFIED:
        record |= {"resourceProvisioningOptions": ["Team"] if group.key == "project-falcon" else []}
    if group.rule:
        record |= {"membershipRule": group.rule, "membershipRuleProcessingState": "On"}
    if original is not None and group.writer in (Writer.SYNCHRONIZED, Writer.CONVERTED):
        record |= {
            "onPremisesSyncEnabled": True if group.writer is Writer.SYNCHRONIZED else None,
            "onPremisesLastSyncDateTime": _SYNCHRONIZED,
            "onPremisesSecurityIdentifier": original.sid,
            "onPremisesSamAccountName": group.name,
            "onPremisesDomainName": names.DOMAIN,
            "onPremisesNetBiosName": names.NETBIOS,
        }
    return record
