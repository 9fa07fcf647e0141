"""The control endpoint: what tests and the demo do behind the product's back, edits of the tenant among it."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tornado.web import RequestHandler

from rehearsal.cloud.bodies import fits
from rehearsal.cloud.changes import ChangeLog
from rehearsal.cloud.messages import to_json
from rehearsal.cloud.resources import GROUP, JOB, USER
from rehearsal.cloud.store import CloudStore, UnknownObjectError


class ControlRefusedError(Exception):
    """An action that makes no sense; the text says why."""


class ControlActions(Protocol):
    """What a world offers. Each takes the request's JSON object and returns the answer's."""

    def actions(self) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
        """``"METHOD name"`` to its function, for example ``"POST reset"``."""
        ...


class ControlHandler(RequestHandler):
    """Checks the token and calls the action."""

    control: ControlActions
    token: str

    def initialize(self, control: ControlActions, token: str) -> None:
        self.control = control
        self.token = token

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def check_xsrf_cookie(self) -> None:
        """The bearer token is the protection."""

    async def _serve(self, name: str) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        given = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.token or not hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode()):
            self._answer(401, {"error": "the control token is missing or wrong"})
            return
        action = self.control.actions().get(f"{self.request.method} {name}")
        if action is None:
            self._answer(404, {"error": f"no action {self.request.method} {name}"})
            return
        try:
            body = json.loads(self.request.body or b"{}")
            if not isinstance(body, dict):
                raise ControlRefusedError("the body is not a JSON object")
            answer = await action(body)
        except ControlRefusedError as error:
            self._answer(400, {"error": str(error)})
            return
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._answer(400, {"error": f"{type(error).__name__}: {error}"})
            return
        self._answer(200, answer)

    get = post = _serve

    def _answer(self, status: int, body: Mapping[str, object]) -> None:
        self.set_status(status)
        self.finish(to_json(body))


ACTIONS = (
    "add-member",
    "remove-member",
    "rename-group",
    "update-group",
    "add-group",
    "delete-group",
    "purge-group",
    "restore-group",
    "update-user",
    "delete-user",
    "update-job",
    "add-catalog",
    "expire-delta-tokens",
    "reset-delta",
    "replay-delta",
)


_OF_DELTA: Mapping[str, Callable[[ChangeLog], None]] = {
    "expire-delta-tokens": ChangeLog.expire,
    "reset-delta": ChangeLog.begin_again,
    "replay-delta": ChangeLog.replay,
}


def edit_cloud(store: CloudStore, request: Mapping[str, object]) -> dict[str, object]:
    """Carry out one edit.

    Args:
        store: The tenant.
        request: ``action``, one of ``ACTIONS``, and its arguments: ``group`` and ``member`` or ``user`` by id or by a
            name that only one object has (a deleted item by id), ``job`` by id, ``name`` for rename-group, add-group
            and add-catalog, ``properties`` for update-group, update-user, update-job and add-group, ``members`` (ids or
            names) for add-group, ``groups`` (the same) for add-catalog, ``for_good`` for delete-group.

    Returns:
        ``{"id": …}`` of the object edited; nothing for delta tokens.

    Raises:
        ControlRefusedError: Unknown action, object or property.
    """
    action = str(request.get("action", ""))
    try:
        if action == "add-group":
            return {"id": _add_group(store, request)}
        if action in ("purge-group", "restore-group"):
            return {"id": _edit_deleted(store, action, str(request["group"]))}
        if action in ("update-user", "delete-user"):
            return {"id": _edit_user(store, action, request)}
        if action in _OF_DELTA:
            for log in (store.log, store.user_log):
                _OF_DELTA[action](log)
            return {}
        if action == "update-job":
            return {"id": _edit_job(store, request)}
        if action == "add-catalog":
            return {"id": _add_catalog(store, request)}
        if action in ACTIONS:
            return {"id": _edit_group(store, action, request)}
    except (UnknownObjectError, KeyError) as error:
        raise ControlRefusedError(f"{action}: {error}") from None
    raise ControlRefusedError(f"action is one of {', '.join(ACTIONS)}, not {action!r}")


def _edit_group(store: CloudStore, action: str, request: Mapping[str, object]) -> str:
    group_id = store.find_group(str(request["group"]))
    if action == "add-member":
        store.add_member(group_id, store.find_principal(str(request["member"])))
    elif action == "remove-member":
        store.remove_member(group_id, store.find_principal(str(request["member"])))
    elif action == "rename-group":
        store.update_group(group_id, {"displayName": str(request["name"])})
    elif action == "update-group":
        store.update_group(group_id, _properties(request, GROUP.properties | GROUP.beta))
    else:
        store.delete_group(group_id, for_good=bool(request.get("for_good")))
    return group_id


def _edit_deleted(store: CloudStore, action: str, group_id: str) -> str:
    if action == "purge-group":
        store.purge_group(group_id)
    else:
        store.restore_group(group_id)
    return group_id


def _edit_user(store: CloudStore, action: str, request: Mapping[str, object]) -> str:
    user_id = store.find_principal(str(request["user"]))
    if user_id not in store.users:
        raise ControlRefusedError(f"{request['user']!r} is not a user")
    if action == "update-user":
        store.update_user(user_id, _properties(request, USER.properties | USER.beta))
    else:
        store.delete_user(user_id)
    return user_id


def _edit_job(store: CloudStore, request: Mapping[str, object]) -> str:
    job = str(request["job"])
    if job not in store.table("jobs"):
        raise UnknownObjectError(f"no job {job}")
    properties = _properties(request, JOB.properties)
    declared = JOB.declared("v1.0").properties
    if not all(fits(declared[name], value, "v1.0") for name, value in properties.items()):
        raise ControlRefusedError("properties of a job have the types that Graph's metadata says")
    store.update("jobs", job, properties)
    return job


def _add_catalog(store: CloudStore, request: Mapping[str, object]) -> str:
    """A catalog of entitlement management with groups in it."""
    named = request.get("groups", [])
    if not isinstance(named, list):
        raise ControlRefusedError("groups is a list")
    held = [store.find_group(str(one)) for one in named]
    return store.add("catalogs", {"id": str(uuid.uuid4()), "displayName": str(request["name"]), "resources": held})


def _add_group(store: CloudStore, request: Mapping[str, object]) -> str:
    group_id = str(request.get("id") or uuid.uuid4()).lower()
    name = str(request["name"])
    nickname = f"g{group_id[-12:]}"
    record: dict[str, object] = {
        "id": group_id,
        "displayName": name,
        "groupTypes": ["Unified"],
        "mailEnabled": True,
        "securityEnabled": False,
        "visibility": "Private",
        "mailNickname": nickname,
        "mail": f"{nickname}@groups.contoso.com",
        "proxyAddresses": [f"SMTP:{nickname}@groups.contoso.com"],
    }
    if "properties" in request:
        record |= _properties(request, GROUP.properties | GROUP.beta)
    named = request.get("members", [])
    if not isinstance(named, list):
        raise ControlRefusedError("members is a list")
    return store.add_group(record, members=tuple(store.find_principal(str(member)) for member in named))


def _properties(request: Mapping[str, object], known: frozenset[str]) -> dict[str, object]:
    properties = request["properties"]
    if not isinstance(properties, dict) or not set(properties) <= known - {"id"}:
        raise ControlRefusedError("properties is an object of properties that the type has, id not among them")
    return {str(name): value for name, value in properties.items()}
