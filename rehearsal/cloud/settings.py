"""Directory settings of groups: ``groupSettings`` in v1.0, ``settings`` in beta, and their templates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from rehearsal.cloud.bodies import check_values, json_body
from rehearsal.cloud.errors import GraphError, bad_request, read_only, unknown_segment
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.query import SINGLE, parse_query, project
from rehearsal.cloud.reading import Collection, Reader, context
from rehearsal.cloud.resources import GROUP_SETTING, GROUP_SETTING_TEMPLATE, Record
from rehearsal.cloud.store import CloudStore

SETTINGS = Collection(GROUP_SETTING, "settings")
TEMPLATES = Collection(GROUP_SETTING_TEMPLATE, "setting_templates")
_VERSIONS = {
    "groupSettings": "v1.0",
    "groupSettingTemplates": "v1.0",
    "settings": "beta",
    "directorySettingTemplates": "beta",
}


class GroupSettings:
    """Answers for settings. ``new_id`` makes object ids."""

    def __init__(self, store: CloudStore, reader: Reader, *, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._reader = reader
        self._new_id = new_id

    def list(self, request: GraphRequest) -> GraphAnswer:
        """``GET groupSettings``."""
        return self._page(SETTINGS, request)

    def get(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET groupSettings/{id}``."""
        _check_version(request)
        return self._reader.get(SETTINGS, request, identifier, request.segments[0])

    def create(self, request: GraphRequest) -> GraphAnswer:
        """``POST groupSettings``; what the body leaves out comes from the template."""
        _check_version(request)
        body = _body(request)
        template = self._store.table("setting_templates").get(str(body.get("templateId")).lower())
        if template is None:
            raise bad_request(f"The template '{body.get('templateId')}' does not exist.")
        if any(one.get("templateId") == template["id"] for one in self._store.table("settings").values()):
            raise bad_request("A conflicting object with one or more of the specified property values is present.")
        given = _pairs(body, template)
        identifier = self._store.add(
            "settings",
            {
                "id": str(self._new_id()),
                "displayName": template["displayName"],
                "templateId": template["id"],
                "values": [
                    {"name": name, "value": given.get(name, default)} for name, default in _defaults(template).items()
                ],
            },
        )
        query = parse_query({}, (GROUP_SETTING,), SINGLE, version=request.version, eventual=False)
        shown = project(GROUP_SETTING, self._store.table("settings")[identifier], query, single=True)
        answer = {"@odata.context": context(request, request.segments[0], query, single=True), **shown}
        return json_answer(answer, status=201)

    def change(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``PATCH groupSettings/{id}`` with the whole set of values: single values are not supported."""
        _check_version(request)
        body = _body(request)
        setting = self._reader.find(SETTINGS, identifier)
        if "templateId" in body:
            raise read_only("templateId")
        template = self._store.table("setting_templates")[str(setting["templateId"])]
        given = _pairs(body, template)
        missing = [name for name in _defaults(template) if name not in given]
        if missing:
            raise bad_request(f"The values must be complete; '{missing[0]}' is missing.")
        values = [{"name": name, "value": given[name]} for name in _defaults(template)]
        self._store.update("settings", str(setting["id"]), {"values": values})
        return GraphAnswer(204, {})

    def delete(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``DELETE groupSettings/{id}``."""
        _check_version(request)
        del self._store.table("settings")[str(self._reader.find(SETTINGS, identifier)["id"])]
        return GraphAnswer(204, {})

    def templates(self, request: GraphRequest) -> GraphAnswer:
        """``GET groupSettingTemplates``."""
        return self._page(TEMPLATES, request)

    def template(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``GET groupSettingTemplates/{id}``."""
        _check_version(request)
        return self._reader.get(TEMPLATES, request, identifier, request.segments[0])

    def _page(self, collection: Collection, request: GraphRequest) -> GraphAnswer:
        _check_version(request)
        records = self._reader.records(collection)
        return self._reader.page_of(collection.kind, records, collection.list, request, request.segments[0])


def _check_version(request: GraphRequest) -> None:
    if _VERSIONS[request.segments[0]] != request.version:
        raise unknown_segment(request.segments[0])


def _body(request: GraphRequest) -> dict[str, object]:
    body = json_body(request, GROUP_SETTING.declared(request.version))
    check_values(body, GROUP_SETTING.declared(request.version), request.version)
    for name in body.keys() & {"id", "displayName"}:
        raise read_only(name)
    return body


def _pairs(body: Mapping[str, object], template: Record) -> dict[str, str]:
    """Values by name, every name one of the template's and every value a text."""
    values = body.get("values")
    pairs: dict[str, str] = {}
    defaults = _defaults(template)
    for pair in values if isinstance(values, list) else []:
        name, value = pair.get("name"), pair.get("value")
        if name not in defaults or not isinstance(value, str):
            raise _not_valid(name)
        pairs[name] = value
    return pairs


def _not_valid(name: object) -> GraphError:
    return bad_request(f"The setting '{name}' is not one of the template's, or its value is not a text.")


def _defaults(template: Record) -> dict[str, object]:
    values = template["values"]
    return {one["name"]: one["defaultValue"] for one in values} if isinstance(values, list) else {}
