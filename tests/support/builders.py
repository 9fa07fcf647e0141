"""Small snapshots for tests of pure code: ids and GUIDs are derived from short names, so cases read like sentences."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from runbook_lib.change.journal_check import DoneChange
from runbook_lib.change.step import Effect
from runbook_lib.graph.rows import principal_of_group
from runbook_lib.inventory.build import Inventory, build_inventory
from runbook_lib.inventory.index import index_directory
from runbook_lib.inventory.naming import Naming
from runbook_lib.model.change import Change, ChangeOf, Plan
from runbook_lib.model.cloud import (
    CloudGroup,
    CloudKind,
    CloudPrincipal,
    CloudSnapshot,
    OtherWriters,
    Presence,
    PrincipalType,
    Switch,
    Tenant,
)
from runbook_lib.model.directory import (
    GROUP_ATTRIBUTES,
    UNIVERSAL_DISTRIBUTION,
    Container,
    DeletedObject,
    DeletedObjects,
    DirectoryGroup,
    DirectoryObject,
    DirectorySnapshot,
    DomainController,
)
from runbook_lib.model.enforcement import NO_ENFORCEMENT, Enforcement
from runbook_lib.model.ids import RETIRED_MARK, GroupId, anchor_of, as_group_id, as_object_guid, mark_of
from runbook_lib.model.reading import Reading
from runbook_lib.model.text import verbatim
from runbook_lib.routes.direct.payload import DIRECT_TYPES, DirectChange
from runbook_lib.routes.direct.writes import ChangeEffect
from runbook_lib.rules.policy import Limits, Policy

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
TENANT = str(uuid.uuid5(uuid.NAMESPACE_DNS, "tenant"))
BASE = "DC=contoso,DC=com"
TARGET_OU = f"OU=Cloud Groups,{BASE}"
RETIRED_OU = f"OU=Retired Cloud Groups,{BASE}"
DOMAIN_SID = "S-1-5-21-1-2-3"
WIDE = Limits(
    creates=50,
    retirements=25,
    deletions=5,
    member_removals=200,
    member_removals_per_group=50,
    member_removals_percent=25,
)

BIN_ON = DeletedObjects(Switch.ON, 180, "msDS-deletedObjectLifetime", Switch.ON)


def guid(name: str) -> str:
    """A GUID that belongs to a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def immutable_id(name: str) -> str:
    """onPremisesImmutableId of the AD account of that name."""
    return base64.b64encode(uuid.UUID(guid(f"ad {name}")).bytes_le).decode()


def cloud_group(name: str, kind: CloudKind = CloudKind.MICROSOFT_365, **more: object) -> CloudGroup:
    """A cloud group whose id belongs to its name."""
    group = CloudGroup(id=as_group_id(guid(f"group {name}")), display_name=name, kind=kind)
    return replace(group, **more)  # type: ignore[arg-type]


def synced(name: str) -> CloudPrincipal:
    """A synchronized user: ``ad_user(name)`` is its account."""
    return CloudPrincipal(
        id=guid(f"user {name}"),
        type=PrincipalType.USER,
        display_name=name,
        user_type="Member",
        immutable_id=immutable_id(name),
        on_premises_sync_enabled=True,
    )


def person(name: str, **more: object) -> CloudPrincipal:
    """A user without any on-premises key."""
    return replace(
        CloudPrincipal(id=guid(f"user {name}"), type=PrincipalType.USER, display_name=name, user_type="Member"),
        **more,  # type: ignore[arg-type]
    )


def user_dn(name: str) -> str:
    """DN of ``ad_user(name)``."""
    return f"CN={name},OU=Staff,{BASE}"


def ad_user(name: str, **more: object) -> DirectoryObject:
    """The AD account of ``synced(name)``."""
    item = DirectoryObject(
        guid=as_object_guid(guid(f"ad {name}")),
        dn=user_dn(name),
        object_class="user",
        sid=f"{DOMAIN_SID}-{2000 + sum(name.encode())}",
        sam_account_name=name.lower(),
    )
    return replace(item, **more)  # type: ignore[arg-type]


