"""Writes to groups: create, change, delete, restore, members and owners.

Rules follow the Microsoft Graph documentation ("Create group", "Update group", "Add members") and, where it is silent
(order of checks, wording), what operators report.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from rehearsal.cloud.bodies import check_values, json_body, reference
from rehearsal.cloud.errors import GraphError, bad_request, conflict, invalid_value, object_not_found, read_only
from rehearsal.cloud.limits import MOST_OWNERS, check_held, check_new, within_limits
from rehearsal.cloud.messages import GraphAnswer, GraphRequest, json_answer
from rehearsal.cloud.query import SINGLE, parse_query, project
from rehearsal.cloud.reading import DELETED_GROUPS, GROUPS, Reader, context
from rehearsal.cloud.resources import GROUP, Record
from rehearsal.cloud.store import CloudStore, cloud_sid, graph_time, texts

REFERENCES = 20
"""Members or owners that one request can add."""
GROUP_TYPES = ("universalDistributionGroup", "universalSecurityGroup", "universalMailEnabledSecurityGroup")
"""Values of writebackConfiguration.onPremisesGroupType (groupWritebackConfiguration, beta)."""

_REQUIRED = ("displayName", "mailEnabled", "mailNickname", "securityEnabled")
_SETTABLE = frozenset(
    [
        "classification",
        "description",
        "displayName",
        "groupTypes",
        "mailEnabled",
        "mailNickname",
        "membershipRule",
        "membershipRuleProcessingState",
        "preferredDataLocation",
        "preferredLanguage",
        "securityEnabled",
        "theme",
        "uniqueName",
        "visibility",
        "writebackConfiguration",
    ]
)
_EXCHANGE = frozenset({"allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists"}) | {
    "hideFromOutlookClients"
}
"""Kept by Exchange: an update sets them alone, and only on a Microsoft 365 group."""
_AT_CREATION = frozenset({"isAssignableToRole", "resourceBehaviorOptions", "resourceProvisioningOptions"})
_SYNCHRONIZED = (
    "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently "
    "undergoing migration."
)
_MAIL_ENABLED = "Cannot Update a mail-enabled security groups and or distribution list."


class GroupWriter:
    """Answers writes to groups in a ``CloudStore``. ``new_id`` makes object ids."""

    def __init__(self, store: CloudStore, reader: Reader, *, new_id: Callable[[], uuid.UUID] = uuid.uuid4) -> None:
        self._store = store
        self._reader = reader
        self._new_id = new_id

    def create(self, request: GraphRequest) -> GraphAnswer:
        """``POST groups``."""
        body = json_body(request, GROUP.declared(request.version))
        held = {name: self._bound(body.pop(f"{name}@odata.bind", [])) for name in ("members", "owners")}
        if sum(map(len, held.values())) > REFERENCES:
            raise bad_request(f"The limit of {REFERENCES} owners and members in one request is exceeded.")
        check_values(body, GROUP.declared(request.version), request.version)
        body = within_limits(body)
        for name in _REQUIRED:
            if body.get(name) in (None, ""):
                raise bad_request(f"A value is required for property '{name}' of resource 'Group'.")
        for name in body.keys() - _SETTABLE - _AT_CREATION - {"@odata.type"}:
            raise read_only(name)
        _check_kind(body)
        self._check_nickname(str(body["mailNickname"]), "")
        record = self._new_record(body)
        for member in held["members"]:
            self._check_held(record, "members", member)
        for owner in held["owners"]:
            self._check_held(record, "owners", owner)
        owners = held["owners"]
        if not owners and "Unified" in texts(record["groupTypes"]) and request.caller.user_id in self._store.users:
            # A person who names no owner becomes it; an application does not ("Create group").
            owners = (request.caller.user_id,)
        identifier = self._store.add_group(record, members=held["members"], owners=owners)
        query = parse_query({}, (GROUP,), SINGLE, version=request.version, eventual=False)
        shown = project(GROUP, self._store.groups[identifier], query, single=True)
        location = {"Location": f"{request.root}/groups/{identifier}"}
        answer = {"@odata.context": context(request, "groups", query, single=True), **shown}
        return json_answer(answer, status=201, headers=location)

    def _new_record(self, body: Mapping[str, object]) -> dict[str, object]:
        now = graph_time(self._store.clock())
        identifier = str(self._new_id())
        unified = "Unified" in texts(body.get("groupTypes"))
        record: dict[str, object] = {
            **{name: value for name, value in body.items() if name != "@odata.type"},
            "id": identifier,
            "createdDateTime": now,
            "renewedDateTime": now,
            "groupTypes": body.get("groupTypes", []),
            "securityIdentifier": cloud_sid(identifier),
        }
        if unified:
            domains = self._store.organization.get("verifiedDomains")
            initial = [one["name"] for one in domains if one.get("isInitial")] if isinstance(domains, list) else []
            mail = f"{body['mailNickname']}@{initial[0] if initial else 'example.onmicrosoft.com'}"
            record |= {"mail": mail, "proxyAddresses": [f"SMTP:{mail}"], "visibility": body.get("visibility", "Public")}
            record |= dict.fromkeys(sorted(_EXCHANGE), False)
        if "membershipRule" in body:
            record.setdefault("membershipRuleProcessingState", "On")
        return record

    def change(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``PATCH groups/{id}``."""
        body = json_body(request, GROUP.declared(request.version))
        group = self._reader.find(GROUPS, identifier)
        bound = body.pop("members@odata.bind", None)
        members = self._bound(bound if bound is not None else [])
        check_values(body, GROUP.declared(request.version), request.version)
        body = within_limits(body)
        body.pop("@odata.type", None)
        for name in body.keys() - _SETTABLE - _EXCHANGE:
            raise read_only(name)
        _check_change(group, body)
        check_new({**group, **body})
        if "mailNickname" in body:
            self._check_nickname(str(body["mailNickname"]), str(group["id"]))
        if "writebackConfiguration" in body:
            body["writebackConfiguration"] = _writeback(group, body["writebackConfiguration"])
        if bound is not None:
            self._add_members(group, members)
        if body:
            self._store.update_group(str(group["id"]), body)
        return GraphAnswer(204, {})

    def delete(self, _request: GraphRequest, identifier: str) -> GraphAnswer:
        """``DELETE groups/{id}``."""
        group = self._reader.find(GROUPS, identifier)
        _check_writable(group)
        self._store.delete_group(str(group["id"]))
        return GraphAnswer(204, {})

    def restore(self, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``POST directory/deletedItems/{id}/restore``."""
        json_body(request, empty=True)
        record = self._reader.find(DELETED_GROUPS, identifier)
        self._check_nickname(str(record.get("mailNickname")), "", restoring=True)
        self._store.restore_group(str(record["id"]))
        query = parse_query({}, (GROUP,), SINGLE, version=request.version, eventual=False)
        shown = project(GROUP, self._store.groups[str(record["id"])], query, single=True)
        where = context(request, "directoryObjects", query, single=True)
        return json_answer({"@odata.context": where, "@odata.type": GROUP.odata_type, **shown})

    def purge(self, _request: GraphRequest, identifier: str) -> GraphAnswer:
        """``DELETE directory/deletedItems/{id}``."""
        self._store.purge_group(str(self._reader.find(DELETED_GROUPS, identifier)["id"]))
        return GraphAnswer(204, {})

    # Members and owners

    def add(self, relation: str, request: GraphRequest, identifier: str) -> GraphAnswer:
        """``POST groups/{id}/members/$ref``."""
        body = json_body(request)
        group = self._reader.find(GROUPS, identifier)
        other = reference(body.get("@odata.id"))
        if relation == "members":
            self._add_members(group, (other,))
            return GraphAnswer(204, {})
        _check_writable(group)
        owners = self._store.owners(str(group["id"]))
        self._check_held(group, "owners", other)
        if other in owners:
            raise _already(relation)
        if len(owners) >= MOST_OWNERS:
            raise bad_request(f"A group can have {MOST_OWNERS} owners.")
        self._store.set_owners(str(group["id"]), (*owners, other))
        return GraphAnswer(204, {})

    def remove(self, relation: str, _request: GraphRequest, identifier: str, other: str) -> GraphAnswer:
        """``DELETE groups/{id}/members/{other}/$ref``."""
        group = self._reader.find(GROUPS, identifier)
        group_id, other = str(group["id"]), other.lower()
        held = self._store.members(group_id) if relation == "members" else self._store.owners(group_id)
        if other not in held:
            raise object_not_found(other)
        _check_writable(group)
        if relation == "members":
            _check_assigned(group)
            self._store.remove_member(group_id, other)
            return GraphAnswer(204, {})
        if held == (other,) and "Unified" in texts(group.get("groupTypes")):
            raise bad_request("The group must have at least one owner, hence this owner cannot be removed.")
        self._store.set_owners(group_id, tuple(owner for owner in held if owner != other))
        return GraphAnswer(204, {})

    def _bound(self, references: object) -> tuple[str, ...]:
        if not isinstance(references, list):
            raise bad_request("An @odata.bind annotation takes a list of addresses.", "BadRequest")
        if len(references) > REFERENCES:
            raise bad_request(f"The limit of {REFERENCES} references in one request is exceeded.")
        return tuple(dict.fromkeys(reference(one) for one in references))

    def _add_members(self, group: Record, members: tuple[str, ...]) -> None:
        _check_writable(group)
        _check_assigned(group)
        held = set(self._store.members(str(group["id"])))
        if held.intersection(members):
            raise _already("members")
        for member in members:
            self._check_held(group, "members", member)
        for member in members:
            self._store.add_member(str(group["id"]), member)

    def _check_held(self, group: Record, relation: str, other: str) -> None:
        found = self._store.principal(other)
        if found is None:
            raise object_not_found(other)
        check_held(group, relation, (found[0].name, found[1]))
        if other == group.get("id"):
            raise bad_request("A group cannot be a member of itself.")

    def _check_nickname(self, nickname: str, mine: str, *, restoring: bool = False) -> None:
        folded = nickname.casefold()
        for identifier, record in self._store.groups.items():
            if (
                identifier != mine
                and record.get("mailEnabled")
                and str(record.get("mailNickname")).casefold() == folded
            ):
                message = "Another object with the same value for property mailNickname already exists."
                raise conflict(message) if restoring else bad_request(message)


def _already(relation: str) -> GraphError:
    return bad_request(
        f"One or more added object references already exist for the following modified properties: '{relation}'."
    )


def _check_kind(body: Mapping[str, object]) -> None:
    """Which kinds of groups Graph creates: security groups and Microsoft 365 groups."""
    types = texts(body.get("groupTypes"))
    check_new(body)
    if "Unified" in types and not body.get("mailEnabled"):
        raise bad_request("A Microsoft 365 group must be mail-enabled (mailEnabled).")
    if "Unified" not in types and body.get("mailEnabled"):
        raise bad_request(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the "
            "mail-enablement property is unset and the security-enablement property is set."
        )
    if "Unified" not in types and not body.get("securityEnabled"):
        raise bad_request("A group that is not a Microsoft 365 group must be security-enabled (securityEnabled).")
    if ("DynamicMembership" in types) is not bool(body.get("membershipRule")):
        raise bad_request("A dynamic group has both DynamicMembership in groupTypes and a membershipRule.")


def _check_writable(group: Record) -> None:
    if group.get("onPremisesSyncEnabled"):
        raise bad_request(_SYNCHRONIZED)
    if group.get("mailEnabled") and "Unified" not in texts(group.get("groupTypes")):
        raise bad_request(_MAIL_ENABLED)


def _check_assigned(group: Record) -> None:
    if "DynamicMembership" in texts(group.get("groupTypes")):
        raise bad_request("The membership of a dynamic group follows its rule and cannot be changed.")


def _check_change(group: Record, body: Mapping[str, object]) -> None:
    _check_writable(group)
    exchange = _EXCHANGE & body.keys()
    if exchange and (body.keys() - _EXCHANGE or "Unified" not in texts(group.get("groupTypes"))):
        raise bad_request(f"'{min(exchange)}' is set alone and only on a Microsoft 365 group.")
    if "HiddenMembership" in (body.get("visibility"), group.get("visibility")) and "visibility" in body:
        raise bad_request("HiddenMembership can be set only when the group is created, and is not changed later.")
    for name in _REQUIRED:
        if name in body and body[name] in (None, ""):
            raise invalid_value(name, "Group")


def _writeback(group: Record, value: object) -> object:
    """writebackConfiguration after a change: isEnabled true, false or null; a set onPremisesGroupType stays set."""
    present = group.get("writebackConfiguration")
    merged: dict[str, object] = {"isEnabled": None, "onPremisesGroupType": None}
    merged |= present if isinstance(present, dict) else {}
    wanted = value if isinstance(value, dict) else {"isEnabled": None}
    kind = wanted.get("onPremisesGroupType", merged["onPremisesGroupType"])
    unified = "Unified" in texts(group.get("groupTypes"))
    if kind is None and merged["onPremisesGroupType"] is not None:
        raise bad_request("Property 'onPremisesGroupType' cannot be unset once it has a value.")
    if kind is not None and (kind not in GROUP_TYPES or not (unified or kind == "universalSecurityGroup")):
        raise invalid_value("onPremisesGroupType", "Group")
    return {**merged, "isEnabled": wanted.get("isEnabled", merged["isEnabled"]), "onPremisesGroupType": kind}
