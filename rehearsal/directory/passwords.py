"""Passwords set over LDAP: unicodePwd ([MS-ADTS], section 3.1.1.3.1.5.1). Administrators reset; nobody reads."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.directory import failures
from rehearsal.directory.changes import DELETE, Modification
from rehearsal.directory.rights import ObjectStore
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.rights.constants import AccessMask, GuidKind, guid_of

ATTRIBUTE = "unicodepwd"
_RESET = guid_of(GuidKind.EXTENDED_RIGHT, "User-Force-Change-Password")


def decoded(value: bytes) -> str:
    """The password in a value: in double quotes, UTF-16 with the low octet first.

    Raises:
        LdapError: Another form, or nothing between the quotes.
    """
    try:
        text = value.decode("utf-16-le")
    except UnicodeDecodeError:
        text = ""
    if len(text) < 3 or text[0] != '"' or text[-1] != '"':
        # 0000001F: ERROR_GEN_FAILURE, which AD answers to a password in another form.
        raise failures.unwilling("0000001F")
    return text[1:-1]


def take_password(
    store: ObjectStore, account: Guid, node: Node, modifications: Sequence[Modification]
) -> tuple[str | None, list[Modification]]:
    """The password that modifications reset, None for none, and the modifications that are left."""
    own = [change for change in modifications if change.attribute.lower() == ATTRIBUTE]
    rest = [change for change in modifications if change not in own]
    if not own:
        return None, rest
    if not store.rights.may(account, node, AccessMask.CONTROL_ACCESS, _RESET):
        raise failures.insufficient_rights()
    if len(own) != 1 or own[0].operation == DELETE or len(own[0].values) != 1:
        raise failures.unwilling("0000001F")
    return decoded(own[0].values[0]), rest