def written(
    group: CloudGroup,
    members: Sequence[str] = (),
    *,
    parent: str = TARGET_OU,
    retired: bool = False,
    attributes: Mapping[str, tuple[str, ...]] | None = None,
    member_of: tuple[str, ...] = (),
) -> DirectoryGroup:
    """The AD object of a group that this runbook wrote; ``members`` are DNs."""
    name = Naming().common_name(group.id, group.display_name)
    values: dict[str, tuple[str, ...]] = {
        "cn": (name,),
        "displayName": (group.display_name,),
        "sAMAccountName": (Naming().sam_account_name(group.id),),
        "groupType": (str(UNIVERSAL_DISTRIBUTION),),
        "adminDescription": (anchor_of(group.id),),
        "extensionName": (mark_of(TENANT, group.id), *((RETIRED_MARK,) if retired else ())),
    }
    if group.description:
        values["description"] = (group.description,)
    return ad_group(name, {**values, **(attributes or {})}, members, parent=parent, member_of=member_of)


def ad_group(
    name: str,
    attributes: Mapping[str, tuple[str, ...]] | None = None,
    members: Sequence[str] | None = None,
    *,
    parent: str = f"OU=Groups,{BASE}",
    member_of: tuple[str, ...] = (),
    sid: str | None = None,
) -> DirectoryGroup:
    """Any AD group; empty attribute values are absent."""
    values = {"cn": (name,), "groupType": ("-2147483646",), **(attributes or {})}
    return DirectoryGroup(
        guid=as_object_guid(guid(f"ad group {name}")),
        dn=f"CN={name},{parent}",
        sid=sid or f"{DOMAIN_SID}-{5000 + sum(name.encode())}",
        attributes={key: value for key, value in values.items() if value},
        members=None if members is None else tuple(sorted(members)),
        member_of=member_of,
    )


def cloud_side(
    groups: Sequence[CloudGroup] = (),
    members: Mapping[str, Sequence[CloudPrincipal | CloudGroup]] | None = None,
    people: Sequence[CloudPrincipal] = (),
    *,
    deleted: Sequence[CloudGroup] = (),
    unread: Sequence[str] = (),
    writers: OtherWriters | None = None,
    complete: bool = True,
) -> CloudSnapshot:
    """The tenant. ``members`` is by group name; ``unread`` names groups whose members could not be read."""
    by_name = {group.display_name: group for group in groups}
    links = {
        group.id: tuple(sorted(m.id for m in (members or {}).get(name, ())))
        for name, group in by_name.items()
        if name not in unread
    }
    every = [m for some in (members or {}).values() for m in some]
    linked = [principal_of_group(m) if isinstance(m, CloudGroup) else m for m in every]
    return CloudSnapshot(
        tenant=Tenant(TENANT, "Contoso"),
        groups=tuple(groups),
        deleted_groups=tuple(deleted),
        members=links,
        principals={p.id: p for p in (*linked, *people)},
        writers=writers or OtherWriters(connect_v1=Switch.OFF),
        reading=Reading("test", NOW, complete, gaps=() if complete else (verbatim("page 2 is missing"),)),
    )


def directory_side(
    users: Sequence[DirectoryObject] = (),
    groups: Sequence[DirectoryGroup] = (),
    *,
    target: Container | None = None,
    retired: Container | None = None,
    complete: bool = True,
    attributes: Sequence[str] = GROUP_ATTRIBUTES,
    other_domains: tuple[str, ...] = (),
    deleted: DeletedObjects = BIN_ON,
    enforcement: Enforcement = NO_ENFORCEMENT,
) -> DirectorySnapshot:
    """The domain."""
    as_objects = [
        DirectoryObject(
            guid=group.guid,
            dn=group.dn,
            object_class="group",
            sid=group.sid,
            sam_account_name=group.text("sAMAccountName"),
            mail=group.text("mail"),
            proxy_addresses=group.attributes.get("proxyAddresses", ()),
        )
        for group in groups
    ]
    return DirectorySnapshot(
        controller=controller(other_domains),
        objects=(*users, *as_objects),
        groups=tuple(groups),
        target=target or ou(TARGET_OU),
        retired=retired or ou(RETIRED_OU),
        group_attributes=frozenset(attributes),
        reading=Reading("test", NOW, complete, gaps=() if complete else (verbatim("a search broke off"),)),
        deleted=deleted,
        enforcement=enforcement,
    )


