"""LDAP result codes and Active Directory's own error numbers as errors in words.

Active Directory begins its diagnostic message with a Windows error in eight hexadecimal digits ("00002098: SecErr:
DSID-…"); that number often says more than the LDAP code (MS-ADTS 3.1.1.3.1.9, MS-ERREF 2.2). A refused bind carries
its reason as "data 52e" (Microsoft support article on LDAP bind error codes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Literal, NamedTuple, cast

from runbook_lib.errors import ContradictsLook, NoAccess, Refused, RunbookError, ServiceFailed, Unavailable
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import scrubbed

SUCCESS = 0
"""LDAP result code (RFC 4511, 4.1.9), as the two below."""
NO_SUCH_OBJECT = 32
"""LDAP result code noSuchObject."""
INVALID_CREDENTIALS = 49
"""LDAP result code invalidCredentials."""
BUSY = frozenset({51, 52})
"""busy, unavailable: the same request may be answered a moment later."""
BUSY_READING = BUSY | {11}
"""adminLimitExceeded passes too where it comes from other clients' load; a read may find out."""

LdapOperation = Literal["search", "read", "add", "modify", "move", "delete", "undelete"]
_DOING: dict[LdapOperation, Text] = {
    "search": t("search below"),
    "read": t("read"),
    "add": t("create"),
    "modify": t("change"),
    "move": t("move"),
    "delete": t("delete"),
    "undelete": t("undelete"),
}


class EntryExists(ContradictsLook):
    """An object with this name or account name is there already."""


class ValueConflict(ContradictsLook):
    """A value to remove is not there or a value to add is: somebody changed the object since it was read."""


class ObjectMissing(ContradictsLook):
    """The object, its parent or an object that a value names does not exist (or this account may not see it)."""


class RightsMissing(NoAccess):
    """The account may not do this. Always code ``insufficient-rights``."""


class DirectoryUnavailable(Unavailable):
    """The connection is lost or the server is busy."""


class AnswerWithoutEnd(DirectoryUnavailable):
    """An answer took longer, or was larger, than a whole one may be. The next one would be no better."""


class ReadInterrupted(DirectoryUnavailable):
    """A search broke off after its first page; its pages so far are no answer."""


class _Row(NamedTuple):
    kind: type[RunbookError]
    code: str
    reason: Text
    hint: Text = NOTHING


_READ_AGAIN = t("Run again: the directory is read anew and the plan is made again.")
_ASK = t("Check the name, and that this account may see it.")

_SIGNING = t(
    "If something on the way ends TLS (a load balancer), name the domain controller "
    'itself in dc_host. With bind_method "kerberos", set it to "password".'
)

_PARENT = _Row(ObjectMissing, "parent-missing", t("the container does not exist or is hidden from us"), _ASK)
_REFERENCE = _Row(ObjectMissing, "reference-missing", t("an object that a value names does not exist"), _READ_AGAIN)
_ACCOUNT_NAME = _Row(EntryExists, "account-name-exists", t("another object has this sAMAccountName"))
_ATTRIBUTE = _Row(Refused, "attribute-unknown", t("the schema does not have this attribute"))
_THERE = _Row(ValueConflict, "value-conflict", t("a value to add is there already"), _READ_AGAIN)
_MAY_NOT_DELETE = _Row(
    RightsMissing,
    "insufficient-rights",
    t("this account may not do this, or the object is protected from accidental deletion"),
    t("Have DELETE on the groups (or DELETE_CHILD on their OU) delegated to the account, or lift the protection."),
)
_MAY_NOT_REANIMATE = _Row(
    RightsMissing,
    "insufficient-rights",
    t("this account may not do this"),
    t(
        "Bringing a deleted object back needs the right Reanimate-Tombstones on the domain's "
        "root, the right to list CN=Deleted Objects, and the rights to create and write the "
        "group in its OU; only administrators have the first two by default."
    ),
)
_NOT_THERE = _Row(ValueConflict, "value-conflict", t("a value to remove is not there"), _READ_AGAIN)

_NO_MEMBER = _Row(
    Refused,
    "member-not-allowed",
    t("a group of this scope does not take this member, or a group with these members does not take this scope"),
    t(
        "A universal group takes accounts and contacts of the forest, global and universal "
        "groups; see the group's scope."
    ),
)

_BY_WINDOWS_ERROR: dict[tuple[int, int], _Row] = {
    # (LDAP result code, Windows error)
    (68, 0x0562): _THERE,
    (68, 0x0524): _ACCOUNT_NAME,
    (68, 0x0526): _ACCOUNT_NAME,
    (53, 0x0561): _NOT_THERE,
    (32, 0x0525): _REFERENCE,
    (19, 0x20B5): _REFERENCE,
    (53, 0x20B5): _REFERENCE,
    (16, 0x0057): _ATTRIBUTE,
    (80, 0x2095): _PARENT,
    (19, 0x2082): _Row(Refused, "value-out-of-range", t("a value is too long, too short or out of range")),
    (19, 0x21C8): _Row(EntryExists, "value-not-unique", t("another object has a value that must be unique")),
    **dict.fromkeys(((53, number) for number in (0x2143, 0x2144, 0x2145, 0x2146, 0x2147, 0x2148, 0x2165)), _NO_MEMBER),
    (1, 0x04DC): _Row(NoAccess, "not-bound", t("the server wants a successful bind first")),
}

