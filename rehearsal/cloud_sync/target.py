"""Active Directory as the provisioning agent reaches it: what it looks for and what it writes, over LDAP.

One code for the embedded directory and for Samba: it signs in as the agent's account and knows nothing of either.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from runbook_lib.directory.search import guid_bytes, guid_text, sid_bytes, sid_text
from runbook_lib.directory.sign_in.bind import VerifiedTls
from runbook_lib.model.dn import normalize_foreign_dn, parent_of, rdn

_SECONDS = 15
PERMISSIVE = ("1.2.840.113556.1.4.1413", True, None)
"""Values that are there already, or already gone, are no error."""
AT_ONCE = 500
"""Members in one modify."""
UNIVERSAL_SECURITY, UNIVERSAL = -2147483640, 0x8
_READ = ("objectGUID", "objectSid", "groupType", "msDS-ExternalDirectoryObjectId")
NO_SUCH_OBJECT = 32


class TargetError(Exception):
    """AD refused, or did not answer. ``code`` is the LDAP result; 0 where there was no answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Entry:
    """An object of AD: anchor is empty where it has none, group_type 0 where it is no group."""

    guid: str
    dn: str
    sid: str = ""
    anchor: str = ""
    group_type: int = 0


class Target(Protocol):
    """What a job needs of AD."""

    def anchored(self) -> Sequence[Entry]:
        """Every object with an anchor of Cloud Sync's."""

    def by_sid(self, sid: str) -> Entry | None:
        """The group with a SID."""

    def by_guids(self, guids: Iterable[str]) -> Mapping[str, Entry]:
        """Objects by objectGUID; those that are not there are left out."""

    def values(self, guid: str, names: Iterable[str]) -> Mapping[str, str]:
        """First values of an object; attributes without any are left out."""

    def holds(self, guid: str, member: Entry) -> bool:
        """Whether a group holds an object directly."""

    def create(self, cn: str, container: str, values: Mapping[str, str]) -> Entry:
        """Make a universal security group."""

    def modify(self, guid: str, values: Mapping[str, str | None]) -> None:
        """Replace values; None takes them away."""

    def move(self, guid: str, cn: str, container: str) -> None:
        """Give an object another name or place."""

    def change_members(self, guid: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Add and remove members by their objectGUIDs."""

    def delete(self, guid: str) -> None:
        """Delete an object."""


@contextmanager
def ldap_target(port: int, context: ssl.SSLContext, base_dn: str, user: str, password: str) -> Iterator[LdapTarget]:
    """A connection for one run.

    Raises:
        TargetError: The directory does not answer, or refuses the sign-in.
    """
    with bound(port, context, user, password) as connection:
        yield LdapTarget(connection, base_dn)


@contextmanager
def bound(port: int, context: ssl.SSLContext, user: str, password: str) -> Iterator[Any]:
    """A connection that is signed in.

    Raises:
        TargetError: The directory does not answer, or refuses the sign-in.
    """
    # The address, not the name: ldap3 leaves the socket open of every address of a name that does not answer.
    server = ldap3.Server(
        "127.0.0.1", port=port, use_ssl=True, tls=VerifiedTls(context), get_info=ldap3.NONE, connect_timeout=_SECONDS
    )
    connection = ldap3.Connection(
        server,
        user=user,
        password=password,
        client_strategy=ldap3.SAFE_SYNC,
        auto_referrals=False,
        receive_timeout=_SECONDS,
        check_names=False,
    )
    try:
        answered(*connection.bind()[:2])
        yield connection
    except LDAPException as error:
        raise TargetError(0, str(error)) from None
    finally:
        connection.unbind()


class LdapTarget:
    """AD over one bound connection. Objects are addressed by GUID, so nobody's rename is in the way."""

    def __init__(self, connection: Any, base_dn: str) -> None:
        self._connection = connection
        self._base_dn = base_dn

    def anchored(self) -> Sequence[Entry]:
        """As ``Target``."""
        return list(self._search("(msDS-ExternalDirectoryObjectId=*)"))

    def by_sid(self, sid: str) -> Entry | None:
        """As ``Target``."""
        try:
            wanted = sid_bytes(sid)
        except ValueError:
            return None
        found = list(self._search(f"(&(objectClass=group)(objectSid={_octets(wanted)}))"))
        return found[0] if len(found) == 1 else None

    def by_guids(self, guids: Iterable[str]) -> Mapping[str, Entry]:
        """As ``Target``."""
        found: dict[str, Entry] = {}
        for some in _parts(sorted(set(guids)), 100):
            terms = "".join(f"(objectGUID={_octets(guid_bytes(guid))})" for guid in some)
            found |= {entry.guid: entry for entry in self._search(f"(|{terms})")}
        return found

    def values(self, guid: str, names: Iterable[str]) -> Mapping[str, str]:
        """As ``Target``."""
        done, result, response, _ = self._connection.search(
            named(guid), "(objectClass=*)", ldap3.BASE, attributes=list(names)
        )
        answered(done or result["result"] == 0, result)
        (raw,) = [one["raw_attributes"] for one in response if one["type"] == "searchResEntry"]
        return {name: held[0].decode("utf-8", "replace") for name, held in raw.items() if held}

    def holds(self, guid: str, member: Entry) -> bool:
        """As ``Target``."""
        condition = f"(&(objectGUID={_octets(guid_bytes(guid))})(member={escape_filter_chars(member.dn)}))"
        return bool(list(self._search(condition)))

    def create(self, cn: str, container: str, values: Mapping[str, str]) -> Entry:
        """As ``Target``."""
        dn = f"{rdn('CN', cn)},{container}"
        given = {**values, "groupType": str(UNIVERSAL_SECURITY)}
        answered(*self._connection.add(dn, ["group"], given)[:2])
        done, result, response, _ = self._connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(_READ))
        answered(done, result)
        return next(_entries(response))

    def modify(self, guid: str, values: Mapping[str, str | None]) -> None:
        """As ``Target``."""
        changes = {name: [(ldap3.MODIFY_REPLACE, [] if value is None else [value])] for name, value in values.items()}
        if changes:
            answered(*self._connection.modify(named(guid), changes, controls=[PERMISSIVE])[:2])

    def move(self, guid: str, cn: str, container: str) -> None:
        """As ``Target``."""
        present = self.by_guids([guid]).get(guid)
        if present is None:
            raise TargetError(NO_SUCH_OBJECT, f"no object {guid}")
        parent = None if same_place(parent_of(present.dn), container) else container
        answered(*self._connection.modify_dn(present.dn, rdn("CN", cn), new_superior=parent)[:2])

    def change_members(self, guid: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """As ``Target``."""
        for operation, members in ((ldap3.MODIFY_ADD, add), (ldap3.MODIFY_DELETE, remove)):
            for some in _parts(members, AT_ONCE):
                changes = {"member": [(operation, [named(member) for member in some])]}
                answered(*self._connection.modify(named(guid), changes, controls=[PERMISSIVE])[:2])

    def delete(self, guid: str) -> None:
        """As ``Target``."""
        answered(*self._connection.delete(named(guid))[:2])

    def _search(self, condition: str) -> Iterator[Entry]:
        pages = self._connection.extend.standard.paged_search(
            self._base_dn, condition, attributes=list(_READ), paged_size=500, generator=True
        )
        yield from _entries(pages)


def _parts(items: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    return (items[at : at + most] for at in range(0, len(items), most))


def _entries(response: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    for one in response:
        if one["type"] != "searchResEntry":
            continue
        raw = one["raw_attributes"]
        yield Entry(
            guid_text(raw["objectGUID"][0]),
            one["dn"],
            sid_text(raw["objectSid"][0]) if raw.get("objectSid") else "",
            raw["msDS-ExternalDirectoryObjectId"][0].decode("utf-8", "replace")
            if raw.get("msDS-ExternalDirectoryObjectId")
            else "",
            int(raw["groupType"][0]) if raw.get("groupType") else 0,
        )


def same_place(first: str, second: str) -> bool:
    """Whether two DNs mean the same, whatever their spelling."""
    return normalize_foreign_dn(first) == normalize_foreign_dn(second)


def named(guid: str) -> str:
    """An object by its objectGUID, as AD takes it in the place of a DN."""
    return f"<GUID={guid}>"


def _octets(value: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in value)


def answered(done: bool, result: Mapping[str, Any]) -> None:
    """Whether AD did it.

    Raises:
        TargetError: It did not.
    """
    if not done:
        raise TargetError(result["result"], f"{result['description']} {result['message']}".strip())