def deleted_object(group: DirectoryGroup, days_ago: int = 3, **more: object) -> DeletedObject:
    """What is left of an AD group that was deleted, without the Recycle Bin."""
    found = DeletedObject(
        guid=group.guid,
        dn=f"CN=x\\0ADEL:{group.guid},CN=Deleted Objects,{BASE}",
        sid=group.sid or "",
        last_dn=group.dn,
        group_id="",
        changed=NOW - timedelta(days=days_ago),
    )
    return replace(found, **more)  # type: ignore[arg-type]


def controller(other_domains: tuple[str, ...] = ()) -> DomainController:
    """The DC."""
    return DomainController(
        host="dc1.contoso.com",
        port=636,
        dns_host_name="dc1.contoso.com",
        ds_service_name=f"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,{BASE}",
        invocation_id=guid("invocation"),
        highest_committed_usn=1000,
        default_naming_context=BASE,
        configuration_naming_context=f"CN=Configuration,{BASE}",
        schema_naming_context=f"CN=Schema,CN=Configuration,{BASE}",
        root_domain_naming_context=BASE,
        domain_dns_name="contoso.com",
        domain_guid=guid("domain"),
        domain_sid=DOMAIN_SID,
        other_domains=other_domains,
    )


def ou(dn: str, **more: object) -> Container:
    """An ordinary OU."""
    container = Container(
        dn, exists=True, guid=as_object_guid(guid(f"ou {dn}")), object_classes=("top", "organizationalUnit")
    )
    return replace(container, **more)  # type: ignore[arg-type]


def inventory_of(
    cloud: CloudSnapshot,
    directory: DirectorySnapshot,
    presence: Mapping[GroupId, Presence] | None = None,
    connect_v1: Switch = Switch.OFF,
) -> Inventory:
    """Both sides joined."""
    index = index_directory(directory)
    return build_inventory(cloud, directory, presence or {}, index=index, naming=Naming(), connect_v1=connect_v1)


def policy(*names: str, **more: object) -> Policy:
    """A policy that selects groups by name; everything else is the default."""
    default = Policy(
        select_ids=(),
        select_names=names,
        disable_ids=(),
        disable_names=(),
        select_kinds=frozenset({"microsoft-365", "security"}),
        security=False,
        naming=Naming(),
        allow_dynamic_security=False,
        allow_role_assignable=False,
        allow_hidden_membership=False,
        delete=False,
        empty_on_retire=False,
        protected_ous=(),
        connect_v1=Switch.OFF,
        limits=WIDE,
    )
    return replace(default, **more)  # type: ignore[arg-type]


def disable_policy(*names: str, **more: object) -> Policy:
    """A policy that disables groups by name; everything else is the default."""
    return policy(**{"disable_names": names, **more})


def rewritten(change: Change, **more: Any) -> DirectChange:
    """The same change of the direct route with other values of its head or of its payload."""
    head = {name: more.pop(name) for name in list(more) if name in {field.name for field in fields(ChangeOf)}}
    direct = DIRECT_TYPES.change(change)
    return replace(direct, **{"payload": replace(direct.payload, **more), **head})


def done_change(plan: Plan, effects: Mapping[str, ChangeEffect], **place: str) -> DoneChange:
    """A plan that was carried out, by what it did to each object (change digest to effect), as its journal has it."""
    return DoneChange(plan, {digest: (_effect(digest, effect),) for digest, effect in effects.items()}, place)


def _effect(digest: str, effect: ChangeEffect) -> Effect:
    data: dict[str, Any] = {name: "CN=x" for name in ("created", "deleted", "undeleted") if getattr(effect, name)}
    if effect.attributes:
        data["attributes"] = [delta.as_json() for delta in effect.attributes]
    if effect.members_added or effect.members_removed:
        data |= {"members_added": list(effect.members_added), "members_removed": list(effect.members_removed)}
    if effect.moved:
        data["moved"] = list(effect.moved)
    return Effect(f"{digest}/1", digest, effect.object_guid, data)
