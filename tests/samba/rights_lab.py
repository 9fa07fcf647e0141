"""Two OUs and an account of their own on the real DC: lists are written over LDAP, operations are tried."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3
from ldap3.protocol.microsoft import security_descriptor_control

from rehearsal.certificates import write_private
from runbook_lib.directory.connection import Directory
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.rights.constants import WellKnownSid
from runbook_lib.directory.rights.descriptor import Ace, Acl, Control, SecurityDescriptor, parse_security_descriptor
from runbook_lib.directory.rights.needs import AllowEntry
from runbook_lib.directory.sign_in.bind import VerifiedTls, client_context
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.directory import AttributeDelta
from tests.samba.lab import BASE_DN, DOMAIN, SambaLab

TARGET, RETIRED = f"OU=Rights,OU=Rights Lab,{BASE_DN}", f"OU=Retired,OU=Rights Lab,{BASE_DN}"
DELETED = f"CN=Deleted Objects,{BASE_DN}"
OWNER, DACL = 1, 4
OPERATIONS_ERROR = 1
_SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)


@dataclass
class RightsLab:
    """The administrator's connection, and what was there before."""

    samba: SambaLab
    folder: Path
    connection: Any
    before: dict[str, bytes] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    _made: int = 0

    def account(self, name: str) -> dict[str, object]:
        """Make an account without any right; what ``open_lab`` needs to sign in as it."""
        password = f"Aa1-{secrets.token_urlsafe(18)}"
        dn = f"CN={name},OU=Rights Lab,{BASE_DN}"
        values = {
            "objectClass": ["user"],
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{DOMAIN}",
            "unicodePwd": f'"{password}"'.encode("utf-16-le"),
            "userAccountControl": "66048",
        }
        self._done(self.connection.add(dn, attributes=values))
        self.accounts[name] = dn
        path = self.folder / f"{name}.txt"
        write_private(path, password.encode())
        return {"bind_user": f"{name}@{DOMAIN}", "bind_password_file": str(path)}

    def descriptor(self, dn: str) -> SecurityDescriptor:
        """The list of an object as it is now."""
        controls = [*security_descriptor_control(sdflags=DACL), _SHOW_DELETED]
        done, result, entries, _ = self.connection.search(
            dn, "(objectClass=*)", "BASE", attributes=["nTSecurityDescriptor"], controls=controls
        )
        self._done((done, result, None, None))
        assert entries, dn
        return parse_security_descriptor(entries[0]["raw_attributes"]["nTSecurityDescriptor"][0])

    def write(self, dn: str, descriptor: SecurityDescriptor) -> None:
        """Write the list of an object."""
        changes = {"nTSecurityDescriptor": [(ldap3.MODIFY_REPLACE, [descriptor.to_bytes()])]}
        controls = [*security_descriptor_control(sdflags=DACL), _SHOW_DELETED]
        self._done(self.connection.modify(dn, changes, controls=controls))

    def set_entries(self, grants: Sequence[AllowEntry], sid: str) -> None:
        """Leave these entries of the account on every object, and no other of it."""
        for dn in self.before:
            whole = self.descriptor(dn)
            assert whole.dacl is not None
            others = [ace for ace in whole.dacl.aces if not (isinstance(ace, Ace) and ace.sid == sid)]
            mine = [grant.ace(sid) for grant in grants if grant.dn.lower() == dn.lower()]
            kept = SecurityDescriptor(dacl=Acl((*mine, *others)), control=whole.control)
            self.write(dn, kept)

    def group_of(self, directory: Directory, ou: str = TARGET) -> tuple[str, str]:
        """GUID and RDN of a group that an account makes in the target OU and takes to ``ou``."""
        self._made += 1
        name = f"R{self._made}"
        guid = directory.add(
            f"CN={name},{TARGET}",
            {"objectClass": ["group"], "groupType": ["8"], "adminDescription": ["Group_x"], "extensionName": ["gwb:x"]},
        )
        if ou != TARGET:
            directory.move(guid, f"CN={name}", ou)
        return guid, f"CN={name}"

    def deleted_dn(self, guid: str) -> str:
        """Name of a deleted object."""
        done, result, entries, _ = self.connection.search(
            f"<GUID={guid}>", "(objectClass=*)", "BASE", attributes=["cn"], controls=[_SHOW_DELETED]
        )
        self._done((done, result, None, None))
        return str(entries[0]["dn"])

    def take_ownership(self, dn: str) -> None:
        """As dsacls /takeownership does: nobody may read the list of the deleted objects' container otherwise."""
        owner = SecurityDescriptor(owner=WellKnownSid.ADMINISTRATORS, control=Control.SELF_RELATIVE)
        changes = {"nTSecurityDescriptor": [(ldap3.MODIFY_REPLACE, [owner.to_bytes()])]}
        controls = [*security_descriptor_control(sdflags=OWNER), _SHOW_DELETED]
        self._done(self.connection.modify(dn, changes, controls=controls))

    @staticmethod
    def _done(answer: Any) -> None:
        result = answer[1]
        assert result["result"] == 0, result


