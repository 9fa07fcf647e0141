"""What already stands in AD under the name or identity that a new object would take.

Addresses are none of it: the route direct writes none (see ``addresses``).
"""

from __future__ import annotations

from runbook_lib.directory.entry import in_domain
from runbook_lib.inventory.index import DirectoryIndex
from runbook_lib.inventory.naming import Naming
from runbook_lib.inventory.states import GroupState
from runbook_lib.model.cloud import Authority, CloudGroup
from runbook_lib.model.directory import DirectorySnapshot
from runbook_lib.model.dn import normalize_dn, rdn


def came_from_ad(group: CloudGroup, index: DirectoryIndex) -> tuple[GroupState, str, str] | None:
    """State, code and reason of a cloud group that was synchronized from AD and whose original stands in the way.

    Such a group looks cloud-only (onPremisesSyncEnabled is null) but keeps onPremisesSecurityIdentifier. A second AD
    object for it would be a second group with another SID. None where the original is gone from this domain.
    """
    guids = index.guids_by_sid.get(group.on_premises_sid or "", [])
    original = f"its original still stands: {index.by_guid[guids[0]].dn}" if guids else ""
    if original and group.authority is Authority.CONVERTED:
        return GroupState.CONVERTED, "converted", f"It was converted from AD, and {original}"
    if original and group.authority is Authority.UNKNOWN:
        unread = "Whether it was converted or is being given back to AD could not be read (onPremisesSyncBehavior)."
        return GroupState.ORIGINAL_IN_AD, "authority-unknown", f"It came from AD, and {original}. {unread}"
    return None


def from_another_domain(group: CloudGroup, index: DirectoryIndex, domain_sid: str) -> bool:
    """Whether a group that came from AD has its original in a domain that this run does not read, by its SID."""
    sid = group.on_premises_sid
    return bool(group.may_be_converted and sid and sid not in index.guids_by_sid and not in_domain(sid, domain_sid))


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
    return None
