"""What AD should hold of a Microsoft 365 group under v1, and what a cycle has to do for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.cloud.resources import Record
from rehearsal.cloud_sync.target import same_place
from runbook_lib.model.dn import is_below, normalize_foreign_dn, parent_of, rdn, rdn_value, same_dn

UNIVERSAL_DISTRIBUTION = 8
LONGEST_DESCRIPTION = 448
"""UTF-16 units of description (rule "In from AAD - Group SOAInAAD" since 2.1.15.0)."""
LARGEST_GROUP = 50_000
"""Members (rule "Out to AD - Group Writeback Member Limit"). What becomes of a larger group is not documented: here it
is not written."""
_NAME, _CODE = 51, 12
"""UTF-16 units of the display name and characters of the id in the name of a group ("Writeback group Distinguished
Name"); Connect's expressions count units. Where they end in the middle of a character, here that character is left out:
what Connect does then is not documented."""


@dataclass(frozen=True)
class Wizard:
    """What the wizard of the Connect server was told.

    Attributes:
        on: Whether group writeback is ticked.
        container: OU of written groups.
        display_names: Whether groups are named after their display name; chosen only while v1 is switched on.
        staging: Whether the server is in staging mode: it exports nothing.
        left_out: OUs outside Connect's OU filter.
        kept_out: Ids of groups that rules of somebody's own keep from being written (``cloudNoFlow``). That such rules
            choose among Microsoft 365 groups is not documented.
        v2: Whether V2 is on, as in a tenant that switched it on before December 2023: then the setting of each group
            counts (writebackConfiguration).
    """

    on: bool
    container: str
    display_names: bool = False
    staging: bool = False
    left_out: tuple[str, ...] = ()
    kept_out: tuple[str, ...] = ()
    v2: bool = False

    def outside_filter(self, container: str) -> bool:
        """Whether the OU filter leaves a container out."""
        return any(same_dn(container, ou) or is_below(container, ou) for ou in self.left_out)


@dataclass(frozen=True)
class WantedGroup:
    """One Microsoft 365 group as AD should hold it; members are ids of users."""

    group_id: str
    cn: str
    values: Mapping[str, str | None]
    members: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """One written group as AD holds it; members are distinguished names."""

    guid: str
    group_id: str
    dn: str
    values: Mapping[str, str]
    members: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """One pending export: ``add``, ``update``, ``rename`` or ``delete`` of a group; members are distinguished names."""

    kind: str
    group_id: str
    dn: str
    guid: str = ""
    cn: str = ""
    values: Mapping[str, str | None] = field(default_factory=dict)
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def wanted_groups(
    wizard: Wizard,
    groups: Mapping[str, Record],
    members: Mapping[str, Sequence[str]],
    there: Collection[str] = (),
    *,
    exchange: bool,
) -> list[WantedGroup]:
    """All Microsoft 365 groups of the tenant, none of them chosen, by id; nothing while v1 is off.

    Args:
        wizard: What the server was told.
        groups: Live groups of the tenant.
        members: Direct members by group.
        there: Ids of groups that are in AD: under V2 they stay there whatever is set ("Modify group writeback").
        exchange: Whether AD was prepared for Exchange: without, no attribute of mail is written.
    """
    if not wizard.on:
        return []
    return [
        WantedGroup(
            key,
            name_of(group) if wizard.display_names else f"Group_{key}",
            _values(key, group, exchange=exchange),
            tuple(members.get(key, ())),
        )
        for key, group in sorted(groups.items())
        if "Unified" in _texts(group.get("groupTypes"))
        and len(members.get(key, ())) <= LARGEST_GROUP
        and key not in wizard.kept_out
        and not (wizard.v2 and key not in there and _set_not_to_be_written(group))
    ]


def _set_not_to_be_written(group: Record) -> bool:
    told = group.get("writebackConfiguration")
    return isinstance(told, Mapping) and told.get("isEnabled") is False


def name_of(group: Record) -> str:
    """``cn`` where names follow the display name: its first 51 characters, and the last twelve of the id."""
    return f"{_left(str(group.get('displayName') or '').strip(), _NAME)}_{str(group['id'])[-_CODE:]}"


def _left(text: str, units: int) -> str:
    """The first UTF-16 units of a text, as ``Left`` of Connect's expressions takes them."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")


def _values(key: str, group: Record, *, exchange: bool) -> dict[str, str | None]:
    description = _left(str(group.get("description") or ""), LONGEST_DESCRIPTION)
    values: dict[str, str | None] = {
        "adminDescription": f"Group_{key}",
        "displayName": str(group.get("displayName") or "") or None,
        "description": description or None,
    }
    if exchange:
        primary = [one for one in _texts(group.get("proxyAddresses")) if one.startswith("SMTP:")]
        values |= {
            "mail": str(group.get("mail") or "") or None,
            "mailNickname": str(group.get("mailNickname") or "") or None,
            "proxyAddresses": primary[0] if primary else None,
        }
    return values


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def exports(
    wanted: Sequence[WantedGroup],
    held: Sequence[Held],
    known: Collection[str],
    accounts: Mapping[str, str],
    container: str,
) -> Iterator[Export]:
    """What is pending: AD becomes as it is wanted, whatever somebody edited there; what nobody wants is deleted.

    A group that is there already with its anchor is joined, so a restored one keeps its SID.

    Args:
        wanted: Groups as they should be.
        held: Groups with Connect's anchor, as they are.
        known: Ids of groups that Connect wrote or joined: no other one is deleted.
        accounts: User id to the DN of the account; users of the cloud alone have none and are no members.
        container: OU of written groups.
    """
    by_group = {one.group_id: one for one in held}
    for group in wanted:
        members = {normalize_foreign_dn(accounts[one]): accounts[one] for one in group.members if one in accounts}
        dn = f"{rdn('CN', group.cn)},{container}"
        present = by_group.get(group.group_id)
        if present is None:
            yield Export("add", group.group_id, dn, cn=group.cn, values=group.values, add=tuple(members.values()))
            continue
        if rdn_value(present.dn) != group.cn or not same_place(parent_of(present.dn), container):
            yield Export("rename", group.group_id, present.dn, present.guid, cn=group.cn)
        different = {name: value for name, value in group.values.items() if present.values.get(name) != value}
        there = {normalize_foreign_dn(dn): dn for dn in present.members}
        add = tuple(members[key] for key in members.keys() - there.keys())
        remove = tuple(there[key] for key in there.keys() - members.keys())
        if different or add or remove:
            yield Export("update", group.group_id, present.dn, present.guid, values=different, add=add, remove=remove)
    kept = {group.group_id for group in wanted}
    for one in held:
        if one.group_id in known and one.group_id not in kept:
            yield Export("delete", one.group_id, one.dn, one.guid)
