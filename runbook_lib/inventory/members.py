"""Cloud members and their AD objects, joined in pandas.

Keys in order (Microsoft Entra documentation, "Custom installation of Microsoft Entra Connect", source anchor):
mS-DS-ConsistencyGuid, objectGUID, SID, Cloud Sync's ``User_<id>``, and the DN only where no better key exists, because
it stays stale after a move until the next synchronization.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Sequence

import pandas as pd

from runbook_lib.directory.names import normalize_dn, normalize_foreign_dn
from runbook_lib.inventory.index import DirectoryIndex
from runbook_lib.model.anchor import user_id_of_anchor
from runbook_lib.model.cloud import CloudPrincipal, CloudSnapshot, PrincipalType
from runbook_lib.model.directory import DirectorySnapshot

_REASONS = {
    "guest": "Guest: no account in this AD",
    "cloud-only": "Cloud-only user: no account in this AD by any key",
    "not-found": "Synchronized, but no object in this domain has its keys",
    "keys-disagree": "Its keys lead to different AD objects",
    "group-not-in-ad": "Group without an object in this AD",
    "group-ambiguous": "Several AD objects claim this group",
    "device": "Devices are not written",
    "service-principal": "Service principals have no object in AD",
    "contact": "Contact without an object in this AD",
    "unknown": "Its type could not be read",
}


def immutable_guid(value: str | None) -> str | None:
    """The GUID inside an onPremisesImmutableId, or None where the source anchor is not a GUID."""
    if not value:
        return None
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return str(uuid.UUID(bytes_le=raw)) if len(raw) == 16 else None


def resolve_principals(cloud: CloudSnapshot, directory: DirectorySnapshot, index: DirectoryIndex) -> pd.DataFrame:
    """One row per principal and per group of the tenant.

    Returns:
        Columns, all ``object`` (text or None): ``member_id``, ``member_type``, ``member_name``, ``ad_guid``, ``ad_dn``,
        ``match_key``, ``reason_code``, ``reason``. Either ``ad_guid`` or ``reason_code`` is set.
    """
    users = _resolve_users(cloud, directory)
    groups = _resolve_groups(cloud, index)
    table = pd.concat([users, groups], ignore_index=True).drop_duplicates("member_id", keep="last")
    table["ad_dn"] = [index.by_guid[guid].dn if guid else None for guid in table["ad_guid"]]
    table["reason"] = [_REASONS[code] if code else None for code in table["reason_code"]]
    columns = ["member_id", "member_type", "member_name", "ad_guid", "ad_dn", "match_key", "reason_code", "reason"]
    return table[columns].reset_index(drop=True)


def memberships(cloud: CloudSnapshot, principals: pd.DataFrame) -> pd.DataFrame:
    """One row per direct membership: ``group_id`` and the columns of ``resolve_principals``, sorted by both ids."""
    pairs = pd.DataFrame(
        [(group_id, member) for group_id, members in cloud.members.items() for member in members],
        columns=["group_id", "member_id"],
        dtype=object,
    )
    joined = pairs.merge(principals, on="member_id", how="left")
    missing = joined["member_type"].isna()
    joined.loc[missing, ["member_type", "reason_code", "reason"]] = ["unknown", "unknown", _REASONS["unknown"]]
    joined = joined.astype(object).where(joined.notna(), None)
    return joined.sort_values(["group_id", "member_id"], ignore_index=True)


def _resolve_users(cloud: CloudSnapshot, directory: DirectorySnapshot) -> pd.DataFrame:
    people = [p for p in cloud.principals.values() if p.type is not PrincipalType.GROUP]
    table = pd.DataFrame(
        {
            "member_id": [p.id for p in people],
            "member_type": [p.type.value for p in people],
            "member_name": [p.display_name or p.user_principal_name or p.id for p in people],
        },
        dtype=object,
    )
    objects = directory.objects
    guids = [o.guid for o in objects]
    immutable = [immutable_guid(p.immutable_id) for p in people]
    by_anchor = _look_up(immutable, [o.consistency_guid for o in objects], guids)
    by_guid = _look_up(immutable, guids, guids)
    by_sid = _look_up([p.on_premises_sid for p in people], [o.sid for o in objects], guids)
    provisioned = [user_id_of_anchor(o.external_id) if o.external_id else None for o in objects]
    by_external = _look_up([p.id for p in people], provisioned, guids)
    # A DN counts only where there is no better key: a stale one may by now belong to somebody else.
    dns = [
        normalize_foreign_dn(p.on_premises_dn) if p.on_premises_dn and not anchor and not p.on_premises_sid else None
        for p, anchor in zip(people, immutable, strict=True)
    ]
    by_dn = _look_up(dns, [normalize_dn(o.dn) for o in objects] if any(dns) else [None] * len(objects), guids)
    found: list[str | None] = []
    keys: list[str | None] = []
    reasons: list[str | None] = []
    for person, *hits in zip(people, by_anchor, by_guid, by_sid, by_external, by_dn, strict=True):
        guid, key, reason = _decide(person, hits)
        found.append(guid)
        keys.append(key)
        reasons.append(reason)
    for name, values in (("ad_guid", found), ("match_key", keys), ("reason_code", reasons)):
        table[name] = pd.Series(values, dtype=object)
    return table


_KEYS = ("consistency-guid", "object-guid", "sid", "cloud-sync-anchor", "dn")


def _decide(person: CloudPrincipal, hits: list[str | None]) -> tuple[str | None, str | None, str | None]:
    anchor, guid, sid, external, _ = hits
    by_immutable = anchor or guid
    strong = {hit for hit in (by_immutable, sid, external) if hit}
    if len(strong) > 1:
        return None, None, "keys-disagree"
    for hit, key in zip(hits, _KEYS, strict=True):
        if hit:
            return hit, key, None
    return None, None, _reason_without_object(person)


def _reason_without_object(person: CloudPrincipal) -> str:
    if person.type is PrincipalType.USER:
        if person.immutable_id or person.on_premises_sid or person.on_premises_sync_enabled:
            return "not-found"
        return "guest" if (person.user_type or "").casefold() == "guest" else "cloud-only"
    return str(person.type.value)


def _look_up(wanted: Sequence[str | None], keys: Sequence[str | None], guids: Sequence[str]) -> list[str | None]:
    """For each wanted key the GUID of the one object that has it; a key of several objects proves nothing."""
    table = pd.DataFrame({"key": list(keys), "guid": list(guids)}, dtype=object)
    table = table[table["key"].notna()].drop_duplicates("key", keep=False)
    joined = pd.DataFrame({"key": list(wanted)}, dtype=object).merge(table, on="key", how="left")
    return [str(guid) if known else None for guid, known in zip(joined["guid"], joined["guid"].notna(), strict=True)]


def _resolve_groups(cloud: CloudSnapshot, index: DirectoryIndex) -> pd.DataFrame:
    rows = []
    for group in cloud.groups:
        # Converted groups keep their SID, and their AD object stays ("Group source of authority", Microsoft Entra).
        by_sid = index.guids_by_sid.get(group.on_premises_sid or "", [])
        claimed = [claimant.guid for claimant in index.groups_by_anchor.get(group.id, [])]
        hits = sorted({*by_sid, *claimed})
        guid = hits[0] if len(hits) == 1 else None
        key = None if guid is None else "sid" if by_sid else "anchor"
        reason = None if guid else "group-ambiguous" if hits else "group-not-in-ad"
        rows.append((group.id, PrincipalType.GROUP.value, group.display_name, guid, key, reason))
    columns = ["member_id", "member_type", "member_name", "ad_guid", "match_key", "reason_code"]
    return pd.DataFrame(rows, columns=columns, dtype=object)
