"""What already stands in AD under the name, address or identity that a new object would take."""

from __future__ import annotations

from runbook_lib.directory.names import normalize_dn, rdn
from runbook_lib.inventory.index import DirectoryIndex, smtp_addresses
from runbook_lib.inventory.naming import Naming
from runbook_lib.model.cloud import CloudGroup
from runbook_lib.model.directory import DirectorySnapshot


def converted_original(group: CloudGroup, index: DirectoryIndex) -> str | None:
    """DN of the AD group that a cloud group was before its source of authority was converted, or None.

    Such a group looks cloud-only (onPremisesSyncEnabled is null) but keeps onPremisesSecurityIdentifier (Microsoft
    Entra documentation, "Group source of authority").
    """
    if group.on_premises_sync_enabled or not group.on_premises_sid:
        return None
    guids = index.guids_by_sid.get(group.on_premises_sid, [])
    return index.by_guid[guids[0]].dn if guids else None


def collision(group: CloudGroup, snapshot: DirectorySnapshot, index: DirectoryIndex, naming: Naming) -> str | None:
    """What a create of ``group`` would run into, in words, or None."""
    name = naming.common_name(group.id, group.display_name)
    for container in (snapshot.target.dn, snapshot.retired.dn):
        if container:
            wanted = f"{rdn('CN', name)},{container}"
            if guid := index.guid_by_dn.get(normalize_dn(wanted)):
                return f"Its name is taken by {index.by_guid[guid].dn}."
    sam = naming.sam_account_name(group.id)
    if taken := index.guids_by_sam.get(sam.casefold()):
        return f"Its sAMAccountName {sam} is taken by {index.by_guid[taken[0]].dn}."
    for address in sorted(smtp_addresses(group.mail, group.proxy_addresses)):
        if taken := index.guids_by_address.get(address):
            return f"Its address {address} belongs to {index.by_guid[taken[0]].dn}."
    return None
