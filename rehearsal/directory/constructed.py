"""Constructed attributes: one table of what AD computes when it is asked for by name ([MS-ADTS], section 3.1.1.4.5)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from rehearsal.directory.logon import file_time, password_expiry
from rehearsal.directory.rights import ObjectStore
from rehearsal.directory.subschema import attribute_types, object_classes
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.search import sid_bytes, sid_text

_GLOBAL, _DOMAIN_LOCAL, _UNIVERSAL, _SECURITY = 0x2, 0x4, 0x8, 0x80000000
_EVERY_SCOPE = _GLOBAL | _DOMAIN_LOCAL | _UNIVERSAL
_LOCKED_OUT, _PASSWORD_EXPIRED = 0x10, 0x800000


def _reached(store: ObjectStore, node: Node, *, link: str) -> list[Guid]:
    """Everything that a link or back link leads to, however far, each once, nearest first."""
    tree = store.tree
    attribute = tree.schema.attribute(link)
    found: dict[Guid, None] = {}
    waiting = [node.guid]
    for guid in waiting:
        for other in tree.references(tree.nodes[guid], attribute) if attribute is not None else ():
            if other not in found and other != node.guid:
                found[other] = None
                waiting.append(other)
    return list(found)


def _groups(store: ObjectStore, node: Node, *, kinds: int) -> list[Guid]:
    """The security groups of these scopes that an account is in, by way of others and of its primary group too."""
    tree = store.tree
    sid = node.attributes.get("objectSid", (b"",))[0]
    if not sid:
        return []
    starts = [node.guid]
    if "primaryGroupID" in node.attributes:
        primary = f"{sid_text(sid).rpartition('-')[0]}-{node.text('primaryGroupID')}"
        starts += tree.indexed("objectSid", sid_bytes(primary))
    found = dict.fromkeys(starts[1:])
    for start in starts:
        found |= dict.fromkeys(_reached(store, tree.nodes[start], link="memberOf"))
    domain = store.domain_of(node.guid)

    def counts(group: Node) -> bool:
        kind = int(group.text("groupType") or "0")
        local = kind & _DOMAIN_LOCAL and store.domain_of(group.guid) != domain
        return bool(kind & _SECURITY) and bool(kind & kinds) and not local

    return [guid for guid in found if counts(tree.nodes[guid])]


def _group_sids(store: ObjectStore, node: Node, _: Guid, *, kinds: int) -> list[bytes]:
    nodes = store.tree.nodes
    return [sid for guid in _groups(store, node, kinds=kinds) for sid in nodes[guid].attributes.get("objectSid", ())]


def _account_control(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    """Whether the account is locked out, and whether its password has expired (section 3.1.1.4.5.17)."""
    if "user" not in node.classes:
        return []
    expiry = password_expiry(store, node)
    locked = _LOCKED_OUT if int(node.text("lockoutTime") or "0") else 0
    return [b"%d" % (locked | (_PASSWORD_EXPIRED if expiry <= file_time(store.clock()) else 0))]


def _password_expiry(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    return [b"%d" % password_expiry(store, node)] if "user" in node.classes else []


def _principal_name(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    """``DOMAIN\\account``, or the SID of what has no account name (section 3.1.1.4.5.22)."""
    sid = node.attributes.get("objectSid", (b"",))[0]
    name = node.text("sAMAccountName")
    text = f"{store.domain_of(node.guid).netbios}\\{name}" if name else sid_text(sid) if sid else ""
    return [text.encode("utf-8")] if text else []


def _allowed(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    return sorted(name.encode("ascii") for name in store.tree.schema.allowed(node.classes)[1])


def _allowed_effective(store: ObjectStore, node: Node, account: Guid) -> list[bytes]:
    names = store.tree.schema.allowed(node.classes)[1]
    known = [store.tree.schema.attribute(name) for name in sorted(names)]
    writable = [item for item in known if item and not (item.system_only or item.constructed or item.is_back_link)]
    return [item.name.encode("ascii") for item in writable if store.rights.may_write(account, node, item)]


def _child_classes_effective(store: ObjectStore, node: Node, account: Guid) -> list[bytes]:
    own = set(node.classes)
    fitting = [item for item in store.tree.schema.classes if own & set(item.superiors)]
    return [item.name.encode("ascii") for item in fitting if store.rights.may_create(account, node, item)]


def _descriptor_rights(store: ObjectStore, node: Node, account: Guid) -> list[bytes]:
    """sDRightsEffective ([MS-ADTS], section 3.1.1.4.5.4): the parts of the descriptor that the account may write."""
    return [b"%d" % store.rights.writable_parts(account, node)]


def _child_classes(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    own = set(node.classes)
    return [item.name.encode("ascii") for item in store.tree.schema.classes if own & set(item.superiors)]


def _possible_inferiors(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    """possibleInferiors of a classSchema object: what can be created below objects of the class."""
    kind = store.tree.schema.object_class(node.text("lDAPDisplayName")) if "classSchema" in node.classes else None
    above = set(store.tree.schema.chain(kind.name)) if kind is not None else set()
    return [one.name.encode("ascii") for one in store.tree.schema.classes if above & set(one.superiors)]


def _is_subschema(node: Node) -> bool:
    return "subSchema" in node.classes


def _canonical_name(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    domain = store.domain_of(node.guid)
    above = [store.tree.nodes[guid] for guid in store.tree.ancestors(node.guid)]
    inner = above[: -len(tuple(store.tree.ancestors(store.node(domain.base_dn).guid)))]
    path = "/".join(item.rdn[1].replace("/", "\\/") for item in reversed(inner))
    return [f"{domain.name}/{path}".encode()]


def _primary_group_token(_store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    sid = node.attributes.get("objectSid", (b"",))[0]
    return [b"%d" % int.from_bytes(sid[-4:], "little")] if "group" in node.classes and sid else []


def _is_read_only(store: ObjectStore, node: Node, _: Guid) -> list[bytes]:
    """msDS-isRODC of a controller's NTDS Settings, server object and account ([MS-ADTS], section 3.1.1.4.5.30)."""
    dn = store.tree.dn(node.guid)
    for controller in store.controllers:
        computer = f"CN={controller.label.upper()},OU=Domain Controllers,{controller.domain.base_dn}"
        if dn in {controller.settings_dn, controller.server_dn, computer}:
            return [b"TRUE" if controller.read_only else b"FALSE"]
    return []


