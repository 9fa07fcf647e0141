"""A small tenant for the fake cloud: collections in pages, and answers that a test replaces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import requests

from tests.unit.graph.fake_cloud import GRAPH, TENANT, Reply, graph_error, path_of, query_of

DELETED = "/directory/deletedItems/microsoft.graph.group"


def identifier(number: int) -> str:
    """A GUID made of a number."""
    return f"00000000-0000-4000-8000-{number:012x}"


def group(number: int, **properties: object) -> dict[str, object]:
    """A Microsoft 365 group as Graph lists it."""
    return {
        "id": identifier(number),
        "displayName": f"Group {number}",
        "description": None,
        "groupTypes": ["Unified"],
        "mailEnabled": True,
        "securityEnabled": False,
        "visibility": "Private",
        "proxyAddresses": [],
        **properties,
    }


def user(number: int, **properties: object) -> dict[str, object]:
    """A user as Graph lists it."""
    return {"id": identifier(number), "displayName": f"User {number}", "userType": "Member", **properties}


def link(number: int, kind: str = "user", **properties: object) -> dict[str, object]:
    """A member or owner as a link shows it."""
    return {"@odata.type": f"#microsoft.graph.{kind}", "id": identifier(number), **properties}


ORGANIZATION: dict[str, object] = {
    "id": TENANT.upper(),
    "displayName": "Contoso",
    "verifiedDomains": [
        {"name": "contoso.onmicrosoft.com", "isDefault": False},
        {"name": "contoso.com", "isDefault": True},
    ],
    "onPremisesSyncEnabled": True,
    "onPremisesLastSyncDateTime": "2026-11-20T11:30:00Z",
}


@dataclass
class FakeTenant:
    """Collections by path. ``pages`` says how a collection is cut: sizes of its pages, the rest on the last one.

    ``answers`` replaces the answer for a path; those of a batch's parts come in reverse, as Graph may send them.
    ``batches`` is the answer to a batch where the service takes none. ``batch_sizes`` are the sizes of all batches.
    """

    collections: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    pages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    answers: dict[str, Reply] = field(default_factory=dict)
    batches: Reply | None = None
    batch_sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.collections.setdefault("/organization", [ORGANIZATION])
        self.collections.setdefault(DELETED, [])
        self.collections.setdefault("/groups", [])
        self.collections.setdefault("/users", [])
        for row in self.collections["/groups"]:
            self.collections.setdefault(f"/groups/{row['id']}/members", [])

    def __call__(self, request: requests.PreparedRequest) -> Reply:
        path = path_of(request)
        if path == "/$batch":
            return self.batches or self._batch(request)
        if path in self.answers:
            return self.answers[path]
        if path in self.collections:
            return self._page(path, int(query_of(request).get("$skiptoken", "0")))
        if path.startswith(("/users/", "/groups/")) and path.count("/") == 2:
            return self._single(path)
        return graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")

    def _batch(self, request: requests.PreparedRequest) -> Reply:
        asked = json.loads(str(request.body))["requests"]
        self.batch_sizes.append(len(asked))
        parts = []
        for ask in reversed(asked):
            part = requests.Request(ask["method"], f"{GRAPH}/v1.0{ask['url']}").prepare()
            reply = self(part)
            parts.append({"id": ask["id"], "status": reply.status, "headers": dict(reply.headers), "body": reply.body})
        return Reply(body={"responses": parts})

    def _page(self, path: str, number: int) -> Reply:
        rows, sizes = self.collections[path], list(self.pages.get(path, ()))
        begin = sum(sizes[:number])
        if number >= len(sizes):
            return Reply(body={"value": rows[begin:]})
        link_on = f"{GRAPH}/v1.0{path}?$skiptoken={number + 1}"
        return Reply(body={"@odata.nextLink": link_on, "value": rows[begin : begin + sizes[number]]})

    def _single(self, path: str) -> Reply:
        _, collection, key = path.split("/")
        for row in self.collections[f"/{collection}"]:
            if row["id"] == key:
                return Reply(body=row)
        return graph_error(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
