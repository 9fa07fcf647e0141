"""A small tenant with one Cloud Sync configuration, and an Active Directory in memory beside it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rehearsal.cloud.configurations import GROUPS_TO_AD
from rehearsal.cloud.documents import APP_ROLES, secret
from rehearsal.cloud.graph_handler import dispatch
from rehearsal.cloud.messages import GraphAnswer, GraphRequest
from rehearsal.cloud.on_demand import Result
from rehearsal.cloud.routes import Graph
from rehearsal.cloud.store import CloudStore
from rehearsal.cloud_sync.cycle import Run
from rehearsal.cloud_sync.engine import Engine
from rehearsal.cloud_sync.target import NO_SUCH_OBJECT, UNIVERSAL_SECURITY, Entry, TargetError
from tests.unit.rehearsal_cloud.asking import NOW, Asking

BASE = "DC=contoso,DC=com"
OU, OTHER_OU = f"OU=Cloud,{BASE}", f"OU=Other,{BASE}"
SID = "S-1-5-21-1-2-3"
EXISTS, UNWILLING = 68, 53


def guid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@dataclass
class Thing:
    """An object of AD. ``scope`` is that of a group: universal, global; empty for a person."""

    guid: str
    cn: str
    container: str
    values: dict[str, str] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)
    scope: str = ""
    sid: str = ""

    @property
    def dn(self) -> str:
        return f"CN={self.cn},{self.container}"


class Memory:
    """Active Directory as the agent meets it. ``writes`` lists every write; ``down`` lets nothing be answered."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """As it began: empty but for the containers."""
        self.things: dict[str, Thing] = {}
        self.containers = {OU, OTHER_OU, f"CN=Users,{BASE}"}
        self.writes: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.down = False
        self.asked = 0

    @contextmanager
    def connected(self) -> Iterator[Memory]:
        if self.down:
            raise TargetError(0, "nobody answers")
        yield self

    def put(self, cn: str, container: str = OTHER_OU, *, scope: str = "", **values: str) -> Thing:
        """Something that stands there already."""
        thing = Thing(guid(f"ad {cn}"), cn, container, values, scope=scope, sid=f"{SID}-{len(self.things) + 1000}")
        self.things[thing.guid] = thing
        return thing

    def anchored_as(self, identifier: str) -> Thing | None:
        """The one object with the anchor of a cloud object."""
        name = "msDS-ExternalDirectoryObjectId"
        found = [one for one in self.things.values() if one.values.get(name, "").endswith(f"_{identifier}")]
        assert len(found) < 2, found
        return found[0] if found else None

    # As ``Target``

    def anchored(self) -> Sequence[Entry]:
        self.asked += 1
        return [self._entry(one) for one in self.things.values() if "msDS-ExternalDirectoryObjectId" in one.values]

    def by_sid(self, sid: str) -> Entry | None:
        found = [one for one in self.things.values() if one.sid == sid and one.scope]
        return self._entry(found[0]) if found else None

    def by_guids(self, guids: Iterable[str]) -> Mapping[str, Entry]:
        return {one: self._entry(self.things[one]) for one in guids if one in self.things}

    def values(self, guid: str, names: Iterable[str]) -> Mapping[str, str]:
        thing = self._there(guid)
        held = {**thing.values, "cn": thing.cn, "distinguishedName": thing.dn}
        return {name: held[name] for name in names if name in held}

    def holds(self, guid: str, member: Entry) -> bool:
        return member.guid in self._there(guid).members

    def create(self, cn: str, container: str, values: Mapping[str, str]) -> Entry:
        thing = Thing(
            str(uuid.uuid4()), cn, container, dict(values), scope="universal", sid=f"{SID}-{uuid.uuid4().int}"
        )
        self._check(thing)
        if not thing.values.setdefault("sAMAccountName", f"${uuid.uuid4().hex[:12]}"):
            raise TargetError(19, "no name")
        self.things[thing.guid] = thing
        self.writes.append(("create", cn))
        return self._entry(thing)

    def modify(self, guid: str, values: Mapping[str, str | None]) -> None:
        thing = self._there(guid)
        changed = Thing(thing.guid, thing.cn, thing.container, {**thing.values}, thing.members, thing.scope, thing.sid)
        for name, value in values.items():
            changed.values.pop(name, None)
            if value is not None:
                changed.values[name] = value
        self._check(changed)
        self.things[guid] = changed
        self.writes.append(("modify", thing.cn))

    def move(self, guid: str, cn: str, container: str) -> None:
        thing = self._there(guid)
        changed = Thing(thing.guid, cn, container, thing.values, thing.members, thing.scope, thing.sid)
        self._check(changed)
        self.things[guid] = changed
        self.writes.append(("move", cn))

    def change_members(self, guid: str, add: Sequence[str], remove: Sequence[str]) -> None:
        thing = self._there(guid)
        if not set(add) <= self.things.keys():
            raise TargetError(NO_SUCH_OBJECT, "a member is not there")
        if self.refused & set(add):
            raise TargetError(UNWILLING, "a member of that kind is not taken")
        thing.members = [one for one in thing.members if one not in remove]
        thing.members += [one for one in add if one not in thing.members]
        if add or remove:
            self.writes.append(("members", thing.cn))

    def delete(self, guid: str) -> None:
        self._there(guid)
        thing = self.things.pop(guid)
        for one in self.things.values():
            one.members = [member for member in one.members if member != guid]
        self.writes.append(("delete", thing.cn))

    def _there(self, guid: str) -> Thing:
        if guid not in self.things:
            raise TargetError(NO_SUCH_OBJECT, "no such object")
        return self.things[guid]

    def _check(self, thing: Thing) -> None:
        if thing.container not in self.containers:
            raise TargetError(NO_SUCH_OBJECT, "no such container")
        account = thing.values.get("sAMAccountName", "").casefold()
        for other in self.things.values():
            taken = account and other.values.get("sAMAccountName", "").casefold() == account
            if other.guid != thing.guid and (other.dn.casefold() == thing.dn.casefold() or taken):
                raise TargetError(EXISTS, "there is another one")
        if not 1 <= len(thing.cn) <= 64 or len(account) > 256:
            raise TargetError(19, "a value is too long")

    def _entry(self, thing: Thing) -> Entry:
        kind = {"universal": UNIVERSAL_SECURITY, "global": -2147483646}.get(thing.scope, 0)
        anchor = thing.values.get("msDS-ExternalDirectoryObjectId", "")
        return Entry(thing.guid, thing.dn, thing.sid, anchor, kind)


class Contoso(Asking):
    """A tenant whose one configuration is started, and writes to ``OU`` of an AD in memory."""

    def __init__(self, *, container: str = json.dumps(OU)) -> None:
        store = CloudStore(clock=lambda: NOW)
        store.set_organization({"id": guid("tenant"), "displayName": "Contoso"})
        super().__init__(store)
        self.ad = Memory()
        self.engine = Engine(store, self.ad.connected)
        self.graph = Graph(store, self.engine)
        agent: dict[str, object] = {"id": guid("agent"), "machineName": "sync01", "status": "active"}
        store.add("agents", {**agent, "domains": ["contoso.com"]})
        made = self.json("POST", f"applicationTemplates/{GROUPS_TO_AD}/instantiate", {"displayName": "contoso.com"})
        self.principal = str(made["servicePrincipal"]["id"])
        self.base = f"servicePrincipals/{self.principal}/synchronization"
        self.threshold()
        self.job_id = str(self.json("POST", f"{self.base}/jobs", {"templateId": "AAD2ADGroupProvisioning"})["id"])
        self.job = f"{self.base}/jobs/{self.job_id}"
        self.map(parentDistinguishedName=container)
        self.send("POST", f"{self.job}/start")

    def dispatched(self, request: GraphRequest) -> GraphAnswer:
        return asyncio.run(dispatch(self.graph, request, clock=self.store.clock, throttle=self.throttle))

    # The tenant

    def group(self, name: str, *members: str, assigned: bool = True, **more: object) -> str:
        """A security group of the cloud, by default assigned to the configuration; returns its id."""
        record = {
            "id": guid(f"group {name}"),
            "displayName": name,
            "securityEnabled": True,
            "mailEnabled": False,
            "groupTypes": [],
            **more,
        }
        identifier = self.store.add_group(record, members=members)
        if assigned:
            self.assign(identifier)
        return identifier

    def assign(self, group: str) -> str:
        body = {"principalId": group, "resourceId": self.principal, "appRoleId": APP_ROLES["global"]}
        return str(self.json("POST", f"servicePrincipals/{self.principal}/appRoleAssignedTo", body)["id"])

    def user(self, name: str, **more: object) -> str:
        return self.store.add_user({"id": guid(f"user {name}"), "displayName": name, "userPrincipalName": name, **more})

    def synchronized(self, name: str) -> str:
        """A user of AD's, with the account."""
        account = self.ad.put(name)
        return self.user(name, onPremisesSyncEnabled=True, onPremisesObjectIdentifier=account.guid)

    def converted(self, name: str, *members: str, scope: str = "universal", **more: Any) -> str:
        """A group that the cloud took over from AD, with the AD object."""
        thing = self.ad.put(name, scope=scope, sAMAccountName=name)
        return self.group(name, *members, onPremisesSecurityIdentifier=thing.sid, **more)

    # The configuration

    def threshold(self, number: int = 500) -> None:
        told = {"Enabled": False, "DeleteThresholdEnabled": True, "DeleteThresholdValue": number}
        pairs = [secret("Domain", {"domain": "contoso.com"}), secret("SyncNotificationSettings", told)]
        self.send("PUT", f"{self.base}/secrets", {"value": pairs})

    @property
    def rule_id(self) -> str:
        return str(self.get(f"{self.job}/schema")["synchronizationRules"][0]["id"])

    def map(self, *clauses: tuple[str, str, str], **expressions: str) -> None:
        """Other expressions for target attributes, and one more clause of the filter for each triple."""
        schema = self.get(f"{self.job}/schema")
        mapping = schema["synchronizationRules"][0]["objectMappings"][0]
        for target, expression in expressions.items():
            source = self.json("POST", f"{self.job}/schema/parseExpression", {"expression": expression})
            row = {"source": source["parsedExpression"], "targetAttributeName": target}
            rows = [one for one in mapping["attributeMappings"] if one["targetAttributeName"] != target]
            whole = {**mapping["attributeMappings"][0], **row}
            mapping["attributeMappings"] = [*rows, whole]
        for name, operator, value in clauses:
            operand = {"sourceOperandName": name, "operatorName": operator, "targetOperand": {"values": [value]}}
            mapping["scope"]["groups"][0]["clauses"].append(operand)
        assert self.send("PUT", f"{self.job}/schema", schema).status == 204

    # What happens

    def run(self) -> Run:
        """Let the job run; fails where it did not."""
        return asyncio.run(self.engine.run_jobs())[self.job_id]

    def results(self) -> list[tuple[str, str, str]]:
        """Names, actions and states of what a run did."""
        return [(one.name, one.action, one.status) for one in self.run().results]

    def on_demand(self, group: str, *members: str) -> tuple[str, str]:
        """Result and code of provisioning a group now."""
        links = {"members": [{"objectId": member, "objectTypeName": "User"} for member in members]}
        subject = {"objectId": group, "objectTypeName": "Group", "links": links}
        body = {"parameters": [{"ruleId": self.rule_id, "subjects": [subject]}]}
        key = json.loads(self.json("POST", f"{self.job}/provisionOnDemand", body)["key"])
        return key["result"], key["details"].get("errorCode", "")

    def status(self) -> Any:
        return self.get(self.job)["status"]

    def held(self, group: str) -> set[str]:
        """Common names of the members of a group's AD object."""
        thing = self.ad.anchored_as(group)
        assert thing is not None
        return {self.ad.things[one].cn for one in thing.members}


def failed(run: Run) -> list[Result]:
    return [one for one in run.results if one.status == "failure"]
