"""Simple binds: which account a name means, and why AD refuses one ([MS-ADTS], section 5.1.1.1.1; [MS-ERREF], 2.2)."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

from rehearsal.directory import failures
from rehearsal.directory.state import DirectoryState, Domain
from rehearsal.directory.tree import Guid, Node
from rehearsal.directory.values import fold

_DISABLED, _NEVER_EXPIRES = 0x2, 0x10000
NEVER = 0x7FFFFFFFFFFFFFFF
"""A time that does not come."""
_NEVER = frozenset({0, NEVER})
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def file_time(moment: datetime) -> int:
    """A time as pwdLastSet, accountExpires and lockoutTime hold it: units of 100 nanoseconds since 1601."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


def authenticate(state: DirectoryState, name: str, password: str, *, workstation: str) -> Guid:
    """The account of a simple bind by UPN, DN or ``DOMAIN\\user``.

    Args:
        workstation: Where the account logs on: with a simple bind, the controller's own name.

    Raises:
        LdapError: 49, with the reason that Windows gives once the password fits.
    """
    account = account_of(state, name)
    if account is None and "=" in name:
        raise failures.bind_refused("525")
    known = state.passwords.get(account.guid) if account is not None else None
    if account is not None and _number(account, "lockoutTime"):
        raise failures.bind_refused("775")
    if account is None or known is None or not hmac.compare_digest(known.encode(), password.encode("utf-8", "replace")):
        raise failures.bind_refused()
    reason = _restriction(state, account, workstation)
    if reason:
        raise failures.bind_refused(reason)
    return account.guid


def account_of(state: DirectoryState, name: str) -> Node | None:
    """The account of a bind name (UPN, DN or ``DOMAIN\\user``), None where there is none."""
    netbios, backslash, sam = name.partition("\\")
    if backslash and "=" not in netbios:
        return _named(state, netbios, sam)
    if "@" in name and "=" not in name:
        local, _, domain = name.rpartition("@")
        return _one(state, "userPrincipalName", name) or _named(state, domain, local)
    try:
        return state.tree.find(name)
    except ValueError:
        return None


def _named(state: DirectoryState, domain: str, sam: str) -> Node | None:
    """By account name, which is unique in its domain only."""
    asked = domain.lower()
    found = next((item for item in state.domains if asked in {item.name.lower(), item.netbios.lower()}), None)
    return _one(state, "sAMAccountName", sam, found) if found is not None else None


def _one(state: DirectoryState, attribute: str, text: str, domain: Domain | None = None) -> Node | None:
    nodes = (state.tree.nodes[guid] for guid in state.tree.indexed(attribute, fold(text)))
    fits = (node for node in nodes if domain is None or state.domain_at(state.tree.head(node.guid)) == domain)
    return next((node for node in fits if not node.deleted), None)


def _restriction(state: DirectoryState, account: Node, workstation: str) -> str:
    """Why an account may not log on although its password fits; empty where it may."""
    control = _number(account, "userAccountControl")
    now = state.clock()
    expires = _number(account, "accountExpires")
    allowed = {name.strip().lower() for name in account.text("userWorkstations").split(",")} - {""}
    if control & _DISABLED:
        return "533"
    if expires not in _NEVER and expires <= file_time(now):
        return "701"
    if not _within_hours(account, now):
        return "530"
    if allowed and workstation.lower() not in allowed:
        return "531"
    expiry = password_expiry(state, account)
    return "773" if not expiry else "532" if expiry <= file_time(now) else ""


def password_expiry(state: DirectoryState, account: Node) -> int:
    """When the password expires, as a file time: 0 for one that must be changed, ``NEVER`` for one that does not.

    [MS-ADTS], section 3.1.1.4.5.32, without password settings objects.
    """
    if _number(account, "userAccountControl") & _NEVER_EXPIRES or "pwdLastSet" not in account.attributes:
        return NEVER
    changed = _number(account, "pwdLastSet")
    longest = -_number(state.node(state.domain_of(account.guid).base_dn), "maxPwdAge")
    return changed + longest if changed and longest > 0 else NEVER if changed else 0


def _within_hours(account: Node, now: datetime) -> bool:
    """logonHours: a bit for each hour of the week in UTC, Sunday's first hour the lowest."""
    hours = account.attributes.get("logonHours", (b"",))[0]
    if len(hours) != 21:
        return True
    moment = now.astimezone(UTC)
    number = moment.isoweekday() % 7 * 24 + moment.hour
    return bool(hours[number // 8] >> number % 8 & 1)


def _number(node: Node, name: str) -> int:
    return int(node.text(name) or "0")


def renew_passwords(state: DirectoryState, now: datetime) -> None:
    """Make passwords as old as ``now`` that were set when the store was filled, by the clock of that time."""
    filled, renewed = str(file_time(state.clock())).encode(), str(file_time(now)).encode()
    for guid in state.passwords:
        node = state.tree.nodes[guid]
        if node.attributes.get("pwdLastSet") == (filled,):
            draft = node.copy()
            draft.attributes["pwdLastSet"] = (renewed,)
            state.commit(draft)
