"""Contoso's tenant behind our own client, without a server in between, and edits of it by chance."""

from __future__ import annotations

import base64
import json
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

import requests

from rehearsal.cloud.store import CloudStore
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import Sender
from runbook_lib.graph.transport import GraphClient
from runbook_lib.secrets.sources import Secret
from tests.unit.graph.fake_cloud import Clock, FixedTokens, Reply, session_with
from tests.unit.rehearsal_cloud.asking import ROOT, Asking

Before = Callable[[str, str], Reply | Exception | None]
"""Told method and path of a request, alone or as a part of a batch; what it returns is answered instead."""


@dataclass
class _Telling(FixedTokens):
    """Tokens that say who signed in."""

    who: Mapping[str, object] = field(default_factory=dict)

    def token(self, *, refused: Secret | None = None, claims: str | None = None) -> Secret:
        super().token(refused=refused, claims=claims)
        told = base64.urlsafe_b64encode(json.dumps(dict(self.who)).encode()).decode().rstrip("=")
        return Secret(f"e30.{told}.{self.issued}")


@dataclass
class Behind:
    """A client of a tenant. ``before`` may edit the tenant, or answer; ``asked`` are the paths of all round trips."""

    asking: Asking
    before: Before = lambda method, path: None  # noqa: ARG005
    asked: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    policy: RetryPolicy | None = None
    claims: Mapping[str, object] | None = None
    """What the tokens say about who signed in; None: nothing."""
    one_by_one: threading.Lock = field(default_factory=threading.Lock)
    """Requests are answered one after the other, as by the rehearsal's server: no edit falls into the midst of one."""

    def client(self) -> GraphClient:
        """A new client."""
        session, _ = session_with(self)
        numbers = count(1)
        sender = Sender(
            session,
            clock=self.clock,
            sleep=self.clock.sleep,
            policy=self.policy,
            random=lambda: 1.0,
            new_id=lambda: f"client-{next(numbers)}",
            monotonic=lambda: self.clock.now.timestamp(),
        )
        tokens = FixedTokens() if self.claims is None else _Telling(who=self.claims)
        return GraphClient(ROOT, tokens, session, clock=self.clock, sleep=self.clock.sleep, sender=sender)

    def __call__(self, request: requests.PreparedRequest) -> Reply | Exception:
        parts = urlsplit(str(request.url))
        path = parts.path.removeprefix("/v1.0")
        self.asked.append(path)
        if path == "/$batch":
            with self.one_by_one:
                whole = self.before("POST", path)
            return self._batch(str(request.body)) if whole is None else whole
        return self._one(str(request.method), path + (f"?{parts.query}" if parts.query else ""))

    def _one(self, method: str, address: str) -> Reply | Exception:
        with self.one_by_one:
            replaced = self.before(method, urlsplit(address).path)
            if replaced is not None:
                return replaced
            answer = self.asking.send(method, address.lstrip("/"))
        return Reply(answer.status, json.loads(answer.body), {**answer.headers})

    def _batch(self, body: str) -> Reply:
        answers = []
        for part in reversed(json.loads(body)["requests"]):
            reply = self._one(part["method"], part["url"])
            if isinstance(reply, Exception):  # a part has no connection of its own
                reply = Reply(504, {"error": {"code": "GatewayTimeout", "message": ""}})
            answers.append(
                {"id": part["id"], "status": reply.status, "headers": dict(reply.headers), "body": reply.body}
            )
        return Reply(body={"responses": answers})


def chance_of(seed: object) -> random.Random:
    """Chance that comes out the same each time."""
    return random.Random(str(seed))  # noqa: S311 - nothing is kept secret by it


def edit(store: CloudStore, chance: random.Random) -> str:
    """Change something in the tenant; which kind of change it was."""
    groups = sorted(store.groups)
    group = chance.choice(groups)
    user = chance.choice(sorted(store.users))
    kind = chance.choice(EDITS)
    if kind == "rename":
        store.update_group(group, {"displayName": f"Renamed {chance.randrange(1000)}"})
    elif kind == "describe":
        store.update_group(group, {"description": chance.choice([None, "", "Somebody's"])})
    elif kind == "hide":
        store.update_group(group, {"visibility": chance.choice(["HiddenMembership", "Private"])})
    elif kind == "add":
        store.add_member(group, user)
    elif kind == "nest":
        store.add_member(group, chance.choice(groups))
    elif kind == "remove":
        if members := store.members(group):
            store.remove_member(group, chance.choice(members))
    elif kind == "delete":
        store.delete_group(group, for_good=chance.random() < 0.3)
    elif kind == "restore":
        if store.deleted_groups:
            store.restore_group(chance.choice(sorted(store.deleted_groups)))
    elif kind == "purge":
        if store.deleted_groups:
            store.purge_group(chance.choice(sorted(store.deleted_groups)))
    elif kind == "create":
        made = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        record = {**store.groups[group], "id": made, "displayName": "Made", "onPremisesSecurityIdentifier": None}
        store.add_group(record, members=(user,))
    elif kind == "user":
        store.update_user(user, {"displayName": f"Person {chance.randrange(1000)}"})
    elif kind == "leave":
        store.delete_user(user)
    return kind


EDITS = (
    *("rename", "describe", "hide", "add", "nest", "remove"),
    *("delete", "restore", "purge", "create", "user", "leave"),
)
"""Kinds of edits."""
