"""Contoso as LDIF change records: what the embedded directory was filled with, for a domain that Samba provisioned."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from rehearsal.contoso import names
from rehearsal.directory import DirectoryStore
from rehearsal.directory.tree import Node

_UNITS = (
    *(names.STAFF_OU, names.LYON_OU, names.SERVICE_OU, names.GROUPS_OU),
    *(names.TARGET_OU, names.RETIRED_OU, names.CONNECT_OU, names.CLOUD_SYNC_OU),
)
_SET_BY_AD = frozenset(
    {
        *("objectClass", "objectGUID", "objectSid", "instanceType", "whenCreated", "whenChanged", "name"),
        *("uSNCreated", "uSNChanged", "nTSecurityDescriptor", "sAMAccountType", "pwdLastSet", "primaryGroupID"),
        *("accountExpires", "badPwdCount", "codePage", "countryCode", "badPasswordTime", "lastLogon", "lastLogoff"),
        *("logonCount", "adminCount", "lockoutTime", "logonHours", "userWorkstations"),
    }
)
_OF_RECIPIENTS = frozenset({"mailNickname", "msDS-ExternalDirectoryObjectId"})
"""People have these by an auxiliary class, which ``schema`` does not bring; groups have them directly."""
_NO_PASSWORD_NEEDED = 0x20
"""PASSWD_NOTREQD of userAccountControl: people of the rehearsal never log on to AD."""


def content_ldif(store: DirectoryStore, bind_password: str, agent_password: str) -> str:
    """OUs, people, contacts, groups, then memberships; of the service accounts the runbook's and the engines'."""
    below = [node for unit in _UNITS for node in _children(store, unit)]
    records = [_record(unit, [("objectClass", b"organizationalUnit")]) for unit in _UNITS]
    records += [_object(store, node) for node in below if "organizationalUnit" not in node.classes]
    records.append(_service_account(store, names.BIND_DN, bind_password))
    records.append(_service_account(store, names.AGENT_DN, agent_password))
    records.append(_service_account(store, names.CONNECTOR_DN, agent_password))
    for node in below:
        members = [store.tree.dn(guid) for guid in node.links.get("member", ())]
        if members:
            lines = [("add", b"member"), *(("member", dn.encode("utf-8")) for dn in members)]
            records.append(_record(store.tree.dn(node.guid), lines, change="modify"))
    return "\n".join(records)


def exchange_ldif(organization_version: int, domain_version: int) -> str:
    """Exchange's organization and its container in the domain, by their objectVersion."""
    exchange = f"CN=Microsoft Exchange,CN=Services,CN=Configuration,{names.BASE_DN}"
    return "\n".join(
        [
            _record(exchange, [("objectClass", b"msExchConfigurationContainer")]),
            _record(
                f"CN={names.EXCHANGE_ORGANIZATION},{exchange}",
                [("objectClass", b"msExchOrganizationContainer"), ("objectVersion", b"%d" % organization_version)],
            ),
            _record(
                f"CN=Microsoft Exchange System Objects,{names.BASE_DN}",
                [("objectClass", b"msExchSystemObjectsContainer"), ("objectVersion", b"%d" % domain_version)],
            ),
        ]
    )


def _children(store: DirectoryStore, dn: str) -> Iterator[Node]:
    if dn == names.SERVICE_OU:
        return
    for guid in store.tree.children(store.node(dn).guid):
        yield store.tree.nodes[guid]


def _service_account(store: DirectoryStore, dn: str, password: str) -> str:
    # unicodePwd takes the password in quotes as UTF-16, little-endian ([MS-ADTS] 3.1.1.3.1.5.1).
    quoted = f'"{password}"'.encode("utf-16-le")
    return _object(store, store.node(dn), ("unicodePwd", quoted))


def _object(store: DirectoryStore, node: Node, *more: tuple[str, bytes]) -> str:
    lines = [("objectClass", node.classes[-1].encode("ascii"))]
    for name, values in node.attributes.items():
        if name in _SET_BY_AD or name.casefold() == node.rdn[0].casefold():
            continue
        if name in _OF_RECIPIENTS and "group" not in node.classes:
            continue
        if name == "userAccountControl" and not more:
            values = (b"%d" % (int(values[0]) | _NO_PASSWORD_NEEDED),)
        lines += [(name, value) for value in values]
    return _record(store.tree.dn(node.guid), [*lines, *more])


def _record(dn: str, lines: list[tuple[str, bytes]], *, change: str = "add") -> str:
    """One change record; everything in base64 but the words of LDIF itself, so that no name can break a line."""
    body = "".join(
        f"{name}: {value.decode()}\n" if name == "add" else f"{name}:: {base64.b64encode(value).decode()}\n"
        for name, value in lines
    )
    return f"dn:: {base64.b64encode(dn.encode('utf-8')).decode()}\nchangetype: {change}\n{body}"
