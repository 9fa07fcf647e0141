"""The inventory as pandas tables, for the files of a record and for what a notebook shows; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd

from runbook_lib.directory.search import generalized_time
from runbook_lib.inventory.build import Inventory
from runbook_lib.inventory.index import claimed_ids, writer_of
from runbook_lib.inventory.states import GroupRow
from runbook_lib.model.directory import DirectoryGroup
from runbook_lib.model.moment import moment_in
from runbook_lib.model.text import Text, t

OWNERS_UNKNOWN = "(unknown)"
"""In the column of owners: nobody could read them. An empty text says that the group has none."""
HEADINGS: Mapping[str, Text] = {
    "group_id": t("Group id"),
    "display_name": t("Group"),
    "group_name": t("Group"),
    "kind": t("Kind"),
    "source": t("Source of authority"),
    "membership": t("Membership"),
    "visibility": t("Visibility"),
    "mail": t("Mail address"),
    "owners": t("Owners"),
    "created": t("Created in Entra ID (UTC)"),
    "state": t("State"),
    "route": t("Route"),
    "reason_code": t("Reason (code)"),
    "reason": t("Why"),
    "writer": t("Written by"),
    "ad_dn": t("AD object"),
    "ad_guid": t("GUID in AD"),
    "ad_created": t("Created in AD (UTC)"),
    "ad_changed": t("Last changed in AD (UTC)"),
    "members": t("Members"),
    "representable": t("Members in AD"),
    "member_id": t("Member id"),
    "member_type": t("Type"),
    "member_name": t("Member"),
    "match_key": t("Found by"),
    "leads_to": t("Leads to"),
    "guid": t("GUID in AD"),
    "dn": t("AD object"),
    "sam_account_name": t("Account name"),
    "type": t("Type"),
    "claims": t("Cloud groups that it names"),
}
"""Column of these tables to what people read above it; files for machines keep the names of the columns."""
LAST_CHANGE = t(
    "whenChanged of the AD object on the domain controller that was read; AD does not replicate it, so another one may "
    "say another time. Entra ID tells when a group was created, and not when it was changed last."
)
"""What the times of a group mean.

Source: [MS-ADA3] whenChanged (not replicated); Microsoft Graph, resource type group: createdDateTime, and no time of
the last change.
"""


def groups_table(inventory: Inventory) -> pd.DataFrame:
    """One row per group of either side, in group id order.

    Returns:
        Columns ``group_id display_name kind source membership visibility mail created state route reason_code reason
        writer ad_dn ad_guid`` (object), ``ad_created ad_changed`` (object) and ``members representable`` (Int64,
        missing where they could not be read). Where owners were read, ``owners`` (object) follows ``mail``: empty for a
        group without, ``OWNERS_UNKNOWN`` where they could not be read. ``created`` and the two ``ad_`` times are
        datetimes in UTC, None where that side has no such object; see ``LAST_CHANGE``.
    """
    rows = inventory.rows
    table = pd.DataFrame(
        [
            {
                "group_id": row.group_id,
                "display_name": row.display_name,
                "kind": row.kind,
                "source": "directory"
                if row.cloud is None
                else "on-premises"
                if row.cloud.on_premises_sync_enabled
                else "cloud",
                "membership": "" if row.cloud is None else "dynamic" if row.cloud.dynamic else "assigned",
                "visibility": (row.cloud.visibility or "") if row.cloud else "",
                "mail": (row.cloud.mail or "") if row.cloud else "",
                **_owners(inventory, row),
                "created": moment_in(row.cloud.created) if row.cloud else None,
                "state": row.state.value,
                "route": row.route.value,
                "reason_code": row.reason_code,
                "reason": row.reason,
                "writer": row.writer.value if row.writer else "",
                "ad_dn": row.ad.dn if row.ad else "",
                "ad_guid": row.ad.guid if row.ad else "",
                **_times_in_ad(row.ad),
                "members": row.cloud_members,
                "representable": row.representable,
            }
            for row in rows
        ],
        dtype=object,
    )
    return table.astype({"members": "Int64", "representable": "Int64"}) if len(table) else table


def _owners(inventory: Inventory, row: GroupRow) -> dict[str, str]:
    if inventory.owners is None:
        return {}
    owners = inventory.owners.get(row.group_id)
    return {"owners": OWNERS_UNKNOWN if owners is None else "; ".join(map(str, owners))}


def _times_in_ad(group: DirectoryGroup | None) -> dict[str, datetime | None]:
    return {
        "ad_created": _time_in_ad(group, "whenCreated"),
        "ad_changed": _time_in_ad(group, "whenChanged"),
    }


def _time_in_ad(group: DirectoryGroup | None, attribute: str) -> datetime | None:
    text = group.text(attribute) if group else None
    try:
        return generalized_time(text) if text else None
    except ValueError:
        return None


_MEMBER_COLUMNS = {
    "member_type": "type",
    "member_name": "name",
    "ad_guid": "guid",
    "ad_dn": "dn",
    "match_key": "key",
    "reason_code": "code",
    "reason": "why",
    "leads_to": "leads_to",
}
"""Column to attribute of a ``Principal``."""


def members_table(inventory: Inventory, *, left_out: bool = False) -> pd.DataFrame:
    """One row per direct membership, in the order of group id and member id.

    Args:
        inventory: The inventory.
        left_out: Only members that are not written.

    Returns:
        Columns ``group_id group_name member_id member_type member_name ad_guid ad_dn match_key reason_code reason
        leads_to``, all object: text, or None for what is not there.
    """
    names: dict[str, str] = {row.group_id: row.display_name for row in inventory.rows}
    pairs = [
        (group_id, member)
        for group_id, members in inventory.members.items()
        for member in members
        if member.code or not left_out
    ]
    columns: dict[str, Sequence[object]] = {
        "group_id": [group_id for group_id, _ in pairs],
        "group_name": [names.get(group_id, "") for group_id, _ in pairs],
        "member_id": [member.member_id for _, member in pairs],
    }
    columns |= {
        column: [getattr(member, attribute) or None for _, member in pairs]
        for column, attribute in _MEMBER_COLUMNS.items()
    }
    return pd.DataFrame(columns, dtype=object)


_AD_COLUMNS = [
    *("guid", "dn", "display_name", "sam_account_name", "type", "writer", "claims", "ad_created", "ad_changed"),
    "members",
]


def ad_groups_table(inventory: Inventory) -> pd.DataFrame:
    """One row per AD group, by distinguished name.

    Returns:
        Columns ``guid dn display_name sam_account_name type writer claims`` (object), ``ad_created ad_changed``
        (object: datetime in UTC or None) and ``members`` (Int64, missing where they could not be read).
    """
    directory, tenant_id = inventory.directory, inventory.cloud.tenant.id
    lines = []
    for group in sorted(directory.groups, key=lambda g: g.dn.casefold()):
        claims = sorted(claimed_ids(group))
        lines.append(
            {
                "guid": group.guid,
                "dn": group.dn,
                "display_name": group.text("displayName") or "",
                "sam_account_name": group.text("sAMAccountName") or "",
                "type": "security" if group.is_security else "distribution",
                "writer": writer_of(group, claims[0], tenant_id).value if len(claims) == 1 else "",
                "claims": " ".join(claims),
                **_times_in_ad(group),
                "members": None if group.members is None else len(group.members),
            }
        )
    return pd.DataFrame(lines, columns=_AD_COLUMNS, dtype=object).astype({"members": "Int64"})
