"""What the security accounts manager adds to groups and users: types and names ([MS-SAMR], section 3.1.1.8)."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.directory import failures
from rehearsal.directory.tree import Node, Tree
from rehearsal.directory.values import fold

SECURITY = 0x80000000
_SCOPES = 0x2 | 0x4 | 0x8
_BUILTIN_LOCAL = 0x1
_DEFAULT_GROUP_TYPE = b"-2147483646"
_NEVER = b"9223372036854775807"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_INVALID_IN_NAMES = set('"/\\[]:;|=,+*?<>')
_BUILTIN_DOMAIN = b"\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00"
"""How the SIDs of CN=Builtin's groups begin: S-1-5-32."""
_USER_NAME_LENGTH = 20
_ZERO_ON_USERS = (
    "pwdLastSet",
    "badPwdCount",
    "codePage",
    "countryCode",
    "badPasswordTime",
    "lastLogoff",
    "lastLogon",
    "logonCount",
)

_TYPE_OF_USER = {0x200: 0x30000000, 0x1000: 0x30000001, 0x2000: 0x30000001, 0x800: 0x30000002}


def is_account(classes: Sequence[str]) -> bool:
    """Whether objects of these classes carry a SID and an account name."""
    return bool({"group", "user"} & set(classes))


def default_name(guid: bytes) -> bytes:
    """``$XXXXXX-XXXXXXXXXXXX``, which AD makes up for a group or user that was given none."""
    number = int.from_bytes(guid, "big")
    digits = "".join(_ALPHABET[number >> shift & 31] for shift in range(0, 90, 5))
    return f"${digits[:6]}-{digits[6:]}".encode("ascii")


def set_defaults(draft: Node, *, enabled: bool) -> None:
    """Fill in what the creator left out. A user over LDAP begins disabled, without a password."""
    draft.attributes.setdefault("sAMAccountName", (default_name(draft.guid),))
    if "group" in draft.classes:
        draft.attributes.setdefault("groupType", (_DEFAULT_GROUP_TYPE,))
        return
    computer = "computer" in draft.classes
    control = 0x1000 if computer else 0x200
    fresh = b"%d" % (control if enabled else control | 0x22)
    defaults = {"userAccountControl": fresh, "primaryGroupID": b"515" if computer else b"513", "accountExpires": _NEVER}
    defaults |= dict.fromkeys(_ZERO_ON_USERS, b"0")
    for name, value in defaults.items():
        draft.attributes.setdefault(name, (value,))


def account_type(draft: Node) -> bytes:
    """sAMAccountType, from groupType or userAccountControl."""
    if "group" not in draft.classes:
        control = int(draft.text("userAccountControl") or "512")
        return b"%d" % next((kind for bit, kind in _TYPE_OF_USER.items() if control & bit), 0x30000000)
    kind = int(draft.text("groupType"))
    return b"%d" % ((0x20000000 if kind & 0x4 else 0x10000000) + (0 if kind & SECURITY else 1))


def check_account(tree: Tree, draft: Node, before: Node | None) -> None:
    """Check names and group type of a draft; ``before`` is the object as it was, None for a new one."""
    _check_names(tree, draft, before)
    if "group" in draft.classes:
        _check_group_type(draft, before)


def _check_names(tree: Tree, draft: Node, before: Node | None) -> None:
    name = draft.text("sAMAccountName")
    if before is None or name != before.text("sAMAccountName"):
        too_long = "user" in draft.classes and "computer" not in draft.classes and len(name) > _USER_NAME_LENGTH
        # 00000523: ERROR_INVALID_ACCOUNT_NAME.
        if too_long or _INVALID_IN_NAMES & set(name) or name.endswith(".") or not name.strip():
            message = "00000523: SysErr: DSID-031A1202, problem 22 (Invalid argument), data 0\n"
            raise failures.LdapError(failures.OTHER, message)
        if _taken(tree, draft, "sAMAccountName", name):
            raise failures.exists("00000524")
    principal = draft.text("userPrincipalName")
    if principal and _taken(tree, draft, "userPrincipalName", principal):
        raise failures.constraint("userPrincipalName", "000021C8")


def _taken(tree: Tree, draft: Node, attribute: str, name: str) -> bool:
    """Principal names are unique in the forest, account names in their domain."""
    others = (tree.nodes[guid] for guid in tree.indexed(attribute, fold(name)) if guid != draft.guid)
    alive = [other for other in others if not other.deleted]
    if attribute == "userPrincipalName":
        return bool(alive)
    own = tree.head(draft.parent or draft.guid)
    return any(tree.head(other.guid) == own for other in alive)


def _check_group_type(draft: Node, before: Node | None) -> None:
    """One scope; a change between global and domain local only by way of universal; built-in is nobody's to set."""
    after = int(draft.text("groupType") or "0")
    builtin = draft.attributes["objectSid"][0].startswith(_BUILTIN_DOMAIN)
    unknown = after & ~(_SCOPES | SECURITY | _BUILTIN_LOCAL) & 0xFFFFFFFF
    if (after & _SCOPES) not in {2, 4, 8} or unknown or bool(after & _BUILTIN_LOCAL) != builtin:
        raise failures.unwilling("00002141")
    if before is None:
        return
    old = int(before.text("groupType") or after) & _SCOPES
    if old != after & _SCOPES and 0x8 not in {old, after & _SCOPES}:
        raise failures.unwilling("00002141")
