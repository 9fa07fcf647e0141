"""The policies of AD object enforcement, and whom they leave to write (``model.enforcement`` has the source).

The documentation calls the policy object ``CN=Cloud``; a third party's script names another. So every object in the
container is read. The mode is a keyword of the object; where none shows, it is unknown.
"""

from __future__ import annotations

import re

from runbook_lib.directory.connection import Directory
from runbook_lib.directory.entry import in_domain, sid_bytes
from runbook_lib.directory.errors import ObjectMissing, RightsMissing
from runbook_lib.directory.filters import ANY_OBJECT, any_of, bytes_equal
from runbook_lib.directory.rights.account import read_account
from runbook_lib.errors import NoAccess
from runbook_lib.model.enforcement import NO_ENFORCEMENT, Enforcement, policy_of

_CONTAINER = "CN=SOA-Policies,CN=System"
_KEYWORDS, _SETTINGS = "keywords", "msDS-Settings"
_SID = re.compile(r"S-1-[0-9]{1,10}(-[0-9]{1,10}){1,15}", re.IGNORECASE)


def read_enforcement(directory: Directory) -> Enforcement:
    """The policies of the domain, and the account that writes where there is one to compare.

    Raises:
        RunbookError: The directory does not answer.
    """
    container = f"{_CONTAINER},{directory.controller.default_naming_context}"
    try:
        found = list(directory.search(container, ANY_OBJECT, ("objectClass", _KEYWORDS, _SETTINGS), scope="one"))
    except ObjectMissing:
        return NO_ENFORCEMENT
    except RightsMissing:
        return Enforcement(why_unknown=f"this account may not read {container}")
    if not found:
        return NO_ENFORCEMENT
    stale = _stale(directory, [value for entry in found for value in entry.texts(_SETTINGS)])
    policies = tuple(
        policy_of(entry.dn, entry.texts(_KEYWORDS), entry.texts(_SETTINGS), _is_sid, stale)
        for entry in sorted(found, key=lambda entry: entry.dn)
    )
    try:
        account = read_account(directory)
    except NoAccess as error:
        return Enforcement(policies, why_unknown=error.message.rstrip("."))
    return Enforcement(policies, account.sid, account.token)


def _is_sid(text: str) -> bool:
    return _SID.fullmatch(text) is not None


def _stale(directory: Directory, values: list[str]) -> frozenset[str]:
    """SIDs of this domain that no object has any more; those of others cannot be looked up here."""
    dc = directory.controller
    ours = sorted(
        {text.upper() for value in values if _is_sid(text := value.strip()) and in_domain(text, dc.domain_sid)}
    )
    if not ours:
        return frozenset()
    wanted = any_of(*(bytes_equal("objectSid", sid_bytes(sid)) for sid in ours))
    there = {(entry.sid or "").upper() for entry in directory.search(dc.default_naming_context, wanted, ("objectSid",))}
    return frozenset(ours) - there