Trial = Callable[[Directory], object]
"""Raises, or returns False, where the DC does not carry it out."""


def trials(lab: RightsLab, maker: Directory, operations: Sequence[str]) -> dict[str, Trial]:
    """Something to try for each operation; what it needs is made now, by an account that has every right."""
    ous = {"target": TARGET, "retired": RETIRED}

    def prepare(operation: str) -> Trial:
        verb, _, rest = operation.partition(":")
        where, _, name = rest.partition(":")
        ou = ous.get(where, TARGET)
        if verb == "create":
            lab._made += 1
            dn = f"CN=C{lab._made},{TARGET}"
            return lambda directory: bool(directory.add(dn, {"objectClass": ["group"], "groupType": ["8"]}))
        if verb == "list-deleted":
            return lambda directory: _lists(directory)
        start = RETIRED if verb == "restore" else TARGET if verb == "retire" else ou
        guid, rdn = lab.group_of(maker, start)
        if verb in {"retire", "restore"}:
            end = TARGET if verb == "restore" else RETIRED
            return lambda directory: directory.move(guid, rdn, end)
        if verb == "delete":
            return lambda directory: directory.delete(guid)
        if verb == "undelete":
            maker.delete(guid)
            old = lab.deleted_dn(guid)
            marks = {"adminDescription": ["Group_y"], "extensionName": ["gwb:y"]}
            return lambda directory: directory.undelete(old, f"{rdn},{ou}", marks)
        if verb == "read":
            return lambda directory: _reads(directory, guid)
        attribute = name or "adminDescription"
        removed = ("Group_x",) if attribute == "adminDescription" else ()
        value = lab.accounts["rights-a"] if attribute == "member" else "Group_z"
        delta = AttributeDelta(attribute, removed=removed, added=(value,))
        return lambda directory: directory.modify(guid, [delta])

    return {operation: prepare(operation) for operation in operations}


def _lists(directory: Directory) -> bool:
    head = directory.read_dn(DELETED, ("objectClass",), show_deleted=True)
    return head is not None and bool(head.raw("objectClass"))


def _reads(directory: Directory, guid: str) -> bool:
    entry = directory.read(guid, ("adminDescription", "extensionName"))
    return entry is not None and bool(entry.raw("adminDescription")) and bool(entry.raw("extensionName"))


def allowed(trial: Trial, directory: Directory) -> bool:
    """Whether the DC carries it out."""
    try:
        return trial(directory) is not False
    except (RightsMissing, ObjectMissing):
        return False
    except ServiceFailed as error:
        # Samba's undelete (tombstone_reanimate.c) answers operationsError where Windows says insufficientAccessRights.
        if error.values["result"] != OPERATIONS_ERROR:
            raise
        return False


@contextmanager
def rights_lab(samba: SambaLab, folder: Path) -> Iterator[RightsLab]:
    """Everything is as it was when the block ends."""
    server = ldap3.Server(
        "127.0.0.1", port=samba.port, use_ssl=True, tls=VerifiedTls(client_context(samba.ca_file)), get_info=ldap3.NONE
    )
    connection = ldap3.Connection(
        server,
        user=samba.administrator,
        password=samba.administrator_password,
        client_strategy=ldap3.SAFE_SYNC,
        auto_referrals=False,
        receive_timeout=60,
        check_names=False,
    )
    assert connection.bind()[0]
    lab = RightsLab(samba, folder, connection)
    try:
        for dn in (f"OU=Rights Lab,{BASE_DN}", TARGET, RETIRED):
            lab._done(connection.add(dn, attributes={"objectClass": ["organizationalUnit"]}))
        lab.take_ownership(DELETED)
        for dn in (TARGET, RETIRED, BASE_DN, DELETED):
            lab.before[dn] = lab.descriptor(dn).to_bytes()
        yield lab
    finally:
        for dn in {BASE_DN, DELETED} & lab.before.keys():
            lab.write(dn, parse_security_descriptor(lab.before[dn]))
        tree = [("1.2.840.113556.1.4.805", True, None)]
        connection.delete(f"OU=Rights Lab,{BASE_DN}", controls=tree)
        connection.unbind()