_BY_OPERATION: dict[tuple[int, LdapOperation], _Row] = {
    # What the same LDAP result means depends on what was asked.
    (68, "modify"): _THERE,
    (32, "add"): _PARENT,
    (50, "delete"): _MAY_NOT_DELETE,
    (50, "undelete"): _MAY_NOT_REANIMATE,
}

_BY_TEXT: tuple[tuple[int, str, _Row], ...] = (
    # Samba 4.17 gives no Windows error here; its words are all there is.
    (53, "already deleted for target", _NOT_THERE),
    (53, "doesn't exist for target", _NOT_THERE),
    (16, "not found in the schema", _ATTRIBUTE),
    (68, "samaccountname", _ACCOUNT_NAME),
)

_BY_RESULT: dict[int, _Row] = {
    3: _Row(ServiceFailed, "incomplete-read", t("the server's time limit ended the search before its last entry")),
    4: _Row(ServiceFailed, "incomplete-read", t("the server's size limit ended the search before its last entry")),
    8: _Row(
        NoAccess,
        "stronger-sign-in-required",
        t("the server asks for signing: it takes the connection for one without TLS, or this sign-in for a weak one"),
        _SIGNING,
    ),
    10: _Row(
        Refused,
        "other-domain",
        t("the server does not hold this name and points elsewhere; referrals are never followed"),
        t(
            "Name an object of the domain controller's own domain, or a domain controller of the "
            "other domain in dc_host."
        ),
    ),
    11: _Row(ServiceFailed, "incomplete-read", t("an administrative limit of the server ended the operation")),
    12: _Row(ServiceFailed, "control-unsupported", t("the server does not support a control that is needed")),
    13: _Row(NoAccess, "stronger-sign-in-required", t("the server asks for an encrypted connection"), _SIGNING),
    16: _NOT_THERE,
    17: _ATTRIBUTE,
    19: _Row(ValueConflict, "value-conflict", t("the values would break a rule of the schema"), _READ_AGAIN),
    20: _Row(
        ValueConflict, "value-conflict", t("a value to add is there already, or only one is allowed"), _READ_AGAIN
    ),
    21: _Row(Refused, "value-malformed", t("a value does not have the attribute's syntax")),
    NO_SUCH_OBJECT: _Row(ObjectMissing, "object-missing", t("the object does not exist or is hidden from us"), _ASK),
    34: _Row(Refused, "malformed-dn", t("the server does not accept the name")),
    INVALID_CREDENTIALS: _Row(NoAccess, "bind-refused", t("the server refused user name and password")),
    50: _Row(
        RightsMissing,
        "insufficient-rights",
        t("this account may not do this"),
        t("Have the right delegated to the account, or take another account."),
    ),
    51: _Row(DirectoryUnavailable, "directory-unavailable", t("the server is busy"), t("Run again later.")),
    52: _Row(DirectoryUnavailable, "directory-unavailable", t("the server is not available"), t("Run again later.")),
    53: _Row(Refused, "directory-unwilling", t("the server refuses to do this")),
    64: _Row(Refused, "malformed-name", t("the server does not accept the name")),
    65: _Row(Refused, "schema-violation", t("the object's class does not allow this")),
    66: _Row(Refused, "not-empty", t("the object has objects below it")),
    67: _Row(Refused, "name-is-fixed", t("the naming attribute changes by renaming only")),
    68: _Row(EntryExists, "entry-exists", t("an object with this name exists already")),
    69: _Row(Refused, "schema-violation", t("the object's classes cannot be changed")),
    71: _Row(Refused, "other-domain", t("the operation would reach into another domain")),
}
_OTHER = _Row(ServiceFailed, "ldap-failed", t("the server could not do this"))

