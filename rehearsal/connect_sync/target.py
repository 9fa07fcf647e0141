"""AD as the connector account of Connect reaches it: what a cycle looks for and what it writes, over LDAP."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ldap3

from rehearsal.cloud_sync.target import AT_ONCE, PERMISSIVE, LdapTarget, answered, bound, named
from rehearsal.connect_sync.wanted import UNIVERSAL_DISTRIBUTION, Export, Held
from runbook_lib.directory.search import guid_text, sid_bytes
from runbook_lib.model.dn import rdn
from runbook_lib.model.ids import group_id_of_anchor

NO_SUCH_OBJECT = 32
_SCHEMA_OF_EXCHANGE = "CN=ms-Exch-Schema-Version-Pt,CN=Schema,CN=Configuration"
_READ = ("adminDescription", "displayName", "description", "mail", "mailNickname", "proxyAddresses")


@contextmanager
def connect_target(
    port: int, context: ssl.SSLContext, base_dn: str, user: str, password: str
) -> Iterator[ConnectTarget]:
    """A connection for one cycle.

    Raises:
        TargetError: The directory does not answer, or refuses the sign-in.
    """
    with bound(port, context, user, password) as connection:
        connection.auto_range = True
        yield ConnectTarget(connection, base_dn)


class ConnectTarget(LdapTarget):
    """AD over one bound connection."""

    def prepared_for_exchange(self) -> bool:
        """Whether the schema has Exchange's attributes."""
        return self.there(f"{_SCHEMA_OF_EXCHANGE},{self._base_dn}")

    def there(self, dn: str) -> bool:
        """Whether an object is there."""
        done, result, _, _ = self._connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["objectClass"])
        if result["result"] == NO_SUCH_OBJECT:
            return False
        answered(done, result)
        return True

    def written(self, container: str) -> list[Held]:
        """Groups with Connect's anchor below the OU of written groups, sorted by the cloud group's id."""
        pages = self._connection.extend.standard.paged_search(
            container,
            "(&(objectClass=group)(adminDescription=Group_*))",
            attributes=["objectGUID", "member", *_READ],
            paged_size=500,
            generator=True,
        )
        found = []
        for row in pages:
            raw = row.get("raw_attributes") or {}
            group_id = group_id_of_anchor(_text(raw, "adminDescription"))
            if group_id:
                values = {name: _text(raw, name) for name in _READ if raw.get(name)}
                members = tuple(dn.decode("utf-8", "replace") for dn in raw.get("member") or ())
                found.append(Held(guid_text(raw["objectGUID"][0]), group_id, row["dn"], values, members))
        return sorted(found, key=lambda one: one.group_id)

    def accounts(self, keys: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """User id to the DN of the account that Connect has joined: by objectGUID, and where there is none by SID.

        Connect knows its own join whatever the source anchor is; the tenant shows objectGUID and SID of it.
        """
        by_guid = self.by_guids({guid for guid, _ in keys.values() if guid})
        found = {key: by_guid[guid].dn for key, (guid, _) in keys.items() if guid in by_guid}
        for key, (guid, sid) in keys.items():
            if not guid and sid:
                octets = "".join(f"\\{byte:02x}" for byte in sid_bytes(sid))
                for entry in self._search(f"(objectSid={octets})"):
                    found[key] = entry.dn
        return found

    def carry_out(self, export: Export, container: str) -> None:
        """One export.

        Raises:
            TargetError: AD refused it, or did not answer.
        """
        match export.kind:
            case "add":
                given = {name: value for name, value in export.values.items() if value is not None}
                given["groupType"] = str(UNIVERSAL_DISTRIBUTION)
                answered(*self._connection.add(export.dn, ["group"], given)[:2])
                self._members(export.dn, export.add, ())
            case "rename":
                relative = rdn("CN", export.cn)
                answered(*self._connection.modify_dn(export.dn, relative, new_superior=container)[:2])
            case "update":
                self.modify(export.guid, export.values)
                self._members(named(export.guid), export.add, export.remove)
            case "delete":
                self.delete(export.guid)

    def _members(self, dn: str, add: Sequence[str], remove: Sequence[str]) -> None:
        for operation, members in ((ldap3.MODIFY_ADD, add), (ldap3.MODIFY_DELETE, remove)):
            for at in range(0, len(members), AT_ONCE):
                changes = {"member": [(operation, list(members[at : at + AT_ONCE]))]}
                answered(*self._connection.modify(dn, changes, controls=[PERMISSIVE])[:2])


def _text(raw: Mapping[str, Any], name: str) -> str:
    values = raw.get(name) or (b"",)
    return str(values[0].decode("utf-8", "replace"))
