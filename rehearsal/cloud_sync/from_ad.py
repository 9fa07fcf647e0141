"""What a synchronization from AD writes to directory extensions of groups.

Sources: Microsoft Entra documentation, "Preserve a group's organizational unit and name when you convert Source of
Authority" (Cloud Sync fills an extension), "Microsoft Entra Connect Sync: directory extensions" (Connect fills those of
its Tenant Schema Extension App). Everything else that these synchronizations do is not imitated; ``hybrid.take_over``
has what becomes of groups that were given back to AD.
"""

from __future__ import annotations

from collections.abc import Mapping

from rehearsal.cloud import documents
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.target import Target

FROM_AD = "AD2AADProvisioning"
"""Template of Cloud Sync's jobs from AD."""
CONNECT_APPLICATION = "Tenant Schema Extension App"
"""The application whose extensions Connect fills."""
_DISTINGUISHED_NAME = "distinguishedName"


def filled_by_job(store: CloudStore, job_id: str) -> dict[str, str]:
    """Extension property to the AD attribute that a job's schema fills it from; direct mappings of groups alone."""
    known = {str(one["name"]).casefold(): str(one["name"]) for one in store.table("extension_properties").values()}
    found = {}
    for row in documents.attribute_mappings(store.table("schemas").get(job_id, {})):
        source = row.get("source")
        text = str(source.get("expression") or "") if isinstance(source, dict) else ""
        name = known.get(str(row.get("targetAttributeName")).casefold())
        if name and text.startswith("[") and text.endswith("]"):
            found[name] = text[1:-1]
    return found


def filled_by_connect(store: CloudStore) -> dict[str, str]:
    """Extension property to AD attribute, of Connect's own application."""
    own = {str(one["id"]) for one in store.table("applications").values() if one["displayName"] == CONNECT_APPLICATION}
    rows = [one for one in store.table("extension_properties").values() if one["application"] in own]
    return {str(one["name"]): str(one["name"]).split("_", 2)[2] for one in rows}


def values_in_ad(
    groups: Mapping[str, Record], target: Target, fills: Mapping[str, str], domain: str
) -> dict[str, dict[str, object]]:
    """By group, the extension properties that have another value in AD; of synchronized groups of the domain alone."""
    return {
        key: changed
        for key, group in groups.items()
        if group.get("onPremisesSyncEnabled") and str(group.get("onPremisesDomainName")).casefold() == domain
        if (changed := _changed(group, target, fills))
    }


def _changed(group: Record, target: Target, fills: Mapping[str, str]) -> dict[str, object]:
    own = target.by_sid(str(group.get("onPremisesSecurityIdentifier"))) if fills else None
    if own is None:
        return {}
    names = [name for name in fills.values() if name != _DISTINGUISHED_NAME]
    held = {name.casefold(): value for name, value in target.values(own.guid, names).items()} if names else {}
    values = {
        name: own.dn if attribute == _DISTINGUISHED_NAME else held.get(attribute.casefold())
        for name, attribute in fills.items()
    }
    return {name: value for name, value in values.items() if value != group.get(name)}