_BIND_REASONS: dict[int, tuple[str, Text, Text]] = {
    0x525: ("account-unknown", t("no such account"), t("Check the parameter bind_user.")),
    0x52E: ("wrong-password", t("wrong user name or password"), t("Check bind_user and the password's source.")),
    0x530: (
        "logon-hours",
        t("the account may not sign in at this hour"),
        t("Change its logon hours or run at another time."),
    ),
    0x531: (
        "logon-workstation",
        t("the account may not sign in from this computer"),
        t("Change its allowed workstations."),
    ),
    0x532: ("password-expired", t("the account's password has expired"), t("Set a new password.")),
    0x533: ("account-disabled", t("the account is disabled"), t("Have it enabled, or take another account.")),
    0x534: ("logon-type", t("the account may not sign in over the network"), t("Have the logon right granted.")),
    0x701: ("account-expired", t("the account has expired"), t("Have its expiry date changed.")),
    0x773: ("must-change-password", t("the account must change its password first"), t("Change it, then run again.")),
    0x775: ("locked-out", t("the account is locked out"), t("Have it unlocked, then check which password is in use.")),
    0x80090346: (
        "channel-binding",
        t("the server demands channel binding, and what it was given does not fit (80090346)"),
        t('If something on the way ends TLS, name the domain controller itself, or set bind_method to "password".'),
    ),
}

LONGEST_SAID = 1_000
"""Characters of what a controller says that are kept."""
_MOST_REFERRALS = 20
"""Addresses of a referral that are kept."""
_WINDOWS_ERROR = re.compile(r"\s*([0-9A-Fa-f]{8}):")
_BIND_DATA = re.compile(r"\bdata ([0-9A-Fa-f]+)\b")


def ldap_error_of(result: Mapping[str, object], *, operation: LdapOperation, dn: str = NOTHING) -> RunbookError:
    """The error for an LDAP result that is not a success.

    Args:
        result: ``result`` (LDAP code), ``description`` and ``message`` as ldap3 gives them.
        operation: What was asked.
        dn: The object it was asked for.
    """
    code, message = _code_and_message(result)
    if code == INVALID_CREDENTIALS:
        return bind_error(result)
    windows = windows_error(message)
    row = _row(code, windows, message, operation)
    said = t(" The server says: {message}", message=printable(message, limit=300)) if message else NOTHING
    urls = [
        scrubbed(str(url)) for url in islice(cast(Iterable[object], result.get("referrals") or ()), _MOST_REFERRALS)
    ]
    said += t(" It points to {urls}.", urls=printable(", ".join(urls), limit=300)) if urls else NOTHING
    return row.kind(
        t(
            "Active Directory would not {doing} {dn}: {reason} (LDAP result {code}).{said}",
            doing=_DOING[operation],
            dn=printable(dn),
            reason=row.reason,
            code=code,
            said=said,
        ),
        code=row.code,
        hint=row.hint,
        values={
            "operation": operation,
            "dn": dn,
            "result": code,
            "description": str(result.get("description") or ""),
            "windows_error": f"{windows:08X}" if windows is not None else "",
            "server_message": message,
            **({"referrals": urls} if urls else {}),
        },
    )


def _row(code: int, windows: int | None, message: str, operation: LdapOperation) -> _Row:
    if windows is not None and (row := _BY_WINDOWS_ERROR.get((code, windows))):
        return row
    lowered = message.lower()
    for number, part, row in _BY_TEXT:
        if number == code and part in lowered:
            return row
    return _BY_OPERATION.get((code, operation)) or _BY_RESULT.get(code, _OTHER)


def _code_and_message(result: Mapping[str, object], secrets: Iterable[str] = ()) -> tuple[int, str]:
    # AD ends its messages with a zero byte.
    said = str(result.get("message") or "").rstrip("\x00 \n")
    return int(str(result.get("result", -1))), scrubbed(said, secrets, limit=LONGEST_SAID)


def bind_error(
    result: Mapping[str, object], *, user: str = "", doubt: str = "", secrets: Iterable[str] = ()
) -> RunbookError:
    """The error for a refused bind, with AD's reason in words. Always code ``bind-refused`` for result 49.

    Args:
        result: As ``ldap_error_of``.
        user: Who signed in.
        doubt: What nobody sees in the password that was sent (``secrets.doubtful``).
        secrets: What was sent: never quoted, even if the server does.
    """
    code, message = _code_and_message(result, secrets)
    if code != INVALID_CREDENTIALS:
        return ldap_error_of({**result, "message": message}, operation="read", dn=t("the root DSE after signing in"))
    match = _BIND_DATA.search(message)
    sub_code = int(match.group(1), 16) if match else (windows_error(message) or 0)
    reason, title, hint = _BIND_REASONS.get(
        sub_code,
        ("refused", t("the server refused user name and password"), t("Check bind_user and the password's source.")),
    )
    who = f" as {printable(user)}" if user else ""
    return NoAccess(
        t("The domain controller refused to sign in{who}: {reason}.", who=who, reason=title),
        code="bind-refused",
        hint=t("{hint} The password that was sent {doubt}.", hint=hint, doubt=doubt) if doubt else hint,
        values={"user": user, "reason": reason, "sub_code": f"{sub_code:x}", "server_message": message},
    )


def windows_error(message: str) -> int | None:
    """The Windows error number at the start of AD's diagnostic message, or None."""
    match = _WINDOWS_ERROR.match(message)
    return int(match.group(1), 16) if match else None
