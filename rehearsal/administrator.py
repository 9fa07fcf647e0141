"""An administrator of the rehearsal, over LDAPS as any tool: edits groups and rights by hand, updates recipients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.protocol.microsoft import security_descriptor_control
from ldap3.utils.conv import escape_filter_chars

from rehearsal.contoso import names
from rehearsal.process import RunningRehearsal
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, guid_of
from runbook_lib.directory.rights.descriptor import Ace, AceFlag, AceType, Acl, parse_security_descriptor
from runbook_lib.directory.rights.evaluate import with_entry
from runbook_lib.directory.search import sid_text
from runbook_lib.directory.sign_in.bind import VerifiedTls, client_context
from runbook_lib.errors import ServiceFailed, UsageError
from runbook_lib.model.text import t

_SECONDS = 15
_DACL = 0x4
"""SD flags control: the access list alone ([MS-ADTS] 3.1.1.3.4.1.11)."""
_GROUP = guid_of(GuidKind.CLASS, "group")
_RIGHTS = (
    Ace(
        AceType.ALLOWED_OBJECT,
        "",
        AccessMask.CREATE_CHILD | AccessMask.DELETE_CHILD,
        AceFlag.CONTAINER_INHERIT,
        object_type=_GROUP,
    ),
    Ace(
        AceType.ALLOWED_OBJECT,
        "",
        AccessMask.GENERIC_ALL,
        AceFlag.CONTAINER_INHERIT | AceFlag.INHERIT_ONLY,
        inherited_object_type=_GROUP,
    ),
)
"""Of an account that writes groups below an OU, but for its SID."""
_NO_SUCH_OBJECT, _THERE_ALREADY = 32, 68
"""LDAP results."""


@dataclass(frozen=True)
class GroupEdit:
    """What is changed by hand. Members are named by sAMAccountName; description None leaves it, empty clears it."""

    add_members: tuple[str, ...] = ()
    remove_members: tuple[str, ...] = ()
    description: str | None = None


def edit_group(running: RunningRehearsal, name: str, edit: GroupEdit) -> list[str]:
    """Edit the one AD group with this display name, common name or sAMAccountName.

    Where several have it, the one in the target or retired OU is meant.

    Returns:
        What changed, a sentence each.

    Raises:
        UsageError: No such group or account, a member that is one already or is none, nothing to change.
        ServiceFailed: The directory does not answer or refuses.
    """
    if not (edit.add_members or edit.remove_members or edit.description is not None):
        raise UsageError(
            t("Nothing to change."),
            code="rehearsal-nothing-to-edit",
            hint=t("Give --add-member, --remove-member or --description."),
        )
    with _administrator(running) as connection:
        dn, members, description = _group(connection, name)
        changes: dict[str, list[tuple[str, list[str]]]] = {}
        told: list[str] = []
        for account in edit.remove_members:
            member = _account(connection, account)
            _require(member in members, f"{account} is not a member of {name}", account)
            changes.setdefault("member", []).append((ldap3.MODIFY_DELETE, [member]))
            told.append(f"Removed {account} from {dn}.")
        for account in edit.add_members:
            member = _account(connection, account)
            _require(member not in members, f"{account} is a member of {name} already", account)
            changes.setdefault("member", []).append((ldap3.MODIFY_ADD, [member]))
            told.append(f"Added {account} to {dn}.")
        if edit.description is not None:
            changes["description"] = [(ldap3.MODIFY_REPLACE, [edit.description] if edit.description else [])]
            told.append(f"Changed the description of {dn} from {description!r} to {edit.description!r}.")
        done, result, _, _ = connection.modify(dn, changes)
        _answered(done, result)
        return told


def update_recipients(running: RunningRehearsal, container: str) -> list[str]:
    """What is left of ``Update-Recipient`` in AD: showInAddressBook of every group with an address below an OU.

    The address list is made where Exchange's organization has none, as its setup does.

    Returns:
        DNs of the groups that are in the address book now and were not before, sorted.

    Raises:
        UsageError: AD has no organization of Exchange.
        ServiceFailed: The directory does not answer or refuses.
    """
    with _administrator(running) as connection:
        addresses = _address_list(connection)
        done, result, entries, _ = connection.search(
            container, "(&(objectClass=group)(mail=*)(!(showInAddressBook=*)))", attributes=["mail"]
        )
        _answered(done or result["result"] == 0, result)
        found = sorted(str(entry["dn"]) for entry in entries if entry["type"] == "searchResEntry")
        for dn in found:
            _answered(*connection.modify(dn, {"showInAddressBook": [(ldap3.MODIFY_REPLACE, [addresses])]})[:2])
        return found


def let_connector_write(running: RunningRehearsal, container: str, *, allowed: bool) -> None:
    """Give the connector account of Connect Sync its rights on groups below an OU, or take them away.

    Raises:
        ServiceFailed: The directory does not answer or refuses.
    """
    with _administrator(running) as connection:
        (account,) = _search(connection, f"(userPrincipalName={names.CONNECTOR_USER})", ["objectSid"])
        sid = sid_text(account["raw_attributes"]["objectSid"][0])
        only_dacl = security_descriptor_control(sdflags=_DACL)
        done, result, entries, _ = connection.search(
            container, "(objectClass=*)", ldap3.BASE, attributes=["nTSecurityDescriptor"], controls=only_dacl
        )
        _answered(done, result)
        found = parse_security_descriptor(entries[0]["raw_attributes"]["nTSecurityDescriptor"][0])
        kept = [one for one in found.dacl.aces if not isinstance(one, Ace) or one.sid != sid] if found.dacl else []
        wanted = replace(found, dacl=Acl(tuple(kept), found.dacl.revision if found.dacl else Acl().revision))
        for entry in _RIGHTS if allowed else ():
            wanted = with_entry(wanted, replace(entry, sid=sid))
        change = {"nTSecurityDescriptor": [(ldap3.MODIFY_REPLACE, [wanted.to_bytes()])]}
        _answered(*connection.modify(container, change, controls=only_dacl)[:2])


def _address_list(connection: Any) -> str:
    """DN of the list of all groups, made where it is missing; plain containers, for nothing here looks into it."""
    exchange = f"CN=Microsoft Exchange,CN=Services,CN=Configuration,{names.BASE_DN}"
    done, result, entries, _ = connection.search(exchange, "(objectClass=msExchOrganizationContainer)", attributes=[])
    organizations = [str(entry["dn"]) for entry in entries or () if entry["type"] == "searchResEntry"]
    if not organizations:
        _answered(done or result["result"] in (0, _NO_SUCH_OBJECT), result)
        raise UsageError(
            t("AD was not prepared for Exchange: there is no Update-Recipient."),
            code="rehearsal-no-exchange",
            hint=t("Start a rehearsal with an Exchange: gwb rehearsal start --exchange se"),
        )
    dn = organizations[0]
    for name in ("Address Lists Container", "All Address Lists", "All Groups"):
        dn = f"CN={name},{dn}"
        done, result, _, _ = connection.add(dn, ["msExchContainer"])
        _answered(done or result["result"] == _THERE_ALREADY, result)
    return dn


@contextmanager
def _administrator(running: RunningRehearsal) -> Iterator[Any]:
    tls = VerifiedTls(client_context(str(running.folder.ca)))
    port = int(str(running.state["ldap_port"]))
    # The address, not the name: ldap3 leaves the socket open of every address of a name that does not answer.
    server = ldap3.Server("127.0.0.1", port=port, use_ssl=True, tls=tls, get_info=ldap3.NONE, connect_timeout=_SECONDS)
    password = running.folder.administrator_password.read_text(encoding="utf-8").strip()
    connection = ldap3.Connection(
        server,
        user=names.ADMINISTRATOR,
        password=password,
        client_strategy=ldap3.SAFE_SYNC,
        auto_referrals=False,
        receive_timeout=_SECONDS,
        check_names=False,
    )
    try:
        bound, result, _, _ = connection.bind()
        _answered(bound, result)
        yield connection
    except LDAPException as error:
        raise ServiceFailed(
            t("The rehearsal's directory does not answer: {error}.", error=error),
            code="rehearsal-directory",
            hint=t("Look at {log}.", log=running.folder.log),
        ) from None
    finally:
        connection.unbind()


def _search(connection: Any, text: str, attributes: Sequence[str]) -> list[dict[str, Any]]:
    done, result, entries, _ = connection.search(names.BASE_DN, text, attributes=list(attributes))
    _answered(done or result["result"] == 0, result)
    return [entry for entry in entries if entry["type"] == "searchResEntry"]


def _group(connection: Any, name: str) -> tuple[str, list[str], str]:
    """DN, member DNs and description."""
    safe = escape_filter_chars(name)
    text = f"(&(objectClass=group)(|(displayName={safe})(cn={safe})(sAMAccountName={safe})))"
    found = _search(connection, text, ["member", "description"])
    if len(found) > 1:
        ours = tuple(f",{ou}".lower() for ou in (names.TARGET_OU, names.RETIRED_OU))
        found = [entry for entry in found if entry["dn"].lower().endswith(ours)]
    if len(found) != 1:
        how_many = "no group" if not found else f"{len(found)} groups"
        raise UsageError(
            t("AD holds {how_many} called {name!r}.", how_many=how_many, name=name),
            code="rehearsal-unknown-group",
            hint=t("Name a group by display name, common name or sAMAccountName."),
            values={"name": name},
        )
    values = found[0]["raw_attributes"]
    described = [value.decode("utf-8", "replace") for value in values.get("description", [])]
    return found[0]["dn"], [value.decode("utf-8") for value in values.get("member", [])], "".join(described[:1])


def _account(connection: Any, account: str) -> str:
    found = _search(connection, f"(sAMAccountName={escape_filter_chars(account)})", ["cn"])
    _require(len(found) == 1, f"AD holds no account called {account!r}", account)
    return str(found[0]["dn"])


def _require(condition: bool, message: str, account: str) -> None:
    if not condition:
        raise UsageError(
            t("{message}.", message=message),
            code="rehearsal-unknown-member",
            hint=t("Members are named by sAMAccountName, for example aaliyah.abbott."),
            values={"account": account},
        )


def _answered(done: bool, result: dict[str, Any]) -> None:
    if not done:
        raise ServiceFailed(
            t(
                "The rehearsal's directory refused: {said}",
                said=f"{result['description']} {result['message']}".rstrip(),
            ),
            code="rehearsal-directory",
            hint=t("An administrator's edit should not be refused: this is a defect of the rehearsal."),
            values={"result": result["result"]},
        )
