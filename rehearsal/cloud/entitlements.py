"""Catalogs of entitlement management, from which access packages draw, as far as a roll-back asks for them.

Sources: Microsoft Graph documentation, "List catalogs", "List resources" (accessPackageCatalog). No ``$select`` or
``$filter`` beyond what is ignored here; a catalog holds groups alone.
"""

from __future__ import annotations

from rehearsal.cloud.errors import object_not_found
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.resources import Record
from rehearsal.cloud.store import CloudStore

PATH = "identityGovernance/entitlementManagement/catalogs"


class Entitlements:
    """Answers from a ``CloudStore``."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store

    def catalogs(self, request: GraphRequest) -> GraphAnswer:
        """``GET catalogs``."""
        values = [
            {"id": one["id"], "displayName": one["displayName"], "catalogType": "userManaged", "state": "published"}
            for one in self._store.table("catalogs").values()
        ]
        return _listing(request, PATH, values)

    def resources(self, request: GraphRequest, catalog: str) -> GraphAnswer:
        """``GET catalogs/{id}/resources``."""
        found = self._store.table("catalogs").get(catalog.lower())
        if found is None:
            raise object_not_found(catalog)
        return _listing(request, f"{PATH}('{catalog}')/resources", [self._resource(one) for one in _groups(found)])

    def _resource(self, group: str) -> dict[str, object]:
        name = self._store.groups.get(group, {}).get("displayName")
        return {"id": group, "displayName": name, "originId": group, "originSystem": "AadGroup"}


def _groups(catalog: Record) -> list[str]:
    held = catalog.get("resources")
    return [str(one) for one in held] if isinstance(held, list | tuple) else []


def _listing(request: GraphRequest, path: str, values: list[dict[str, object]]) -> GraphAnswer:
    return json_answer({"@odata.context": f"{request.root}/$metadata#{path}", "value": values})