VALUES: dict[str, Callable[[ObjectStore, Node, Guid], Collection[bytes]]] = {
    "tokenGroups": partial(_group_sids, kinds=_EVERY_SCOPE),
    "tokenGroupsNoGCAcceptable": partial(_group_sids, kinds=_EVERY_SCOPE),
    "tokenGroupsGlobalAndUniversal": partial(_group_sids, kinds=_GLOBAL | _UNIVERSAL),
    "msDS-User-Account-Control-Computed": _account_control,
    "msDS-UserPasswordExpiryTimeComputed": _password_expiry,
    "msDS-PrincipalName": _principal_name,
    "msDS-Approx-Immed-Subordinates": lambda store, node, _: [b"%d" % len(tuple(store.tree.children(node.guid)))],
    "fromEntry": lambda _store, _node, _: [b"TRUE"],
    "possibleInferiors": _possible_inferiors,
    "allowedChildClasses": _child_classes,
    "msDS-isRODC": _is_read_only,
    "distinguishedName": lambda store, node, _: [store.tree.dn(node.guid).encode("utf-8")],
    "canonicalName": _canonical_name,
    "structuralObjectClass": lambda _store, node, _: node.attributes["objectClass"],
    "createTimeStamp": lambda _store, node, _: node.attributes.get("whenCreated", ()),
    "modifyTimeStamp": lambda _store, node, _: node.attributes.get("whenChanged", ()),
    "primaryGroupToken": _primary_group_token,
    "attributeTypes": lambda store, node, _: attribute_types(store.tree.schema) if _is_subschema(node) else (),
    "objectClasses": lambda store, node, _: object_classes(store.tree.schema) if _is_subschema(node) else (),
    "allowedAttributes": _allowed,
    "allowedAttributesEffective": _allowed_effective,
    "allowedChildClassesEffective": _child_classes_effective,
    "sDRightsEffective": _descriptor_rights,
}
"""Values of constructed attributes by name, as far as an account, the last argument, may see them."""
REFERENCES: dict[str, Callable[[ObjectStore, Node], Collection[Guid]]] = {
    "msds-memberTransitive": partial(_reached, link="member"),
    "msds-memberOfTransitive": lambda store, node: _reached(store, node, link="memberOf"),
    "subSchemaSubEntry": lambda store, _: [store.node(f"CN=Aggregate,{store.schema_dn}").guid],
    "msDS-parentdistname": lambda _, node: [] if node.parent is None else [node.parent],
    "msds-tokenGroupNames": partial(_groups, kinds=_EVERY_SCOPE),
    "msds-tokenGroupNamesNoGCAcceptable": partial(_groups, kinds=_EVERY_SCOPE),
    "msds-tokenGroupNamesGlobalAndUniversal": partial(_groups, kinds=_GLOBAL | _UNIVERSAL),
}
"""Objects that constructed attributes of DN syntax name."""
TOKENS = frozenset(name.lower() for name in (*VALUES, *REFERENCES) if name.lower().startswith(("token", "msds-token")))
"""Refused in any search that is not of base scope ([MS-ADTS], section 3.1.1.4.5.19); in lower case."""
ONE_OBJECT = frozenset({"msds-memberTransitive", "msds-memberOfTransitive"})
"""Left out of any search that is not of base scope."""
